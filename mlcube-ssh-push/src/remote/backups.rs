//! The remote folder for the files that a push replaces or deletes, one for each push.

use mlcube_ssh::sync::name_aside;

/// The remote folder for the backups of one push.
#[derive(Clone, Debug)]
pub(crate) struct Backups(pub(crate) String);

impl Backups {
    /// Chooses a folder that no other push has; `state` is the remote state folder.
    pub(crate) fn of_a_push(state: &str) -> Self {
        Self(format!("{state}/replaced/{}", name_aside()))
    }

    /// The folder for backups of code.
    pub(crate) fn code(&self) -> String {
        format!("{}/code", self.0)
    }

    /// The folder for backups of the workspace.
    pub(crate) fn workspace(&self) -> String {
        format!("{}/workspace", self.0)
    }
}
