//! Which command lines of `mlcube` the runner takes over: as they were typed, and no other ones. A program that shows
//! its words stands for mlcube-ssh.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use mlcube_ssh_harness::{Invocation, Outcome, Python, Scene, Task, repository};

use crate::user::{RELEASES, without_programs};

const SETTINGS: &str = "# my machines\n\
    runners:\n  ssh: {pkg: mlcube_ssh}  # by mlcube\n  docker: {pkg: mlcube_docker}\n\
    platforms:\n  gpu1: {runner: ssh, host: there}\n  docker: {runner: docker}\n  ssh: {runner: ssh}\n\
    storage: {}\n";

/// A user of a release of mlcube with the modules of the wheel, and nothing else of it.
struct Caller {
    scene: Scene,
    mlcube: PathBuf,
}

impl Caller {
    fn of(release: &str) -> Caller {
        let scene = Scene::new();
        without_programs(&scene);
        fs::write(scene.settings_file(), SETTINGS).unwrap();
        let _cube = scene.cube("cube").task(&Task::named("train"));
        Caller { scene, mlcube: Python::with_release(release).join("bin/mlcube") }
    }

    fn shows_words(self) -> Caller {
        // Bits 12 and 24 stand for SIGPIPE and SIGXFSZ among the signals that this process ignores.
        let ignored = "$(( 0x$(sed -n 's/SigIgn:.//p' /proc/self/status) & 0x1001000 ))";
        let lines = format!("printf '%s\\0' {ignored} \"$@\"; cat; exit 9");
        self.scene.has_program("mlcube-ssh", &lines);
        self
    }

    fn mlcube(&self, words: &[&str]) -> Invocation {
        let modules = repository().join("scripts/packaging/python");
        let called = self.scene.invocation(&self.mlcube).args(words).env("PYTHONPATH", modules);
        called.env("PYTHONDONTWRITEBYTECODE", "1")
    }

    /// mlcube-ssh was called with these words, the input and nothing else.
    #[track_caller]
    fn hands_over(&self, words: &[&str]) {
        let called = self.mlcube(words).reads("input").run();
        let shown = words.join("\0");
        assert_eq!(called.exits(9).is_told_nothing().stdout, format!("0\0{shown}\0input"));
        assert_eq!(fs::read_to_string(self.scene.settings_file()).unwrap(), SETTINGS);
    }

    /// mlcube did the work itself.
    #[track_caller]
    fn leaves_to_mlcube(&self, words: &str) -> Outcome {
        let called = self.mlcube(&words.split('|').collect::<Vec<_>>()).run();
        assert_ne!(called.status, 9, "{called}");
        called
    }
}

trait Told {
    fn is_told_nothing(&self) -> &Outcome;
}

impl Told for Outcome {
    /// Standard error is empty, but for what mlcube itself logs.
    #[track_caller]
    fn is_told_nothing(&self) -> &Outcome {
        let logged = |line: &str| line.contains(" INFO ") || line.contains(" DEBUG ");
        assert!(self.stderr.lines().all(logged), "{self}");
        self
    }
}

#[test]
fn the_words_arrive_as_they_were_typed() {
    for release in RELEASES {
        let user = Caller::of(release).shows_words();
        for words in [
            // `-h` would be help, `--detach` has no `=`, and a value may have several.
            "run|--mlcube=cube|--platform=gpu1|-Pdocker.image=hello|--detach|a=b=c",
            "configure|--mlcube|cube|--platform|gpu1|-P|docker.image=hello|-n",
            "--log-level|info|run|--platform=gpu1|--task|a,b|--gpus=0,1|--mount=ro",
            "run|--platform=docker|--platform=gpu1|--json|f|--|-Px=y|--platform=docker",
            "--log_level=debug|run|text=it's \"a\"\n$(id) *|--workspace=w s|--platform=ssh",
            "configure|--platform=gpu1|--|--help",
        ] {
            user.hands_over(&words.split('|').collect::<Vec<_>>());
        }
    }
}

#[test]
fn what_isnt_for_ssh_is_left_to_mlcube() {
    for release in RELEASES {
        let user = Caller::of(release).shows_words();
        let help = user.leaves_to_mlcube("run|--platform=gpu1|--help");
        assert!(help.succeeds().stdout.contains("Usage: mlcube run"), "{help}");
        for words in [
            "run|--mlcube=cube|--platform=docker",
            "configure|--mlcube=cube|--platform=unknown",
            "run|--mlcube=cube|--platform=docker|--|--platform=gpu1",
            "show_config|--mlcube=cube|--platform=gpu1",
        ] {
            user.leaves_to_mlcube(words);
        }
        // The runner of another package keeps its platforms.
        let settings = SETTINGS.replace("pkg: mlcube_ssh", "pkg: mlcube_other");
        fs::write(user.scene.settings_file(), settings).unwrap();
        user.leaves_to_mlcube("run|--mlcube=cube|--platform=gpu1");
    }
}

#[test]
fn a_settings_file_of_any_form_is_asked() {
    let user = Caller::of(RELEASES[0]).shows_words();
    let platform = "platforms: {gpu1: {runner: ssh}}\nstorage: {}\n";
    for (settings, is_ours) in [
        (format!("runners: {{}}\n{platform}"), true),
        (format!("runners: {{ssh: {{pkg: mlcube_remote}}}}\n{platform}"), true),
        (format!("runners: {{ssh: {{}}}}\n{platform}"), true),
        ("runners: {}\nplatforms: {gpu1: ssh}\nstorage: {}\n".to_owned(), false),
        ("runners: {}\nplatforms: {gpu1: {}}\nstorage: {}\n".to_owned(), false),
        ("runners: {}\nplatforms: {gpu1: {runner: '${nowhere}'}}\nstorage: {}\n".to_owned(), false),
    ] {
        fs::write(user.scene.settings_file(), &settings).unwrap();
        let called = user.mlcube(&["run", "--mlcube=cube", "--platform=gpu1"]).run();
        assert_eq!(called.status == 9, is_ours, "{settings}\n{called}");
        called.never_says("mlcube_remote/__init__.py");
    }
}

#[test]
fn a_missing_program_is_said_in_two_lines() {
    let user = Caller::of(RELEASES[0]);
    let words = ["run", "--mlcube=cube", "--platform=gpu1"];
    let refused = user.mlcube(&words).run();
    // On the package index the name may be anybody's: the hint installs the file.
    refused.exits(127).complains(&[
        "the program mlcube-ssh isn't there",
        "--no-index",
        "mlcube_remote-*.whl",
    ]);
    let program = user.scene.home().join("bin/mlcube-ssh");
    fs::write(&program, "#!/nowhere/sh\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let refused = user.mlcube(&words).run();
    refused.exits(126).complains(&[&program.display().to_string(), "No such file or directory"]);
}

#[test]
fn a_call_from_python_is_refused_in_plain_words() {
    let user = Caller::of(RELEASES[0]).shows_words();
    let python = user.mlcube.parent().unwrap().join("python");
    let program = "from mlcube.__main__ import cli\n\
        cli(['run', '--mlcube=cube', '--platform=gpu1', '--task=train'])";
    let called = user.scene.invocation(&python).args(["-c", program]);
    let modules = repository().join("scripts/packaging/python");
    let refused = called.env("PYTHONPATH", modules).env("PYTHONDONTWRITEBYTECODE", "1").run();
    refused.exits(1).says("start the program, `mlcube-ssh run");
}
