//! The Debian package and the tarball: what they hold, and that it works where it is unpacked.

use std::fs;

use mlcube_ssh_harness::{Scene, Task, packed, skip};

use crate::user::without_programs;

/// What an example cube shows of a wrapper that was unpacked somewhere.
fn shows_a_cube(scene: &Scene, wrapper: &str) {
    without_programs(scene);
    let _cube = scene.cube("cube").task(&Task::named("greet"));
    let line = format!("{wrapper} describe --mlcube=cube --platform=gpu1");
    let shown = scene.sh(&line).run();
    assert!(shown.succeeds().stdout.contains("greet"), "{shown}");
}

#[test]
fn the_debian_package_is_clean_and_whole() {
    let scene = Scene::new();
    let package = packed(".deb");
    let field = |name: &str| {
        let told = scene.sh(&format!("dpkg-deb -f '{}' {name}", package.display())).run();
        told.succeeds().stdout.trim().to_owned()
    };
    assert_eq!(field("Package"), "mlcube-ssh");
    let depends = field("Depends");
    assert!(depends.contains("openssh-client") && depends.contains("rsync"), "{depends}");

    let unpack = format!("dpkg-deb -x '{}' root", package.display());
    scene.sh(&unpack).run().succeeds();
    let root = scene.home().join("root/usr");
    for file in [
        "share/man/man1/mlcube-ssh-push.1.gz",
        "share/bash-completion/completions/mlcube-ssh",
        "share/zsh/vendor-completions/_mlcube-ssh",
        "share/fish/vendor_completions.d/mlcube-ssh.fish",
        "share/mlcube-ssh/mlcube-ssh.mk",
        "share/mlcube-ssh/settings.schema.json",
        "share/doc/mlcube-ssh/copyright",
    ] {
        assert!(root.join(file).exists(), "{file}");
    }
    let sums = format!(
        "dpkg-deb -e '{}' control && cd root && md5sum --check --quiet ../control/md5sums",
        package.display()
    );
    scene.sh(&sums).run().succeeds();
    shows_a_cube(&scene, "root/usr/bin/mlcube-ssh");

    if scene.sh("command -v lintian").run().status != 0 {
        return skip("lintian isn't installed");
    }
    // Warnings too; as root it would say so.
    let line = format!("lintian --allow-root --fail-on error,warning '{}'", package.display());
    let judged = scene.sh(&line).run();
    assert_eq!((judged.succeeds().stdout.as_str(), judged.stderr.as_str()), ("", ""));
}

#[test]
fn the_tarball_works_where_it_is_unpacked() {
    let scene = Scene::new();
    let tarball = packed(".tar.gz");
    scene
        .sh(&format!("tar -xzf '{}' && mv mlcube-ssh-* 'un packed'", tarball.display()))
        .run()
        .succeeds();
    let folder = scene.home().join("un packed");
    for file in
        ["README.md", "LICENSE", "share/man/man1/mlcube-ssh.1", "share/mlcube-ssh/mlcube-ssh.mk"]
    {
        assert!(folder.join(file).exists(), "{file}");
    }
    let sums = format!(
        "cd '{}' && sha256sum --check --quiet SHA256SUMS",
        tarball.parent().unwrap().display()
    );
    scene.sh(&sums).run().succeeds();
    shows_a_cube(&scene, "'un packed/bin/mlcube-ssh'");
    assert!(fs::metadata(folder.join("bin/mlcube-ssh-push")).unwrap().len() > 0);
}
