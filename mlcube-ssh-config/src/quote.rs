//! Quoting: one function for the shell, one for rsync's `-e`, one for the eye.

use std::borrow::Cow;

use shell_escape::unix::escape;

/// `word` as one word of a POSIX shell, whatever it holds.
///
/// Text that needs no quotes stays as it is, so that what is shown reads well.
#[must_use]
pub fn shell_word(word: &str) -> String {
    escape(Cow::Borrowed(word)).into_owned()
}

/// `word` as one word of rsync's `-e` option, which rsync splits itself: blanks end a word, a quote is doubled
/// inside quotes, and a backslash means nothing (rsync(1), `--rsh`).
#[must_use]
pub fn rsync_rsh_word(word: &str) -> String {
    if !word.is_empty()
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_=/,.+:@%".contains(c))
    {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "''"))
}

/// True for text that reaches a shell line unquoted without harm.
///
/// The `mlcube` on the remote joins paths and options into such a line.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._/+-".contains(&b))
}

/// `text` with every character that isn't plain replaced by `_`.
#[must_use]
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if is_plain(c.encode_utf8(&mut [0; 4])) { c } else { '_' }).collect()
}

/// `text` on one line, without control characters, for messages.
#[must_use]
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line
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
