//! What the parts of a text stand for: the visitor of OmegaConf's grammar, `grammar_visitor.py`.

use crate::error::{Kind, Outcome, Problem};
use crate::interpolation::{self, Argument, Ask, Element, Interpolation, Part};
use crate::resolve::{Evaluation, Resolved, within_interpolation};
use crate::tree::Id;
use crate::tree::Raw;

/// Characters filled in, in all: what a text that doubles itself may grow to.
const MAX_CHARACTERS: usize = 8 << 20;

impl Evaluation<'_> {
    /// A single interpolation is worth what it stands for; anything else is text.
    pub(super) fn composite(&mut self, node: Id, parts: &[Part]) -> Outcome<Resolved> {
        if let [Part::Interpolation(one)] = parts {
            return self.interpolation(node, one);
        }
        self.joined(node, parts).map(|text| Resolved::Raw(Raw::Text(text)))
    }

    fn joined(&mut self, node: Id, parts: &[Part]) -> Outcome<String> {
        let mut joined = String::new();
        for part in parts {
            match part {
                Part::Text(text) => joined.push_str(text),
                Part::Interpolation(one) => {
                    let worth = self.interpolation(node, one)?;
                    let worth = self.raw_of(&worth);
                    joined.push_str(&self.text_of(&worth));
                }
            }
            self.check_length(joined.len())?;
        }
        self.characters += joined.len();
        Ok(joined)
    }

    fn check_length(&self, more: usize) -> Outcome<()> {
        if self.characters.saturating_add(more) > MAX_CHARACTERS {
            return Err(Problem::new(format!(
                "more than {MAX_CHARACTERS} characters are filled in"
            )));
        }
        Ok(())
    }

    fn interpolation(&mut self, node: Id, one: &Interpolation) -> Outcome<Resolved> {
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
                    .collect::<Outcome<Vec<_>>>()?;
                let written: Vec<&str> =
                    arguments.iter().map(|Argument { written, .. }| written.as_str()).collect();
                self.call(node, &name, &values, &written)
            }
        }
    }

    /// A key or a name: what is filled in has to be text.
    fn name(&mut self, node: Id, parts: &[Part], separator: &str, what: &str) -> Outcome<String> {
        let mut names = Vec::new();
        for part in parts {
            match part {
                Part::Text(text) => names.push(text.clone()),
                Part::Interpolation(one) => {
                    let worth = self.interpolation(node, one)?;
                    match self.raw_of(&worth) {
                        Raw::Text(text) => names.push(text),
                        other => {
                            let found = self.tree.text_of(&other);
                            return Err(Problem::new(format!(
                                "{what} has to be text, and {found} isn't; quote it where it is set"
                            )));
                        }
                    }
                }
            }
        }
        Ok(names.join(separator))
    }

    /// `${a.b}`: another node, but none that this one is in.
    fn key(&mut self, node: Id, key: &str) -> Outcome<Resolved> {
        let parent = self.parent(node)?;
        let found = self.select(parent, key, true).map_err(|problem| match problem.kind {
            Kind::Missing => Problem { kind: Kind::ReachesMissing, ..problem },
            _ => problem,
        })?;
        match found {
            None => Err(Problem::new(format!("there is no key {key}{}", self.hint(key)))),
            Some(Resolved::Node(target))
                if self.tree.ancestors(parent).any(|above| above == target) =>
            {
                Err(Problem::new(format!("${{{key}}} holds this very value")))
            }
            Some(found) => Ok(found),
        }
    }

    /// A remedy for a key that looks like a variable of the shell.
    fn hint(&self, key: &str) -> String {
        match (self.environment)(key) {
            Some(_) => format!("; the variable of the environment is ${{oc.env:{key}}}"),
            None => String::new(),
        }
    }

    fn element(&mut self, node: Id, element: &Element) -> Outcome<Raw> {
        match element {
            Element::Literal(literal) => Ok(Raw::from(literal)),
            Element::Composite(parts) => {
                self.composite(node, parts).map(|worth| self.raw_of(&worth))
            }
            Element::Quoted(parts) => self.joined(node, parts).map(Raw::Text),
            Element::List(items) => items
                .iter()
                .map(|item| self.element(node, item))
                .collect::<Outcome<_>>()
                .map(Raw::List),
            Element::Map(pairs) => {
                let pair =
                    |(key, value): &(_, _)| Ok((Clone::clone(key), self.element(node, value)?));
                pairs.iter().map(pair).collect::<Outcome<_>>().map(Raw::Map)
            }
        }
    }

    /// Evaluates one value of the language, as `oc.decode` does.
    pub(super) fn decode(&mut self, node: Id, text: &str) -> Outcome<Raw> {
        let element = interpolation::parse_element(text)
            .map_err(|error| Problem::new(error.problem).in_text(text, error.at))?;
        self.element(node, &element).map_err(within_interpolation)
    }
}
