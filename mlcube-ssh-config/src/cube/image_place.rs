//! The folder of singularity images. mlcube keeps it in the workspace unless `image_dir` names another one. An image is
//! neither an input nor a result.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::cube::layout::Layout;
use crate::cube::paths::normal;
use crate::settings::runner::Runner;

/// Where mlcube's singularity runner keeps images, relative to the workspace.
const DEFAULT: &str = ".image";

/// Returns the folder of images relative to the workspace, if the remote `mlcube` has one in it.
#[must_use]
pub fn in_workspace(
    config: &Map<String, Value>,
    runner: &Runner,
    layout: &Layout,
) -> Option<PathBuf> {
    if runner.remote_platform() != "singularity" {
        return None;
    }
    let set = runner.remote.as_ref().and_then(|remote| remote.get("image_dir"));
    let set = set.or_else(|| config.get("singularity")?.get("image_dir")).and_then(Value::as_str);
    let Some(folder) = set else { return Some(DEFAULT.into()) };
    // mlcube runs in the cube's folder.
    let folder = normal(&layout.local_root().join(folder));
    let place = folder.strip_prefix(&layout.workspace).ok()?;
    (place != Path::new("")).then(|| place.to_owned())
}
