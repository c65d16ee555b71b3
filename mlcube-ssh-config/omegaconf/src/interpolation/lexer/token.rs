//! What the lexer finds.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::interpolation) enum Kind {
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
pub(in crate::interpolation) struct Token {
    pub(in crate::interpolation) kind: Kind,
    pub(in crate::interpolation) start: usize,
    pub(in crate::interpolation) end: usize,
}
