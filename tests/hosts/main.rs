//! Hosts of other ages and habits, and hosts that do not answer.

mod deadlines;
mod matrix;
mod unreachable;
