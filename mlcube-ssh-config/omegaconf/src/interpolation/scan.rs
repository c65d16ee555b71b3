//! The lengths of tokens: a function for each fragment of `OmegaConfGrammarLexer.g4`, which returns how many bytes
//! match.

/// Blanks and tabs.
pub(super) fn blanks(text: &str) -> usize {
    run(text, |c| matches!(c, ' ' | '\t'))
}

/// A letter or underscore, then digits too.
pub(super) fn identifier(text: &str) -> usize {
    if text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        run(text, |c| c.is_ascii_alphanumeric() || c == '_')
    } else {
        0
    }
}

/// A key that isn't an identifier: anything but `\ { } ( ) [ ] : . ' "` and blanks.
pub(super) fn key(text: &str) -> usize {
    run(text, |c| {
        !matches!(c, '\\' | '{' | '}' | '(' | ')' | '[' | ']' | ':' | '.' | ' ' | '\t' | '\'' | '"')
    })
}

/// Characters up to the next one that ends plain text, less the backslashes before it.
pub(super) fn plain(text: &str, ends: impl Fn(char) -> bool) -> usize {
    let length = run(text, |c| c != '$' && !ends(c));
    text[..length].trim_end_matches('\\').len()
}

/// Backslashes.
pub(super) fn backslashes(text: &str) -> usize {
    run(text, |c| c == '\\')
}

/// Escaped characters, one after the other: `\\`, `\,`, `\ ` and the like.
pub(super) fn escapes(text: &str) -> usize {
    let mut length = 0;
    while let [
        b'\\',
        b'\\' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b':' | b'=' | b',' | b' ' | b'\t',
        ..,
    ] = text.as_bytes()[length..]
    {
        length += 2;
    }
    length
}

/// `0`, or digits that don't begin with 0, single underscores between them.
fn whole(text: &str) -> usize {
    if text.starts_with('0') { 1 } else { digits(text) }
}

/// Digits, single underscores between them.
fn digits(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut length = 0;
    while digit(length) || (length > 0 && bytes.get(length) == Some(&b'_') && digit(length + 1)) {
        length += 1;
    }
    length
}

/// A whole number with its sign.
pub(super) fn int(text: &str) -> usize {
    let sign = sign(text);
    let whole = whole(&text[sign..]);
    if whole == 0 { 0 } else { sign + whole }
}

/// A number with a point or an exponent, `inf` or `nan`, with its sign.
pub(super) fn float(text: &str) -> usize {
    let sign = sign(text);
    let number = &text[sign..];
    let word = number
        .get(..3)
        .filter(|word| word.eq_ignore_ascii_case("inf") || word.eq_ignore_ascii_case("nan"));
    let length = word.map_or_else(|| pointed(number).max(with_exponent(number)), str::len);
    if length == 0 { 0 } else { sign + length }
}

/// `1.`, `.5`, `1.5`
fn pointed(text: &str) -> usize {
    let whole = whole(text);
    let Some(fraction) = text[whole..].strip_prefix('.') else { return 0 };
    match (whole, digits(fraction)) {
        (0, 0) => 0,
        (whole, fraction) => whole + 1 + fraction,
    }
}

/// `1e3`, `1.5e-3`
fn with_exponent(text: &str) -> usize {
    let number = whole(text).max(pointed(text));
    let Some(exponent) = text[number..].strip_prefix(['e', 'E']) else { return 0 };
    let sign = sign(exponent);
    match digits(&exponent[sign..]) {
        0 => 0,
        _ if number == 0 => 0,
        digits => number + 1 + sign + digits,
    }
}

fn sign(text: &str) -> usize {
    usize::from(text.starts_with(['+', '-']))
}

fn run(text: &str, wanted: impl Fn(char) -> bool) -> usize {
    text.find(|c| !wanted(c)).unwrap_or(text.len())
}
