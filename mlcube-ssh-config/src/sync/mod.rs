//! What push and pull share: the plan, the sync state, rsync, archives and selections.

pub mod archive;
pub(crate) mod direction;
pub mod free_space;
mod own_links;
pub(crate) mod plan;
pub(crate) mod real_folders;
pub mod rsync;
pub(crate) mod same_contents;
pub(crate) mod selection;
pub(crate) mod sides;
pub mod skipped;
pub(crate) mod state;
pub(crate) mod umask;

pub use direction::TransferDirection;
pub use own_links::follow_own_links;
pub use plan::backup::name_backups;
pub use plan::batch::Batch;
pub use plan::{Plan, leads_out};
pub use real_folders::RealFolders;
pub use same_contents::SideListings;
pub use selection::{Pattern, Selected, Selection};
pub use sides::{Sides, longest_path, unrounded_local};
pub use skipped::{Skipped, SkippedEntry};
pub use state::SyncState;
pub use state::agreed::{Agreed, AgreedEntry, Confirmed};
pub use state::confirm::{Ended, list_paths};
pub use state::former_places::FormerPlaces;
pub use state::transfer_id::{SeenTransfer, TransferId};
pub use umask::Umask;
