//! The messages at the end of a push.

use mlcube_ssh::pipe::document::Receipt;
use mlcube_ssh::sync::rsync::Transfer;
use mlcube_ssh::text::units::{count, human_bytes};
use mlcube_ssh::ui::report::Report;

/// How many paths of a list are named.
pub(crate) const NAMED: usize = 20;

/// Names what was sent, skipped and kept.
pub(crate) fn print(report: Report, host: &str, receipt: &Receipt, sent: &Transfer) {
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
    name(report, &receipt.left_out, "steps.push.left_out", |name| {
        format!("skipped {name}: it is a device, a socket or a pipe, or {host} has no place for it")
    });
    name(report, &receipt.kept, "steps.push.kept", |name| {
        format!("kept {name} on {host}, as it changed on both sides; --overwrite replaces it")
    });
}

/// Names the first paths of a list that may be long; `key` is the place in the document that lists all.
fn name(report: Report, names: &[String], key: &str, line: impl Fn(&str) -> String) {
    for name in names.iter().take(NAMED) {
        report.warn(&line(&name.escape_debug().to_string()));
    }
    if names.len() > NAMED {
        report.warn(&format!("and {} more; {key} in the document lists all", names.len() - NAMED));
    }
}
