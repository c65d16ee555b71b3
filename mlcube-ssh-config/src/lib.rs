//! The library of mlcube-ssh: what its five programs share.
//!
//! | module | home of |
//! |---|---|
//! | [`document`] | the JSON object that travels from step to step |
//! | [`step`] | the rules of the pipe: read, act, write once, let failure travel |
//! | [`status`], [`failure`] | exit statuses, and errors that know theirs |
//! | [`usage`] | reading the command line |
//! | [`resolve`] | the effective configuration, as `mlcube` computes it; the languages it is written in are [`omegaconf`]'s |
//! | [`names`] | host, user, task name, path on the remote: what isn't valid can't be built |
//! | [`runner`] | the settings of the ssh runner, typed |
//! | [`trust`] | which documents decide where to log in |
//! | [`boundary`] | what these folders really are, and which of them a cube may reach |
//! | [`layout`] | which local folders a cube needs, and where they lie on the remote |
//! | [`forward`] | the words for the `mlcube` that runs on the remote |
//! | [`quote`], [`command`], [`script`] | one quoting function, local commands as data, remote scripts as data |
//! | [`connection`] | one login per pipeline, scripts over it, the transport for rsync |
//! | [`parameters`], [`inputs`] | the paths that the chosen tasks are given, and those that have to be there |
//! | [`stable_hash`] | a hash that is the same everywhere |
//! | [`owner`] | whose a remote tree is |
//! | [`random`] | names that nobody can guess |
//! | [`outside`] | the inputs that the cube declares outside its own folder |
//! | [`own`] | a folder on the remote that isn't the account's own |
//! | [`foreign_files`] | files of another account on the remote, and what gives them to one's own |
//! | [`places`] | where such a path lies, on either side |
//! | [`ignored`] | what stays where it is: `.mlcubeignore`, `.git` |
//! | [`jobs`] | what the scripts know of jobs, and the lock of a workspace |
//! | [`inventory`] | what is ours on the remote, for `clean` |
//! | [`workspace`] | the two sides of a workspace: listings, the record, what has to move |
//! | [`rsync`] | rsync's options, its statistics, the meaning of its exit statuses |
//! | [`archive`] | reading an archive that a host sends |
//! | [`frames`] | what a followed job sends |
//! | [`terminal`] | a job's log on a terminal |
//! | [`limits`] | how much a host may send |
//! | [`mod@file`] | files of ours: written atomically, for their owner alone |
//! | [`report`], [`date`] | what a person reads on standard error; times |

pub mod archive;
pub mod boundary;
pub mod command;
pub mod connection;
pub mod counted;
pub mod date;
pub mod document;
pub mod failure;
pub mod file;
mod find;
pub mod foreign_files;
pub mod forward;
pub mod frames;
pub mod ignored;
pub mod inputs;
pub mod inventory;
pub mod jobs;
pub mod layout;
pub mod limits;
pub mod names;
pub mod outside;
pub mod own;
pub mod owner;
pub mod parameters;
pub mod places;
pub mod progress;
pub mod quote;
pub mod random;
pub mod remote_problem;
pub mod report;
pub mod resolve;
pub mod rsync;
pub mod runner;
pub mod script;
pub mod stable_hash;
pub mod status;
pub mod step;
pub mod terminal;
pub mod trust;
pub mod usage;
pub mod workspace;
