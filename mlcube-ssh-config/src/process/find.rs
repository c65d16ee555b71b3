//! The remote's `find`, or find.py in its place where it lacks the predicates of GNU find.

use crate::process::comments::without_comments;
use crate::text::quote::shell_word;

/// The shell function `find`, with the text of find.py: only scripts that list something are sent with it.
pub(crate) fn functions() -> String {
    let find_py = shell_word(&without_comments(include_str!("sh/find.py")));
    let functions = without_comments(include_str!("sh/find.sh"));
    format!("find_text={find_py}\n{functions}")
}

/// Returns whether a script may call `find`. One that only has the word in it carries the function for nothing.
pub(crate) fn is_called_in(script: &str) -> bool {
    script.contains("find ")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use crate::listing::find_format::{FIND_FORMAT, FIND_FORMAT_LINKED, FIND_FORMAT_UNREADABLE};
    use crate::process::command::Command;

    /// Returns the output of a find command, its entries sorted.
    fn listed(command: Command, words: &[&str]) -> Vec<String> {
        let output = command.args(words.iter().copied()).run().unwrap().output;
        let text = String::from_utf8(output).unwrap();
        let mut entries: Vec<_> = text.split_inclusive('\0').map(str::to_owned).collect();
        entries.sort();
        entries
    }

    #[test]
    fn find_py_lists_as_gnu_find_does() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path();
        fs::create_dir_all(top.join("a/deep")).unwrap();
        fs::write(top.join("a/deep/it's\n\"odd\""), "12").unwrap();
        fs::File::create(top.join("holes")).unwrap().set_len(1 << 20).unwrap();
        fs::set_permissions(top.join("holes"), fs::Permissions::from_mode(0o4501)).unwrap();
        symlink("a", top.join("link")).unwrap();
        symlink("nowhere", top.join("dangling")).unwrap();
        let top = top.to_str().unwrap();
        let find_py = || Command::new("python3").args(["-c", include_str!("sh/find.py")]);
        for line in [
            "TOP -mindepth 1 -printf FORMAT",
            "TOP -mindepth 1 ! -type l ! ( -type f -uid 0 -perm -400 ) -printf UNREADABLE -prune -o -mindepth 1 -printf FORMAT",
            "TOP -type l -xtype d -exec find {}/ -mindepth 1 -printf LINKED ;",
            "-L TOP -maxdepth 1 -printf LINKED",
            "TOP -depth -type d ! -user 7 -print0",
            "TOP -name dee* -prune -o -readable -perm /111 -printf PLACE",
        ] {
            let words = line.split(' ').map(|word| match word {
                "TOP" => top,
                "FORMAT" => FIND_FORMAT,
                "UNREADABLE" => FIND_FORMAT_UNREADABLE,
                "LINKED" => FIND_FORMAT_LINKED,
                "PLACE" => "%D %p\\0",
                word => word,
            });
            let words = &words.collect::<Vec<_>>();
            assert_eq!(listed(find_py(), words), listed(Command::new("find"), words), "{words:?}");
        }
    }
}
