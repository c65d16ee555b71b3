//! `--explain KEY`: the origin of a value, in words.

use omegaconf::yaml::Key;
use omegaconf::{Content, NodeId, Origin, Raw, Tree, Value, split_key};

/// Returns the lines about a key: its value, the source that set it, and the values that it overrode. `None` if the key
/// doesn't exist.
pub(crate) fn explain(tree: &Tree, root: NodeId, key: &str) -> Option<String> {
    let mut lines = Vec::new();
    describe(tree, find(tree, root, key)?, &mut lines);
    Some(lines.join("\n"))
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

fn describe(tree: &Tree, id: NodeId, lines: &mut Vec<String>) {
    match tree.value(id) {
        Value::Map(Content::Items(_)) | Value::List(Content::Items(_))
            if !tree.keys(id).is_empty() =>
        {
            for child in tree.keys(id).iter().filter_map(|key| tree.child(id, key)) {
                describe(tree, child, lines);
            }
        }
        _ => describe_value(tree, id, lines),
    }
}

fn describe_value(tree: &Tree, id: NodeId, lines: &mut Vec<String>) {
    let origin = tree.origin(id);
    lines.push(format!("{} = {}", tree.path(id), shown(tree, id)));
    lines.push(format!("  set by {}", tree.place(origin)));
    // A source may be merged twice, and is then named once.
    let mut seen = vec![(origin, shown(tree, id))];
    for &before in tree.replaced(id) {
        let this = (tree.origin(before), shown(tree, before));
        if seen.contains(&this) {
            continue;
        }
        if this.0 != origin {
            lines.push(format!("  overrides {}: {}", tree.place(this.0), this.1));
        } else if origin != Origin::Computed {
            lines.push(format!("  written as {}", this.1));
        }
        seen.push(this);
    }
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
