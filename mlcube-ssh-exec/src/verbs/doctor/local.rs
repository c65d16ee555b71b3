//! The checks of the local machine.

use mlcube_ssh::cube::Cube;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::Failure;
use mlcube_ssh::pipe::private_file;
use mlcube_ssh::pipe::step::Step;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::login::ssh_version;
use mlcube_ssh::remote::rsync_version;

use crate::verbs::doctor::findings::Findings;
use crate::verbs::doctor::{LIMIT, UNSEEN};

/// Checks the programs and the state folder, which every step needs.
pub(crate) fn check_machine(findings: &mut Findings) {
    match ssh_version::name() {
        Ok(name) => findings.ok("ssh", &name),
        Err(failure) => findings.fail("ssh", &failure, ""),
    }
    match rsync_version::check().and_then(|()| rsync_version::name()) {
        Ok(name) => findings.ok("rsync", &name),
        Err(failure) => findings.fail("rsync", &failure, ""),
    }
    match private_file::try_state_folder() {
        Ok(folder) => findings.ok("state", &folder.display().to_string()),
        Err(problem) => findings.fail("state", &Failure::from(problem), ""),
    }
}

/// Checks what a login needs. Returns the connection, which isn't open yet; nothing if no login can work.
pub(crate) fn check_connection(
    findings: &mut Findings,
    step: &Step,
    document: &Document,
    cube: &Cube,
) -> Option<Connection> {
    let made = Connection::new(cube, document, step.report());
    let connection = match made {
        Ok(connection) => connection.with_replies_within(LIMIT),
        Err(failure) => {
            findings.fail("sockets", &failure, UNSEEN);
            return None;
        }
    };
    let folder = connection.socket_folder().display().to_string();
    match Connection::taken_socket_folder() {
        Ok(None) => findings.ok("sockets", &folder),
        Ok(Some(problem)) => {
            let taken = Failure::from(problem);
            let hint = taken.hint_text().unwrap_or_default();
            findings.warn("sockets", &format!("{taken}; {folder} is used instead"), hint);
        }
        Err(problem) => findings.fail("sockets", &Failure::from(problem), UNSEEN),
    }
    if findings.has_failed("ssh") {
        return None;
    }
    match connection.check_identity() {
        Ok(Some(file)) => findings.ok("key", &format!("ssh can use {file}")),
        Ok(None) => findings.ok("key", "ssh's own configuration chooses"),
        Err(problem) => {
            findings.fail("key", &Failure::from(problem), UNSEEN);
            return None;
        }
    }
    Some(connection)
}
