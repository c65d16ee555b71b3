//! YAML 1.1 as `PyYAML` reads it, and OmegaConf 2.1's tree, merge, interpolation and resolvers.

mod dotlist;
mod error;
pub mod interpolation;
mod merge;
mod resolve;
mod tree;
pub mod yaml;

pub use error::{Kind, Outcome, Problem};
pub use resolve::{Environment, Evaluation, Notice, Resolved, configuration, split_key};
pub use tree::{Content, Id, Node, Origin, Raw, Reading, Source, Tree, Value};
