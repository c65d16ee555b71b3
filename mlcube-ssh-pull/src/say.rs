//! What a pull says of what it did.

use mlcube_ssh_config::document::Receipt;
use mlcube_ssh_config::report::{Report, count, human_bytes};
use mlcube_ssh_config::workspace::Plan;

/// Says what came, and names what didn't.
pub(crate) fn say(report: Report, host: &str, receipt: &Receipt, plan: &Plan) {
    match receipt.files_sent.unwrap_or(0) {
        0 if !receipt.changed => report.say(&format!("nothing to fetch from {host}")),
        files => report.say(&format!(
            "fetched {} from {host}, {} over the link",
            count(files, "file"),
            human_bytes(receipt.bytes_sent.unwrap_or(0))
        )),
    }
    for path in &plan.kept {
        report.error(&format!(
            "kept {} as it is here, it was changed here too; --overwrite replaces it",
            shown(path)
        ));
    }
    for path in &plan.in_the_way {
        report.error(&format!(
            "left out {} with all below it: here it is a folder, a file or a link, and on {host} something else; move one of them away",
            shown(path)
        ));
    }
    for path in &plan.left_out {
        report.error(&format!(
            "left out {}: a device, or a link that points out of the workspace",
            shown(path)
        ));
    }
    for (path, owner) in &plan.unreadable {
        report.error(&format!("left out {}: it belongs to {owner} on {host}", shown(path)));
    }
}

/// A path on one line.
pub(crate) fn shown(path: &std::path::Path) -> String {
    path.to_string_lossy().escape_debug().to_string()
}
