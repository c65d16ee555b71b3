//! The user's rsync, when something happens around each of its transfers.

use crate::scene::Scene;

const REAL: &str = "exec /usr/bin/rsync \"$@\"";

impl Scene {
    /// Lets lines of sh run before and after each transfer. A question for the version is no transfer.
    pub fn around_rsync(&self, before: &str, after: &str) {
        let lines = format!(
            "case $1 in --version) {REAL} ;; esac\n{before}\n/usr/bin/rsync \"$@\"\nended=$?\n{after}\nexit $ended"
        );
        self.has_program("rsync", &lines);
    }

    /// Lets lines of sh run before each transfer.
    pub fn before_rsync(&self, lines: &str) {
        let version = format!("case $1 in --version) {REAL} ;; esac");
        self.has_program("rsync", &format!("{version}\n{lines}\n{REAL}"));
    }

    /// Lets lines of sh run after each transfer, such as `exit 12`.
    pub fn after_rsync(&self, lines: &str) {
        self.around_rsync("", lines);
    }

    /// Ends the staging.
    pub fn real_rsync(&self) {
        self.has_program("rsync", REAL);
    }
}
