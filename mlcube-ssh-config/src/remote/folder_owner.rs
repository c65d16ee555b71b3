//! The failure for a remote folder that others may change.

use anyhow::anyhow;

use crate::pipe::failure::Failure;
use crate::text::quote::shell_word;

/// Makes the failure from the script's `subject`: `owner WHO MODE PATH`; `writable WHO MODE PATH` for a folder of the
/// account; `exposed WHO MODE PATH` for another folder; or `unlooked - - PATH` if it couldn't be checked.
#[must_use]
pub fn failure(host: &str, subject: &str) -> Failure {
    let mut words = subject.splitn(4, ' ');
    let mut word = || words.next().unwrap_or_default();
    let (what, who, mode, path) = (word(), word(), word(), word());
    let fault = match what {
        "owner" => anyhow!(
            "'{path}' on '{host}' belongs to '{who}' ({mode}), who could put programs there that run as you"
        ),
        "unlooked" => {
            return Failure::ours(anyhow!("can't find out who may write in '{path}' on '{host}'"))
                .hint(
                    "the check needs id, stat, readlink and getent in the PATH of a remote session",
                );
        }
        _ => anyhow!(
            "'{path}' on '{host}' can be written by '{who}' ({mode}), who could put programs there that run as you"
        ),
    };
    let remedy = if what == "writable" && path.starts_with('/') {
        let path = shell_word(path);
        format!(
            "run `chmod go-w {path}` on the remote, or name a folder that only you can write in the platform's section"
        )
    } else {
        "set remote_root, or the interpreter's location, in the platform's section to a remote folder that you own".to_owned()
    };
    Failure::ours(fault)
        .hint(format!("{remedy}; for a folder that your group shares, set 'shared: true'"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    use crate::process::command::Command;

    const SCRIPT: &str = concat!(
        "shared=no\n",
        include_str!("../process/sh/prelude.sh"),
        include_str!("../process/sh/folder-owner.sh"),
        "\ncheck_own \"$1\"\necho own\n"
    );

    /// Returns the output of the check for a folder, with `programs` first in the PATH.
    fn told_of(folder: &Path, programs: &Path) -> String {
        let told = told_by("dash", folder, programs);
        assert_eq!(told_by("bash", folder, programs), told);
        told
    }

    fn told_by(shell: &str, folder: &Path, programs: &Path) -> String {
        let path = format!("{}:/usr/bin:/bin", programs.display());
        let line = format!("exec {shell} -c \"$1\" sh \"$2\"");
        let words = ["-c", &line, "sh", SCRIPT, folder.to_str().unwrap()];
        let told = Command::new("sh").args(words).variable("PATH", &path).run().unwrap();
        assert_eq!(told.errors, "");
        String::from_utf8(told.output).unwrap()
    }

    /// Makes a folder with programs of these names that run this line.
    fn program(folder: &Path, name: &str, line: &str) {
        let file = folder.join(name);
        fs::write(&file, format!("#!/bin/sh\n{line}\n")).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_look_that_failed_is_no_answer() {
        let home = tempfile::tempdir().unwrap();
        let (folder, programs) = (home.path().join("it's mine"), home.path().join("bin"));
        fs::create_dir(&folder).unwrap();
        fs::create_dir(&programs).unwrap();
        assert_eq!(told_of(&folder, &programs), "own\n");
        assert_eq!(told_of(&folder.join("not/there/yet"), &programs), "own\n");
        program(&programs, "stat", "exit 1");
        let unlooked = format!("problem not-own unlooked - - {}\n", folder.display());
        assert_eq!(told_of(&folder, &programs), unlooked);
        // A stat that inspects only some of the paths.
        program(&programs, "stat", "shift 2; exec /usr/bin/stat -c '%u %g %A %n' \"$1\"");
        assert_eq!(told_of(&folder, &programs), unlooked);
    }

    #[test]
    fn a_users_own_group_with_another_member_is_no_private_one() {
        let home = tempfile::tempdir().unwrap();
        let (folder, programs) = (home.path().join("folder"), home.path().join("bin"));
        fs::create_dir(&folder).unwrap();
        fs::create_dir(&programs).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o775)).unwrap();
        let me = Command::new("id").arg("-un").run().unwrap().output;
        let me = String::from_utf8(me).unwrap().trim().to_owned();
        for (name, members, is_own) in [
            (&*me, "", true),
            (&me, &me, true),
            (&me, "bob", false),
            (&me, &format!("{me},bob"), false),
            // It is the primary group of somebody else, of this test's user.
            ("ann", "", false),
        ] {
            let id =
                format!("case $1 in -u | -g) exec /usr/bin/id \"$1\" ;; *) echo '{name}' ;; esac");
            program(&programs, "id", &id);
            program(&programs, "getent", &format!("echo \"{name}:x:$2:{members}\""));
            let told = told_of(&folder, &programs);
            assert_eq!(told == "own\n", is_own, "{name} {members}: {told}");
        }
    }

    #[test]
    fn a_link_between_two_others_is_looked_at() {
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name);
        for name in ["bin", "open", "data", "data/folder"] {
            fs::create_dir(path(name)).unwrap();
        }
        symlink("open/second", path("first")).unwrap();
        symlink("../data", path("open/second")).unwrap();
        assert_eq!(told_of(&path("first/folder"), &path("bin")), "own\n");
        fs::set_permissions(path("open"), Permissions::from_mode(0o777)).unwrap();
        let told = told_of(&path("first/folder"), &path("bin"));
        // Also with the host's own stat and readlink.
        assert_eq!(told_by("busybox sh", &path("first/folder"), &path("bin")), told);
        let open = path("open").display().to_string();
        assert_eq!(told, format!("problem not-own writable everybody drwxrwxrwx {open}\n"));
        symlink("circle", path("circle")).unwrap();
        assert!(told_of(&path("circle"), &path("bin")).contains("unlooked"));
    }

    #[test]
    fn only_what_the_account_owns_is_its_to_close() {
        let hint = |subject: &str| super::failure("h", subject).hint_text().unwrap().to_owned();
        assert!(
            hint("writable lab drwxrwx--- /data/it's; x")
                .contains(r"`chmod go-w '/data/it'\''s; x'`")
        );
        assert!(!hint("exposed lab drwxrwx--- /data").contains("chmod"));
        assert!(!hint("writable lab drwxrwx--- -R /").contains("chmod"));
    }
}
