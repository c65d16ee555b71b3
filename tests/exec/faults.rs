//! Real faults at many moments. Each round checks the status, the log byte for byte, and that nothing runs on.
//!
//! `MLCUBE_SSH_FAULT_ROUNDS=N` stages each fault N times (3), each time later; `scripts/test` prints the table.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

mod client;
mod host;
mod link;
mod nodes;
mod relogin;
mod staging;
mod task;
