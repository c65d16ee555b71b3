//! Path functions that follow Python's `os.path`.

use std::path::Path;

/// Works like `os.path.abspath`: relative to the working directory, without `.`, `..` and doubled slashes. Follows no
/// links.
pub(crate) fn absolute(path: &str, working_directory: &str) -> String {
    let joined =
        if path.starts_with('/') { path.to_owned() } else { format!("{working_directory}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in joined.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    // POSIX gives exactly two leading slashes a meaning of their own.
    let slashes = if joined.starts_with("//") && !joined.starts_with("///") { "//" } else { "/" };
    format!("{slashes}{}", parts.join("/"))
}

/// Works like `os.path.expanduser`: replaces `~` by the home folder, `~name` by that of another user; unknown ones
/// remain.
pub(crate) fn expand_user(path: &str, home: Option<&str>) -> String {
    let Some(rest) = path.strip_prefix('~') else { return path.to_owned() };
    let (user, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let home = if user.is_empty() { home.map(str::to_owned) } else { home_of(user) };
    match home {
        Some(home) => match format!("{}{rest}", home.trim_end_matches('/')) {
            expanded if expanded.is_empty() => "/".to_owned(),
            expanded => expanded,
        },
        None => path.to_owned(),
    }
}

/// Returns a user's home folder from the account database (passwd(5)).
fn home_of(user: &str) -> Option<String> {
    let accounts = std::fs::read_to_string("/etc/passwd").ok()?;
    let account = accounts
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields[0] == user)?;
    account.get(5).map(|&home| home.to_owned())
}

/// Returns the folder of a cube and the name of its file: `--mlcube` names one or the other.
pub(crate) fn cube(path: &str, working_directory: &str) -> (String, String) {
    let path = absolute(path, working_directory);
    if !Path::new(&path).is_file() {
        return (path, "mlcube.yaml".to_owned());
    }
    match path.rsplit_once('/') {
        Some(("", file)) => ("/".to_owned(), file.to_owned()),
        Some((folder, file)) => (folder.to_owned(), file.to_owned()),
        None => (path, "mlcube.yaml".to_owned()),
    }
}

/// Returns the path of a file in a folder.
pub(crate) fn join(folder: &str, file: &str) -> String {
    if folder.ends_with('/') { format!("{folder}{file}") } else { format!("{folder}/{file}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_python() {
        let table = [
            ("", "/w"),
            (".", "/w"),
            ("a/../b", "/w/b"),
            ("../../..", "/"),
            ("/a//b/", "/a/b"),
            ("//a", "//a"),
            ("///a", "/a"),
        ];
        for (path, expected) in table {
            assert_eq!(absolute(path, "/w"), expected, "{path}");
        }
    }

    #[test]
    fn home_folders() {
        assert_eq!(expand_user("~/ws", Some("/home/me")), "/home/me/ws");
        assert_eq!(expand_user("~", Some("/")), "/");
        assert_eq!(expand_user("~root/x", None), "/root/x");
        assert_eq!(expand_user("~no-such-user/x", None), "~no-such-user/x");
        assert_eq!(expand_user("a~", Some("/home/me")), "a~");
    }
}
