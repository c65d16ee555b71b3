//! From tokens to a tree: one function for each rule of `OmegaConfGrammarParser.g4`.

use super::escape::{Next, unescape};
use super::lexer::{Kind, Token};
use super::{Argument, Ask, Element, Interpolation, Literal, MAX_DEPTH, Part, SyntaxError};
use crate::yaml::{parse_float, parse_int};

type Parsed<T> = Result<T, SyntaxError>;

pub(super) struct Parser<'a> {
    text: &'a str,
    tokens: &'a [Token],
    next: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, tokens: &'a [Token]) -> Self {
        Self { text, tokens, next: 0, depth: 0 }
    }

    /// `configValue: text EOF`
    pub(super) fn config_value(mut self) -> Parsed<Vec<Part>> {
        let parts = self.parts(is_text)?;
        if parts.is_empty() {
            return Err(self.error("there is no text"));
        }
        self.end().map(|()| parts)
    }

    /// `singleElement: element EOF`
    pub(super) fn single_element(mut self) -> Parsed<Element> {
        let element = self.element()?;
        self.end().map(|()| element)
    }

    /// `element: primitive | quotedValue | listContainer | dictContainer`
    fn element(&mut self) -> Parsed<Element> {
        match self.peek() {
            Some(Kind::QuoteOpen) => self.nested(Self::quoted),
            Some(Kind::BracketOpen) => self.nested(Self::list),
            Some(Kind::BraceOpen) => self.nested(Self::map),
            _ => self.primitive(),
        }
    }

    /// `primitive: (ID | NULL | INT | … | interpolation)+`
    fn primitive(&mut self) -> Parsed<Element> {
        if self.is_single(is_primitive)
            && let Some(token) = self.take_if(is_literal)
        {
            return self.literal(token).map(Element::Literal);
        }
        let parts = self.parts(is_primitive)?;
        if parts.is_empty() {
            Err(self.error("a value is missing here"))
        } else {
            Ok(Element::Composite(parts))
        }
    }

    /// `quotedValue: (QUOTE_OPEN_SINGLE | QUOTE_OPEN_DOUBLE) text? MATCHING_QUOTE_CLOSE`
    fn quoted(&mut self) -> Parsed<Element> {
        self.expect(Kind::QuoteOpen, "a quote is missing here")?;
        let parts = self.parts(is_text)?;
        self.expect(Kind::QuoteClose, "the closing quote is missing")?;
        Ok(Element::Quoted(parts))
    }

    /// `listContainer: BRACKET_OPEN sequence? BRACKET_CLOSE`
    fn list(&mut self) -> Parsed<Element> {
        self.expect(Kind::BracketOpen, "'[' is missing here")?;
        let items = self.sequence(Kind::BracketClose)?;
        self.expect(Kind::BracketClose, "']' or ',' is missing here")?;
        Ok(Element::List(items.into_iter().map(|item| item.element).collect()))
    }

    /// `dictContainer: BRACE_OPEN (dictKeyValuePair (COMMA dictKeyValuePair)*)? BRACE_CLOSE`
    fn map(&mut self) -> Parsed<Element> {
        self.expect(Kind::BraceOpen, "'{' is missing here")?;
        let mut pairs = Vec::new();
        while self.peek() != Some(Kind::BraceClose) {
            if !pairs.is_empty() {
                self.expect(Kind::Comma, "'}' or ',' is missing here")?;
            }
            let key = self.map_key()?;
            self.expect(Kind::Colon, "':' is missing here")?;
            pairs.push((key, self.element()?));
        }
        self.expect(Kind::BraceClose, "'}' is missing here")?;
        Ok(Element::Map(pairs))
    }

    /// `dictKey`: as a primitive, without colons and interpolations.
    fn map_key(&mut self) -> Parsed<Literal> {
        if self.is_single(is_map_key)
            && let Some(token) = self.take_if(is_literal)
        {
            return self.literal(token);
        }
        match self.parts(is_map_key)?.pop() {
            Some(Part::Text(text)) => Ok(Literal::Text(text)),
            _ => Err(self.error("a key is missing here")),
        }
    }

    /// `sequence: (element (COMMA element?)*) | (COMMA element?)+`; what is missing between commas is empty text.
    fn sequence(&mut self, close: Kind) -> Parsed<Vec<Argument>> {
        let mut items = Vec::new();
        if self.peek() == Some(close) {
            return Ok(items);
        }
        loop {
            items.push(self.argument(close)?);
            if self.take_if(|kind| kind == Kind::Comma).is_none() {
                return Ok(items);
            }
        }
    }

    fn argument(&mut self, close: Kind) -> Parsed<Argument> {
        if matches!(self.peek(), Some(kind) if kind == Kind::Comma || kind == close) {
            return Ok(Argument {
                element: Element::Literal(Literal::Text(String::new())),
                written: String::new(),
            });
        }
        let start = self.place();
        let element = self.element()?;
        let end = self
            .next
            .checked_sub(1)
            .and_then(|last| self.tokens.get(last))
            .map_or(start, |token| token.end);
        Ok(Argument { element, written: self.text[start..end].to_owned() })
    }

    /// `interpolation: interpolationNode | interpolationResolver`
    fn interpolation(&mut self) -> Parsed<Interpolation> {
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
        self.expect(close, "'}' is missing, or this can't stand here")?;
        let end = self.tokens[self.next - 1].end;
        Ok(Interpolation { ask, start, end })
    }

    /// The path of `interpolationNode`, which is a resolver's name as well when it has names and single dots only.
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

    /// Tokens and interpolations while they are `wanted`: characters are joined, backslashes taken out.
    fn parts(&mut self, wanted: impl Fn(Kind) -> bool) -> Parsed<Vec<Part>> {
        let mut parts = Vec::new();
        while let Some(kind) = self.peek().filter(|&kind| wanted(kind)) {
            if kind == Kind::InterOpen {
                parts.push(Part::Interpolation(self.nested(Self::interpolation)?));
                continue;
            }
            let token = self.tokens[self.next];
            self.next += 1;
            let next = match self.peek() {
                Some(Kind::InterOpen) if wanted(Kind::InterOpen) => Next::Interpolation,
                Some(kind) if wanted(kind) => Next::Token,
                _ => Next::End,
            };
            let text = unescape(kind, self.slice(token), next);
            match parts.last_mut() {
                Some(Part::Text(before)) => before.push_str(&text),
                _ => parts.push(Part::Text(text)),
            }
        }
        Ok(parts)
    }

    fn literal(&self, token: Token) -> Parsed<Literal> {
        let text = self.slice(token);
        let too_large = SyntaxError { problem: "this number is too large", at: token.start };
        Ok(match token.kind {
            Kind::Null => Literal::Null,
            Kind::Bool => Literal::Bool(text.eq_ignore_ascii_case("true")),
            Kind::Int => Literal::Int(parse_int(text, 10).ok_or(too_large)?),
            Kind::Float => Literal::Float(parse_float(text).ok_or(too_large)?),
            Kind::Blanks => {
                return Err(SyntaxError {
                    problem: "blanks alone are no value; quote them",
                    at: token.start,
                });
            }
            kind => Literal::Text(unescape(kind, text, Next::End)),
        })
    }

    /// Goes one level down.
    fn nested<T>(&mut self, rule: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error("this is nested too deeply"));
        }
        self.depth += 1;
        let parsed = rule(self);
        self.depth -= 1;
        parsed
    }

    /// Whether the next token is the only one of a run of `wanted` tokens.
    fn is_single(&self, wanted: impl Fn(Kind) -> bool) -> bool {
        !self.peek_at(1).is_some_and(wanted)
    }

    fn peek(&self) -> Option<Kind> {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> Option<Kind> {
        self.tokens.get(self.next + ahead).map(|token| token.kind)
    }

    fn take_if(&mut self, wanted: impl Fn(Kind) -> bool) -> Option<Token> {
        let token = self.tokens.get(self.next).copied().filter(|token| wanted(token.kind))?;
        self.next += 1;
        Some(token)
    }

    fn expect(&mut self, kind: Kind, problem: &'static str) -> Parsed<()> {
        self.take_if(|found| found == kind).map(|_| ()).ok_or_else(|| self.error(problem))
    }

    fn end(&self) -> Parsed<()> {
        if self.next == self.tokens.len() {
            Ok(())
        } else {
            Err(self.error("this can't stand here"))
        }
    }

    fn slice(&self, token: Token) -> &'a str {
        &self.text[token.start..token.end]
    }

    fn place(&self) -> usize {
        self.tokens.get(self.next).map_or(self.text.len(), |token| token.start)
    }

    fn error(&self, problem: &'static str) -> SyntaxError {
        SyntaxError { problem, at: self.place() }
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

fn is_text(kind: Kind) -> bool {
    use Kind::{Escape, EscapedInter, InterOpen, Plain, QuotedEscape, TopEscape};
    matches!(kind, InterOpen | Plain | Escape | EscapedInter | TopEscape | QuotedEscape)
}

fn is_primitive(kind: Kind) -> bool {
    is_map_key(kind) || matches!(kind, Kind::Colon | Kind::InterOpen)
}

fn is_map_key(kind: Kind) -> bool {
    use Kind::{Blanks, Bool, Escape, Float, Id, Int, Null, Unquoted};
    matches!(kind, Id | Null | Int | Float | Bool | Unquoted | Escape | Blanks)
}

/// A token that is a value on its own.
fn is_literal(kind: Kind) -> bool {
    is_map_key(kind) || kind == Kind::Colon
}
