//! From text to tokens: the rules and modes of `OmegaConfGrammarLexer.g4`. The longest match wins, then the first.

mod rules;
mod token;

use super::syntax::{MAX_DEPTH, SyntaxError};
use rules::{interpolation_token, quoted_token, text_token, value_token};
pub(super) use token::{Kind, Token};

/// The rules in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Text at the top.
    Text,
    /// After `${`, up to a colon.
    Interpolation,
    /// A resolver's arguments.
    Value,
    /// Between quotes of this kind.
    Quoted(char),
}

/// Cuts a text into tokens.
pub(super) fn tokens(text: &str, mode: Mode) -> Result<Vec<Token>, SyntaxError> {
    let mut lexer = Lexer { modes: vec![mode] };
    let mut tokens = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let (kind, length) = lexer
            .next(&text[start..])
            .ok_or(SyntaxError { problem: "this isn't allowed here", at: start })?;
        lexer.follow(kind, &text[start..]).map_err(|problem| SyntaxError { problem, at: start })?;
        tokens.push(Token { kind, start, end: start + length });
        start += length;
    }
    Ok(tokens)
}

struct Lexer {
    /// The last mode is in force; the first is never left.
    modes: Vec<Mode>,
}

impl Lexer {
    fn mode(&self) -> Mode {
        self.modes.last().copied().unwrap_or(Mode::Text)
    }

    /// The token that a text begins with, and its length in bytes.
    fn next(&self, text: &str) -> Option<(Kind, usize)> {
        match self.mode() {
            Mode::Text => text_token(text, Kind::TopEscape, |_| false),
            Mode::Quoted(quote) => quoted_token(text, quote),
            Mode::Interpolation => interpolation_token(text),
            Mode::Value => value_token(text),
        }
    }

    /// Changes the mode, as the grammar says for this token.
    fn follow(&mut self, kind: Kind, text: &str) -> Result<(), &'static str> {
        let mode = self.mode();
        match kind {
            Kind::InterOpen => self.modes.push(Mode::Interpolation),
            Kind::BraceOpen => self.modes.push(Mode::Value),
            Kind::QuoteOpen => {
                self.modes.push(Mode::Quoted(if text.starts_with('"') { '"' } else { '\'' }));
            }
            Kind::Colon if mode == Mode::Interpolation => {
                self.modes.pop();
                self.modes.push(Mode::Value);
            }
            Kind::InterClose | Kind::BraceClose | Kind::QuoteClose => {
                self.modes.pop();
            }
            _ => {}
        }
        match self.modes.len() {
            0 => Err("this closes what wasn't opened"),
            // Every level of the grammar is at most one mode or a bracket; brackets are counted by the parser.
            levels if levels > 2 * MAX_DEPTH => Err("this is nested too deeply"),
            _ => Ok(()),
        }
    }
}
