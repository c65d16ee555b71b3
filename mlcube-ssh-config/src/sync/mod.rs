//! The two sides of a workspace: what is where, what both last had in common, what has to move.

pub mod archive;
pub mod listing;
pub(crate) mod plan;
pub mod rsync;
pub(crate) mod selection;
pub(crate) mod state;

pub use listing::Listing;
pub use listing::doubtful_names::DoubtfulNames;
pub use listing::entry::{Entry, Kind, is_absence};
pub use listing::find_format::{
    FIND_FORMAT, FIND_FORMAT_LINKED, FIND_FORMAT_UNREADABLE, FIND_FORMAT_UNWRITABLE,
};
pub use listing::granularity::Granularity;
pub use listing::walk::{Found, Skip};
pub use plan::backup::name_aside;
pub use plan::batch::Part;
pub use plan::followed_links::follow_own_links;
pub use plan::{Direction, Plan, leads_out};
pub use selection::{Pattern, Selected, Selection};
pub use state::confirm::{Ended, LIST_PLACES, state_of};
pub use state::{Common, Record, state_folder};
