//! Every flag and parameter that the user gives reaches the engine, in the form that the remote mlcube understands.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::path::Path;

use mlcube_ssh_harness::{Cube, Engine, Outcome, Scene, Task, am_root, repository, skip};
use serde_json::json;

/// A scene whose host has an engine that writes down how it is called.
fn scene() -> (Scene, Engine, Cube) {
    let mut scene = Scene::new();
    let engine = Engine::installed_on(&scene.host, "engine");
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    let train = Task::named("train").reads("data", "data.csv").writes("model", "model/");
    let evaluate = Task::named("evaluate").reads("model", "model/").writes("score", "score.txt");
    let cube = scene.cube("digits").task(&train).task(&evaluate).with_file("data.csv", "1,2\n");
    (scene, engine, cube)
}

/// Resolves a cube's configuration with further arguments.
fn config(scene: &Scene, cube: &Cube, words: &[&str]) -> Outcome {
    let config = scene.tool("mlcube-ssh-config").args(["--platform=gpu1", "--mlcube"]);
    config.arg(cube.root()).args(words).run()
}

/// Pushes and runs a cube with further arguments for `mlcube run`.
fn run(scene: &Scene, cube: &Cube, words: &[&str]) -> Outcome {
    let config = config(scene, cube, words).succeeds().document();
    let pushed =
        scene.tool("mlcube-ssh-push").arg("-q").reads_document(&config).run().succeeds().document();
    scene.tool("mlcube-ssh-exec").arg("run").reads_document(&pushed).run()
}

/// The words of the engine's only `run`.
fn words_of_the_run(words: &[&str]) -> Vec<String> {
    let (scene, engine, cube) = scene();
    let all = [&["--task=train"], words].concat();
    run(&scene, &cube, &all).succeeds();
    engine.run_call()
}

#[test]
fn the_task_and_its_parameters() {
    let words = words_of_the_run(&[]);
    let image = words.iter().position(|word| word == "mlcube-ssh/test:0.0.1").unwrap();
    assert_eq!(words[image + 1], "train");
    assert!(words[image + 2].starts_with("--data=/mlcube_io"), "{words:?}");
    assert!(words[image + 3].starts_with("--model=/mlcube_io"), "{words:?}");
    assert_eq!(words.len(), image + 4, "{words:?}");
}

#[test]
fn engine_options() {
    for (given, arrives) in [
        ("--gpus=2", "--gpus=2"),
        ("--gpus=all", "--gpus=all"),
        ("--memory=512m", "--memory=512m"),
        ("--cpu=0-1", "--cpuset-cpus=0-1"),
        ("--network=none", "--network=none"),
        ("--security=no-new-privileges:true", "--security-opt=no-new-privileges:true"),
    ] {
        let words = words_of_the_run(&[given]);
        assert!(words.iter().any(|word| word == arrives), "{given}: {words:?}");
    }
}

/// podman before 5 takes --gpus and does nothing.
#[test]
fn an_old_podman_is_given_the_gpus_as_devices() {
    let (scene, engine, cube) = scene();
    let podman = scene.host.bin().join("podman");
    let lines = format!(
        "case $1 in --version) echo podman version 4.9.4 ;; *) exec '{}' \"$@\" ;; esac",
        engine.program().display()
    );
    scene.host.has_program("podman", &lines);
    let (mut scene, mut calls) = (scene, 0);
    scene.set("/remote/docker", podman.to_str().unwrap());
    for (given, devices) in
        [("--gpus=all", vec!["all"]), ("--gpus=0,1", vec!["0", "1"]), ("--gpus=2", vec!["0", "1"])]
    {
        run(&scene, &cube, &["--task=train", given]).succeeds();
        let runs = engine.calls().into_iter().filter(|words| words[0] == "run");
        let words = runs.skip(calls).collect::<Vec<_>>().remove(0);
        calls += 1;
        let image = words.iter().position(|word| word == "mlcube-ssh/test:0.0.1").unwrap();
        assert!(!words.iter().any(|word| word.starts_with("--gpus")), "{given}: {words:?}");
        let options = words[..image].windows(2).filter(|pair| pair[0] == "--device");
        let named: Vec<_> = options.map(|pair| pair[1].replace("nvidia.com/gpu=", "")).collect();
        assert_eq!(named, devices, "{given}: {words:?}");
    }
}

#[test]
fn a_value_of_gpus_that_an_old_podman_ignores_is_refused_before_the_job() {
    let (mut scene, _engine, cube) = scene();
    scene.host.has_program("podman", "echo podman version 4.9.4");
    scene.set("/remote/docker", scene.host.bin().join("podman").to_str().unwrap());
    let refused = run(&scene, &cube, &["--task=train", "--gpus=none"]);
    refused.exits(125).complains(&["ignores --gpus=none", "device=LIST"]);
    let jobs = scene.host.remote_root().join(".mlcube-ssh/digits/jobs");
    assert!(fs::read_dir(jobs).map_or(true, |mut jobs| jobs.next().is_none()), "no job was made");
}

/// A real podman, as old as that, with the specification of a device that isn't a GPU: /dev/null by another name.
#[test]
fn a_podman_that_knows_its_gpus_hands_them_on() {
    let mut scene = Scene::new();
    if !am_root() {
        skip("only root can put a specification of devices where podman looks");
        return;
    }
    let etc = scene.host.folder().join("etc");
    fs::create_dir_all(etc.join("cdi")).unwrap();
    let devices = |name: &str| {
        let node =
            json!({"path": format!("/dev/nvidia{name}"), "type": "c", "major": 1, "minor": 3});
        json!({"name": name, "containerEdits": {"deviceNodes": [node]}})
    };
    let specification = json!({"cdiVersion": "0.3.0", "kind": "nvidia.com/gpu", "devices": [devices("0"), devices("1")]});
    fs::write(etc.join("cdi/nvidia.json"), specification.to_string()).unwrap();
    // Its own view of /etc, in which the specification lies above this machine's files.
    let lines = format!(
        "exec unshare --mount sh -c 'mount -t overlay -o lowerdir={}:/etc overlay /etc && exec /usr/bin/podman \"$@\"' sh \"$@\"",
        etc.display()
    );
    scene.host.has_program("podman", &lines);
    scene.set("/remote/docker", scene.host.bin().join("podman").to_str().unwrap());
    let task = Task::named("train").does("/bin/busybox ls /dev");
    let cube = scene.cube("digits").task(&task);
    let _configured = scene.configured(&cube, &[]);
    let ran = run(&scene, &cube, &["--task=train", "--gpus=1"]);
    ran.succeeds().says("nvidia0").never_says("nvidia1");
}

#[test]
fn a_list_of_gpus_is_a_list_of_devices() {
    for given in ["--gpus=0,1", "--gpus=device=0,1"] {
        let words = words_of_the_run(&[given]);
        // docker reads the value as CSV, where a comma needs quotes.
        assert!(words.iter().any(|word| word == "--gpus=\"device=0,1\""), "{given}: {words:?}");
    }
}

#[test]
fn docker_gets_a_list_of_gpus_in_quotes_whatever_mlcube_does_with_them() {
    // As mlcube 0.0.10 calls it: its runner drops the quotes.
    let words = [
        ("Docker version 20.10.24", "--gpus=device=0,1", "--gpus=\"device=0,1\""),
        ("Docker version 20.10.24", "--gpus=\"device=0,1\"", "--gpus=\"device=0,1\""),
        ("Docker version 20.10.24", "--gpus=device=0", "--gpus=device=0"),
        ("podman version 5.0.0", "--gpus=device=0,1", "--gpus=device=0,1"),
    ];
    let (scene, shim) = (Scene::new(), repository().join("mlcube-ssh-exec/src/sh"));
    let text = |name: &str| fs::read_to_string(shim.join(name)).unwrap();
    let bin = scene.home().join("shims");
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("docker"), text("gpus.sh") + &text("engine.sh")).unwrap();
    for (version, given, arrives) in words {
        let says =
            format!("case $1 in --version) echo '{version}' ;; *) printf '<%s>' \"$@\" ;; esac");
        scene.has_program("docker", &says);
        let path =
            format!("{}:{}:/usr/bin:/bin", bin.display(), scene.home().join("bin").display());
        let ran = scene.invocation(Path::new("/bin/sh")).arg(bin.join("docker"));
        let ran = ran.args(["run", given, "a/b"]).env("PATH", path).env("MLCUBE_SSH_JOB", "1-a");
        let ran = ran.env("MLCUBE_SSH_JOB_FOLDER", scene.home()).env("MLCUBE_SSH_VARIABLES", "");
        let ran = ran.run();
        assert!(ran.succeeds().stdout.contains(&format!("<{arrives}>")), "{ran}");
    }
}

/// A docker runner that parses the list itself, as those after 0.0.9 do, isn't on the package index: this one has what
/// they have, and prints what it is given.
#[test]
fn a_docker_runner_that_parses_the_list_gets_it_without_quotes() {
    let scene = Scene::new();
    let packages = scene.home().join("packages");
    let launch = repository().join("mlcube-ssh-exec/src/sh/launch.py");
    for (runner, arrives) in
        [("class DeviceSpecs:\n    pass\n", "--gpus=device=0,1"), ("", "--gpus=\\\"device=0,1\\\"")]
    {
        for (name, text) in [
            ("mlcube/__init__.py", ""),
            ("mlcube/__main__.py", "import sys\nprint(sys.argv[2])\n"),
            ("mlcube_docker/__init__.py", ""),
            ("mlcube_docker/docker_run.py", runner),
        ] {
            fs::create_dir_all(packages.join(name).parent().unwrap()).unwrap();
            fs::write(packages.join(name), text).unwrap();
        }
        let ran = scene
            .invocation(Path::new("/usr/bin/python3"))
            .arg("-B")
            .arg(&launch)
            .args(["0", "run", "--gpus=device=0,1"])
            .env("PYTHONPATH", &packages)
            .env("MLCUBE_SSH_JOB_FOLDER", scene.home())
            .run();
        assert_eq!(ran.succeeds().stdout.trim_end(), arrives);
    }
}

#[test]
fn what_the_remote_mlcube_would_drop_is_refused() {
    let (scene, engine, cube) = scene();
    for words in [
        ["--task=train", "--mount=ro"],
        ["--task=train", "data=a=b"],
        ["--task=train", "--gpus=a b"],
    ] {
        let config = config(&scene, &cube, &words);
        let last = if config.status == 0 {
            let pushed =
                scene.tool("mlcube-ssh-push").arg("-q").reads_document(&config.document()).run();
            if pushed.status == 0 {
                scene
                    .tool("mlcube-ssh-exec")
                    .args(["-q", "run"])
                    .reads_document(&pushed.document())
                    .run()
            } else {
                pushed
            }
        } else {
            config
        };
        let name = words[1].trim_start_matches('-').split('=').next().unwrap();
        last.exits(125).complains(&[name]);
    }
    assert_eq!(engine.calls(), Vec::<Vec<String>>::new());
}

#[test]
fn overrides_of_the_cube() {
    for given in [&["-Pdocker.image=other/image:2"][..], &["-P", "docker.image=other/image:2"]] {
        let words = words_of_the_run(given);
        assert!(words.iter().any(|word| word == "other/image:2"), "{given:?}: {words:?}");
    }
    let words =
        words_of_the_run(&["-Pdocker.cpu_args=--shm-size=1g", "-Pdocker.env_args=-eMODE=fast"]);
    assert!(words.iter().any(|word| word == "--shm-size=1g"), "{words:?}");
    assert!(words.iter().any(|word| word == "-eMODE=fast"), "{words:?}");
}

#[test]
fn task_arguments() {
    let (scene, engine, cube) = scene();
    let cube = cube.with_file("other/data.csv", "3,4\n");
    run(&scene, &cube, &["--task=train", "data=other/data.csv", "model=best/"]).succeeds();
    let words = engine.run_call();
    let volumes: Vec<_> = words.iter().filter(|word| word.contains("workspace")).collect();
    assert!(volumes.iter().any(|word| word.contains("workspace/other:")), "{words:?}");
    assert!(volumes.iter().any(|word| word.contains("workspace/best:")), "{words:?}");
}

#[test]
fn a_declared_path_of_this_machine_whatever_the_names() {
    let (scene, engine, cube) = scene();
    let task = Task::named("train.v2").reads("data.set", "${workspace}/data.csv");
    let cube = cube.task(&task.writes("model", "${runtime.root}/made/"));
    run(&scene, &cube, &["--task=train.v2"]).succeeds();
    let words = engine.run_call();
    let there = scene.host.remote_root().join("digits");
    let volume =
        |folder: &str, number| format!("{}:/mlcube_io{number}", there.join(folder).display());
    for word in [
        volume("workspace", 0),
        "--data.set=/mlcube_io0/data.csv".to_owned(),
        volume("made", 1),
        "--model=/mlcube_io1".to_owned(),
    ] {
        assert!(words.contains(&word), "{word}: {words:?}");
    }
    let cube = cube.task(&Task::named("odd").reads("a[b]", "${workspace}/data.csv"));
    let pushed = scene.document(&cube, &["--task=odd"]);
    let refused = scene.tool("mlcube-ssh-exec").args(["-q", "run"]).reads_document(&pushed).run();
    refused.exits(125).complains(&["tasks.odd.parameters.inputs.a[b]", "rename"]);
}

#[test]
fn several_tasks_run_in_their_order() {
    let (scene, engine, cube) = scene();
    let cube = cube.with_file("model/weights", "of an earlier run");
    run(&scene, &cube, &["--task=evaluate,train"]).succeeds();
    let calls = engine.calls();
    let runs: Vec<_> = calls.iter().filter(|words| words[0] == "run").collect();
    let task = |words: &Vec<String>| {
        ["train", "evaluate"].into_iter().find(|task| words.iter().any(|word| word == task))
    };
    assert_eq!(runs.into_iter().map(task).collect::<Vec<_>>(), [Some("evaluate"), Some("train")]);
}

#[test]
fn the_cubes_file_may_have_another_name() {
    let (scene, engine, cube) = scene();
    let other = cube.root().join("mlcube_gpu.yaml");
    let text = fs::read_to_string(cube.root().join("mlcube.yaml")).unwrap();
    fs::write(&other, text.replace("mlcube-ssh/test:0.0.1", "the/gpu-image:1")).unwrap();
    let config = scene
        .tool("mlcube-ssh-config")
        .args(["--platform=gpu1", "--task=train", "--mlcube"])
        .arg(&other)
        .run();
    let pushed = scene
        .tool("mlcube-ssh-push")
        .reads_document(&config.succeeds().document())
        .run()
        .succeeds()
        .document();
    scene.tool("mlcube-ssh-exec").arg("run").reads_document(&pushed).run().succeeds();
    assert!(engine.run_call().iter().any(|word| word == "the/gpu-image:1"));
}

#[test]
fn the_environment_and_the_setup_line_of_the_settings() {
    let (mut scene, engine, cube) = scene();
    scene.set("/environment", serde_json::json!({"MODE": "it's $HOME; é", "LEVEL": 3}));
    // What it defines for a person isn't what our scripts mean.
    let odd = "printf() { echo no; }; cd() { :; }; test() { false; }; alias cat=false if=false";
    scene.set("/setup", format!("{odd}; echo loading modules; FROM_SETUP=yes; export FROM_SETUP"));
    engine.runs("printf '%s|' \"$MODE\" \"$LEVEL\" \"$FROM_SETUP\" > \"$folder/seen\"");
    let ran = run(&scene, &cube, &["--task=train"]);
    assert_eq!(ran.succeeds().document().at("/steps/exec/status"), 0);
    assert_eq!(fs::read_to_string(scene.host.bin().join("seen")).unwrap(), "it's $HOME; é|3|yes|");
}

#[test]
fn a_secret_reaches_the_task_and_nothing_else() {
    let (mut scene, _, cube) = scene();
    let engine = Engine::installed_on(&scene.host, "podman");
    scene.set("/remote/docker", "podman");
    let secret = "hunter2 it's $HOME";
    engine.runs("printf '%s' \"$TOKEN\" > \"$folder/token\"; cat /proc/*/cmdline > \"$folder/arguments\" 2>/dev/null || :");
    let config = scene.document(&cube, &["--task=train", "--env=TOKEN"]);
    let pushed = scene.tool("mlcube-ssh-push").reads_document(&config).run().succeeds().document();
    let exec = |words: &[&str]| scene.tool("mlcube-ssh-exec").args(words).reads_document(&pushed);
    exec(&["-q", "run"]).run().exits(125).complains(&["TOKEN"]);
    exec(&["--dry-run", "run"]).env("TOKEN", secret).run().succeeds().never_says("hunter2");
    let ran = exec(&["-v", "run"]).env("TOKEN", secret).run();
    ran.succeeds().never_says("hunter2");
    assert_eq!(fs::read_to_string(scene.host.bin().join("token")).unwrap(), secret);
    assert!(hands_on(&engine, "TOKEN"), "{:?}", engine.run_call());
    // A script would hand on its own value under such a name.
    let named = scene.document(&cube, &["--task=train", "--env=name"]);
    let named = scene.tool("mlcube-ssh-push").reads_document(&named).run().succeeds().document();
    let run = |words: &[&str]| {
        let run = scene.tool("mlcube-ssh-exec").args(words).reads_document(&named);
        run.env("name", secret).run()
    };
    for words in [&["run"][..], &["--dry-run", "run"]] {
        run(words).exits(125).complains(&["'name'", "scripts", "capital letter"]);
    }
    let places = [
        scene.host.bin().join("arguments"),
        scene.host.bin().join("engine-calls"),
        scene.host.remote_root(),
    ];
    for place in places {
        let found = scene.sh("grep -rl hunter2 -- \"$IN\"").env("IN", &place).run();
        assert_eq!((found.status, found.stdout.as_str()), (1, ""), "in {}", place.display());
    }
}

/// Whether the engine's run hands a variable to the container by its name.
fn hands_on(engine: &Engine, variable: &str) -> bool {
    let words = engine.run_call();
    words.windows(2).any(|two| (two[0] == "-e" || two[0] == "--env") && two[1] == variable)
}

#[test]
fn a_secret_reaches_the_task_also_when_the_engine_is_named_by_its_path() {
    let (mut scene, _, cube) = scene();
    let engine = Engine::installed_on(&scene.host, "podman");
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    scene.set("/env", serde_json::json!(["TOKEN"]));
    let config = scene.document(&cube, &["--task=train"]);
    let pushed = scene.tool("mlcube-ssh-push").reads_document(&config).run().succeeds().document();
    let run = scene
        .tool("mlcube-ssh-exec")
        .args(["-q", "run"])
        .env("TOKEN", "x")
        .reads_document(&pushed)
        .run();
    // It may be refused; what must not be is a task without its secret, and not a word.
    if run.status != 125 {
        assert!(hands_on(&engine, "TOKEN"), "{:?}", engine.run_call());
    }
}
