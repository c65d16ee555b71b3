//! The two sides of a workspace: what is where, what both last had in common, what has to move.

mod linked;
mod listing;
mod plan;
mod record;

pub use linked::follow_own_links;
pub use listing::{
    Entry, FIND_FORMAT, FIND_FORMAT_LINKED, FIND_FORMAT_UNREADABLE, Kind, Listing, Skip,
};
pub use plan::{Direction, Part, Plan};
pub use record::{Record, state_folder};
