//! Which job is meant.

use std::fmt;

use mlcube_ssh::settings::names::JobId;

/// Which job of the workspace is meant. The newest one has no known id until the remote names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum WhichJob {
    #[default]
    Newest,
    Id(JobId),
}

impl WhichJob {
    /// Returns the id, if it is known.
    pub(crate) fn id(&self) -> Option<&JobId> {
        match self {
            Self::Newest => None,
            Self::Id(id) => Some(id),
        }
    }
}

impl fmt::Display for WhichJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newest => f.write_str("the newest job"),
            Self::Id(id) => write!(f, "job {id}"),
        }
    }
}
