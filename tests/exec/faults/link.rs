//! Faults of the link: it breaks, falls silent, comes back.

use std::fs;
use std::time::Duration;

use mlcube_ssh_harness::{eventually, is_in_own_network, network_comes_up, network_goes_down};
use rustix::process::Signal;

use crate::faults::staging::{COUNTS, LAST, Staged, after, line_of, shows, staged};

#[test]
fn the_connection_is_reset_during_the_start() {
    staged("connection reset during the start", |round| {
        let job = Staged::that(COUNTS);
        let running = job.exec(&["run"]);
        after(round, Duration::from_millis(70));
        job.cut();
        job.is_whole(&running.wait());
    });
}

#[test]
fn a_start_that_is_asked_for_twice_starts_one_job() {
    staged("connection reset before the job's folder is made, both starts go on", |_| {
        let job = Staged::that(COUNTS);
        let bin = job.scene.host.bin();
        // The first start is held up before it has the lock; the second one, for which the client asks, isn't.
        job.scene.host.has_program(
            "flock",
            "if mkdir \"${0%/*}/first\" 2>/dev/null; then until [ -e \"${0%/*}/second\" ]; do sleep 0.05; done; fi\nexec /usr/bin/flock \"$@\"",
        );
        let running = job.exec(&["run"]);
        eventually("the first start waits", || bin.join("first").exists());
        job.cut();
        shows(&running, "line 1.\n");
        fs::write(bin.join("second"), "").unwrap();
        job.is_whole(&running.wait());
    });
}

#[test]
fn the_connection_is_reset_while_following() {
    staged("connection reset while following", |round| {
        let job = Staged::that(COUNTS);
        let running = job.exec(&["run"]);
        shows(&running, &line_of(round));
        job.cut();
        let ended = running.wait();
        job.is_whole(&ended);
        assert_eq!(ended.stderr.matches("was lost").count(), 1, "one notice: {ended}");
    });
}

#[test]
fn the_connection_is_reset_at_the_end() {
    staged("connection reset at the end", |round| {
        let job = Staged::that(COUNTS);
        let running = job.exec(&["run"]);
        shows(&running, &format!("line {LAST}."));
        after(round, Duration::from_millis(40));
        job.cut();
        job.is_whole(&running.wait());
    });
}

#[test]
fn it_is_reset_again_and_again() {
    staged("connection reset five times in one job", |_| {
        let job = Staged::that(COUNTS);
        let running = job.exec(&["run"]);
        for line in [2, 9, 17, 24, 33] {
            shows(&running, &format!("line {line}."));
            job.cut();
        }
        job.is_whole(&running.wait());
    });
}

#[test]
fn sshd_is_restarted() {
    staged("sshd restarted", |round| {
        let mut job = Staged::that(COUNTS);
        let running = job.exec(&["run"]);
        shows(&running, &line_of(round));
        job.scene.host.sshd.stop();
        job.scene.masters().kill();
        after(1 + round, Duration::from_millis(700));
        job.scene.host.sshd.comes_back();
        job.is_whole(&running.wait());
    });
}

#[test]
fn the_network_is_silent() {
    staged("other end of the connection silent for 4 s", |round| {
        let job = Staged::that(COUNTS);
        let running = job.exec(&["run"]);
        shows(&running, &line_of(round));
        let silent: Vec<_> = job.scene.host.sshd.connections().iter().cloned().collect();
        for process in &silent {
            process.signal(Signal::STOP);
        }
        after(1, Duration::from_secs(4));
        for process in &silent {
            process.signal(Signal::CONT);
        }
        job.is_whole(&running.wait());
    });
}

#[test]
fn the_host_stays_away() {
    staged("host away for longer than --reconnect-timeout", |round| {
        let mut job = Staged::that(COUNTS);
        let running = job.exec(&["run", "--reconnect-timeout=1"]);
        shows(&running, &line_of(round));
        job.scene.host.sshd.stop();
        job.scene.masters().kill();
        let given_up = running.wait();
        given_up.exits(255).says("mlcube-ssh attach ");
        job.scene.host.sshd.comes_back();
        job.is_whole(&job.exec(&["attach"]).wait());
    });
}

#[test]
fn packets_are_dropped() {
    if !is_in_own_network() {
        return;
    }
    staged("every packet dropped for up to 30 s", |round| {
        let job = Staged::that(COUNTS);
        let running = job.exec(&["run"]);
        shows(&running, &line_of(round));
        network_goes_down();
        after(1, Duration::from_secs(30 / u64::from(round % 3 + 1)));
        network_comes_up();
        job.is_whole(&running.wait());
    });
}
