//! Faults of the client: it is killed, suspended, started twice, interrupted.

use std::fs;
use std::time::Duration;

use mlcube_ssh_harness::eventually;
use rustix::process::Signal;

use crate::faults::staging::{COUNTS, Staged, after, line_of, shows, staged};

#[test]
fn it_is_killed_and_another_attaches() {
    staged("client killed by SIGKILL, attached from another", |round| {
        let job = Staged::that(COUNTS);
        let running = job.exec(&["run"]);
        shows(&running, &line_of(round));
        running.signal(Signal::KILL);
        running.wait().exits(137);
        job.is_whole(&job.exec(&["attach"]).wait());
    });
}

#[test]
fn its_terminal_is_closed() {
    staged("client ended by SIGHUP, attached from another", |round| {
        let job = Staged::that(COUNTS);
        let running = job.exec(&["run"]);
        shows(&running, &line_of(round));
        running.signal(Signal::HUP);
        running.wait().exits(129);
        job.is_whole(&job.exec(&["attach"]).wait());
    });
}

#[test]
fn it_is_suspended() {
    staged("client suspended (SIGSTOP, SIGCONT), link gone meanwhile", |round| {
        let job = Staged::that(COUNTS);
        let running = job.exec(&["run"]);
        shows(&running, &line_of(round));
        running.signal(Signal::STOP);
        job.cut();
        after(1 + round, Duration::from_secs(1));
        running.signal(Signal::CONT);
        job.is_whole(&running.wait());
    });
}

#[test]
fn two_follow_one_job() {
    staged("two clients following one job", |round| {
        let job = Staged::that(COUNTS);
        let one = job.exec(&["run"]);
        shows(&one, &line_of(round));
        let attach = job.scene.tool("mlcube-ssh-exec").args(["attach", "--output=two.json"]);
        let two = attach.reads_document(&job.document).start();
        job.is_whole(&one.wait());
        job.is_whole(&two.wait());
    });
}

#[test]
fn a_pipe_of_five_is_interrupted() {
    staged("Ctrl-C in the middle of a five-program pipe", |round| {
        let job = Staged::that(COUNTS);
        let pipe = "mlcube-ssh-config --mlcube=digits --platform=gpu1 | mlcube-ssh-interp -q | mlcube-ssh-push -q \
                    | mlcube-ssh-exec run | mlcube-ssh-pull -q";
        let mut running = job.scene.sh(pipe).start();
        running.says(&line_of(round));
        running.ctrl_c();
        assert_ne!(running.wait().status, 0);
        eventually("the job was ended", || job.folder().join("status").exists());
        job.leaves_nothing();
        let log = fs::read_to_string(job.folder().join("log")).unwrap();
        assert!(!log.contains("line 40."), "it was ended, not waited for: {log}");
    });
}

#[test]
fn a_second_ctrl_c_leaves_it() {
    staged("second Ctrl-C while a job is being ended", |_| {
        let job = Staged::that("trap '' TERM; echo 'line 1.'; sleep 3; sleep 3");
        let running = job.exec(&["run"]);
        shows(&running, "line 1.");
        running.ctrl_c();
        // Within a second two signals are one: a wrapper forwards what the terminal has sent already.
        after(1, Duration::from_millis(1300));
        running.ctrl_c();
        running.wait().exits(130).says("mlcube-ssh attach ");
        // Whatever the status says, the stop is still at work.
        eventually("its leader has written a status", || job.folder().join("status").exists());
        let told = job.asks(&["status"]);
        if !job.has_ended() {
            told.succeeds();
            assert!(told.stdout.contains(r#""why":"left""#), "{told}");
        }
        job.asks(&["stop", "--force"]).succeeds();
        job.leaves_nothing();
    });
}
