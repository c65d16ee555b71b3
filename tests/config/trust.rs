//! What a cube, a host or a document may set, and what only the user may.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::thread;

use mlcube_ssh::settings::runner::{self, Runner};
use mlcube_ssh_harness::{
    Account, Cube, Document, Engine, HostOptions, Outcome, Place, Scene, Task, eventually,
};
use serde_json::{Value, json};

/// The steps that read a document, and those of them that log in.
const STEPS: [&[&str]; 6] = [
    &["mlcube-ssh-interp"],
    &["mlcube-ssh-push"],
    &["mlcube-ssh-exec", "configure"],
    &["mlcube-ssh-exec", "run"],
    &["mlcube-ssh-exec", "status"],
    &["mlcube-ssh-pull"],
];

fn cube(scene: &Scene) -> Cube {
    scene.cube("digits").task(&Task::named("train").writes("model", "model/"))
}

fn step(scene: &Scene, words: &[&str], document: &Document) -> Outcome {
    scene.tool(words[0]).args(&words[1..]).reads_document(document).run()
}

/// The file that every planted command of these tests makes.
fn proof(scene: &Scene) -> PathBuf {
    scene.home().join("it-ran")
}

/// An ssh configuration that runs a command as soon as any ssh reads it.
fn evil_ssh_config(scene: &Scene) -> PathBuf {
    let file = scene.home().join("digits/evil");
    let command = format!("touch '{}'", proof(scene).display());
    fs::write(&file, format!("Match exec \"{command}\"\n  ProxyCommand {command}\n")).unwrap();
    file
}

/// No step takes the document, and nothing of it ran.
fn is_refused_everywhere(scene: &Scene, document: &Document, words: &[&str]) {
    for step_words in STEPS {
        for dry in [false, true] {
            let words_here: Vec<&str> =
                step_words.iter().copied().chain(dry.then_some("--dry-run")).collect();
            step(scene, &words_here, document).exits(125).complains(words);
            assert!(!proof(scene).exists(), "{words_here:?}");
        }
    }
    assert_eq!(scene.host.sshd.logins(), 0);
}

/// Every key of the runner with a value that a stranger would like, and what a user who looks sees of that.
fn settings_of_a_stranger(scene: &Scene) -> Vec<(&'static str, Value, String)> {
    let evil = evil_ssh_config(scene);
    let settings = [
        ("host", json!("elsewhere"), "host: elsewhere"),
        ("platform", json!("singularity"), "platform: singularity"),
        ("remote_root", json!("/etc"), "remote_root: /etc"),
        ("ssh_config", json!(evil), evil.to_str().unwrap()),
        ("authentication", json!({"user": "root"}), "user: root"),
        ("authentication", json!({"identify_file": "k"}), "identify_file: k"),
        ("authentication", json!({"identity_file": "k"}), "identity_file: k"),
        ("env", json!(["AWS_SECRET_ACCESS_KEY"]), "AWS_SECRET_ACCESS_KEY"),
        ("environment", json!({"X": "${oc.env:AWS_SECRET_ACCESS_KEY}"}), "X: s3cret"),
        ("setup", json!("touch ~/it-ran"), "setup: touch ~/it-ran"),
        ("remote", json!({"gpu_args": "--privileged"}), "--privileged"),
        ("remote_name", json!("another"), "remote_name: another"),
        ("base", json!("/"), "base: /"),
        ("follow_links", json!(["/etc"]), "- /etc"),
        ("adopt", json!(true), "adopt: true"),
        ("persist", json!(0), "persist: 0"),
        ("login", json!("never"), "login: never"),
        ("connect_timeout", json!(1), "connect_timeout: 1"),
        ("log_limit", json!(1), "log_limit: 1"),
        ("answer_timeout", json!(1), "answer_timeout: 1"),
        ("cube_env", json!(["AWS_SECRET_ACCESS_KEY"]), "AWS_SECRET_ACCESS_KEY"),
        ("shared", json!(true), "shared: true"),
        ("launcher", json!({"type": "slurm"}), "type: slurm"),
        ("interpreter", json!({"location": "/etc"}), "location: /etc"),
    ];
    let mut keys: BTreeSet<String> = settings.iter().map(|(key, ..)| (*key).to_owned()).collect();
    // That one makes the platform one of this runner at all.
    keys.insert("runner".to_owned());
    assert_eq!(keys, BTreeSet::from_iter(runner::keys::<Runner>()), "a key is in no attack");
    settings.map(|(key, value, shown)| (key, value, shown.to_owned())).into()
}

#[test]
fn a_cube_sets_nothing_of_the_runner() {
    let mut scene = Scene::new();
    let cube = cube(&scene);
    // What the settings say counts anyway.
    for key in ["host", "platform", "remote_root"] {
        scene.unset(key);
    }
    for (key, value, shown) in settings_of_a_stranger(&scene) {
        let runner = Value::Object([(key.to_owned(), value)].into_iter().collect());
        let cube = cube.clone().section("runner", runner);
        let config = scene.tool("mlcube-ssh-config").arg("--platform=gpu1").arg("--mlcube");
        let refused = config.arg(cube.root()).env("AWS_SECRET_ACCESS_KEY", "s3cret").run();
        let section = format!("below platforms.gpu1 in {}", scene.settings_file().display());
        refused.exits(125).complains(&["digits/mlcube.yaml:", &format!("runner.{key}"), &section]);
        refused.never_says("s3cret");
        assert_eq!(refused.stdout, "");
        for words in [["configure", "--dry-run"], ["run", "--dry-run"]] {
            let wrapper = scene.mlcube_ssh(&words).arg("--platform=gpu1").arg("--mlcube");
            let refused = wrapper.arg(cube.root()).env("AWS_SECRET_ACCESS_KEY", "s3cret").run();
            refused.exits(125).says(&format!("runner.{key}")).never_says("s3cret");
        }
        let config = scene.mlcube_ssh(&["show_config", "--platform=gpu1"]).arg("--mlcube");
        let config = config.arg(cube.root()).env("AWS_SECRET_ACCESS_KEY", "s3cret").run();
        assert!(config.succeeds().stdout.contains(&shown), "{shown}: {config}");
        assert!(!proof(&scene).exists());
    }
    assert_eq!(scene.host.sshd.logins(), 0);
}

#[test]
fn what_the_settings_say_too_is_theirs_and_show_config_shows_all() {
    let mut scene = Scene::new();
    scene.set("/setup", ":");
    let runner = json!({"host": "elsewhere", "setup": "touch ~/it-ran", "adopt": null});
    let cube = cube(&scene).section("runner", runner);
    let document = scene.document(&cube, &[]);
    assert_eq!(
        (document.at("/config/runner/setup"), document.at("/remote/host")),
        (&json!(":"), &json!("there"))
    );
    let cube = cube.section("runner", json!({"persist": 7}));
    let shown = scene.mlcube_ssh(&["show_config", "--platform=gpu1"]).arg("--mlcube");
    assert!(shown.arg(cube.root()).run().succeeds().stdout.contains("persist: 7"));
}

#[test]
fn the_word_of_the_command_line_travels_with_the_document() {
    let scene = Scene::new();
    let setup = format!("-Prunner.setup=touch '{}'", proof(&scene).display());
    let document = scene.document(&cube(&scene), &[&setup]);
    step(&scene, &["mlcube-ssh-push"], &document).succeeds();
    assert!(proof(&scene).exists());
    fs::write(scene.home().join("run.json"), document.to_string()).unwrap();
    let again = scene.tool("mlcube-ssh-config").args(["--input", "run.json"]).run();
    assert_eq!(
        again.succeeds().document().at("/run/runner_overrides"),
        document.at("/run/runner_overrides")
    );
}

#[test]
fn a_strangers_document_logs_in_nowhere_else() {
    let scene = Scene::new();
    let cube = cube(&scene);
    let document = scene.document(&cube, &[]);
    for (key, value, _) in settings_of_a_stranger(&scene) {
        let forged = document.with(&format!("/config/runner/{key}"), value);
        is_refused_everywhere(
            &scene,
            &forged,
            &[&format!("runner.{key}"), "gpu1", "mlcube-ssh-config"],
        );
    }
    let honest = document.with("/seal", Value::Null);
    step(&scene, &["mlcube-ssh-push", "-q"], &honest).succeeds();
}

#[test]
fn a_strangers_document_names_no_other_place() {
    let scene = Scene::new();
    let document = scene.document(&cube(&scene), &[]);
    for (pointer, value) in [
        ("/remote/host", "elsewhere"),
        ("/remote/user", "root"),
        ("/remote/base", "~/thesis"),
        ("/remote/workspace", "~/thesis"),
        ("/remote/state", "~/.ssh"),
    ] {
        let key = pointer.replace("/remote/", "remote.");
        is_refused_everywhere(&scene, &document.with(pointer, value), &[&key]);
    }
    let ssh = scene.home().join(".ssh");
    let elsewhere = document.with("/config/runtime/workspace", ssh.to_str().unwrap());
    is_refused_everywhere(&scene, &elsewhere, &["workspace"]);
    let no_cube = document.with("/run/mlcube", ssh.join("config").to_str().unwrap());
    is_refused_everywhere(&scene, &no_cube, &["document"]);
}

#[test]
fn a_strangers_document_without_a_cube_writes_below_the_current_folder_alone() {
    let scene = Scene::new();
    let cube = scene.cube("work/digits").task(&Task::named("train").writes("model", "model/"));
    let document = scene.document(&cube, &[]);
    scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run().succeeds();
    let result = scene.host.remote_root().join("digits/workspace/evil.fish");
    fs::write(&result, "1").unwrap();
    // The folder of the cube isn't on this machine, and the document isn't this user's.
    let document = document.with("/seal", Value::Null);
    fs::rename(cube.root(), scene.home().join("moved")).unwrap();
    let elsewhere = scene.place().folder("elsewhere");
    let pull = |folder: &std::path::Path| {
        let line = "cd \"$FOLDER\" && mlcube-ssh-pull";
        scene.sh(line).env("FOLDER", folder).reads_document(&document).run()
    };
    pull(&elsewhere).exits(125).complains(&["isn't below the current folder"]);
    // A terminal begins in the home, where there may be a `bin`.
    pull(scene.home()).exits(125).complains(&["or that is the home"]);
    assert!(!cube.root().exists());
    pull(&scene.home().join("work")).succeeds();
    assert_eq!(cube.result("evil.fish"), "1");
}

#[test]
fn words_for_the_runner_of_a_strangers_document_are_not_taken() {
    let scene = Scene::new();
    let document = scene.document(&cube(&scene), &[]);
    let evil = format!("runner.ssh_config={}", evil_ssh_config(&scene).display());
    let forged = document.with("/run/runner_overrides", json!([evil]));
    is_refused_everywhere(&scene, &forged, &["-Prunner.ssh_config"]);
    fs::write(scene.home().join("run.json"), forged.to_string()).unwrap();
    let again = scene.tool("mlcube-ssh-config").args(["--input", "run.json"]).run();
    again.exits(125).complains(&["run.json", "-Prunner.ssh_config"]);
    // The same word in the list of the words for mlcube there.
    let config = scene.home().join("digits/evil");
    let config = config.to_str().unwrap();
    for word in ["runner.ssh_config", "runner[ssh_config]", "[runner].ssh_config", "runner"] {
        let value =
            if word == "runner" { format!("{{ssh_config: {config}}}") } else { config.to_owned() };
        let forged = document.with("/config/runner/ssh_config", config);
        let forged = forged.with("/run/overrides", json!([format!("{word}={value}")]));
        is_refused_everywhere(&scene, &forged, &["overrides", "runner"]);
        fs::write(scene.home().join("run.json"), forged.to_string()).unwrap();
        let again = scene.tool("mlcube-ssh-config").args(["--input", "run.json"]).run();
        again.exits(125).complains(&["run.json", "overrides"]);
    }
    // The new document would be sealed, and a sealed one may name these places.
    let words =
        ["runtime.workspace=w", "[runtime][root]=r", "workspace=w", "docker.build_context=.."];
    for word in words {
        let forged = document.with("/run/overrides", json!([word])).with("/seal", Value::Null);
        fs::write(scene.home().join("run.json"), forged.to_string()).unwrap();
        let again = scene.tool("mlcube-ssh-config").args(["--input", "run.json"]).run();
        again.exits(125).complains(&["run.json", word]);
    }
    let harmless = document.with("/run/overrides", json!(["docker.image=x"]));
    fs::write(scene.home().join("run.json"), harmless.with("/seal", Value::Null).to_string())
        .unwrap();
    scene.tool("mlcube-ssh-config").args(["--input", "run.json"]).run().succeeds();
    let ssh = scene.home().join(".ssh");
    let forged = document.with("/run/workspace", ssh.to_str().unwrap());
    fs::write(scene.home().join("run.json"), forged.to_string()).unwrap();
    let again = scene.tool("mlcube-ssh-config").args(["--input", "run.json"]).run();
    again.exits(125).complains(&["run.json", "--workspace"]);
}

#[test]
fn a_document_of_another_machine_counts_where_the_settings_say_the_same() {
    let mut scene = Scene::new();
    let document = scene.document(&cube(&scene), &[]);
    // Another machine: the same files, another key.
    fs::remove_dir_all(scene.home().join(".local/state/mlcube-ssh")).unwrap();
    step(&scene, &["mlcube-ssh-push"], &document).succeeds();
    scene.set("/setup", ":");
    step(&scene, &["mlcube-ssh-push"], &document).exits(125).complains(&["runner.setup"]);
}

/// A document whose files are on the host, and an engine that does this line of sh for `run`.
fn pushed(task: &Task, line: &str, words: &[&str]) -> (Scene, Engine, Document) {
    let mut scene = Scene::new();
    let engine = Engine::installed_on(&scene.host, "docker");
    engine.runs(line);
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    let document = scene.document(&scene.cube("digits").task(task), words);
    let push = scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run();
    let document = push.succeeds().document();
    (scene, engine, document)
}

/// The folder of a document's job there.
fn job_folder(scene: &Scene, document: &Document) -> PathBuf {
    let id = document.at("/steps/exec/job").as_str().unwrap();
    scene.host.remote_root().join(".mlcube-ssh/digits/jobs").join(id)
}

#[test]
fn attach_takes_nothing_but_known_tasks_from_the_hosts_record() {
    let task = Task::named("train").writes("model", "model/");
    let (scene, _engine, document) = pushed(&task, ":", &[]);
    let ran = step(&scene, &["mlcube-ssh-exec", "run"], &document).succeeds().document();
    let evil = json!({
        "about": {"phase": "run", "user": "x", "folder": "y"},
        "document": {
            "config": {"tasks": {"evil": {}}, "runner": {"setup": "touch ~/it-ran"}},
            "run": {
                "mlcube": "/etc/passwd", "tasks": ["evil", "train"], "args": {"model": "/etc"}, "env": ["HOME"],
                "overrides": ["docker.image=evil"], "runner_overrides": ["runner.setup=touch ~/it-ran"],
                "options": {"gpus": "all"},
            },
            "remote": {"host": "elsewhere"},
        },
    });
    fs::write(job_folder(&scene, &ran).join("job.json"), evil.to_string()).unwrap();
    let attached = step(&scene, &["mlcube-ssh-exec", "attach"], &document);
    let after = attached.succeeds().says("warning: ").says("evil").document();
    for key in ["run", "config", "remote"] {
        let pointer = format!("/{key}");
        assert_eq!(after.at(&pointer), document.at(&pointer), "{key}");
    }
}

#[test]
fn attach_tells_other_arguments_and_claims_no_missing_output() {
    let task = Task::named("train").writes("model", "model/");
    let (scene, _engine, document) = pushed(&task, ":", &["model=other/"]);
    step(&scene, &["mlcube-ssh-exec", "run"], &document).succeeds();
    let plain = scene.document(&scene.cube("digits").task(&task), &[]);
    let attached = step(&scene, &["mlcube-ssh-exec", "attach"], &plain);
    attached.succeeds().says("other arguments").says("hint: ");
    step(&scene, &["mlcube-ssh-pull"], &attached.document()).succeeds();
    let same = step(&scene, &["mlcube-ssh-exec", "attach"], &document);
    same.succeeds().never_says("other arguments");
    let pulled = step(&scene, &["mlcube-ssh-pull"], &same.document()).succeeds().document();
    assert_eq!(pulled.at("/steps/pull/outputs"), &json!(["other"]));
}

#[test]
fn the_host_is_not_sent_the_configuration() {
    let mut scene = Scene::new();
    let engine = Engine::installed_on(&scene.host, "docker");
    engine.runs(":");
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    let cube = cube(&scene)
        .section("description", json!("${oc.env:DATABASE_URL}"))
        .section("docker", json!({"image": "i", "env_args": {"A": "${oc.env:DATABASE_URL,none}"}}));
    let secret = "postgres://ann:hunter2@db";
    let run = |name: &str, words: &[&str], document: &Document| {
        let tool = scene.tool(name).args(words).env("DATABASE_URL", secret);
        tool.reads_document(document).run().succeeds().document()
    };
    let config =
        scene.tool("mlcube-ssh-config").args(["--platform=gpu1", "--mlcube"]).arg(cube.root());
    let document = config.env("DATABASE_URL", secret).run().succeeds().document();
    assert_eq!(document.at("/config/description"), secret, "as mlcube has it");
    let document = run("mlcube-ssh-push", &["-q"], &document);
    // The mlcube there resolves the cube's file with its own variables: here it has none, and fails after it was
    // called.
    scene.tool("mlcube-ssh-exec").arg("run").reads_document(&document).run();
    let found = scene.sh(&format!("grep -rl hunter2 '{}'", scene.host.folder().display())).run();
    assert_eq!(found.stdout, "", "nothing there holds it");
    assert!(
        scene.host.remote_root().join(".mlcube-ssh/digits/jobs").read_dir().unwrap().count() > 0
    );
}

/// The name of the image goes to the host when there are files of a container, to find out which command gives them to
/// the account.
#[test]
fn an_image_that_a_cube_names_after_a_variable_is_not_sent() {
    let place = Place::new();
    let Some(account) = Account::with_shell(place.path(), "sh") else { return };
    let mut scene = Scene::at(place, HostOptions::default().account(&account));
    scene.set("/remote_root", "cubes");
    let cube = cube(&scene).section("docker", json!({"image": "of-${oc.env:DATABASE_URL}"}));
    let tool = |name: &str| scene.tool(name).env("DATABASE_URL", "hunter2").env("USER", "ann");
    let document = |words: &[&str]| {
        let config = tool("mlcube-ssh-config").args(["--platform=gpu1", "--mlcube"]);
        config.arg(cube.root()).args(words).run().succeeds().document()
    };
    tool("mlcube-ssh-push").reads_document(&document(&[])).run().succeeds();
    let closed = account.home().join("cubes/digits/workspace/closed");
    fs::write(&closed, "root's").unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o600)).unwrap();
    let pull = |document: &Document| {
        let pull = tool("mlcube-ssh-pull").arg("-v").reads_document(document).run();
        pull.exits(125).says("can't read closed").says("image=");
        pull.stderr
    };
    assert!(!pull(&document(&[])).contains("hunter2"));
    assert!(pull(&document(&["-Pdocker.image=of-mine"])).contains("image=of-mine"));
    let allowed = "-Prunner.cube_env=[DATABASE_URL]";
    assert!(pull(&document(&[allowed])).contains("image=of-hunter2"));
}

#[test]
fn a_path_that_a_cube_makes_of_a_variable_is_not_sent() {
    let mut scene = Scene::new();
    let config = |scene: &Scene, cube: &Cube, words: &[&str]| {
        let config = scene.tool("mlcube-ssh-config").args(["--platform=gpu1", "--mlcube"]);
        let config = config.arg(cube.root()).args(words);
        config.env("DATABASE_URL", "hunter2").env("USER", "ann").run()
    };
    let url = "${oc.env:DATABASE_URL}";
    let cubes = [
        scene.cube("one").task(&Task::named("train").reads("data", url)),
        scene
            .cube("two")
            .section("x", json!({"y": url}))
            .task(&Task::named("train").reads("data", "a-${x.y}")),
        scene
            .cube("three")
            .task(&Task::named("train").writes("model", "${oc.select:x.y}/"))
            .section("x", json!({"y": url})),
        scene
            .cube("four")
            .task(&Task::named("train"))
            .section("docker", json!({"image": "i", "build_context": url})),
        scene
            .cube("five")
            .task(&Task::named("train").reads("data", "${oc.decode:'${oc.env:DATABASE_URL}'}")),
        scene
            .cube("six")
            .task(&Task::named("train").reads("data", "${x}"))
            .section("x", json!("${oc.env:${z}}"))
            .section("z", json!("DATABASE_URL")),
    ];
    for cube in &cubes {
        let refused = config(&scene, cube, &[]);
        refused.exits(125).complains(&["DATABASE_URL", "mlcube.yaml:", "there", "cube_env"]);
        refused.never_says("hunter2");
        let shown = config(&scene, cube, &["--config-only"]);
        assert!(shown.succeeds().stdout.contains("hunter2"), "the configuration is mlcube's");
    }
    config(&scene, &cubes[0], &["data=mine.csv"]).succeeds();
    let usual = scene
        .cube("usual")
        .task(&Task::named("train").reads("data", "${oc.env:HOME}/x-${oc.env:USER}"));
    config(&scene, &usual, &[]).succeeds();
    let unset = scene
        .cube("unset")
        .task(&Task::named("train").reads("data", "${oc.env:NOT_SET_HERE,data.csv}"));
    config(&scene, &unset, &[]).succeeds();
    // A setting that takes something from the cube.
    scene.set("/remote_root", "~/cubes/${x.y}");
    let through = scene.cube("through").task(&Task::named("train")).section("x", json!({"y": url}));
    config(&scene, &through, &[]).exits(125).complains(&["DATABASE_URL"]);
    scene.set("/cube_env", json!(["DATABASE_URL"]));
    config(&scene, &through, &[]).succeeds();
    config(&scene, &cubes[1], &["-Pruntime.later=1", "-Px.y=z"]).succeeds();
}

#[test]
fn a_document_is_checked_like_a_command_line() {
    let scene = Scene::new();
    let document = scene.document(&cube(&scene), &[]);
    let exec = json!({"changed": true, "seconds": 1.0, "phase": "run", "status": 0});
    let job = |id: &str| {
        let mut receipt = exec.clone();
        receipt["job"] = id.into();
        document.with("/steps/exec", receipt)
    };
    let forged = [
        (job("."), "."),
        (job("../../x"), "../../x"),
        (job("a;id"), "a;id"),
        (document.with("/run/env", json!(["A B"])), "A B"),
        (document.with("/run/env", json!(["X$(id)"])), "X$(id)"),
        (document.with("/run/args", json!({"-Pdocker.image": "evil"})), "-Pdocker.image"),
        (document.with("/run/args", json!({"a\nown any x $(id)": "b"})), "own any x"),
        (document.with("/run/options", json!({"mlcube": "/x"})), "mlcube"),
        (document.with("/run/overrides", json!(["docker.image=$(id)"])), "docker.image"),
        (document.with("/run/tasks", json!(["other"])), "other"),
        (document.with("/run/tasks", json!(["--help"])), "--help"),
        (document.with("/run/mlcube", "relative/mlcube.yaml"), "relative"),
    ];
    for (document, word) in &forged {
        for words in [STEPS[1], STEPS[3], &["mlcube-ssh-exec", "stop"], STEPS[5]] {
            step(&scene, words, document).exits(125).complains(&[word]);
        }
    }
    assert_eq!(scene.host.sshd.logins(), 0);
}

#[test]
fn a_document_is_no_longer_than_a_command_line() {
    let scene = Scene::new();
    let document = scene.document(&cube(&scene), &[]);
    let long = [
        document.with("/run/tasks", json!(vec!["train"; 400_000])),
        document.with("/run/env", json!(vec!["NAME"; 500_000])),
        document.with("/run/args", json!({"model": "x".repeat(3_000_000)})),
    ];
    for document in &long {
        for words in [STEPS[1], STEPS[3], STEPS[5]] {
            step(&scene, words, document).exits(125).complains(&["longer than a command line"]);
        }
    }
    assert_eq!(scene.host.sshd.logins(), 0);
}

#[test]
fn hosts_and_users_have_no_characters_of_a_shell() {
    let mut scene = Scene::new();
    let cube = cube(&scene);
    let config = |scene: &Scene| {
        scene.tool("mlcube-ssh-config").args(["--platform=gpu1", "--mlcube"]).arg(cube.root()).run()
    };
    // A user of a Windows domain has a backslash, but not at the end.
    for name in ["a;id", "$(id)", "a b", "a'b", "a\"b", "a\\", "`id`", "a|b", "a&b"] {
        scene.set("/host", name);
        config(&scene).exits(125).complains(&["runner.host", "mlcube.yaml:"]);
        scene.set("/host", "there");
        scene.set("/authentication", json!({"user": name}));
        config(&scene).exits(125).complains(&["runner.authentication.user", "mlcube.yaml:"]);
        scene.set("/authentication", json!({}));
    }
    config(&scene).succeeds();
}

#[test]
fn a_parameters_name_runs_nothing_on_the_host() {
    let task = Task::named("train").reads("a\nown any x $(touch ~/it-ran)", "data.csv");
    let scene = Scene::new();
    let document = scene.document(&scene.cube("digits").task(&task), &[]);
    is_refused_everywhere(&scene, &document, &["parameter", "rename", "touch ~/it-ran"]);
    assert!(!scene.host.home().join("it-ran").exists());
}

#[test]
fn clean_removes_no_folder_that_was_there_before() {
    let scene = Scene::new();
    let tree = scene.host.remote_root().join("digits");
    fs::create_dir_all(tree.join("thesis")).unwrap();
    fs::write(tree.join("thesis/chapter1"), "years").unwrap();
    let document = scene.document(&cube(&scene), &[]);
    step(&scene, &["mlcube-ssh-push", "-q"], &document).succeeds();
    step(&scene, &["mlcube-ssh-push", "-q"], &document).succeeds();
    for words in [["--yes=all", "--force"], ["--yes=tree,workspaces", "--force"]] {
        let words = [["mlcube-ssh-exec", "clean"], words].concat();
        step(&scene, &words, &document).exits(125).complains(&["digits"]);
        assert_eq!(fs::read_to_string(tree.join("thesis/chapter1")).unwrap(), "years");
    }
}

#[test]
fn clean_removes_what_it_made_and_no_folder_that_took_its_place() {
    let scene = Scene::new();
    let tree = scene.host.remote_root().join("digits");
    let document = scene.document(&cube(&scene), &[]);
    step(&scene, &["mlcube-ssh-push", "-q"], &document).succeeds();
    let thesis = scene.host.home().join("thesis");
    fs::create_dir_all(&thesis).unwrap();
    fs::write(thesis.join("chapter1"), "years").unwrap();
    let aside = scene.host.remote_root().join("aside");
    fs::rename(&tree, &aside).unwrap();
    let clean =
        |words: &[&str]| step(&scene, &[&["mlcube-ssh-exec", "clean"], words].concat(), &document);
    // At the tree's own path, it is known by what it holds.
    fs::rename(&thesis, &tree).unwrap();
    let words = [tree.to_str().unwrap(), "1 file that this machine doesn't have (chapter1)"];
    clean(&["--yes=tree"]).exits(125).complains(&words);
    clean(&["--yes=all"]).exits(125).says(words[1]);
    fs::rename(&tree, &thesis).unwrap();
    symlink(&thesis, &tree).unwrap();
    step(&scene, &["mlcube-ssh-push", "-q"], &document).succeeds();
    let words = [tree.to_str().unwrap(), "was replaced by another folder"];
    clean(&["--yes=all", "--force"]).exits(125).complains(&words);
    assert_eq!(fs::read_to_string(thesis.join("chapter1")).unwrap(), "years");
    fs::remove_file(&tree).unwrap();
    fs::rename(&aside, &tree).unwrap();
    clean(&["--yes=tree", "--force"]).succeeds();
    assert!(!tree.exists());
}

#[test]
fn clean_removes_nothing_that_another_machine_pushed() {
    let scene = Scene::new();
    let cube = cube(&scene);
    let tree = scene.host.remote_root().join("digits");
    let document = scene.document(&cube, &[]);
    step(&scene, &["mlcube-ssh-push", "-q"], &document).succeeds();
    // Another machine of the account: the same files, a state folder of its own.
    let state = scene.home().join("another");
    let tool = |name: &str| scene.tool(name).env("XDG_STATE_HOME", &state);
    let config = |words: &[&str]| {
        let config = tool("mlcube-ssh-config").arg("--platform=gpu1").args(words).arg("--mlcube");
        config.arg(cube.root()).run().succeeds().document()
    };
    let clean = |words: &[&str], document: &Document| {
        tool("mlcube-ssh-exec").arg("clean").args(words).reads_document(document).run()
    };
    let other = config(&[]);
    assert!(clean(&[], &other).succeeds().stdout.contains("digits"), "looking is allowed");
    for words in [["--yes=all", "--force"], ["--yes=jobs,replaced,workspaces", "--force"]] {
        clean(&words, &other).exits(125).complains(&["belongs to", "nothing was removed", "adopt"]);
        assert!(tree.join("mlcube.yaml").exists());
    }
    clean(&["--yes=all", "--force"], &config(&["-Prunner.adopt=true"])).succeeds();
    assert!(!tree.exists());
}

/// What a document that this user's mlcube-ssh-config didn't write may name: nothing beyond what the cube's own file
/// could.
#[test]
fn a_strangers_document_sends_nothing_from_elsewhere() {
    let scene = Scene::new();
    let home = scene.home();
    fs::create_dir_all(home.join(".aws")).unwrap();
    for folder in [".aws", ".ssh", ""] {
        // What makes a build context of a folder.
        fs::write(home.join(folder).join("Dockerfile"), "FROM scratch\n").unwrap();
        fs::write(home.join(folder).join("credentials"), "s3cret").unwrap();
    }
    let cube = cube(&scene);
    symlink(home.join(".aws"), cube.root().join("linked")).unwrap();
    let document = scene.document(&cube, &[]).with("/seal", Value::Null);
    step(&scene, &["mlcube-ssh-push", "--dry-run"], &document).succeeds().never_says("credentials");
    let path = |name: &str| home.join(name).display().to_string();
    let aws = path(".aws");
    let forged = [
        ("/config/docker/build_context", path(".ssh")),
        ("/config/docker/build_context", aws.clone()),
        ("/config/docker/build_context", path("")),
        ("/config/docker/build_context", "../.aws".to_owned()),
        ("/config/docker/build_context", "linked".to_owned()),
        ("/config/docker/build_context", "/etc".to_owned()),
        ("/config/runtime/workspace", aws.clone()),
        ("/config/runtime/workspace", path(".ssh")),
        ("/config/runtime/workspace", path("digits/linked")),
        ("/config/runtime/workspace", path("digits/../.aws")),
        ("/config/runner/base", "/".to_owned()),
        ("/config/runner/base", path("")),
        ("/run/mlcube", path(".aws/mlcube.yaml")),
        ("/run/mlcube", path("credentials")),
        // Beside the cube, in one checkout.
        ("/config/docker/build_context", "..".to_owned()),
        ("/config/docker/build_context", "../beside".to_owned()),
        ("/config/docker/build_file", path("project/beside/credentials")),
    ];
    let inputs = [
        "/etc/passwd".to_owned(),
        path("credentials"),
        path(".aws/credentials"),
        path("digits/../credentials"),
        path("digits/linked/credentials"),
    ];
    let inputs = inputs.iter().map(|input| ("/run/inputs", json!([input])));
    let forged = forged.iter().map(|(pointer, value)| (*pointer, json!(value)));
    let mut taken = Vec::new();
    for (pointer, value) in forged.chain(inputs) {
        let pushed = step(&scene, &["mlcube-ssh-push"], &document.with(pointer, value.clone()));
        // An absolute build context is a path of the remote's own.
        let is_own = pointer.ends_with("build_context") && value.as_str().unwrap().starts_with('/');
        if !is_own && (pushed.status != 125 || !pushed.stderr.contains("error: ")) {
            taken.push(format!("{pointer} {value}: {pushed}"));
        }
    }
    assert!(taken.is_empty(), "{}", taken.join("\n"));
    let found = scene.sh(&format!("grep -rl s3cret '{}'", scene.host.folder().display())).run();
    assert_eq!(found.stdout, "", "nothing there holds it");
}

#[test]
fn a_remote_folder_of_somebody_else_is_not_used() {
    let Some((account, scene)) = Scene::with_an_ordinary_user() else { return };
    let root = scene.host.remote_root();
    let document = scene.document(&cube(&scene), &[]);
    let push = || step(&scene, &["mlcube-ssh-push", "-q"], &document);
    let run = |words: &[&str]| step(&scene, &[&["mlcube-ssh-exec"], words].concat(), &document);
    let mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let stranger = |path: &Path| chown(path, Some(1), Some(1)).unwrap();
    // Made by another user before anybody else was there.
    let state = root.join(".mlcube-ssh");
    for folder in [&root, &state, &state.join("digits"), &root.join("digits")] {
        let was_there = folder.exists();
        fs::create_dir_all(folder).unwrap();
        account.owns(&root);
        stranger(folder);
        let path = folder.to_str().unwrap();
        push().exits(125).complains(&[path, "daemon", "remote_root", "shared"]);
        run(&["run"]).exits(125).complains(&[path, "daemon"]);
        let pull = step(&scene, &["mlcube-ssh-pull", "-q"], &document);
        pull.exits(125).complains(&[path, "daemon"]);
        let verify = step(&scene, &["mlcube-ssh-push", "--verify"], &document);
        verify.exits(125).complains(&[path, "daemon"]);
        // These use nothing of the tree.
        let verbs = ["status", "list", "logs", "attach", "stop"];
        for verb in verbs.iter().filter(|_| !folder.ends_with("cubes/digits")) {
            run(&[verb]).exits(125).complains(&[path, "daemon"]);
        }
        run(&["clean", "--yes=all"]).exits(125).complains(&[path, "daemon"]);
        account.owns(&root);
        if !was_there {
            fs::remove_dir_all(folder).unwrap();
        }
    }
    fs::remove_dir_all(&state).unwrap();
    mode(&root, 0o777);
    push().exits(125).complains(&["cubes", "everybody", "chmod go-w"]);
    mode(&root, 0o1777);
    // Made by another user while a push was about to make it.
    let signs = scene.place().folder("signs");
    account.owns(&signs);
    let lines = format!(
        "cd '{}'\ntouch asked\nuntil [ -e made ]; do sleep 0.1; done\ncd / && exec /bin/mkdir \"$@\"",
        signs.display()
    );
    scene.host.has_program("mkdir", &lines);
    thread::scope(|scope| {
        let pushed = scope.spawn(push);
        eventually("the push makes a folder", || signs.join("asked").exists());
        fs::create_dir(&state).unwrap();
        mode(&state, 0o777);
        stranger(&state);
        fs::write(signs.join("made"), "").unwrap();
        pushed.join().unwrap().exits(125).complains(&[state.to_str().unwrap(), "daemon"]);
    });
    assert!(!root.join("digits/mlcube.yaml").exists());
    scene.host.loses_program("mkdir");
    fs::remove_dir_all(&state).unwrap();
    push().succeeds();
    for folder in [root.join("digits"), state.join("digits"), state.clone()] {
        let bits = fs::metadata(&folder).unwrap().permissions().mode() & 0o777;
        assert_eq!(bits, 0o700, "{}", folder.display());
    }
    // A project's folder that hands on an ACL, in which another user may write.
    let project = root.parent().unwrap().join("project");
    fs::create_dir(&project).unwrap();
    account.owns(&project);
    let hand_on = "import os, struct, sys
acl = [(1, 7, -1), (2, 7, 1), (4, 5, -1), (16, 7, -1), (32, 5, -1)]
text = struct.pack('<I', 2) + b''.join(struct.pack('<HHi', *entry) for entry in acl)
os.setxattr(sys.argv[1], 'system.posix_acl_' + sys.argv[2], text)";
    let acl = |folder: &Path, kind: &str| {
        let python = scene.sh("python3 -c \"$ACT\" \"$FOLDER\" \"$KIND\"").env("ACT", hand_on);
        python.env("FOLDER", folder).env("KIND", kind).run().succeeds();
    };
    acl(&project, "default");
    let place = format!("-Prunner.remote_root={}", project.join("it's mine").display());
    let there = scene.document(&cube(&scene), &[&place]);
    step(&scene, &["mlcube-ssh-push", "-q"], &there).succeeds();
    let mine = project.join("it's mine");
    for folder in [mine.clone(), mine.join("digits"), mine.join(".mlcube-ssh/digits")] {
        let bits = fs::metadata(&folder).unwrap().permissions().mode() & 0o777;
        assert_eq!(bits, 0o700, "{}", folder.display());
    }
    acl(&mine, "access");
    let push_there = step(&scene, &["mlcube-ssh-push", "-q"], &there);
    push_there.exits(125).complains(&[mine.to_str().unwrap(), "chmod"]);
    // What lies there runs as programs: the shim, the job's own script.
    let jobs = state.join("digits/jobs");
    fs::create_dir(&jobs).unwrap();
    stranger(&jobs);
    for verb in ["run", "status", "stop", "clean"] {
        run(&[verb]).exits(125).complains(&[jobs.to_str().unwrap(), "daemon"]);
    }
    mode(&state.join("digits"), 0o772);
    push().exits(125).complains(&["everybody"]);
}

/// Another user has taken the tree while the job ran: it can be followed and stopped all the same.
#[test]
fn a_job_in_a_tree_of_somebody_else_is_followed_and_stopped() {
    let Some((_account, mut scene)) = Scene::with_an_ordinary_user() else { return };
    let engine = Engine::installed_on(&scene.host, "docker");
    engine.runs("echo started; exec sleep 4101");
    let calls = scene.host.bin().join("engine-calls");
    fs::write(&calls, "").unwrap();
    fs::set_permissions(&calls, Permissions::from_mode(0o666)).unwrap();
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    let document = scene.document(&cube(&scene), &[]);
    step(&scene, &["mlcube-ssh-push", "-q"], &document).succeeds();
    let run = |words: &[&str]| step(&scene, &[&["mlcube-ssh-exec"], words].concat(), &document);
    let detached = run(&["run", "--detach"]).succeeds().document();
    let logs = || run(&["logs"]).succeeds().stdout.clone();
    eventually("the task starts", || logs() == "started\n");
    // Nobody but the other user can enter it.
    let tree = scene.host.remote_root().join("digits");
    chown(&tree, Some(1), Some(1)).unwrap();
    run(&["run"]).exits(125).complains(&[tree.to_str().unwrap(), "daemon"]);
    let told: Value = serde_json::from_str(&run(&["status"]).succeeds().stdout).unwrap();
    assert_eq!((&told["job"], &told["state"]), (detached.at("/steps/exec/job"), &json!("running")));
    assert!(run(&["list"]).succeeds().stdout.contains("running"));
    assert_eq!(logs(), "started\n");
    let attach = scene.tool("mlcube-ssh-exec").arg("attach").reads_document(&document);
    let mut attached = attach.start();
    attached.says("started\n");
    let stopped: Value = serde_json::from_str(&run(&["stop"]).succeeds().stdout).unwrap();
    assert_eq!(stopped["state"], "killed", "{stopped}");
    attached.wait().exits(143).says("a stop ended job");
    assert!(scene.jobs().is_empty(), "{:?}", scene.jobs());
}

/// Each folder as it is when it is made, before it holds anything; whatever the umask of the account.
#[test]
fn new_remote_folders_are_closed_from_the_beginning() {
    let mut scene = Scene::new();
    let engine = Engine::installed_on(&scene.host, "docker");
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    scene.set("/setup", "umask 0");
    let lines = "/bin/mkdir \"$@\" || exit
for word; do case $word in -*) ;; *) stat -c '%a %n' \"$word\" >>\"$0.modes\" ;; esac; done";
    scene.host.has_program("mkdir", lines);
    let document = scene.document(&cube(&scene), &[]);
    step(&scene, &["mlcube-ssh-push", "-q"], &document).succeeds();
    let ran = step(&scene, &["mlcube-ssh-exec", "run"], &document).succeeds().document();
    let made = fs::read_to_string(scene.host.bin().join("mkdir.modes")).unwrap();
    let (root, job) = (scene.host.remote_root(), job_folder(&scene, &ran));
    let (state, jobs) = (root.join(".mlcube-ssh/digits"), job.parent().unwrap().to_owned());
    for folder in [&root.join("digits"), &state, &jobs, &job] {
        let name = format!(" {}", folder.display());
        let first = made.lines().find(|line| line.ends_with(&name)).unwrap_or_default();
        assert_eq!(first, format!("700{name}"), "{made}");
    }
    // mkdir made these on the way.
    for folder in [root.clone(), root.join(".mlcube-ssh")] {
        let bits = fs::metadata(&folder).unwrap().permissions().mode() & 0o777;
        assert_eq!(bits, 0o700, "{}", folder.display());
    }
}

#[test]
fn a_python_that_everybody_can_exchange_is_not_run() {
    let mut scene = Scene::new();
    let open = scene.host.home().join("open it's");
    fs::create_dir_all(open.join("env/bin")).unwrap();
    for name in ["python", "env/bin/python"] {
        let python = open.join(name);
        fs::write(&python, "#!/bin/sh\ntouch ~/it-ran\n").unwrap();
        fs::set_permissions(&python, Permissions::from_mode(0o755)).unwrap();
    }
    let link = scene.host.home().join("python");
    symlink(open.join("python"), &link).unwrap();
    let cube = cube(&scene);
    let python = |path: &Path| json!({"type": "system", "python": path, "requirements": ""});
    let environment = json!({
        "type": "virtualenv", "python": "python3", "requirements": "", "location": open, "name": "env",
    });
    for interpreter in [python(&open.join("python")), python(&link), environment] {
        scene.set("/interpreter", interpreter);
        let document = scene.document(&cube, &[]);
        fs::set_permissions(&open, Permissions::from_mode(0o755)).unwrap();
        step(&scene, &["mlcube-ssh-push", "-q"], &document).succeeds();
        fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
        let words = ["open it's", "everybody", r"chmod go-w '"];
        step(&scene, &["mlcube-ssh-interp"], &document).exits(125).complains(&words);
        step(&scene, &["mlcube-ssh-exec", "run"], &document).exits(125).complains(&words);
        assert!(!scene.host.home().join("it-ran").exists());
    }
}

#[test]
fn a_task_that_was_not_chosen_sends_no_variable_later() {
    let scene = Scene::new();
    let tasks = [Task::named("train"), Task::named("other").reads("data", "${oc.env:SECRET}.csv")];
    let cube = tasks.iter().fold(scene.cube("digits"), Cube::task);
    let config = |task: &str| {
        let config = scene.tool("mlcube-ssh-config").args(["--platform=gpu1", task, "--mlcube"]);
        config.arg(cube.root()).env("SECRET", "swordfish").run()
    };
    config("--task=other").exits(125).complains(&["SECRET", "would be sent"]);
    let document = config("--task=train").succeeds().document();
    let changed = document.with("/run/tasks", json!(["other"]));
    let without = changed.with("/run/withheld", json!({}));
    for step_words in STEPS {
        step(&scene, step_words, &changed).exits(125).complains(&["other", "SECRET"]);
        let dry = [step_words, &["--dry-run", "-v"]].concat();
        let shown = step(&scene, &dry, &without);
        assert!(shown.status == 125 || !shown.stderr.contains("swordfish"), "{shown}");
    }
}

/// Nor where the host says that its job ran such a task.
#[test]
fn a_task_that_only_the_hosts_record_names_sends_no_variable() {
    let mut scene = Scene::new();
    let engine = Engine::installed_on(&scene.host, "docker");
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    // The mlcube there has no such variable.
    let path = "${oc.env:SECRET,none}.csv";
    let tasks = [Task::named("train"), Task::named("other").reads("data", path)];
    let cube = tasks.iter().fold(scene.cube("digits"), Cube::task);
    let config = scene.tool("mlcube-ssh-config").args(["--platform=gpu1", "--task=train"]);
    let config = config.arg("--mlcube").arg(cube.root()).env("SECRET", "swordfish").run();
    let document = config.succeeds().document();
    assert_eq!(document.at("/run/withheld/other"), "SECRET");
    step(&scene, &["mlcube-ssh-push", "-q"], &document).succeeds();
    let ran = step(&scene, &["mlcube-ssh-exec", "run"], &document).succeeds().document();
    for tasks in [json!(["other"]), json!(["other", "train"])] {
        let record = json!({"about": {"phase": "run"}, "document": {"run": {"tasks": tasks}}});
        fs::write(job_folder(&scene, &ran).join("job.json"), record.to_string()).unwrap();
        let mut document = step(&scene, &["mlcube-ssh-exec", "attach"], &ran).document();
        assert_eq!(document.at("/run"), ran.at("/run"), "{tasks}");
        for words in [STEPS[1], &["mlcube-ssh-push", "--inputs"], STEPS[3], STEPS[5]] {
            document = step(&scene, words, &document).succeeds().document();
        }
    }
    let sent = scene.sh(&format!("grep -rl swordfish '{}'", scene.host.folder().display())).run();
    assert_eq!(sent.stdout, "", "nothing there holds it");
}

#[test]
fn a_cubes_file_that_is_a_pipe_holds_nobody_up() {
    let scene = Scene::new();
    let cube = cube(&scene);
    for make in ["mkfifo mlcube.yaml", "ln -s /dev/zero mlcube.yaml", "ln -s pipe mlcube.yaml"] {
        let line = format!("rm -f mlcube.yaml; {make}; [ -p pipe ] || mkfifo pipe");
        scene.sh(&line).in_folder(cube.root()).run().succeeds();
        let config = scene.tool("mlcube-ssh-config").args(["--platform=gpu1", "--mlcube"]);
        let refused = config.arg(cube.root()).run();
        refused.exits(125).complains(&["mlcube.yaml", "isn't a regular file"]);
        // What a shell asks at Tab.
        for program in ["mlcube-ssh-config", "mlcube-ssh"] {
            let verb = if program == "mlcube-ssh" { "run " } else { "" };
            let words = format!("--generate=candidates -- {program} {verb}--mlcube=digits --task=");
            let offered = scene.sh(&format!("{program} {words}")).run().succeeds().stdout.clone();
            assert_eq!(offered, "", "{make}");
        }
    }
}

/// Sequences that a terminal obeys: C0, DEL, C1, and a mark that turns the direction of writing.
const ESCAPES: &str = "\u{1b}]0;owned\u{7}\u{7f}\u{9b}m\u{202e}gpj";

#[test]
fn values_of_a_cube_move_nothing_on_a_terminal() {
    let scene = Scene::new();
    // A mark alone doesn't make YAML quote the value.
    let values = json!({"alone": "c\u{202e}gpj", "all": ESCAPES});
    let written = cube(&scene).section("marked", values).section("description", ESCAPES.into());
    let file = written.root().join("mlcube.yaml");
    let escaped = |c: char| {
        if c.is_ascii_graphic() || " \n".contains(c) {
            c.into()
        } else {
            format!("\\u{:04x}", c as u32)
        }
    };
    let text: String = fs::read_to_string(&file).unwrap().chars().map(escaped).collect();
    fs::write(&file, text).unwrap();
    let config = "mlcube-ssh-config --mlcube=digits --platform=gpu1";
    let wrapper = |verb: &str| format!("mlcube-ssh {verb} --mlcube=digits --platform=gpu1");
    for line in [
        config.to_owned(),
        format!("{config} --config-only"),
        format!("{config} --config-only --format=yaml"),
        format!("{config} --describe"),
        format!("{config} --explain=marked.alone"),
        format!("{config} --explain=marked.all"),
        wrapper("show_config"),
        wrapper("describe"),
        format!("{config} | mlcube-ssh-push --dry-run"),
    ] {
        let shown = scene.sh_at_a_terminal(&line).run().succeeds().stdout.clone();
        let obeyed = |c: char| (c.is_control() && !"\r\n\t".contains(c)) || c == '\u{202e}';
        assert!(!shown.contains(obeyed), "{line}: {shown:?}");
        assert!(!shown.is_empty(), "{line}");
    }
}
