//! What the scanner finds.

use super::error::Mark;

/// A token and where it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) mark: Mark,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `%YAML 1.1` with the major version, `%TAG ! x`, or one that means nothing.
    Directive(Directive),
    /// `---`
    DocumentStart,
    /// `...`
    DocumentEnd,
    StreamEnd,
    BlockSequenceStart,
    BlockMappingStart,
    /// The end of a list or map by indentation.
    BlockEnd,
    FlowSequenceStart,
    FlowMappingStart,
    FlowSequenceEnd,
    FlowMappingEnd,
    /// `-`
    BlockEntry,
    /// `,`
    FlowEntry,
    /// A key follows, with `?` or without.
    Key,
    /// `:`
    Value,
    Alias(String),
    Anchor(String),
    /// A tag: a handle such as `!!`, and what follows it.
    Tag(Option<String>, String),
    Scalar {
        text: String,
        plain: bool,
    },
}

/// A line that begins with `%`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Directive {
    Yaml { major: String },
    Tag { handle: String, prefix: String },
    Other,
}
