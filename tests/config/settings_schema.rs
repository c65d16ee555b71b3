//! The JSON Schema of the settings file and mlcube-ssh-config agree about what a platform's section may say.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::path::Path;

use mlcube_ssh_harness::{Scene, Schema};
use serde_json::{Map, Value, json};

/// A platform's section with one setting changed; null takes it away.
fn platform(key: &str, value: Value) -> Value {
    let mut section = json!({
        "runner": "ssh", "host": "there", "platform": "docker", "remote_root": "~/cubes",
        "interpreter": {"type": "system", "python": "python3", "requirements": ""},
    });
    section[key] = value;
    section.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    section
}

fn virtualenv(change: &Value) -> Value {
    let mut environment = json!({
        "type": "virtualenv", "python": "python3", "requirements": "", "location": "~/e", "name": "n",
    });
    let map = environment.as_object_mut().unwrap();
    map.extend(change.as_object().unwrap().clone());
    map.retain(|_, value| !value.is_null());
    environment
}

/// Settings that can be used, and settings that can't.
fn settings() -> [Vec<(&'static str, Value)>; 2] {
    let slurm = |key: &str, value: Value| json!({"type": "slurm", key: value});
    let valid = vec![
        ("host", json!("ann@gpu1.lan")),
        ("interpreter", virtualenv(&json!({}))),
        (
            "authentication",
            json!({"user": "ann", "identify_file": "~/.ssh/id", "identity_file": ""}),
        ),
        ("env", json!(["HF_TOKEN"])),
        ("environment", json!({"TMPDIR": "/scratch", "OMP_NUM_THREADS": 4, "DEBUG": true})),
        ("setup", json!("module load apptainer")),
        ("remote", json!({"runner": "docker", "docker": "podman"})),
        ("remote_name", json!("a.b_c-d+e")),
        ("follow_links", json!(["/scratch", "~/data"])),
        ("adopt", json!(true)),
        ("persist", json!(0)),
        ("persist", json!("1h30m")),
        ("login", json!("once")),
        ("log_limit", json!("500M")),
        ("launcher", json!({})),
        ("launcher", json!({"type": "direct"})),
        ("launcher", slurm("args", json!(["--time=1:00"]))),
        ("launcher", json!({"type": "slurm", "configure": "slurm", "poll": "1m"})),
        ("shared", json!("${oc.decode:${oc.env:MLC_SHARED}}")),
        ("connect_timeout", json!("${oc.env:MLC_TIMEOUT}")),
    ];
    let invalid = vec![
        ("conect_timeout", json!(5)),
        ("host", Value::Null),
        ("host", json!("")),
        ("host", json!(["a"])),
        ("platform", json!(7)),
        ("interpreter", json!("python3")),
        ("interpreter", json!({"type": "conda", "python": "python3", "requirements": ""})),
        ("interpreter", json!({"type": "system", "python": 3.11, "requirements": ""})),
        ("interpreter", virtualenv(&json!({"location": null}))),
        ("authentication", json!({"user": ["ann"]})),
        ("env", json!("HF_TOKEN")),
        ("env", json!(["HF-TOKEN"])),
        ("environment", json!({"TMP-DIR": "/scratch"})),
        ("environment", json!({"TMPDIR": ["/scratch"]})),
        ("setup", json!(true)),
        ("remote", json!("docker")),
        ("remote_name", json!("a/b")),
        ("follow_links", json!(["data"])),
        ("adopt", json!("always")),
        ("persist", json!("soon")),
        ("persist", json!(-1)),
        ("persist", json!(100_000_000)),
        ("login", json!("nevr")),
        ("log_limit", json!("1T")),
        ("launcher", json!({"type": "pbs"})),
        ("launcher", json!({"type": "direct", "args": []})),
        ("launcher", slurm("arg", json!([]))),
        ("launcher", slurm("args", json!("--time=1:00"))),
        ("launcher", slurm("configure", json!("node"))),
    ];
    [valid, invalid]
}

/// A settings file with a platform for each of these settings, by the setting and its value.
fn file_with(settings: Vec<(&'static str, Value)>) -> Map<String, Value> {
    let named = |(number, (key, value)): (usize, (&str, Value))| {
        (format!("{key}-{number}"), platform(key, value))
    };
    settings.into_iter().enumerate().map(named).collect()
}

#[test]
fn the_schema_and_the_program_take_and_refuse_the_same_settings() {
    let scene = Scene::new();
    for (settings, is_valid) in settings().into_iter().zip([true, false]) {
        let platforms = file_with(settings);
        fs::write(scene.settings_file(), json!({"platforms": platforms}).to_string()).unwrap();
        let checked = scene
            .tool("mlcube-ssh-config")
            .arg("--validate")
            .env("MLC_SHARED", "true")
            .env("MLC_TIMEOUT", "1m")
            .run();
        for (name, section) in &platforms {
            let alone = json!({"platforms": {name: section}});
            let problems = Schema::settings().problems(&alone);
            assert_eq!(problems.is_empty(), is_valid, "the schema: {section}: {problems:?}");
            let is_taken = checked.stdout.contains(&format!("{name}: valid\n"));
            assert_eq!(is_taken, is_valid, "the program: {section}: {checked}");
        }
    }
}

/// Only these are warned of, because the Python runner takes them; an editor shows them, too.
#[test]
fn the_schema_names_a_key_that_nothing_uses() {
    for (key, value) in [
        ("authentication", json!({"password": "x"})),
        ("interpreter", virtualenv(&json!({"requirments": "mlcube"}))),
    ] {
        let file = json!({"platforms": {"gpu1": platform(key, value)}});
        assert_eq!(Schema::settings().problems(&file).len(), 1, "{file}");
    }
}

#[test]
fn the_schema_takes_whole_files_with_other_runners() {
    let mut file = json!({
        "runners": {"ssh": {"pkg": "mlcube_ssh"}, "docker": {"pkg": "mlcube_docker"}},
        "storage": {},
        "platforms": {
            "gpu1": platform("authentication", Value::Null),
            "docker": {"runner": "docker", "gpus": "all", "conect_timeout": 5},
            "cloud": {"runner": "gcp", "gcp": {"project_id": "x"}},
            "copy": "${platforms.gpu1}",
        },
    });
    assert_eq!(Schema::settings().problems(&file), [""; 0]);
    file["platforms"]["gpu1"]["conect_timeout"] = json!(5);
    let problems = Schema::settings().problems(&file);
    assert!(problems.len() == 1 && problems[0].contains("conect_timeout"), "{problems:?}");
    file["platforms"] = json!({"gpu1": {"host": "there"}});
    assert_eq!(Schema::settings().problems(&file).len(), 1, "a platform says its runner");
}

/// Every settings file of the worked cases from which mlcube-ssh-config makes a document.
#[test]
fn the_schema_takes_the_settings_of_every_case() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/config/cases");
    let mut taken = 0;
    for case in fs::read_dir(cases).unwrap().map(|case| case.unwrap().path()) {
        // A file may lack what the command line gives.
        let words = fs::read_to_string(case.join("args.txt")).unwrap();
        if !case.join("expected.json").exists() || words.contains("-Prunner.") {
            continue;
        }
        let text = fs::read_to_string(case.join("settings.yaml")).unwrap();
        // An empty file is one without platforms; some test what YAML itself allows.
        let Ok(file @ Value::Object(_)) = serde_yaml::from_str::<Value>(&text) else { continue };
        assert_eq!(Schema::settings().problems(&file), [""; 0], "{}", case.display());
        taken += 1;
    }
    assert!(taken > 30, "{taken}");
}
