//! The names that the two files give: platforms and tasks, read without resolving anything.

use omegaconf::NodeId;

use crate::config::composition::Composition;
use crate::config::paths;
use crate::config::request::Request;
use crate::config::sources::Which;

/// Returns the names of the platforms in a settings file; none if it can't be read.
#[must_use]
pub fn platforms(settings: &str) -> Vec<String> {
    names(&Request { settings: settings.to_owned(), ..Request::default() }, "", Which::Settings)
}

/// Returns the names of the tasks of the cube at `mlcube`, its folder or its file; none if it can't be read.
#[must_use]
pub fn tasks(mlcube: &str, working_directory: &str) -> Vec<String> {
    let (root, file) = paths::cube(mlcube, working_directory);
    names(&Request::default(), &paths::join(&root, &file), Which::Cube)
}

fn names(request: &Request, cube: &str, which: Which) -> Vec<String> {
    let mut composition = Composition::new(request, cube, &|_| None);
    let (path, section) = match which {
        Which::Settings => (request.settings.as_str(), "platforms"),
        Which::Cube => (cube, "tasks"),
    };
    let Ok(root) = composition.load(which, path) else { return Vec::new() };
    let tree = &composition.conf.tree;
    let section: Option<NodeId> = tree.get(root, section);
    section
        .map(|section| tree.keys(section))
        .into_iter()
        .flatten()
        .map(|key| key.to_string())
        .collect()
}
