//! Numbers as Python reads and writes them.

/// Reads digits as Python's `int(text, base)` does: blanks around, a sign, single underscores between digits, and for
/// base 8 an `0o` before them.
#[must_use]
pub fn parse_int(text: &str, base: u32) -> Option<i128> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = if base == 8 {
        digits.strip_prefix("0o").or(digits.strip_prefix("0O")).unwrap_or(digits)
    } else {
        digits
    };
    let digits = without_underscores(digits)?;
    if digits.starts_with(['+', '-']) {
        return None;
    }
    // The sign is put back first: the smallest number has no positive counterpart.
    let signed = if negative { format!("-{digits}") } else { digits };
    i128::from_str_radix(&signed, base).ok()
}

/// Reads a number as Python's `float(text)` does, `inf` and `nan` included.
#[must_use]
pub fn parse_float(text: &str) -> Option<f64> {
    without_underscores(text.trim())?.parse().ok()
}

/// Removes underscores; each must be between two digits.
fn without_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
    let misplaced = |at: usize| bytes[at] == b'_' && !(at > 0 && digit(at - 1) && digit(at + 1));
    if (0..bytes.len()).any(misplaced) { None } else { Some(text.replace('_', "")) }
}

/// Formats a number as Python's `repr` does: the fewest digits that read back as the same number, and an exponent below
/// 1e-4 and from 1e16.
#[must_use]
pub fn float_text(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{number}");
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_python_writes_them() {
        let table = [
            (1000.0, "1000.0"),
            (0.1, "0.1"),
            (1e16, "1e+16"),
            (1e22, "1e+22"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (9_999_999_999_999_998.0, "9999999999999998.0"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (-2.5e-7, "-2.5e-07"),
            (-0.0, "-0.0"),
            (f64::INFINITY, "inf"),
        ];
        for (number, text) in table {
            assert_eq!(float_text(number), text);
        }
    }

    #[test]
    fn ints_are_read_as_python_reads_them() {
        assert_eq!(parse_int(" 1_000 ", 10), Some(1000));
        assert_eq!(parse_int("0o17", 8), Some(15));
        assert_eq!(parse_int("-17", 8), Some(-15));
        for wrong in ["", "+", "--1", "_1", "1_", "1__0", "1.0", "a"] {
            assert_eq!(parse_int(wrong, 10), None, "{wrong}");
        }
    }
}
