//! Times and sizes, as the settings write them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::text::units::LONGEST_TIME;

/// A time in seconds. Settings give it as a number, or in ssh's format (`90s`, `10m`, `1h30m`; `ssh_config(5)`, TIME
/// FORMATS).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "Value")]
#[schemars(extend("type" = ["integer", "string"], "minimum" = 0, "maximum" = LONGEST_TIME))]
#[schemars(extend("pattern" = "^([0-9]+([smhdwSMHDW]|$))+$"))]
// What an editor with a YAML language server says instead of the pattern.
#[schemars(extend("patternErrorMessage" = "Write seconds, or a time like 10m."))]
pub struct Seconds(u32);

impl Seconds {
    /// Returns `N` seconds.
    #[must_use]
    pub const fn of<const N: u32>() -> Self {
        Self(N)
    }

    /// Returns the number of seconds.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<Value> for Seconds {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let seconds = match &value {
            Value::Number(number) => number.as_u64().and_then(|number| number.try_into().ok()),
            Value::String(text) => ssh_time(text),
            _ => None,
        };
        seconds.filter(|seconds| *seconds <= LONGEST_TIME).map(Self).ok_or_else(|| {
            let found = shown(&value);
            format!("wants at most {LONGEST_TIME} seconds, or a time like 10m, and has {found}")
        })
    }
}

/// A number of bytes. Settings may give it with a unit of 1024 (`500M`, `2G`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Value")]
#[schemars(extend("type" = ["integer", "string"], "minimum" = 0))]
#[schemars(extend("pattern" = "^[0-9]+[kKmMgG]?$"))]
#[schemars(extend("patternErrorMessage" = "Write bytes, or a size like 500M."))]
pub struct Bytes(u64);

impl Bytes {
    /// Returns `N` bytes.
    #[must_use]
    pub const fn of<const N: u64>() -> Self {
        Self(N)
    }

    /// Returns the number of bytes.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl TryFrom<Value> for Bytes {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let bytes = match &value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => size(text),
            _ => None,
        };
        bytes
            .map(Self)
            .ok_or_else(|| format!("wants bytes, or a size like 500M, and has {}", shown(&value)))
    }
}

/// Formats a value that is neither a time nor a size.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("'{}'", text.escape_debug()),
        other => other.to_string(),
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
