//! Splits the whitespace-separated list `requirements` of the settings into words for pip.

/// The words that connect the text before and after them inside one requirement: the `@` of a direct reference, version
/// operators, and the `;` and words of an environment marker (PEP 508).
const CONNECTORS: [&str; 16] =
    ["@", ";", ",", "==", "===", "!=", "~=", "<", "<=", ">", ">=", "(", "and", "or", "in", "not"];

/// Splits `requirements` into options and requirements: `NAME @ URL` and `NAME == 1; python_version < "3.9"` are one
/// word each, with their blanks.
pub(crate) fn split(requirements: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for part in requirements.split_whitespace() {
        match words.last_mut().filter(|word| connects(word, part)) {
            Some(word) => {
                word.push(' ');
                word.push_str(part);
            }
            None => words.push(part.to_owned()),
        }
    }
    words
}

/// Returns whether `part` belongs to the requirement that begins with `word`. An option and its value remain two words.
fn connects(word: &str, part: &str) -> bool {
    let last = word.rsplit(' ').next().unwrap_or(word);
    !word.starts_with('-')
        && !part.starts_with('-')
        && (begins_with_connector(part) || ends_with_connector(last))
}

fn begins_with_connector(part: &str) -> bool {
    CONNECTORS.contains(&part) || part.starts_with(['@', ';', ',', '=', '!', '~', '<', '>', '('])
}

fn ends_with_connector(part: &str) -> bool {
    CONNECTORS.contains(&part) || part.ends_with(['@', ';', ',', '=', '<', '>', '('])
}

/// Returns the list with `more` in front, without earlier requirements of the same names; `None` if all of `more` is
/// listed already.
pub(crate) fn with(requirements: &str, more: &str) -> Option<String> {
    let listed = split(requirements);
    let more = split(more);
    if more.iter().all(|word| listed.contains(word)) {
        return None;
    }
    let is_named = |word: &String| more.iter().any(|one| name(one) == name(word));
    let rest = listed.iter().filter(|word| word.starts_with('-') || !is_named(word));
    Some(more.iter().chain(rest).map(String::as_str).collect::<Vec<_>>().join(" "))
}

/// Returns a list for the same packages with `line` in their place, which names all their dependencies. `None` if
/// `line` is listed already, or if other packages are listed, too. Options and their values remain.
pub(crate) fn instead(requirements: &str, line: &str) -> Option<String> {
    let wanted = split(line);
    let is_known = |word: &String| {
        // The value of an option is a path or a URL.
        word.starts_with('-')
            || word.contains('/')
            || name(word) == "pip"
            || wanted.iter().any(|one| name(one) == name(word))
    };
    let listed: Vec<String> =
        split(requirements).into_iter().filter(|word| name(word) != "pip").collect();
    listed.iter().all(is_known).then(|| with(&listed.join(" "), line)).flatten()
}

/// Returns the name of a requirement, as the index compares names (PEP 503, without runs of separators).
fn name(word: &str) -> String {
    let is_in_name = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    word.chars().take_while(is_in_name).collect::<String>().to_lowercase().replace(['_', '.'], "-")
}

#[cfg(test)]
mod tests {
    use super::{instead, split, with};

    #[test]
    fn advice_repeats_nothing() {
        let line = "pip<24.1 setuptools mlcube==0.0.9";
        assert_eq!(with(line, "setuptools"), None);
        assert_eq!(with("mlcube==0.0.9", "setuptools").unwrap(), "setuptools mlcube==0.0.9");
        assert_eq!(with("pip a", "pip<24.1").unwrap(), "pip<24.1 a");
        assert_eq!(with("", "a b").unwrap(), "a b");
    }

    #[test]
    fn what_is_needed_takes_the_place_of_what_asks_for_it() {
        let line = "--no-deps mlcube==0.0.9 click setuptools<81";
        assert_eq!(instead("pip<24.1 setuptools mlcube==0.0.9", line).unwrap(), line);
        assert_eq!(
            instead("--no-index --find-links /srv/w mlcube", line).unwrap(),
            format!("{line} --no-index --find-links /srv/w")
        );
        assert_eq!(instead("mlcube==0.0.9 numpy", line), None);
        assert_eq!(instead(line, line), None);
    }

    #[test]
    fn a_requirement_may_hold_blanks() {
        let table = [
            ("mlcube==0.0.9 mlcube-docker==0.0.9", vec!["mlcube==0.0.9", "mlcube-docker==0.0.9"]),
            (
                "mlcube @ git+https://host/mlcube@exp#subdirectory=mlcube numpy",
                vec!["mlcube @ git+https://host/mlcube@exp#subdirectory=mlcube", "numpy"],
            ),
            ("mlcube@ https://host/x.whl", vec!["mlcube@ https://host/x.whl"]),
            ("mlcube == 0.0.9 a", vec!["mlcube == 0.0.9", "a"]),
            ("a >=1, <2 b", vec!["a >=1, <2", "b"]),
            (
                "a; python_version < '3.9' and os_name == 'posix' b",
                vec!["a; python_version < '3.9' and os_name == 'posix'", "b"],
            ),
            (
                "--no-index --find-links /srv/wheels a",
                vec!["--no-index", "--find-links", "/srv/wheels", "a"],
            ),
            ("  ", vec![]),
        ];
        for (text, words) in table {
            assert_eq!(split(text), words, "{text}");
        }
    }
}
