//! The system's words for an error.

/// Removes the numbers that std appends to the system's words, as in `Permission denied (os error 13)`: they tell the user
/// nothing.
#[must_use]
pub fn without_numbers(text: &str) -> String {
    let mut parts = text.split(" (os error ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |done, part| match part.split_once(')') {
        Some((number, rest)) if number.bytes().all(|byte| byte.is_ascii_digit()) => done + rest,
        _ => done + " (os error " + part,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_number_is_removed() {
        let text = "can't read 'a': Not a directory (os error 20); can't read 'b': File exists (os error 17)";
        assert_eq!(
            without_numbers(text),
            "can't read 'a': Not a directory; can't read 'b': File exists"
        );
        for other in ["plain", "a file named x (os error y)", "cut off (os error 1"] {
            assert_eq!(without_numbers(other), other);
        }
    }
}
