//! Settings that can't be used are refused by file and key, before anything is contacted.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use mlcube_ssh_harness::{Cube, Outcome, Scene, Task};
use serde_json::{Value, json};

fn cube(scene: &Scene) -> Cube {
    scene.cube("digits").task(&Task::named("train")).task(&Task::named("evaluate"))
}

/// What `mlcube-ssh-config` says of a cube with these words, and that it didn't contact the host.
fn config(scene: &Scene, words: &[&str]) -> Outcome {
    let cube = cube(scene);
    let ran = scene.tool("mlcube-ssh-config").arg("--mlcube").arg(cube.root()).args(words).run();
    assert_eq!(scene.host.sshd.logins(), 0);
    ran
}

fn refused(scene: &Scene, words: &[&str], because: &[&str]) {
    let ran = config(scene, words);
    ran.exits(125).complains(because);
    assert_eq!(ran.stdout, "", "nothing is handed on");
}

const USUAL: [&str; 2] = ["--platform=gpu1", "--task=train"];

#[test]
fn the_settings_file_is_missing() {
    let scene = Scene::new();
    fs::remove_file(scene.settings_file()).unwrap();
    refused(&scene, &USUAL, &["mlcube.yaml"]);
    assert!(!scene.settings_file().exists(), "it is the user's: it isn't made either");
}

#[test]
fn the_settings_file_can_not_be_used() {
    let scene = Scene::new();
    for text in [
        "",
        "\n\n# only a comment\n",
        "- a\n- list\n",
        "just text",
        "a: [unclosed",
        "a: 1\n\tb: 2",
        "42",
        "null",
        "a: *b",
    ] {
        fs::write(scene.settings_file(), text).unwrap();
        refused(&scene, &USUAL, &["mlcube.yaml"]);
        assert_eq!(
            fs::read_to_string(scene.settings_file()).unwrap(),
            text,
            "it is never rewritten"
        );
    }
    fs::write(scene.settings_file(), [0xff, 0xfe, 0x00]).unwrap();
    refused(&scene, &USUAL, &["mlcube.yaml"]);
    fs::remove_file(scene.settings_file()).unwrap();
    fs::create_dir(scene.settings_file()).unwrap();
    refused(&scene, &USUAL, &["mlcube.yaml"]);
}

#[test]
fn a_settings_file_that_everybody_can_write_is_refused() {
    let scene = Scene::new();
    let allow = |mode| {
        fs::set_permissions(scene.settings_file(), fs::Permissions::from_mode(mode)).unwrap();
    };
    allow(0o666);
    refused(&scene, &USUAL, &["mlcube.yaml", "everybody can write", "`chmod o-w "]);
    // The group may be the user's own, as with the umask 002.
    allow(0o664);
    config(&scene, &USUAL).succeeds();
}

#[test]
fn another_settings_file() {
    let scene = Scene::new();
    let other = scene.home().join("other settings.yaml");
    fs::rename(scene.settings_file(), &other).unwrap();
    let cube = cube(&scene);
    let config = || scene.tool("mlcube-ssh-config").args(USUAL).arg("--mlcube").arg(cube.root());
    config().env("MLCUBE_SYSTEM_SETTINGS", &other).run().succeeds();
    config()
        .env("MLCUBE_SYSTEM_SETTINGS", "/nowhere/settings")
        .run()
        .exits(125)
        .complains(&["/nowhere/settings"]);
}

#[test]
fn the_platform_can_not_be_used() {
    let scene = Scene::new();
    refused(&scene, &["--platform=gpu9", "--task=train"], &["gpu9", "mlcube.yaml", "gpu1"]);
}

#[test]
fn a_platform_of_another_runner_is_shown_and_not_run() {
    let scene = Scene::new();
    // What mlcube itself would compute for it can be looked at; nothing runs with it.
    let shown = config(&scene, &["--platform=docker", "--task=train"]);
    shown.succeeds().says("warning: the platform 'docker'");
    for step in ["mlcube-ssh-interp", "mlcube-ssh-push", "mlcube-ssh-pull"] {
        let ran = scene.tool(step).reads(&shown.stdout).run();
        ran.exits(125).complains(&["docker", "ssh"]);
    }
}

#[test]
fn a_key_that_nothing_uses_is_named() {
    let mut scene = Scene::new();
    scene.set("/authentication", json!({"password": "hunter2"}));
    let warned = config(&scene, &USUAL);
    warned.succeeds().says("warning: ").says("mlcube.yaml:").says("authentication.password");
    assert!(!warned.stderr.contains("hunter2"));
}

#[test]
fn the_known_key_nearest_to_a_mistyped_one_is_named() {
    let mut scene = Scene::new();
    scene.set("/interpreter/requirments", "mlcube");
    scene.set("/authentication/identity_flie", "~/.ssh/id");
    let outcome = config(&scene, &USUAL);
    outcome.succeeds().says("did you mean runner.interpreter.requirements?");
    scene.set("/conect_timeout", 5);
    refused(&scene, &USUAL, &["runner.conect_timeout", "did you mean runner.connect_timeout?"]);
}

#[test]
fn the_settings_file_alone_is_checked() {
    let mut scene = Scene::new();
    let check = |scene: &Scene, words: &[&str]| {
        scene.tool("mlcube-ssh-config").arg("--validate").args(words).run()
    };
    let valid = check(&scene, &[]);
    valid.succeeds().is_silent();
    assert_eq!(valid.stdout, "gpu1: valid\ndocker: not for the ssh runner\n");
    assert_eq!(check(&scene, &["--platform=gpu1"]).succeeds().stdout, "gpu1: valid\n");
    // Only the document's flags would need a cube.
    for flag in ["--task=train", "--mlcube=x", "--gpus=1", "name=value"] {
        check(&scene, &[flag]).exits(125).complains(&["--validate"]);
    }
    check(&scene, &["--platform=gpu2"]).exits(125).complains(&["gpu2", "did you mean gpu1?"]);
    scene.set("/connect_timeout", "soon");
    let refused = check(&scene, &[]);
    refused.exits(125).complains(&["mlcube.yaml:", "runner.connect_timeout", "'soon'"]);
    assert_eq!(refused.stdout, "docker: not for the ssh runner\n", "the others are checked, too");
    // Of a runner that only the Python mlcube knows.
    let others =
        "platforms: {hpc: {runner: singularity}, k8s: {runner: kubernetes, image: '${oc.env:X}'}}";
    fs::write(scene.settings_file(), others).unwrap();
    let valid = check(&scene, &[]);
    valid.succeeds().is_silent();
    assert_eq!(valid.stdout, "hpc: not for the ssh runner\nk8s: not for the ssh runner\n");
    fs::write(scene.settings_file(), "platforms: [").unwrap();
    check(&scene, &[]).exits(125).complains(&["mlcube.yaml:"]);
    fs::remove_file(scene.settings_file()).unwrap();
    check(&scene, &[]).exits(125).complains(&["no such file"]);
    fs::create_dir(scene.settings_file()).unwrap();
    check(&scene, &[]).exits(125).complains(&["mlcube.yaml' isn't a regular file"]);
    assert_eq!(scene.host.sshd.logins(), 0);
}

/// What these two ask for is an open connection, and none stays open.
#[test]
fn a_login_that_only_an_open_connection_allows_needs_one_that_stays_open() {
    let mut scene = Scene::new();
    scene.set("/persist", 0);
    for policy in ["once", "never"] {
        scene.set("/login", policy);
        refused(&scene, &USUAL, &["runner.login: ", "persist: 0", "hint: set runner.persist"]);
    }
    scene.set("/login", "ask");
    config(&scene, &USUAL).succeeds();
}

#[test]
fn a_value_of_the_platform_can_not_be_used() {
    let list: [(&str, Value, &str); 18] = [
        ("/host", json!(""), "host"),
        ("/host", json!(null), "host"),
        ("/host", json!(["a"]), "host"),
        ("/host", json!("-oProxyCommand=touch canary"), "host"),
        ("/host", json!("a b"), "host"),
        ("/remote_root", json!("~other/x"), "remote_root"),
        ("/remote_root", json!(7), "remote_root"),
        ("/platform", json!({}), "platform"),
        ("/interpreter", json!("python"), "interpreter"),
        (
            "/interpreter",
            json!({"type": "conda", "python": "x", "requirements": ""}),
            "interpreter.type",
        ),
        ("/interpreter/python", json!(3.11), "interpreter.python"),
        ("/authentication", json!({"user": "-x"}), "user"),
        ("/connect_timeout", json!("soon"), "connect_timeout"),
        ("/env", json!("HOME"), "env"),
        ("/env", json!(["HOME", "a-b"]), "runner.env[1]: 'a-b'"),
        ("/authentication", json!({"user": "a;b"}), "can be set in it, for an alias"),
        ("/remote/image_dir", json!("~/images"), "runner.remote.image_dir"),
        ("/colour", json!("red"), "colour"),
    ];
    for (pointer, value, named) in list {
        let mut scene = Scene::new();
        scene.set(pointer, value);
        refused(&scene, &USUAL, &["mlcube.yaml", named]);
        assert!(!scene.home().join("canary").exists());
    }
    for missing in ["host", "platform", "remote_root", "interpreter"] {
        let mut scene = Scene::new();
        scene.unset(missing);
        refused(&scene, &USUAL, &[missing]);
    }
}

/// Not as the key of the settings to which it is added.
#[test]
fn an_option_for_the_launcher_is_refused_by_the_name_that_was_typed() {
    let mut scene = Scene::new();
    let words = |option| [USUAL[0], USUAL[1], option];
    refused(
        &scene,
        &words("--launcher-arg=--time=1"),
        &["--launcher-arg=--time=1: ", "takes no options"],
    );
    scene.set("/launcher", json!({"type": "slurm", "args": ["--time=9"]}));
    for option in ["--launcher-arg=--output=x", "--launcher-arg=gpu"] {
        let because = ["error: --launcher-arg: '", &option[15..]];
        refused(&scene, &words(option), &because);
    }
    let args = config(&scene, &words("--launcher-arg=-pgpu")).succeeds().document();
    assert_eq!(args.at("/config/runner/launcher/args"), &json!(["--time=9", "-pgpu"]));
}

#[test]
fn the_task_can_not_be_used() {
    let scene = Scene::new();
    refused(&scene, &["--platform=gpu1", "--require-task"], &["train", "evaluate", "--task"]);
    refused(&scene, &["--platform=gpu1", "--task=test"], &["test", "train", "evaluate"]);
    refused(&scene, &["--platform=gpu1", "--task=train,test"], &["test"]);
    refused(&scene, &["--platform=gpu1", "--require-task", "--task="], &["--task"]);
}

#[test]
fn the_only_task_needs_no_name() {
    let scene = Scene::new();
    let document = scene.document(&scene.cube("single").task(&Task::named("train")), &[]);
    assert_eq!(document.at("/run/tasks"), &json!(["train"]));
}

#[test]
fn the_cube_is_missing_or_broken() {
    let scene = Scene::new();
    let config = |path: &str| {
        scene.tool("mlcube-ssh-config").args(["--platform=gpu1", "--mlcube", path]).run()
    };
    config("nowhere").exits(125).complains(&["nowhere"]);
    fs::create_dir(scene.home().join("empty")).unwrap();
    config("empty").exits(125).complains(&["empty", "mlcube.yaml"]);
    fs::write(scene.home().join("empty/mlcube.yaml"), "a: [").unwrap();
    config("empty").exits(125).complains(&["empty/mlcube.yaml"]);
    fs::write(scene.home().join("empty/mlcube.yaml"), "- a\n").unwrap();
    config("empty").exits(125).complains(&["empty/mlcube.yaml"]);
}

#[test]
fn a_variable_that_the_cube_hands_on_and_nothing_sets_is_warned_of() {
    let mut scene = Scene::new();
    let arguments = json!({"image": "a/b:1", "gpu_args": "--gpus=all -e HF_TOKEN"});
    let cube = scene.cube("digits").task(&Task::named("train")).section("docker", arguments);
    let config = |scene: &Scene, words: &[&str]| {
        let config = scene.tool("mlcube-ssh-config").args(["--platform=gpu1", "--mlcube"]);
        config.arg(cube.root()).args(words).run()
    };
    config(&scene, &[]).succeeds().says("warning: docker.gpu_args").says("--env HF_TOKEN");
    config(&scene, &["--env=HF_TOKEN"]).succeeds().is_silent();
    scene.set("/environment", json!({"HF_TOKEN": "t"}));
    config(&scene, &[]).succeeds().is_silent();
}
