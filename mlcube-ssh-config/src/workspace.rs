//! The two sides of a workspace: what is where, what both last had in common, what has to move.

mod aside;
mod confirm;
mod doubtful_names;
mod entry;
mod granularity;
mod interner;
mod linked;
mod listing;
mod packed_entry;
mod part;
mod plan;
mod record;
mod shared;
mod shown;
mod text;
mod unplaced;
mod walk;

pub use aside::name_aside;
pub use confirm::{Ended, LIST_PLACES, state_of};
pub use doubtful_names::DoubtfulNames;
pub use entry::{Entry, Kind, is_absence};
pub use granularity::Granularity;
pub use linked::follow_own_links;
pub use listing::Listing;
pub use part::Part;
pub use plan::{Direction, Plan, leads_out};
pub use record::{Common, Record, state_folder};
pub(crate) use text::Parser;
pub use text::{FIND_FORMAT, FIND_FORMAT_LINKED, FIND_FORMAT_UNREADABLE, FIND_FORMAT_UNWRITABLE};
pub use walk::{Found, Skip};
