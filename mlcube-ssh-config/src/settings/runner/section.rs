//! Reads one map of the settings key by key; every error gives the full name of the key.
//!
//! serde does not do this, although `serde_path_to_error` adds the key to its errors: a message of serde's is that of
//! one value (`invalid type: sequence, expected a string`), in the words of JSON, and each of the forms below – a time,
//! a size, a name, a list of paths, null for an absent key – would need a type with a visitor, which is longer than the
//! function here. The price is that the compiler doesn't know the keys. So a section knows its own, and a debug build
//! reports code that reads another one.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

use crate::settings::names::check_variable;
use crate::text::hint::Hinted;
use crate::text::quote::is_plain;
use crate::text::similar::nearest;
use crate::text::units::LONGEST_TIME;

/// A setting that can't be used: its full key and the problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The key, dotted (`runner.interpreter.type`).
    pub key: String,
    /// The problem, and what to write instead.
    pub problem: String,
    /// The remedy, where it is another than correcting the key.
    pub hint: Option<String>,
    /// The known key that an unknown one was probably meant to be, dotted.
    pub meant: Option<String>,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.problem)
    }
}

impl std::error::Error for Invalid {}

/// A map of the settings, its full key, and the keys that it may have.
pub(crate) struct Section<'a> {
    path: String,
    map: &'a Map<String, Value>,
    known: &'static [&'static str],
}

impl<'a> Section<'a> {
    pub(crate) fn new(
        path: &str,
        map: &'a Map<String, Value>,
        known: &'static [&'static str],
    ) -> Self {
        Self { path: path.to_owned(), map, known }
    }

    /// Creates an error about `key`.
    pub(crate) fn invalid(&self, key: &str, problem: String) -> Invalid {
        Invalid { key: format!("{}.{key}", self.path), problem, hint: None, meant: None }
    }

    /// Refuses a key that isn't known.
    pub(crate) fn check_keys(&self) -> Result<(), Invalid> {
        match self.unknown_keys().next() {
            Some(key) => Err(Invalid {
                meant: self.meant(key),
                ..self.invalid(key, format!("unknown key; known are {}", self.known.join(", ")))
            }),
            None => Ok(()),
        }
    }

    /// Returns the keys that aren't known.
    pub(crate) fn unknown_keys(&self) -> impl Iterator<Item = &'a String> + use<'a> {
        let known = self.known;
        self.map.keys().filter(move |key| !known.contains(&key.as_str()))
    }

    /// Returns the known key that is nearest to an unknown one, dotted.
    pub(crate) fn meant(&self, key: &str) -> Option<String> {
        Some(format!("{}.{}", self.path, nearest(key, self.known.iter().copied())?))
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        self.map.iter()
    }

    /// Returns the value of `key`; null counts as absent.
    fn value(&self, key: &str) -> Option<&'a Value> {
        debug_assert!(self.known.contains(&key), "{}.{key} isn't among the known keys", self.path);
        self.map.get(key).filter(|value| !value.is_null())
    }

    fn wrong(&self, key: &str, wanted: &str, value: &Value) -> Invalid {
        let found = match value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "text",
            Value::Array(_) => "a list",
            Value::Object(_) => "a map",
        };
        self.invalid(key, format!("wants {wanted}, and has {found}"))
    }

    pub(crate) fn text(&self, key: &str) -> Result<Option<String>, Invalid> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(self.wrong(key, "text", other)),
        }
    }

    /// Returns a required text, which may be empty.
    pub(crate) fn present(&self, key: &str) -> Result<String, Invalid> {
        self.text(key)?.ok_or_else(|| self.invalid(key, "the value is missing".to_owned()))
    }

    /// Returns a required text, which must not be empty.
    pub(crate) fn required(&self, key: &str) -> Result<String, Invalid> {
        let text = self.present(key)?;
        if text.trim().is_empty() {
            Err(self.invalid(key, "is empty".to_owned()))
        } else {
            Ok(text)
        }
    }

    /// Returns a text that becomes a word of a remote command: not an option, without control characters.
    pub(crate) fn word(&self, key: &str) -> Result<String, Invalid> {
        let text = self.required(key)?;
        if text.starts_with('-') || text.contains(char::is_control) {
            return Err(
                self.invalid(key, "it begins with '-' or holds a control character".to_owned())
            );
        }
        Ok(text)
    }

    pub(crate) fn parsed<T: FromStr<Err = anyhow::Error>>(&self, key: &str) -> Result<T, Invalid> {
        self.required(key)?.parse().map_err(|problem: anyhow::Error| Invalid {
            hint: problem.downcast_ref::<Hinted>().map(|hinted| hinted.hint().to_owned()),
            ..self.invalid(key, problem.to_string())
        })
    }

    /// Returns the name of a folder: one component, safe in a shell line.
    pub(crate) fn plain_name(&self, key: &str) -> Result<Option<String>, Invalid> {
        let Some(name) = self.text(key)? else { return Ok(None) };
        if !is_plain(&name) || name.contains('/') || name.starts_with(['-', '.']) || name.is_empty()
        {
            return Err(self.invalid(
                key,
                format!(
                    "'{}' can't name a remote folder; use letters, digits, '_', '+', '-' and '.'",
                    name.escape_debug()
                ),
            ));
        }
        Ok(Some(name))
    }

    pub(crate) fn flag(&self, key: &str) -> Result<bool, Invalid> {
        match self.value(key) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(self.wrong(key, "true or false", other)),
        }
    }

    /// Returns a time in seconds, or in ssh's format (`90s`, `10m`, `1h`; `ssh_config(5)`, TIME FORMATS).
    pub(crate) fn seconds(&self, key: &str) -> Result<Option<u32>, Invalid> {
        let wanted = format!("at most {LONGEST_TIME} seconds, or a time like 10m");
        let is_short = |seconds: &u32| *seconds <= LONGEST_TIME;
        match self.value(key) {
            None => Ok(None),
            Some(Value::Number(number)) => {
                match number.as_u64().and_then(|n| u32::try_from(n).ok()).filter(is_short) {
                    Some(seconds) => Ok(Some(seconds)),
                    None => Err(self.invalid(key, format!("wants {wanted}, and has {number}"))),
                }
            }
            Some(Value::String(text)) => match ssh_time(text).filter(is_short) {
                Some(seconds) => Ok(Some(seconds)),
                None => {
                    Err(self
                        .invalid(key, format!("wants {wanted}, and has '{}'", text.escape_debug())))
                }
            },
            Some(other) => Err(self.wrong(key, &wanted, other)),
        }
    }

    /// Returns a number of bytes, which may have a unit of 1024 (`500M`, `2G`).
    pub(crate) fn bytes(&self, key: &str) -> Result<Option<u64>, Invalid> {
        let wanted = "bytes, or a size like 500M";
        let parsed = match self.value(key) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(text)) => size(text),
            Some(other) => return Err(self.wrong(key, wanted, other)),
        };
        let found = self.map.get(key).map(ToString::to_string).unwrap_or_default();
        parsed
            .map(Some)
            .ok_or_else(|| self.invalid(key, format!("wants {wanted}, and has {found}")))
    }

    pub(crate) fn map(&self, key: &str) -> Result<Option<Map<String, Value>>, Invalid> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map.clone())),
            Some(other) => Err(self.wrong(key, "a map", other)),
        }
    }

    /// Returns the map below `key`, which may have the keys `known`; it has no entries if `key` is absent or empty.
    pub(crate) fn section(
        &self,
        key: &str,
        known: &'static [&'static str],
    ) -> Result<Section<'a>, Invalid> {
        static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
        let path = format!("{}.{key}", self.path);
        match self.value(key) {
            None => Ok(Section { path, map: &EMPTY, known }),
            Some(Value::Object(map)) => Ok(Section { path, map, known }),
            Some(other) => Err(self.wrong(key, "a map", other)),
        }
    }

    /// Returns a list of names of environment variables.
    pub(crate) fn names(&self, key: &str) -> Result<Vec<String>, Invalid> {
        self.list(key, "a list of names", &|name| {
            check_variable(name).map_err(|problem| problem.to_string())
        })
    }

    /// Returns a list of local paths that don't depend on the current folder.
    pub(crate) fn places(&self, key: &str) -> Result<Vec<String>, Invalid> {
        self.list(key, "a list of paths", &|path| {
            if path.starts_with('/') || path.starts_with("~/") {
                return Ok(());
            }
            Err(format!("'{path}' is neither absolute nor below the home; write /x or ~/x"))
        })
    }

    /// Returns a list of words that all pass `check`.
    pub(crate) fn words(
        &self,
        key: &str,
        check: &dyn Fn(&str) -> Result<(), String>,
    ) -> Result<Vec<String>, Invalid> {
        self.list(key, "a list of words", check)
    }

    /// Returns a list of texts that all pass `check`.
    fn list(
        &self,
        key: &str,
        wanted: &str,
        check: &dyn Fn(&str) -> Result<(), String>,
    ) -> Result<Vec<String>, Invalid> {
        let list = match self.value(key) {
            None => return Ok(Vec::new()),
            Some(Value::Array(list)) => list,
            Some(other) => return Err(self.wrong(key, wanted, other)),
        };
        let text = |value: &Value| {
            let text = value.as_str().ok_or_else(|| self.wrong(key, wanted, value))?;
            check(text).map_err(|problem| self.invalid(key, problem))?;
            Ok(text.to_owned())
        };
        list.iter().map(text).collect()
    }
}

/// Parses a size in bytes: a number, optionally with a unit of 1024.
fn size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(['k', 'K', 'm', 'M', 'g', 'G']);
    let shift = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// Parses a time in ssh's format: the sum of numbers, each with a unit (the default is seconds).
fn ssh_time(text: &str) -> Option<u32> {
    let mut total = 0u32;
    let mut digits = String::new();
    let add = |total: u32, digits: &str, unit: u32| {
        digits.parse::<u32>().ok()?.checked_mul(unit)?.checked_add(total)
    };
    for c in text.chars() {
        let unit = match c.to_ascii_lowercase() {
            '0'..='9' => {
                digits.push(c);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86400,
            'w' => 604_800,
            _ => return None,
        };
        total = add(total, &digits, unit)?;
        digits.clear();
    }
    if digits.is_empty() { (!text.is_empty()).then_some(total) } else { add(total, &digits, 1) }
}

#[cfg(test)]
mod tests {
    use super::{size, ssh_time};

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [("0", 0), ("4096", 4096), ("500M", 500 << 20), ("2g", 2 << 30)] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in ["", "M", "1MM", "1T", "-1", "99999999999G"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn times_are_read_as_ssh_reads_them() {
        for (text, seconds) in
            [("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("1w", 604_800)]
        {
            assert_eq!(ssh_time(text), Some(seconds), "{text}");
        }
        for text in ["", "m", "10x", "-1", "99999999999"] {
            assert_eq!(ssh_time(text), None, "{text}");
        }
    }
}
