//! The remote host: an sshd, what its sessions find, and a container store.

pub(crate) mod account;
pub(crate) mod blackhole;
pub(crate) mod network;
pub(crate) mod python;
pub(crate) mod root;
pub(crate) mod slurm;
pub(crate) mod sshd;
pub(crate) mod system;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::engine::podman::Podman;
use crate::host::system::System;
use crate::program::PATH;
use crate::{Account, Place, Root, Sshd, program};

/// The variable that every session of a host has, with the path of the test's place.
pub(crate) const SESSION_MARK: &str = "MLCUBE_SSH_TEST";

/// How a remote host differs from the usual one.
#[derive(Debug, Default, Clone)]
#[must_use = "no host is started yet"]
pub struct HostOptions {
    config: Vec<String>,
    environment: Vec<(String, String)>,
    account: Option<(String, PathBuf)>,
    missing: Vec<String>,
    system: Option<System>,
    root: Option<Root>,
    dropbear: bool,
}

impl HostOptions {
    /// With a line in its `sshd_config`.
    pub fn config(mut self, line: &str) -> HostOptions {
        self.config.push(line.to_owned());
        self
    }

    /// With a variable in the environment of every session.
    pub fn variable(mut self, name: &str, value: &str) -> HostOptions {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Logging in this user; without it, whoever runs the tests, in another home folder.
    pub fn account(mut self, account: &Account) -> HostOptions {
        self.account = Some((account.name().to_owned(), account.home().to_owned()));
        self
    }

    /// With a system of its own, which calls itself `name`: what a test changes in its `/etc`, `/usr` and `/var` stays
    /// in it ([`Sshd::in_its_system`]). Only root can make one.
    pub fn own_system(mut self, name: &str) -> HostOptions {
        self.system = Some(System::new(name, None));
        self
    }

    /// The same, with a Debian package in it.
    pub fn own_system_with(mut self, package: &str) -> HostOptions {
        self.system = Some(System::new("there", Some(package)));
        self
    }

    /// Without a program that a usual host has.
    pub fn without(mut self, program: &str) -> HostOptions {
        self.missing.push(program.to_owned());
        self
    }

    /// With the programs of another root.
    pub fn root(mut self, root: Root) -> HostOptions {
        self.root = Some(root);
        self
    }

    /// With dropbear as its ssh server; none unless root, as it looks for keys in the home folder only.
    pub fn dropbear(self) -> Option<HostOptions> {
        let root = self.root.clone().or_else(Root::of_this_machine)?;
        Some(HostOptions { dropbear: true, root: Some(root), ..self })
    }
}

/// A remote host.
#[derive(Debug)]
pub struct Host {
    /// Its ssh server.
    pub sshd: Sshd,
    podman: Podman,
    folder: PathBuf,
    home: PathBuf,
    user: Option<String>,
    environment: Vec<(String, String)>,
    config: Vec<String>,
}

impl Host {
    /// Starts one for whoever has the key whose public half is `identity`.
    pub fn start(place: &Place, identity: &Path, options: HostOptions) -> Host {
        let folder = place.folder("there");
        let root = options.root.map(|root| root.sees(place.path()));
        let podman = Podman::in_folder(folder.join("podman"), root.clone());
        fs::create_dir_all(folder.join("bin")).unwrap();
        let mut environment = options.environment;
        environment.extend(podman.environment());
        environment.push(("PATH".to_owned(), path(&folder, &options.missing)));
        environment.push((SESSION_MARK.to_owned(), place.path().display().to_string()));
        let (user, home) = options
            .account
            .map_or_else(|| (None, place.folder("there/home")), |(user, home)| (Some(user), home));
        environment.push(("HOME".to_owned(), home.display().to_string()));
        let (config, system) = (options.config, options.system);
        let server = folder.join("sshd");
        let sshd = if options.dropbear {
            Sshd::start_dropbear(server, identity, &environment, root)
        } else {
            Sshd::start(server, identity, &environment, &config, system, root)
        };
        Host { sshd, podman, folder, home, user, environment, config }
    }

    /// Another machine with the same accounts and the same disk, as a cluster's second login node is, in a system of
    /// its own that calls itself `name`.
    pub fn another_node(&self, name: &str) -> Sshd {
        let folder = self.folder.join(format!("sshd-{name}"));
        let identity = self.folder.join("sshd/authorized_keys");
        let system = Some(System::new(name, None));
        Sshd::start(folder, &identity, &self.environment, &self.config, system, None)
    }

    /// The folder that holds all of it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A folder that comes first in the sessions' PATH.
    pub fn bin(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// Puts a program, lines of sh, first in the sessions' PATH.
    pub fn has_program(&self, name: &str, lines: &str) {
        program::write(&self.bin().join(name), lines);
    }

    /// Takes it away again.
    pub fn loses_program(&self, name: &str) {
        fs::remove_file(self.bin().join(name)).unwrap();
    }

    /// The remote user's home folder.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The user who logs in, unless it is the one who runs the tests.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The folder that the settings of a scene name as `remote_root`.
    pub fn remote_root(&self) -> PathBuf {
        self.folder.join("cubes")
    }

    /// The names of the containers that run.
    pub fn running_containers(&self) -> Vec<String> {
        self.podman.containers(true, "{{.Names}}")
    }

    /// The containers that were run and not removed, and their labels.
    pub fn containers(&self) -> Vec<String> {
        self.podman.containers(false, "{{.Names}} {{.Labels}}")
    }
}

/// The sessions' PATH: the host's own programs first, then those of this machine but for the missing ones.
fn path(folder: &Path, missing: &[String]) -> String {
    let own = folder.join("bin");
    if missing.is_empty() {
        return format!("{}:{PATH}", own.display());
    }
    let most = folder.join("most-programs");
    fs::create_dir_all(&most).unwrap();
    for entry in PATH.split(':').filter_map(|dir| fs::read_dir(dir).ok()).flatten().flatten() {
        let name = entry.file_name();
        if !missing.iter().any(|missing| name == missing.as_str()) {
            // The first of a name counts, as in a PATH.
            let _already_there = symlink(entry.path(), most.join(name));
        }
    }
    format!("{}:{}", own.display(), most.display())
}
