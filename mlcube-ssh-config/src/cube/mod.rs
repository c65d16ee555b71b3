//! A local cube: its folders and their remote places, its tasks' parameters, and what it may reach.

pub mod boundary;
pub mod image_place;
pub mod layout;
pub mod mlcube_args;
pub mod outside_inputs;
pub mod path_mapping;
pub mod paths;
pub mod required_inputs;
pub mod settings_in_use;
pub mod task_parameters;
pub mod tree_owner;
pub mod trust;

use anyhow::Result;

use crate::cube::layout::{Layout, check_base};
use crate::pipe::document::Document;
use crate::settings::runner::Runner;

/// The cube of a document and the settings of its platform, parsed and checked once for each step.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Cube {
    /// The local folders and their places on the remote.
    pub layout: Layout,
    /// The settings of the ssh runner.
    pub runner: Runner,
}

impl Cube {
    /// Parses and checks what a document says. Contacts nobody.
    ///
    /// # Errors
    /// When the document's settings aren't this user's ([`trust`]), its configuration is unusable, or it has values
    /// that the remote `mlcube` would misread.
    pub fn of(document: &Document) -> Result<Self> {
        let (layout, runner) = trust::confirmed(document)?;
        // Not checked when the configuration is resolved, because that depends on the files alone, not on where they
        // are.
        check_base(&layout.base)?;
        mlcube_args::check(document, &layout, &runner)?;
        Ok(Self { layout, runner })
    }
}
