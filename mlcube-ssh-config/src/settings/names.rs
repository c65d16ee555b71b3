//! Names that become part of command lines: an invalid one can't be constructed.
//!
//! A host named `-oProxyCommand=…` must never be taken for an option (git's `connect.c` refuses the same).
//!
//! ```
//! use mlcube_ssh::settings::names::{Host, RemotePath};
//!
//! assert!("gpu1.lan".parse::<Host>().is_ok());
//! assert!("-oProxyCommand=sh".parse::<Host>().is_err());
//!
//! let root: RemotePath = "~/cubes".parse()?;
//! let tree = root.join("linreg")?;
//! assert_eq!((tree.as_str(), tree.from_home()), ("~/cubes/linreg", "cubes/linreg"));
//! # Ok::<(), anyhow::Error>(())
//! ```

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::settings::invalid::Invalid;
use crate::text::hint::hinted;
use crate::text::quote;

type Result<T> = std::result::Result<T, Invalid>;

/// Refuses text for a reason.
macro_rules! refuse {
    ($($reason:tt)*) => {
        return Err(Invalid::new(format!($($reason)*)))
    };
}

/// Refuses text that could be taken for an option or would garble a line of output.
fn check(what: &str, text: &str) -> Result<()> {
    if text.trim().is_empty() {
        refuse!("the {what} is empty");
    }
    if text.starts_with('-') {
        let shown = text.escape_debug();
        refuse!("the {what} '{shown}' begins with '-', and would be taken for an option");
    }
    if text.contains(char::is_control) {
        refuse!("the {what} '{}' holds a control character", text.escape_debug());
    }
    Ok(())
}

/// The characters that ssh 9.6 refuses in a host, and most of them in a user: a shell interprets them, for example in
/// `ProxyCommand %h` and `Match exec`. Older versions of ssh accept them.
const ACTIVE: &str = "'`\"$\\;&<>|(){}*?!#~";

/// Refuses the character of a login's name that a shell interprets; it can be set in ~/.ssh/config, for an alias.
fn refuse_active(what: &str, text: &str, found: Option<char>) -> Result<()> {
    match found {
        Some(found) => Err(Invalid::with_hint(
            format!("the {what} '{text}' holds '{found}', which a shell could interpret"),
            "write the name as ~/.ssh/config knows it; a user or name with other characters can be set in it, for an alias",
        )),
        None => Ok(()),
    }
}

fn is_active(c: char) -> bool {
    c.is_whitespace() || ACTIVE.contains(c)
}

fn active_in_host(host: &str) -> Option<char> {
    host.chars().find(|c| is_active(*c))
}

/// As ssh does, takes a backslash anywhere but at the end: an account of a Windows domain is called `DOMAIN\ann`.
fn active_in_user(user: &str) -> Option<char> {
    let (start, last) = user.split_at(user.char_indices().next_back().map_or(0, |(at, _)| at));
    start.chars().find(|c| *c != '\\' && is_active(*c)).or_else(|| active_in_host(last))
}

/// Defines a type for valid names of one kind: `TryFrom<String>` checks the text, and serde uses it.
macro_rules! name {
    ($(#[$attribute:meta])* $name:ident, $check:expr) => {
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(extend("minLength" = 1))]
        $(#[$attribute])*
        pub struct $name(String);

        impl $name {
            /// Returns the text as it was written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;

            fn try_from(text: String) -> Result<Self> {
                let check: fn(&str) -> Result<()> = $check;
                check(&text)?;
                Ok(Self(text))
            }
        }

        impl std::str::FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A host as the user writes it for `ssh`: a name, an address, or an alias of `~/.ssh/config`.
    Host,
    |text| {
        check("host", text)?;
        let (user, host) = text.rsplit_once('@').unwrap_or(("", text));
        refuse_active("host", text, active_in_user(user).or_else(|| active_in_host(host)))?;
        if text.contains('/') {
            refuse!("the host '{text}' holds a slash");
        }
        Ok(())
    }
);

name!(
    /// A user name on the remote (`ssh -l`).
    User,
    |text| {
        check("user", text)?;
        refuse_active("user", text, active_in_user(text))
    }
);

name!(
    /// The name of one of a cube's tasks.
    TaskName,
    |text| check("task name", text)
);

name!(
    /// A path on the remote: absolute, or below the remote home (`x` and `~/x`). `~user` is refused: only a remote
    /// shell could expand it.
    RemotePath,
    |text| {
        check("remote path", text)?;
        if text.starts_with('~') && text != "~" && !text.starts_with("~/") {
            refuse!("the remote path '{text}' names another user's home; write it as an absolute path");
        }
        Ok(())
    }
);

name!(
    /// The id of a job: it names a folder on the remote.
    JobId,
    |text| {
        check("job id", text)?;
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            refuse!("'{text}' isn't the id of a job; `mlcube-ssh list` lists them");
        }
        Ok(())
    }
);

name!(
    /// The name of a platform of the remote `mlcube`.
    PlatformName,
    |text| if text.trim().is_empty() { Err(Invalid::new("is empty")) } else { Ok(()) }
);

name!(
    /// The name of an environment variable.
    #[schemars(extend("pattern" = "^[A-Za-z_][A-Za-z0-9_]*$"))]
    VariableName,
    check_variable
);

name!(
    /// The name of a remote folder: one component, safe in a shell line.
    #[schemars(extend("pattern" = "^[A-Za-z0-9_+][A-Za-z0-9_+.-]*$"))]
    FolderName,
    |text| {
        let is_safe = quote::is_plain(text) && !text.contains('/') && !text.starts_with(['-', '.']);
        if !is_safe || text.is_empty() {
            let shown = text.escape_debug();
            refuse!("'{shown}' can't name a remote folder; use letters, digits, '_', '+', '-' and '.'");
        }
        Ok(())
    }
);

name!(
    /// A local path that doesn't depend on the current folder.
    #[schemars(extend("pattern" = "^~?/"))]
    LocalPlace,
    |text| {
        if !text.starts_with('/') && !text.starts_with("~/") {
            let shown = text.escape_debug();
            refuse!("'{shown}' is neither absolute nor below the home; write /x or ~/x");
        }
        Ok(())
    }
);

impl RemotePath {
    /// Returns this path with `more` appended.
    ///
    /// # Errors
    /// If the result isn't a valid path.
    pub fn join(&self, more: &str) -> anyhow::Result<Self> {
        Ok(Self::try_from(format!("{}/{more}", self.0.trim_end_matches('/')))?)
    }

    /// Returns the path without `~/`, as rsync and a shell in the home folder interpret it.
    #[must_use]
    pub fn from_home(&self) -> &str {
        match self.0.strip_prefix('~') {
            Some(rest) => match rest.trim_start_matches('/') {
                "" => ".",
                below => below,
            },
            None => &self.0,
        }
    }
}

/// Checks the name of an environment variable against POSIX: letters, digits and `_`, and no digit first.
///
/// # Errors
/// If `name` is anything else.
pub fn check_variable(name: &str) -> Result<()> {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !plain || name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        refuse!("'{}' can't be the name of an environment variable", name.escape_debug());
    }
    Ok(())
}

/// Checks the name of a task's parameter: `mlcube` writes `--NAME=PATH` into a shell line.
///
/// # Errors
/// If a shell or an option parser would interpret the name.
pub fn check_parameter(name: &str) -> anyhow::Result<()> {
    if name.is_empty() || name.starts_with('-') {
        anyhow::bail!("'{name}' can't be the name of a parameter: it is empty or begins with '-'");
    }
    let bad = |c: &char| c.is_control() || c.is_whitespace() || ACTIVE.contains(*c);
    if let Some(found) = name.chars().find(bad) {
        return Err(hinted(
            format!(
                "'{}' can't be the name of a parameter: a shell on the remote would act on '{}'",
                name.escape_debug(),
                found.escape_debug()
            ),
            "rename the parameter with letters, digits, '_', '-' and '.'",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters() {
        for good in ["model_dir", "a.b", "a-b", "2024", "é", "a[0]"] {
            assert!(check_parameter(good).is_ok(), "{good}");
        }
        for bad in ["", "-P", "a\nown any x $(id)", "a b", "$(id)", "a;id", "`id`", "a'"] {
            assert!(check_parameter(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn hosts() {
        for good in [
            "box",
            "10.0.0.1",
            "::1",
            "fe80::1%eth0",
            "gpu1.lab.example",
            "gpu_1",
            "ann@box",
            "CORP\\ann@box",
        ] {
            assert!(good.parse::<Host>().is_ok(), "{good}");
        }
        for bad in [
            "",
            " ",
            "-oProxyCommand=x",
            "a b",
            "a\nb",
            "ssh://x",
            "a;id",
            "$(id)",
            "a'b",
            "a\"b",
            "a\\b",
            "a\\@b",
            "a@b\\c",
            "`id`",
        ] {
            assert!(bad.parse::<Host>().is_err(), "{bad:?}");
        }
        for good in ["ann", "ann.lee", "ann@corp.example", "svc-1", "CORP\\ann"] {
            assert!(good.parse::<User>().is_ok(), "{good}");
        }
        for bad in ["", "-l", "a b", "a;id", "a$(id)", "a'b", "ann\\", "\\", "a|b", "a&b"] {
            assert!(bad.parse::<User>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn job_ids() {
        assert!("1700000000-0123456789ab".parse::<JobId>().is_ok());
        for bad in ["", ".", "..", "-1", "../x", "../../x", "a/b", "a b", "a;b", "$(id)", "*"] {
            assert!(bad.parse::<JobId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn remote_paths() {
        let path = |text: &str| text.parse::<RemotePath>();
        assert_eq!(path("~/x y").unwrap().from_home(), "x y");
        assert_eq!(path("~").unwrap().from_home(), ".");
        assert_eq!(path("/srv/").unwrap().join("a").unwrap().as_str(), "/srv/a");
        assert!(path("~root/x").is_err() && path("-x").is_err() && path("a\tb").is_err());
    }
}
