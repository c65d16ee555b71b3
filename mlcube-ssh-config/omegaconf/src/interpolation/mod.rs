//! The interpolation language of OmegaConf 2.1.0: `${a.b}`, `${.x}`, `${l[0]}`, `${oc.env:HOME,'none'}`, text around
//! them.
//!
//! The reference is its grammar, `OmegaConfGrammarLexer.g4` and `OmegaConfGrammarParser.g4`, and how
//! `grammar_visitor.py` takes backslashes out. A text is cut into tokens first, then parsed by one function for each
//! rule of the grammar.

mod escape;
mod lexer;
mod parser;
mod scan;
mod syntax;

pub use syntax::{Argument, Ask, Element, Interpolation, Literal, MAX_DEPTH, Part, SyntaxError};

/// Parses the text of a value: rule `configValue` of the grammar.
///
/// # Errors
/// When the text isn't in the language.
pub fn parse(text: &str) -> Result<Vec<Part>, SyntaxError> {
    parser::Parser::new(text, &lexer::tokens(text, lexer::Mode::Text)?).config_value()
}

/// Parses one value, as in a resolver's arguments: rule `singleElement` of the grammar, what `oc.decode` takes.
///
/// # Errors
/// When the text isn't in the language.
pub fn parse_element(text: &str) -> Result<Element, SyntaxError> {
    parser::Parser::new(text, &lexer::tokens(text, lexer::Mode::Value)?).single_element()
}
