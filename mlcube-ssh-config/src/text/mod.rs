//! Text and numbers: quoting for shells, dates, sizes, stable hashes, random ids. Nothing about ssh, cubes or files.

pub mod date;
pub mod hint;
pub mod printable;
pub mod quote;
pub mod random_id;
pub mod similar;
pub mod stable_hash;
pub mod system_error;
pub mod units;
