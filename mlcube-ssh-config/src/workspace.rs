//! The two sides of a workspace: what is where, what both last had in common, what has to move.

mod listing;
mod plan;
mod record;

pub use listing::{Entry, FIND_FORMAT, Kind, Listing, Skip};
pub use plan::{Direction, Plan};
pub use record::Record;
