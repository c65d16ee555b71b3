//! What stages each fault: a job that counts, and the table of the rounds that it survived.

use std::env;
use std::fs;
use std::fs::OpenOptions;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use mlcube_ssh_harness::{Document, Engine, Outcome, Running, Scene, Task, eventually};

/// How far the job counts.
pub(crate) const LAST: u32 = 40;

/// Counts, a line each, for some two seconds; then ends with a status of its own.
pub(crate) const COUNTS: &str =
    "i=0; while [ $i -lt 40 ]; do i=$((i + 1)); echo \"line $i.\"; sleep 0.05; done; exit 7";

/// Stages a fault in several rounds, and notes how many were survived.
#[track_caller]
pub(crate) fn staged(fault: &str, stage: impl Fn(u32)) {
    let rounds = env::var("MLCUBE_SSH_FAULT_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    let rounds = rounds.unwrap_or(3);
    let survived = |&round: &u32| catch_unwind(AssertUnwindSafe(|| stage(round))).is_ok();
    let survived = (0..rounds).filter(survived).count();
    note(&format!("{rounds:6} {survived:8}  {fault}\n"));
    assert_eq!(survived, rounds as usize, "rounds of '{fault}' that were survived");
}

/// Adds a line to the table that `scripts/test` prints.
fn note(line: &str) {
    let Some(table) = env::var_os("MLCUBE_SSH_FAULTS") else { return };
    let mut table = OpenOptions::new().append(true).create(true).open(table).unwrap();
    table.write_all(line.as_bytes()).unwrap();
}

/// A moment that is another in every round.
pub(crate) fn after(round: u32, step: Duration) {
    sleep(step * round);
}

/// The line of the count at which a round's fault comes: early, in the middle, late.
pub(crate) fn line_of(round: u32) -> String {
    format!("line {}.\n", 1 + (round * 13) % (LAST - 1))
}

/// Waits until the client has shown this of the log.
pub(crate) fn shows(running: &Running, text: &str) {
    eventually("the log comes", || running.stdout().contains(text));
}

/// A job that is ready to be run.
pub(crate) struct Staged {
    pub(crate) scene: Scene,
    pub(crate) document: Document,
}

impl Staged {
    /// One whose engine does this line of sh.
    pub(crate) fn that(line: &str) -> Staged {
        Staged::in_scene(Scene::new(), line)
    }

    /// The same on an unusual host.
    pub(crate) fn in_scene(mut scene: Scene, line: &str) -> Staged {
        let engine = Engine::installed_on(&scene.host, "docker");
        engine.runs(line);
        scene.set("/remote/docker", engine.program().to_str().unwrap());
        let cube = scene.cube("digits").task(&Task::named("train"));
        let document = scene.document(&cube, &[]);
        let push = scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run();
        let document = push.succeeds().document();
        Staged { scene, document }
    }

    /// Starts `mlcube-ssh-exec` with these words; the job's log goes to its standard output.
    pub(crate) fn exec(&self, words: &[&str]) -> Running {
        let exec = self.scene.tool("mlcube-ssh-exec").args(words).arg("--output=ran.json");
        exec.reads_document(&self.document).start()
    }

    /// The same for an answer.
    pub(crate) fn asks(&self, words: &[&str]) -> Outcome {
        self.scene.tool("mlcube-ssh-exec").args(words).reads_document(&self.document).run()
    }

    /// The folders of the jobs on the remote.
    pub(crate) fn folders(&self) -> Vec<PathBuf> {
        let jobs = self.scene.host.remote_root().join(".mlcube-ssh/digits/jobs");
        fs::read_dir(jobs).map_or(vec![], |jobs| jobs.map(|job| job.unwrap().path()).collect())
    }

    /// The folder of the only job.
    #[track_caller]
    pub(crate) fn folder(&self) -> PathBuf {
        let mut folders = self.folders();
        assert_eq!(folders.len(), 1, "one job was started, not {folders:?}");
        folders.remove(0)
    }

    /// The client ended as if nothing had happened: the task's status, its log byte for byte, nothing left.
    #[track_caller]
    pub(crate) fn is_whole(&self, ended: &Outcome) {
        ended.exits(7);
        self.has_the_log(ended);
        assert_eq!(ended.stdout.matches("line ").count(), LAST as usize, "{ended}");
        self.leaves_nothing();
    }

    /// What the client wrote is the log: no byte twice, none missing.
    #[track_caller]
    pub(crate) fn has_the_log(&self, ended: &Outcome) {
        let log = fs::read_to_string(self.folder().join("log")).unwrap();
        assert!(ended.stdout == log, "the log arrived otherwise: {ended}\nit is:\n{log}");
    }

    /// Nothing of a job runs on.
    pub(crate) fn leaves_nothing(&self) {
        eventually("nothing of the job runs on", || self.scene.jobs().is_empty());
    }

    /// Whether nothing of the job runs any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.scene.jobs().is_empty()
    }

    /// Resets the connections: the sshd processes that serve them are killed.
    pub(crate) fn cut(&self) {
        self.scene.host.sshd.connections().kill();
    }
}
