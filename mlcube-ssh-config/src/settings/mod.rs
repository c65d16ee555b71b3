//! The user's settings: validated names and the typed `runner` section.

pub mod invalid;
pub mod names;
pub mod quantity;
pub(crate) mod read;
pub mod runner;
