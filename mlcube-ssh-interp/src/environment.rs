//! The python environment on the remote: runs one script that checks it, and changes it only if something is missing.

use mlcube_ssh::cube::Cube;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::pipe::step::{Step, timed};
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::interpreter;

/// Makes the environment and adds a receipt.
pub(crate) fn make(step: &Step, document: &mut Document) -> Outcome<()> {
    let cube = Cube::of(document)?;
    let settings = &cube.runner.interpreter;
    let connection = Connection::new(&cube, document, step.report())?
        // The later steps transfer files: their program is checked before a login that would be in vain.
        .for_transfers();
    let script = interpreter::script(&connection, &document.remote, settings);
    if step.is_dry_run() {
        step.show(&connection.shown(&script));
        return Ok(());
    }
    let (receipt, made) = timed(|receipt| {
        let reply = connection.run_reporting(&script)?;
        if reply.status != 0 {
            return Err(interpreter::failure(connection.host().as_str(), settings, &reply));
        }
        receipt.changed = reply.field("changed").as_deref() == Some("1");
        receipt.python = reply.field("python");
        receipt.mlcube = reply.field("mlcube");
        receipt.gpus =
            reply.field("gpus").filter(|form| ["plain", "quoted"].contains(&form.as_str()));
        receipt.requirements = Some(settings.requirements().to_owned());
        Ok(())
    });
    made?;
    let what = if receipt.changed { "created or updated" } else { "unchanged" };
    let python = receipt.python.clone().unwrap_or_default();
    step.report().say(&format!("python environment on '{}' {what}: {python}", connection.host()));
    document.steps.interp = Some(receipt);
    Ok(())
}
