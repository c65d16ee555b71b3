//! The known failures of a container engine that a person can fix, recognised by the engine's messages.
//!
//! The fuzz target `host` includes this file, so it uses nothing else of this program.

use mlcube_ssh::pipe::failure::{FULL_DISK, is_out_of_room};

/// The shim's words, after the engine's name, for an engine that it doesn't find.
const NOT_FOUND: &str = ": not found on this host";

/// A known failure of a container engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EngineFailure {
    /// The session's PATH has no engine of this name, or the engine's path doesn't exist.
    NotFound(String),
    /// `sudo` asks for a password, which a job can't give.
    NeedsPassword,
    /// The account may not open the daemon's socket.
    Forbidden,
    /// No daemon replies.
    NoDaemon,
    /// A file system is full; the file that couldn't be written, if the line names it.
    NoSpace(Option<String>),
    /// The engine knows no GPUs.
    NoGpus,
    /// The registry of an image can't be reached; its host, if the line names it.
    NoRegistry(Option<String>),
    /// podman isn't told in which registry to look for `owner/name`.
    ShortName,
    /// Singularity has neither the file of the image nor a recipe for it.
    NoImageFile,
}

impl EngineFailure {
    /// Recognises the failure in a line of output; `engine` is its name in the settings.
    pub(crate) fn of_line(line: &str, engine: &str) -> Option<Self> {
        if let Some(engine) = line.strip_suffix(NOT_FOUND) {
            return Some(Self::NotFound(engine.to_owned()));
        }
        // mlcube's shell, or sudo, reports a missing program that bypasses the shim. Only words of the configured
        // engine count: a task may miss programs of its own.
        let missed = line.strip_suffix(": command not found").or(line.strip_suffix(": not found"));
        let missed = missed.and_then(|line| line.rsplit(": ").next());
        if let Some(missed) = missed.filter(|missed| engine.split(' ').any(|word| word == *missed))
        {
            return Some(Self::NotFound(missed.to_owned()));
        }
        if line.starts_with("sudo: ") && line.contains("password") {
            return Some(Self::NeedsPassword);
        }
        let low = line.to_ascii_lowercase();
        let says = |any: &[&str]| any.iter().any(|words| low.contains(words));
        // docker and podman both say this, docker before and since version 28.
        if says(&["permission denied while trying to connect to the"]) {
            return Some(Self::Forbidden);
        }
        if says(&[
            "cannot connect to the docker daemon",
            "is the docker daemon running",
            "failed to connect to the docker api",
            "cannot connect to podman",
            "unable to connect to podman",
        ]) {
            return Some(Self::NoDaemon);
        }
        if is_out_of_room(line) {
            return Some(Self::NoSpace(path_in(line)));
        }
        if line.contains("SIF recipe file does not exist") {
            return Some(Self::NoImageFile);
        }
        if says(&["did not resolve to an alias and no unqualified-search registries"]) {
            return Some(Self::ShortName);
        }
        if says(&["unresolvable cdi devices", "could not select device driver"]) {
            return Some(Self::NoGpus);
        }
        let of_a_registry = says(&["registry", "/v2/", "dial tcp", "proxyconnect"]);
        let of_the_network = says(&[
            "no such host",
            "server misbehaving",
            "temporary failure in name resolution",
            "i/o timeout",
            "connection refused",
            "network is unreachable",
            "no route to host",
            "tls handshake timeout",
            "request canceled while waiting for connection",
            "context deadline exceeded",
            "proxyconnect",
        ]);
        (of_a_registry && of_the_network).then(|| Self::NoRegistry(registry_in(line)))
    }
}

/// Returns the line about a missing Singularity, given mlcube's description of its failure: mlcube drops what the shim
/// says.
pub(crate) fn missing_singularity(description: &str) -> Option<String> {
    let (_, context) = description.split_once("'function': 'check_singularity_installed'")?;
    let (_, name) = context.split_once("'software': '")?;
    Some(format!("{}{NOT_FOUND}", name.split('\'').next()?))
}

/// Returns the last path before the words that report a full disk.
fn path_in(line: &str) -> Option<String> {
    let low = line.to_ascii_lowercase();
    let end = FULL_DISK.iter().filter_map(|words| low.rfind(words)).max().unwrap_or(line.len());
    let words = line.get(..end)?.split_whitespace();
    let mut paths = words.map(|word| word.trim_matches(|c: char| "\"':,;()".contains(c)));
    paths.rfind(|word| word.len() > 1 && word.starts_with('/')).map(str::to_owned)
}

/// Returns the registry's host: the one in the URL, or the one whose name was looked up.
fn registry_in(line: &str) -> Option<String> {
    let behind = |words: &str| line.split_once(words).map(|(_, rest)| rest);
    let rest = behind("https://").or_else(|| behind("lookup ")).or_else(|| behind("registry "))?;
    let is_of_a_host = |c: char| c.is_ascii_alphanumeric() || ".-:".contains(c);
    let end = rest.find(|c: char| !is_of_a_host(c)).unwrap_or(rest.len());
    let host = rest[..end].trim_end_matches(':');
    (!host.is_empty()).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_say_it_in_these_ways() {
        for (line, failure) in [
            ("docker: not found on this host", EngineFailure::NotFound("docker".to_owned())),
            ("sh: 1: nerdctl: not found", EngineFailure::NotFound("nerdctl".to_owned())),
            ("sh: line 1: sudo: command not found", EngineFailure::NotFound("sudo".to_owned())),
            ("sudo: nerdctl: command not found", EngineFailure::NotFound("nerdctl".to_owned())),
            ("sudo: a password is required", EngineFailure::NeedsPassword),
            (
                "Error: short-name \"a/b:1\" did not resolve to an alias and no unqualified-search registries are defined in \"/etc/containers/registries.conf\"",
                EngineFailure::ShortName,
            ),
            (
                "Error: setting up CDI devices: unresolvable CDI devices a.b/c=all",
                EngineFailure::NoGpus,
            ),
            (
                "Got permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get …: connect: permission denied",
                EngineFailure::Forbidden,
            ),
            (
                "permission denied while trying to connect to the docker API at unix:///var/run/docker.sock",
                EngineFailure::Forbidden,
            ),
            (
                "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
                EngineFailure::NoDaemon,
            ),
            (
                "failed to connect to the docker API at unix:///x.sock; check if the path is correct and if the daemon is running: dial unix /x.sock: connect: no such file or directory",
                EngineFailure::NoDaemon,
            ),
            (
                "Error: storing blob to file \"/var/tmp/storage1/1\": write /var/tmp/storage1/1: no space left on device",
                EngineFailure::NoSpace(Some("/var/tmp/storage1/1".to_owned())),
            ),
            ("docker: no space left on device", EngineFailure::NoSpace(None)),
            (
                "OSError: SIF recipe file does not exist (path=/c, file=Singularity.recipe)",
                EngineFailure::NoImageFile,
            ),
            (
                "Error response from daemon: Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io on 10.0.0.1:53: no such host",
                EngineFailure::NoRegistry(Some("registry-1.docker.io".to_owned())),
            ),
            (
                "Error: initializing source docker://h:5000/a:1: pinging container registry h:5000: Get \"https://h:5000/v2/\": dial tcp 10.0.0.2:5000: connect: connection refused",
                EngineFailure::NoRegistry(Some("h:5000".to_owned())),
            ),
        ] {
            assert_eq!(EngineFailure::of_line(line, "sudo nerdctl"), Some(failure), "{line}");
        }
        let description = "\tcontext: {'function': 'check_singularity_installed', 'args': {'software': 'singularity'}}\n";
        let missing = missing_singularity(description);
        assert_eq!(missing.as_deref(), Some("singularity: not found on this host"));
        assert_eq!(missing_singularity("\tcontext: {'software': 'x'}"), None);
        for line in [
            "docker: Error response from daemon: No such image: a/b:1",
            "manifest unknown: registry has no such tag",
            "open /data/x: permission denied",
            "/bin/sh: 1: pip: not found",
            "Connection refused by the task's own server",
        ] {
            assert_eq!(EngineFailure::of_line(line, "docker"), None, "{line}");
        }
    }
}
