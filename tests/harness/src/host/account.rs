//! Users of the remote host.

use std::fs;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use crate::program::{am_root, command, must};
use crate::skip::skip;

/// A user of this machine that exists for one test, with a home folder and a login shell of its own.
#[derive(Debug)]
pub struct Account {
    name: String,
    home: PathBuf,
}

impl Account {
    /// Makes one whose home is a new folder in `place`; none unless root, or where the shell isn't installed.
    pub fn with_shell(place: &Path, shell: &str) -> Option<Account> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let shell = ["/bin", "/usr/bin"]
            .map(|dir| Path::new(dir).join(shell))
            .into_iter()
            .find(|path| path.exists());
        let (true, Some(shell)) = (am_root(), shell) else {
            skip("only root can make a user, and only of a shell that is installed");
            return None;
        };
        // With the time: a test that was killed has left its accounts, and its pid is used again.
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let time = time.as_millis() % 0x100_0000;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("mlct{}x{number}x{time:x}", std::process::id());
        let home = place.join(&name);
        fs::create_dir_all(&home).unwrap();
        alone(|| {
            must(
                command("useradd")
                    .arg("--no-create-home")
                    .arg("--home-dir")
                    .arg(&home)
                    .arg("--shell")
                    .arg(shell)
                    .arg(&name),
            );
            // A new account is locked; `*` is a password that nobody can type.
            must(command("usermod").args(["--password", "*", &name]));
        });
        let account = Account { name, home };
        account.owns(&account.home);
        Some(account)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its home folder.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Gives it a file or folder, and all that is below.
    pub fn owns(&self, path: &Path) {
        must(command("chown").args(["-R", &format!("{}:", self.name)]).arg(path));
    }

    /// Makes it a member of another one's group.
    pub fn joins_group_of(&self, other: &Account) {
        alone(|| must(command("usermod").args(["--append", "--groups", &other.name, &self.name])));
    }

    /// Gives it a password.
    pub fn has_password(&self, password: &str) {
        // `chpasswd` asks PAM, which this sshd doesn't use: the hash goes where crypt(3) is looked up.
        let hash =
            must(command("perl").args(["-e", "print crypt($ARGV[0], '$6$testbed$')", password]));
        alone(|| must(command("usermod").args(["--password", &hash, &self.name])));
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        alone(|| {
            let _best_effort = command("userdel").args(["--force", &self.name]).output();
        });
    }
}

/// Runs `change` while no other test changes the users: `useradd` gives up at once when it finds the files locked.
fn alone<T>(change: impl FnOnce() -> T) -> T {
    let lock = File::create(std::env::temp_dir().join("mlct-accounts.lock")).unwrap();
    lock.lock().unwrap();
    change()
}
