//! Values: the arguments of a resolver, between its commas.

use super::{Parsed, Parser, is_literal, is_map_key, is_primitive, is_text};
use crate::interpolation::escape::{Next, unescape};
use crate::interpolation::lexer::{Kind, Token};
use crate::interpolation::syntax::{Argument, Element, Literal, Part, SyntaxError};
use crate::yaml::{parse_float, parse_int};

impl Parser<'_> {
    /// `element: primitive | quotedValue | listContainer | dictContainer`
    pub(super) fn element(&mut self) -> Parsed<Element> {
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
    pub(super) fn sequence(&mut self, close: Kind) -> Parsed<Vec<Argument>> {
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
}
