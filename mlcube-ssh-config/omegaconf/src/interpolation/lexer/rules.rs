//! The rules of each mode: which token a text begins with, and its length in bytes.

use super::token::Kind;
use crate::interpolation::scan::{
    backslashes, blanks, escapes, float, identifier, int, key, plain,
};

/// The token that text begins with, at the top and between quotes.
pub(super) fn text_token(
    text: &str,
    even: Kind,
    ends: impl Fn(char) -> bool,
) -> Option<(Kind, usize)> {
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

pub(super) fn quoted_token(text: &str, quote: char) -> Option<(Kind, usize)> {
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

pub(super) fn interpolation_token(text: &str) -> Option<(Kind, usize)> {
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

pub(super) fn value_token(text: &str) -> Option<(Kind, usize)> {
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
