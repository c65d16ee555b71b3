//! A Docker daemon of one remote host.

use std::fs;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::disk::cache::cached;
use crate::disk::tmpfs::unmount_below;
use crate::program::{PATH, am_root, command, must};
use crate::skip::skip;
use crate::wait::eventually;
use crate::{Account, Processes, Scene};

/// The packages of Debian, which are unpacked and not installed: nothing of them starts by itself, and this machine's
/// own engine, if it has one, is left alone.
const PACKAGES: [&str; 2] = ["docker.io", "containerd"];

/// A real daemon with a folder of its own for images, containers and its socket; ended on drop with its containers.
#[derive(Debug)]
pub struct Docker {
    folder: PathBuf,
    programs: PathBuf,
    /// Whose group may open the socket.
    group: String,
    options: Vec<&'static str>,
    daemon: Option<Child>,
}

impl Docker {
    /// Starts one that the host of `scene` uses from now on. The group of `account` may open its socket, as that of
    /// `docker` usually may. None unless root.
    pub fn of(scene: &mut Scene, account: &Account) -> Option<Docker> {
        if !am_root() {
            skip("only root can start a Docker daemon");
            return None;
        }
        let programs = cached("docker", |folder| {
            let packages = folder.join("packages");
            fs::create_dir(&packages).unwrap();
            let download = || {
                let mut download = command("apt-get");
                download.args(["-qq", "download"]).args(PACKAGES).current_dir(&packages);
                download
            };
            // A new machine may not have the lists of packages yet.
            if !download().output().unwrap().status.success() {
                must(command("apt-get").args(["-qq", "update"]));
                must(&mut download());
            }
            for package in fs::read_dir(&packages).unwrap() {
                must(command("dpkg").arg("-x").arg(package.unwrap().path()).arg(folder));
            }
            fs::remove_dir_all(packages).unwrap();
        });
        let folder = scene.place().folder("docker");
        let group = account.name().to_owned();
        let mut docker = Docker { folder, programs, group, options: Vec::new(), daemon: None };
        docker.start();
        // Not every account can enter the folder where the programs were unpacked.
        let client = scene.host.bin().join("docker");
        fs::copy(docker.programs.join("usr/bin/docker"), client).unwrap();
        scene.set("/remote/docker", "docker");
        scene.set("/environment", serde_json::json!({"DOCKER_HOST": docker.address()}));
        Some(docker)
    }

    /// Where its socket is, as `DOCKER_HOST` takes it.
    pub fn address(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// The folder of its images and containers.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// What the client answers to these words, as root.
    #[track_caller]
    pub fn says(&self, words: &[&str]) -> String {
        must(self.client().args(words))
    }

    /// The ids of its containers, running or not.
    pub fn containers(&self) -> Vec<String> {
        self.says(&["ps", "--all", "--quiet"]).lines().map(str::to_owned).collect()
    }

    /// Restarts the daemon; from now on its containers go on without it.
    pub fn keeps_containers(&mut self) {
        self.stop();
        self.options = vec!["--live-restore"];
        self.start();
    }

    /// Starts the daemon, and waits until it answers.
    pub fn start(&mut self) {
        let at = &self.folder;
        let log = File::options().create(true).append(true).open(at.join("log")).unwrap();
        // It dies with the thread of the test, even when the test is killed and nothing is dropped.
        let mut daemon = command("setpriv");
        daemon.args(["--pdeathsig", "KILL", "dockerd", "--group", &self.group]);
        daemon.arg("--data-root").arg(self.data()).arg("--exec-root").arg(at.join("exec"));
        daemon.arg("--host").arg(self.address()).arg("--pidfile").arg(at.join("pid"));
        // This machine's network is none of its business, and there is no systemd to make cgroups.
        daemon.args(["--iptables=false", "--ip6tables=false", "--bridge=none"]);
        daemon.args(["--exec-opt", "native.cgroupdriver=cgroupfs"]);
        daemon.args(&self.options);
        daemon.env("PATH", self.path()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut daemon = daemon.spawn().unwrap();
        eventually("the Docker daemon answers", || {
            if let Some(ended) = daemon.try_wait().unwrap() {
                panic!("dockerd: {ended}: {}", fs::read_to_string(at.join("log")).unwrap());
            }
            self.client().arg("version").output().unwrap().status.success()
        });
        self.daemon = Some(daemon);
    }

    /// Ends the daemon in good order, which ends its containers.
    pub fn stop(&mut self) {
        self.end(Signal::TERM);
    }

    /// Kills the daemon. Its containers go on, until it comes back and ends them.
    pub fn kill(&mut self) {
        self.end(Signal::KILL);
        // Its own containerd would be another service where there is a systemd. A pid of theirs that nobody reaps looks
        // alive to the next daemon.
        Processes::naming(&self.folder).with("containerd --config").kill();
        for file in ["pid", "exec/containerd/containerd.pid"] {
            let _best_effort = fs::remove_file(self.folder.join(file));
        }
    }

    fn end(&mut self, signal: Signal) {
        if let Some(mut daemon) = self.daemon.take() {
            let _gone_already = kill_process(Pid::from_child(&daemon), signal);
            daemon.wait().unwrap();
        }
    }

    fn client(&self) -> std::process::Command {
        let mut client = command(self.programs.join("usr/bin/docker"));
        client.env_clear().env("PATH", PATH).env("HOME", &self.folder);
        client.args(["--host", &self.address()]).stdin(Stdio::null());
        client
    }

    fn path(&self) -> String {
        let at = self.programs.display();
        format!("{at}/usr/bin:{at}/usr/sbin:{PATH}")
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        if self.daemon.is_some() {
            // Not asserted: a test that has failed already must not panic again on its way out.
            let ids = self.client().args(["ps", "--all", "--quiet"]).output();
            let ids = ids.map(|out| String::from_utf8_lossy(&out.stdout).into_owned());
            for id in ids.unwrap_or_default().lines() {
                let _best_effort = self.client().args(["rm", "--force", id]).output();
            }
        }
        self.stop();
        unmount_below(&self.folder);
    }
}
