//! What the end-to-end tests use: a user's machine ([`Scene`] and its [`Invocation`]s), a remote host (a real
//! [`Sshd`] on loopback, with a real python, `mlcube` and podman behind it) and a cube ([`Cube`]).
//!
//! Every [`Scene`] has a temporary folder, a HOME, an environment, an sshd and a container store of its own, so that
//! tests run side by side. Whatever was started is ended when the scene is dropped, also when the test panicked.
#![expect(clippy::unwrap_used, reason = "a harness fails the test by panicking")]
#![allow(clippy::missing_panics_doc, reason = "every method here panics when the test has failed")]
#![allow(clippy::must_use_candidate, reason = "what a test looks at, it looks at")]

mod cube;
mod disk;
mod document;
mod engine;
mod host;
mod installed;
mod library;
mod process;
mod program;
mod random;
mod rsync;
mod scene;
mod schema;
mod skip;
mod wait;

pub use cube::{Cube, Task};
pub use disk::cache::made_once;
pub use disk::odd_disk::OddDisk;
pub use disk::place::Place;
pub use disk::tmpfs::Tmpfs;
pub use disk::tree::{files_below, whole_tree};
pub use document::Document;
pub use engine::Engine;
pub use engine::apptainer::Apptainer;
pub use engine::docker::Docker;
pub use host::account::Account;
pub use host::blackhole::Blackhole;
pub use host::network::{is_in_own_network, network_comes_up, network_goes_down};
pub use host::python::Python;
pub use host::root::Root;
pub use host::slurm::Slurm;
pub use host::sshd::Sshd;
pub use host::{Host, HostOptions};
pub use installed::{Installed, packed, packed_for_users};
pub use library::library;
pub use process::invocation::Invocation;
pub use process::outcome::Outcome;
pub use process::processes::{Process, Processes};
pub use process::running::Running;
pub use program::{am_root, repository};
pub use random::random;
pub use scene::{Scene, SecondFactor};
pub use schema::Schema;
pub use skip::skip;
pub use wait::{eventually, eventually_within};
