//! A local cube: its folders and their remote places, its tasks' parameters, and what it may reach.

pub mod boundary;
pub mod layout;
pub mod mlcube_args;
pub mod outside_inputs;
pub mod path_mapping;
pub mod paths;
pub mod required_inputs;
pub mod task_parameters;
pub mod tree_owner;
pub mod trust;
