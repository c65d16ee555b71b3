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
use crate::verbs::doctor::host_reply::Check;
use crate::verbs::doctor::{LIMIT, NOTHING_CHECKED};

/// Checks the programs and the state folder, which every step needs.
pub(crate) fn check_machine(findings: &mut Findings) {
    match ssh_version::name() {
        Ok(name) => findings.ok(Check::Ssh, &name),
        Err(failure) => findings.fail(Check::Ssh, &failure, ""),
    }
    match rsync_version::check().and_then(|()| rsync_version::name()) {
        Ok(name) => findings.ok(Check::Rsync, &name),
        Err(failure) => findings.fail(Check::Rsync, &failure, ""),
    }
    match private_file::try_state_folder() {
        Ok(folder) => findings.ok(Check::State, &folder.display().to_string()),
        Err(problem) => findings.fail(Check::State, &Failure::from(problem), ""),
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
            findings.fail(Check::Sockets, &failure, NOTHING_CHECKED);
            return None;
        }
    };
    let folder = connection.socket_folder().display().to_string();
    match Connection::taken_socket_folder() {
        Ok(None) => findings.ok(Check::Sockets, &folder),
        Ok(Some(problem)) => {
            let taken = Failure::from(problem);
            let hint = taken.hint_text().unwrap_or_default();
            findings.warn(Check::Sockets, &format!("{taken}; {folder} is used instead"), hint);
        }
        Err(problem) => {
            findings.fail(Check::Sockets, &Failure::from(problem), NOTHING_CHECKED);
            return None;
        }
    }
    if findings.has_failed(Check::Ssh) {
        return None;
    }
    match connection.check_identity() {
        Ok(Some(file)) => findings.ok(Check::Key, &format!("ssh can use {file}")),
        Ok(None) => findings.ok(Check::Key, "ssh's own configuration chooses"),
        Err(problem) => {
            findings.fail(Check::Key, &Failure::from(problem), NOTHING_CHECKED);
            return None;
        }
    }
    Some(connection)
}
