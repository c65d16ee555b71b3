//! Tabs, which `PyYAML` takes in quoted text, in text blocks and in comments only; libyaml takes them between tokens too.

use super::Error;

/// Refuses a tab outside of `spans`, the places of scalars that aren't plain, and of comments.
pub(super) fn check(text: &str, spans: &[(u64, u64)]) -> Result<(), Error> {
    if !text.contains('\t') {
        return Ok(());
    }
    let mut spans = spans.iter().peekable();
    let mut line = 1;
    let mut comment = false;
    for (index, c) in (0u64..).zip(text.chars()) {
        while spans.next_if(|&&(_, end)| end <= index).is_some() {}
        let inside = spans.peek().is_some_and(|&&(start, _)| start <= index);
        match c {
            '\n' => (line, comment) = (line + 1, false),
            '#' if !inside => comment = true,
            '\t' if !inside && !comment => {
                return Err(Error::new("a tab stands where only blanks may; use blanks", line));
            }
            _ => {}
        }
    }
    Ok(())
}
