//! The direction of a transfer.

/// The direction of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferDirection {
    /// From local to remote.
    Up,
    /// From remote to local.
    Down,
}
