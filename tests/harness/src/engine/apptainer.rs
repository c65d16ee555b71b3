//! Apptainer on one remote host.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use serde_json::json;

use crate::host::root::Root;
use crate::{Cube, Python, Scene, program};

/// The Apptainer of Debian sid, in the root of that release: no other has one. The host calls it as `singularity`.
#[derive(Debug)]
pub struct Apptainer {
    images: PathBuf,
}

impl Apptainer {
    /// Puts it on the host of `scene`, whose tasks mlcube's own singularity runner runs from now on; none where that
    /// root can't be had.
    pub fn of(scene: &mut Scene) -> Option<Apptainer> {
        let root = Root::of("sid")?.sees(scene.place().path());
        let (enter, mut words) = root.enter();
        // The root has no time zone, which Apptainer wants to show in the container.
        let become_it = "touch /etc/localtime && exec /usr/bin/apptainer \"$@\"";
        words.extend(["/bin/sh", "-c", become_it, "apptainer"].map(Into::into));
        let quoted =
            |word: &OsString| format!("'{}'", word.to_string_lossy().replace('\'', r"'\''"));
        let words: Vec<String> = words.iter().map(quoted).collect();
        let line = format!("exec {} {} \"$@\"", enter.display(), words.join(" "));
        for name in ["singularity", "apptainer"] {
            program::write(&scene.host.bin().join(name), &line);
        }
        let images = scene.host.folder().join("images");
        fs::create_dir_all(&images).unwrap();
        scene.set("/platform", "singularity");
        scene.set("/interpreter/python", Python::with_singularity().to_str().unwrap());
        scene.set("/remote", json!({"runner": "singularity", "image_dir": images}));
        Some(Apptainer { images })
    }

    /// Makes the image of `cube`, a folder with busybox, which does these lines of sh for each of its tasks.
    pub fn image(&self, cube: Cube, lines: &str) -> Cube {
        let image = self.images.join("cube");
        for folder in
            ["bin", "dev", "etc", "proc", "root", "sys", "tmp", "var/tmp", ".singularity.d"]
        {
            fs::create_dir_all(image.join(folder)).unwrap();
        }
        fs::copy("/bin/busybox", image.join("bin/busybox")).unwrap();
        for name in ["sh", "env", "setsid", "sleep", "mkdir", "cat", "id", "sed"] {
            symlink("busybox", image.join("bin").join(name)).unwrap();
        }
        for name in ["passwd", "group", "hosts", "resolv.conf", "localtime"] {
            fs::write(image.join("etc").join(name), "").unwrap();
        }
        let script = image.join(".singularity.d/runscript");
        let entry = "task=$1\nshift\nfor word; do\n    case $word in --*=*) name=${word%%=*}; export \"${name#--}=${word#*=}\" ;; esac\ndone";
        program::write(&script, &format!("{entry}\n{lines}"));
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        cube.section("singularity", json!({"image": "cube"}))
    }
}
