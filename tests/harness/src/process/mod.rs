//! A program from its call to its end, and what it leaves running.

pub(crate) mod invocation;
pub(crate) mod outcome;
pub(crate) mod processes;
pub(crate) mod running;
