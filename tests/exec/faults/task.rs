//! Tasks that write a lot, write nothing, or don't end.

use std::env;

use mlcube_ssh_harness::eventually;

use crate::faults::staging::{Staged, shows, staged};

/// The megabytes of a long log: 20, or what `MLCUBE_SSH_FAULT_LOG` says (200 for the whole test).
fn megabytes() -> usize {
    env::var("MLCUBE_SSH_FAULT_LOG").ok().and_then(|size| size.parse().ok()).unwrap_or(20)
}

#[test]
fn a_long_log() {
    staged("log of many megabytes, cut in the middle", |_| {
        let size = megabytes();
        let job = Staged::that(&format!(
            "yes 'a line of a log that is long' | head -c {size}000000; exit 7"
        ));
        let running = job.exec(&["run"]);
        eventually("the log comes", || running.stdout().len() > 1_000_000);
        job.cut();
        let ended = running.wait();
        ended.exits(7);
        // What mlcube says of the status comes behind it.
        assert!(ended.stdout.len() >= size * 1_000_000);
        job.has_the_log(&ended);
        job.leaves_nothing();
    });
}

#[test]
fn a_long_line() {
    staged("log line of 10 MB without a newline", |_| {
        let job = Staged::that("head -c 10000000 /dev/zero | tr '\\0' x; exit 7");
        let ended = job.exec(&["run"]).wait();
        ended.exits(7);
        assert!(ended.stdout.len() >= 10_000_000);
        job.has_the_log(&ended);
        assert!(ended.stderr.len() < 10_000, "the last line isn't quoted whole");
        job.leaves_nothing();
    });
}

#[test]
fn it_closes_its_output() {
    staged("task that closes its output", |_| {
        let job = Staged::that("echo 'line 1.'; exec >&- 2>&-; sleep 1; exit 7");
        let ended = job.exec(&["run"]).wait();
        ended.exits(7);
        job.has_the_log(&ended);
        job.leaves_nothing();
    });
}

/// Ctrl-C ends a job that does this.
fn is_ended(line: &str) {
    let job = Staged::that(line);
    let running = job.exec(&["run"]);
    shows(&running, "line 1.");
    running.ctrl_c();
    running.wait().exits(130).says("ended");
    assert!(job.scene.jobs().is_empty(), "it is gone when we are: {:?}", job.scene.jobs());
    let told = job.asks(&["status"]);
    assert!(told.succeeds().stdout.contains("\"killed\""), "{told}");
}

#[test]
fn it_ignores_sigterm() {
    staged("task that ignores TERM, ended by Ctrl-C", |_| {
        is_ended("trap '' TERM INT HUP; echo 'line 1.'; while :; do sleep 0.1; done");
    });
}

#[test]
fn it_forks_twice() {
    staged("task that double-forks, ended by Ctrl-C", |_| {
        is_ended("setsid sh -c '(sleep 4001 &)' >/dev/null 2>&1; echo 'line 1.'; sleep 4002");
    });
}
