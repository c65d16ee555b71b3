//! `<<`: merges other maps into a map (<https://yaml.org/type/merge.html>), as `PyYAML`'s `flatten_mapping` does.

use super::error::{Error, Mark};
use super::graph::{Content, Graph, Id};
use super::limits::MAX_VALUES;
use super::scalar::Tag;

/// Inserts the pairs of merged maps before a map's own pairs, which win.
///
/// The merged maps are changed, too, as in `PyYAML`: which keys count as repeated depends on it.
pub(super) fn flatten(graph: &mut Graph, id: Id, budget: &mut usize) -> Result<(), Error> {
    let Content::Map(pairs) = &mut graph.nodes[id].content else { return Ok(()) };
    let all = std::mem::take(pairs);
    let (merges, own): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|&(key, _)| graph.nodes[key].tag == Tag::Merge);
    // The map keeps its own pairs meanwhile: it may be one of the merged maps.
    graph.nodes[id].content = Content::Map(own);
    let mut brought = Vec::new();
    for (_, value) in merges {
        brought.extend(sources(graph, value, budget)?);
    }
    charge(budget, brought.len(), graph.nodes[id].mark)?;
    if let Content::Map(own) = &mut graph.nodes[id].content {
        brought.append(own);
        *own = brought;
    }
    for (key, _) in pairs_of(graph, id) {
        // A plain `=` is a key like any other.
        if graph.nodes[key].tag == Tag::Value {
            graph.nodes[key].tag = Tag::Str;
        }
    }
    Ok(())
}

/// Returns the pairs that `<<: value` adds: those of a map, or of a list of maps. The first map wins, so its pairs come
/// last.
fn sources(graph: &mut Graph, value: Id, budget: &mut usize) -> Result<Vec<(Id, Id)>, Error> {
    let maps = match &graph.nodes[value].content {
        Content::Map(_) => vec![value],
        Content::List(items) => items.clone(),
        Content::Scalar(_) => vec![],
    };
    let usable = |id: &Id| matches!(graph.nodes[*id].content, Content::Map(_));
    if matches!(graph.nodes[value].content, Content::Scalar(_)) || !maps.iter().all(usable) {
        return Err(Error::new("<< needs a map, or a list of maps", graph.nodes[value].mark));
    }
    let mut parts = Vec::new();
    for map in maps {
        flatten(graph, map, budget)?;
        let pairs = pairs_of(graph, map);
        charge(budget, pairs.len(), graph.nodes[value].mark)?;
        parts.push(pairs);
    }
    Ok(parts.into_iter().rev().flatten().collect())
}

fn pairs_of(graph: &Graph, id: Id) -> Vec<(Id, Id)> {
    match &graph.nodes[id].content {
        Content::Map(pairs) => pairs.clone(),
        _ => Vec::new(),
    }
}

fn charge(budget: &mut usize, pairs: usize, mark: Mark) -> Result<(), Error> {
    *budget = budget.checked_sub(pairs).ok_or_else(|| {
        Error::new(format!("maps merged here have more than {MAX_VALUES} keys"), mark)
    })?;
    Ok(())
}
