//! What follows `${`: a path to another key, or the name of a resolver.

use super::{Parsed, Parser};
use crate::interpolation::lexer::Kind;
use crate::interpolation::syntax::{Ask, Interpolation, Part};

impl Parser<'_> {
    /// `interpolation: interpolationNode | interpolationResolver`
    pub(super) fn interpolation(&mut self) -> Parsed<Interpolation> {
        let start = self.place();
        self.expect(Kind::InterOpen, "'${' is missing here")?;
        let ask = self.key_path()?;
        let (ask, close) = match (self.peek(), ask) {
            (Some(Kind::Colon), Path { parts, names: Some(name) }) if !parts.is_empty() => {
                self.expect(Kind::Colon, "':' is missing here")?;
                (
                    Ask::Resolver { name, arguments: self.sequence(Kind::BraceClose)? },
                    Kind::BraceClose,
                )
            }
            (_, Path { parts, .. }) => (Ask::Key(parts), Kind::InterClose),
        };
        self.expect(close, "'}' is missing, or this isn't allowed here")?;
        let end = self.tokens[self.next - 1].end;
        Ok(Interpolation { ask, start, end })
    }

    /// The path of `interpolationNode`. If it consists of names and single dots, it may be a resolver's name, too.
    fn key_path(&mut self) -> Parsed<Path> {
        let mut path = Path { parts: Vec::new(), names: Some(Vec::new()) };
        while self.take_if(|kind| kind == Kind::Dot).is_some() {
            path.parts.push(Part::Text(".".to_owned()));
            path.names = None;
        }
        loop {
            if self.take_if(|kind| kind == Kind::BracketOpen).is_some() {
                path.push("[", None);
                let (key, _) = self.config_key()?;
                path.parts.push(key);
                self.expect(Kind::BracketClose, "']' is missing here")?;
                path.push("]", None);
            } else {
                let (key, is_name) = self.config_key()?;
                path.names = path.names.filter(|_| is_name);
                path.key(key);
            }
            match self.peek() {
                Some(Kind::Dot) if self.peek_at(1) != Some(Kind::BracketOpen) => {
                    self.next += 1;
                    path.parts.push(Part::Text(".".to_owned()));
                }
                Some(Kind::BracketOpen) => {}
                _ => return Ok(path),
            }
        }
    }

    /// `configKey: interpolation | ID | INTER_KEY`, and whether it may be part of a resolver's name.
    fn config_key(&mut self) -> Parsed<(Part, bool)> {
        if self.peek() == Some(Kind::InterOpen) {
            return Ok((Part::Interpolation(self.nested(Self::interpolation)?), true));
        }
        let token = self
            .take_if(|kind| matches!(kind, Kind::Id | Kind::InterKey))
            .ok_or_else(|| self.error("a key is missing here"))?;
        Ok((Part::Text(self.slice(token).to_owned()), token.kind == Kind::Id))
    }
}

/// A path, and the same as a resolver's name, if it can be one.
struct Path {
    parts: Vec<Part>,
    names: Option<Vec<Part>>,
}

impl Path {
    fn push(&mut self, text: &str, names: Option<Vec<Part>>) {
        self.parts.push(Part::Text(text.to_owned()));
        self.names = names;
    }

    fn key(&mut self, key: Part) {
        if let Some(names) = &mut self.names {
            names.push(key.clone());
        }
        self.parts.push(key);
    }
}
