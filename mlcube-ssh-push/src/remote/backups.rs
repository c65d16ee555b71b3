//! The folder on the remote for what a push replaces or deletes: one for each push.

use mlcube_ssh::sync::name_aside;

/// The folder on the remote for the backups of one push.
#[derive(Clone, Debug)]
pub(crate) struct Backups(pub(crate) String);

impl Backups {
    /// A folder that no other push has; `state` is our own folder there.
    pub(crate) fn of_a_push(state: &str) -> Self {
        Self(format!("{state}/replaced/{}", name_aside()))
    }

    /// That for code.
    pub(crate) fn code(&self) -> String {
        format!("{}/code", self.0)
    }

    /// That for the workspace.
    pub(crate) fn workspace(&self) -> String {
        format!("{}/workspace", self.0)
    }
}
