//! Links of a cube and of a task, on this machine: what a path really is decides what is read and written.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use mlcube_ssh_harness::{Cube, Document, Scene, Task, eventually};
use rustix::process::Signal;
use serde_json::json;

/// A cube in `lab/cube` of a git checkout, whose declared build context, with such a recipe, is a link beside it.
fn built_from_a_link(scene: &Scene, target: &Path, recipe: &str) -> Cube {
    let lab = scene.home().join("lab");
    let cube = Cube::built_from(&lab.join("cube"), "../project").task(&Task::named("train"));
    fs::create_dir_all(scene.home().join("elsewhere")).unwrap();
    fs::rename(lab.join("project"), scene.home().join("elsewhere/project")).unwrap();
    symlink(target, lab.join("project")).unwrap();
    let docker = json!({"image": "x", "build_context": "../project", "build_file": recipe});
    cube.section("docker", docker)
}

/// Nothing of the cube is on the host.
#[track_caller]
fn nothing_was_sent(scene: &Scene) {
    assert!(!scene.host.remote_root().exists(), "something was sent");
    assert_eq!(scene.host.sshd.logins(), 0, "the host was asked");
}

#[test]
fn a_build_context_that_leads_to_the_ssh_files_or_the_home_isnt_sent() {
    // What lies at the other end counts as a recipe if the cube says so.
    let targets =
        [("../.ssh", "id"), ("..", "mlcube.yaml"), ("../../here", ".ssh/id"), ("/", "etc/passwd")];
    for (target, recipe) in targets {
        let scene = Scene::new();
        let document = scene.document(&built_from_a_link(&scene, Path::new(target), recipe), &[]);
        for words in [&[] as &[&str], &["--dry-run"], &["--verify"]] {
            scene
                .push(&document, words)
                .exits(125)
                .complains(&["lab/project leads to", "never sent"]);
        }
        nothing_was_sent(&scene);
    }
}

#[test]
fn what_a_link_shows_outside_the_base_is_sent_when_the_user_lists_it() {
    let mut scene = Scene::new();
    let cube = built_from_a_link(&scene, Path::new("../elsewhere/project"), "Dockerfile");
    let document = scene.document(&cube, &[]);
    let elsewhere = scene.home().join("elsewhere/project");
    let words =
        ["lab/project leads to", elsewhere.to_str().unwrap(), "outside the base", "follow_links"];
    scene.push(&document, &[]).exits(125).complains(&words);
    nothing_was_sent(&scene);
    scene.follows_links_to(&elsewhere);
    scene.push(&scene.document(&cube, &[]), &[]).succeeds();
    assert!(scene.host.remote_root().join("lab/project/entry").exists());
    // The list is no way around what is never sent.
    let ssh = scene.home().join(".ssh");
    fs::write(ssh.join("Dockerfile"), "").unwrap();
    fs::remove_file(scene.home().join("lab/project")).unwrap();
    symlink(&ssh, scene.home().join("lab/project")).unwrap();
    scene.follows_links_to(&ssh);
    scene.push(&scene.document(&cube, &[]), &[]).exits(125).complains(&["never sent"]);
}

#[test]
fn an_input_that_is_a_link_isnt_followed_out_of_the_base() {
    let scene = Scene::new();
    let lab = scene.home().join("lab");
    let task = Task::named("train").reads("data", "../../data/set").reads("file", "../../data/key");
    let cube = Cube::built_from(&lab.join("cube"), "../project").task(&task);
    let secret = scene.home().join("aws");
    fs::create_dir_all(&secret).unwrap();
    fs::write(secret.join("credentials"), "secret").unwrap();
    fs::create_dir_all(lab.join("data")).unwrap();
    fs::write(lab.join("data/key"), "1").unwrap();
    symlink(&secret, lab.join("data/set")).unwrap();
    let document = scene.document(&cube, &[]);
    scene.push(&document, &[]).exits(125).complains(&["input", "data/set leads to", "aws"]);
    fs::remove_file(lab.join("data/set")).unwrap();
    fs::create_dir(lab.join("data/set")).unwrap();
    fs::remove_file(lab.join("data/key")).unwrap();
    symlink(secret.join("credentials"), lab.join("data/key")).unwrap();
    scene.push(&document, &[]).exits(125).complains(&["input", "data/key leads to"]);
    nothing_was_sent(&scene);
}

#[test]
fn what_is_never_sent_or_ignored_is_not_sent_under_the_name_of_a_link() {
    let scene = Scene::new();
    let lab = scene.home().join("lab");
    let task = Task::named("train").reads("data", "../../in/");
    let cube = Cube::built_from(&lab.join("cube"), "../project").task(&task);
    for folder in [".git/hooks", "secret", "scripts"] {
        fs::create_dir_all(lab.join(folder)).unwrap();
        fs::write(lab.join(folder).join("config"), "token").unwrap();
    }
    fs::write(lab.join(".mlcubeignore"), "secret/\n").unwrap();
    let document = scene.document(&cube, &[]);
    let link = lab.join("in");
    for (target, why) in [(".git", "never sent"), ("secret", "is ignored")] {
        symlink(target, &link).unwrap();
        scene.push(&document, &[]).exits(125).complains(&["lab/in leads to", why]);
        fs::remove_file(&link).unwrap();
    }
    // A task would write what git, or the user, runs.
    fs::create_dir(&link).unwrap();
    let _absent = fs::remove_dir_all(cube.workspace());
    for (target, why) in
        [("../.git/hooks", "files of yours"), ("../scripts", "outside the cube's folder")]
    {
        symlink(target, cube.workspace()).unwrap();
        for refused in [scene.push(&document, &[]), scene.pull(&document, &[])] {
            refused.exits(125).complains(&["cube/workspace leads to", why]);
        }
        fs::remove_file(cube.workspace()).unwrap();
    }
    nothing_was_sent(&scene);
}

#[test]
fn a_workspace_that_leads_elsewhere_is_neither_read_nor_written() {
    let scene = Scene::new();
    let aws = scene.home().join(".aws");
    fs::create_dir(&aws).unwrap();
    fs::write(aws.join("credentials"), "secret").unwrap();
    let cube = scene.cube("digits").task(&Task::named("train"));
    let document = scene.document(&cube, &[]);
    scene.push(&document, &[]).succeeds();
    let there = scene.host.remote_root().join("digits/workspace");
    for name in ["authorized_keys", ".bashrc", ".ssh/authorized_keys", "here/.bashrc"] {
        fs::create_dir_all(there.join(name).parent().unwrap()).unwrap();
        fs::write(there.join(name), "planted").unwrap();
    }
    fs::remove_dir(cube.workspace()).unwrap();
    let state = scene.home().join(".local/state/mlcube-ssh");
    let targets = [
        ("../.aws".into(), "outside the cube's folder"),
        (".".into(), "the cube's folder itself"),
        ("..".into(), "files of yours"),
        ("../..".into(), "files of yours"),
        ("../.ssh".into(), "files of yours"),
        ("../.ssh/new".into(), "files of yours"),
        (PathBuf::from("/"), "files of yours"),
        ("../.local".into(), "files of yours"),
        (state, "files of yours"),
    ];
    for (target, why) in targets {
        fs::create_dir_all(scene.home().join(".ssh/new")).unwrap();
        symlink(&target, cube.workspace()).unwrap();
        for refused in [
            scene.pull(&document, &[]),
            scene.pull(&document, &["--dry-run"]),
            scene.pull(&document, &["--verify"]),
            scene.push(&document, &[]),
            scene.push(&document, &["--dry-run"]),
            scene.push(&document, &["--verify"]),
        ] {
            refused.exits(125).complains(&["digits/workspace leads to", why]);
        }
        fs::remove_file(cube.workspace()).unwrap();
    }
    fs::create_dir(cube.workspace()).unwrap();
    assert_eq!(fs::read_dir(scene.home().join(".aws")).unwrap().count(), 1);
    assert!(!there.join("credentials").exists());
    assert!(
        !scene.home().join(".bashrc").exists()
            && !scene.home().join(".ssh/authorized_keys").exists()
    );
}

#[test]
fn a_workspace_that_the_user_names_may_lie_anywhere_but_in_the_home_itself() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train"));
    let disk = scene.place().folder("disk");
    fs::write(disk.join("data.csv"), "1\n").unwrap();
    symlink(&disk, scene.home().join("to-disk")).unwrap();
    let workspace = format!("--workspace={}", scene.home().join("to-disk").display());
    scene.push(&scene.document(&cube, &[&workspace]), &[]).succeeds();
    for place in [scene.home().to_owned(), scene.home().join(".ssh"), PathBuf::from("/")] {
        let workspace = format!("--workspace={}", place.display());
        let document = scene.document(&cube, &[&workspace]);
        for refused in [scene.push(&document, &[]), scene.pull(&document, &[])] {
            refused.exits(125).complains(&["workspace", "files of yours", "--workspace"]);
        }
    }
}

#[test]
fn a_home_that_is_a_link_is_the_home_all_the_same() {
    let scene = Scene::new();
    let home = scene.place().path().join("home");
    symlink(scene.home(), &home).unwrap();
    let cube = Cube::built_from(&scene.home().join("digits"), "../").task(&Task::named("train"));
    let config = scene.tool("mlcube-ssh-config").env("HOME", &home);
    let config = config.args(["--platform=gpu1", "--mlcube"]).arg(cube.root());
    let document = config.run().succeeds().document();
    let push = |document: &Document| {
        scene.tool("mlcube-ssh-push").env("HOME", &home).reads_document(document).run()
    };
    push(&document).exits(125).complains(&["no home folder is copied"]);
    let cube = scene.cube("letters").task(&Task::named("train"));
    let document = scene.document(&cube, &[]);
    fs::remove_dir(cube.workspace()).unwrap();
    symlink("../.ssh", cube.workspace()).unwrap();
    push(&document).exits(125).complains(&["letters/workspace leads to", "files of yours"]);
    nothing_was_sent(&scene);
}

#[test]
fn what_lies_outside_the_checkout_needs_the_users_word() {
    let mut scene = Scene::new();
    let lab = scene.home().join("lab");
    let task = Task::named("train").reads("data", "../../data/set/");
    let cube = Cube::built_from(&lab.join("cube"), "../project").task(&task);
    fs::create_dir_all(lab.join("data/set")).unwrap();
    fs::write(lab.join("data/set/1"), vec![1; 3000]).unwrap();
    // In one checkout it is named with its size, once.
    let pushed = scene.push(&scene.document(&cube, &[]), &[]);
    pushed.succeeds().says("the build context outside the cube's folder is sent too");
    pushed
        .says("lab/project, 4 files")
        .says("an input outside")
        .says("lab/data/set, 1 file, 3.0 kB");
    scene.push(&scene.document(&cube, &[]), &[]).succeeds().never_says("sent too");
    // Nothing says that they belong together.
    fs::rename(lab.join(".git"), lab.join("cube/.git")).unwrap();
    let refused = scene.push(&scene.document(&cube, &[]), &[]);
    refused.exits(125).complains(&["lab/project", "4 files", "checkout", "-Prunner.base="]);
    let word = format!("-Prunner.base={}", lab.display());
    scene.push(&scene.document(&cube, &[&word]), &[]).succeeds();
    // A home that is a git checkout makes nothing in it the cube's.
    fs::create_dir(scene.home().join(".git")).unwrap();
    fs::remove_dir(lab.join("cube/.git")).unwrap();
    scene.push(&scene.document(&cube, &[]), &[]).exits(125).complains(&["checkout"]);
    scene.set("/base", "..");
    scene.push(&scene.document(&cube, &[]), &[]).succeeds();
}

#[test]
fn nothing_is_written_through_a_link_that_the_user_doesnt_list() {
    let mut scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train"));
    let document = scene.document(&cube, &[]);
    scene.push(&document, &[]).succeeds();
    let there = scene.host.remote_root().join("digits/workspace");
    let disk = scene.place().folder("disk");
    fs::write(disk.join("model"), "mine").unwrap();
    fs::create_dir(there.join("out")).unwrap();
    fs::write(there.join("out/model"), "theirs").unwrap();
    fs::write(there.join("score"), "1").unwrap();
    symlink(&disk, cube.workspace().join("out")).unwrap();
    let mine = |scene: &Scene, document: &Document| {
        for words in [&[] as &[&str], &["--overwrite"], &["out/model"], &["out"]] {
            let pulled = scene.pull(document, words);
            pulled.says("skipped out and everything below it").says("follow_links");
            assert_eq!(fs::read_to_string(disk.join("model")).unwrap(), "mine");
            assert_eq!(fs::read_dir(&disk).unwrap().count(), 1);
        }
    };
    // Neither for lack of a record, nor one that is hidden from it.
    mine(&scene, &document);
    assert_eq!(cube.result("score"), "1", "the rest comes");
    fs::write(cube.root().join(".mlcubeignore"), "/workspace/out\n").unwrap();
    scene.pull(&document, &["--overwrite"]);
    assert_eq!(fs::read_to_string(disk.join("model")).unwrap(), "mine");
    fs::remove_file(cube.root().join(".mlcubeignore")).unwrap();
    fs::remove_dir_all(scene.home().join(".local/state")).unwrap();
    mine(&scene, &document);
    // Another place is listed; then this one.
    scene.set("/follow_links", json!([scene.place().folder("other")]));
    mine(&scene, &scene.document(&cube, &[]));
    scene.follows_links_to(&disk);
    scene.pull(&scene.document(&cube, &[]), &["--overwrite"]).succeeds();
    assert_eq!(fs::read_to_string(disk.join("model")).unwrap(), "theirs");
    assert!(cube.workspace().join("out").is_symlink());
}

#[test]
fn a_listed_place_is_a_path_of_this_machine() {
    let mut scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train"));
    for (value, why) in [(json!(["disk"]), "neither absolute"), (json!("/disk"), "a list like")] {
        scene.set("/follow_links", value);
        let config = scene.tool("mlcube-ssh-config").args(["--platform=gpu1", "--mlcube"]);
        config.arg(cube.root()).run().exits(125).complains(&["runner.follow_links", why]);
    }
}

/// A cube whose identity file and documents lie in its own folder.
fn with_own_files(scene: &mut Scene) -> Cube {
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("data.csv", "1\n");
    let key = cube.root().join("key");
    fs::copy(scene.home().join(".ssh/id"), &key).unwrap();
    fs::hard_link(&key, cube.root().join("tasks/looks like code.sh")).unwrap();
    fs::hard_link(&key, cube.workspace().join("weights")).unwrap();
    scene.set("/authentication", json!({"identify_file": key}));
    cube
}

#[test]
fn the_key_that_logs_in_is_never_sent_under_any_name() {
    let mut scene = Scene::new();
    let cube = with_own_files(&mut scene);
    // One that the ssh configuration names.
    let other = cube.root().join("other");
    fs::copy(scene.home().join(".ssh/id"), &other).unwrap();
    let below_home = other.strip_prefix(scene.home()).unwrap();
    scene.has_ssh_config(&format!("IdentityFile %d/{}", below_home.display()));
    // A copy made by hand.
    fs::write(cube.root().join("copy"), fs::read(scene.home().join(".ssh/id")).unwrap()).unwrap();
    let text = fs::read_to_string(scene.home().join(".ssh/id")).unwrap();
    fs::write(cube.root().join("windows"), text.replace('\n', "\r\n")).unwrap();
    fs::write(cube.root().join("cut"), text.trim_end()).unwrap();
    let document = scene.document(&cube, &[]);
    let pushed = scene.push(&document, &[]);
    pushed
        .succeeds()
        .says("digits/key: it is the private key of the login")
        .says("workspace/weights");
    let there = scene.host.remote_root().join("digits");
    assert!(there.join("workspace/data.csv").exists() && there.join("entry").exists());
    for name in
        ["key", "tasks/looks like code.sh", "workspace/weights", "other", "copy", "windows", "cut"]
    {
        assert!(!there.join(name).exists(), "{name} was sent");
    }
    scene.push(&document, &["--verify"]).succeeds();
    let shown = scene.push(&document, &["--dry-run", "-v"]);
    shown.succeeds().never_says("code.sh\\0").says("digits/key: it is the private key");
    // A dry run doesn't ask ssh, which knows more keys than the settings.
    scene.set("/authentication", json!({}));
    let shown = scene.push(&scene.document(&cube, &[]), &["--dry-run"]);
    shown.succeeds().says("./entry").never_says("./copy").never_says("./other");
    // Nor does it change the image's context.
    fs::write(cube.root().join("key"), fs::read(scene.home().join(".ssh/id")).unwrap()).unwrap();
    let again = scene.push(&document, &["-q", "--if-changed"]).succeeds().document();
    assert_eq!(again.at("/steps/push/changed"), false);
}

#[test]
fn a_key_that_an_agent_holds_is_never_sent() {
    let mut scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("data.csv", "1\n");
    let socket = scene.home().join("agent");
    scene.has_variable("SSH_AUTH_SOCK", socket.to_str().unwrap());
    let agent = scene.invocation(Path::new("/usr/bin/ssh-agent"));
    let agent = agent.arg("-D").arg("-a").arg(&socket).start();
    eventually("the agent listens", || socket.exists());
    // Copies with another passphrase, with other line ends, and one that others can read; a key of nobody.
    let keys = "cd digits && new() { ssh-keygen -q -f \"$@\"; } && rsa='-t rsa -b 2048 -m PEM' &&
        new deploy -t ed25519 -N '' && ssh-add -q deploy && ssh-keygen -q -p -P '' -N 'a phrase' -f deploy &&
        new tasks/pem $rsa -N '' && ssh-add -q tasks/pem && cp tasks/pem workspace/weights &&
        sed -i 's/$/\\r/' tasks/pem && chmod 644 tasks/pem workspace/weights && rm deploy.pub tasks/pem.pub &&
        new fixture -t ed25519 -N '' && new locked $rsa -N 'a phrase' && mv locked.pub ..";
    scene.sh(keys).run().succeeds();
    let document = scene.document(&cube, &[]);
    let pushed = scene.push(&document, &[]);
    pushed.succeeds().says("digits/locked: it is a private key with a passphrase");
    for name in ["deploy", "tasks/pem", "workspace/weights"] {
        pushed.says(&format!("digits/{name}: it is a private key that your ssh agent holds"));
    }
    let there = scene.host.remote_root().join("digits");
    assert!(there.join("fixture").exists() && there.join("workspace/data.csv").exists());
    for name in ["deploy", "tasks/pem", "workspace/weights", "locked"] {
        assert!(!there.join(name).exists(), "{name} was sent");
    }
    scene.push(&document, &["--verify"]).succeeds();
    let shown = scene.push(&document, &["--dry-run", "-v"]);
    shown.succeeds().never_says("./deploy").never_says("tasks/pem\\0");

    // What shows which key it is counts: no agent has this one.
    scene.sh("mv locked.pub digits").run().succeeds();
    scene.push(&document, &[]).succeeds().never_says("digits/locked");
    assert!(there.join("locked").exists());

    // An agent that gives no answer may hold it, whether it hangs or is gone.
    fs::copy(cube.root().join("fixture"), cube.root().join("late")).unwrap();
    for signal in [Signal::STOP, Signal::KILL] {
        agent.signal(signal);
        let pushed = scene.push(&document, &[]);
        pushed.succeeds().says("digits/late: it is a private key, and your ssh agent doesn't say");
        pushed.says("hint: find out why `ssh-add -L` gives no answer");
        assert!(!there.join("late").exists());
    }
    let alone = scene.tool("mlcube-ssh-push").without_env("SSH_AUTH_SOCK");
    alone.reads_document(&document).run().succeeds().never_says("digits/late");
    assert!(there.join("late").exists());
}

#[test]
fn documents_and_what_a_command_line_writes_are_no_code() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("data.csv", "1\n");
    let pipe = "cd digits && mlcube-ssh-config --platform=gpu1 > run.json &&
        mlcube-ssh-config --platform=gpu1 --config-only --format=yaml > show.yaml &&
        mlcube-ssh inspect --platform=gpu1 > inspected &&
        mlcube-ssh describe --platform=gpu1 > described &&
        mlcube-ssh-push < run.json 2> log | tee copy | cat > pushed.json &&
        jq -S -c . run.json > 'another name' && cp run.json tasks/data";
    scene.sh(pipe).run().succeeds();
    let there = scene.host.remote_root().join("digits");
    let sent = |there: &Path| {
        let names = fs::read_dir(there).unwrap().flatten().map(|entry| entry.file_name());
        names.map(|name| name.into_string().unwrap()).collect::<std::collections::BTreeSet<_>>()
    };
    let expected = sent(&there);
    assert!(expected.contains("Dockerfile") && expected.contains("mlcube.yaml"));
    for name in ["run.json", "show.yaml", "inspected", "described", "log", "copy", "pushed.json"] {
        assert!(cube.root().join(name).exists() && !expected.contains(name), "{expected:?}");
    }
    // All are there by now, and still no code; the cube's own JSON is.
    fs::remove_file(cube.root().join("log")).unwrap();
    fs::write(cube.root().join("settings.json"), "{\"schema\": \"mine\"}").unwrap();
    let again = scene.push(&scene.document(&cube, &[]), &["-v"]);
    again.succeeds().says("skipped (a document): another name");
    assert!(there.join("settings.json").exists());
    assert!(!there.join("tasks/data").exists() && !there.join("another name").exists());
    assert_eq!(sent(&there).len(), expected.len() + 1);
    // The settings, too, as in a checkout of CI; they are about other platforms as well.
    fs::copy(scene.settings_file(), cube.root().join("settings.yaml")).unwrap();
    let own = scene.tool("mlcube-ssh-push").reads_document(&scene.document(&cube, &[]));
    let own = own.env("MLCUBE_SYSTEM_SETTINGS", cube.root().join("settings.yaml")).run();
    own.succeeds().says("settings.yaml: it is, or leads to, your settings file");
    assert!(!there.join("settings.yaml").exists());
    // Nor does a pull replace them, whatever a task has made of them: they say which programs run here.
    let (copy, changed) = (cube.workspace().join("set.yaml"), there.join("workspace/set.yaml"));
    fs::create_dir_all(cube.workspace()).unwrap();
    fs::copy(scene.settings_file(), &copy).unwrap();
    scene.push(&scene.document(&cube, &[]), &[]).succeeds();
    fs::write(&changed, "platforms: {}\n").unwrap();
    let pull = scene.tool("mlcube-ssh-pull").reads_document(&scene.document(&cube, &[]));
    let pull = pull.env("MLCUBE_SYSTEM_SETTINGS", &copy).run();
    pull.succeeds().says("skipped set.yaml: it is, or leads to, your settings file");
    assert_eq!(fs::read(&copy).unwrap(), fs::read(scene.settings_file()).unwrap());
}

/// It says which programs run here, too: a `ProxyCommand` of a task's would.
#[test]
fn an_ssh_configuration_in_the_workspace_is_neither_sent_nor_replaced() {
    let mut scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("data.csv", "1\n");
    let configuration = cube.workspace().join("ssh/configuration");
    fs::create_dir(configuration.parent().unwrap()).unwrap();
    fs::copy(scene.home().join(".ssh/config"), &configuration).unwrap();
    fs::hard_link(&configuration, cube.workspace().join("copy")).unwrap();
    let own = fs::read_to_string(&configuration).unwrap();
    scene.set("/ssh_config", configuration.to_str().unwrap());
    let document = scene.document(&cube, &[]);
    let there = scene.host.remote_root().join("digits/workspace");
    let names = ["ssh/configuration", "copy"];
    for words in [&[] as &[&str], &["--overwrite"], &names] {
        let pushed = scene.push(&document, if words == names { &["--checksum"] } else { words });
        for name in names {
            pushed
                .succeeds()
                .says(&format!("workspace/{name}: it is, or leads to, your settings file or"));
            assert!(!there.join(name).exists(), "{name} was sent");
        }
        fs::create_dir_all(there.join("ssh")).unwrap();
        for name in names {
            fs::write(there.join(name), "Match exec \"touch ~/it-ran\"\n").unwrap();
        }
        let pulled = scene.pull(&document, words);
        for name in names {
            pulled.says(&format!("skipped {name}: it is, or leads to, your settings file or"));
            assert_eq!(cube.result(name), own, "{words:?}");
            fs::remove_file(there.join(name)).unwrap();
        }
    }
    // The settings name a link to it.
    let link = cube.workspace().join("link");
    symlink("ssh/configuration", &link).unwrap();
    scene.set("/ssh_config", link.to_str().unwrap());
    let document = scene.document(&cube, &[]);
    scene.push(&document, &[]).succeeds();
    let _absent = fs::remove_file(there.join("link"));
    fs::write(there.join("link"), "Match exec \"touch ~/it-ran\"\n").unwrap();
    for words in [&[] as &[&str], &["--overwrite"]] {
        scene
            .pull(&document, words)
            .says("skipped link: it is, or leads to, your settings file or");
        assert_eq!(cube.result("link"), own);
    }
    assert!(!scene.home().join("it-ran").exists());
}

#[test]
fn documents_in_the_workspace_are_neither_sent_nor_replaced() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("data.csv", "1\n");
    let document = scene.document(&cube, &[]);
    let pipe = "cd digits/workspace && mlcube-ssh-config --mlcube=.. --platform=gpu1 > 'a run.json'
        mkdir deep && jq -S -c . 'a run.json' > deep/copy; echo '{\"schema\": 1}' > mine.json";
    scene.sh(pipe).run().succeeds();
    let pushed = scene.push(&document, &[]);
    pushed.succeeds().says("skipped").says("workspace/a run.json: it is a document, ");
    let there = scene.host.remote_root().join("digits/workspace");
    assert!(there.join("mine.json").exists() && there.join("data.csv").exists());
    assert!(!there.join("a run.json").exists() && !there.join("deep/copy").exists());
    scene.push(&document, &["--verify"]).succeeds();
    // A task's file of that name doesn't replace it.
    fs::write(there.join("a run.json"), "a task's").unwrap();
    scene.pull(&document, &[]).says("kept a run.json");
    assert!(cube.result("a run.json").contains("mlcube-ssh/v1"));
}

#[test]
fn a_run_that_writes_its_document_into_the_cube_builds_no_image_again() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train").does("echo ran"));
    let mlcube = format!("--mlcube={}", cube.root().display());
    let words = ["--platform=gpu1", &mlcube, "--json", "ran.json"];
    let run = |verb: &str| {
        scene.mlcube_ssh(&[verb]).args(words).in_folder(cube.root()).run().succeeds().clone()
    };
    run("configure");
    let first = run("run");
    assert_eq!(first.stdout, "ran\n");
    run("run").never_says("STEP").never_says("sent ");
    let document = Document::parse(&fs::read_to_string(cube.root().join("ran.json")).unwrap());
    assert_eq!(document.unwrap().at("/steps/push/context_changed"), false);
    assert_eq!(
        fs::read_dir(cube.root())
            .unwrap()
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("ran.json"))
            .count(),
        1
    );
}

#[test]
fn only_a_regular_file_of_sane_size_says_what_is_ignored() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("secret", "1\n");
    let document = scene.document(&cube, &[]);
    let file = cube.root().join("workspace/.mlcubeignore");
    let elsewhere = scene.home().join("patterns");
    fs::write(&elsewhere, "!*\n").unwrap();
    let makes: [(&str, &dyn Fn()); 5] = [
        ("a link", &|| symlink(&elsewhere, &file).unwrap()),
        ("a folder", &|| fs::create_dir(&file).unwrap()),
        ("a pipe", &|| {
            scene.sh("mkfifo \"$FILE\"").env("FILE", &file).run().succeeds();
        }),
        ("larger than", &|| fs::write(&file, vec![b'x'; 1_000_001]).unwrap()),
        ("more than 10000 patterns", &|| fs::write(&file, "x\n".repeat(10_001)).unwrap()),
    ];
    for (why, make) in makes {
        make();
        for words in [&["--dry-run"] as &[&str], &[]] {
            scene.push(&document, words).exits(125).complains(&["workspace/.mlcubeignore", why]);
        }
        scene.sh("rm -r \"$FILE\"").env("FILE", &file).run().succeeds();
    }
    fs::write(&file, "secret\n".repeat(10_000)).unwrap();
    scene.push(&document, &[]).succeeds();
    let there = scene.host.remote_root().join("digits/workspace");
    assert!(there.exists() && !there.join("secret").exists());
}

#[test]
fn patterns_that_a_task_wrote_are_neither_fetched_nor_obeyed() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("set/secret", "1\n");
    fs::write(cube.root().join(".mlcubeignore"), "secret\n").unwrap();
    let document = scene.document(&cube, &[]);
    scene.push(&document, &[]).succeeds();
    let there = scene.host.remote_root().join("digits/workspace");
    fs::create_dir_all(there.join("set")).unwrap();
    // Some disks fold case.
    for name in [".mlcubeignore", "set/.mlcubeignore", "set/.MLCubeIgnore", "set/.GIT"] {
        fs::write(there.join(name), "!*\n").unwrap();
    }
    fs::write(there.join("set/score"), "1").unwrap();
    for words in [&[] as &[&str], &["--overwrite"], &["set/.mlcubeignore", ".mlcubeignore"]] {
        scene.pull(&document, words).succeeds();
    }
    assert_eq!(cube.result("set/score"), "1");
    assert_eq!(fs::read_dir(cube.workspace()).unwrap().count(), 1);
    assert_eq!(fs::read_dir(cube.workspace().join("set")).unwrap().count(), 2);
    scene.push(&document, &[]).succeeds();
    assert!(!there.join("set/secret").exists(), "the next run sent what is ignored");
}

#[test]
fn a_folder_for_what_is_on_its_way_is_never_a_link() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train"));
    let document = scene.document(&cube, &[]);
    scene.push(&document, &[]).succeeds();
    let there = scene.host.remote_root().join("digits/workspace");
    fs::write(there.join("score"), "1").unwrap();
    let reviews = scene.home().join("reviews");
    fs::create_dir_all(reviews.join("pull-999999")).unwrap();
    fs::write(reviews.join("pull-999999/mine"), "mine").unwrap();
    let partial = cube.workspace().join(".mlcube-ssh-partial");
    symlink(&reviews, &partial).unwrap();
    scene.pull(&document, &[]).exits(125).complains(&[".mlcube-ssh-partial", "remove it"]);
    assert!(reviews.join("pull-999999/mine").exists() && !cube.workspace().join("score").exists());
    fs::remove_file(&partial).unwrap();
    fs::write(&partial, "a file").unwrap();
    scene.pull(&document, &[]).exits(125).complains(&[".mlcube-ssh-partial"]);
    fs::remove_file(&partial).unwrap();
    // Deeper, too: what was cut off is removed from everywhere, and through no link.
    fs::create_dir(cube.workspace().join("sub")).unwrap();
    symlink(&reviews, cube.workspace().join("sub/.mlcube-ssh-partial")).unwrap();
    fs::write(reviews.join("review"), "mine").unwrap();
    scene.pull(&document, &[]).succeeds();
    assert_eq!(cube.result("score"), "1");
    assert!(reviews.join("review").exists() && reviews.join("pull-999999/mine").exists());
}

/// A cube with declared outputs, and the workspace on its host, where another disk is at hand.
fn with_outputs(scene: &Scene) -> (Cube, Document, PathBuf, PathBuf) {
    let task = Task::named("train").writes("out", "out/").writes("model", "model.pt");
    let cube = scene.cube("digits").task(&task);
    let document = scene.document(&cube, &[]);
    scene.push(&document, &[]).succeeds();
    let scratch = scene.host.folder().join("scratch");
    fs::create_dir_all(scratch.join("out/deep")).unwrap();
    fs::write(scratch.join("out/score"), "0.9").unwrap();
    fs::write(scratch.join("out/deep/log"), "log").unwrap();
    fs::write(scratch.join("weights"), "weights").unwrap();
    let there = scene.host.remote_root().join("digits/workspace");
    (cube, document, there, scratch)
}

#[test]
fn declared_outputs_behind_links_of_the_remote_account_come() {
    let scene = Scene::new();
    let (cube, document, there, scratch) = with_outputs(&scene);
    symlink(scratch.join("out"), there.join("out")).unwrap();
    symlink(scratch.join("weights"), there.join("model.pt")).unwrap();
    let pulled = scene.pull(&document, &[]).succeeds().document();
    assert_eq!(pulled.at("/steps/pull/outputs"), &json!(["out", "model.pt"]));
    assert_eq!(cube.result("out/score"), "0.9");
    assert_eq!(cube.result("out/deep/log"), "log");
    assert_eq!(cube.result("model.pt"), "weights");
    assert!(
        !cube.workspace().join("out").is_symlink()
            && !cube.workspace().join("model.pt").is_symlink()
    );
    scene.pull(&document, &["--verify"]).succeeds();
    let again = scene.pull(&document, &[]).succeeds().document();
    assert_eq!(again.at("/steps/pull/changed"), false);
    // Both ways: what is edited here goes behind the link, and what changes there comes.
    fs::write(cube.workspace().join("out/note"), "mine").unwrap();
    scene.push(&document, &[]).succeeds();
    assert_eq!(fs::read_to_string(scratch.join("out/note")).unwrap(), "mine");
    assert!(there.join("out").is_symlink());
    fs::write(scratch.join("weights"), "more weights").unwrap();
    scene.pull(&document, &["--outputs"]).succeeds();
    assert_eq!(cube.result("model.pt"), "more weights");
}

#[test]
fn a_link_that_nobody_asks_for_is_named_and_one_that_is_asked_for_is_followed() {
    let scene = Scene::new();
    let (cube, document, there, scratch) = with_outputs(&scene);
    fs::create_dir(there.join("out")).unwrap();
    symlink(scratch.join("out"), there.join("out/more")).unwrap();
    symlink(scratch.join("out"), there.join("cache")).unwrap();
    let pulled = scene.pull(&document, &[]);
    pulled.exits(125).says("skipped cache: ").says("skipped out/more: ");
    pulled.says("by its path, cache").says(".mlcubeignore");
    assert!(!cube.workspace().join("cache").exists());
    scene.pull(&document, &["cache/deep"]).succeeds();
    assert_eq!(cube.result("cache/deep/log"), "log");
    assert!(!cube.workspace().join("cache/score").exists());
    scene.pull(&document, &["out/mo*"]).succeeds();
    assert_eq!(cube.result("out/more/score"), "0.9");
    assert!(
        scene.pull(&document, &["--list", "cache/"]).succeeds().stdout.contains("cache/deep/log")
    );
}

#[test]
fn an_output_that_is_only_a_link_to_nothing_is_no_output() {
    let scene = Scene::new();
    let (cube, document, there, _) = with_outputs(&scene);
    symlink("/nowhere", there.join("out")).unwrap();
    symlink("deep/best.pt", there.join("model.pt")).unwrap();
    let ran = document
        .with("/steps/exec", json!({"phase": "run", "status": 0, "changed": true, "seconds": 1}));
    let pulled = scene.pull(&ran, &[]);
    pulled.exits(125).says("the declared output");
    assert_eq!(pulled.document().at("/steps/pull/outputs"), &json!([]));
    // One that leads to what is fetched is.
    fs::create_dir(there.join("deep")).unwrap();
    fs::write(there.join("deep/best.pt"), "best").unwrap();
    let pulled = scene.pull(&document, &[]).document();
    assert_eq!(pulled.at("/steps/pull/outputs"), &json!(["model.pt"]));
    assert_eq!(cube.result("model.pt"), "best");
    assert!(
        cube.workspace().join("model.pt").is_symlink(),
        "a link within the workspace stays one"
    );
}

#[test]
fn what_an_output_that_is_a_link_leads_to_comes_with_it() {
    let scene = Scene::new();
    let (cube, document, there, scratch) = with_outputs(&scene);
    fs::create_dir_all(there.join("epochs/3")).unwrap();
    fs::write(there.join("epochs/3/best.pt"), "best").unwrap();
    fs::write(there.join("epochs/3/log"), "log").unwrap();
    symlink("latest/best.pt", there.join("model.pt")).unwrap();
    symlink("epochs/3", there.join("latest")).unwrap();
    symlink("runs/out", there.join("out")).unwrap();
    symlink(&scratch, there.join("runs")).unwrap();
    let pulled = scene.pull(&document, &["--outputs"]).succeeds().document();
    assert_eq!(pulled.at("/steps/pull/outputs"), &json!(["out", "model.pt"]));
    assert_eq!(cube.result("model.pt"), "best");
    assert_eq!(cube.result("out/score"), "0.9");
    assert!(!cube.workspace().join("epochs/3/log").exists(), "nobody asked for it");
    let pulled = scene.pull(&document, &["epochs/3/log"]).succeeds().document();
    assert_eq!(pulled.at("/steps/pull/outputs"), &json!([]), "nothing of them was fetched");
}

#[test]
fn what_links_of_the_user_lead_to_goes_where_the_user_lists_it() {
    let mut scene = Scene::new();
    let task = Task::named("train").reads("data", "in/").reads("labels", "labels.csv");
    let cube = scene.cube("digits").task(&task);
    let disk = scene.place().folder("a disk");
    fs::create_dir_all(disk.join("in/deep")).unwrap();
    fs::write(disk.join("in/deep/x"), "1").unwrap();
    fs::write(disk.join("labels"), "cat").unwrap();
    // It leads to where it lies: behind it there is no end.
    symlink(&disk, disk.join("in/round")).unwrap();
    symlink(disk.join("in"), cube.workspace().join("in")).unwrap();
    symlink(disk.join("labels"), cube.workspace().join("labels.csv")).unwrap();
    let there = scene.host.remote_root().join("digits/workspace");
    // Without the user's word an input is refused by its name, and nothing is sent.
    for words in [&[] as &[&str], &["--inputs"]] {
        let refused = scene.push(&scene.document(&cube, &["--task=train"]), words);
        refused.exits(125).complains(&["the input train.data", "leads to", "follow_links"]);
    }
    nothing_was_sent(&scene);
    scene.follows_links_to(&disk);
    let document = scene.document(&cube, &["--task=train"]);
    scene.push(&document, &["--inputs"]).succeeds();
    assert_eq!(fs::read_to_string(there.join("in/deep/x")).unwrap(), "1");
    assert_eq!(fs::read_to_string(there.join("labels.csv")).unwrap(), "cat");
    assert!(!there.join("in").is_symlink() && !there.join("labels.csv").is_symlink());
    for words in [&["--if-changed"] as &[&str], &[], &["--checksum"]] {
        let again = scene.push(&document, words).succeeds().document();
        assert_eq!(again.at("/steps/push/changed"), false, "{words:?}");
    }
    scene.push(&document, &["--verify"]).succeeds();
    fs::write(disk.join("in/deep/x"), "22").unwrap();
    fs::write(disk.join("labels"), "dog and cat").unwrap();
    scene.push(&document, &["--verify"]).exits(125).says("in/deep/x").says("labels.csv");
    scene.push(&document, &[]).succeeds();
    assert_eq!(fs::read_to_string(there.join("in/deep/x")).unwrap(), "22");
    assert_eq!(fs::read_to_string(there.join("labels.csv")).unwrap(), "dog and cat");
    // What a pull has put behind a link is no reason for the next push to fail.
    fs::write(there.join("in/result"), "0.9").unwrap();
    scene.pull(&document, &[]).succeeds();
    assert_eq!(fs::read_to_string(disk.join("in/result")).unwrap(), "0.9");
    scene.push(&document, &[]).succeeds().says("nothing to send");
    scene.pull(&document, &[]).succeeds().says("nothing to fetch");
}

#[test]
fn what_an_input_that_is_a_link_leads_to_goes_with_it() {
    let scene = Scene::new();
    let task = Task::named("train").reads("data", "in/").reads("model", "latest/model.pt");
    let cube = scene.cube("digits").task(&task).with_file("in/own", "own");
    let workspace = cube.workspace();
    for (name, content) in [("data/x", "old"), ("v2/model.pt", "old"), ("v2/log", "log")] {
        fs::create_dir_all(workspace.join(name).parent().unwrap()).unwrap();
        fs::write(workspace.join(name), content).unwrap();
    }
    symlink("../data/x", workspace.join("in/x")).unwrap();
    symlink("v2", workspace.join("latest")).unwrap();
    let document = scene.document(&cube, &["--task=train"]);
    let there = scene.host.remote_root().join("digits/workspace");
    let content = |name: &str| fs::read_to_string(there.join(name)).unwrap();
    scene.push(&document, &["--inputs"]).succeeds();
    assert_eq!((content("in/x"), content("latest/model.pt")), ("old".into(), "old".into()));
    assert!(!there.join("v2/log").exists(), "no task reads it");
    fs::write(workspace.join("data/x"), "newer").unwrap();
    fs::write(workspace.join("v2/model.pt"), "newer").unwrap();
    scene.push(&document, &["--inputs"]).succeeds();
    assert_eq!((content("in/x"), content("latest/model.pt")), ("newer".into(), "newer".into()));
}

#[test]
fn a_path_that_matches_nothing_is_named() {
    let scene = Scene::new();
    let (cube, document, there, _) = with_outputs(&scene);
    fs::create_dir(there.join("out")).unwrap();
    fs::write(there.join("out/a b"), "1").unwrap();
    symlink("out", there.join("latest")).unwrap();
    for words in [&[] as &[&str], &["--list"], &["--verify"]] {
        for nothing in ["nosuch", "out/*.pt", "latest/nosuch"] {
            let words = [words, &["out/a b", nothing]].concat();
            let refused = scene.pull(&document, &words);
            refused.exits(125).says(&format!("'{nothing}' matches nothing"));
            refused.never_says("no file differs");
        }
        scene.pull(&document, &[words, &["out", "latest/a*"]].concat()).succeeds();
    }
    assert_eq!(cube.result("out/a b"), "1", "the rest comes");
}

#[test]
fn code_below_a_remote_link_is_named_with_what_to_do() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train"));
    let code = cube.root().join("lib/a b/code.py");
    fs::create_dir_all(code.parent().unwrap()).unwrap();
    fs::write(&code, "old").unwrap();
    let document = scene.document(&cube, &[]);
    scene.push(&document, &[]).succeeds();
    let there = scene.host.remote_root().join("digits/lib");
    let elsewhere = scene.host.folder().join("elsewhere");
    fs::rename(&there, &elsewhere).unwrap();
    symlink(&elsewhere, &there).unwrap();
    fs::write(&code, "newer").unwrap();
    // In the place of a folder that no push has made, too.
    symlink(&elsewhere, there.with_file_name("tools")).unwrap();
    fs::create_dir(cube.root().join("tools")).unwrap();
    fs::write(cube.root().join("tools/new.py"), "new").unwrap();
    // What was sent beside it is known to the next push.
    let beside = cube.root().join("beside.py");
    fs::write(there.with_file_name("beside.py"), "somebody else's").unwrap();
    for words in [&[] as &[&str], &["--checksum"], &["--delete"], &[]] {
        fs::write(&beside, words.join(" ")).unwrap();
        let pushed = scene.push(&document, words);
        pushed.exits(125).says("'lib' and 1 more").says("it is a link").says("move the link away");
        pushed.never_says("was cut off").never_says("was changed");
        assert_eq!(
            fs::read(there.with_file_name("beside.py")).unwrap(),
            fs::read(&beside).unwrap()
        );
        assert_eq!(fs::read_to_string(elsewhere.join("a b/code.py")).unwrap(), "old");
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 1, "{words:?}");
    }
    for link in [&there, &there.with_file_name("tools")] {
        fs::remove_file(link).unwrap();
    }
    scene.push(&document, &[]).succeeds();
    assert_eq!(fs::read_to_string(there.join("a b/code.py")).unwrap(), "newer");
    assert!(there.with_file_name("tools").join("new.py").exists());
}

/// A cube whose `data/sub` a push has made on the host, and where a task has put a link to `~/.ssh` in its place.
fn with_a_planted_link(scene: &Scene) -> (Cube, Document, PathBuf, PathBuf) {
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("data/sub/rc", "mine");
    let cube = cube.with_file("data/cfg", "1");
    let document = scene.document(&cube, &[]);
    scene.push(&document, &[]).succeeds();
    let ssh = scene.host.folder().join("the account's/.ssh");
    fs::create_dir_all(&ssh).unwrap();
    fs::write(ssh.join("authorized_keys"), "theirs").unwrap();
    let place = scene.host.remote_root().join("digits/workspace/data/sub");
    fs::rename(&place, scene.host.folder().join("moved")).unwrap();
    symlink(&ssh, &place).unwrap();
    (cube, document, place, ssh)
}

/// The files of a folder with their contents.
fn contents(folder: &Path) -> Vec<(String, String)> {
    let read = |entry: fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        (name, fs::read_to_string(entry.path()).unwrap())
    };
    let mut found: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap())).collect();
    found.sort();
    found
}

#[test]
fn nothing_is_written_through_a_link_that_a_task_put_where_a_push_made_a_folder() {
    let scene = Scene::new();
    let (cube, document, place, ssh) = with_a_planted_link(&scene);
    let before = contents(&ssh);
    let cube = cube.with_file("data/sub/authorized_keys", "planted").with_file("data/cfg", "22");
    // Enough for an archive, and permissions that change alone.
    for number in 0..110 {
        fs::write(cube.workspace().join(format!("data/sub/{number}")), "x").unwrap();
    }
    fs::set_permissions(cube.workspace().join("data/sub/rc"), fs::Permissions::from_mode(0o600))
        .unwrap();
    for words in [&[] as &[&str], &["--overwrite"], &["--checksum"], &[]] {
        let pushed = scene.push(&document, words);
        pushed.exits(125).says("skipped data/sub and everything below it");
        pushed.says("isn't known to be yours").says("`mlcube-ssh-push --follow-link=data/sub`");
        assert_eq!(contents(&ssh), before, "{words:?}");
        assert!(place.is_symlink());
    }
    let there = place.parent().unwrap();
    assert_eq!(fs::read_to_string(there.join("cfg")).unwrap(), "22", "the rest was sent");
    // A pull along the link doesn't make it known.
    scene.pull(&document, &["data/sub"]);
    scene.push(&document, &[]).exits(125);
    assert_eq!(contents(&ssh), before);
    // Neither does a lost sync state, nor another machine that takes the tree over.
    fs::remove_dir_all(scene.home().join(".local/state")).unwrap();
    let adopts = scene.document(&cube, &["-Prunner.adopt=true"]);
    for words in [&[] as &[&str], &["--overwrite"]] {
        scene.push(&adopts, words).exits(125).says("--follow-link=data/sub");
        assert_eq!(contents(&ssh), before);
    }
    // Once it is away, the files are sent.
    fs::remove_file(&place).unwrap();
    scene.push(&adopts, &[]).succeeds();
    assert_eq!(fs::read_to_string(place.join("authorized_keys")).unwrap(), "planted");
}

#[test]
fn an_input_below_such_a_link_is_not_sent_either() {
    let scene = Scene::new();
    let task = Task::named("train").reads("rc", "data/sub/rc");
    let cube = scene.cube("digits").task(&task).with_file("data/sub/rc", "mine");
    let document = scene.document(&cube, &["--task=train"]);
    scene.push(&document, &["--inputs"]).succeeds();
    let place = scene.host.remote_root().join("digits/workspace/data/sub");
    let ssh = scene.host.folder().join("the account's/.ssh");
    fs::create_dir_all(ssh.parent().unwrap()).unwrap();
    fs::rename(&place, &ssh).unwrap();
    symlink(&ssh, &place).unwrap();
    fs::write(cube.workspace().join("data/sub/rc"), "planted").unwrap();
    for words in [&["--inputs"] as &[&str], &["--inputs", "--overwrite"]] {
        scene.push(&document, words).exits(125).says("--follow-link=data/sub");
        assert_eq!(contents(&ssh), [("rc".to_owned(), "mine".to_owned())]);
    }
    // A link in the place of code doesn't hide it.
    symlink(&ssh, scene.host.remote_root().join("digits/lib")).unwrap();
    fs::create_dir(cube.root().join("lib")).unwrap();
    fs::write(cube.root().join("lib/rc"), "planted").unwrap();
    let pushed = scene.push(&document, &[]);
    pushed.exits(125).says("skipped 'lib'").says("skipped data/sub and everything below it");
    assert_eq!(contents(&ssh), [("rc".to_owned(), "mine".to_owned())]);
}

#[test]
fn a_link_of_the_remote_user_is_followed_until_it_is_another_one() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("out/x", "1");
    let there = scene.host.remote_root().join("digits/workspace");
    let [scratch, other] = ["scratch", "other"].map(|name| scene.host.folder().join(name));
    fs::create_dir_all(&there).unwrap();
    for folder in [&scratch, &other] {
        fs::create_dir_all(folder).unwrap();
    }
    // Made before the first push, as the account's user does.
    symlink(&scratch, there.join("out")).unwrap();
    let document = scene.document(&cube, &[]);
    for number in 1..3 {
        fs::write(cube.workspace().join("out/x"), "1".repeat(number)).unwrap();
        scene.push(&document, &[]).succeeds();
        assert_eq!(fs::read_to_string(scratch.join("x")).unwrap(), "1".repeat(number));
    }
    scene.push(&document, &["--if-changed"]).succeeds().is_silent();
    // A comparison by content reaches what is behind the link, too.
    let sent = fs::metadata(scratch.join("x")).unwrap().modified().unwrap();
    fs::write(cube.workspace().join("out/x"), "22").unwrap();
    fs::File::open(cube.workspace().join("out/x")).unwrap().set_modified(sent).unwrap();
    scene.push(&document, &["--checksum"]).succeeds();
    assert_eq!(fs::read_to_string(scratch.join("x")).unwrap(), "22");
    // The other way along the same link.
    fs::write(scratch.join("result"), "0.9").unwrap();
    scene.pull(&document, &[]).succeeds();
    assert_eq!(cube.result("out/result"), "0.9");
    // A task lets it lead elsewhere.
    fs::remove_file(there.join("out")).unwrap();
    symlink(&other, there.join("out")).unwrap();
    let cube = cube.with_file("out/x", "333");
    scene.push(&document, &["--overwrite"]).exits(125).says("--follow-link=out");
    scene.pull(&document, &["out"]);
    scene.push(&document, &["--overwrite"]).exits(125);
    assert_eq!(fs::read_dir(&other).unwrap().count(), 0);
    // The user says that it is theirs.
    scene.push(&document, &["--follow-link=out"]).succeeds();
    assert_eq!(fs::read_to_string(other.join("x")).unwrap(), "333");
    fs::write(cube.workspace().join("out/x"), "4444").unwrap();
    scene.push(&document, &[]).succeeds().says("sent out/x to 'there'");
    assert_eq!(fs::read_to_string(other.join("x")).unwrap(), "4444");
    // Nobody has compared what is behind a link that is itself behind this one.
    fs::write(scratch.join("f"), "the job's").unwrap();
    symlink(&scratch, other.join("below")).unwrap();
    let _cube = cube.with_file("out/below/f", "mine");
    scene.push(&document, &[]).succeeds().says("kept out/below/f");
    assert_eq!(fs::read_to_string(scratch.join("f")).unwrap(), "the job's");
}

#[test]
fn a_folder_that_was_fetched_as_one_is_never_sent_through_a_link() {
    let scene = Scene::new();
    let (cube, document, there, scratch) = with_outputs(&scene);
    fs::create_dir(there.join("out")).unwrap();
    fs::write(there.join("out/score"), "0.8").unwrap();
    scene.pull(&document, &[]);
    assert_eq!(cube.result("out/score"), "0.8");
    fs::remove_dir_all(there.join("out")).unwrap();
    symlink(scratch.join("out"), there.join("out")).unwrap();
    // A declared output is fetched along the link; nothing goes back through it.
    scene.pull(&document, &["--overwrite"]);
    fs::write(cube.workspace().join("out/note"), "mine").unwrap();
    scene.push(&document, &[]).exits(125).says("--follow-link=out");
    assert!(!scratch.join("out/note").exists());
}

#[test]
fn a_workspace_that_became_a_remote_link_is_neither_filled_nor_given_to_a_task() {
    let scene = Scene::new();
    let lab = scene.home().join("lab");
    let cube = Cube::built_from(&lab.join("cube"), "../project").task(&Task::named("train"));
    let cube = cube.with_file("rc", "1");
    let document = scene.configured(&cube, &[]);
    let there = scene.host.remote_root().join("lab");
    let ssh = scene.host.folder().join("the account's/.ssh");
    fs::create_dir_all(ssh.join("workspace")).unwrap();
    let run = |document: &Document| {
        scene.tool("mlcube-ssh-exec").arg("run").reads_document(document).run()
    };
    // The workspace itself, and a folder above it.
    for place in [there.join("cube/workspace"), there.join("cube")] {
        let moved = place.with_file_name("moved");
        fs::rename(&place, &moved).unwrap();
        symlink(&ssh, &place).unwrap();
        fs::write(cube.workspace().join("rc"), "planted").unwrap();
        for words in [&[] as &[&str], &["--overwrite"], &["--delete"]] {
            let pushed = scene.push(&document, words);
            pushed.exits(125).complains(&["cube/workspace", "leads to", "--follow-link=."]);
        }
        let words: &[&str] = if place.ends_with("cube") {
            &["isn't configured", "cube/mlcube.yaml"]
        } else {
            &["cube/workspace", "leads to"]
        };
        run(&document).exits(125).complains(words);
        assert_eq!(fs::read_dir(&ssh).unwrap().count(), 1, "something was written");
        assert_eq!(fs::read_dir(ssh.join("workspace")).unwrap().count(), 0);
        fs::remove_file(&place).unwrap();
        fs::rename(&moved, &place).unwrap();
    }
    scene.push(&document, &[]).succeeds();
    // The user has moved it to another disk.
    let disk = scene.host.folder().join("a disk");
    fs::rename(there.join("cube/workspace"), &disk).unwrap();
    symlink(&disk, there.join("cube/workspace")).unwrap();
    scene.push(&document, &[]).exits(125);
    scene.push(&document, &["--follow-link=."]).succeeds();
    fs::write(cube.workspace().join("rc"), "22").unwrap();
    scene.push(&document, &[]).succeeds();
    assert_eq!(fs::read_to_string(disk.join("rc")).unwrap(), "22");
}
