//! The two sides of a workspace: what is where, what both last had in common, what has to move.

mod aside;
mod entry;
mod kept;
mod linked;
mod listing;
mod part;
mod plan;
mod record;
mod row;
mod text;
mod walk;

pub use aside::name_aside;
pub use entry::{Entry, Kind};
pub use linked::follow_own_links;
pub use listing::Listing;
pub use part::Part;
pub use plan::{Direction, Plan, came_otherwise};
pub use record::{Common, Record, state_folder};
pub(crate) use text::Parser;
pub use text::{FIND_FORMAT, FIND_FORMAT_LINKED, FIND_FORMAT_UNREADABLE};
pub use walk::Skip;
