//! What the documentation of MLCube's SSH runner says, sentence by sentence, shown by typing `mlcube`. Each test quotes
//! the sentences that it shows.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;

use mlcube_ssh_harness::{Account, Cube, Engine, Python, Scene, Task};
use serde_json::json;

use crate::user::{RELEASES, User};

const PLACE: [&str; 2] = ["--mlcube=.", "--platform=gpu1"];

/// A cube in the user's home that greets into a file which is there already.
fn greeting(scene: &Scene) -> Cube {
    let greet = Task::named("greet").reads("who", "who.txt").writes("greeting", "greeting.txt");
    let greet = greet.does("echo \"hello $(cat $who)\" > $greeting");
    let cube = scene.cube("cube").task(&greet);
    cube.with_file("who.txt", "you\n").with_file("greeting.txt", "none yet\n")
}

/// Configures and runs the cube, in its folder.
#[track_caller]
fn greets(user: &User, more: &[&str]) {
    let cube = greeting(&user.scene);
    for command in [&["configure"][..], &["run", "--task=greet"]] {
        let called = user.mlcube(command).args(PLACE).args(more).in_folder(cube.root()).run();
        called.succeeds().never_says("Traceback");
    }
    assert_eq!(cube.result("greeting.txt"), "hello you\n");
}

/// > SSH runner uses other runners to run MLCube cubes on remote hosts. It uses ssh and rsync internally.
/// > It supports two mandatory commands - configure and run with standard arguments - mlcube, platform and task.
/// > This runner must be configured by users explicitly: mlcube configure --mlcube=. --platform=ssh
/// > SSH runner copies mlcube directory to a remote host.
/// > SSH runner runs another runner specified in a platform configuration file on a remote host to configure it.
/// > It uses ssh to run standard run command on a remote host.
/// > It uses rsync to synchronize back the content of the {MLCUBE_ROOT}/workspace directory.
#[test]
fn a_cube_is_copied_configured_and_run_by_another_runner_and_its_workspace_comes_back() {
    let user = User::new();
    let cube = greeting(&user.scene);
    let settings = fs::read_to_string(user.scene.settings_file()).unwrap();
    fs::write(user.scene.settings_file(), settings.replace("\"gpu1\"", "\"ssh\"")).unwrap();
    for program in ["ssh", "rsync"] {
        let real = user.scene.sh(&format!("command -v {program}")).run().stdout.clone();
        let kept = user.scene.home().join(format!("{program}-itself"));
        fs::copy(real.trim(), &kept).unwrap();
        let lines = format!("echo {program} >> ~/called; exec {} \"$@\"", kept.display());
        user.scene.has_program(program, &lines);
    }
    let configure = ["configure", "--mlcube=.", "--platform=ssh"];
    let configured = user.mlcube(&configure).in_folder(cube.root()).run();
    configured.succeeds().says("Successfully tagged localhost/mlcube-ssh/test");
    let copy = user.scene.host.remote_root().join("cube");
    assert!(copy.join("mlcube.yaml").exists() && copy.join("workspace/who.txt").exists());

    let run = ["run", "--mlcube=.", "--platform=ssh", "--task=greet"];
    user.mlcube(&run).in_folder(cube.root()).run().succeeds();
    assert_eq!(cube.result("greeting.txt"), "hello you\n");
    let called = fs::read_to_string(user.scene.home().join("called")).unwrap();
    assert!(called.contains("ssh\n") && called.contains("rsync\n"), "{called}");
}

/// > Users can configure SSH runner in system setting file, and override parameters on a command line.
/// > # Remote host name or IP address
/// > # Platform (runner) to use on remote host
/// > # Root path for MLCubes on remote host
#[test]
fn parameters_are_set_in_the_settings_file_and_overridden_on_the_command_line() {
    let mut user = User::with(Scene::new(), RELEASES[1]);
    user.scene.set("/host", "nowhere.invalid");
    user.scene.set("/platform", "unknown");
    let root = user.scene.host.remote_root().with_file_name("other-cubes");
    let root_word = format!("-Prunner.remote_root={}", root.display());
    greets(&user, &["-Prunner.host=there", "-Prunner.platform=docker", &root_word]);
    assert!(root.join("cube/mlcube.yaml").exists());
    assert!(!user.scene.host.remote_root().exists());
}

/// > When type is system (system-wide interpreter), additional parameters must be:
/// > `python`: python executable, maybe full path or just `python`.
/// > `requirements`: is a whitespace-separated list of python dependencies.
#[test]
fn a_python_of_the_system_runs_mlcube() {
    let mut user = User::new();
    let python = Python::with_mlcube();
    user.scene.host.has_program("python", &format!("exec '{}' \"$@\"", python.display()));
    let requirements = "mlcube==0.0.9  mlcube-docker==0.0.9";
    let interpreter = json!({"type": "system", "python": "python", "requirements": requirements});
    user.scene.set("/interpreter", interpreter);
    greets(&user, &[]);
}

/// > When type is virtualenv (python environment created with virtualenv tool), additional parameters must be:
/// > `python`: python executable
/// > `requirements`: is a whitespace-separated list of python dependencies.
/// > `location`: path where virtual environment must be created.
/// > `name`: name of the virtual environment.
/// > Based upon configuration, SSH runner creates and/or configures python on a remote host using ssh.
#[test]
fn a_virtual_environment_is_made_on_the_remote_host() {
    let mut user = User::new();
    let interpreter = json!({"type": "virtualenv", "python": "python3", "location": "~/envs", "name": "cube",
        "requirements": Python::offline_requirements()});
    user.scene.set("/interpreter", interpreter);
    greets(&user, &[]);
    let python = user.scene.host.home().join("envs/cube/bin/python");
    user.scene.sh(&format!("'{}' -c 'import mlcube_docker'", python.display())).run().succeeds();
}

/// Lets an engine that only notes its calls stand for podman, which these accounts can't use, and runs a task.
#[track_caller]
fn runs_for(account: &Account, user: &mut User) {
    let engine = Engine::installed_on(&user.scene.host, "engine");
    account.owns(&user.scene.host.bin());
    let remote = json!({"runner": "docker", "docker": "engine", "build_strategy": "auto"});
    user.scene.set("/remote", remote);
    let cube = user.scene.cube("cube").task(&Task::named("train"));
    for command in ["configure", "run"] {
        user.mlcube(&[command]).args(PLACE).in_folder(cube.root()).run().succeeds();
    }
    assert_eq!(engine.run_call().last().unwrap(), "train");
}

/// > SSH runner uses IP or name of a remote host (host) and ssh tool to log in and execute shell commands on remote hosts.
/// > `identify_file`: if present, will be used as part of the connection string ('-i {identity_file}')
/// > `user`: username for the remote host, will be used as '{user}@{host}'
#[test]
fn an_address_a_user_and_a_key_log_in() {
    let Some((account, scene)) = Scene::with_an_ordinary_user() else { return };
    let mut user = User::with(scene, RELEASES[0]);
    let keys = user.scene.home().join(".ssh");
    fs::rename(keys.join("id"), keys.join("my key")).unwrap();
    let config = format!(
        "Port {}\nIdentityAgent none\nUserKnownHostsFile {}/known_hosts\nGlobalKnownHostsFile /dev/null\n",
        user.scene.host.sshd.port(),
        keys.display()
    );
    fs::write(keys.join("config"), config).unwrap();
    user.scene.set("/host", "127.0.0.1");
    let cube = user.scene.cube("cube").task(&Task::named("train"));
    let refused = user.mlcube(&["configure"]).args(PLACE).in_folder(cube.root()).run();
    refused.exits(255).never_says("Traceback");
    let authentication = json!({"user": account.name(), "identify_file": keys.join("my key")});
    user.scene.set("/authentication", authentication);
    runs_for(&account, &mut user);
}

/// > If passwordless login is not configured, SSH runner asks for password many times during configure and run phases.
///
/// Once is enough: all steps use one connection.
#[test]
fn a_password_is_asked_for() {
    let Some((account, mut scene)) = Scene::with_a_password() else { return };
    scene.has_variable("SSH_ASKPASS", scene.askpass().to_str().unwrap());
    scene.has_variable("SSH_ASKPASS_REQUIRE", "force");
    let mut user = User::with(scene, RELEASES[0]);
    runs_for(&account, &mut user);
    assert_eq!(user.scene.asked(), 1);
}
