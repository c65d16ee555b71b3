//! What a push and a pull cost, as far as it isn't time: sessions and memory. And that the benchmark, which measures
//! the time, works.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use mlcube_ssh_harness::{Document, Scene, Task, repository};

/// So many files, and the most memory that a program may take for them, in bytes: with the 6 MB that it takes for
/// itself that makes 30 MB for 100,000 files.
const FILES: usize = 20_000;
const MEMORY: u64 = 4_800_000;

fn push(scene: &Scene, document: &Document) -> Document {
    scene.tool("mlcube-ssh-push").reads_document(document).run().succeeds().document()
}

#[test]
fn a_push_with_nothing_to_do_takes_one_session_and_one_script() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train").reads("data", "data.csv"));
    let cube = cube.with_file("data.csv", "1");
    fs::create_dir(cube.root().join("lib")).unwrap();
    fs::write(cube.root().join("lib/it's odd"), "2").unwrap();
    let document = push(&scene, &scene.document(&cube, &["--task=train"]));
    let sessions = || {
        let before = scene.host.sshd.sessions();
        let receipt = push(&scene, &document);
        let sent = receipt.at("/steps/push/files_sent").as_u64().unwrap();
        (scene.host.sshd.sessions() - before, sent)
    };
    assert_eq!(sessions(), (1, 0));
    let quiet = scene.tool("mlcube-ssh-push").arg("-v").reads_document(&document).run();
    quiet.succeeds().never_says("# in the same session");
    let incoming = scene.host.remote_root().join(".mlcube-ssh/digits/incoming");
    assert_eq!(fs::read_dir(&incoming).into_iter().flatten().count(), 0);
    let there = scene.host.remote_root().join("digits/lib/it's odd");
    fs::write(&there, "of another hand").unwrap();
    assert_eq!(sessions().1, 1, "code that was changed there");
    assert_eq!(fs::read_to_string(&there).unwrap(), "2");
    fs::remove_file(&there).unwrap();
    assert_eq!(sessions().1, 1, "code that is gone there");
    fs::set_permissions(&there, fs::Permissions::from_mode(0o600)).unwrap();
    sessions();
    assert_eq!(fs::metadata(&there).unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(sessions(), (1, 0));
    fs::write(cube.root().join("lib/new"), "3").unwrap();
    assert_eq!(sessions().1, 1, "new code");
}

#[test]
fn memory_goes_by_the_number_of_files_and_there_is_little_for_each() {
    let scene = Scene::new();
    let document_of = |name: &str| {
        let cube = scene.cube(name).task(&Task::named("train"));
        (scene.document(&cube, &["--task=train"]), cube)
    };
    let run = |program: &str, document: &Document| {
        let ran = scene.tool(program).arg("-q").reads_document(document).run();
        (ran.succeeds().peak_memory.unwrap(), ran.document())
    };
    let (for_itself, _) = run("mlcube-ssh-push", &document_of("small").0);
    let (document, cube) = document_of("digits");
    for number in 0..FILES {
        let folder = cube.workspace().join(format!("{:04}", number / 1000));
        if number % 1000 == 0 {
            fs::create_dir(&folder).unwrap();
        }
        fs::write(folder.join(format!("{number:07}.bin")), "").unwrap();
    }
    let cheap = |program: &str| {
        let (peak, document) = run(program, &document);
        let taken = peak.saturating_sub(for_itself);
        assert!(taken < MEMORY, "{program} took {taken} bytes");
        document
    };
    let sent = cheap("mlcube-ssh-push");
    assert!(sent.at("/steps/push/files_sent").as_u64().unwrap() > FILES as u64, "{sent:?}");
    assert_eq!(cheap("mlcube-ssh-push").at("/steps/push/files_sent"), 0);
    fs::remove_dir_all(cube.workspace()).unwrap();
    fs::create_dir(cube.workspace()).unwrap();
    assert_eq!(cheap("mlcube-ssh-pull").at("/steps/pull/files_sent"), FILES);
    assert_eq!(cheap("mlcube-ssh-pull").at("/steps/pull/files_sent"), 0);
}

#[test]
fn the_benchmark_works() {
    let scene = Scene::new();
    let programs = Path::new(env!("CARGO_BIN_EXE_mlcube-ssh-push")).parent().unwrap();
    let numbers = scene.home().join("numbers.json");
    let bench = scene.invocation(&repository().join("scripts/bench"));
    let bench = bench.args(["--quick", "--only=transfer,mechanisms", "--links=0", "--json"]);
    let bench =
        bench.args([&numbers, Path::new("--place"), scene.home()].map(|it| it.to_str().unwrap()));
    let ran = bench.args(["--programs", programs.to_str().unwrap()]).run();
    ran.succeeds();
    let numbers: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&numbers).unwrap()).unwrap();
    let rows = numbers["transfer"].as_array().unwrap();
    assert_eq!(rows.len(), 12, "{ran}");
    for row in rows {
        let name = format!("{}, {}", row["what"].as_str().unwrap(), row["act"].as_str().unwrap());
        assert!(ran.stdout.contains(&name), "{name}: {ran}");
        assert!(row["ratio"].as_f64().unwrap() > 0.0 && row["mlcube-ssh"]["peak"].is_number());
    }
    // ARCHITECTURE.md says of each mechanism in its table why it stays.
    let architecture = fs::read_to_string(repository().join("ARCHITECTURE.md")).unwrap();
    let rows = numbers["mechanisms"].as_array().unwrap();
    assert_eq!(rows.len(), 8, "{ran}");
    for row in rows {
        let mechanism = row["mechanism"].as_str().unwrap();
        assert!(ran.stdout.contains(mechanism), "{mechanism}: {ran}");
        assert!(architecture.contains(&format!("| {mechanism} |")), "{mechanism}");
    }
}
