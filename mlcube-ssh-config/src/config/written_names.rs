//! The names that the two files give: platforms and tasks, read without resolving anything.

use omegaconf::NodeId;

use crate::config::composition::Composition;
use crate::config::error::Error;
use crate::config::paths;
use crate::config::request::Request;
use crate::config::sources::Which;

/// Returns the names of the platforms in a settings file.
///
/// # Errors
/// If the file can't be read.
pub fn platforms(settings: &str) -> Result<Vec<String>, Error> {
    names(&Request { settings: settings.to_owned(), ..Request::default() }, "", Which::Settings)
}

/// Returns the names of the tasks of the cube at `mlcube`, its folder or its file.
///
/// # Errors
/// If the file can't be read.
pub fn tasks(mlcube: &str, working_directory: &str) -> Result<Vec<String>, Error> {
    let (root, file) = paths::cube(mlcube, working_directory);
    names(&Request::default(), &paths::join(&root, &file), Which::Cube)
}

fn names(request: &Request, cube: &str, which: Which) -> Result<Vec<String>, Error> {
    let mut composition = Composition::new(request, cube, &|_| None);
    let (path, section) = match which {
        Which::Settings => (request.settings.as_str(), "platforms"),
        Which::Cube => (cube, "tasks"),
    };
    let loaded = composition.load(which, path);
    let tree = &composition.conf.tree;
    let root = loaded.map_err(|problem| Error::new(tree, &problem))?;
    let section: Option<NodeId> = tree.get(root, section);
    let keys = section.map(|section| tree.keys(section)).unwrap_or_default();
    Ok(keys.iter().map(ToString::to_string).collect())
}
