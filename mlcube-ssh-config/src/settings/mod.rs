//! The user's settings: validated names and the typed `runner` section.

pub mod names;
pub mod runner;
