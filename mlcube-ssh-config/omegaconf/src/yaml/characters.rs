//! Decodes bytes to the characters that YAML allows.

use std::borrow::Cow;

use super::error::{Error, Mark};

/// Decodes a file and makes every line end with `\n`, as Python's text mode does.
pub(super) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, Error> {
    let text = std::str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error.valid_up_to()))?;
    if text.contains('\r') {
        Ok(Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")))
    } else {
        Ok(Cow::Borrowed(text))
    }
}

fn not_utf8(bytes: &[u8], at: usize) -> Error {
    let problem = format!(
        "the byte 0x{:02x} is not UTF-8; save the file as UTF-8",
        bytes.get(at).copied().unwrap_or(0)
    );
    Error::new(problem, mark_at(bytes, at))
}

/// Refuses characters that YAML calls not printable (YAML 1.1, section 4.1.1).
pub(super) fn check(text: &str) -> Result<(), Error> {
    match text.char_indices().find(|&(_, c)| !is_printable(c)) {
        None => Ok(()),
        Some((at, c)) => {
            let problem = format!(
                "the character U+{:04X} is not allowed here; write it as \"\\x{0:02x}\"",
                u32::from(c)
            );
            Err(Error::new(problem, mark_at(text.as_bytes(), at)))
        }
    }
}

fn is_printable(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
}

/// The line and column of a byte; the bytes before it are valid UTF-8.
fn mark_at(bytes: &[u8], at: usize) -> Mark {
    let before = bytes.get(..at).unwrap_or(bytes);
    let mut lines = before.split(|&byte| byte == b'\n');
    let last = lines.next_back().unwrap_or_default();
    let column = String::from_utf8_lossy(last).chars().count() + 1;
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Mark { line: number(lines.count() + 1), column: number(column) }
}
