//! The real mlcube, from the package index that this machine is configured for.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::disk::cache::cached;
use crate::program::{PATH, command, must};

/// The release that the tests run against, and what it needs beside it: it imports distutils, which python 3.12 took
/// away, and newer pips refuse the metadata of its omegaconf.
const MLCUBE: [&str; 2] = ["mlcube==0.0.9", "mlcube-docker==0.0.9"];
/// Releases that some tests install on the user's machine.
const OTHERS: [&str; 2] = ["mlcube==0.0.10rc2", "mlcube-ssh==0.0.9"];
/// Packages without wheels that newer versions of those need.
const SOURCES: [&str; 1] = ["antlr4-python3-runtime==4.9.3"];
const BESIDE: [&str; 3] = ["pip<24.1", "setuptools<81", "wheel"];

/// A python environment with mlcube in it, and the wheels to make another one without any network.
#[derive(Debug)]
pub struct Python;

impl Python {
    /// The python executable of an environment that has `mlcube` and its docker runner, made once per checkout.
    pub fn with_mlcube() -> PathBuf {
        let wheels = Python::wheels();
        let made = cached("python", |folder| {
            environment(folder);
            let install = ["-m", "pip", "install", "--quiet", "--no-index", "--find-links"];
            must(command(python(folder)).args(install).arg(&wheels).args(MLCUBE));
            // Compiled once here: every later start is that of a host where mlcube has run before.
            must(command(python(folder)).args(["-m", "mlcube", "--help"]).env("HOME", folder));
        });
        python(&made)
    }

    /// The same for the accounts of a host: a copy in `folder`, if they can't enter the checkout.
    pub(crate) fn for_accounts(folder: &Path) -> PathBuf {
        let original = Python::with_mlcube();
        let is_open = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o001 != 0;
        if original.ancestors().all(is_open) {
            return original;
        }
        let environment = original.ancestors().nth(2).unwrap();
        let copy = folder.join("python");
        must(command("cp").arg("-a").args([environment, &copy]));
        python(&copy)
    }

    /// The same with mlcube's singularity runner.
    pub fn with_singularity() -> PathBuf {
        let wheels = Python::wheels();
        let made = cached("python-singularity", |folder| {
            environment(folder);
            let install = ["-m", "pip", "install", "--quiet", "--find-links"];
            let mut pip = command(python(folder));
            must(pip.args(install).arg(&wheels).args(MLCUBE).arg("mlcube-singularity==0.0.9"));
            must(command(python(folder)).args(["-m", "mlcube", "--help"]).env("HOME", folder));
        });
        python(&made)
    }

    /// The environment of a release of mlcube for the user's machine, made once per checkout.
    pub fn with_release(release: &str) -> PathBuf {
        let wheels = [Python::wheels(), Python::other_wheels()];
        cached(&format!("mlcube-{release}"), |folder| {
            must(command("python3").env("PATH", PATH).args(["-m", "venv"]).arg(folder));
            let mut pip = command(python(folder));
            pip.args(["-m", "pip", "install", "--quiet", "--no-index"]);
            for links in &wheels {
                pip.arg("--find-links").arg(links);
            }
            must(pip.arg(format!("mlcube=={release}")));
        })
    }

    /// A folder of wheels of other releases: mlcube's next one, and the Python SSH runner.
    pub fn other_wheels() -> PathBuf {
        let pip = python(&Python::wheels().join(".builder"));
        cached("other-wheels", |folder| {
            let download = ["-m", "pip", "download", "--quiet", "--no-deps", "--dest"];
            must(command(&pip).args(download).arg(folder).args(OTHERS));
        })
    }

    /// uv, which makes environments without pip.
    pub fn uv() -> PathBuf {
        cached("uv", |folder| {
            let install = ["-m", "venv", "--without-pip"];
            must(command("python3").env("PATH", PATH).args(install).arg(folder));
            let pip = python(&Python::wheels().join(".builder"));
            let install = ["-m", "pip", "--python"];
            must(command(pip).args(install).arg(folder).args(["install", "--quiet", "uv==0.13.9"]));
        })
        .join("bin/uv")
    }

    /// A folder of wheels, for `requirements: --no-index --find-links FOLDER mlcube==0.0.9 …`.
    pub fn wheels() -> PathBuf {
        cached("wheels", |folder| {
            let builder = folder.join(".builder");
            environment(&builder);
            // Without isolation: one dependency comes as source only, and its build needs the `wheel` installed here.
            let wheel = ["-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--wheel-dir"];
            must(command(python(&builder)).args(wheel).arg(folder).args(MLCUBE).args(BESIDE));
        })
    }

    /// A folder of wheels from which mlcube is installed by another python: one of the releases of [`crate::Root`].
    pub fn wheels_for(version: &str) -> PathBuf {
        let wheels = Python::wheels();
        let pip = python(&wheels.join(".builder"));
        cached(&format!("wheels-{version}"), |folder| {
            let fetch = |words: &[&str]| {
                let download = ["-m", "pip", "download", "--quiet", "--only-binary=:all:"];
                let mut fetch = command(&pip);
                fetch.args(download).args(["--python-version", version, "--dest"]).arg(folder);
                must(
                    fetch
                        .arg("--find-links")
                        .arg(&wheels)
                        .arg("--find-links")
                        .arg(folder)
                        .args(words),
                );
            };
            // What mlcube asks for doesn't start with a python after 3.12; what starts has no wheel.
            let wheel = ["-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps"];
            must(command(&pip).args(wheel).arg("--wheel-dir").arg(folder).args(SOURCES));
            // pip asks this machine's python whether older ones need more.
            fetch(&[&MLCUBE[..], &["importlib-metadata"]].concat());
            fetch(&["--no-deps", "omegaconf==2.3.0", BESIDE[1]]);
        })
    }

    /// The requirements that install mlcube from [`Python::wheels`], as a settings file would have them.
    pub fn offline_requirements() -> String {
        format!("--no-index --find-links {} {}", Python::wheels().display(), MLCUBE.join(" "))
    }
}

/// The python executable of an environment.
fn python(environment: &Path) -> PathBuf {
    environment.join("bin/python")
}

/// A new environment, made by the python that a remote command would find.
fn environment(folder: &Path) {
    must(command("python3").env("PATH", PATH).args(["-m", "venv"]).arg(folder));
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    must(command(python(folder)).args(install).args(BESIDE));
}
