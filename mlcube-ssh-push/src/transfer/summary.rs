//! The messages at the end of a push.

use mlcube_ssh::pipe::document::Receipt;
use mlcube_ssh::sync::rsync::Transfer;
use mlcube_ssh::text::units::{count, human_bytes};
use mlcube_ssh::ui::names::{Names, shown};

use crate::transfer::context::{Sent, TransferContext};
use crate::transfer::skipped;

/// Names what was sent, skipped and kept.
pub(crate) fn print(context: &TransferContext, receipt: &Receipt, sent: &Sent) {
    let (report, host) = (context.step.report(), context.connection.host());
    let is_all = receipt.deleted.is_empty() && sent.refused.is_none();
    match sent.transfer.names.as_slice() {
        [] if is_all && !receipt.changed => report.say(&format!("nothing to send to '{host}'")),
        [] if receipt.changed && receipt.deleted.is_empty() => {
            report.say(&format!("sent folders to '{host}', and no file"));
        }
        [] => {}
        few if few.len() <= Transfer::NAMES => {
            report.say(&format!("sent {} to '{host}'", few.join(", ").escape_debug()));
        }
        _ => report.say(&format!(
            "sent {} to '{host}', {} over the link",
            count(receipt.files_sent.unwrap_or(0), "file"),
            human_bytes(receipt.bytes_sent.unwrap_or(0))
        )),
    }
    skipped::name(context);
    let total = context.plan.kept.len();
    let kept = Names { report, field: "steps.push.kept", total };
    kept.each(&context.plan.kept, |path| {
        format!("kept {} on '{host}', as it changed on both sides", shown(path))
    });
}
