//! New entries arrive as one archive: what is fetched, what is left when it is cut off, and what goes wrong.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::thread;

use mlcube_ssh_harness::{
    Cube, Document, HostOptions, Scene, Task, Tmpfs, eventually, files_below, random, whole_tree,
};

/// What a host says that packs: only the tar that is asked for its version is the real one.
const ASKED: &str = "case $1 in --version) exec /usr/bin/tar \"$@\" ;; esac\n";

/// A cube in whose workspace there a task has made enough for a stream.
fn many(scene: &Scene) -> (Cube, Document) {
    let cube = scene.cube("digits").task(&Task::named("train"));
    let document = scene.document(&cube, &[]);
    scene.tool("mlcube-ssh-push").reads_document(&document).run().succeeds();
    fs::create_dir(there(scene).join("many")).unwrap();
    for number in 0..150 {
        fs::write(there(scene).join(format!("many/{number:03}")), random(number, 4_000)).unwrap();
    }
    (cube, document)
}

fn there(scene: &Scene) -> PathBuf {
    scene.host.remote_root().join("digits/workspace")
}

/// That all is here as it is there, and nothing else, not even out of sight.
fn is_all_here(scene: &Scene, cube: &Cube) {
    assert_eq!(whole_tree(&cube.workspace()), whole_tree(&there(scene)));
}

#[test]
fn an_archive_fetches_every_kind_of_entry_unchanged() {
    let scene = Scene::new();
    let (cube, document) = many(&scene);
    let made = there(&scene);
    let odd = "it's a \"name\" with $HOME; `touch canary` *\n\té -rf \\, &";
    fs::write(made.join(odd), "odd").unwrap();
    fs::write(made.join("-e"), "an option").unwrap();
    fs::write(made.join(OsStr::from_bytes(b"od\xffd")), "no text").unwrap();
    let deep = ["a long name of a folder that has many friends of its kind"; 5].join("/");
    fs::create_dir_all(made.join(&deep)).unwrap();
    fs::write(made.join(&deep).join("n".repeat(200)), "").unwrap();
    let lines = "a line of many\n".repeat(12);
    fs::write(made.join(&lines), "many lines").unwrap();
    symlink(&lines, made.join("to lines")).unwrap();
    symlink("t".repeat(150), made.join(&deep).join("link")).unwrap();
    fs::create_dir_all(made.join("empty/folder")).unwrap();
    symlink("many/001", made.join("link")).unwrap();
    symlink("nowhere", made.join("many/dangling")).unwrap();
    fs::hard_link(made.join("many/002"), made.join("twin")).unwrap();
    fs::write(made.join("many/large"), random(7, 1_500_000)).unwrap();
    fs::write(made.join("many/zeros"), [0; 5000]).unwrap();
    fs::set_permissions(made.join("many/003"), fs::Permissions::from_mode(0o500)).unwrap();
    fs::set_permissions(made.join("many"), fs::Permissions::from_mode(0o555)).unwrap();
    let times = "touch -d '2001-02-03 04:05:06.789' many/004 empty && touch -d '1969-02-03 04:05:06.5' many/005 && touch -hd '2001-02-03' link";
    scene.sh(times).in_folder(&made).run().succeeds();
    let pulled = scene.pull(&document, &["-v"]);
    pulled.succeeds().says("as one archive");
    is_all_here(&scene, &cube);
    let receipt = pulled.document();
    assert_eq!(receipt.at("/steps/pull/files_sent"), 150 + 8);
    assert!(receipt.at("/steps/pull/bytes_sent").as_u64().unwrap() > 150 * 4_000);
    let again = scene.pull(&document, &[]).succeeds().document();
    assert_eq!(again.at("/steps/pull/changed"), false);
}

/// Whoever may write in the workspace, too, can exchange its folders at any moment.
#[test]
fn a_folder_that_becomes_a_local_link_while_it_is_filled() {
    let scene = Scene::new();
    let (cube, document) = many(&scene);
    let (filled, victim) = (cube.workspace().join("many"), scene.home().join("victim"));
    fs::create_dir(&victim).unwrap();
    let signs = scene.place().folder("signs");
    let lines = format!(
        "{ASKED}/usr/bin/tar \"$@\" | {{ head -c 400000; until [ -e '{}/exchanged' ]; do sleep 0.1; done; cat; }}",
        signs.display()
    );
    scene.host.has_program("tar", &lines);
    // It keeps back what isn't much.
    scene.host.has_program("zstd", "exit 1");
    thread::scope(|scope| {
        let pulled = scope.spawn(|| scene.pull(&document, &[]));
        eventually("the archive has come in part", || filled.join("010").exists());
        fs::rename(&filled, cube.workspace().join("away")).unwrap();
        symlink(&victim, &filled).unwrap();
        fs::write(signs.join("exchanged"), "").unwrap();
        pulled.join().unwrap();
    });
    assert_eq!(fs::read_dir(&victim).unwrap().count(), 0);
}

/// A shell that read more of its input than a script would take what follows for one.
#[test]
fn whatever_the_hosts_sh_is() {
    for shell in ["/bin/bash", "/bin/dash"] {
        let scene = Scene::new();
        symlink(shell, scene.host.bin().join("sh")).unwrap();
        let (cube, document) = many(&scene);
        scene.pull(&document, &["-q"]).succeeds().is_silent();
        is_all_here(&scene, &cube);
    }
}

#[test]
fn nothing_runs_locally_with_more_rights_than_its_user_has() {
    let scene = Scene::new();
    let (cube, document) = many(&scene);
    fs::set_permissions(there(&scene).join("many/003"), fs::Permissions::from_mode(0o6755))
        .unwrap();
    fs::set_permissions(there(&scene).join("many"), fs::Permissions::from_mode(0o3777)).unwrap();
    scene.pull(&document, &["-q"]).succeeds().is_silent();
    let mode = |path| fs::metadata(cube.workspace().join(path)).unwrap().permissions().mode();
    assert_eq!((mode("many") & 0o7777, mode("many/003") & 0o7777), (0o755, 0o755));
}

#[test]
fn without_a_tar_or_a_zstd_that_fits_rsync_does_it() {
    for (missing, tar) in [("tar", ""), ("zstd", ""), ("", "echo bsdtar 3.7.2")] {
        let scene = Scene::with(HostOptions::default().without(missing));
        let (cube, document) = many(&scene);
        if !tar.is_empty() {
            scene.host.has_program("tar", tar);
        }
        scene.pull(&document, &["-q"]).succeeds().is_silent();
        is_all_here(&scene, &cube);
    }
}

#[test]
fn a_cut_off_archive_leaves_whole_files_and_the_next_pull_resumes() {
    // zstd would hold back what is so little.
    let mut scene = Scene::with(HostOptions::default().without("zstd"));
    let (cube, document) = many(&scene);
    let slowly = "import sys, time\nfor piece in iter(lambda: sys.stdin.buffer.read(16384), b\"\"):\n    sys.stdout.buffer.write(piece); sys.stdout.flush(); time.sleep(0.05)";
    let packs_slowly = format!("{ASKED}/usr/bin/tar \"$@\" | python3 -c '{slowly}'");
    scene.host.has_program("tar", &packs_slowly);
    let running = scene.tool("mlcube-ssh-pull").arg("-q").reads_document(&document).start();
    eventually("some of it has come", || cube.workspace().join("many/020").exists());
    scene.host.sshd.stop();
    let failed = running.wait();
    failed.exits(255).complains(&["there", "lost", "run this step again"]);
    let came = files_below(&cube.workspace());
    assert!((20..150).contains(&came.len()), "{}", came.len());
    assert_eq!(failed.document().at("/steps/pull/files_sent"), came.len());
    for path in came {
        let from = there(&scene).join(path.strip_prefix(cube.workspace()).unwrap());
        assert_eq!(fs::read(&path).unwrap(), fs::read(from).unwrap(), "{}", path.display());
    }
    scene.host.loses_program("tar");
    scene.host.sshd.comes_back();
    let again = scene.pull(&failed.document(), &["-q"]).succeeds().document();
    assert!(again.at("/steps/pull/files_sent").as_u64().unwrap() <= 130);
    is_all_here(&scene, &cube);
}

#[test]
fn what_changes_while_it_is_packed_comes_as_it_is_then() {
    let scene = Scene::new();
    let (cube, document) = many(&scene);
    let before =
        "echo more >>010; rm 011; echo new >012.new; mv 012.new 012; rm 013; ln -s 014 013";
    // tar has begun with the next file when it finds that this one has grown.
    let edits = format!(
        "{ASKED}cd '{}'/many && {before}\ncd ..; /usr/bin/tar \"$@\" || exit; echo more >>many/149; exit 1",
        there(&scene).display()
    );
    scene.host.has_program("tar", &edits);
    // A link is made as it was listed, so a new one comes with the next pull.
    scene.pull(&document, &["-q"]).exits(125).complains(&["many/013", "during this pull"]);
    assert!(!cube.workspace().join("many/013").is_symlink());
    scene.host.loses_program("tar");
    scene.pull(&document, &["-q"]).succeeds().is_silent();
    is_all_here(&scene, &cube);
    assert_eq!(fs::read_to_string(cube.workspace().join("many/012")).unwrap(), "new\n");
    let again = scene.pull(&document, &["-q"]).succeeds().document();
    assert_eq!(again.at("/steps/pull/changed"), false, "the record has what came");
}

#[test]
fn unreadable_content_never_arrives_as_zeros() {
    let scene = Scene::new();
    let (cube, document) = many(&scene);
    fs::write(there(&scene).join("many/zeros"), [1, 0, 0]).unwrap();
    // As tar does with a disk that fails: zeros for the rest, and a word about it in the end.
    let fails = "import tarfile, sys, io\nwith tarfile.open(fileobj=sys.stdin.buffer, mode=\"r|\") as given, tarfile.open(fileobj=sys.stdout.buffer, mode=\"w|\", format=tarfile.PAX_FORMAT) as archive:\n    for entry in given:\n        content = given.extractfile(entry) if entry.isfile() else None\n        if entry.name == \"many/077\": content = io.BytesIO(content.read()[:2000] + bytes(2000))\n        archive.addfile(entry, content)";
    scene
        .host
        .has_program("tar", &format!("{ASKED}/usr/bin/tar \"$@\" | python3 -c '{fails}'; exit 2"));
    scene.pull(&document, &["-q"]).succeeds().is_silent();
    is_all_here(&scene, &cube);
}

#[test]
fn a_host_that_sends_without_end() {
    let scene = Scene::new();
    let (_, document) = many(&scene);
    scene.host.has_program("tar", &format!("{ASKED}/usr/bin/tar \"$@\"; exec cat /dev/zero"));
    scene
        .pull(&document, &["-q"])
        .exits(125)
        .complains(&["there", "more than this pull requested"]);
    eventually("nothing is left running there", || {
        scene.place().processes().with("/dev/zero").is_empty()
    });
    scene.host.loses_program("tar");
    scene.pull(&document, &["-q"]).succeeds().is_silent();
}

#[test]
fn what_appears_locally_meanwhile_is_backed_up() {
    let scene = Scene::new();
    let (cube, document) = many(&scene);
    let appears = format!(
        "{ASKED}mkdir -p '{0}/many' && echo mine >'{0}/many/010'; exec /usr/bin/tar \"$@\"",
        cube.workspace().display()
    );
    scene.host.has_program("tar", &appears);
    scene.pull(&document, &["-q"]).succeeds().says("'many/010' was written locally during");
    let replaced = scene.sh("cat \"$HOME\"/.local/state/mlcube-ssh/*/replaced/*/many/010");
    assert_eq!(replaced.run().succeeds().stdout, "mine\n");
    is_all_here(&scene, &cube);
}

#[test]
fn entries_of_an_archive_that_were_not_requested_are_refused() {
    for name in ["../evil", "/tmp/evil", ".git/hooks/pre-push", "many/evil", "many/../../evil"] {
        let scene = Scene::new();
        let (cube, document) = many(&scene);
        let evil = format!(
            "{ASKED}exec python3 -c 'import tarfile, sys, io\nwith tarfile.open(fileobj=sys.stdout.buffer, mode=\"w|\") as archive:\n    entry = tarfile.TarInfo(\"{name}\"); entry.size = 4; archive.addfile(entry, io.BytesIO(b\"evil\"))'"
        );
        scene.host.has_program("tar", &evil);
        scene.pull(&document, &["-q"]).exits(125).complains(&["there", "didn't request"]);
        assert!(files_below(&cube.workspace()).is_empty());
        assert!(!cube.root().join("evil").exists());
    }
}

#[test]
fn a_host_that_sends_a_link_in_the_place_of_a_folder() {
    let scene = Scene::new();
    let (cube, document) = many(&scene);
    let elsewhere = scene.place().folder("elsewhere");
    let evil = format!(
        "{ASKED}/usr/bin/tar \"$@\" | python3 -c 'import tarfile, sys\nwith tarfile.open(fileobj=sys.stdin.buffer, mode=\"r|\") as given, tarfile.open(fileobj=sys.stdout.buffer, mode=\"w|\") as archive:\n    for entry in given:\n        content = given.extractfile(entry) if entry.isfile() else None\n        if entry.isdir(): entry.type = tarfile.SYMTYPE; entry.linkname = \"{}\"\n        archive.addfile(entry, content)'",
        elsewhere.display()
    );
    scene.host.has_program("tar", &evil);
    scene.pull(&document, &["-q"]).succeeds().is_silent();
    is_all_here(&scene, &cube);
    assert!(files_below(&elsewhere).is_empty());
}

#[test]
fn a_disk_that_fills_up_on_the_way() {
    let scene = Scene::new();
    let (cube, document) = many(&scene);
    for number in 0..300 {
        fs::write(there(&scene).join(format!("many/small{number}")), "small").unwrap();
    }
    // The room that is asked for is there; small files take more.
    let Some(_disk) = Tmpfs::mount(&cube.workspace(), "1300k") else { return };
    let failed = scene.pull(&document, &["-q"]);
    failed.exits(125).complains(&["room", "run this step again"]);
    let grow = format!("mount -o remount,size=40m {}", cube.workspace().display());
    scene.sh(&grow).run().succeeds();
    scene.pull(&failed.document(), &["-q"]).succeeds().is_silent();
    is_all_here(&scene, &cube);
}

#[test]
fn behind_a_link_of_the_users_own_rsync_fetches() {
    let mut scene = Scene::new();
    let disk = scene.place().folder("disk");
    scene.follows_links_to(&disk);
    let (cube, document) = many(&scene);
    fs::create_dir(there(&scene).join("out")).unwrap();
    fs::write(there(&scene).join("out/result"), "42").unwrap();
    symlink(&disk, cube.workspace().join("out")).unwrap();
    scene.pull(&document, &["-q"]).succeeds().is_silent();
    assert_eq!(fs::read_to_string(disk.join("result")).unwrap(), "42");
    assert_eq!(whole_tree(&cube.workspace().join("many")), whole_tree(&there(&scene).join("many")));
}

#[test]
fn what_a_dry_run_shows_fetches_the_same_without_a_stream() {
    let scene = Scene::new();
    let (cube, document) = many(&scene);
    // What is there a dry run knows from the record.
    scene.pull(&document, &["-q"]).succeeds();
    let shown = scene.pull(&document, &["--dry-run"]).succeeds().stderr.clone();
    assert!(shown.contains("# 150 files come as one archive"), "{shown}");
    fs::remove_dir_all(cube.workspace()).unwrap();
    scene.sh("sh -eu").reads(shown).run().succeeds();
    assert_eq!(whole_tree(&cube.workspace().join("many")), whole_tree(&there(&scene).join("many")));
}
