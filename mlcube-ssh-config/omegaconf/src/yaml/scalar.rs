//! Converts a tag and a text to a value: the constructors of `PyYAML`'s `SafeLoader`.

use super::error::{Error, Mark};
use super::number::{parse_float, parse_int};
use super::value::Data;

/// The type of a node, written (`!!int`) or inferred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Null,
    Bool,
    Int,
    Float,
    Str,
    /// `<<`, which has a meaning as a key only.
    Merge,
    /// `=`, which has a meaning as a key only.
    Value,
    Seq,
    Map,
    /// A list of pairs, written as maps of one key.
    Pairs,
    /// A type that a configuration can't hold, or that is unknown.
    Other(String),
}

impl Tag {
    /// The tag as it is written in full, `tag:yaml.org,2002:int`.
    pub(super) fn named(full: &str) -> Self {
        match full.strip_prefix("tag:yaml.org,2002:") {
            Some("null") => Self::Null,
            Some("bool") => Self::Bool,
            Some("int") => Self::Int,
            Some("float") => Self::Float,
            Some("str") => Self::Str,
            Some("merge") => Self::Merge,
            Some("value") => Self::Value,
            Some("seq") => Self::Seq,
            Some("map") => Self::Map,
            Some("pairs" | "omap") => Self::Pairs,
            Some(other) => Self::Other(format!("!!{other}")),
            None => Self::Other(full.to_owned()),
        }
    }
}

/// The value of a scalar.
pub(super) fn value(tag: &Tag, text: &str, mark: Mark) -> Result<Data, Error> {
    let data = match tag {
        Tag::Null => Some(Data::Null),
        Tag::Str => Some(Data::Text(text.to_owned())),
        Tag::Bool => truth(text).map(Data::Bool),
        Tag::Int => int(text).map(Data::Int),
        Tag::Float => float(text).map(Data::Float),
        Tag::Merge | Tag::Value => {
            return Err(Error::new(format!("a plain {text} has no value; quote it"), mark));
        }
        Tag::Seq | Tag::Map | Tag::Pairs => {
            return Err(Error::new("the tag is for a list or a map", mark));
        }
        Tag::Other(name) => return Err(unknown(name, mark)),
    };
    data.ok_or_else(|| {
        Error::new(
            format!(
                "'{text}' is no value of its type, or too large a number; quote it, if it is text"
            ),
            mark,
        )
    })
}

/// The error about a tag that a configuration can't hold.
pub(super) fn unknown(name: &str, mark: Mark) -> Error {
    Error::new(format!("a value of type {name} can't be in a configuration"), mark)
}

fn truth(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "yes" | "true" | "on" => Some(true),
        "no" | "false" | "off" => Some(false),
        _ => None,
    }
}

fn int(text: &str) -> Option<i128> {
    let text = text.replace('_', "");
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    let number = if let Some(binary) = digits.strip_prefix("0b") {
        parse_int(binary, 2)
    } else if let Some(hexadecimal) = digits.strip_prefix("0x") {
        parse_int(hexadecimal, 16)
    } else if digits.starts_with('0') && digits != "0" {
        parse_int(digits, 8)
    } else {
        sexagesimal(digits)
    }?;
    if negative { number.checked_neg() } else { Some(number) }
}

fn sexagesimal(digits: &str) -> Option<i128> {
    digits
        .split(':')
        .try_fold(0i128, |total, part| total.checked_mul(60)?.checked_add(parse_int(part, 10)?))
}

fn float(text: &str) -> Option<f64> {
    let text = text.replace('_', "").to_lowercase();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1.0, digits),
        None => (1.0, text.strip_prefix('+').unwrap_or(&text)),
    };
    match digits {
        ".inf" => Some(sign * f64::INFINITY),
        ".nan" => Some(f64::NAN),
        _ if digits.contains(':') => Some(sign * sexagesimal_float(digits)?),
        _ => Some(sign * parse_float(digits)?),
    }
}

/// Added from the right, as in `PyYAML`, so that the last bit is the same.
fn sexagesimal_float(digits: &str) -> Option<f64> {
    let mut base = 1.0;
    let mut total = 0.0;
    for part in digits.rsplit(':') {
        total += parse_float(part)? * base;
        base *= 60.0;
    }
    Some(total)
}
