//! What the script of `doctor` tells: lines, each after the name of a check.

use std::collections::BTreeMap;

use mlcube_ssh::remote::problem::Problem;

/// The checks on the host, in the order in which they are printed.
pub(crate) const CHECKS: [&str; 18] = [
    "tree",
    "locks",
    "listing",
    "environment",
    "python",
    "venv",
    "index",
    "platform",
    "shim",
    "engine",
    "gpu",
    "space-engine",
    "space-home",
    "space-tmp",
    "quota",
    "logout",
    "login-node",
    "slurm",
];

/// The check of which the client does the most.
pub(crate) const TRANSFER: &str = "transfer";

/// What the checks on the host told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    checks: BTreeMap<String, CheckLines>,
}

/// What one check told.
#[derive(Debug, Default)]
pub(crate) struct CheckLines {
    lines: Vec<String>,
    /// Its status, if it came to its end.
    pub(crate) status: Option<i32>,
}

/// The most lines of a check that count. The script sends fewer.
const LINES: usize = 100;

impl Told {
    /// Takes a line of the script.
    pub(crate) fn hear(&mut self, line: &str) {
        let Some((check, text)) = line.split_once(' ') else { return };
        // A host may send lines of any check.
        if check != TRANSFER && !CHECKS.contains(&check) {
            return;
        }
        let check = self.checks.entry(check.to_owned()).or_default();
        match text.strip_prefix("end ").map(str::parse) {
            Some(Ok(status)) => check.status = Some(status),
            _ if check.lines.len() < LINES && text != "begin" => check.lines.push(text.to_owned()),
            _ => {}
        }
    }

    /// The lines of a check; `None` if it didn't begin.
    pub(crate) fn of(&self, check: &str) -> Option<&CheckLines> {
        self.checks.get(check)
    }
}

impl CheckLines {
    /// The texts of the lines with this key.
    pub(crate) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.lines.iter().filter_map(move |line| line.strip_prefix(key)?.strip_prefix(' '))
    }

    /// The text of the last line with this key.
    pub(crate) fn last<'a>(&'a self, key: &'a str) -> Option<&'a str> {
        self.all(key).last()
    }

    /// The problem that the check reports.
    pub(crate) fn problem(&self) -> Option<Problem> {
        self.last("problem").map(Problem::parse)
    }

    /// What the programs of the check printed.
    pub(crate) fn errors(&self) -> String {
        let of_ours = ["problem ", "found ", "warning ", "free ", "say ", "does "];
        let lines =
            self.lines.iter().filter(|line| !of_ours.iter().any(|key| line.starts_with(key)));
        lines.flat_map(|line| [line.as_str(), "\n"]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_checks_are_kept_apart_however_they_come() {
        let mut told = Told::default();
        for line in [
            "tree begin",
            "locks begin",
            "tree found a b",
            "locks problem locks-hang /x y",
            "odd found nothing",
            "tree",
            "locks some words",
            "tree end 0",
        ] {
            told.hear(line);
        }
        let (tree, locks) = (told.of("tree").unwrap(), told.of("locks").unwrap());
        assert_eq!((tree.last("found"), tree.status), (Some("a b"), Some(0)));
        assert_eq!((locks.status, locks.errors().as_str()), (None, "some words\n"));
        assert_eq!(locks.problem().unwrap().subject, "/x y");
        assert!(told.of("odd").is_none() && told.of("shim").is_none());
    }
}
