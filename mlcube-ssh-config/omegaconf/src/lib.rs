//! YAML 1.1 as `PyYAML` reads it, and OmegaConf 2.1's tree, merge, interpolation and resolvers.

mod dotlist;
mod error;
pub mod interpolation;
mod load;
mod merge;
mod origin;
mod resolve;
mod tree;
pub mod yaml;

pub use error::{Error, ErrorKind, Result};
pub use origin::{Origin, Source};
pub use resolve::{Environment, Notice, OmegaConf, Resolved, split_key};
pub use tree::{Content, DictConfig, ListConfig, NodeId, Raw, Reading, Tree, Value};
