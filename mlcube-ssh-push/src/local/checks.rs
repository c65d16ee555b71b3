//! What is refused before anything is listed: a cube that was moved, and places that mustn't be sent or can't be.

use anyhow::anyhow;
use mlcube_ssh::cube::boundary::Boundary;
use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::cube::paths::{normal, real};
use mlcube_ssh::cube::required_inputs;
use mlcube_ssh::listing::ignore::Ignored;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::{Failure, Outcome, hinted};

/// Fails if the cube was moved since the document was made.
pub(crate) fn check_root(layout: &Layout) -> Outcome<()> {
    let root = layout.local_root();
    if root.is_dir() {
        return Ok(());
    }
    Err(Failure::ours(anyhow!("the cube's folder {} doesn't exist", root.display())).hint(
        "name the cube's folder with --mlcube, and make a new document with mlcube-ssh-config",
    ))
}

/// Refuses code and workspace that mustn't be sent, and inputs that can't be sent.
pub(crate) fn check_places(
    document: &Document,
    layout: &Layout,
    boundary: &Boundary,
) -> anyhow::Result<()> {
    boundary.check_code(layout)?;
    boundary.check_workspace(layout, &document.run)?;
    check_ignored(layout)?;
    required_inputs::check(document, layout)?;
    boundary.check_inputs(layout, &required_inputs::needed(document, layout))
}

/// Refuses a link to a folder in the base that `.mlcubeignore` names: by the name of the link it isn't ignored.
fn check_ignored(layout: &Layout) -> anyhow::Result<()> {
    let base = real(&layout.base)?;
    let ignored = Ignored::of(&base, &base);
    let declared = layout.context.iter().chain(&layout.inputs).map(|place| layout.base.join(place));
    for path in declared.chain([layout.workspace.clone()]) {
        let path = normal(&path);
        let is = real(&path)?;
        let Ok(below) = is.strip_prefix(&base) else { continue };
        let is_linked = path.strip_prefix(&layout.base).is_ok_and(|by_name| by_name != below);
        if is_linked && ignored.matches(below, is.is_dir())? {
            return Err(hinted(
                format!("{} leads to {}, which is ignored", path.display(), is.display()),
                "remove the link, or what names that place in .mlcubeignore",
            ));
        }
    }
    Ok(())
}
