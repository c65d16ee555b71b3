//! What push and pull share: the plan, the sync state, rsync, archives and selections.

pub mod archive;
pub(crate) mod plan;
pub mod rsync;
pub(crate) mod selection;
pub(crate) mod sides;
pub(crate) mod state;
pub(crate) mod umask;

pub use crate::remote::disks::LIST_PLACES;
pub use plan::backup::name_backups;
pub use plan::batch::Batch;
pub use plan::followed_links::follow_own_links;
pub use plan::skipped;
pub use plan::{Plan, TransferDirection, leads_out};
pub use selection::{Pattern, Selected, Selection};
pub use sides::{Sides, unrounded_local};
pub use state::SyncState;
pub use state::agreed::{Agreed, Common, Confirmed};
pub use state::confirm::{Ended, state_of};
pub use state::made_places::MadePlaces;
pub use umask::Umask;
