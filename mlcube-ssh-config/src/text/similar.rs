//! The name that somebody probably meant.

/// Returns the known name that is nearest to a mistyped one; none if all are too different to be meant.
///
/// ```
/// use mlcube_ssh::text::similar::nearest;
///
/// assert_eq!(nearest("--detahc", ["--detach", "--checksum"]), Some("--detach"));
/// assert_eq!(nearest("--frobnicate", ["--detach", "--checksum"]), None);
/// ```
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let distance = |name: &str| strsim::osa_distance(&word, &name.to_lowercase());
    let known: Vec<&str> = known.into_iter().collect();
    // As cargo and rustc do: one slip in three letters.
    let limit = word.trim_start_matches('-').chars().count().max(3) / 3;
    let near = known.iter().map(|name| (distance(name), *name)).filter(|(far, _)| *far <= limit);
    let near = near.min_by_key(|(far, _)| *far).map(|(_, name)| name);
    // An abbreviation is far from the whole name, which may be known from several places.
    let mut longer =
        known.iter().filter(|name| word.len() >= 3 && name.to_lowercase().starts_with(&word));
    near.or_else(|| longer.next().copied().filter(|first| longer.all(|other| other == first)))
}

/// Returns the beginning of a hint that asks for the nearest name; empty if there is none.
#[must_use]
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map(|name| format!("did you mean {name}? ")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{did_you_mean, nearest};

    #[test]
    fn a_slip_is_near_and_another_word_is_not() {
        let verbs = ["configure", "run", "status", "list", "logs", "stop", "logout", "clean"];
        for (word, meant) in [
            ("confgure", Some("configure")),
            ("rnu", Some("run")),
            ("Run", Some("run")),
            ("lsit", Some("list")),
            ("log", Some("logs")),
            ("conf", Some("configure")),
            ("dance", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, verbs), meant, "{word}");
        }
    }

    #[test]
    fn an_abbreviation_of_several_names_is_none_of_them() {
        assert_eq!(nearest("train", ["train_large", "train_small"]), None);
        assert_eq!(nearest("train", ["train_large", "evaluate"]), Some("train_large"));
        assert_eq!(nearest("param", ["param_file", "data", "param_file"]), Some("param_file"));
    }

    #[test]
    fn a_hint_begins_with_the_question() {
        assert_eq!(did_you_mean("gpu", ["gpu1", "cluster"]), "did you mean gpu1? ");
        assert_eq!(did_you_mean("gpu", ["cluster"]), "");
    }
}
