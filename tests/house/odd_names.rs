//! A cube whose paths, workspace and files have odd names works, and no part of a name is ever executed.

use std::fs;
use std::path::{Path, PathBuf};

use mlcube_ssh_harness::{Cube, Outcome, Scene, Task};

/// What a shell would act on, what splits words, what isn't ASCII; each part would leave a file `canary` if it ran.
const ODD: &str =
    "it's a \"cube\" $(touch canary) `touch canary`; touch canary & * ? ~ # \\ é\n-rf";

fn task() -> Task {
    let body = "cp $data $model/data; ls $model/.. > $model/names";
    Task::named("train").reads("data", "data.csv").writes("model", "model/").does(body)
}

/// `mlcube-ssh configure`, `run` and all between, as one pipe.
fn whole_pipe(scene: &Scene, cube: &Cube, words: &[&str]) -> Outcome {
    let line = "mlcube-ssh-config --platform=gpu1 --mlcube=\"$CUBE\" \"$@\" | mlcube-ssh-interp -q | mlcube-ssh-push -q \
                | mlcube-ssh-exec -q configure | mlcube-ssh-exec run | mlcube-ssh-pull -q";
    scene.sh(line).arg("sh").args(words).env("CUBE", cube.root()).run()
}

/// Whatever would have run would have left this, wherever it ran.
fn assert_nothing_was_executed(scene: &Scene) {
    let found = scene
        .sh("find \"$PLACE\" ~root -maxdepth 8 -name canary 2>/dev/null")
        .env("PLACE", scene.place().path())
        .run();
    assert_eq!(found.stdout, "", "something of a name was executed");
}

#[test]
fn times_of_every_age_and_names_of_every_length_arrive_both_ways() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train"));
    let document = scene.document(&cube, &[]);
    let run = |tool: &str| scene.tool(tool).reads_document(&document).run();
    run("mlcube-ssh-push").succeeds();
    let (here, there) = (cube.workspace(), scene.host.remote_root().join("digits/workspace"));
    let long = ["x".repeat(255), format!("{}/{}", "y".repeat(255), "\u{e9}".repeat(127))];
    let names = ["-rf", "a\tb", "blank ", "a\\b", long[0].as_str(), long[1].as_str()];
    // Half a second before 1970, a long time before that, in 2128, the first second of all.
    let times = ["@-0.5", "@-1000000000.25", "@5000000000.123456789", "@0", "@1", "@-1"];
    let files_with_times = |top: &Path, text: &str| {
        for (name, time) in names.iter().zip(times) {
            fs::create_dir_all(top.join(name).parent().unwrap()).unwrap();
            fs::write(top.join(name), text).unwrap();
            let touch =
                scene.sh("touch -d \"$1\" -- \"$2\"").arg("sh").arg(time).arg(top.join(name));
            touch.run().succeeds();
        }
    };
    let times_of = |top: &Path| -> Vec<_> {
        names.map(|name| fs::metadata(top.join(name)).unwrap().modified().unwrap()).into()
    };
    for (round, text) in ["new", "another text"].into_iter().enumerate() {
        // By an archive, then by rsync, which replaces.
        for (tool, from, to) in
            [("mlcube-ssh-push", &here, &there), ("mlcube-ssh-pull", &there, &here)]
        {
            let text =
                if tool == "mlcube-ssh-push" { text.to_owned() } else { format!("{text} there") };
            files_with_times(from, &text);
            if round == 0 {
                for name in names {
                    let _none_yet = fs::remove_file(to.join(name));
                }
            }
            run(tool).succeeds();
            assert_eq!(times_of(to), times_of(from), "{tool} {round}");
            for name in names {
                assert_eq!(fs::read_to_string(to.join(name)).unwrap(), text, "{name}");
            }
            for tool in ["mlcube-ssh-push", "mlcube-ssh-pull"] {
                assert!(run(tool).succeeds().stderr.contains("nothing to "), "{tool} {round}");
            }
        }
    }
}

#[test]
fn names_that_a_list_of_files_has_comments_for() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train"));
    let document = scene.document(&cube, &[]);
    let run =
        |tool: &str, words: &[&str]| scene.tool(tool).args(words).reads_document(&document).run();
    run("mlcube-ssh-push", &[]).succeeds();
    let there = scene.host.remote_root().join("digits");
    let names = ["#x", ";y", "#d/#z", "-e"];
    for (round, text) in ["one", "two and more"].into_iter().enumerate() {
        for name in names {
            for folder in ["", "workspace"] {
                let path = cube.root().join(folder).join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
        }
        run("mlcube-ssh-push", &[]).succeeds();
        for name in names {
            for folder in ["", "workspace"] {
                let came = fs::read_to_string(there.join(folder).join(name));
                assert_eq!(came.unwrap(), text, "{folder} {name} {round}");
            }
            fs::write(there.join("workspace").join(name), format!("{text} there")).unwrap();
        }
        run("mlcube-ssh-pull", &["--verify"]).exits(125).says("#x differs");
        run("mlcube-ssh-pull", &[]).succeeds();
        for name in names {
            assert_eq!(cube.result(name), format!("{text} there"), "{name}");
        }
        run("mlcube-ssh-push", &["--verify"]).succeeds();
    }
    // As many as go in an archive and with a list of their own.
    for number in 0..1200 {
        fs::write(there.join(format!("workspace/#{number}")), "1").unwrap();
    }
    run("mlcube-ssh-pull", &[]).succeeds();
    for number in 0..1200 {
        fs::write(there.join(format!("workspace/#{number}")), "22").unwrap();
    }
    run("mlcube-ssh-pull", &[]).succeeds();
    assert_eq!((cube.result("#0"), cube.result("#1199")), ("22".to_owned(), "22".to_owned()));
}

#[test]
fn a_cube_in_a_folder_with_an_odd_name() {
    let scene = Scene::new();
    let cube = Cube::new(&scene.home().join("cubes").join(ODD))
        .task(&task())
        .with_file("data.csv", "1,2\n");
    let cube = cube.with_file(&format!("sub/{ODD}"), "odd");
    whole_pipe(&scene, &cube, &[]).succeeds();
    assert_eq!(cube.result("model/data"), "1,2\n");
    assert_nothing_was_executed(&scene);
}

#[test]
fn a_cube_and_a_build_context_below_odd_folders() {
    let scene = Scene::new();
    let root = scene.home().join("all mine").join(ODD).join("a cubé's own");
    let cube = Cube::built_from(&root, "../project").task(&task()).with_file("data.csv", "1,2\n");
    whole_pipe(&scene, &cube, &[]).succeeds();
    assert_eq!(cube.result("model/data"), "1,2\n");
    assert_nothing_was_executed(&scene);
}

#[test]
fn a_workspace_with_an_odd_name() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&task());
    let workspace = scene.place().folder("elsewhere").join(ODD);
    fs::create_dir_all(workspace.join(ODD)).unwrap();
    fs::write(workspace.join("data.csv"), "1,2\n").unwrap();
    fs::write(workspace.join(ODD).join(ODD), "odd").unwrap();
    whole_pipe(&scene, &cube, &[&format!("--workspace={}", workspace.display())]).succeeds();
    assert_eq!(fs::read_to_string(workspace.join("model/data")).unwrap(), "1,2\n");
    assert_nothing_was_executed(&scene);
}

#[test]
fn settings_with_odd_values() {
    let mut scene = Scene::new();
    let odd = ODD.replace('\n', " ");
    scene.set("/remote_root", scene.host.folder().join(&odd).to_str().unwrap());
    scene.set("/environment", serde_json::json!({"ODD": ODD}));
    let key = scene.home().join(&odd);
    fs::rename(scene.home().join(".ssh/id"), &key).unwrap();
    scene.set("/authentication", serde_json::json!({"identify_file": key}));
    let cube = scene.cube("digits").task(&task()).with_file("data.csv", "1,2\n");
    whole_pipe(&scene, &cube, &[]).succeeds();
    assert_eq!(cube.result("model/data"), "1,2\n");
    assert_nothing_was_executed(&scene);
}

#[test]
fn results_with_odd_names_come_back() {
    let scene = Scene::new();
    let body = format!(
        "cat > $model/list <<'END'\n{ODD}\nEND\nname=$(cat $model/list); mkdir \"$model/$name\"; echo odd > \"$model/$name/$name\""
    );
    let cube =
        scene.cube("digits").task(&Task::named("train").writes("model", "model/").does(&body));
    whole_pipe(&scene, &cube, &[]).succeeds();
    assert_eq!(cube.result(&format!("model/{ODD}/{ODD}")), "odd\n");
    assert_nothing_was_executed(&scene);
}

/// What is refused, with the word that it must name: a parameter or an option, never after contact.
#[test]
fn what_the_remote_mlcube_would_hand_to_a_shell_is_refused_before_contact() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&task()).with_file("data.csv", "1,2\n");
    let refused: [(&str, &str); 12] = [
        ("data=$(touch canary)", "data"),
        ("data=a b", "data"),
        ("data=x;touch canary", "data"),
        ("model=`touch canary`/", "model"),
        ("--gpus=$(touch canary)", "gpus"),
        ("--memory=1g;touch canary", "memory"),
        ("--network=a b", "network"),
        ("-Pdocker.cpu_args=$(touch canary)", "docker.cpu_args"),
        ("-Pdocker.image=x;touch canary", "docker.image"),
        ("-Pdocker.a b=1", "the key holds ' '"),
        ("-Pdocker.$(touch canary)=1", "the key holds '$'"),
        ("-P=1", "has no key"),
    ];
    for (word, named) in refused {
        let document = scene.document(&cube, &[word]);
        for step in [&["mlcube-ssh-interp"][..], &["mlcube-ssh-push"], &["mlcube-ssh-exec", "run"]]
        {
            let ran = scene.tool(step[0]).args(&step[1..]).reads_document(&document).run();
            ran.exits(125).complains(&[named]);
        }
    }
    assert_eq!(scene.host.sshd.logins(), 0);
    assert_nothing_was_executed(&scene);
}

#[test]
fn the_users_home_may_have_an_odd_name() {
    let scene = Scene::new();
    let home: PathBuf = scene.place().folder("homes").join(ODD.replace(['\n', '$'], " "));
    fs::create_dir_all(&home).unwrap();
    let cube = Cube::new(&home.join("digits")).task(&task()).with_file("data.csv", "1,2\n");
    fs::copy(scene.settings_file(), home.join("mlcube.yaml")).unwrap();
    let config = scene.tool("mlcube-ssh-config").args(["--platform=gpu1", "--mlcube", "digits"]);
    let document = config.env("HOME", &home).in_folder(&home).run().succeeds().document();
    assert_eq!(
        document.at("/run/mlcube").as_str().map(Path::new),
        Some(cube.root().join("mlcube.yaml").as_path())
    );
    let push =
        scene.tool("mlcube-ssh-push").arg("-q").env("HOME", &home).reads_document(&document).run();
    push.succeeds().is_silent();
    assert!(scene.host.remote_root().join("digits/workspace/data.csv").exists());
}
