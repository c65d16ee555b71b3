//! From text to tokens: the rules and modes of `OmegaConfGrammarLexer.g4`. The longest match wins, then the first.

use super::scan::{backslashes, blanks, escapes, float, identifier, int, key, plain};
use super::{MAX_DEPTH, SyntaxError};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    InterOpen,
    InterClose,
    BraceOpen,
    BraceClose,
    BracketOpen,
    BracketClose,
    Comma,
    Colon,
    Dot,
    Id,
    InterKey,
    Null,
    Bool,
    Int,
    Float,
    /// One of `/ - \ + . $ % * @ ?`.
    Unquoted,
    /// Escaped characters.
    Escape,
    Blanks,
    QuoteOpen,
    QuoteClose,
    /// Characters that mean themselves.
    Plain,
    /// Backslashes, an odd number, before `${`.
    EscapedInter,
    /// An even number of backslashes at the top.
    TopEscape,
    /// An even number of backslashes within quotes.
    QuotedEscape,
}

/// A token and its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Which rules hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Text at the top.
    Text,
    /// Behind `${`, up to a colon.
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
            .ok_or(SyntaxError { problem: "this can't stand here", at: start })?;
        lexer.follow(kind, &text[start..]).map_err(|problem| SyntaxError { problem, at: start })?;
        tokens.push(Token { kind, start, end: start + length });
        start += length;
    }
    Ok(tokens)
}

struct Lexer {
    /// The last one holds; the first is never left.
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

/// The token that text begins with, at the top and between quotes.
fn text_token(text: &str, even: Kind, ends: impl Fn(char) -> bool) -> Option<(Kind, usize)> {
    let slashes = backslashes(text);
    let inter = text[slashes..].starts_with("${");
    match slashes {
        0 if inter => Some((Kind::InterOpen, 2 + blanks(&text[2..]))),
        odd if odd % 2 == 1 && inter => Some((Kind::EscapedInter, odd + 2)),
        _ => {
            let candidates = [
                (Kind::Plain, plain(text, ends)),
                (even, slashes - slashes % 2),
                (Kind::Plain, slashes),
            ];
            longest(&candidates).or_else(|| text.starts_with('$').then_some((Kind::Plain, 1)))
        }
    }
}

fn quoted_token(text: &str, quote: char) -> Option<(Kind, usize)> {
    let slashes = backslashes(text);
    if text[slashes..].starts_with(quote) {
        match slashes {
            0 => return Some((Kind::QuoteClose, 1)),
            odd if odd % 2 == 1 => return Some((Kind::Escape, odd + 1)),
            _ => {}
        }
    }
    text_token(text, Kind::QuotedEscape, |c| c == quote)
}

fn interpolation_token(text: &str) -> Option<(Kind, usize)> {
    if let Some(inside) = text.strip_prefix("${") {
        return Some((Kind::InterOpen, 2 + blanks(inside)));
    }
    let before = blanks(text);
    let rest = &text[before..];
    if let Some(after) = rest.strip_prefix(':') {
        return Some((Kind::Colon, before + 1 + blanks(after)));
    }
    if rest.starts_with('}') {
        return Some((Kind::InterClose, before + 1));
    }
    match text.chars().next()? {
        '.' => Some((Kind::Dot, 1)),
        '[' => Some((Kind::BracketOpen, 1)),
        ']' => Some((Kind::BracketClose, 1)),
        _ => longest(&[(Kind::Id, identifier(text)), (Kind::InterKey, key(text))]),
    }
}

fn value_token(text: &str) -> Option<(Kind, usize)> {
    if let Some(inside) = text.strip_prefix("${") {
        return Some((Kind::InterOpen, 2 + blanks(inside)));
    }
    punctuation(text).or_else(|| {
        let id = identifier(text);
        let word = &text[..id];
        let candidates = [
            (Kind::Float, float(text)),
            (Kind::Int, int(text)),
            (if is_bool(word) { Kind::Bool } else { Kind::Id }, id),
            (Kind::Escape, escapes(text)),
            (Kind::Blanks, blanks(text)),
            (
                Kind::Unquoted,
                usize::from(text.starts_with(['/', '-', '\\', '+', '.', '$', '%', '*', '@', '?'])),
            ),
        ];
        longest(&candidates).map(|(kind, length)| {
            if word.eq_ignore_ascii_case("null") { (Kind::Null, length) } else { (kind, length) }
        })
    })
}

/// Brackets, commas and colons, with the blanks that belong to them.
fn punctuation(text: &str) -> Option<(Kind, usize)> {
    let before = blanks(text);
    let rest = &text[before..];
    let sign = rest.chars().next()?;
    let after = blanks(&rest[sign.len_utf8()..]);
    match sign {
        '{' if before == 0 => Some((Kind::BraceOpen, 1 + after)),
        '[' if before == 0 => Some((Kind::BracketOpen, 1 + after)),
        '\'' | '"' if before == 0 => Some((Kind::QuoteOpen, 1)),
        '}' => Some((Kind::BraceClose, before + 1)),
        ']' => Some((Kind::BracketClose, before + 1)),
        ',' => Some((Kind::Comma, before + 1 + after)),
        ':' => Some((Kind::Colon, before + 1 + after)),
        _ => None,
    }
}

fn is_bool(word: &str) -> bool {
    word.eq_ignore_ascii_case("true") || word.eq_ignore_ascii_case("false")
}

/// The longest of the tokens that match at all; the first of several.
fn longest(candidates: &[(Kind, usize)]) -> Option<(Kind, usize)> {
    let mut best: Option<(Kind, usize)> = None;
    for &(kind, length) in candidates {
        if length > best.map_or(0, |(_, length)| length) {
            best = Some((kind, length));
        }
    }
    best
}
