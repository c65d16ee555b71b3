//! A container store of one remote host.

use std::fs;
use std::path::PathBuf;

use crate::Root;
use crate::disk::tmpfs::unmount_below;
use crate::program::{PATH, am_root, command, must};

/// podman with images, containers, locks and events of its own below one folder.
#[derive(Debug)]
pub(crate) struct Podman {
    folder: PathBuf,
    root: Option<Root>,
}

impl Podman {
    /// Writes its configuration; podman makes the rest when it is first called.
    pub(crate) fn in_folder(folder: PathBuf, root: Option<Root>) -> Podman {
        fs::create_dir_all(&folder).unwrap();
        let at = folder.display();
        // Podman 6 of sid warns of it, and in another root nobody but root runs it.
        let rootless = match root {
            Some(_) => String::new(),
            None => format!("rootless_storage_path = \"{at}/images\"\n"),
        };
        let storage = format!(
            "[storage]\ndriver = \"overlay\"\ngraphroot = \"{at}/images\"\n{rootless}runroot = \"{at}/run\"\n"
        );
        let containers = format!(
            "[containers]\ndefault_ulimits = [\"nofile=20000:20000\", \"nproc=32768:32768\"]\nnetns = \"host\"\n\
             [engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\nruntime = \"runc\"\n\
             lock_type = \"file\"\ntmp_dir = \"{at}/tmp\"\n"
        );
        fs::write(folder.join("storage.conf"), storage).unwrap();
        fs::write(folder.join("containers.conf"), containers).unwrap();
        Podman { folder, root }
    }

    /// The variables that make podman use this store.
    pub(crate) fn environment(&self) -> [(String, String); 3] {
        let file = |name: &str| self.folder.join(name).display().to_string();
        [
            ("CONTAINERS_STORAGE_CONF".into(), file("storage.conf")),
            ("CONTAINERS_CONF".into(), file("containers.conf")),
            // Podman 5 of Debian 13 warns in the task's output, which is compared.
            ("PODMAN_IGNORE_CGROUPSV1_WARNING".into(), "yes".into()),
        ]
    }

    /// One line per container, running or not, as `podman ps` formats it.
    pub(crate) fn containers(&self, only_running: bool, format: &str) -> Vec<String> {
        if !self.was_used() {
            return Vec::new();
        }
        let mut ps = self.command();
        ps.args(["ps", "--format", format]);
        if !only_running {
            ps.arg("--all");
        }
        must(&mut ps).lines().map(str::to_owned).collect()
    }

    fn command(&self) -> std::process::Command {
        let mut podman =
            self.root.as_ref().map_or_else(|| command("podman"), |root| root.command("podman"));
        podman.env_clear().env("PATH", PATH).env("HOME", &self.folder).envs(self.environment());
        podman
    }

    fn was_used(&self) -> bool {
        self.folder.join("images").exists()
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        if !self.was_used() {
            return;
        }
        // Not asserted: a test that has failed already must not panic again on its way out.
        let _best_effort = self.command().args(["rm", "--all", "--force", "--time", "0"]).output();
        unmount_below(&self.folder);
        if !am_root() {
            // Its files belong to users that only podman's own namespace has.
            let _best_effort = self
                .command()
                .args(["unshare", "rm", "-rf"])
                .arg(self.folder.join("images"))
                .output();
        }
    }
}
