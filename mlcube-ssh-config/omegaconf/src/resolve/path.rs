//! Keys as they are written: `a.b`, `a[0]`, `[a].b`, `..x`.

use crate::error::{Error, Result};
use crate::yaml::parse_int;

/// Splits a key into components; a leading dot is an empty one. Follows `split_key` of OmegaConf, including its fault:
/// what follows a bracket without a dot is lost.
#[must_use]
pub fn split(key: &str) -> Vec<String> {
    let dots = key.len() - key.trim_start_matches('.').len();
    let head = dots + key[dots..].find(['.', '[']).unwrap_or(key.len() - dots);
    let mut parts: Vec<String> = key[..head].split('.').map(str::to_owned).collect();
    let mut rest = &key[head..];
    if rest.starts_with('[') && parts.last().is_some_and(String::is_empty) {
        parts.pop();
    }
    while !rest.is_empty() {
        let (part, length) = component(rest);
        parts.extend(part.map(str::to_owned));
        rest = &rest[length..];
    }
    parts
}

/// Returns the component at the start of a text, `.b` or `[c]`, and how many bytes it takes.
fn component(text: &str) -> (Option<&str>, usize) {
    if let Some(rest) = text.strip_prefix('.') {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        return (Some(&rest[..end]), 1 + end);
    }
    let inside =
        text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(inside, _)| inside);
    match inside.filter(|inside| !inside.contains('\n')) {
        Some(inside) => (Some(inside), inside.len() + 2),
        None => (None, text.chars().next().map_or(1, char::len_utf8)),
    }
}

/// Parses an index of a list.
pub(crate) fn index(part: &str) -> Result<i128> {
    parse_int(part, 10).ok_or_else(|| {
        Error::new(format!("'{part}' isn't an index of a list, which is a number from 0"))
    })
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn components_are_those_of_omegaconf() {
        let table: [(&str, &[&str]); 14] = [
            ("", &[""]),
            ("a", &["a"]),
            ("a.b", &["a", "b"]),
            ("a[b]", &["a", "b"]),
            (".a.b[c].d", &["", "a", "b", "c", "d"]),
            ("[a].b", &["a", "b"]),
            ("..[a]", &["", "", "a"]),
            ("f..g", &["f", "", "g"]),
            ("a[b]c", &["a", "b"]),
            ("a[b", &["a"]),
            ("a[b.c]", &["a", "b.c"]),
            ("a.", &["a", ""]),
            ("[", &[]),
            ("a[].é", &["a", "", "é"]),
        ];
        for (key, parts) in table {
            assert_eq!(split(key), parts, "{key}");
        }
    }
}
