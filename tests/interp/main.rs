//! The python environment on the host: it is made once, it is complete or absent, and it stays as it is when nothing is
//! required.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use mlcube_ssh_harness::{
    Blackhole, Document, HostOptions, Outcome, Python, Scene, Task, Tmpfs, am_root, eventually,
    made_once, skip,
};
use serde_json::{Value, json};

fn document(scene: &Scene) -> Document {
    scene.document(&scene.cube("digits").task(&Task::named("train")), &[])
}

/// Runs the step with this interpreter in the settings.
fn interp(scene: &mut Scene, interpreter: Value) -> Outcome {
    scene.set("/interpreter", interpreter);
    scene.tool("mlcube-ssh-interp").arg("-q").reads_document(&document(scene)).run()
}

/// An environment in the remote home.
fn virtualenv(requirements: &str) -> Value {
    json!({"type": "virtualenv", "python": "python3", "location": "~/envs", "name": "cube", "requirements": requirements})
}

fn system(python: &str, requirements: &str) -> Value {
    json!({"type": "system", "python": python, "requirements": requirements})
}

/// A scene with an environment that the step has made, and its settings. It is made once for all tests of what comes
/// afterwards, and copied.
fn with_environment() -> (Scene, Value) {
    let interpreter = virtualenv(&Python::offline_requirements());
    let copy = |scene: &Scene, from: &Path, to: &Path| {
        let copy = scene.sh("cp -a \"$FROM\" \"$TO\"").env("FROM", from).env("TO", to).run();
        copy.succeeds();
    };
    let script = concat!(
        include_str!("../../mlcube-ssh-config/src/remote/interpreter/sh/environment.sh"),
        include_str!("../../mlcube-ssh-config/src/remote/interpreter/sh/start-mlcube.py"),
        include_str!("../../mlcube-ssh-config/src/remote/interpreter/sh/requirements.py")
    );
    let made = made_once("environment", script, |folder| {
        let mut scene = Scene::new();
        interp(&mut scene, interpreter.clone()).succeeds();
        copy(&scene, &scene.host.home().join("envs"), folder);
    });
    let scene = Scene::new();
    copy(&scene, &made.join("envs"), scene.host.home());
    (scene, interpreter)
}

/// Whether the environment's own python can start mlcube.
fn runs_mlcube(scene: &Scene, environment: &str) -> bool {
    let python = scene.host.home().join(environment).join("bin/python");
    scene.invocation(&python).args(["-m", "mlcube", "--help"]).run().status == 0
}

fn package(scene: &Scene, name: &str) -> Option<PathBuf> {
    let lib = fs::read_dir(scene.host.home().join("envs/cube/lib")).ok()?.next()?.unwrap().path();
    Some(lib.join("site-packages").join(name)).filter(|path| path.exists())
}

#[test]
fn without_requirements_the_installed_packages_are_used() {
    let mut scene = Scene::new();
    let python = Python::with_mlcube().display().to_string();
    let ran = interp(&mut scene, system(&python, ""));
    let receipt = ran.succeeds().is_silent().document();
    assert_eq!(receipt.at("/steps/interp/changed"), false);
    assert_eq!(receipt.at("/steps/interp/python"), &json!(python));
    // The docker runner 0.0.9 hands its words to a shell.
    assert_eq!(receipt.at("/steps/interp/gpus"), "quoted");
    assert_eq!((scene.host.sshd.logins(), scene.host.sshd.sessions()), (1, 1));
}

#[test]
fn an_environment_is_made_and_then_left_alone() {
    let mut scene = Scene::new();
    let made = interp(&mut scene, virtualenv(&Python::offline_requirements()));
    assert_eq!(made.succeeds().document().at("/steps/interp/changed"), true);
    assert!(runs_mlcube(&scene, "envs/cube"));
    // Without pip nothing could be installed any more, nor even be looked up.
    fs::remove_dir_all(package(&scene, "pip").unwrap()).unwrap();
    let before = scene.host.sshd.sessions();
    let again = interp(&mut scene, virtualenv(&Python::offline_requirements()));
    assert_eq!(again.succeeds().document().at("/steps/interp/changed"), false);
    assert_eq!(scene.host.sshd.sessions(), before + 1, "one round trip");
}

#[test]
fn an_environment_is_made_where_virtualenv_is_missing() {
    let mut scene = Scene::with(HostOptions::default().without("virtualenv"));
    interp(&mut scene, virtualenv(&Python::offline_requirements())).succeeds();
    assert!(runs_mlcube(&scene, "envs/cube"));
}

#[test]
fn requirements_are_words_for_pip_and_nothing_else() {
    let mut scene = Scene::new();
    let wheels = Python::wheels();
    let requirements = format!(
        "  --no-index   --find-links={}\n mlcube>=0.0.9 \t mlcube-docker<1,>=0.0.1   requests[security]>2;python_version>'3' ",
        wheels.display()
    );
    interp(&mut scene, virtualenv(&requirements)).succeeds();
    assert!(runs_mlcube(&scene, "envs/cube"));
    let made: Vec<_> =
        fs::read_dir(scene.host.home()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!made.iter().any(|name| name.to_string_lossy().contains(['=', '1', '2'])), "{made:?}");
}

#[test]
fn changed_requirements_are_installed() {
    let mut scene = Scene::new();
    let wheels = format!("--no-index --find-links {}", Python::wheels().display());
    interp(&mut scene, virtualenv(&format!("{wheels} mlcube==0.0.9"))).succeeds();
    assert!(package(&scene, "mlcube_docker").is_none());
    let more =
        interp(&mut scene, virtualenv(&format!("{wheels} mlcube==0.0.9 mlcube-docker==0.0.9")));
    assert_eq!(more.succeeds().document().at("/steps/interp/changed"), true);
    assert!(package(&scene, "mlcube_docker").is_some());
}

#[test]
fn odd_names_are_only_names() {
    let mut scene = Scene::new();
    let mut interpreter = virtualenv(&Python::offline_requirements());
    interpreter["location"] = json!("~/it's $HOME; touch canary *");
    interpreter["name"] = json!("a \"b\" `touch canary` é");
    interp(&mut scene, interpreter).succeeds();
    assert!(runs_mlcube(&scene, "it's $HOME; touch canary */a \"b\" `touch canary` é"));
    assert!(!scene.host.home().join("canary").exists());
}

#[test]
fn an_interrupted_environment_is_repaired() {
    let mut scene = Scene::new();
    scene.set("/interpreter", virtualenv(&Python::offline_requirements()));
    let document = document(&scene);
    let running = scene.tool("mlcube-ssh-interp").arg("-q").reads_document(&document).start();
    eventually("it has begun", || scene.host.home().join("envs/cube").exists());
    // A power cut: nothing of it goes on, there or here.
    scene.host.sshd.stop();
    scene.jobs().with("envs").kill();
    running.wait().exits(255).complains(&["there"]);
    eventually("all of it is gone", || scene.jobs().with("envs").is_empty());
    scene.host.sshd.comes_back();
    let repaired = scene.tool("mlcube-ssh-interp").arg("-q").reads_document(&document).run();
    assert_eq!(repaired.succeeds().document().at("/steps/interp/changed"), true);
    assert!(runs_mlcube(&scene, "envs/cube"));
}

#[test]
fn an_environment_that_was_damaged_is_repaired() {
    let (mut scene, interpreter) = with_environment();
    fs::remove_file(scene.host.home().join("envs/cube/bin/python")).unwrap();
    interp(&mut scene, interpreter).succeeds();
    assert!(runs_mlcube(&scene, "envs/cube"));
}

#[test]
fn an_environment_that_cannot_start_mlcube_any_more_is_repaired() {
    let (mut scene, interpreter) = with_environment();
    // As `pip uninstall` leaves it, and as a purge of old files on a scratch disk does.
    let site = package(&scene, "mlcube").unwrap();
    let uninstalled = [site.clone(), site.with_file_name("mlcube-0.0.9.dist-info")];
    let purged = [site.with_file_name("omegaconf").join("__init__.py")];
    for damage in [&uninstalled[..], &purged] {
        has_proof(&mut scene, &interpreter);
        for path in damage {
            scene.sh("rm -r \"$IT\"").env("IT", path).run().succeeds();
        }
        let repaired = interp(&mut scene, interpreter.clone());
        assert_eq!(repaired.succeeds().document().at("/steps/interp/changed"), true);
        assert!(runs_mlcube(&scene, "envs/cube"));
    }
}

/// A cleanup of old files takes all files, or all but the marks of ours; folders and links stay.
#[test]
fn an_environment_without_its_files_is_made_anew() {
    let (mut scene, interpreter) = with_environment();
    for purged in ["envs/cube/lib", "envs/cube"] {
        let purge = format!("find '{}/{purged}' -type f -delete", scene.host.home().display());
        scene.sh(&purge).run().succeeds();
        let repaired = interp(&mut scene, interpreter.clone());
        assert_eq!(repaired.succeeds().document().at("/steps/interp/changed"), true);
        assert!(runs_mlcube(&scene, "envs/cube"), "{purged}");
    }
}

#[test]
fn a_python_of_the_system_in_a_folder_is_no_environment() {
    let mut scene = Scene::new();
    let folder = scene.host.home().join("envs/cube");
    fs::create_dir_all(folder.join("bin")).unwrap();
    symlink("/usr/bin/python3", folder.join("bin/python")).unwrap();
    fs::write(folder.join("notes"), "mine").unwrap();
    let refused = interp(&mut scene, virtualenv(&Python::offline_requirements()));
    refused.exits(125).complains(&["envs/cube", "isn't a python environment"]);
    assert_eq!(fs::read_to_string(folder.join("notes")).unwrap(), "mine");
}

/// Where the remote keeps of what mlcube was seen to start.
fn proof(scene: &Scene) -> PathBuf {
    scene.host.home().join("envs/cube/.mlcube-ssh-started")
}

/// Asks until mlcube was seen to start from files none of which had changed within that second, as they do in an
/// environment that has just been made.
fn has_proof(scene: &mut Scene, interpreter: &Value) {
    eventually("a proof that mlcube starts", || {
        let ran = interp(scene, interpreter.clone());
        ran.succeeds().document().at("/steps/interp/mlcube") == "0.0.9"
            && fs::read_to_string(proof(scene))
                .is_ok_and(|text| text.contains("\nmlcube 0.0.9 quoted\n"))
    });
}

#[test]
fn mlcube_is_started_again_only_where_something_that_it_starts_from_has_changed() {
    let (mut scene, interpreter) = with_environment();
    let yaml = package(&scene, "yaml").unwrap().join("__init__.py");
    let beside = yaml.parent().unwrap().with_file_name("another.pth");
    for (change, command) in [
        ("a module", "cp \"$IT\" \"$IT.new\" && mv \"$IT.new\" \"$IT\""),
        ("a module beside it", ": > \"$IT\""),
    ] {
        has_proof(&mut scene, &interpreter);
        // Another version in it tells that it is what was looked at.
        let text = fs::read_to_string(proof(&scene)).unwrap();
        fs::write(proof(&scene), text.replacen("mlcube 0.0.9", "mlcube seen", 1)).unwrap();
        let ran = interp(&mut scene, interpreter.clone());
        assert_eq!(ran.succeeds().document().at("/steps/interp/mlcube"), "seen");
        let changed = if change == "a module" { &yaml } else { &beside };
        scene.sh(command).env("IT", changed).run().succeeds();
        let ran = interp(&mut scene, interpreter.clone());
        assert_eq!(ran.succeeds().document().at("/steps/interp/mlcube"), "0.0.9", "{change}");
    }
}

#[test]
fn what_the_user_sets_for_python_and_pip_does_not_reach_what_we_run() {
    let mut scene = Scene::new();
    let shadows = scene.host.home().join("shadows");
    fs::create_dir_all(&shadows).unwrap();
    fs::write(shadows.join("omegaconf.py"), "raise ImportError('not the right one')").unwrap();
    scene.set(
        "/environment",
        json!({"PYTHONPATH": shadows.display().to_string(), "PYTHONHOME": "/nowhere", "PIP_USER": "1", "PIP_REQUIRE_VIRTUALENV": "1",
               "PIP_TARGET": "/nowhere"}),
    );
    interp(&mut scene, virtualenv(&Python::offline_requirements())).succeeds();
    let python = Python::with_mlcube().display().to_string();
    let ran = interp(&mut scene, system(&python, ""));
    assert_eq!(ran.succeeds().document().at("/steps/interp/mlcube"), "0.0.9");
}

#[test]
fn a_python_that_is_too_new_is_named_with_one_that_is_not() {
    let (mut scene, _) = with_environment();
    // What python 3.13 took away.
    let site = package(&scene, "mlcube").unwrap();
    let line = "import sys, typing; sys.modules.pop('typing.io', None)\n";
    fs::write(site.with_file_name("newer.pth"), line).unwrap();
    let python = scene.host.home().join("envs/cube/bin/python").display().to_string();
    scene.host.has_program("python3.12", "true");
    let other = scene.host.bin().join("python3.12").display().to_string();
    interp(&mut scene, system(&python, "")).exits(125).complains(&[
        "too new",
        "typing.io",
        "there",
        &other,
    ]);
}

#[test]
fn an_environment_without_pip_whose_requirements_are_met_is_used() {
    let mut scene = Scene::new();
    let environment = scene.host.home().join("made by uv");
    let python = environment.join("bin/python").display().to_string();
    let made = format!(
        "$UV venv -q --python /usr/bin/python3 \"$IT\"
         $UV pip install -q --no-cache --python \"$IT\" {}",
        Python::offline_requirements()
    );
    scene.sh(&made).env("UV", Python::uv()).env("IT", &environment).run().succeeds();
    let met = interp(&mut scene, system(&python, "mlcube==0.0.9 mlcube-docker>=0.0.5,<1"));
    assert_eq!(met.succeeds().document().at("/steps/interp/changed"), false);
    let unmet = interp(&mut scene, system(&python, "mlcube>0.0.9"));
    unmet.exits(125).complains(&["no pip", "there"]);
}

#[test]
fn an_index_that_is_not_reached_is_named_and_not_the_package() {
    let mut scene = Scene::new();
    let hole = Blackhole::open();
    let swallows =
        format!("--index-url http://127.0.0.1:{}/simple --timeout 1 mlcube", hole.port());
    for (requirements, words) in [
        ("--index-url http://127.0.0.1:1/simple mlcube", "Connection refused"),
        ("--index-url https://index.invalid/simple --proxy http://127.0.0.1:1 mlcube", "proxy"),
        (&swallows, "timed out"),
    ] {
        let failed = interp(&mut scene, virtualenv(requirements));
        failed.exits(125).complains(&["package index", "there", words]);
        failed.never_says("No matching distribution");
    }
}

#[test]
fn an_index_that_refuses_every_request_may_be_the_cause() {
    let mut scene = Scene::new();
    let program = "import http.server
class Refusing(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(503)
server = http.server.HTTPServer(('127.0.0.1', 0), Refusing)
print(server.server_port, flush=True)
server.serve_forever()";
    let server = scene.invocation(Path::new("python3")).args(["-c", program]).start();
    eventually("it listens", || server.stdout().ends_with('\n'));
    let index = format!("http://127.0.0.1:{}/simple", server.stdout().trim());
    let failed = interp(&mut scene, virtualenv(&format!("--index-url {index} --retries 0 mlcube")));
    failed.exits(125).complains(&["No matching distribution", "there", "shows its reply"]);
    server.kill_all();
}

/// As a site's proxy that intercepts TLS: its certificate comes from a CA that only the site knows.
#[test]
fn a_certificate_of_the_sites_own_is_named_and_the_hint_works() {
    let mut scene = Scene::new();
    let _wheel = a_mlcube(&scene);
    let wheels = scene.host.home().display().to_string();
    let make = "cd \"$IT\" && openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=site &&
        openssl req -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -subj /CN=127.0.0.1 &&
        echo subjectAltName=IP:127.0.0.1 > names &&
        openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out own.pem &&
        cat own.pem >> key.pem";
    scene.sh(make).env("IT", &wheels).run().succeeds();
    let program = "import functools, http.server, ssl, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1] + '/key.pem')
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()";
    let serve = scene.invocation(Path::new("python3")).args(["-c", program]).arg(&wheels);
    let server = serve.start();
    eventually("it listens", || server.stdout().ends_with('\n'));
    let index = format!("https://127.0.0.1:{}/", server.stdout().trim());
    let failed = interp(&mut scene, virtualenv(&format!("--index-url {index} mlcube")));
    failed.exits(125).complains(&["package index", "CERTIFICATE_VERIFY_FAILED", "PIP_CERT"]);
    scene.set("/environment", json!({"PIP_CERT": format!("{wheels}/ca.pem")}));
    let found = format!("--no-index --find-links {index} mlcube");
    interp(&mut scene, virtualenv(&found)).succeeds();
    server.kill_all();
    server.wait();
}

#[test]
fn a_pip_that_takes_long_is_not_silent() {
    let mut scene = Scene::new();
    let python = scene.host.bin().join("python4");
    scene
        .host
        .has_program("python4", "case $* in *'-m pip'*) sleep 12; exit 1 ;; *) exit 1 ;; esac");
    scene.set("/interpreter", system(python.to_str().unwrap(), "mlcube"));
    let running = scene.tool("mlcube-ssh-interp").reads_document(&document(&scene)).run();
    running.exits(125).says("pip is still running");
}

#[test]
fn on_a_terminal_one_line_shows_what_pip_does() {
    let mut scene = Scene::new();
    let python = scene.host.bin().join("python4");
    let pip = "echo 'Collecting numpy'; sleep 3; echo 'no such thing' >&2; exit 1";
    scene
        .host
        .has_program("python4", &format!("case $* in *'-m pip'*) {pip} ;; *) exit 1 ;; esac"));
    scene.set("/interpreter", system(python.to_str().unwrap(), "mlcube"));
    fs::write(scene.home().join("run.json"), document(&scene).to_string()).unwrap();
    let interp = |words: &str| format!("mlcube-ssh-interp {words} --input run.json >/dev/null");
    let shown = scene.sh_at_a_terminal(&interp("")).run().stdout;
    let drawn: Vec<&str> = shown.split('\r').filter(|line| line.contains("pip: ")).collect();
    let times: Vec<&str> = drawn
        .iter()
        .filter_map(|line| Some(line.split_once("  pip: Collecting numpy")?.0))
        .collect();
    assert!(times.len() > 1 && times[0] < times[times.len() - 1], "{shown:?}");
    assert!(!drawn.iter().any(|line| line.contains('\n')), "one line only: {shown:?}");
    assert!(shown.contains("\r\x1b[Kmlcube-ssh-interp: error: "), "it is erased: {shown:?}");
    assert!(shown.contains("no such thing"), "the failure is pip's: {shown:?}");
    let quiet = scene.sh_at_a_terminal(&interp("-q")).run().stdout;
    assert!(!quiet.contains("Collecting"), "{quiet:?}");
    let elsewhere = scene.sh(&interp("")).run();
    elsewhere.exits(125).never_says("Collecting").never_says("\r");
}

#[test]
fn somebody_elses_folder_is_not_an_environment() {
    let mut scene = Scene::new();
    let folder = scene.host.home().join("envs/cube");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("thesis.tex"), "years of work").unwrap();
    interp(&mut scene, virtualenv("")).exits(125).complains(&["envs/cube", "there"]);
    assert_eq!(fs::read_to_string(folder.join("thesis.tex")).unwrap(), "years of work");
}

#[test]
fn a_missing_python_is_named() {
    let mut scene = Scene::new();
    interp(&mut scene, system("python9", "")).exits(125).complains(&["python9", "there", "python"]);
    let mut interpreter = virtualenv("");
    interpreter["python"] = json!("/opt/none/python");
    interp(&mut scene, interpreter).exits(125).complains(&["/opt/none/python", "there"]);
    assert!(!scene.host.home().join("envs/cube").exists());
}

#[test]
fn what_pip_can_not_install_is_named_in_pips_own_words() {
    let mut scene = Scene::new();
    let wheels = format!("--no-index --find-links {}", Python::wheels().display());
    let failed = interp(&mut scene, virtualenv(&format!("{wheels} no-such-package")));
    failed.exits(125).complains(&["there", "No matching distribution found for no-such-package"]);
    assert_eq!(failed.document().at("/failed/kind"), "ours");
    interp(&mut scene, virtualenv(&Python::offline_requirements())).succeeds();
    assert!(runs_mlcube(&scene, "envs/cube"));
}

#[test]
fn an_environment_on_a_full_disk() {
    let mut scene = Scene::new();
    let small = scene.host.home().join("envs");
    let Some(_disk) = Tmpfs::mount(&small, "2m") else { return };
    let full = interp(&mut scene, virtualenv(&Python::offline_requirements()));
    full.exits(125).complains(&["there", "room"]);
    let grow = format!("mount -o remount,size=200m {}", small.display());
    scene.sh(&grow).run().succeeds();
    interp(&mut scene, virtualenv(&Python::offline_requirements())).succeeds();
    assert!(runs_mlcube(&scene, "envs/cube"));
}

#[test]
fn a_python_without_mlcube_gets_the_line_to_write() {
    let mut scene = Scene::new();
    let wheels = format!("--no-index --find-links {}", Python::wheels().display());
    interp(&mut scene, virtualenv(&wheels)).exits(125).complains(&[
        "mlcube",
        "there",
        "requirements",
    ]);
    interp(&mut scene, virtualenv(&Python::offline_requirements())).succeeds();
}

#[test]
fn a_python_of_the_distribution_is_left_to_it() {
    // A python that pip takes for Debian's own: its standard library says so (PEP 668).
    let mut scene = Scene::new();
    let refuses =
        "case $* in *pip*) echo 'error: externally-managed-environment' >&2; exit 1 ;; esac";
    let python = scene.host.bin().join("python4");
    scene.has_program(
        "../../there/bin/python4",
        &format!("{refuses}\nexec {} \"$@\"", Python::with_mlcube().display()),
    );
    let failed = interp(&mut scene, system(python.to_str().unwrap(), "six==9"));
    failed.exits(125).complains(&["there", "type: virtualenv"]);
}

#[test]
fn a_dry_run_shows_where_and_what() {
    let mut scene = Scene::new();
    scene.set("/interpreter", virtualenv("mlcube>=0.0.9"));
    let shown =
        scene.tool("mlcube-ssh-interp").arg("--dry-run").reads_document(&document(&scene)).run();
    shown.succeeds().says("envs/cube").says("'mlcube>=0.0.9'").says("exec sh -c").says("ssh ");
    assert_eq!(scene.host.sshd.logins(), 0);
}

#[test]
fn a_requirement_with_a_url_is_one_requirement() {
    let mut scene = Scene::new();
    let wheels = Python::wheels();
    let url = format!("file://{}/mlcube-0.0.9-py3-none-any.whl", wheels.display());
    let requirements = format!(
        "--no-index --find-links {} mlcube @ {url} mlcube-docker == 0.0.9",
        wheels.display()
    );
    interp(&mut scene, virtualenv(&requirements)).succeeds();
    assert!(runs_mlcube(&scene, "envs/cube"));
}

#[test]
fn an_option_of_pip_hides_no_requirement() {
    let (mut scene, _) = with_environment();
    let python = scene.host.home().join("envs/cube/bin/python").display().to_string();
    let list = scene.host.home().join("list.txt");
    fs::write(&list, "no-such-package\n").unwrap();
    let wheels = format!("--no-index --find-links {}", Python::wheels().display());
    let file = format!("-r {}", list.display());
    for words in ["--no-cache-dir no-such-package", "-q no-such-package", &file] {
        let failed = interp(&mut scene, system(&python, &format!("{wheels} {words}")));
        failed.exits(125).complains(&["No matching distribution found for no-such-package"]);
    }
    // pip isn't asked about what is there, or isn't for this python.
    let met = |scene: &mut Scene, words: &str| {
        let met = interp(scene, system(&python, &format!("{wheels} {words}")));
        assert_eq!(met.succeeds().document().at("/steps/interp/changed"), false, "{words}");
    };
    met(&mut scene, "mlcube no-such-package;python_version<'3'");
    fs::remove_dir_all(package(&scene, "pip").unwrap()).unwrap();
    met(&mut scene, "-q mlcube==0.0.9");
    met(&mut scene, "--retries 1 mlcube");
}

#[test]
fn a_lock_that_can_not_be_made_is_named() {
    let mut scene = Scene::new();
    // Where nothing may be written root still may: what is in the way is a folder.
    fs::create_dir_all(scene.host.home().join("envs/cube.lock")).unwrap();
    let failed = interp(&mut scene, virtualenv(""));
    failed.exits(125).complains(&["can't write", "envs/cube.lock", "location"]);
}

/// Puts a mlcube into an environment that does nothing, and starts: what is looked at is the environment.
fn has_a_mlcube(environment: &Path, lines: &str) {
    let lib = fs::read_dir(environment.join("lib")).unwrap().next().unwrap().unwrap().path();
    let package = lib.join("site-packages/mlcube");
    fs::create_dir_all(&package).unwrap();
    fs::write(package.join("__init__.py"), "").unwrap();
    fs::write(package.join("__main__.py"), lines).unwrap();
}

/// Requirements with a mlcube that does nothing, and starts.
fn a_mlcube(scene: &Scene) -> String {
    let program = "import sys, zipfile
with zipfile.ZipFile(sys.argv[1] + '/mlcube-0.0.9-py3-none-any.whl', 'w') as wheel:
    wheel.writestr('mlcube/__init__.py', '')
    wheel.writestr('mlcube/__main__.py', '')
    info = 'mlcube-0.0.9.dist-info/'
    wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: mlcube\\nVersion: 0.0.9\\n')
    wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr(info + 'RECORD', '')
";
    let wheels = scene.host.home();
    scene.invocation(Path::new("python3")).args(["-c", program]).arg(wheels).run().succeeds();
    format!("--no-index --find-links {} mlcube", wheels.display())
}

/// The settings for an environment that this python makes.
fn made_by(python: &str, requirements: &str) -> Value {
    let mut settings = virtualenv(requirements);
    settings["python"] = json!(python);
    settings
}

/// A python that claims to be another release, of which a test can't be sure that there are two.
fn has_another_python(scene: &Scene) {
    scene.host.has_program(
        "python4",
        "case $* in *base_prefix*) echo 3.8 /opt/python ;; *) exec /usr/bin/python3 \"$@\" ;; esac",
    );
}

/// Where the former environment is until the new one starts mlcube.
fn former(scene: &Scene) -> PathBuf {
    scene.host.home().join("envs/cube.mlcube-ssh-former")
}

#[test]
fn another_python_in_the_settings_makes_the_environment_anew() {
    let mut scene = Scene::new();
    let mlcube = a_mlcube(&scene);
    let settings = |python: &str| made_by(python, &mlcube);
    let environment = scene.host.home().join("envs/cube");
    for name in ["python3", "/usr/bin/python3"] {
        interp(&mut scene, settings(name)).succeeds();
    }
    has_another_python(&scene);
    let python = environment.join("bin/python");
    let job = scene.invocation(&python).args(["-c", "import time; time.sleep(1000)"]).start();
    interp(&mut scene, settings("python4")).exits(125).complains(&[
        "envs/cube",
        "run in it",
        "name",
    ]);
    job.kill_all();
    job.wait();
    let absent = interp(&mut scene, settings("/opt/none/python"));
    absent.exits(125).complains(&["no python '/opt/none/python'"]);
    interp(&mut scene, settings("python3")).succeeds();
    let mine = environment.join("notes.txt");
    fs::write(&mine, "of the former one").unwrap();
    interp(&mut scene, settings("python4")).succeeds();
    assert!(!mine.exists() && !former(&scene).exists());
    interp(&mut scene, settings("python4")).succeeds();
}

#[test]
fn a_new_environment_that_does_not_work_leaves_the_former_one() {
    let mut scene = Scene::new();
    let mlcube = a_mlcube(&scene);
    has_another_python(&scene);
    let environment = scene.host.home().join("envs/cube");
    let mine = environment.join("notes.txt");
    interp(&mut scene, made_by("python3", &mlcube)).succeeds();
    fs::write(&mine, "years of work").unwrap();
    let is_as_before = |scene: &mut Scene| {
        assert_eq!(fs::read_to_string(&mine).unwrap(), "years of work");
        assert!(!former(scene).exists());
        let again = interp(scene, made_by("python3", &mlcube));
        assert_eq!(again.succeeds().document().at("/steps/interp/changed"), false);
    };
    // pip fails; mlcube isn't among what pip installs; python can't make an environment.
    let wheels = format!("{mlcube} no-such-package");
    interp(&mut scene, made_by("python4", &wheels)).exits(125).complains(&["no-such-package"]);
    is_as_before(&mut scene);
    interp(&mut scene, made_by("python4", "")).exits(125).complains(&["mlcube isn't installed"]);
    is_as_before(&mut scene);
    scene.host.has_program("virtualenv", "mkdir -p \"$4/bin\"; echo 'no ensurepip' >&2; exit 1");
    let failed = interp(&mut scene, made_by("python4", &mlcube));
    failed.exits(125).complains(&["can't create", "no ensurepip", "python3-venv"]);
    is_as_before(&mut scene);
    // The client dies, the host has a power cut, while pip waits for an index that never answers.
    fs::remove_file(scene.host.bin().join("virtualenv")).unwrap();
    let hole = Blackhole::open();
    let waits = format!("--index-url http://127.0.0.1:{}/simple --timeout 60 mlcube", hole.port());
    for ends in ["the client", "the host"] {
        scene.set("/interpreter", made_by("python4", &waits));
        let document = document(&scene);
        let running = scene.tool("mlcube-ssh-interp").arg("-q").reads_document(&document).start();
        eventually("pip waits", || former(&scene).exists() && !scene.jobs().with("60").is_empty());
        if ends == "the client" {
            running.kill_all();
            running.wait();
            eventually("the former one is back", || mine.exists());
        } else {
            scene.host.sshd.stop();
            scene.jobs().with("envs").kill();
            running.wait().exits(255);
            eventually("all of it is gone", || scene.jobs().with("envs").is_empty());
            scene.host.sshd.comes_back();
            interp(&mut scene, made_by("python3", &mlcube)).succeeds();
        }
        is_as_before(&mut scene);
    }
}

#[test]
fn an_unfinished_environment_is_kept_if_no_python_can_replace_it() {
    let mut scene = Scene::new();
    let environment = scene.host.home().join("envs/cube");
    fs::create_dir_all(&environment).unwrap();
    for name in [".mlcube-ssh-begun", "notes.txt"] {
        fs::write(environment.join(name), "").unwrap();
    }
    let failed = interp(&mut scene, made_by("/opt/none/python", ""));
    failed.exits(125).complains(&["no python '/opt/none/python'"]);
    assert!(environment.join("notes.txt").exists());
}

#[test]
fn a_module_that_only_a_run_imports_and_another_version_are_noticed() {
    let (mut scene, interpreter) = with_environment();
    has_proof(&mut scene, &interpreter);
    let module = package(&scene, "mlcube_docker").unwrap().join("docker_run.py");
    fs::remove_file(&module).unwrap();
    let python = scene.host.home().join("envs/cube/bin/python").display().to_string();
    let failed = interp(&mut scene, system(&python, ""));
    failed.exits(125).complains(&["mlcube_docker.docker_run", "there", "install mlcube again"]);
    let repaired = interp(&mut scene, interpreter.clone());
    assert_eq!(repaired.succeeds().document().at("/steps/interp/changed"), true);
    assert!(module.exists());
    // pip, called by hand, has installed another version.
    has_proof(&mut scene, &interpreter);
    let info = package(&scene, "mlcube-0.0.9.dist-info").unwrap();
    let older = "sed -i 's/^Version: .*/Version: 0.0.7/' \"$IT/METADATA\" && mv \"$IT\" \"${IT%0.0.9*}0.0.7.dist-info\"";
    scene.sh(older).env("IT", &info).run().succeeds();
    let receipt = interp(&mut scene, interpreter).succeeds().document();
    assert_eq!(receipt.at("/steps/interp/changed"), true);
    assert_eq!(receipt.at("/steps/interp/mlcube"), "0.0.9");
    assert!(info.exists());
}

#[test]
fn an_environment_of_the_users_own_is_never_removed() {
    let mut scene = Scene::new();
    let environment = scene.host.home().join("envs/cube");
    scene.sh("python3 -m venv --without-pip \"$IT\"").env("IT", &environment).run().succeeds();
    has_a_mlcube(&environment, "");
    interp(&mut scene, virtualenv("")).succeeds();
    has_a_mlcube(&environment, "raise ImportError('purged')");
    let failed = interp(&mut scene, virtualenv(""));
    failed.exits(125).complains(&["envs/cube", "wasn't made by mlcube-ssh", "name"]);
    assert!(environment.join("pyvenv.cfg").exists());
    let listed = scene.tool("mlcube-ssh-exec").arg("clean").reads_document(&document(&scene)).run();
    listed.succeeds().never_says("environment");
}

/// In a sticky folder anybody can make what takes the place of an environment.
#[test]
fn a_former_environment_of_another_user_is_never_used() {
    if !am_root() {
        skip("only root can make a folder of another user");
        return;
    }
    let mut scene = Scene::new();
    let sticky = scene.host.folder().join("sticky");
    let canary = scene.place().path().join("canary");
    let made = "mkdir -p \"$IT/cube.mlcube-ssh-former/bin\" && cd \"$IT\" && chmod 1777 . &&
        printf '#!/bin/sh\\n: >%s\\n' \"$CANARY\" >cube.mlcube-ssh-former/bin/python &&
        chmod 755 cube.mlcube-ssh-former/bin/python && printf 'python3 \\n' >cube.mlcube-ssh-former/.mlcube-ssh-whole &&
        : >cube.mlcube-ssh-former/.mlcube-ssh-made && chown -R nobody cube.mlcube-ssh-former";
    scene.sh(made).env("IT", &sticky).env("CANARY", &canary).run().succeeds();
    let mut interpreter = virtualenv("");
    interpreter["location"] = sticky.to_str().into();
    interp(&mut scene, interpreter).exits(125).complains(&["cube.mlcube-ssh-former", "nobody"]);
    assert!(!canary.exists() && !sticky.join("cube").exists());
}

/// Somebody who sees that the account is about to make a folder can make it first.
#[test]
fn a_folder_that_another_user_makes_at_the_last_moment_is_never_used() {
    if !am_root() {
        skip("only root can make a folder of another user");
        return;
    }
    let mut scene = Scene::new();
    let sticky = scene.host.folder().join("sticky");
    let made = scene.sh("mkdir -m 1777 \"$IT\"").env("IT", &sticky).run();
    made.succeeds();
    for (location, folder) in [("sticky/envs", "sticky/envs"), ("sticky", "sticky/cube")] {
        let folder = scene.host.folder().join(folder).display().to_string();
        let first = format!("/bin/mkdir '{folder}' && chown nobody '{folder}'");
        let line = format!("[ \"$2\" != '{folder}' ] || {{ {first}; }}; exec /bin/mkdir \"$@\"");
        scene.host.has_program("mkdir", &line);
        let mut interpreter = virtualenv("");
        interpreter["location"] = scene.host.folder().join(location).to_str().unwrap().into();
        interp(&mut scene, interpreter).exits(125).says("nobody").says(&folder);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "nothing is put into it");
    }
}

#[test]
fn a_missing_folder_of_wheels_is_named() {
    let mut scene = Scene::new();
    let requirements = "--no-index --find-links /srv/none mlcube==0.0.9";
    let failed = interp(&mut scene, virtualenv(requirements));
    failed.exits(125).complains(&["no folder '/srv/none'", "there", "--find-links"]);
}
