//! What is written on either side while a transfer goes on.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use mlcube_ssh_harness::{Cube, Document, Outcome, Scene, Task, am_root, files_below, skip};

fn run(scene: &Scene, tool: &str, document: &Document) -> Outcome {
    scene.tool(tool).arg("-q").reads_document(document).run()
}

/// A cube with a model that both sides have in common.
fn in_common(scene: &Scene) -> (Cube, Document, PathBuf) {
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("model", "common");
    let document = scene.document(&cube, &[]);
    run(scene, "mlcube-ssh-push", &document).succeeds();
    (cube, document, scene.host.remote_root().join("digits/workspace/model"))
}

#[test]
fn a_local_edit_during_a_pull_is_kept_and_named() {
    let scene = Scene::new();
    let (cube, document, there) = in_common(&scene);
    fs::write(&there, "trained").unwrap();
    scene.after_rsync(&format!("echo mine >'{}'", cube.workspace().join("model").display()));
    run(&scene, "mlcube-ssh-pull", &document).succeeds();
    scene.real_rsync();
    run(&scene, "mlcube-ssh-pull", &document).says("kept model");
    assert_eq!(cube.result("model"), "mine\n");
    run(&scene, "mlcube-ssh-push", &document).says("kept model");
    assert_eq!(fs::read_to_string(&there).unwrap(), "trained");
}

#[test]
fn a_log_that_grows_during_a_pull_is_no_conflict() {
    let scene = Scene::new();
    let (cube, document, there) = in_common(&scene);
    let grows = format!("echo more >>'{}'", there.display());
    scene.around_rsync(&grows, &grows);
    fs::write(&there, "common and\n").unwrap();
    run(&scene, "mlcube-ssh-pull", &document).succeeds().is_silent();
    assert_eq!(cube.result("model"), "common and\nmore\n");
    scene.real_rsync();
    run(&scene, "mlcube-ssh-pull", &document).succeeds().is_silent();
    assert_eq!(cube.result("model"), "common and\nmore\nmore\n");
    fs::write(cube.workspace().join("model"), "mine").unwrap();
    run(&scene, "mlcube-ssh-push", &document).succeeds().is_silent();
    assert_eq!(fs::read_to_string(&there).unwrap(), "mine");
}

#[test]
fn push_keeps_and_names_what_a_job_writes_meanwhile() {
    let scene = Scene::new();
    let (cube, document, there) = in_common(&scene);
    let cube = cube.with_file("model", "mine");
    let here = cube.workspace().join("model");
    let writes =
        format!("echo trained >'{}'; echo mine, too >'{}'", there.display(), here.display());
    scene.after_rsync(&writes);
    run(&scene, "mlcube-ssh-push", &document).succeeds();
    scene.real_rsync();
    run(&scene, "mlcube-ssh-push", &document).says("kept model");
    assert_eq!(fs::read_to_string(&there).unwrap(), "trained\n");
    run(&scene, "mlcube-ssh-pull", &document).says("kept model");
    assert_eq!(cube.result("model"), "mine, too\n");
}

/// What is kept aside below a folder of ours.
fn kept_aside(ours: &Path) -> Vec<String> {
    let kept = files_below(ours).into_iter();
    let kept = kept.filter(|path| path.iter().any(|part| part == "replaced"));
    kept.map(|path| fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn what_a_job_writes_before_it_is_replaced_is_kept_and_named() {
    let scene = Scene::new();
    let (cube, document, there) = in_common(&scene);
    let _cube = cube.with_file("model", "mine");
    let writes = format!("echo trained >'{}'", there.display());
    scene.before_rsync(&writes);
    let pushed = run(&scene, "mlcube-ssh-push", &document);
    pushed.succeeds().says("'model' was written on 'there' during this push");
    assert_eq!(fs::read_to_string(&there).unwrap(), "mine");
    let ours = scene.host.remote_root().join(".mlcube-ssh/digits");
    assert_eq!(kept_aside(&ours), ["trained\n"]);
}

#[test]
fn what_is_edited_locally_before_it_is_replaced_is_kept_and_named() {
    let scene = Scene::new();
    let (cube, document, there) = in_common(&scene);
    fs::write(&there, "trained").unwrap();
    let here = cube.workspace().join("model");
    let writes = format!("echo mine >'{}'", here.display());
    scene.before_rsync(&writes);
    let pulled = run(&scene, "mlcube-ssh-pull", &document);
    pulled.succeeds().says("'model' was written locally during this pull");
    assert_eq!(cube.result("model"), "trained");
    assert_eq!(kept_aside(&scene.home().join(".local/state")), ["mine\n"]);
}

#[test]
fn what_a_transfer_that_was_cut_off_has_replaced_is_named_by_the_next_one() {
    let scene = Scene::new();
    let (cube, document, there) = in_common(&scene);
    let here = cube.workspace().join("model");
    for (tool, edited, written) in
        [("mlcube-ssh-push", &here, &there), ("mlcube-ssh-pull", &there, &here)]
    {
        fs::write(edited, format!("edited by {tool}")).unwrap();
        // Somebody writes at the last moment, and the step is killed when rsync has replaced that.
        scene.around_rsync(&format!("echo {tool} >'{}'", written.display()), "kill -KILL $PPID");
        run(&scene, tool, &document).exits(137);
        scene.real_rsync();
        let next = run(&scene, tool, &document);
        next.succeeds().says("that was cut off kept a backup").never_says("and 1 more");
        let backup = next.stderr.trim_end().rsplit(": ").next().unwrap();
        assert_eq!(fs::read_to_string(backup).unwrap(), format!("{tool}\n"));
        run(&scene, tool, &document).succeeds().is_silent();
    }
}

#[test]
fn half_a_backup_of_a_transfer_that_was_cut_off_is_no_backup() {
    let scene = Scene::new();
    let (cube, document, there) = in_common(&scene);
    let here = cube.workspace().join("model");
    for (tool, edited, kept) in
        [("mlcube-ssh-push", &here, &there), ("mlcube-ssh-pull", &there, &here)]
    {
        fs::write(edited, format!("edited by {tool}")).unwrap();
        // A backup goes to another file system as a copy; the step is killed in its middle.
        let lines = format!(
            "for word; do case $word in --backup-dir=*) folder=${{word#*=}} ;; esac; done
mkdir -p \"$folder\"
head -c 3 '{}' >\"$folder/model\"
kill -KILL $PPID",
            kept.display()
        );
        scene.before_rsync(&lines);
        run(&scene, tool, &document).exits(137);
        scene.real_rsync();
        run(&scene, tool, &document).succeeds().never_says("kept a backup");
        for top in [scene.home().join(".local/state"), scene.host.remote_root().join(".mlcube-ssh")]
        {
            let backups = kept_aside(&top);
            assert!(backups.iter().all(|text| text != "com" && text != "edi"), "{backups:?}");
        }
        run(&scene, tool, &document).succeeds().is_silent();
    }
}

#[test]
fn pull_keeps_local_edits_made_during_the_comparison() {
    let scene = Scene::new();
    let (cube, document, there) = in_common(&scene);
    let writes = format!("echo mine >'{}'", cube.workspace().join("model").display());
    scene.before_rsync(&writes);
    let pull = scene.tool("mlcube-ssh-pull").args(["-q", "--checksum"]).reads_document(&document);
    pull.run().says("kept model");
    assert_eq!(cube.result("model"), "mine\n");
    scene.real_rsync();
    run(&scene, "mlcube-ssh-push", &document).succeeds();
    assert_eq!(fs::read_to_string(&there).unwrap(), "mine\n");
}

/// Changes the content of a file that both sides have in common, and neither its size nor its time, as a write through
/// a memory map does.
fn flip(path: &Path) {
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    fs::write(path, "COMMON").unwrap();
    fs::File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
}

#[test]
fn what_differs_by_content_alone_is_named_with_its_backup_where_it_is_replaced() {
    let scene = Scene::new();
    let (cube, document, there) = in_common(&scene);
    let here = cube.workspace().join("model");
    for (tool, receiver) in [("mlcube-ssh-push", &there), ("mlcube-ssh-pull", &here)] {
        flip(receiver);
        let moved = scene.tool(tool).args(["-q", "--checksum"]).reads_document(&document).run();
        moved.succeeds().says("'model'").says("differed").says("by content alone");
        assert_eq!(fs::read_to_string(receiver).unwrap(), "common");
        let backup = moved.stderr.trim_end().rsplit(" is ").next().unwrap();
        assert_eq!(fs::read_to_string(backup).unwrap(), "COMMON");
    }
}

#[test]
fn what_is_edited_before_it_is_replaced_by_content_is_kept_and_named_either_way() {
    let scene = Scene::new();
    let (cube, document, there) = in_common(&scene);
    let here = cube.workspace().join("model");
    for (tool, flipped, edited, state) in [
        ("mlcube-ssh-pull", &there, &here, scene.home().join(".local/state")),
        ("mlcube-ssh-push", &here, &there, scene.host.remote_root().join(".mlcube-ssh")),
    ] {
        fs::write(&here, "common").unwrap();
        run(&scene, "mlcube-ssh-push", &document);
        flip(flipped);
        let writes = format!("echo me >'{}'", edited.display());
        scene.before_rsync(&format!("case \"$*\" in *--dry-run*) ;; *) {writes} ;; esac"));
        let moved = scene.tool(tool).args(["-q", "--checksum"]).reads_document(&document).run();
        moved.says("during this");
        scene.real_rsync();
        assert!(kept_aside(&state).contains(&"me\n".to_owned()), "{tool}: {moved}");
    }
}

#[test]
fn what_a_failed_push_has_replaced_of_somebody_elses_is_kept() {
    let scene = Scene::new();
    let (cube, document, there) = in_common(&scene);
    let code = |root: &Path, f: &str, k: &str| {
        fs::write(root.join("f"), f).unwrap();
        fs::write(root.join("k"), k).unwrap();
    };
    code(cube.root(), "1", "1");
    run(&scene, "mlcube-ssh-push", &document).succeeds();
    let tree = there.parent().unwrap().parent().unwrap();
    fs::write(tree.join("f"), "theirs").unwrap();
    fs::remove_file(tree.join("k")).unwrap();
    fs::create_dir_all(tree.join("k/x")).unwrap();
    code(cube.root(), "22", "22");
    let writes = format!("echo a much longer edit >'{}'", cube.root().join("f").display());
    scene.before_rsync(&writes);
    run(&scene, "mlcube-ssh-push", &document).exits(125).says("the receiving folder k");
    let kept = kept_aside(&scene.host.remote_root().join(".mlcube-ssh"));
    assert!(kept.contains(&"theirs".to_owned()), "{kept:?}");
}

#[test]
fn permissions_that_changed_alone_move_no_content() {
    let scene = Scene::new();
    let (cube, document, there) = in_common(&scene);
    let here = cube.workspace().join("model");
    let mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let now = |path: &Path| {
        let mode = fs::metadata(path).unwrap().permissions().mode() & 0o777;
        (fs::read_to_string(path).unwrap(), mode)
    };
    let is_written_before = |path: &Path| {
        scene.before_rsync(&format!("echo meanwhile >'{}'", path.display()));
    };
    fs::write(here.with_file_name("other"), "").unwrap();
    run(&scene, "mlcube-ssh-push", &document).succeeds();
    mode(&there, 0o750);
    // What is replaced goes by rsync.
    fs::write(there.with_file_name("other"), "1").unwrap();
    is_written_before(&here);
    run(&scene, "mlcube-ssh-pull", &document).succeeds().is_silent();
    assert_eq!(now(&here), ("meanwhile\n".to_owned(), 0o750));
    scene.real_rsync();
    fs::write(&here, "common").unwrap();
    run(&scene, "mlcube-ssh-push", &document).succeeds();
    mode(&here, 0o700);
    fs::write(here.with_file_name("other"), "22").unwrap();
    is_written_before(&there);
    run(&scene, "mlcube-ssh-push", &document).succeeds().is_silent();
    assert_eq!(now(&there), ("meanwhile\n".to_owned(), 0o700));
    scene.real_rsync();
    // Alone, and behind it nothing is to be done.
    mode(&there, 0o640);
    let pulled = run(&scene, "mlcube-ssh-pull", &document).succeeds().document();
    assert_eq!((now(&here).1, pulled.at("/steps/pull/changed")), (0o640, &true.into()));
    mode(&here, 0o600);
    let pushed = run(&scene, "mlcube-ssh-push", &document).succeeds().document();
    assert_eq!((now(&there).1, pushed.at("/steps/push/changed")), (0o600, &true.into()));
    let pushed = run(&scene, "mlcube-ssh-push", &document).succeeds().document();
    assert_eq!(pushed.at("/steps/push/changed"), &false);
}

/// A container without a umask leaves files that everybody can write; others here would write into what is sent next.
#[test]
fn pull_withholds_permissions_by_the_umask() {
    let scene = Scene::new();
    let (cube, document, there) = in_common(&scene);
    let here = cube.workspace().join("model");
    let mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let now = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    fs::write(here.with_file_name("shared"), "common").unwrap();
    mode(&here.with_file_name("shared"), 0o664);
    fs::write(here.with_file_name("other"), "1").unwrap();
    run(&scene, "mlcube-ssh-push", &document).succeeds();
    // By the permissions alone, by rsync, by the archive.
    fs::write(there.with_file_name("other"), "22").unwrap();
    fs::create_dir(there.with_file_name("new")).unwrap();
    for number in 0..100 {
        fs::write(there.with_file_name(format!("new/{number}")), "1").unwrap();
    }
    let changed = ["model", "shared", "other", "new", "new/7"];
    for name in changed {
        mode(&there.with_file_name(name), 0o777);
    }
    run(&scene, "mlcube-ssh-pull", &document).succeeds().is_silent();
    let all = |path: &Path| changed.map(|name| now(path.with_file_name(name)));
    assert_eq!(all(&here), [0o755, 0o775, 0o755, 0o755, 0o755], "the group's is the user's gift");

    for (tool, step) in [("mlcube-ssh-pull", "pull"), ("mlcube-ssh-push", "push")] {
        let again = run(&scene, tool, &document).succeeds().document();
        assert_eq!(again.at(&format!("/steps/{step}/changed")), &false, "{tool}");
        scene.tool(tool).arg("--verify").reads_document(&document).run().succeeds();
    }
    let incoming = scene.host.remote_root().join(".mlcube-ssh/digits/incoming");
    assert!(
        fs::read_dir(incoming).unwrap().next().is_none(),
        "a push with nothing to send left its folder"
    );
    for option in ["--quiet", "--overwrite"] {
        fs::write(&here, option).unwrap();
        let push = scene.tool("mlcube-ssh-push").arg(option);
        push.reads_document(&document).run().succeeds();
        assert_eq!(all(&there), [0o777; 5], "what the tasks may stays theirs, {option}");
    }

    // What pulls took is no change of the remote's that stands against the user's own.
    mode(&here.with_file_name("new/7"), 0o700);
    mode(&here.with_file_name("other"), 0o600);
    fs::write(here.with_file_name("other"), "333").unwrap();
    run(&scene, "mlcube-ssh-push", &document).succeeds().is_silent();
    assert_eq!(now(there.with_file_name("new/7")), 0o700);
    assert_eq!(now(there.with_file_name("other")), 0o600);
    assert_eq!(fs::read_to_string(there.with_file_name("other")).unwrap(), "333");

    fs::write(there.with_file_name("private"), "").unwrap();
    mode(&there.with_file_name("private"), 0o755);
    let pull = |umask: &str| {
        let pull = scene.sh(&format!("umask {umask}; exec mlcube-ssh-pull"));
        pull.reads_document(&document).run().succeeds();
    };
    mode(&here.with_file_name("shared"), 0o600);
    pull("077");
    assert_eq!(now(here.with_file_name("private")), 0o700);
    // Neither what the user has closed nor what that umask has closed is opened by a pull with another one.
    fs::write(there.with_file_name("private"), "new").unwrap();
    pull("022");
    assert_eq!(fs::read_to_string(here.with_file_name("private")).unwrap(), "new");
    assert_eq!(now(here.with_file_name("private")), 0o700);
    assert_eq!(now(here.with_file_name("shared")), 0o600);
    run(&scene, "mlcube-ssh-push", &document).succeeds().is_silent();
    assert_eq!(now(there.with_file_name("private")), 0o755);
    assert_eq!(now(there.with_file_name("shared")), 0o600);
}

#[test]
fn permissions_that_changed_on_the_receiver_stay_when_content_comes() {
    let scene = Scene::new();
    let (cube, document, there) = in_common(&scene);
    let here = cube.workspace().join("model");
    let mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let now = |path: &Path| {
        let mode = fs::metadata(path).unwrap().permissions().mode() & 0o777;
        (fs::read_to_string(path).unwrap(), mode)
    };
    for at in [&here, &there] {
        assert_eq!(now(at).1, 0o644);
    }
    // Made private here, written there.
    mode(&here, 0o600);
    fs::write(&there, "more").unwrap();
    run(&scene, "mlcube-ssh-pull", &document).succeeds().is_silent();
    assert_eq!(now(&here), ("more".to_owned(), 0o600));
    // The permissions go up alone; then the other way.
    run(&scene, "mlcube-ssh-push", &document).succeeds();
    assert_eq!(now(&there), ("more".to_owned(), 0o600));
    mode(&there, 0o640);
    fs::write(&here, "and more").unwrap();
    run(&scene, "mlcube-ssh-push", &document).succeeds().is_silent();
    assert_eq!(now(&there), ("and more".to_owned(), 0o640));
    run(&scene, "mlcube-ssh-pull", &document).succeeds();
    assert_eq!(now(&here), ("and more".to_owned(), 0o640));
    // Changed on both sides it is a conflict.
    mode(&here, 0o600);
    mode(&there, 0o644);
    fs::write(&there, "most").unwrap();
    run(&scene, "mlcube-ssh-pull", &document).succeeds().says("kept model");
    assert_eq!(now(&here), ("and more".to_owned(), 0o600));
}

/// Lets a file be another one while rsync runs, as an editor or a version control that tries something does.
fn is_swapped_during_rsync(scene: &Scene, path: &Path) {
    let (path, kept) = (path.display(), path.with_extension("kept"));
    let kept = scene.home().join(kept.file_name().unwrap());
    let kept = kept.display();
    let tries = format!("mv '{path}' '{kept}'; echo tried >'{path}'");
    scene.around_rsync(&tries, &format!("mv '{kept}' '{path}'"));
}

#[test]
fn what_was_sent_otherwise_than_it_was_listed_is_not_agreed_on() {
    let scene = Scene::new();
    let (cube, document, there) = in_common(&scene);
    let code = cube.root().join("k.py");
    fs::write(&code, "v1").unwrap();
    run(&scene, "mlcube-ssh-push", &document).succeeds();
    fs::write(&code, "v2, the right one").unwrap();
    is_swapped_during_rsync(&scene, &code);
    run(&scene, "mlcube-ssh-push", &document).succeeds();
    scene.real_rsync();
    let code_there = there.parent().unwrap().with_file_name("k.py");
    assert_eq!(fs::read_to_string(&code_there).unwrap(), "tried\n");
    let if_changed = || {
        let push = scene.tool("mlcube-ssh-push").args(["-q", "--if-changed"]);
        push.reads_document(&document).run()
    };
    if_changed().succeeds();
    assert_eq!(fs::read_to_string(&code_there).unwrap(), "v2, the right one");
    // In the workspace nobody knows whose it is.
    let cube = cube.with_file("model", "mine, too");
    is_swapped_during_rsync(&scene, &cube.workspace().join("model"));
    run(&scene, "mlcube-ssh-push", &document).succeeds();
    scene.real_rsync();
    run(&scene, "mlcube-ssh-pull", &document).says("kept model");
    assert_eq!(cube.result("model"), "mine, too");
    if_changed().says("kept model");
}

#[test]
fn what_a_failed_push_has_sent_is_looked_at_by_the_next_one() {
    let scene = Scene::new();
    let (cube, document, there) = in_common(&scene);
    let (code, kept) = (cube.root().join("k.py"), scene.home().join("k.py"));
    let code_there = there.parent().unwrap().with_file_name("k.py");
    fs::write(&code, "v1").unwrap();
    run(&scene, "mlcube-ssh-push", &document).succeeds();
    fs::rename(&code, &kept).unwrap();
    fs::write(&code, "v2, broken").unwrap();
    // Another file can't be sent.
    fs::create_dir(code_there.with_file_name("dd")).unwrap();
    fs::write(code_there.with_file_name("dd").join("x"), "theirs").unwrap();
    fs::write(cube.root().join("dd"), "").unwrap();
    run(&scene, "mlcube-ssh-push", &document).exits(125);
    assert_eq!(fs::read_to_string(&code_there).unwrap(), "v2, broken");
    // The edit is taken back, with the time of the file.
    fs::rename(&kept, &code).unwrap();
    fs::remove_file(cube.root().join("dd")).unwrap();
    let push = scene.tool("mlcube-ssh-push").args(["-q", "--if-changed"]);
    push.reads_document(&document).run().succeeds();
    assert_eq!(fs::read_to_string(&code_there).unwrap(), "v1");
}

#[test]
fn a_log_that_grows_makes_a_pull_by_content_fetch_nothing_twice() {
    let scene = Scene::new();
    let (cube, document, there) = in_common(&scene);
    for name in 0..120 {
        fs::write(there.with_file_name(format!("result{name}")), "1").unwrap();
    }
    // The remote tar meets a file that has grown since it was listed.
    let log = there.with_file_name("log");
    fs::write(&log, "1\n").unwrap();
    let grows = format!("echo more >>'{}'; exec /usr/bin/tar \"$@\"", log.display());
    scene.host.has_program("tar", &grows);
    let pull = scene.tool("mlcube-ssh-pull").args(["-q", "--checksum"]).reads_document(&document);
    pull.run().succeeds().never_says("was written locally");
    assert_eq!(cube.result("result7"), "1");
    assert!(kept_aside(&scene.home().join(".local/state")).is_empty());
}

#[test]
fn a_file_that_somebody_else_has_sent_meanwhile_has_come() {
    let scene = Scene::new();
    let (cube, document, there) = in_common(&scene);
    let cube = cube.with_file("new", "1").with_file("model", "changed");
    let (here, there) = (cube.workspace().join("new"), there.with_file_name("new"));
    scene.before_rsync(&format!("cp -p '{}' '{}'", here.display(), there.display()));
    run(&scene, "mlcube-ssh-push", &document).succeeds().is_silent();
    scene.real_rsync();
    run(&scene, "mlcube-ssh-push", &document).succeeds().is_silent();
}

/// The number of a group that nobody here is in.
const GROUP: u32 = 54_321;

#[test]
fn fetched_entries_inherit_the_group_of_their_folder() {
    if !am_root() {
        skip("only root can give a folder to another group");
        return;
    }
    let scene = Scene::new();
    let (cube, document, there) = in_common(&scene);
    let workspace = cube.workspace();
    chown(&workspace, None, Some(GROUP)).unwrap();
    fs::set_permissions(&workspace, Permissions::from_mode(0o2775)).unwrap();
    // By the archive, and by rsync.
    fs::create_dir(there.with_file_name("new")).unwrap();
    for number in 0..100 {
        fs::write(there.with_file_name(format!("new/{number}")), "1").unwrap();
    }
    fs::write(&there, "trained").unwrap();
    run(&scene, "mlcube-ssh-pull", &document).succeeds();
    for name in ["model", "new", "new/7"] {
        assert_eq!(fs::metadata(workspace.join(name)).unwrap().gid(), GROUP, "{name}");
    }
}
