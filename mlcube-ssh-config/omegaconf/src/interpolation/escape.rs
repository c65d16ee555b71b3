//! Removes backslashes: `_unescape` of `grammar_visitor.py`.

use super::lexer::Kind;

/// What follows a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Interpolation,
    Token,
    End,
}

/// The characters that a token stands for.
pub(super) fn unescape(kind: Kind, text: &str, next: Next) -> String {
    match kind {
        // Keeps one backslash of two, and none before the dollar sign.
        Kind::EscapedInter => text[text.len() - text.len() / 2 - 1..].to_owned(),
        Kind::Escape => every_second(text),
        Kind::TopEscape if next == Next::Interpolation => every_second(text),
        Kind::QuotedEscape if next != Next::Token => every_second(text),
        _ => text.to_owned(),
    }
}

fn every_second(text: &str) -> String {
    text.chars().skip(1).step_by(2).collect()
}
