//! `doctor`: each fault that a later step would meet is found before it, with what to do; a healthy host shows nothing
//! but `ok`.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use mlcube_ssh_harness::{
    Account, Apptainer, Blackhole, Cube, HostOptions, Outcome, Place, Processes, Python, Root,
    Scene, Slurm, Task, Tmpfs, eventually, library,
};
use serde_json::{Value, json};

fn cube(scene: &Scene) -> Cube {
    scene.cube("digits").task(&Task::named("train"))
}

/// Checks the host for a cube.
fn doctor(scene: &Scene, words: &[&str]) -> Outcome {
    let document = scene.document(&cube(scene), words);
    scene.tool("mlcube-ssh-exec").arg("doctor").reads_document(&document).run()
}

/// An engine that runs every container and finds it by its label.
const ENGINE: &str = r#"case $1 in
run) printf '%064x' "$$" >"$3"; printf '%s' "$5" >"$0.label" ;;
ps) case "$*" in *"$(cat "$0.label")"*) printf '%064x\n' 1 ;; esac ;;
info) echo /srv ;;
esac"#;

/// A scene whose engine is such a one: what is checked is something else.
fn with_plain_engine(options: HostOptions) -> Scene {
    let mut scene = Scene::with(options);
    has_engine(&mut scene, ENGINE);
    scene
}

fn has_engine(scene: &mut Scene, lines: &str) {
    let label = scene.host.bin().join("docker.label");
    fs::write(&label, "").unwrap();
    fs::set_permissions(&label, fs::Permissions::from_mode(0o666)).unwrap();
    scene.host.has_program("docker", lines);
    scene.set("/remote/docker", scene.host.bin().join("docker").to_str().unwrap());
}

/// The states and texts of the checks that aren't `ok`, each with the hint in the line below it.
fn findings(told: &Outcome) -> Vec<(String, String, String)> {
    let mut lines = told.stdout.lines().peekable();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        let (state, rest) = line.split_once(' ').unwrap();
        let (check, text) = rest.trim_start().split_once(' ').unwrap();
        let hint = lines.next_if(|line| line.starts_with("      hint: ")).unwrap_or_default();
        if state != "ok" {
            found.push((format!("{state} {check}"), text.trim_start().to_owned(), hint.to_owned()));
        }
    }
    found
}

/// It found this, and nothing else: `STATE CHECK`, words of the text, words of the hint.
#[track_caller]
fn finds(told: &Outcome, wanted: &[(&str, &str, &str)]) {
    let found = findings(told);
    let names: Vec<&str> = found.iter().map(|(name, ..)| name.as_str()).collect();
    let all: Vec<&str> = wanted.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names, all, "{told}");
    for ((name, text, hint), (_, words, remedy)) in found.iter().zip(wanted) {
        assert!(text.contains(words), "{name}: {words:?} isn't in {text:?}");
        assert!(hint.contains(remedy) && !hint.is_empty(), "{name}: {remedy:?} isn't in {hint:?}");
    }
    let has_failed = names.iter().any(|name| name.starts_with("fail"));
    told.exits(if has_failed { 125 } else { 0 });
}

#[test]
fn a_healthy_host_shows_nothing_but_ok() {
    let scene = Scene::new();
    let fresh = doctor(&scene, &[]);
    finds(fresh.is_silent(), &[]);
    assert_eq!((scene.host.sshd.logins(), scene.host.sshd.sessions()), (1, 2));
    assert_eq!(
        fs::read_dir(scene.host.folder().join("home")).unwrap().count(),
        0,
        "nothing is left"
    );
    let document = scene.configured(&cube(&scene), &[]);
    let told = scene.mlcube_ssh(&["doctor", "--mlcube=digits", "--platform=gpu1", "--json"]).run();
    let checks: Value = serde_json::from_str(&told.succeeds().is_silent().stdout).unwrap();
    for check in checks.as_array().unwrap() {
        assert_eq!((&check["state"], &check["hint"]), (&json!("ok"), &Value::Null), "{check}");
    }
    let names: Vec<&str> =
        checks.as_array().unwrap().iter().map(|check| check["check"].as_str().unwrap()).collect();
    for name in
        ["configuration", "key", "login", "transfer", "locks", "environment", "platform", "engine"]
    {
        assert!(names.contains(&name), "{names:?}");
    }
    let quiet = scene.exec(&document, &["doctor", "-q"]);
    assert_eq!(quiet.succeeds().is_silent().stdout, "");
    assert_eq!(scene.host.containers(), [""; 0]);
    let state = scene.host.remote_root().join(".mlcube-ssh/digits");
    let left = fs::read_dir(state).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_str().unwrap().contains("ssh.")).collect();
    assert!(left.is_empty(), "{left:?}");
    let dry = scene.exec(&document, &["doctor", "-n"]);
    assert_eq!(dry.succeeds().says("--files-from=-").says("check_engine").stdout, "");
    assert_eq!(scene.exec(&document, &["doctor", "-n", "--json"]).succeeds().stdout, "");
}

#[test]
fn faults_of_the_local_machine_are_found_together() {
    let mut scene = with_plain_engine(HostOptions::default());
    let key = scene.home().join(".ssh/id");
    scene.set("/authentication", json!({"identify_file": key}));
    let document = scene.document(&cube(&scene), &[]);
    let doctor = || scene.exec(&document, &["doctor"]);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    scene.has_program("rsync", "echo 'openrsync: protocol version 29'");
    let open = scene.home().join("run/mlcube-ssh");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
    finds(
        &doctor(),
        &[
            ("fail rsync", "openrsync", "install rsync 3.1.3"),
            ("warn sockets", "must be owned by you with mode 0700; /tmp/", "rm -r "),
            ("fail key", "read by others", "chmod 600 "),
        ],
    );
    assert_eq!(scene.host.sshd.logins(), 0);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    // Without rsync the host is looked at nevertheless.
    fs::set_permissions(&open, fs::Permissions::from_mode(0o700)).unwrap();
    finds(&doctor(), &[("fail rsync", "openrsync", "install rsync 3.1.3")]);
    fs::remove_file(scene.home().join("bin/rsync")).unwrap();
    fs::write(scene.home().join(".popt"), "rsync alias -s --dry-run -s\n").unwrap();
    finds(&doctor(), &[("fail transfer", "an alias gives it --dry-run", "~/.popt")]);
    let state = scene.home().join(".local/state");
    let elsewhere = scene.place().folder("state");
    fs::rename(&state, &elsewhere).unwrap();
    let Some(_small) = Tmpfs::mount(&state, "8k") else { return };
    scene
        .sh("cp -r \"$FROM\"/* \"$TO\"; head -c 9999 /dev/zero > \"$TO/fill\"; :")
        .env("FROM", &elsewhere)
        .env("TO", &state)
        .run();
    let told = doctor();
    assert!(findings(&told)[0].0 == "fail state", "{told}");
}

#[test]
fn settings_that_are_refused_are_a_failed_check() {
    let mut scene = Scene::new();
    let _made = cube(&scene);
    scene.set("/remote_rot", "/x");
    let doctor = |words: &[&str]| {
        let usual = ["doctor", "--mlcube=digits", "--platform=gpu1"];
        scene.mlcube_ssh(&[&usual[..], words].concat()).run()
    };
    let told = doctor(&[]);
    finds(&told, &[("fail configuration", "remote_rot", "")]);
    told.says("1 check failed: configuration").never_says("--refused-by-config");
    let checks: Value = serde_json::from_str(&doctor(&["--json"]).exits(125).stdout).unwrap();
    assert_eq!(checks[0]["state"], "fail", "{checks}");
    assert!(checks[0]["found"].as_str().unwrap().contains("remote_rot"), "{checks}");
    assert_eq!(checks[1]["check"], "ssh", "the local machine is checked all the same: {checks}");
}

#[test]
fn a_login_that_fails_is_a_failed_check_and_nothing_more_is_claimed() {
    let mut scene = Scene::new();
    scene.set("/connect_timeout", 1);
    let document = scene.document(&cube(&scene), &[]);
    let fails = |scene: &Scene, words: &str, hint: &str| {
        let told = scene.exec(&document, &["doctor"]);
        finds(&told, &[("fail login", words, hint)]);
        finds(&told, &[("fail login", "nothing on the remote was checked", "")]);
        assert!(told.stdout.lines().last().unwrap().starts_with("      hint: "), "{told}");
    };
    let hole = Blackhole::open();
    scene.reaches_port(hole.port(), "");
    fails(&scene, "doesn't reply", "the host is up");
    scene.reaches_port(1, "");
    fails(&scene, "refused the connection", "sshd runs");
    scene.has_ssh_config("");
    let authorized = scene.host.folder().join("sshd/authorized_keys");
    fs::write(&authorized, "").unwrap();
    fails(&scene, "was refused (", "authentication");
    scene.host.sshd.changes_its_host_key();
    fails(&scene, "has changed", "ask who runs the host");
    fs::remove_file(scene.home().join(".ssh/known_hosts")).unwrap();
    fails(&scene, "isn't known", "compare the key");
    scene.has_program("ssh", "case $1 in -V) exec /usr/bin/ssh -V ;; esac; exit 1");
    fails(&scene, "can't log in", "may show more");
}

#[test]
fn start_up_files_that_print_are_warned_of_and_those_that_hang_fail() {
    let place = Place::new();
    let Some(account) = Account::with_shell(&place.folder("homes"), "bash") else { return };
    let mut scene = Scene::at(place, HostOptions::default().account(&account));
    has_engine(&mut scene, ENGINE);
    scene.set("/remote_root", "cubes");
    scene.set("/connect_timeout", 1);
    let start_up = |lines: &str| {
        fs::write(account.home().join(".bashrc"), lines).unwrap();
        account.owns(account.home());
    };
    start_up("echo welcome");
    finds(
        &doctor(&scene, &[]),
        &[("warn start-up", "before every command: welcome", "case $- in")],
    );
    start_up("cat > /dev/null");
    scene.masters().kill();
    let told = doctor(&scene, &[]);
    finds(&told, &[("fail start-up", "nothing else on the remote was checked", "start-up files")]);
}

/// What a host can have wrong that a job survives: all of it is found at once.
#[test]
fn what_may_surprise_is_warned_of() {
    let options = HostOptions::default().without("flock").config("MaxSessions 1");
    let scene = with_plain_engine(options);
    let root = scene.host.remote_root();
    let Some(_disk) = Tmpfs::mount(&root, "20m,nr_inodes=500") else { return };
    scene.sh("mount -o remount,noexec \"$ROOT\"").env("ROOT", &root).run().succeeds();
    scene.host.has_program("quota", "echo '/dev/sda1 5000* 4000 5000'; exit 1");
    scene.host.has_program("loginctl", "[ \"$1\" = show-user ] || echo KillUserProcesses=yes");
    scene.host.has_program(
        "date",
        "case $1 in +%s) echo $(($(/bin/date +%s) + 7200)) ;; *) exec /bin/date \"$@\" ;; esac",
    );
    finds(
        &doctor(&scene, &[]),
        &[
            ("warn sessions", "a second session on a login", "MaxSessions"),
            ("warn tree", "inodes free", "df -i"),
            ("warn locks", "no flock", "install util-linux"),
            ("warn shim", "noexec", "remote_root"),
            ("warn quota", "5000*", "administrator"),
            ("warn logout", "ends your processes when you log out", "loginctl enable-linger"),
            ("warn clock", "ahead of the local one", "timedatectl"),
        ],
    );
    assert_eq!(fs::read_dir(&root).unwrap().count(), 0, "nothing is left");
}

#[test]
fn a_remote_root_that_can_not_be_used_is_found() {
    let Some((account, mut scene)) = Scene::with_an_ordinary_user() else { return };
    has_engine(&mut scene, ENGINE);
    let fails = |scene: &Scene, tree: (&str, &str, &str)| {
        let (transfer, locks) = (("warn transfer", "no folder", ""), ("warn locks", "`tree`", ""));
        finds(&doctor(scene, &[]), &[transfer, tree, locks]);
    };
    let others = scene.place().folder("readonly");
    scene.set("/remote_root", others.to_str().unwrap());
    fails(&scene, ("fail tree", "Permission denied", "runner.remote_root"));
    account.owns(&others);
    fs::set_permissions(&others, fs::Permissions::from_mode(0o777)).unwrap();
    fails(&scene, ("fail tree", "can be written by 'everybody'", ""));
    fs::set_permissions(&others, fs::Permissions::from_mode(0o755)).unwrap();
    let state = others.join(".mlcube-ssh/digits");
    fs::create_dir_all(&state).unwrap();
    fs::write(state.join("origin"), "0123456789abcdef somebody@elsewhere:/home/cube\n").unwrap();
    account.owns(&others);
    fails(&scene, ("fail tree", "elsewhere", "remote_name"));
    fs::remove_file(state.join("origin")).unwrap();
    let Some(_full) = Tmpfs::mount(&state, "64k") else { return };
    account.owns(&state);
    fails(&scene, ("fail tree", "no room left", "make room"));
}

#[test]
fn locks_that_hang_are_found() {
    let place = Place::new();
    let lines = "#include <unistd.h>\nint flock(int fd, int operation) { (void)fd; (void)operation; for (;;) pause(); }\n";
    let hangs = library(&place, "locks", lines).display().to_string();
    let mut scene = Scene::at(place, HostOptions::default().variable("LD_PRELOAD", &hangs));
    has_engine(&mut scene, ENGINE);
    finds(&doctor(&scene, &[]), &[("fail locks", "can't take a file lock", "remote_root")]);
}

#[test]
fn an_rsync_of_the_host_that_transfers_nothing_is_found() {
    let scene = with_plain_engine(HostOptions::default().without("rsync"));
    finds(
        &doctor(&scene, &[]),
        &[("fail transfer", "rsync isn't installed on 'there'", "install")],
    );
    scene.host.has_program("rsync", "echo 'openrsync: protocol version 27' >&2");
    finds(&doctor(&scene, &[]), &[("fail transfer", "openrsync", "install rsync")]);
    for (lines, words, hint) in [
        ("echo 'use data1'", "printed text", "command -v rsync"),
        ("echo 'rrsync: option -s is not allowed' >&2; exit 1", "rrsync: option -s", ""),
        ("kill -KILL $$", "ended", ""),
    ] {
        scene.host.has_program(
            "rsync",
            &format!("case $1 in --version) exec /usr/bin/rsync --version ;; esac\n{lines}"),
        );
        finds(&doctor(&scene, &[]), &[("fail transfer", words, hint)]);
    }
}

#[test]
fn an_engine_that_runs_no_container_is_found() {
    let mut scene = Scene::with(HostOptions::default().without("docker"));
    scene.set("/remote/docker", "docker");
    fs::write(scene.host.home().join(".profile"), "exit\n").unwrap();
    let document = scene.document(&cube(&scene), &[]);
    let doctor = || scene.exec(&document, &["doctor"]);
    finds(&doctor(), &[("fail engine", "docker: not found on this host", "docker: podman")]);
    for (lines, check, words, hint) in [
        (
            "echo 'Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?' >&2; exit 1",
            "fail engine",
            "Cannot connect",
            "systemctl start docker",
        ),
        (
            "echo 'permission denied while trying to connect to the Docker daemon socket' >&2; exit 1",
            "fail engine",
            "permission denied",
            "usermod -aG docker",
        ),
        (
            "echo 'write /var/tmp/x: no space left on device' >&2; exit 125",
            "fail engine",
            "no space left",
            "make room",
        ),
        ("echo 'odd words' >&2; exit 125", "fail engine", "odd words", "run --rm IMAGE"),
        (
            "case $1 in run) printf '%064x' 1 >\"$3\" ;; esac",
            "fail engine",
            "doesn't find it by its label",
            "wrapper",
        ),
    ] {
        scene.host.has_program("docker", lines);
        finds(&doctor(), &[(check, words, hint)]);
    }
    scene.set("/remote/docker", "nerdctl");
    let told = self::doctor(&scene, &[]);
    finds(&told, &[("fail engine", "nerdctl: not found", "has podman")]);
    scene.set("/remote/docker", "sudo docker");
    scene.host.has_program("sudo", "shift; echo ran; exit 0");
    let told = self::doctor(&scene, &[]);
    finds(&told, &[("warn engine", "a stop can't end", "runner.remote.docker")]);
    // Nothing of it stays, or the user learns of it.
    let images = scene.host.folder().join("images");
    let sudo = format!(
        "shift; case $1 in import) echo \"$3\" ;; rmi) rm '{0}' && exit ;; *) exit ;; esac >'{0}'",
        images.display()
    );
    scene.host.has_program("sudo", &sudo);
    let told = self::doctor(&scene, &[]);
    finds(&told, &[("warn engine", "a stop can't end", "runner.remote.docker")]);
    assert!(!images.exists(), "{told}");
    scene.host.has_program("sudo", &sudo.replace("rmi) rm", "rmi) test -d"));
    let told = self::doctor(&scene, &[]);
    finds(
        &told,
        &[
            ("warn engine", "", ""),
            ("warn removal", "the image may remain", "localhost/mlcube-ssh-doctor:"),
        ],
    );
    // One that makes no image runs those of the tasks nevertheless.
    scene.host.has_program("sudo", "case $2 in import) echo 'unknown command' >&2; exit 1 ;; esac");
    finds(&self::doctor(&scene, &[]), &[("warn engine", "no container is tried", "runner.remote")]);
    scene.host.has_program("sudo", "echo 'sudo: a password is required' >&2; exit 1");
    finds(&self::doctor(&scene, &[]), &[("fail engine", "a password is required", "NOPASSWD")]);
}

#[test]
fn an_apptainer_runs_a_program_or_says_why_not() {
    let mut scene = Scene::new();
    let Some(_apptainer) = Apptainer::of(&mut scene) else { return };
    scene.set("/remote/run_args", "--userns");
    let gpus = ["--task=train", "--gpus=all"];
    finds(&doctor(&scene, &gpus), &[("fail gpu", "lists none", "leave --gpus out")]);
    scene.host.has_program("nvidia-smi", "echo 'GPU 0: A'; echo 'GPU 1: A'");
    let told = doctor(&scene, &gpus);
    finds(&told, &[]);
    assert!(told.stdout.contains("a container lists 2 GPUs; the host lists 2"), "{told}");
    scene.host.has_program("nvidia-smi", "[ -n \"${APPTAINER_CONTAINER-}\" ] || echo 'GPU 0: A'");
    finds(&doctor(&scene, &gpus), &[("fail gpu", "although the host lists 1", "--nv")]);
    scene.set("/remote/singularity", "/opt/nowhere/singularity");
    let told = doctor(&scene, &[]);
    finds(&told, &[("fail engine", "/opt/nowhere/singularity: not found", "")]);
    scene.set("/remote/singularity", "singularity");
    scene.host.has_program("singularity", "echo 'FATAL: no user namespaces' >&2; exit 255");
    finds(&doctor(&scene, &[]), &[("fail engine", "no user namespaces", "singularity exec IMAGE")]);
}

#[test]
fn gpus_that_the_engine_does_not_know_are_found() {
    let mut scene = Scene::new();
    has_engine(
        &mut scene,
        "case \"$*\" in *--gpus*) echo 'docker: Error response from daemon: could not select device driver \"\" with capabilities: [[gpu]].' >&2; exit 125 ;; esac\nexec sh \"${0%/*}/plain\" \"$@\"",
    );
    scene.host.has_program("plain", &ENGINE.replace("$0", "${0%/plain}/docker"));
    let told = doctor(&scene, &["--task=train", "--gpus=1"]);
    finds(&told, &[("fail gpu", "could not select device driver", "nvidia-ctk")]);
    has_engine(&mut scene, ENGINE);
    scene.host.has_program("nvidia-smi", "echo 'GPU 0: A (UUID: x)'; echo 'GPU 1: A (UUID: y)'");
    let told = doctor(&scene, &["--task=train", "--gpus=1"]);
    finds(&told, &[]);
    assert!(told.stdout.contains("the host lists 2"), "{told}");
    // As mlcube passes it on.
    let told = doctor(&scene, &["--task=train", "--gpus=0,1"]);
    assert!(told.stdout.contains("gets GPUs (device=0,1)"), "{told}");
}

/// What a cube says chooses neither the image nor an option of the container: it is a stranger's.
#[test]
fn a_cube_chooses_nothing_of_the_container() {
    let mut scene = Scene::new();
    has_engine(&mut scene, &format!("printf '<%s>' \"$@\" >>\"$0.label.calls\"\n{ENGINE}"));
    let cube = cube(&scene)
        .section("platform", json!({"accelerator_count": 1}))
        .section(
            "docker",
            json!({"image": "evil.example/x", "gpu_args": "--privileged --volume /:/host evil.example/y"}),
        );
    let document = scene.document(&cube, &[]);
    let told = scene.exec(&document, &["doctor"]);
    finds(&told, &[]);
    let calls = fs::read_to_string(scene.host.bin().join("docker.label.calls")).unwrap();
    for word in ["evil", "privileged", "/host"] {
        assert!(!calls.contains(word), "{calls}");
    }
    assert!(calls.contains("<--gpus=all>") && told.stdout.contains("gpu_args"), "{calls} {told}");
}

fn virtualenv(requirements: &str) -> Value {
    json!({"type": "virtualenv", "python": "python3", "requirements": requirements,
        "location": "envs", "name": "cube"})
}

#[test]
fn an_environment_that_can_not_be_made_or_used_is_found() {
    let mut scene = with_plain_engine(HostOptions::default());
    scene.set("/interpreter", json!({"type": "system", "python": "python9", "requirements": ""}));
    finds(
        &doctor(&scene, &[]),
        &[
            ("fail environment", "no python 'python9'", "runner.interpreter.python"),
            ("warn platform", "`environment` failed", ""),
        ],
    );
    scene.set("/interpreter", virtualenv("--index-url http://127.0.0.1:1/simple mlcube"));
    let told = doctor(&scene, &[]);
    finds(&told, &[("fail index", "Connection refused", "internet")]);
    assert!(told.stdout.contains("isn't made yet"), "{told}");
    let left = scene.sh("ls -AR \"$IT\" | grep mlcube-ssh").env("IT", scene.host.home()).run();
    assert_eq!(left.stdout, "", "no trial is left");
    // As on a Debian without python3-venv.
    scene.host.has_program("virtualenv", "echo 'no module named venv' >&2; exit 1");
    finds(&doctor(&scene, &[]), &[("fail venv", "no module named venv", "python3-venv")]);
    scene.host.loses_program("virtualenv");
    scene.set("/interpreter", virtualenv(&Python::offline_requirements()));
    finds(&doctor(&scene, &[]), &[]);
    let folder = scene.host.home().join("envs/cube");
    fs::create_dir_all(folder.join("bin")).unwrap();
    fs::write(folder.join(".mlcube-ssh-begun"), "").unwrap();
    finds(
        &doctor(&scene, &[]),
        &[
            ("fail environment", "was not finished", "mlcube-ssh configure"),
            ("warn platform", "`environment` failed", ""),
        ],
    );
    fs::remove_file(folder.join(".mlcube-ssh-begun")).unwrap();
    fs::write(folder.join(".mlcube-ssh-made"), "").unwrap();
    fs::write(folder.join(".mlcube-ssh-whole"), "").unwrap();
    symlink("/nowhere/python", folder.join("bin/python")).unwrap();
    finds(
        &doctor(&scene, &[]),
        &[
            ("fail environment", "doesn't start any more", "mlcube-ssh configure"),
            ("warn platform", "`environment` failed", ""),
        ],
    );
}

#[test]
fn a_platform_that_mlcube_does_not_know_is_found() {
    let mut scene = with_plain_engine(HostOptions::default());
    scene.set("/remote/runner", "singularity");
    let told = doctor(&scene, &[]);
    let names: Vec<String> = findings(&told).into_iter().map(|(name, ..)| name).collect();
    assert!(names.contains(&"fail platform".to_owned()), "{told}");
    assert!(told.stdout.contains("add mlcube-singularity to"), "{told}");
    scene.unset("remote");
    scene.set("/platform", "gpu");
    finds(
        &doctor(&scene, &[]),
        &[("fail platform", "has no platform 'gpu'", "remote: {runner: docker}")],
    );
    assert!(!scene.host.home().join("mlcube.yaml").exists(), "nothing is made in the home folder");
    let settings = "platforms: {gpu: {runner: docker, docker: podman}}\n";
    fs::write(scene.host.home().join("mlcube.yaml"), settings).unwrap();
    let told = doctor(&scene, &[]);
    finds(&told, &[]);
    assert!(told.stdout.contains("podman runs a container"), "{told}");
    let left = fs::read_to_string(scene.host.home().join("mlcube.yaml")).unwrap();
    assert_eq!(left, settings, "and not changed");
    // The hint is for the engine that the account's own settings name.
    scene.host.has_program("podman", "echo 'odd words' >&2; exit 125");
    finds(&doctor(&scene, &[]), &[("fail engine", "odd words", "`podman run --rm IMAGE true`")]);
    fs::write(scene.host.home().join("mlcube.yaml"), "platforms: [\n").unwrap();
    finds(
        &doctor(&scene, &[]),
        &[(
            "fail platform",
            "can't tell whether it has the platform 'gpu': ParserError",
            "mlcube.yaml",
        )],
    );
}

#[test]
fn what_slurm_refuses_is_found() {
    let place = Place::new();
    let Some(mut slurm) = Slurm::start(&place, "") else { return };
    let mut scene = Scene::at(place, slurm.login_node(HostOptions::default()));
    has_engine(&mut scene, ENGINE);
    finds(
        &doctor(&scene, &[]),
        &[("warn login-node", "login node of slurm", "launcher: {type: slurm}")],
    );
    scene.set("/launcher", json!({"type": "slurm"}));
    finds(&doctor(&scene, &[]), &[]);
    // The nodes have GPUs, and an engine of their own; the login node builds the image, unless a job does.
    has_engine(
        &mut scene,
        "case \"$*\" in *--gpus*) exit 125 ;; esac\nexec sh \"${0%/*}/plain\" \"$@\"",
    );
    scene.host.has_program("plain", &ENGINE.replace("$0", "${0%/plain}/docker"));
    let told = doctor(&scene, &["--task=train", "--gpus=all"]);
    finds(&told, &[]);
    assert!(told.stdout.contains("not tried: tasks run on nodes of slurm"), "{told}");
    has_engine(&mut scene, "exit 1");
    finds(&doctor(&scene, &[]), &[("fail engine", "", "")]);
    scene.set("/launcher", json!({"type": "slurm", "configure": "slurm"}));
    let told = doctor(&scene, &["--task=train", "--gpus=all"]);
    finds(&told, &[]);
    assert!(told.stdout.contains("not tried: images are built"), "{told}");
    has_engine(&mut scene, ENGINE);
    scene.set("/launcher", json!({"type": "slurm", "args": ["--partition=nope"]}));
    finds(&doctor(&scene, &[]), &[("fail slurm", "nvalid partition", "runner.launcher.args")]);
    slurm.controller_stops();
    let told = doctor(&scene, &[]);
    finds(&told, &[("fail slurm", "Slurm on 'there'", "")]);
}

/// A host's words are evidence: they are shown without what a terminal obeys, and have limits.
#[test]
fn a_host_that_lies_is_shown_in_lines() {
    let scene = with_plain_engine(HostOptions::default());
    let odd = r"printf 'bad\033[2J\007 \342\200\256x\nok    login    yes\n' >&2; exit 125";
    scene.host.has_program("docker", odd);
    let told = doctor(&scene, &[]);
    finds(&told, &[("fail engine", "", "")]);
    let is_odd = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    assert!(!told.stdout.contains(is_odd), "{}", told.stdout.escape_debug());
    scene.host.has_program("docker", "cat /dev/zero | tr '\\0' x >&2; exit 125");
    scene.host.has_program(
        "date",
        "case $1 in +%s) yes 'engine found a'; ;; *) exec /bin/date \"$@\" ;; esac",
    );
    let told = doctor(&scene, &[]);
    assert!(findings(&told).iter().any(|(name, ..)| name == "fail session"), "{told}");
    told.exits(125);
}

/// Whatever programs the host has: busybox alone, or those of an older Debian.
#[test]
fn hosts_of_other_kinds_are_checked() {
    for root in [Root::of_busybox(), Root::of("bullseye")] {
        let Some(root) = root else { continue };
        let scene = with_plain_engine(HostOptions::default().root(root));
        let told = doctor(&scene, &[]);
        // The python of this machine isn't that of the other Debian.
        let wanted = [
            ("fail environment", "mlcube isn't installed", "requirements"),
            ("warn platform", "`environment` failed", ""),
        ];
        finds(&told, if told.stdout.contains("listed by python3") { &[] } else { &wanted });
    }
}

/// A virtualenv that goes on until it is ended; `begun` tells that it has begun.
fn with_endless_virtualenv() -> Scene {
    let mut scene = with_plain_engine(HostOptions::default());
    scene.set("/interpreter", virtualenv("mlcube"));
    let lines = "touch \"$HOME/begun\"; mkdir -p \"$4\"; exec sleep 1000";
    scene.host.has_program("virtualenv", lines);
    fs::create_dir_all(scene.host.remote_root()).unwrap();
    scene
}

/// Waits until the check has sent its files, and its virtualenv has begun.
fn has_sent_and_makes_an_environment(scene: &Scene) {
    let root = scene.host.remote_root();
    eventually("the files arrive, and an environment is being made", || {
        let folders = fs::read_dir(&root).into_iter().flatten().map(|entry| entry.unwrap().path());
        let has_files = |folder: std::path::PathBuf| {
            fs::read_dir(folder).into_iter().flatten().any(|entry| {
                entry.unwrap().file_name().to_str().is_some_and(|name| name.starts_with('#'))
            })
        };
        { folders }.any(has_files) && scene.host.home().join("begun").exists()
    });
}

/// Whatever its transfer has come to: a client that goes leaves nothing on the host, neither files nor processes.
#[test]
fn a_client_that_goes_leaves_nothing() {
    let scene = with_endless_virtualenv();
    let root = scene.host.remote_root();
    let document = scene.document(&cube(&scene), &[]);
    let checks = scene.tool("mlcube-ssh-exec").arg("doctor").reads_document(&document).start();
    has_sent_and_makes_an_environment(&scene);
    checks.ctrl_c();
    eventually("all of it is gone", || {
        let home = fs::read_dir(scene.host.home()).unwrap();
        let names = home.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let in_root = fs::read_dir(&root).unwrap().count();
        let runs = !Processes::with_words("sleep 1000").is_empty();
        in_root == 0 && !runs && !names.into_iter().any(|name| name.starts_with("mlcube-ssh."))
    });
}

/// The container of an engine that is slow: it appears when the client has gone.
#[test]
fn a_container_that_is_made_after_its_client_has_gone_is_removed() {
    let mut scene = Scene::new();
    let folder = scene.host.folder().join("engine");
    fs::create_dir(&folder).unwrap();
    let engine = "case $1 in
        run) echo >begun; while [ ! -e go ]; do sleep 0.05; done; printf '%064x' 7 >\"$3\"; echo >container; echo >ran ;;
        import) echo >image ;;
        rm) rm container ;;
        rmi) rm image ;;
        esac";
    has_engine(&mut scene, &format!("cd '{}' || exit\n{engine}", folder.display()));
    let document = scene.document(&cube(&scene), &[]);
    let checks = scene.tool("mlcube-ssh-exec").arg("doctor").reads_document(&document).start();
    eventually("the engine is asked", || folder.join("begun").exists());
    checks.ctrl_c();
    checks.wait();
    fs::write(folder.join("go"), "").unwrap();
    eventually("a container is made, and its image removed", || {
        folder.join("ran").exists() && !folder.join("image").exists()
    });
    assert!(!folder.join("container").exists());
}

#[test]
fn a_connection_that_is_lost_is_no_program_that_hangs() {
    let scene = with_endless_virtualenv();
    let document = scene.document(&cube(&scene), &[]);
    let checks = scene.tool("mlcube-ssh-exec").arg("doctor").reads_document(&document).start();
    has_sent_and_makes_an_environment(&scene);
    scene.host.sshd.connections().kill();
    let told = checks.wait();
    let found = findings(told.exits(125));
    assert!(found[0].0 == "fail session" && found[0].1.contains("was lost"), "{told}");
    assert!(found.iter().any(|(name, ..)| name == "fail venv"), "{told}");
    // Others may not have come to their end.
    assert!(found[1..].iter().all(|(_, text, _)| text.contains("ended before this")), "{told}");
}

/// Below a folder that isn't there nothing but `/` is.
#[test]
fn an_environment_in_a_new_folder_of_the_root_is_judged() {
    let Some((_account, mut scene)) = Scene::with_an_ordinary_user() else { return };
    has_engine(&mut scene, ENGINE);
    let mut interpreter = virtualenv("mlcube");
    interpreter["location"] = json!("/no-such-folder/envs");
    scene.set("/interpreter", interpreter);
    finds(&doctor(&scene, &[]), &[("fail venv", "can't write /", "interpreter.location")]);
}

#[test]
fn what_the_system_can_not_tell_is_no_failure() {
    let scene = with_plain_engine(HostOptions::default());
    let stat = |lines: &str| {
        scene.host.has_program(
            "stat",
            &format!("case \"$*\" in *'-f -c'*) {lines} ;; esac\nexec /usr/bin/stat \"$@\""),
        );
    };
    // CephFS counts no free inodes.
    stat("echo 1000000 4096 -1 90000; exit");
    scene.host.has_program("quota", "echo 'quota: rquotad does not answer' >&2; exit 1");
    let told = doctor(&scene, &[]);
    finds(&told, &[]);
    assert!(told.stdout.contains("doesn't tell of limits: quota: rquotad"), "{told}");
    stat("exit 1");
    // The next one is taken where a temporary folder can't be written.
    scene.host.has_program(
        "mktemp",
        "case \"$*\" in */var/tmp/*) exit 1 ;; esac\nexec /usr/bin/mktemp \"$@\"",
    );
    let told = doctor(&scene, &[]);
    finds(&told, &[]);
    assert!(told.stdout.contains("/tmp can be written"), "{told}");
}
