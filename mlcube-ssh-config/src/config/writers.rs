//! Checks who wrote the settings of the runner: only the user may.

use omegaconf::yaml::Key;
use omegaconf::{Content, NodeId, Origin, Raw, Source, Tree, Value};

/// The longest value in a hint; for a longer one the hint only says where it belongs.
const LONGEST: usize = 200;

/// A value of the runner's section that the cube's file sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CubeSetting {
    /// The full key.
    pub(crate) key: String,
    /// The position in the cube's file.
    pub(crate) origin: Origin,
    /// The value as the cube's file writes it, as YAML and shortened if it is long: the value of a variable isn't
    /// repeated.
    pub(crate) written: String,
}

impl CubeSetting {
    /// Returns the setting as a line of the platform's section: `authentication: {user: "ann"}`.
    pub(crate) fn in_section(&self) -> String {
        let mut parts = self.key.strip_prefix("runner.").unwrap_or(&self.key).rsplit('.');
        let last = format!("{}: {}", parts.next().unwrap_or_default(), self.written);
        parts.fold(last, |inner, key| format!("{key}: {{{inner}}}"))
    }
}

/// Returns the values of the section `runner` that the cube's file sets, in the order of the keys.
pub(crate) fn set_by_cube(tree: &Tree, cube: Source, top: NodeId) -> Vec<CubeSetting> {
    let mut found = Vec::new();
    if let Some(runner) = tree.child(top, &Key::from("runner")) {
        collect(tree, cube, runner, &mut found);
    }
    found
}

fn collect(tree: &Tree, cube: Source, id: NodeId, found: &mut Vec<CubeSetting>) {
    match tree.value(id) {
        // A list is replaced as a whole, so its author wrote all of it.
        Value::List(Content::Items(items))
            if !items.is_empty() && tree.origin(id).source() == Some(cube) =>
        {
            push(tree, cube, id, found);
        }
        Value::Map(Content::Items(_)) | Value::List(Content::Items(_)) => {
            for child in tree.keys(id).iter().filter_map(|key| tree.child(id, key)) {
                collect(tree, cube, child, found);
            }
        }
        // Null means the same as an absent key.
        value if value.is_null() => {}
        _ => push(tree, cube, id, found),
    }
}

/// Adds a value to `found` if the cube's file sets it.
fn push(tree: &Tree, cube: Source, id: NodeId, found: &mut Vec<CubeSetting>) {
    let origin = tree.origin(id);
    if origin.source() == Some(cube) {
        let mut written = written(tree, id);
        // A value that is cut inside its quotes can't be pasted.
        if written.chars().count() > LONGEST {
            "VALUE".clone_into(&mut written);
        }
        found.push(CubeSetting { key: tree.path(id), origin, written });
    }
}

/// Returns the text of an interpolation before it was resolved, else the value.
fn written(tree: &Tree, id: NodeId) -> String {
    let origin = tree.origin(id);
    let is_text_of_it =
        |&before: &NodeId| tree.value(before).is_interpolation() && tree.origin(before) == origin;
    let first = tree.replaced(id).iter().copied().find(is_text_of_it).unwrap_or(id);
    if let Value::List(Content::Items(items)) = tree.value(first) {
        let items: Vec<String> = items.iter().map(|&item| written(tree, item)).collect();
        return format!("[{}]", items.join(", "));
    }
    match tree.raw(first) {
        Raw::Text(text) => serde_json::Value::from(text).to_string(),
        raw => tree.text_of(&raw),
    }
}
