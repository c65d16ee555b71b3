//! YAML 1.1 as `PyYAML` reads it, and OmegaConf 2.1's tree, merge, interpolation and resolvers.
//!
//! For a program that has to compute the same configuration as a Python program with OmegaConf:
//!
//! ```
//! use omegaconf::{OmegaConf, Origin};
//!
//! let environment = |name: &str| (name == "USER").then(|| "ann".to_owned());
//! let mut conf = OmegaConf::new(&environment);
//! let base = conf.tree.add_source("base.yaml");
//! let site = conf.tree.add_source("site.yaml");
//! let word = conf.tree.add_source("--set");
//!
//! let text = b"server:\n  host: localhost\n  port: ???\nurl: http://${server.host}:${.server.port}\n";
//! let config = conf.load(base, text)?;
//! let over = conf.load(site, b"server:\n  host: ${oc.env:USER}.example\n")?;
//! conf.merge(config, over)?;
//! let words = conf.from_dotlist([("server.port=8_080", Origin::Written(word, 0))])?;
//! conf.merge(config, words)?;
//! conf.resolve(config)?;
//!
//! assert_eq!(conf.tree.to_json(config)?["url"], "http://ann.example:8080");
//! // Every value knows where it came from.
//! let host = conf.tree.get(config, "server").and_then(|server| conf.tree.get(server, "host"));
//! assert_eq!(host.map(|host| conf.tree.place(conf.tree.origin(host))).as_deref(), Some("site.yaml:2"));
//! # Ok::<(), omegaconf::Error>(())
//! ```
//!
//! | module | home of |
//! |---|---|
//! | [`yaml`] | text to values, with the line of each |
//! | [`interpolation`] | the grammar of `${…}` |
//! | [`Tree`] | configurations as nodes; each knows its parent, its source and the values that it replaced |
//! | [`OmegaConf`] | loading, merging and resolving them |
//!
//! An error names the key and the position; [`Tree::describe`] formats it as one line:
//!
//! ```
//! use omegaconf::OmegaConf;
//!
//! let mut conf = OmegaConf::new(&|_| None);
//! let source = conf.tree.add_source("conf.yaml");
//! let config = conf.load(source, b"a:\n  b: ${oc.env:HOMER}\n")?;
//! let error = conf.resolve(config).unwrap_err();
//! assert_eq!(error.key(), Some("a.b"));
//! assert!(conf.tree.describe(&error).starts_with("conf.yaml:2: a.b: the variable HOMER isn't set"));
//! # Ok::<(), omegaconf::Error>(())
//! ```
//!
//! Reading and resolving always end: the size of a text, its depth, its aliases, its interpolations and what they fill
//! in are bounded, and a text beyond a bound is refused. The crate's `README.md` says what is promised, for which
//! versions.

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

/// The example of the README is compiled like those here.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
