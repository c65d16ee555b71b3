//! The origin of a value: its source, and the line.

/// A text that sets values, such as a file or a word of the command line.
///
/// [`Tree::add_source`](crate::Tree::add_source) makes one and remembers its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source(usize);

/// The origin of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A default of the program.
    Default,
    /// Made by the program.
    Computed,
    /// Written in a source at this line, counted from 1; 0 for a source without lines.
    Written(Source, u32),
}

impl Origin {
    /// Returns the source, if the value was written in one.
    #[must_use]
    pub fn source(self) -> Option<Source> {
        match self {
            Self::Default | Self::Computed => None,
            Self::Written(source, _) => Some(source),
        }
    }
}

/// The sources and their names.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    names: Vec<String>,
    traced: Vec<Source>,
}

impl Sources {
    pub(crate) fn add(&mut self, name: String) -> Source {
        self.names.push(name);
        Source(self.names.len() - 1)
    }

    pub(crate) fn trace(&mut self, source: Source) {
        self.traced.push(source);
    }

    pub(crate) fn is_traced(&self, origin: Origin) -> bool {
        origin.source().is_some_and(|source| self.traced.contains(&source))
    }

    /// The source and the line: `settings.yaml:12`.
    pub(crate) fn place(&self, origin: Origin) -> String {
        match origin {
            Origin::Default => "default".to_owned(),
            Origin::Computed => "computed".to_owned(),
            Origin::Written(Source(number), line) => {
                let name = self.names.get(number).map_or("", String::as_str);
                if line == 0 { name.to_owned() } else { format!("{name}:{line}") }
            }
        }
    }
}
