//! The remote mlcube and a real container engine: their log, their status, their failures.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use mlcube_ssh_harness::{
    Account, Cube, Document, Engine, HostOptions, Outcome, Place, Scene, Task,
};
use serde_json::json;

fn train(body: &str) -> Task {
    Task::named("train").reads("data", "data.csv").writes("model", "model/").does(body)
}

fn cube(scene: &Scene, body: &str) -> Cube {
    scene.cube("digits").task(&train(body)).with_file("data.csv", "1,2\n")
}

/// The lines that the tool itself wrote to its standard error.
fn own_lines(ran: &Outcome) -> Vec<&str> {
    ran.stderr.lines().filter(|line| line.starts_with("mlcube-ssh-exec: ")).collect()
}

/// A document whose files are there, and whose engine does this line of sh for `run`.
fn pushed_with_engine(line: &str) -> (Scene, Engine, Document) {
    let mut scene = Scene::new();
    let engine = Engine::installed_on(&scene.host, "engine");
    engine.runs(line);
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    let document = scene.document(&cube(&scene, ":"), &[]);
    let pushed =
        scene.tool("mlcube-ssh-push").reads_document(&document).run().succeeds().document();
    (scene, engine, pushed)
}

#[test]
fn a_run_refuses_a_workspace_that_was_put_back_since_the_last_push() {
    let (scene, _engine, document) = pushed_with_engine("exit 0");
    let (there, backup) = (scene.host.remote_root(), scene.place().folder("backup"));
    let copy = |from: &Path, to: &Path| {
        // The folder that was there lives on, so that the new one gets another number.
        let copy = "{ [ ! -e \"$1\" ] || mv \"$1\" \"$1.former\"; } && cp -a \"$0\" \"$1\" && rm -rf \"$1.former\"";
        scene.sh(copy).arg(from).arg(to).run().succeeds();
    };
    let says = "isn't as the last push of this machine left it";
    copy(&there, &backup.join("all"));
    let step = |name| scene.tool(name).reads_document(&document).run();
    step("mlcube-ssh-push").succeeds();
    step("mlcube-ssh-pull").succeeds();
    scene.exec(&document, &["run"]).succeeds().never_says(says);
    let tree = there.join("digits");
    copy(&tree, &backup.join("tree"));
    // With the state folder beside it, or the tree alone.
    for (from, to) in [(backup.join("all"), &there), (backup.join("tree"), &tree)] {
        copy(&from, to);
        let jobs =
            || fs::read_dir(there.join(".mlcube-ssh/digits/jobs")).into_iter().flatten().count();
        let before = jobs();
        let refused = scene.exec(&document, &["run"]);
        refused.exits(125).says(says).says("mlcube-ssh push` compares it").says("--no-push` runs");
        assert_eq!(jobs(), before, "nothing is left of a job that didn't start");
        let as_is = scene.tool("mlcube-ssh-exec").args(["run", "--as-is"]);
        as_is.reads_document(&document).run().succeeds().says(says);
        step("mlcube-ssh-push").succeeds();
        scene.exec(&document, &["run"]).succeeds().never_says(says);
    }
}

#[test]
fn a_run_refuses_a_workspace_to_which_another_machine_has_pushed_since() {
    let mut scene = Scene::new();
    let engine = Engine::installed_on(&scene.host, "engine");
    engine.runs("exit 0");
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    scene.set("/adopt", true);
    let cube = cube(&scene, ":");
    let document = scene.document(&cube, &[]);
    // It has the same files at the same path, and a state of its own.
    let other = scene.home().join("other");
    let step = |name: &str| scene.tool(name).reads_document(&document).run();
    let other = |name: &str| {
        scene.tool(name).env("XDG_STATE_HOME", &other).reads_document(&document).run().succeeds();
    };
    step("mlcube-ssh-push").succeeds();
    other("mlcube-ssh-push");
    let refused = scene.exec(&document, &["run"]);
    refused.exits(125).says("has taken it over since the last push of this machine");
    step("mlcube-ssh-push").succeeds();
    scene.exec(&document, &["run"]).succeeds();
    // A pull changes nothing on the remote.
    other("mlcube-ssh-pull");
    scene.exec(&document, &["run"]).succeeds();
}

#[test]
fn a_cube_is_configured_and_run_in_a_real_container() {
    let scene = Scene::new();
    let cube =
        cube(&scene, "echo training on; cat $data; cat $data > $model/best; echo trouble >&2");
    let document = scene.configured(&cube, &[]);
    assert_eq!(document.at("/steps/exec/phase"), "configure");
    scene.exec(&document, &["configure"]).succeeds().says("the cube is already configured");
    let ran = scene.exec(&document, &["run"]);
    ran.succeeds().says("training on\n1,2\n").says("trouble");
    assert_eq!(
        (ran.document().at("/steps/exec/phase"), ran.document().at("/steps/exec/status")),
        (&json!("run"), &json!(0))
    );
    let model = scene.host.remote_root().join("digits/workspace/model/best");
    assert_eq!(fs::read_to_string(model).unwrap(), "1,2\n");
    assert_eq!(scene.host.containers(), [""; 0], "the container is gone when the run is over");
    // An engine has one image of a name for all trees.
    let other_image = "was last built for another cube, whose state folder is";
    ran.never_says(other_image);
    let _configured = scene.configured(&cube, &["-Prunner.remote_name=another"]);
    let other = scene.host.remote_root().join(".mlcube-ssh/another");
    scene.exec(&document, &["run"]).succeeds().says(&format!("{other_image} {}", other.display()));
}

#[test]
fn the_log_is_streamed_as_it_is_written() {
    let scene = Scene::new();
    let cube = cube(&scene, "echo one; while [ ! -e $model/go ]; do sleep 0.05; done; echo two");
    let document = scene.configured(&cube, &[]);
    let mut running = scene.tool("mlcube-ssh-exec").arg("run").reads_document(&document).start();
    running.says("one\n");
    assert!(!running.stderr().contains("two"));
    fs::write(scene.host.remote_root().join("digits/workspace/model/go"), "").unwrap();
    running.wait().succeeds().says("one\ntwo\n");
}

/// A scene with a cube whose task does what the file that it reads says.
fn obedient() -> (Scene, Cube, Document) {
    let scene = Scene::new();
    let cube = cube(&scene, ". $data");
    let document = scene.configured(&cube, &[]);
    (scene, cube, document)
}

/// Runs it with these lines.
fn told(scene: &Scene, cube: &Cube, document: &Document, lines: &str) -> Outcome {
    fs::write(cube.workspace().join("data.csv"), lines).unwrap();
    let push = scene.tool("mlcube-ssh-push").arg("-q").reads_document(document).run();
    scene.exec(&push.succeeds().document(), &["run"])
}

#[test]
fn the_status_is_the_tasks_own() {
    let (scene, cube, document) = obedient();
    for status in [7, 1, 125, 126, 127, 130, 255] {
        let ran = told(
            &scene,
            &cube,
            &document,
            &format!("echo {status} > $model/partial; exit {status}"),
        );
        let failed = ran.exits(status).never_says("Traceback").document();
        assert_eq!(failed.at("/failed/kind"), "task", "{failed}");
        assert_eq!(
            (failed.at("/failed/status"), failed.at("/steps/exec/status")),
            (&json!(status), &json!(status))
        );
        let own = own_lines(&ran).into_iter().filter(|line| line.contains("task"));
        assert_eq!(own.count(), 1, "{}", ran.stderr);
        scene.tool("mlcube-ssh-pull").reads_document(&failed).run().exits(status);
        assert_eq!(cube.result("model/partial"), format!("{status}\n"));
    }
}

#[test]
fn a_task_that_is_killed() {
    let (scene, cube, document) = obedient();
    // The first process of a container can't kill itself: what it starts can, and its shell says so by 137.
    let ran = told(&scene, &cube, &document, "echo doing; sh -c 'kill -KILL $$'; exit $?");
    let failed = ran.exits(137).says("doing").never_says("Traceback").document();
    assert_eq!(
        (failed.at("/failed/kind"), failed.at("/failed/status")),
        (&json!("task"), &json!(137))
    );
}

#[test]
fn an_engine_that_dies_of_a_signal_is_no_lost_connection() {
    let (scene, _, document) = pushed_with_engine("echo doing; kill -KILL $$");
    let ran = scene.exec(&document, &["run"]);
    let failed = ran.document();
    assert_eq!(failed.at("/failed/kind"), "task", "{failed}\n{}", ran.stderr);
    assert!(ran.status != 0 && ran.status != 255, "{}", ran.status);
}

#[test]
fn an_image_that_can_not_be_built() {
    let scene = Scene::new();
    let cube = cube(&scene, ":");
    cube.has_dockerfile("FROM scratch\nCOPY nowhere /\n");
    let document = scene.document(&cube, &[]);
    let document =
        scene.tool("mlcube-ssh-push").reads_document(&document).run().succeeds().document();
    let failed = scene.exec(&document, &["configure"]);
    assert_ne!(failed.status, 0);
    failed.says("nowhere").never_says("Traceback").says("hint: `mlcube-ssh logs ");
    assert_eq!(own_lines(&failed).len(), 2, "{}", failed.stderr);
    assert_eq!(failed.document().at("/failed/step"), "exec");
    assert_eq!(failed.document().at("/failed/phase"), "configure");
    cube.has_dockerfile("FROM scratch\nCOPY busybox /bin/busybox\nCOPY entry /entry\nCOPY tasks /tasks\nENTRYPOINT [\"/entry\"]\n");
    let document = scene.configured(&cube, &[]);
    scene.exec(&document, &["run"]).succeeds();
    // A configure that fails may have built an image, whatever becomes of its recipe then.
    let dockerfile = cube.root().join("Dockerfile");
    let recipe = fs::read(&dockerfile).unwrap();
    let time = fs::metadata(&dockerfile).unwrap().modified().unwrap();
    cube.has_dockerfile("FROM scratch\nCOPY nowhere /\n");
    let push =
        || scene.tool("mlcube-ssh-push").reads_document(&document).run().succeeds().document();
    assert_ne!(scene.exec(&push(), &["configure"]).status, 0);
    fs::write(&dockerfile, recipe).unwrap();
    File::open(&dockerfile).unwrap().set_modified(time).unwrap();
    assert_eq!(push().at("/steps/push/context_changed"), true);
}

#[test]
fn a_run_that_was_never_configured_says_what_to_type() {
    let scene = Scene::new();
    let document = scene.document(&cube(&scene, ":"), &[]);
    let never = scene.exec(&document, &["run"]);
    never.exits(125);
    assert_eq!(own_lines(&never).len(), 2, "{}", never.stderr);
    never.says("hint: run `mlcube-ssh configure");
}

#[test]
fn mlcube_is_missing_on_the_remote() {
    let mut scene = Scene::new();
    scene.set(
        "/interpreter",
        json!({"type": "system", "python": "/usr/bin/python3", "requirements": ""}),
    );
    let document = scene.document(&cube(&scene, ":"), &[]);
    let line = "mlcube-ssh-interp -q | mlcube-ssh-push -q | mlcube-ssh-exec -q configure";
    let ran = scene.sh(line).reads_document(&document).run();
    ran.exits(125).complains(&["mlcube", "there", "requirements"]);
}

#[test]
fn the_platform_is_not_known_on_the_remote() {
    let place = Place::new();
    let Some(account) = Account::with_shell(place.path(), "sh") else { return };
    let mut scene = Scene::at(place, HostOptions::default().account(&account));
    scene.unset("remote");
    scene.set("/platform", "cluster9");
    scene.set("/remote_root", "cubes");
    let document = scene.document(&cube(&scene, ":"), &[]);
    let pushed =
        scene.tool("mlcube-ssh-push").reads_document(&document).run().succeeds().document();
    for verb in ["configure", "run"] {
        let failed = scene.exec(&pushed, &[verb]);
        failed.exits(125).complains(&["cluster9", "remote: {runner: docker}"]);
        assert_eq!(own_lines(&failed).len(), 2, "{}", failed.stderr);
        let verbose = scene.tool("mlcube-ssh-exec").args(["-v", verb]).reads_document(&pushed);
        let failed = verbose.run();
        failed.exits(125).says("has no platform 'cluster9'");
        assert_eq!(failed.document().at("/failed/kind"), "ours");
    }
    // A python that the account can't look at may be there.
    let closed = scene.place().folder("closed");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    scene.set("/interpreter/python", closed.join("bin/python").to_str().unwrap());
    let failed = scene.exec(&scene.document(&cube(&scene, ":"), &[]), &["run"]);
    failed.exits(125).complains(&["can't read", closed.to_str().unwrap(), "ls -ld"]);
    failed.never_says("jobs").never_says("isn't configured");
}

#[test]
fn a_python_that_does_not_start_is_not_the_task() {
    let mut scene = Scene::new();
    let says = "libffi.so.8: cannot open shared object file";
    scene.host.has_program("python4", &format!("echo '{says}' >&2; exit 127"));
    scene.set("/interpreter", json!({"type": "system", "python": "python4", "requirements": ""}));
    let document = scene.document(&cube(&scene, ":"), &[]);
    let push = scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run();
    let failed = scene.exec(&push.succeeds().document(), &["run"]);
    failed.exits(125).says("failed before the task").says(says);
    assert_eq!(failed.document().at("/failed/kind"), "ours");
}

#[test]
fn a_module_that_python_misses_gets_the_command_that_repairs_the_environment() {
    let mut scene = Scene::new();
    let cube = cube(&scene, ":");
    let _document = scene.configured(&cube, &["--task=train"]);
    // An environment with another docker runner before mlcube's own.
    let environment = scene.host.home().join("broken");
    let whole = mlcube_ssh_harness::Python::with_mlcube();
    let script = "python3 -m venv --without-pip \"$IT\" && cd \"$IT\"/lib/*/site-packages &&
        ls -d \"$WHOLE\"/lib/*/site-packages > whole.pth && mkdir mlcube_docker &&
        echo 'def get_runner_class(): import mlcube_docker.docker_run' > mlcube_docker/__init__.py";
    let whole = whole.ancestors().nth(2).unwrap();
    scene.sh(script).env("IT", &environment).env("WHOLE", whole).run().succeeds();
    let python = environment.join("bin/python").display().to_string();
    scene.set("/interpreter", json!({"type": "system", "python": python, "requirements": ""}));
    let document = scene.document(&cube, &["--task=train"]);
    let failed = scene.exec(&document, &["run"]);
    failed.exits(125).says("ModuleNotFoundError: No module named 'mlcube_docker.docker_run'");
    failed.says("hint: `mlcube-ssh configure ").says("repairs it");
    // interp has just seen mlcube start.
    let document = document.with("/steps/interp", json!({"changed": false, "seconds": 0.1}));
    scene.exec(&document, &["run"]).exits(125).says("hint: install the module on the remote");
}

#[test]
fn a_platform_of_the_accounts_own_is_used_and_its_settings_are_left_alone() {
    let place = Place::new();
    let Some(account) = Account::with_shell(place.path(), "sh") else { return };
    let mut scene = Scene::at(place, HostOptions::default().account(&account));
    let engine = Engine::installed_on(&scene.host, "engine");
    account.owns(&scene.host.bin());
    let platforms = json!({"docker": {"runner": "docker", "docker": engine.program()}});
    let settings = format!(
        "{}\n",
        json!({"runners": {"docker": {"pkg": "mlcube_docker"}}, "platforms": platforms})
    );
    fs::write(account.home().join("mlcube.yaml"), &settings).unwrap();
    account.owns(account.home());
    scene.unset("remote");
    scene.set("/remote_root", "cubes");
    let document = scene.document(&cube(&scene, ":"), &[]);
    let pushed =
        scene.tool("mlcube-ssh-push").reads_document(&document).run().succeeds().document();
    scene.exec(&pushed, &["run"]).succeeds();
    assert!(engine.run_call().iter().any(|word| word == "train"));
    let mut untouched = Scene::new();
    untouched.set("/remote/docker", "true");
    let document = untouched.document(&cube(&untouched, ":"), &[]);
    let pushed =
        untouched.tool("mlcube-ssh-push").reads_document(&document).run().succeeds().document();
    let _whatever_it_finds = untouched.exec(&pushed, &["run"]);
    assert!(
        !untouched.host.home().join("mlcube.yaml").exists(),
        "with settings of ours, nothing is written there"
    );
}

#[test]
fn a_broken_link_does_not_end_the_job() {
    let (mut scene, _engine, document) = pushed_with_engine(
        "echo started; while [ ! -e \"$folder/go\" ]; do sleep 0.05; done; echo done > \"$folder/finished\"",
    );
    let mut running = scene.tool("mlcube-ssh-exec").arg("run").reads_document(&document).start();
    running.says("started");
    scene.host.sshd.stop();
    scene.masters().kill();
    fs::write(scene.host.bin().join("go"), "").unwrap();
    mlcube_ssh_harness::eventually("the job has gone on to its end", || {
        scene.host.bin().join("finished").exists()
    });
    scene.host.sshd.comes_back();
    let ran = running.wait();
    // Either exec has found it again, or it says that the connection was lost: never that the task failed.
    assert!([0, 255].contains(&ran.status), "{}: {}", ran.status, ran.stderr);
    if ran.status == 255 {
        assert_eq!(ran.document().at("/failed/kind"), "connection");
    }
}

#[test]
fn what_the_task_prints_arrives_as_it_is() {
    let scene = Scene::new();
    let body = "printf 'no newline at the end, \\303\\251, \\377, \\033[1mbold\\033[0m, \\001\\n'; head -c 300000 /dev/zero | tr '\\0' x";
    let document = scene.configured(&cube(&scene, body), &[]);
    fs::write(scene.home().join("run.json"), document.to_string()).unwrap();
    let line = "mlcube-ssh-exec -q run --output out.json < run.json >log; echo $?; tail -c 300100 log | tr -d x | od -c | tail -5; wc -c < log";
    let ran = scene.sh(line).run();
    ran.succeeds().is_silent();
    assert!(ran.stdout.starts_with("0\n"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("303 251") && ran.stdout.contains("377") && ran.stdout.contains("033"),
        "{}",
        ran.stdout
    );
}

#[test]
fn configure_if_changed_passes_on_what_did_not_change() {
    let scene = Scene::new();
    let cube = cube(&scene, ":");
    let document = scene.configured(&cube, &[]);
    let unchanged =
        scene.tool("mlcube-ssh-push").reads_document(&document).run().succeeds().document();
    let sessions = scene.host.sshd.sessions();
    let passed = scene
        .tool("mlcube-ssh-exec")
        .args(["-q", "configure", "--if-changed"])
        .reads_document(&unchanged)
        .run();
    assert_eq!(passed.succeeds().is_silent().document(), unchanged);
    assert_eq!(scene.host.sshd.sessions(), sessions, "nothing is asked there");
    cube.now_does("train", "echo new code");
    let changed =
        scene.tool("mlcube-ssh-push").reads_document(&unchanged).run().succeeds().document();
    let built = scene
        .tool("mlcube-ssh-exec")
        .args(["configure", "--if-changed"])
        .reads_document(&changed)
        .run();
    let ran = scene.exec(&built.succeeds().document(), &["run"]);
    ran.succeeds().says("new code");
}

#[test]
fn the_state_of_runs_lies_beside_the_tree_and_is_private() {
    let (scene, _, document) = pushed_with_engine(":");
    scene.exec(&document, &["run"]).succeeds();
    let state = scene.host.remote_root().join(".mlcube-ssh/digits");
    let open = scene.sh("find \"$STATE\" -type f -perm /077").env("STATE", &state).run();
    assert_eq!(open.succeeds().stdout, "", "files that others may read");
    assert!(Path::new(&state).is_dir());
}

#[test]
fn a_log_does_no_harm_to_a_terminal() {
    let log = r"printf '\033]0;title\007\033[6n\033[32mgreen\033[0m\r50%%\r'";
    let (scene, _, document) = pushed_with_engine(log);
    fs::write(scene.home().join("pushed.json"), document.to_string()).unwrap();
    let run = "mlcube-ssh-exec run --input pushed.json --output ran.json";
    let shown = scene.sh_at_a_terminal(run).run();
    shown.succeeds();
    assert!(
        shown.stdout.contains("^[]0;title\u{7}^[[6n\u{1b}[32mgreen\u{1b}[0m\r50%\r"),
        "{shown}"
    );
    let raw = scene.sh(run).run();
    raw.succeeds();
    assert_eq!(raw.stdout, "\u{1b}]0;title\u{7}\u{1b}[6n\u{1b}[32mgreen\u{1b}[0m\r50%\r");
}

#[test]
fn an_image_that_cannot_be_pulled_and_has_a_recipe_gets_a_hint_that_works() {
    let mut scene = Scene::new();
    // mlcube's default: pull. Nothing listens on that port.
    scene.set("/remote", json!({"runner": "docker", "docker": "podman"}));
    let cube = scene.cube("digits").task(&Task::named("train"));
    let configure = |word: &[&str]| {
        let document =
            scene.document(&cube, &[&["-Pdocker.image=127.0.0.1:9/digits:1"], word].concat());
        let pushed = scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run();
        let configure = scene.tool("mlcube-ssh-exec").args(["configure", "-q"]);
        configure.reads_document(&pushed.succeeds().document()).run()
    };
    let refused = configure(&[]);
    refused.exits(125);
    let hint = refused.stderr.lines().last().unwrap();
    assert!(hint.contains("hint: ") && hint.contains("-Pdocker.build_strategy=auto"), "{refused}");
    configure(&["-Pdocker.build_strategy=auto"]).succeeds();
}

#[test]
fn a_cube_that_was_never_pushed_is_named_by_a_plain_path() {
    let scene = Scene::new();
    let document = scene.document(&cube(&scene, ":"), &["--task=train"]);
    let refused = scene.exec(&document, &["run"]);
    refused.exits(125).complains(&["isn't configured on 'there'", "digits/mlcube.yaml"]);
    refused.never_says("//");
}

#[test]
fn an_engine_that_fails_gets_its_own_hint_whatever_could_be_built() {
    let mut scene = Scene::with(HostOptions::default().without("docker"));
    scene.set("/remote", json!({"runner": "docker"}));
    let cube = scene.cube("digits").task(&Task::named("train"));
    let document = scene.document(&cube, &["--task=train"]);
    let pushed = scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run();
    let document = pushed.succeeds().document();
    for verb in ["configure", "run"] {
        let failed = scene.exec(&document, &[verb]);
        failed.exits(125).says("status 127: docker: not found on this host");
        failed.never_says("-Pdocker.build_strategy=auto");
    }
}

#[test]
fn an_image_that_the_host_has_is_used_where_it_can_not_be_pulled() {
    let scene = Scene::new();
    let _built =
        scene.configured(&scene.cube("other").task(&Task::named("train").does("echo ran")), &[]);
    // Loaded there by hand, say: no registry has it.
    let only_an_image = |tag: &str| {
        let cube = scene.cube("digits").task(&Task::named("train"));
        fs::remove_file(cube.root().join("Dockerfile")).unwrap();
        let docker = json!({"image": format!("localhost/mlcube-ssh/test:{tag}")});
        let document = scene.document(&cube.section("docker", docker), &["--task=train"]);
        let pushed = scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run();
        pushed.succeeds().document()
    };
    let document = only_an_image("0.0.1");
    let configured = scene.exec(&document, &["configure"]);
    configured.succeeds().says(
        "warning: can't pull localhost/mlcube-ssh/test:0.0.1; using the image of that name on this host",
    );
    scene.exec(&document, &["run"]).succeeds().says("ran\n");
    scene.exec(&only_an_image("0.0.2"), &["configure"]).exits(125).never_says("is used");
}

#[test]
fn a_log_of_which_a_part_was_not_sent_is_asked_for_again_or_is_an_error() {
    let scene = Scene::new();
    let lines = "i=0; while [ $i -lt 40 ]; do echo \"line $i\"; i=$((i + 1)); done";
    let cube = scene.cube("digits").task(&Task::named("train").does(lines));
    let document = scene.configured(&cube, &["--task=train"]);
    let run = || scene.tool("mlcube-ssh-exec").args(["run", "-q"]).reads_document(&document).run();
    let seen = scene.host.folder().join("seen");
    let once = format!("[ -e '{0}' ] || {{ : >'{0}'; kill -9 $$; }}", seen.display());
    let shortened = "/usr/bin/tail \"$@\" | head -c 100; exit 0";
    for line in [once.as_str(), shortened] {
        scene.host.has_program("tail", &format!("{line}\nexec /usr/bin/tail \"$@\""));
        let ran = run();
        assert_eq!(ran.succeeds().stderr.matches("line ").count(), 40, "{ran}");
    }
    scene.host.has_program("tail", "echo 'tail: Cannot fork' >&2; exit 1");
    run().exits(255).complains(&["0 of 310 further bytes of the log", "may still run"]);
    scene.host.loses_program("tail");
}

/// A host that is short of processes fails to start a program now and then.
#[test]
fn a_log_whose_size_cannot_be_found_at_once_is_shown_whole_or_is_an_error() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train").does("echo all of it"));
    let document = scene.configured(&cube, &["--task=train"]);
    let run = || scene.tool("mlcube-ssh-exec").args(["run", "-q"]).reads_document(&document).run();
    let failures = scene.host.folder().join("failures");
    let failing = |times: u32| {
        fs::write(&failures, "x".repeat(times as usize)).unwrap();
        let at = failures.display();
        let lines = format!(
            "if [ -s '{at}' ]; then\n  left=$(cat '{at}')\n  printf %s \"${{left#?}}\" >'{at}'\n  \
             echo 'wc: Cannot fork' >&2\n  exit 254\nfi\nexec /usr/bin/wc \"$@\""
        );
        scene.host.has_program("wc", &lines);
    };
    failing(3);
    run().succeeds().says("all of it");
    scene.host.loses_program("wc");
    let jobs = scene.host.remote_root().join(".mlcube-ssh/digits/jobs");
    for job in fs::read_dir(jobs).unwrap() {
        fs::write(job.unwrap().path().join("log"), "").unwrap();
    }
    for verb in ["attach", "logs"] {
        let shown = scene.exec(&document, &[verb]);
        shown.succeeds().says("somebody has emptied or cut the job's log: ");
    }
    failing(1000);
    run().exits(125).complains(&["can't read the log", "digits"]);
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train").does("echo all of it"));
    let document = scene.configured(&cube, &["--task=train"]);
    fs::write(scene.home().join("run.json"), document.to_string()).unwrap();
    let full = scene.sh("mlcube-ssh-exec run -q --output out.json < run.json > /dev/full").run();
    full.exits(125).complains(&["can't write the output", "No space left", "mlcube-ssh attach"]);
}

#[test]
fn a_link_to_a_cube_with_an_odd_path_is_put_where_there_is_room_for_it() {
    let mut scene = Scene::new();
    scene.set("/remote_root", scene.host.folder().join("my cubes").to_str().unwrap());
    let engine = Engine::installed_on(&scene.host, "engine");
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    let document = scene.document(&cube(&scene, ":"), &[]);
    let push = scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run();
    let document = push.succeeds().document();
    let refuses = |paths: &str| {
        let words = "echo 'mktemp: Permission denied' >&2; exit 1";
        format!("case $2 in {paths}) {words} ;; esac; exec /usr/bin/mktemp \"$@\"")
    };
    scene.host.has_program("mktemp", &refuses("/tmp/mlcube-ssh*|/var/tmp/*"));
    scene.exec(&document, &["run"]).succeeds();
    scene.host.has_program("mktemp", &refuses("*"));
    let words = ["no temporary folder on 'there'", "mktemp: Permission denied", "TMPDIR: FOLDER"];
    scene.exec(&document, &["run"]).exits(125).says(words[0]).says(words[1]).says(words[2]);
}

#[test]
fn a_task_reads_and_writes_the_workspace_that_was_named_wherever_it_lies() {
    let scene = Scene::new();
    let cube = cube(&scene, "cat $data; cp $data $model/best");
    let places = ["runs/1", "runs/my 2"].map(|place| cube.root().join(place));
    for place in &places {
        fs::create_dir_all(place).unwrap();
        fs::write(place.join("data.csv"), format!("{}\n", place.display())).unwrap();
    }
    let _configured = scene.configured(&cube, &[]);
    for place in &places {
        let document = scene.document(&cube, &["--workspace", place.to_str().unwrap()]);
        let pushed = scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run();
        let document = pushed.succeeds().document();
        let line = format!("{}\n", place.display());
        scene.exec(&document, &["run"]).succeeds().says(&line);
        scene.tool("mlcube-ssh-pull").arg("-q").reads_document(&document).run().succeeds();
        assert_eq!(fs::read_to_string(place.join("model/best")).unwrap(), line);
    }
    assert!(!scene.host.remote_root().join("digits/workspace/model").exists());
}
