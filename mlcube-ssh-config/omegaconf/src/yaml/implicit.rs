//! Finds the type of a plain scalar, by the patterns of `PyYAML`'s resolver and those that OmegaConf adds.
//!
//! From `yaml/resolver.py` of `PyYAML` 6 and `get_yaml_loader` of OmegaConf 2.1.0: a timestamp is text, and a number
//! may have an exponent without a point.

use super::scalar::Tag;

/// Returns the type of a plain scalar.
pub(super) fn tag_of(text: &str) -> Tag {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Tag::Null,
        "<<" => Tag::Merge,
        "=" => Tag::Value,
        _ if is_bool(text) => Tag::Bool,
        _ if is_int(text) => Tag::Int,
        _ if is_float(text) => Tag::Float,
        _ => Tag::Str,
    }
}

fn is_bool(text: &str) -> bool {
    let written =
        |lower: &str, title: &str, upper: &str| text == lower || text == title || text == upper;
    written("yes", "Yes", "YES")
        || written("no", "No", "NO")
        || written("true", "True", "TRUE")
        || written("false", "False", "FALSE")
        || written("on", "On", "ON")
        || written("off", "Off", "OFF")
}

fn is_int(text: &str) -> bool {
    let digits = unsigned(text);
    if digits == "0" {
        return true;
    }
    if let Some(rest) = digits.strip_prefix("0b") {
        return all_of(rest, |c| matches!(c, '0' | '1' | '_'));
    }
    if let Some(rest) = digits.strip_prefix("0x") {
        return all_of(rest, |c| c.is_ascii_hexdigit() || c == '_');
    }
    if let Some(rest) = digits.strip_prefix('0') {
        return all_of(rest, |c| matches!(c, '0'..='7' | '_'));
    }
    let mut parts = digits.split(':');
    parts.next().is_some_and(is_whole) && parts.all(is_sixtieth)
}

fn is_float(text: &str) -> bool {
    let digits = unsigned(text);
    if matches!(digits, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    // Without a digit before the point, a sign isn't allowed, and the exponent must have one.
    if let Some(rest) = text.strip_prefix('.') {
        let (fraction, exponent) = split_exponent(rest);
        return all_of(fraction, is_digit_or_underscore)
            && exponent.is_none_or(|e| e.starts_with(['+', '-']) && is_exponent(e));
    }
    is_pointed(digits) || is_sexagesimal(digits)
}

/// `1.`, `1.5`, `1.5e3`, `1e3`.
fn is_pointed(digits: &str) -> bool {
    let (number, exponent) = split_exponent(digits);
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    is_whole(whole)
        && fraction.is_none_or(|fraction| fraction.chars().all(is_digit_or_underscore))
        && exponent.is_none_or(is_exponent)
        && (fraction.is_some() || exponent.is_some())
}

/// `190:20:30.15`.
fn is_sexagesimal(digits: &str) -> bool {
    let Some((whole, fraction)) = digits.split_once('.') else { return false };
    let mut parts = whole.split(':');
    parts.next().is_some_and(is_whole)
        && whole.contains(':')
        && parts.all(is_sixtieth)
        && fraction.chars().all(is_digit_or_underscore)
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['+', '-']).unwrap_or(text)
}

fn split_exponent(text: &str) -> (&str, Option<&str>) {
    match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (text, None),
    }
}

fn is_exponent(text: &str) -> bool {
    all_of(unsigned(text), |c| c.is_ascii_digit())
}

/// A digit, then digits and underscores.
fn is_whole(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(is_digit_or_underscore)
}

/// A part of a number to base 60: `0` to `59`, one digit or two.
fn is_sixtieth(text: &str) -> bool {
    match text.as_bytes() {
        [ones] => ones.is_ascii_digit(),
        [tens, ones] => matches!(tens, b'0'..=b'5') && ones.is_ascii_digit(),
        _ => false,
    }
}

fn is_digit_or_underscore(c: char) -> bool {
    c.is_ascii_digit() || c == '_'
}

fn all_of(text: &str, allowed: impl Fn(char) -> bool) -> bool {
    !text.is_empty() && text.chars().all(allowed)
}
