//! What the end-to-end tests stand on: a user's machine ([`Scene`] and its [`Invocation`]s), a remote host (a real
//! [`Sshd`] on loopback, with a real python, `mlcube` and podman behind it) and a cube ([`Cube`]).
//!
//! Every [`Scene`] has a temporary folder, a HOME, an environment, an sshd and a container store of its own, so that
//! tests run side by side. Whatever was started is ended when the scene is dropped, also when the test panicked.
#![expect(clippy::unwrap_used, reason = "a harness fails the test by panicking")]
#![allow(clippy::missing_panics_doc, reason = "every method here panics when the test has failed")]
#![allow(clippy::must_use_candidate, reason = "what a test looks at, it looks at")]

mod account;
mod apptainer;
mod blackhole;
mod cache;
mod cube;
mod docker;
mod document;
mod engine;
mod host;
mod invocation;
mod library;
mod network;
mod odd_disk;
mod outcome;
mod place;
mod podman;
mod processes;
mod program;
mod python;
mod random;
mod root;
mod running;
mod scene;
mod skip;
mod sshd;
mod system;
mod tmpfs;
mod tree;
mod wait;

pub use account::Account;
pub use apptainer::Apptainer;
pub use blackhole::Blackhole;
pub use cube::{Cube, Task};
pub use docker::Docker;
pub use document::Document;
pub use engine::Engine;
pub use host::{Host, HostOptions};
pub use invocation::Invocation;
pub use library::library;
pub use network::{is_in_own_network, network_comes_up, network_goes_down};
pub use odd_disk::OddDisk;
pub use outcome::Outcome;
pub use place::Place;
pub use processes::{Process, Processes};
pub use program::{am_root, repository};
pub use python::Python;
pub use random::random;
pub use root::Root;
pub use running::Running;
pub use scene::Scene;
pub use skip::skip;
pub use sshd::Sshd;
pub use tmpfs::Tmpfs;
pub use tree::{files_below, whole_tree};
pub use wait::eventually;
