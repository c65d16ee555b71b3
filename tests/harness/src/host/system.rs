//! A host's own system: its files below `/etc`, `/usr` and `/var`, its name and its processes.
//!
//! An overlay lies over this machine's folders, in namespaces that end with their first process: nothing that a test
//! changes there reaches the machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::disk::cache::cached;
use crate::program::{command, must};

/// The folders that are the system's own.
const FOLDERS: [&str; 3] = ["etc", "usr", "var"];

/// Mounts the folders, gives the system its name, and becomes what is to run in it. Its words: the name, a folder for
/// what is changed, the lower layers or nothing, the rest.
const ENTER: &str = r#"set -e
name=$1 own=$2 layers=$3
shift 3
for folder in etc usr var; do
  mkdir -p "$own/$folder/upper" "$own/$folder/work"
  mount -t overlay -o "lowerdir=${layers:+$layers/$folder/upper:}/$folder,upperdir=$own/$folder/upper,workdir=$own/$folder/work" overlay "/$folder"
done
hostname "$name"
exec "$@""#;

/// The same, on a disk in memory, which goes with the system.
const ENTER_FRESH: &str = r#"set -e
mkdir -p "$2"
mount -t tmpfs tmpfs "$2"
"#;

/// How a system differs from the machine's.
#[derive(Debug, Clone)]
pub(crate) struct System {
    name: String,
    layers: Option<PathBuf>,
}

impl System {
    /// One that calls itself so, and in which Debian's package is installed.
    pub(crate) fn new(name: &str, package: Option<&str>) -> System {
        System { name: name.to_owned(), layers: package.map(with_package) }
    }

    /// A command that runs in it as its first process; with that all the others end. `own` is a folder for it.
    pub(crate) fn first_process(&self, own: &Path) -> Command {
        let layers = self.layers.as_deref().unwrap_or(Path::new(""));
        enter(&[ENTER_FRESH, ENTER].concat(), &self.name, own, layers)
    }
}

/// The beginning of a command that runs in the system whose first process is the only child of this one.
pub(crate) fn inside(parent: u32) -> Command {
    let children = format!("/proc/{parent}/task/{parent}/children");
    let first = std::fs::read_to_string(children).unwrap();
    let mut inside = command("nsenter");
    inside.args(["--mount", "--pid", "--uts", "--ipc", "--target", first.trim()]);
    inside
}

/// What the installation of a Debian package changes, made once per checkout: two packages that exclude each other can
/// be in two systems.
fn with_package(package: &str) -> PathBuf {
    cached(&format!("package-{package}"), |folder| {
        let install = "apt-get update -qq && \
             DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \"$1\" && apt-get clean";
        let mut system = enter(ENTER, "installs", folder, Path::new(""));
        must(system.args(["sh", "-c", install, "sh", package]));
        for folder in FOLDERS.map(|name| folder.join(name).join("work")) {
            let _best_effort = std::fs::remove_dir_all(folder);
        }
    })
}

fn enter(script: &str, name: &str, own: &Path, layers: &Path) -> Command {
    let mut enter = command("unshare");
    enter.args(["--fork", "--pid", "--mount", "--uts", "--ipc", "--mount-proc", "--kill-child"]);
    enter.args(["--propagation", "private", "sh", "-c", script, "sh", name]);
    enter.arg(own).arg(layers);
    enter
}
