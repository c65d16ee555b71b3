//! Remote files that belong to another account, mostly to the root of a container, and the command that gives them to
//! the login account.

use std::path::Path;

use crate::cube::Cube;
use crate::pipe::document::Document;
use crate::process::script::Script;
use crate::remote::connection::Connection;
use crate::remote::session::reply::Reply;
use crate::text::quote::shell_word;

const LOOK: &str = include_str!("sh/foreign-files.sh");

/// A remote folder that should belong to the login account.
#[derive(Clone, Copy, Debug)]
pub struct ForeignFiles<'a> {
    /// The connection to the remote.
    pub connection: &'a Connection,
    /// The cube whose tasks made the files.
    pub cube: &'a Cube,
    /// Its document.
    pub document: &'a Document,
    /// The path of the folder on the remote.
    pub place: &'a str,
}

impl ForeignFiles<'_> {
    /// The hint with the command that gives the files to the account; `blocked` is a path in the folder that the
    /// account can't read or write, and `then` what follows. Asks the remote which command works with its engine.
    #[must_use]
    pub fn remedy(&self, blocked: &Path, then: &str) -> String {
        let host = self.connection.host();
        // Without a reply only a general command can be shown.
        let command = self
            .command(blocked)
            .unwrap_or_else(|| format!("sudo chown -R ACCOUNT {}", shell_word(self.place)));
        format!("`{command}` on '{host}' gives the files to the account; then {then}")
    }

    fn command(&self, blocked: &Path) -> Option<String> {
        let reply = self.connection.run(&self.look(blocked)).ok()?;
        command(&reply, self.engine()).filter(|_| reply.status == 0)
    }

    /// The engine as the settings name it; empty if the platform has none that could help.
    fn engine(&self) -> &str {
        match self.cube.runner.remote_platform() {
            "docker" => self.document.runner_text(&["remote", "docker"]).unwrap_or("docker"),
            _ => "",
        }
    }

    fn look(&self, blocked: &Path) -> Script {
        let engine = self.engine();
        let blocked = Path::new(self.place).join(blocked);
        self.connection
            .script(LOOK)
            .given("engine", engine)
            .given("image", self.document.run.image.as_deref().unwrap_or_default())
            .given("place", self.place)
            .given("blocked", &blocked.to_string_lossy())
    }
}

/// The command that a reply leads to. An `engine` that the settings name by its path is mostly outside PATH.
fn command(reply: &Reply, engine: &str) -> Option<String> {
    let called = |name: &str| shell_word(if engine.contains('/') { engine } else { name });
    let place = reply.path("place").ok()?;
    let account = shell_word(&reply.field("account")?);
    let path = shell_word(&place);
    Some(match reply.field("by")?.as_str() {
        "chmod" => format!("chmod -R u+rwX {path}"),
        "unshare" => format!("{} unshare chown -R 0:0 {path}", called("podman")),
        "container" => container_command(reply, &place, &called("docker"))?,
        _ => format!("sudo chown -R {account} {path}"),
    })
}

fn container_command(reply: &Reply, place: &str, engine: &str) -> Option<String> {
    // A colon would end the path in `-v`.
    let mount = if place.contains(':') {
        format!("--mount {}", shell_word(&format!("type=bind,source={place},target=/w")))
    } else {
        format!("-v {}", shell_word(&format!("{place}:/w")))
    };
    // A login shell doesn't have the DOCKER_HOST that the settings give to a session.
    let daemon = reply.field("docker-host").filter(|address| !address.is_empty());
    let daemon = daemon.map(|address| format!("DOCKER_HOST={} ", shell_word(&address)));
    let program = reply.field("program")?;
    let chown = if program == "chown" { "" } else { "chown " };
    Some(format!(
        "{}{engine} run --rm --user 0:0 --entrypoint {} {mount} {} {chown}-R {} /w",
        daemon.unwrap_or_default(),
        shell_word(&program),
        shell_word(&reply.field("image")?),
        shell_word(&reply.field("become")?)
    ))
}
