//! Files on the remote that belong to another account, mostly to the root of a container, and what gives them to the
//! account that logs in.

use std::path::Path;

use crate::cube::layout::Layout;
use crate::pipe::document::Document;
use crate::process::script::Script;
use crate::remote::connection::Connection;
use crate::remote::session::reply::Reply;
use crate::settings::runner::Runner;
use crate::text::quote::shell_word;

const LOOK: &str = include_str!("sh/foreign-files.sh");

/// A folder on the remote that is to be the account's own.
#[derive(Clone, Copy, Debug)]
pub struct ForeignFiles<'a> {
    /// The connection over which the remote is asked.
    pub connection: &'a Connection,
    /// The document of the cube whose tasks made the files.
    pub document: &'a Document,
    /// The folder, as the remote knows it.
    pub place: &'a str,
}

impl ForeignFiles<'_> {
    /// The command that makes them the account's own, as a hint; `blocked` is a path in the folder that the account can't read
    /// or write. The remote is asked which command works with its engine.
    #[must_use]
    pub fn remedy(&self, blocked: &Path) -> String {
        let host = self.connection.host();
        // Without an answer the words can't be more exact.
        let command = self
            .command(blocked)
            .unwrap_or_else(|| format!("sudo chown -R ACCOUNT {}", shell_word(self.place)));
        format!("`{command}` on '{host}' gives the files to the account; then run this again")
    }

    fn command(&self, blocked: &Path) -> Option<String> {
        let (_, runner) = Layout::of_document(self.document).ok()?;
        let answer = self.connection.run(&self.look(&runner, blocked)).ok()?;
        command(&answer).filter(|_| answer.status == 0)
    }

    fn look(&self, runner: &Runner, blocked: &Path) -> Script {
        let engine = match runner.remote_platform() {
            "docker" => {
                self.document.config_text(&["runner", "remote", "docker"]).unwrap_or("docker")
            }
            _ => "",
        };
        let image = self.document.config_text(&["docker", "image"]).unwrap_or_default();
        let blocked = Path::new(self.place).join(blocked);
        self.connection
            .script(LOOK)
            .given("engine", engine)
            .given("image", image)
            .given("place", self.place)
            .given("blocked", &blocked.to_string_lossy())
    }
}

/// The command that an answer leads to.
fn command(answer: &Reply) -> Option<String> {
    let place = answer.path("place").ok()?;
    let account = shell_word(&answer.field("account")?);
    let path = shell_word(&place);
    Some(match answer.field("by")?.as_str() {
        "chmod" => format!("chmod -R u+rwX {path}"),
        "unshare" => format!("podman unshare chown -R 0:0 {path}"),
        "container" => container_command(answer, &place)?,
        _ => format!("sudo chown -R {account} {path}"),
    })
}

fn container_command(answer: &Reply, place: &str) -> Option<String> {
    // A colon would end the path in --volume.
    let mount = if place.contains(':') {
        format!("--mount {}", shell_word(&format!("type=bind,source={place},target=/w")))
    } else {
        format!("-v {}", shell_word(&format!("{place}:/w")))
    };
    // Where the session gets it from the settings a login shell doesn't have it.
    let daemon = answer.field("docker-host").filter(|address| !address.is_empty());
    let daemon = daemon.map(|address| format!("DOCKER_HOST={} ", shell_word(&address)));
    let program = answer.field("program")?;
    let chown = if program == "chown" { "" } else { "chown " };
    Some(format!(
        "{}docker run --rm --user 0:0 --entrypoint {} {mount} {} {chown}-R {} /w",
        daemon.unwrap_or_default(),
        shell_word(&program),
        shell_word(&answer.field("image")?),
        shell_word(&answer.field("become")?)
    ))
}
