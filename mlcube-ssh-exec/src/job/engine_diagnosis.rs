//! Advice for each known failure of a container engine.

use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::session::Reply;
use mlcube_ssh::text::quote::{is_plain, shell_word};

use crate::job::engine;
use crate::job::engine_failure::EngineFailure;

const LOOK: &str =
    concat!(include_str!("../sh/engine-store.sh"), include_str!("../sh/inspect-engine.sh"));

impl EngineFailure {
    /// Returns the script that collects facts about the failure; `None` if the line already says everything.
    fn look(&self, connection: &Connection, engine: &str) -> Option<Script> {
        let (kind, engine) = match self {
            Self::NotFound(engine) => ("not-found", engine.as_str()),
            Self::NoDaemon => ("daemon", engine),
            Self::NoSpace(_) => ("no-space", engine),
            Self::NeedsPassword
            | Self::Forbidden
            | Self::NoGpus
            | Self::NoRegistry(_)
            | Self::ShortName
            | Self::NoImageFile => return None,
        };
        Some(connection.script(LOOK).given("failure", kind).given("engine", engine))
    }

    /// Returns what the user can do about the failure of the engine of the settings.
    pub(crate) fn hint(&self, connection: &Connection, document: &Document) -> String {
        self.hint_for(connection, document, engine::name(document))
    }

    /// Returns what the user can do about the failure of this engine. Runs one script on the remote for the facts.
    pub(crate) fn hint_for(
        &self,
        connection: &Connection,
        document: &Document,
        engine: &str,
    ) -> String {
        // Without a reply the hint is more general.
        let reply = self.look(connection, engine).and_then(|look| connection.run(&look).ok());
        let fact = |key: &str| reply.as_ref().and_then(|reply: &Reply| reply.field(key));
        self.advice(fact, document)
    }

    fn advice(&self, fact: impl Fn(&str) -> Option<String>, document: &Document) -> String {
        let host = document.remote.host.as_str();
        match self {
            Self::NotFound(engine) => advice_about_missing(engine, host, fact),
            Self::NoDaemon => fact("docker-host").map_or_else(
                || format!(
                    "start the engine's daemon on '{host}' (`sudo systemctl start docker`, of a rootless one `systemctl --user start docker`); if it listens at another address, set 'environment: {{DOCKER_HOST: ADDRESS}}' in the platform's section"
                ),
                |address| format!(
                    "an interactive login shell on '{host}' has DOCKER_HOST; set 'environment: {{DOCKER_HOST: {}}}' in the platform's section",
                    quoted(&address)
                ),
            ),
            Self::NeedsPassword => format!(
                "sudo can't ask for a password in a job: add the account on '{host}' to the group of the engine's socket and set 'remote: {{runner: docker, docker: docker}}', or let sudoers(5) permit the engine without one (NOPASSWD)"
            ),
            Self::NoGpus => format!(
                "install the NVIDIA container toolkit on '{host}'; `sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml` describes its GPUs to podman, `sudo nvidia-ctk runtime configure --runtime=docker` to docker"
            ),
            Self::ShortName => format!(
                "on '{host}', write the line unqualified-search-registries = [\"docker.io\"] at the top of ~/.config/containers/registries.conf: podman then looks on Docker Hub, as docker does"
            ),
            Self::NoImageFile => format!(
                "put the image's file into image_dir on '{host}', which is set by 'remote: {{image_dir: FOLDER}}' in the platform's section and is '.image' in the workspace otherwise; or add the recipe to the cube"
            ),
            Self::Forbidden => format!(
                "let an administrator of '{host}' add the account to the socket's group (`sudo usermod -aG docker ACCOUNT`), then `{}`: an open connection keeps the groups that it began with",
                document.logout_command()
            ),
            Self::NoSpace(path) => {
                let folder = path.clone().or_else(|| fact("stores"));
                let place = folder.as_ref().map_or_else(
                    || "where the engine keeps its images".to_owned(),
                    |folder| format!("on the file system of {folder}"),
                );
                format!(
                    "make room on '{host}' {place} (`df -h`, `df -i`); `docker system prune` or `podman system prune` removes what no container uses"
                )
            }
            Self::NoRegistry(registry) => {
                // It becomes part of a command to paste: anything but a host and a port is replaced.
                let is_address = |text: &&str| {
                    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte))
                };
                let registry = registry.as_deref().filter(is_address).unwrap_or("REGISTRY");
                format!(
                    "check on '{host}' whether `curl -I https://{registry}/v2/` reaches it; behind a proxy, set HTTP_PROXY for docker's daemon, or for podman and apptainer 'environment: {{https_proxy: ADDRESS}}' in the platform's section"
                )
            }
        }
    }
}

/// Returns what the user can do about an engine that isn't on PATH.
fn advice_about_missing(engine: &str, host: &str, fact: impl Fn(&str) -> Option<String>) -> String {
    let found = fact("at").and_then(|path| Some(path.rsplit_once('/')?.0.to_owned()));
    // The remote's word becomes part of a line to paste only if it can't be read as more than a name.
    match (found, fact("other").filter(|other| is_plain(other))) {
        (Some(folder), _) => format!(
            "an interactive login shell on '{host}' finds {engine} in {folder}; set 'setup: {}' in the platform's section",
            quoted(&format!("export PATH={}:$PATH", shell_word(&folder)))
        ),
        (None, Some(other)) => format!(
            "'{host}' has {other}: set 'remote: {{runner: docker, docker: {other}}}' in the platform's section, or install {engine} on the remote"
        ),
        (None, None) if engine.contains('/') => format!(
            "check on '{host}' whether {engine} exists and the account may run it; the engine is named in 'remote: {{docker: …}}' of the platform's section, or in -Pdocker.docker"
        ),
        (None, None) => format!(
            "install {engine} on '{host}'; if it is in a folder outside PATH, set 'setup: \"export PATH=FOLDER:$PATH\"' in the platform's section, or 'setup: module load …'"
        ),
    }
}

/// Quotes a text for a YAML flow mapping, whatever it contains.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
