//! Quoting for shells, for rsync's `-e` and for messages.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;

use shell_escape::unix::escape;

use crate::text::printable::{is_unprintable, printable};

/// Quotes `word` as one word of a POSIX shell, whatever it contains.
///
/// Text that needs no quotes is unchanged, so that commands are readable.
#[must_use]
pub fn shell_word(word: &str) -> String {
    escape(Cow::Borrowed(word)).into_owned()
}

/// As [`shell_word`], for a name that may not be UTF-8: `printf` produces the other bytes when a shell reads the word,
/// so that a script stays valid text.
#[must_use]
pub fn shell_word_of(name: &OsStr) -> String {
    word_of(name, shell_word)
}

/// As [`shown_word`], for a name that may not be UTF-8.
#[must_use]
pub fn shown_word_of(name: &OsStr) -> String {
    word_of(name, shown_word)
}

fn word_of(name: &OsStr, quote: fn(&str) -> String) -> String {
    if let Some(text) = name.to_str() {
        return quote(text);
    }
    let mut word = String::new();
    for chunk in name.as_bytes().utf8_chunks() {
        if !chunk.valid().is_empty() {
            word.push_str(&quote(chunk.valid()));
        }
        push_made(&mut word, chunk.invalid());
    }
    word
}

/// Appends bytes that `printf` produces when a shell reads the word.
fn push_made(word: &mut String, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    word.push_str("\"$(printf '");
    for byte in bytes {
        // Writing to a string doesn't fail.
        let _ = write!(word, "\\{byte:03o}");
    }
    word.push_str("')\"");
}

/// As [`shell_word`], without characters that a terminal would obey: `printf` produces them when a shell reads the
/// word. A newline is unchanged, because a command substitution would drop it at its end.
#[must_use]
pub fn shown_word(word: &str) -> String {
    let is_made = |c: char| c != '\n' && is_unprintable(c);
    if !word.contains(is_made) {
        return shell_word(word);
    }
    let mut shown = String::new();
    let mut rest = word;
    while let Some(first) = rest.chars().next() {
        let made = is_made(first);
        let end = rest.find(|c| is_made(c) != made).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        if made {
            push_made(&mut shown, part.as_bytes());
        } else {
            shown.push_str(&shell_word(part));
        }
        rest = after;
    }
    shown
}

/// Quotes `word` for rsync's `-e` option, which rsync splits itself: blanks end a word, a quote is doubled inside
/// quotes, and a backslash has no meaning (rsync(1), `--rsh`).
#[must_use]
pub fn rsync_rsh_word(word: &str) -> String {
    if !word.is_empty()
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_=/,.+:@%".contains(c))
    {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "''"))
}

/// Returns whether text is safe unquoted in a shell line.
///
/// The remote `mlcube` joins paths and options into such a line.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._/+-".contains(&b))
}

/// Replaces every character of `text` that isn't plain by `_`.
#[must_use]
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if is_plain(c.encode_utf8(&mut [0; 4])) { c } else { '_' }).collect()
}

/// Puts `text` on one line for a message, without characters that a terminal would obey.
#[must_use]
pub fn one_line(text: &str) -> String {
    printable(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_words() {
        assert_eq!(shell_word("a/b-c_d.e+f,g=h"), "a/b-c_d.e+f,g=h");
        assert_eq!(shell_word(""), "''");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
    }

    #[test]
    fn words_that_are_no_text() {
        let names: [&[u8]; 4] = [b"a \xff'b\xfe\xfd", b"\x81\x88", b"it's", b"\xc3"];
        for name in names {
            let line = format!("printf %s {}", shell_word_of(OsStr::from_bytes(name)));
            for shell in ["dash", "bash"] {
                let read =
                    crate::process::command::Command::new(shell).args(["-c", &line]).run().unwrap();
                assert_eq!(read.output, name, "{shell}: {line}");
            }
        }
    }

    #[test]
    fn shown_words() {
        assert_eq!(shown_word("it's"), shell_word("it's"));
        let odd = "a b\x1b[2J\x07\n\u{202e}'\t\u{9b}";
        let shown = shown_word(odd);
        assert!(!shown.contains(|c: char| c != '\n' && is_unprintable(c)), "{shown}");
        let line = format!("printf %s {shown}");
        let read = crate::process::command::Command::new("sh").args(["-c", &line]).run().unwrap();
        assert_eq!(String::from_utf8(read.output).unwrap(), odd);
    }

    #[test]
    fn rsh_words() {
        assert_eq!(rsync_rsh_word("ControlPath=/run/x"), "ControlPath=/run/x");
        assert_eq!(rsync_rsh_word("/a b/it's"), "'/a b/it''s'");
    }

    #[test]
    fn plain_text() {
        assert!(is_plain("A-z0.9_/+"));
        assert!(!is_plain("a b") && !is_plain("a=b") && !is_plain("é"));
        assert_eq!(plain("my cube é"), "my_cube__");
        assert_eq!(one_line("a\nb\u{7}"), r"a\nb\u{7}");
    }
}
