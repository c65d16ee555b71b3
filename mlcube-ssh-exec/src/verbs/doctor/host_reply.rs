//! The reply of the script of `doctor`: lines, each after the name of a check.
//!
//! The fuzz target `host` includes this file, so it uses nothing else of this program.

use std::collections::BTreeMap;

use mlcube_ssh::remote::problem::Problem;

/// A check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Check {
    Configuration,
    Ssh,
    Rsync,
    State,
    Sockets,
    Key,
    Login,
    StartUp,
    Session,
    Sessions,
    Transfer,
    Tree,
    Locks,
    Listing,
    Environment,
    Python,
    Venv,
    Index,
    Platform,
    Shim,
    Engine,
    Gpu,
    Removal,
    SpaceEngine,
    SpaceHome,
    SpaceTmp,
    Quota,
    Logout,
    LoginNode,
    Slurm,
    Clock,
}

impl Check {
    /// Those that the script makes, in the order in which they are printed. Of a transfer the client makes the most.
    pub(crate) const OF_SCRIPT: [Self; 20] = [
        Self::Transfer,
        Self::Tree,
        Self::Locks,
        Self::Listing,
        Self::Environment,
        Self::Python,
        Self::Venv,
        Self::Index,
        Self::Platform,
        Self::Shim,
        Self::Engine,
        Self::Gpu,
        Self::Removal,
        Self::SpaceEngine,
        Self::SpaceHome,
        Self::SpaceTmp,
        Self::Quota,
        Self::Logout,
        Self::LoginNode,
        Self::Slurm,
    ];

    /// Its name in the script, and for the user.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Ssh => "ssh",
            Self::Rsync => "rsync",
            Self::State => "state",
            Self::Sockets => "sockets",
            Self::Key => "key",
            Self::Login => "login",
            Self::StartUp => "start-up",
            Self::Session => "session",
            Self::Sessions => "sessions",
            Self::Transfer => "transfer",
            Self::Tree => "tree",
            Self::Locks => "locks",
            Self::Listing => "listing",
            Self::Environment => "environment",
            Self::Python => "python",
            Self::Venv => "venv",
            Self::Index => "index",
            Self::Platform => "platform",
            Self::Shim => "shim",
            Self::Engine => "engine",
            Self::Gpu => "gpu",
            Self::Removal => "removal",
            Self::SpaceEngine => "space-engine",
            Self::SpaceHome => "space-home",
            Self::SpaceTmp => "space-tmp",
            Self::Quota => "quota",
            Self::Logout => "logout",
            Self::LoginNode => "login-node",
            Self::Slurm => "slurm",
            Self::Clock => "clock",
        }
    }
}

/// What the script warns of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Warning {
    /// The check can't be made because another one has failed.
    Untried,
    /// A folder can't be written that steps may do without.
    NotWritable,
    /// A limit of quota(1) is reached.
    OverQuota,
    /// The file system has no file locks.
    NoLocks,
    /// The host has no flock(1).
    NoFlock,
    /// The python environment lacks requirements.
    Lacking,
    /// Programs run in a temporary folder only.
    NoExec,
    /// The engine bypasses the shim.
    Bypassing,
    /// Something that the engine made for a check may remain.
    LeftBehind,
    /// The host ends processes at logout, and lingering is off.
    NoLinger,
    /// The host ends processes at logout, and gives no scope that is spared.
    NoScope,
    /// The host is a login node.
    LoginNode,
}

impl Warning {
    const ALL: [Self; 12] = [
        Self::Untried,
        Self::NotWritable,
        Self::OverQuota,
        Self::NoLocks,
        Self::NoFlock,
        Self::Lacking,
        Self::NoExec,
        Self::Bypassing,
        Self::LeftBehind,
        Self::NoLinger,
        Self::NoScope,
        Self::LoginNode,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Untried => "untried",
            Self::NotWritable => "not-writable",
            Self::OverQuota => "over-quota",
            Self::NoLocks => "no-locks",
            Self::NoFlock => "no-flock",
            Self::Lacking => "lacking",
            Self::NoExec => "no-exec",
            Self::Bypassing => "bypassing",
            Self::LeftBehind => "left-behind",
            Self::NoLinger => "no-linger",
            Self::NoScope => "no-scope",
            Self::LoginNode => "login-node",
        }
    }

    /// Parses the words after `warning`; the host may send any.
    fn parse(text: &str) -> Option<(Self, &str)> {
        let (name, text) = text.split_once(' ')?;
        Some((Self::ALL.into_iter().find(|warning| warning.name() == name)?, text))
    }
}

/// The lines of all checks on the host.
#[derive(Debug, Default)]
pub(crate) struct HostReply {
    checks: BTreeMap<Check, CheckLines>,
}

/// The lines of one check.
#[derive(Debug, Default)]
pub(crate) struct CheckLines {
    lines: Vec<String>,
    /// Its status, if it came to its end.
    pub(crate) status: Option<i32>,
}

/// The most lines of a check that count. The script sends fewer.
const LINES: usize = 100;

impl HostReply {
    /// Takes a line of the script.
    pub(crate) fn add_line(&mut self, line: &str) {
        let Some((name, text)) = line.split_once(' ') else { return };
        // A host may send lines of any check.
        let known = Check::OF_SCRIPT.into_iter().find(|check| check.name() == name);
        let Some(check) = known else { return };
        let check = self.checks.entry(check).or_default();
        match text.strip_prefix("end ").map(str::parse) {
            Some(Ok(status)) => check.status = Some(status),
            _ if check.lines.len() < LINES && text != "begin" => check.lines.push(text.to_owned()),
            _ => {}
        }
    }

    /// The lines of a check; `None` if it didn't begin.
    pub(crate) fn lines_of(&self, check: Check) -> Option<&CheckLines> {
        self.checks.get(&check)
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

    /// What the check warns of.
    pub(crate) fn warning(&self) -> Option<(Warning, &str)> {
        self.all("warning").filter_map(Warning::parse).last()
    }

    /// What the programs of the check printed.
    pub(crate) fn errors(&self) -> String {
        let of_ours = ["problem ", "found ", "warning ", "free ", "value ", "say ", "does "];
        let lines =
            self.lines.iter().filter(|line| !of_ours.iter().any(|key| line.starts_with(key)));
        lines.flat_map(|line| [line.as_str(), "\n"]).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn lines_of_checks_are_kept_apart_however_they_come() {
        let mut reply = HostReply::default();
        for line in [
            "tree begin",
            "locks begin",
            "tree found a b",
            "locks problem locks-hang /x y",
            "odd found nothing",
            "tree",
            "clock found a check of the client",
            "locks value shims /x",
            "locks some words",
            "tree end 0",
            "shim warning no-exec no program runs",
            "engine warning invented by the host",
        ] {
            reply.add_line(line);
        }
        let lines = |check| reply.lines_of(check).unwrap();
        let (tree, locks) = (lines(Check::Tree), lines(Check::Locks));
        assert_eq!((tree.last("found"), tree.status), (Some("a b"), Some(0)));
        assert_eq!((locks.status, locks.errors().as_str()), (None, "some words\n"));
        assert_eq!(locks.problem().unwrap().subject, "/x y");
        assert_eq!(lines(Check::Shim).warning(), Some((Warning::NoExec, "no program runs")));
        assert_eq!(lines(Check::Engine).warning(), None);
        assert!(reply.lines_of(Check::Clock).is_none() && reply.lines_of(Check::Slurm).is_none());
    }

    const SCRIPTS: [&str; 6] = [
        include_str!("sh/tree.sh"),
        include_str!("sh/python.sh"),
        include_str!("sh/container.sh"),
        include_str!("sh/host.sh"),
        include_str!("sh/untried.sh"),
        include_str!("sh/doctor.sh"),
    ];

    /// The commands of the scripts, without their comments.
    fn commands() -> impl Iterator<Item = &'static str> {
        let lines = SCRIPTS.into_iter().flat_map(str::lines).map(str::trim_start);
        let commands = lines
            .filter(|line| !line.starts_with('#'))
            .flat_map(|line| line.split([';', '|', '&', '{', '(']).map(str::trim_start));
        commands.map(|command| {
            let words = ["then ", "else "];
            words.iter().find_map(|word| command.strip_prefix(word)).unwrap_or(command)
        })
    }

    fn first_word(text: &str) -> &str {
        text.split(|c: char| !c.is_ascii_lowercase() && c != '-').next().unwrap()
    }

    /// Lines of another check would be dropped without a word.
    #[test]
    fn the_scripts_make_these_checks() {
        let known: BTreeSet<&str> = Check::OF_SCRIPT.map(Check::name).into();
        let made = commands().filter_map(|command| command.strip_prefix("run ").map(first_word));
        assert_eq!(made.collect::<BTreeSet<_>>(), known);
    }

    #[test]
    fn the_scripts_warn_of_these() {
        let known: BTreeSet<&str> = Warning::ALL.map(Warning::name).into();
        // Variables hold these.
        let held = ["no-locks", "no-flock", "no-linger", "no-scope"];
        let launch = include_str!("../../launcher/direct/launch.sh");
        let is_held =
            |kind: &str| SCRIPTS.into_iter().chain([launch]).any(|text| text.contains(kind));
        assert!(held.into_iter().all(is_held));
        let printed = commands().flat_map(|command| command.split("warning ").skip(1));
        let printed = printed.map(first_word).filter(|word| !word.is_empty());
        assert_eq!(printed.chain(held).collect::<BTreeSet<_>>(), known);
    }
}
