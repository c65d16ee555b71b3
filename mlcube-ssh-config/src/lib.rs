//! The library of mlcube-ssh.

pub mod interpolation;
pub mod resolve;
pub mod yaml;
