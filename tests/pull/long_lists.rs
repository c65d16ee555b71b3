//! A pull that fetches many files by rsync requests them in pieces, and receives nothing that it didn't request.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use mlcube_ssh_harness::{Cube, Document, Scene, Task, Tmpfs};

/// More than one piece.
const MANY: usize = 2100;

/// A cube in whose workspace there a task has changed many files that were fetched before.
fn many() -> (Scene, Cube, Document) {
    changed(MANY)
}

/// The same, of so many files.
fn changed(number: usize) -> (Scene, Cube, Document) {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train"));
    let document = scene.document(&cube, &[]);
    scene.tool("mlcube-ssh-push").reads_document(&document).run().succeeds();
    let folder = there(&scene).join("it's many");
    fs::create_dir(&folder).unwrap();
    write_all(&folder, number, "old");
    scene.pull(&document, &[]).succeeds();
    write_all(&folder, number, "changed");
    (scene, cube, document)
}

fn there(scene: &Scene) -> PathBuf {
    scene.host.remote_root().join("digits/workspace")
}

fn write_all(folder: &Path, number: usize, content: &str) {
    for number in 0..number {
        fs::write(folder.join(format!("{number}\n")), content).unwrap();
    }
}

/// How many of the changed files are here.
fn came(cube: &Cube) -> usize {
    let files = fs::read_dir(cube.workspace().join("it's many")).unwrap().flatten();
    files.filter(|file| fs::read(file.path()).unwrap() == b"changed").count()
}

#[test]
fn long_lists_are_requested_in_pieces_and_nothing_else_arrives() {
    let (scene, cube, document) = many();
    fs::write(there(&scene).join(".mlcubeignore"), "!*\n").unwrap();
    fs::write(cube.workspace().join("mine"), "edited here").unwrap();
    fs::write(there(&scene).join("mine"), "there, too").unwrap();
    fs::write(cube.root().join(".mlcubeignore"), "ignored\n").unwrap();
    fs::write(cube.workspace().join("ignored"), "mine").unwrap();
    fs::write(there(&scene).join("ignored"), "theirs").unwrap();
    let pulled = scene.pull(&document, &["-v"]);
    pulled.succeeds().never_says("--files-from=:").never_says("--keep-dirlinks");
    // rsync checks names only against a list that it has sent itself.
    assert_eq!(pulled.stderr.matches("--files-from=-").count(), 2, "{}", pulled.stderr);
    assert_eq!(came(&cube), MANY);
    assert_eq!(cube.result("mine"), "edited here");
    assert_eq!(cube.result("ignored"), "mine");
    assert!(!cube.workspace().join(".mlcubeignore").exists());
}

#[test]
fn what_a_dry_run_shows_fetches_the_same() {
    let (scene, cube, document) = many();
    let shown = scene.pull(&document, &["--dry-run"]).succeeds().stderr.clone();
    fs::remove_dir_all(cube.workspace()).unwrap();
    scene.sh("sh -eu").reads(shown).run().succeeds();
    assert_eq!(came(&cube), MANY);
}

/// An rsync on this machine as those before 3.2.5: it takes whatever names come (CVE-2022-29154).
fn takes_any_name(scene: &Scene) {
    let lines = "case $1 in
  --version) echo 'rsync  version 3.2.3  protocol version 31' ;;
  *) exec /usr/bin/rsync --trust-sender \"$@\" ;;
esac";
    scene.has_program("rsync", lines);
}

/// From now on the host's rsync hears `other` where it is asked for `name`: a name of the same length.
fn sends_another(scene: &Scene, name: &str, other: &str) {
    sends_another_and(scene, name, other, "$? >> 8");
}

/// As `sends_another`, and the host's rsync fails where it did so.
fn sends_another_and_fails(scene: &Scene, name: &str, other: &str) {
    sends_another_and(scene, name, other, "$sent ? 12 : $? >> 8");
}

fn sends_another_and(scene: &Scene, name: &str, other: &str, status: &str) {
    assert_eq!(name.len(), other.len());
    // It looks in turns for input and for the end of rsync, which doesn't end its input.
    let lines = format!(
        r#"case "$*" in *--sender*) ;; *) exec /usr/bin/rsync "$@" ;; esac
exec perl -e '
use POSIX qw(WNOHANG);
$SIG{{PIPE}} = "IGNORE";
my $pid = open(my $rsync, "|-", "/usr/bin/rsync", @ARGV) or die;
close(STDOUT);
my $reads = 1;
until (waitpid($pid, WNOHANG)) {{
    vec(my $ready = "", 0, 1) = $reads;
    next if select($ready, undef, undef, 0.02) < 1;
    if (sysread(STDIN, my $piece, 65536)) {{ $sent += $piece =~ s/{name}/{other}/g; syswrite($rsync, $piece) }}
    else {{ $reads = 0; close($rsync); last }}
}}
exit({status})' -- "$@""#
    );
    scene.host.has_program("rsync", &lines);
}

/// With --dirs, rsync takes whatever is in a name that it asked for.
#[test]
fn a_host_that_sends_more_of_a_folder_than_was_asked_for_is_not_heard() {
    let (scene, cube, document) = changed(9);
    let new = there(&scene).join("new");
    fs::create_dir_all(new.join("sub")).unwrap();
    for name in ["result", "sub/result"] {
        fs::write(new.join(name), vec![b'x'; 1_500_000]).unwrap();
        fs::write(new.join(name).with_file_name(".mlcubeignore"), "!*").unwrap();
    }
    let lines = r#"for word; do
  shift
  case $word in -s*e.*) word=-rd${word#-} ;; esac
  set -- "$@" "$word"
done
exec /usr/bin/rsync "$@""#;
    scene.host.has_program("rsync", lines);
    scene.pull(&document, &[]).succeeds();
    assert_eq!(came(&cube), 9);
    for name in ["result", "sub/result"] {
        let result = cube.workspace().join("new").join(name);
        assert!(result.exists() && !result.with_file_name(".mlcubeignore").exists(), "{name}");
    }
}

/// rsync takes the names that it asked for as patterns when it checks what comes.
#[test]
fn a_name_with_a_wildcard_lets_the_host_send_no_other_file() {
    let (scene, cube, document) = changed(9);
    for at in [there(&scene), cube.workspace()] {
        fs::write(at.join("mine"), "agreed").unwrap();
    }
    fs::write(there(&scene).join("m*ne"), "theirs").unwrap();
    // Of another size: entries of one size and time are compared by content, for which `mine` is requested.
    fs::write(there(&scene).join("mine"), "theirs, as well").unwrap();
    fs::write(cube.workspace().join("mine"), "edited here").unwrap();
    // Such a host is named, too, if its rsync fails then.
    sends_another_and_fails(&scene, "m.ne", "mine");
    let pulled = scene.pull(&document, &[]);
    pulled.exits(125).complains(&["'there' sent", "mine", "didn't request"]);
    assert_eq!(cube.result("mine"), "edited here");
    scene.host.loses_program("rsync");
    scene.host.has_program("rsync", "exec /usr/bin/rsync \"$@\"");
    scene.pull(&document, &[]).succeeds();
    assert_eq!((cube.result("m*ne"), cube.result("mine")), ("theirs".into(), "edited here".into()));
}

#[test]
fn an_rsync_that_takes_any_name_puts_nothing_but_what_was_asked_for_into_the_workspace() {
    let (scene, cube, document) = changed(9);
    takes_any_name(&scene);
    for name in ["asks", "deep/asks", "link/asks"] {
        let path = there(&scene).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "old").unwrap();
    }
    scene.pull(&document, &[]).succeeds();
    for name in ["asks", "deep/asks", "link/asks"] {
        fs::write(there(&scene).join(name), "changed").unwrap();
    }
    // What the host would rather replace: an edited file, an ignored one, one that is no part of the workspace there.
    fs::write(cube.root().join(".mlcubeignore"), "mine\n").unwrap();
    for folder in ["", "deep"] {
        fs::write(cube.workspace().join(folder).join("mine"), "mine").unwrap();
        fs::write(there(&scene).join(folder).join("mine"), "theirs").unwrap();
    }
    sends_another(&scene, "asks", "mine");
    let pulled = scene.pull(&document, &[]);
    pulled.exits(125).complains(&["'there' sent", "mine", "didn't request"]);
    for folder in ["", "deep"] {
        assert_eq!(fs::read_to_string(cube.workspace().join(folder).join("mine")).unwrap(), "mine");
        assert_eq!(fs::read_to_string(cube.workspace().join(folder).join("asks")).unwrap(), "old");
    }
    // A folder that becomes a link leads the way back out of the stage nowhere.
    let secret = scene.home().join("secret");
    fs::create_dir(&secret).unwrap();
    fs::write(secret.join("asks"), "secret").unwrap();
    sends_another(&scene, "link/asks", "link/mine");
    scene.pull(&document, &[]);
    assert_eq!(cube.result("link/asks"), "old");

    scene.host.loses_program("rsync");
    scene.pull(&document, &[]).succeeds();
    assert_eq!(came(&cube), 9);
    assert_eq!(cube.result("deep/asks"), "changed");
    assert!(!cube.workspace().join(".mlcube-ssh-partial").exists());
    assert_eq!(cube.result("mine"), "mine");
}

#[test]
fn a_stage_takes_part_in_all_that_a_pull_does() {
    let (scene, cube, document) = changed(9);
    takes_any_name(&scene);
    let odd = there(&scene).join("closed");
    fs::create_dir(&odd).unwrap();
    fs::write(odd.join("file"), "in a closed folder").unwrap();
    fs::set_permissions(&odd, fs::Permissions::from_mode(0o555)).unwrap();
    symlink("closed/file", there(&scene).join("link")).unwrap();
    scene.pull(&document, &["--checksum"]).succeeds();
    assert_eq!(came(&cube), 9);
    assert_eq!(cube.result("link"), "in a closed folder");
    let mode = fs::metadata(cube.workspace().join("closed")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o555);
    fs::write(cube.workspace().join("it's many/7\n"), "edited here").unwrap();
    fs::write(there(&scene).join("it's many/7\n"), "there, too").unwrap();
    scene.pull(&document, &["--overwrite"]).succeeds();
    assert_eq!(cube.result("it's many/7\n"), "there, too");
    let kept = scene.sh("cat ~/.local/state/mlcube-ssh/*/replaced/*/*many/7*").run();
    assert!(kept.stdout.contains("edited here"), "{kept}");
}

#[test]
fn a_failed_pull_places_nothing_that_an_earlier_one_had_staged() {
    let (scene, cube, document) = changed(9);
    let result = there(&scene).join("it's many/7\n");
    let ends = |how: &str| {
        let version = "--version*) echo 'rsync  version 3.2.3  protocol version 31' ;;";
        let others = "*) exec /usr/bin/rsync \"$@\" ;;";
        format!("case \"$*\" in\n{version}\n*--rsh*) {how} ;;\n{others}\nesac")
    };
    // What rsync has fetched is in the stage when the pull is killed.
    let killed = ends("/usr/bin/rsync --trust-sender \"$@\"; kill -KILL $PPID");
    scene.has_program("rsync", &killed);
    scene.pull(&document, &[]).exits(137);
    assert_eq!(came(&cube), 0);
    // Of a folder that nobody else can enter, nobody else reads what is on its way.
    for folder in fs::read_dir(cube.workspace().join(".mlcube-ssh-partial")).unwrap() {
        let mode = folder.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
    fs::write(&result, "newer").unwrap();
    scene.has_program("rsync", &ends("echo 'rsync: connection unexpectedly closed' >&2; exit 12"));
    let failed = scene.pull(&document, &[]);
    assert!(failed.status != 0, "{failed}");
    assert_eq!(cube.result("it's many/7\n"), "old");
    assert_eq!(came(&cube), 8, "what came as it is now is placed");
    takes_any_name(&scene);
    scene.pull(&document, &[]).succeeds().never_says("kept");
    assert_eq!(cube.result("it's many/7\n"), "newer");
}

#[test]
fn what_one_piece_leaves_out_holds_up_no_other() {
    // Two pieces go at a time: that the first two each leave something out must not end the third.
    let (scene, cube, document) = changed(2 * MANY);
    let bad = ["0\n", "999\n"];
    let pinned = bad.map(|name| Tmpfs::pin(&cube.workspace().join("it's many").join(name)));
    if pinned.iter().any(Option::is_none) {
        return;
    }
    let pulled = scene.pull(&document, &[]);
    pulled.exits(125).says("can't transfer everything").says("resource busy");
    let left_out = pulled.document().at("/steps/pull/left_out").clone();
    let paths = bad.map(|name| format!("it's many/{name}"));
    assert_eq!(left_out, serde_json::json!(paths), "nothing else was left out");
    assert_eq!(came(&cube), 2 * MANY - 2);
}

#[test]
fn a_host_that_exchanges_folders_and_links_between_two_rsyncs_plants_no_link() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train"));
    let document = scene.document(&cube, &[]);
    scene.tool("mlcube-ssh-push").reads_document(&document).run().succeeds();
    let there = there(&scene);
    // As many entries as the first rsync fetches: these, the folder around them, and four folders down to `e`.
    for number in 1..=1995 {
        fs::create_dir_all(there.join(format!("0/{number}"))).unwrap();
    }
    fs::create_dir_all(there.join("a/b/d/e")).unwrap();
    // From where it lies, it leads nowhere out.
    symlink("../../../../victim", there.join("a/b/d/e/l")).unwrap();
    fs::write(there.join("big"), vec![b'x'; 2_000_000]).unwrap();
    let folder = there.join("a/b/d").display().to_string();
    let state = scene.place().folder("exchange").display().to_string();
    let lines = format!(
        r#"case "$*" in *--sender*) ;; *) exec /usr/bin/rsync "$@" ;; esac
cd '{state}'
if mkdir first 2>/dev/null; then
  mv '{folder}/e' '{folder}/away'; ln -s ../../../0 '{folder}/e'
  cd / && /usr/bin/rsync "$@"; status=$?
  rm '{folder}/e'; mv '{folder}/away' '{folder}/e'
  mkdir '{state}/done'; exit $status
fi
until [ -d done ]; do sleep 0.1; done
cd / && exec /usr/bin/rsync "$@""#
    );
    scene.host.has_program("rsync", &lines.replace("cd / &&", "cd \"$HOME\" &&"));
    let pulled = scene.pull(&document, &["-v"]);
    assert!(cube.workspace().join("big").exists(), "{pulled}");
    assert!(!cube.workspace().join("0/l").is_symlink(), "{pulled}");
    scene.host.loses_program("rsync");
    scene.pull(&document, &[]).succeeds();
    let link = cube.workspace().join("a/b/d/e/l");
    assert_eq!(fs::read_link(link).unwrap(), Path::new("../../../../victim"));
}
