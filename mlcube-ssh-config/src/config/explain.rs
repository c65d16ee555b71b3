//! `--explain KEY`: the origin of a value, in words and as JSON.

use omegaconf::yaml::Key;
use omegaconf::{Content, NodeId, Origin, Raw, Tree, Value, split_key};
use serde::Serialize;
use serde_json::Value as Json;

/// A value of the configuration and its origin.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The key, dotted.
    pub key: String,
    /// The value.
    pub value: Json,
    /// The source that set it, with the line (`/home/me/mlcube.yaml:4`).
    pub set_by: String,
    /// The value as this source has it, if it refers to others.
    pub written_as: Option<Json>,
    /// The values that it overrode, the latest first.
    pub overrides: Vec<Overridden>,
    /// The same for people.
    #[serde(skip)]
    pub lines: Vec<String>,
}

/// A value that another source overrode.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Overridden {
    /// The value.
    pub value: Json,
    /// The source that set it.
    pub set_by: String,
}

/// Returns the value of a key, the source that set it, and the values that it overrode; for a map or a list, those of
/// all its values. `None` if the key doesn't exist.
pub(crate) fn explain(tree: &Tree, root: NodeId, key: &str) -> Option<Vec<Explanation>> {
    let mut values = Vec::new();
    describe(tree, find(tree, root, key)?, &mut values);
    Some(values)
}

/// Returns the keys below a node, as [`explain`] takes them.
pub(crate) fn keys(tree: &Tree, root: NodeId) -> Vec<String> {
    let mut keys = Vec::new();
    for child in tree.keys(root).iter().filter_map(|key| tree.child(root, key)) {
        keys.push(tree.path(child));
        keys.extend(self::keys(tree, child));
    }
    keys
}

fn find(tree: &Tree, root: NodeId, key: &str) -> Option<NodeId> {
    split_key(key).iter().try_fold(root, |at, part| match tree.value(at) {
        Value::List(_) => tree.child(at, &Key::Int(part.parse().ok()?)),
        _ => tree.get(at, part).or_else(|| {
            tree.keys(at)
                .iter()
                .find(|key| key.to_string() == *part)
                .and_then(|key| tree.child(at, key))
        }),
    })
}

fn describe(tree: &Tree, id: NodeId, values: &mut Vec<Explanation>) {
    match tree.value(id) {
        Value::Map(Content::Items(_)) | Value::List(Content::Items(_))
            if !tree.keys(id).is_empty() =>
        {
            for child in tree.keys(id).iter().filter_map(|key| tree.child(id, key)) {
                describe(tree, child, values);
            }
        }
        _ => values.push(explanation(tree, id)),
    }
}

fn explanation(tree: &Tree, id: NodeId) -> Explanation {
    let origin = tree.origin(id);
    let (key, set_by) = (tree.path(id), tree.place(origin));
    let (mut written_as, mut overrides) = (None, Vec::new());
    let mut lines = vec![format!("{key} = {}", shown(tree, id)), format!("  set by {set_by}")];
    // A source may be merged twice, and is then named once.
    let mut seen = vec![(origin, shown(tree, id))];
    for &before in tree.replaced(id) {
        let this = (tree.origin(before), shown(tree, before));
        if seen.contains(&this) {
            continue;
        }
        if this.0 != origin {
            let overridden = Overridden { value: json(tree, before), set_by: tree.place(this.0) };
            lines.push(format!("  overrides {}: {}", overridden.set_by, this.1));
            overrides.push(overridden);
        } else if origin != Origin::Computed {
            lines.push(format!("  written as {}", this.1));
            written_as.get_or_insert_with(|| json(tree, before));
        }
        seen.push(this);
    }
    Explanation { key, value: json(tree, id), set_by, written_as, overrides, lines }
}

/// Returns a value as JSON; as text what JSON can't express, an infinite number.
fn json(tree: &Tree, id: NodeId) -> Json {
    tree.json(id).unwrap_or_else(|_| shown(tree, id).into())
}

/// Formats a value as a person would write it.
fn shown(tree: &Tree, id: NodeId) -> String {
    match tree.raw(id) {
        Raw::Null => "null".to_owned(),
        Raw::Bool(flag) => flag.to_string(),
        Raw::Text(text) => format!("\"{}\"", text.escape_debug()),
        raw => tree.text_of(&raw),
    }
}

/// Returns the source that set the value of a key, or that of the deepest existing key above it.
pub(crate) fn place(tree: &Tree, root: NodeId, key: &str) -> String {
    let mut at = root;
    for part in split_key(key) {
        match find(tree, at, &part) {
            Some(child) => at = child,
            None => break,
        }
    }
    tree.place(tree.origin(at))
}
