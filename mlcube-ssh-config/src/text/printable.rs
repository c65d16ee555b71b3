//! Makes text safe to show: a host, a cube or a file name can't move the cursor, set a title or change the direction of
//! writing.

use std::borrow::Cow;
use std::fmt::Write;

/// Escapes every character of `text` that a terminal obeys instead of showing: C0 and C1 control characters (the line
/// feed too), DEL, and the marks that change the direction of writing (Unicode Standard Annex 9), which can make one
/// file name look like another.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_unprintable(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// As [`printable`], for a text of several lines.
#[must_use]
pub fn printable_lines(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

/// Escapes JSON so that a terminal shows every character: those that it would obey occur only in strings, which have
/// escapes for them (RFC 8259, section 7).
#[must_use]
pub fn printable_json(json: &str) -> Cow<'_, str> {
    // Line feeds between the values stay.
    let is_escaped = |c: char| c != '\n' && is_unprintable(c);
    if !json.contains(is_escaped) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len() + 8);
    for c in json.chars() {
        if is_escaped(c) {
            // All of them fit into 16 bits.
            let _ = write!(shown, "\\u{:04x}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Returns whether a terminal obeys `c` instead of showing it.
pub(crate) fn is_unprintable(c: char) -> bool {
    let is_bidirectional = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    // Line and paragraph separators break a line in some terminals and log viewers.
    c.is_control() || is_bidirectional || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_for_a_terminal_has_no_control_characters() {
        assert_eq!(printable("déjà vu\u{2014}ok 'a\\b'"), "déjà vu\u{2014}ok 'a\\b'");
        assert_eq!(printable("\x1b]0;title\x07"), "\\u{1b}]0;title\\u{7}");
        assert_eq!(printable("a\nb\tc\r\x7f\u{9b}1m"), "a\\nb\\tc\\r\\u{7f}\\u{9b}1m");
        assert_eq!(printable("gpj.\u{202e}exe"), "gpj.\\u{202e}exe");
    }

    #[test]
    fn json_stays_json() {
        let odd = "\x1b\x7f\u{9b}\u{202e}é\n\"";
        let json = serde_json::to_string_pretty(&[odd]).unwrap();
        let shown = printable_json(&json);
        assert!(shown.lines().all(|line| !line.contains(is_unprintable)), "{shown}");
        assert_eq!(serde_json::from_str::<[String; 1]>(&shown).unwrap(), [odd]);
    }
}
