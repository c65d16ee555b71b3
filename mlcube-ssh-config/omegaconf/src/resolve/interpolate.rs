//! Evaluates the parts of a text: the visitor of OmegaConf's grammar, `grammar_visitor.py`.

use crate::error::{Error, ErrorKind, Result};
use crate::interpolation::{self, Argument, Ask, Element, Interpolation, Part};
use crate::resolve::{OmegaConf, Resolved, within_interpolation};
use crate::tree::{NodeId, Raw};

/// The most characters that all interpolations together may fill in: a text that doubles itself has no other end.
const MAX_CHARACTERS: usize = 8 << 20;

impl OmegaConf<'_> {
    /// Evaluates a text. A single interpolation keeps the type of its value; anything else is text.
    pub(super) fn composite(&mut self, node: NodeId, parts: &[Part]) -> Result<Resolved> {
        if let [Part::Interpolation(one)] = parts {
            return self.interpolation(node, one);
        }
        self.joined(node, parts).map(|text| Resolved::Raw(Raw::Text(text)))
    }

    fn joined(&mut self, node: NodeId, parts: &[Part]) -> Result<String> {
        let mut joined = String::new();
        for part in parts {
            match part {
                Part::Text(text) => joined.push_str(text),
                Part::Interpolation(one) => {
                    let found = self.interpolation(node, one)?;
                    let found = self.raw_of(&found);
                    joined.push_str(&self.text_of(&found));
                }
            }
            self.check_length(joined.len())?;
        }
        self.characters += joined.len();
        Ok(joined)
    }

    fn check_length(&self, more: usize) -> Result<()> {
        if self.characters.saturating_add(more) > MAX_CHARACTERS {
            return Err(Error::new(format!("more than {MAX_CHARACTERS} characters are filled in")));
        }
        Ok(())
    }

    fn interpolation(&mut self, node: NodeId, one: &Interpolation) -> Result<Resolved> {
        match &one.ask {
            Ask::Key(parts) => {
                let key = self.name(node, parts, "", "a key")?;
                self.key(node, &key)
            }
            Ask::Resolver { name, arguments } => {
                let name = self.name(node, name, ".", "a resolver's name")?;
                let values = arguments
                    .iter()
                    .map(|argument| self.element(node, &argument.element))
                    .collect::<Result<Vec<_>>>()?;
                let written: Vec<&str> =
                    arguments.iter().map(|Argument { written, .. }| written.as_str()).collect();
                self.call(node, &name, &values, &written)
            }
        }
    }

    /// Evaluates a key or a name; the values in it must be texts.
    fn name(
        &mut self,
        node: NodeId,
        parts: &[Part],
        separator: &str,
        what: &str,
    ) -> Result<String> {
        let mut names = Vec::new();
        for part in parts {
            match part {
                Part::Text(text) => names.push(text.clone()),
                Part::Interpolation(one) => {
                    let found = self.interpolation(node, one)?;
                    match self.raw_of(&found) {
                        Raw::Text(text) => names.push(text),
                        other => {
                            let found = self.tree.text_of(&other);
                            return Err(Error::new(format!(
                                "{what} has to be text, and {found} isn't; quote it where it is set"
                            )));
                        }
                    }
                }
            }
        }
        Ok(names.join(separator))
    }

    /// Evaluates `${a.b}`: another node, which mustn't contain this one.
    fn key(&mut self, node: NodeId, key: &str) -> Result<Resolved> {
        let parent = self.parent(node)?;
        let found = self.select(parent, key, true).map_err(|problem| match problem.kind() {
            ErrorKind::MissingMandatoryValue => {
                problem.with_kind(ErrorKind::InterpolationToMissingValue)
            }
            _ => problem,
        })?;
        match found {
            None => Err(Error::new(format!("there is no key {key}{}", self.hint(key)))),
            Some(Resolved::Node(target))
                if self.tree.ancestors(parent).any(|above| above == target) =>
            {
                Err(Error::new(format!("${{{key}}} contains this value")))
            }
            Some(found) => Ok(found),
        }
    }

    /// The hint for a key that looks like a variable of the shell.
    fn hint(&self, key: &str) -> String {
        match (self.environment)(key) {
            Some(_) => format!("; the variable of the environment is ${{oc.env:{key}}}"),
            None => String::new(),
        }
    }

    fn element(&mut self, node: NodeId, element: &Element) -> Result<Raw> {
        match element {
            Element::Literal(literal) => Ok(Raw::from(literal)),
            Element::Composite(parts) => {
                self.composite(node, parts).map(|found| self.raw_of(&found))
            }
            Element::Quoted(parts) => self.joined(node, parts).map(Raw::Text),
            Element::List(items) => items
                .iter()
                .map(|item| self.element(node, item))
                .collect::<Result<_>>()
                .map(Raw::List),
            Element::Map(pairs) => {
                let pair =
                    |(key, value): &(_, _)| Ok((Clone::clone(key), self.element(node, value)?));
                pairs.iter().map(pair).collect::<Result<_>>().map(Raw::Map)
            }
        }
    }

    /// Evaluates one value of the language, as `oc.decode` does.
    pub(super) fn decode(&mut self, node: NodeId, text: &str) -> Result<Raw> {
        let element = interpolation::parse_element(text)
            .map_err(|error| Error::new(error.problem).in_text(text, error.at))?;
        self.element(node, &element).map_err(within_interpolation)
    }
}
