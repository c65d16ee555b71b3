//! From tokens to a tree: one function for each rule of `OmegaConfGrammarParser.g4`.

mod element;
mod path;

use super::escape::{Next, unescape};
use super::lexer::{Kind, Token};
use super::syntax::{Element, MAX_DEPTH, Part, SyntaxError};

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
            Err(self.error("this isn't allowed here"))
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
