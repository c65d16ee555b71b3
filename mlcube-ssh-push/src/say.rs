//! What a push says of what it did.

use mlcube_ssh_config::document::Receipt;
use mlcube_ssh_config::report::{Report, count, human_bytes};
use mlcube_ssh_config::rsync::Transfer;

/// Says what went, and names what didn't.
pub(crate) fn say(report: Report, host: &str, receipt: &Receipt, sent: &Transfer) {
    match sent.names.as_slice() {
        [] => report.say(&format!("nothing to send to {host}")),
        few if few.len() <= Transfer::NAMES => {
            report.say(&format!("sent {} to {host}", few.join(", ").escape_debug()));
        }
        _ => report.say(&format!(
            "sent {} to {host}, {} over the link",
            count(receipt.files_sent.unwrap_or(0), "file"),
            human_bytes(receipt.bytes_sent.unwrap_or(0))
        )),
    }
    for name in &receipt.left_out {
        report.error(&format!(
            "left out {}: a device, or something else of that name is in its way on {host}",
            name.escape_debug()
        ));
    }
    for name in &receipt.kept {
        report.error(&format!(
            "kept {} as it is on {host}, it changed there too; --overwrite replaces it",
            name.escape_debug()
        ));
    }
}
