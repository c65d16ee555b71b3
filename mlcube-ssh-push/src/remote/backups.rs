//! The remote folder for the files that a push replaces or deletes, one for each push.

use mlcube_ssh::sync::name_backups;

/// The end of the name of a folder with backups of a push by content.
const BY_CONTENT: &str = ".by-content";

/// The remote folder for the backups of one push. Its name holds the id of the push's incoming folder, by which the
/// next push finds the backups of one that was cut off.
#[derive(Clone, Debug)]
pub(crate) struct Backups {
    /// The absolute path of the folder.
    pub(crate) folder: String,
    /// Whether the push compares by content instead of size and time.
    pub(crate) by_content: bool,
}

impl Backups {
    /// Chooses a folder that no other push has; `state` is the remote state folder, and `id` the id of the push.
    pub(crate) fn of_a_push(state: &str, id: &str, by_content: bool) -> Self {
        let end = if by_content { BY_CONTENT } else { "" };
        Self { folder: format!("{state}/replaced/{}{end}", name_backups(id)), by_content }
    }

    /// The folder `name` of an earlier push; `None` if that is no name of such a folder.
    pub(crate) fn of_an_earlier_push(state: &str, name: &str) -> Option<Self> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        let is_name = name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(is_plain);
        let by_content = name.ends_with(BY_CONTENT);
        is_name.then(|| Self { folder: format!("{state}/replaced/{name}"), by_content })
    }

    /// The folder for backups of code.
    pub(crate) fn code(&self) -> String {
        format!("{}/code", self.folder)
    }

    /// The folder for backups of the workspace.
    pub(crate) fn workspace(&self) -> String {
        format!("{}/workspace", self.folder)
    }
}
