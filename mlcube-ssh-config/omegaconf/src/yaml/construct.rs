//! Checks that a graph can become a value: its keys are unique, its tags fit. Expands `<<`.

use std::collections::{HashSet, VecDeque};

use super::error::Error;
use super::graph::{Content, Graph, Id};
use super::limits::MAX_VALUES;
use super::merge_keys;
use super::scalar::{self, Tag};

/// Checks every map and list, in the order in which `PyYAML` constructs them: level by level.
pub(super) fn check(graph: &mut Graph) -> Result<(), Error> {
    let mut budget = MAX_VALUES;
    let mut waiting: VecDeque<Id> = graph.root.into_iter().collect();
    let mut seen: HashSet<Id> = waiting.iter().copied().collect();
    while let Some(id) = waiting.pop_front() {
        check_tag(graph, id)?;
        if graph.nodes[id].tag == Tag::Map {
            check_keys(graph, id)?;
            merge_keys::flatten(graph, id, &mut budget)?;
        }
        waiting.extend(children(graph, id).into_iter().filter(|&child| seen.insert(child)));
    }
    Ok(())
}

/// Refuses a repeated key. Only texts are compared, as in OmegaConf's loader.
fn check_keys(graph: &Graph, id: Id) -> Result<(), Error> {
    let Content::Map(pairs) = &graph.nodes[id].content else { return Ok(()) };
    let mut seen = HashSet::new();
    for &(key, _) in pairs {
        let node = &graph.nodes[key];
        if let (Tag::Str, Content::Scalar(text)) = (&node.tag, &node.content)
            && !seen.insert(text)
        {
            return Err(Error::new(format!("the key '{text}' occurs twice"), node.mark));
        }
    }
    Ok(())
}

/// Refuses a tag that doesn't fit its node.
fn check_tag(graph: &Graph, id: Id) -> Result<(), Error> {
    let node = &graph.nodes[id];
    match (&node.tag, &node.content) {
        (_, Content::Scalar(_)) | (Tag::Seq, Content::List(_)) | (Tag::Map, Content::Map(_)) => {
            Ok(())
        }
        (Tag::Pairs, Content::List(items)) if items.iter().all(|&item| is_pair(graph, item)) => {
            Ok(())
        }
        (Tag::Other(name), _) => Err(scalar::unknown(name, node.mark)),
        _ => Err(Error::new("the tag doesn't fit its value", node.mark)),
    }
}

fn is_pair(graph: &Graph, id: Id) -> bool {
    matches!(&graph.nodes[id].content, Content::Map(pairs) if pairs.len() == 1)
}

fn children(graph: &Graph, id: Id) -> Vec<Id> {
    match &graph.nodes[id].content {
        Content::Scalar(_) => Vec::new(),
        Content::List(items) => items.clone(),
        Content::Map(pairs) => pairs.iter().flat_map(|&(key, value)| [key, value]).collect(),
    }
}
