//! What is sent from outside the cube's own folder. It is named with its size before the first push sends it.

use std::path::Path;

use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::text::units::{count, human_bytes};
use mlcube_ssh::ui::report::Report;

use crate::local::Local;

/// Names the build context and the inputs outside the cube's folder, if this machine never pushed the cube.
pub(crate) fn name(report: &Report, layout: &Layout, local: &Local) {
    if local.was_pushed() {
        return;
    }
    let context = layout.context.iter().map(|place| ("the build context", place));
    let inputs = layout.inputs.iter().map(|place| ("an input", place));
    for (what, place) in context.chain(inputs) {
        if place.starts_with(&layout.root) {
            continue;
        }
        let code = local.code.below(place);
        report.say(&format!(
            "{what} outside the cube's folder is sent too: {}, {}, {}",
            shown(&layout.base.join(place)),
            count(code.files(), "file"),
            human_bytes(code.bytes())
        ));
    }
}

fn shown(path: &Path) -> String {
    path.components().collect::<std::path::PathBuf>().to_string_lossy().into_owned()
}
