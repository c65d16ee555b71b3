//! A new login while a job is followed: one that can't succeed isn't tried again.

use std::fs;

use mlcube_ssh_harness::{Account, Outcome, Scene, SecondFactor, eventually};

use crate::faults::staging::{COUNTS, LAST, Staged, shows};

/// A job of which the connection was cut after `change` came over its host or its user's machine.
fn cut_after(change: impl FnOnce(&mut Scene)) -> (Staged, Outcome) {
    let mut job = Staged::that(COUNTS);
    let running = job.exec(&["run"]);
    shows(&running, "line 3.");
    change(&mut job.scene);
    job.cut();
    (job, running.wait())
}

/// The client gave up at once, and names the way back to the job.
fn gave_up(ended: &Outcome, words: &[&str]) {
    ended.exits(255).says("mlcube-ssh attach ").says("may still run");
    for word in words {
        ended.says(word);
    }
}

fn attempts(job: &Staged) -> usize {
    job.scene.host.sshd.log().matches("Connection from ").count()
}

#[test]
fn a_refused_login_is_final() {
    let keys = |scene: &Scene| scene.host.folder().join("sshd/authorized_keys");
    let mut kept = String::new();
    let (mut job, ended) = cut_after(|scene| {
        kept = fs::read_to_string(keys(scene)).unwrap();
        fs::write(keys(scene), "").unwrap();
    });
    gave_up(&ended, &["refused", "Permission denied"]);
    assert_eq!(attempts(&job), 2, "{}", job.scene.host.sshd.log());
    fs::write(keys(&job.scene), kept).unwrap();
    job.scene.host.sshd.stop();
    job.scene.host.sshd.comes_back();
    job.is_whole(&job.exec(&["attach"]).wait());
}

#[test]
fn a_name_that_is_gone_is_final() {
    let (job, ended) = cut_after(|scene| scene.has_ssh_config("HostName nowhere.invalid"));
    gave_up(&ended, &["resolve"]);
    assert_eq!(attempts(&job), 1);
}

#[test]
fn another_host_key_is_final() {
    let (job, ended) = cut_after(|scene| scene.host.sshd.changes_its_host_key());
    gave_up(&ended, &["host key", "changed"]);
    assert_eq!(attempts(&job), 2);
}

/// A job on a host that takes a password, which a program tells.
fn with_a_password() -> Option<(Account, Staged)> {
    let (account, mut scene) = Scene::with_a_password()?;
    let ask = scene.askpass();
    scene.has_variable("SSH_ASKPASS", ask.to_str().unwrap());
    // The engine notes its calls beside itself.
    account.owns(&scene.host.bin());
    let job = Staged::in_scene(scene, COUNTS);
    account.owns(&job.scene.host.bin());
    Some((account, job))
}

#[test]
fn a_password_is_asked_for_once_more() {
    let Some((_account, job)) = with_a_password() else { return };
    let running = job.exec(&["run"]);
    shows(&running, "line 3.");
    job.cut();
    let ended = running.wait();
    ended.exits(7).says("asking once");
    assert_eq!(job.scene.asked(), 2);
}

#[test]
fn a_wrong_password_is_given_once() {
    let Some((_account, job)) = with_a_password() else { return };
    let running = job.exec(&["run"]);
    shows(&running, "line 3.");
    job.scene.answers("guess");
    job.cut();
    gave_up(&running.wait(), &["refused"]);
    assert_eq!(job.scene.asked(), 2);
    assert_eq!(job.scene.host.sshd.log().matches("Failed password").count(), 1);
}

#[test]
fn with_once_nothing_is_asked_or_pushed_until_somebody_logs_in() {
    for factor in [SecondFactor::OneTimePassword, SecondFactor::Push] {
        let Some((account, mut scene)) = Scene::with_a_second_factor(factor) else { return };
        scene.set("/login", "once");
        account.owns(&scene.host.bin());
        let job = Staged::in_scene(scene, COUNTS);
        account.owns(&job.scene.host.bin());
        let mut running = job.exec(&["run"]);
        shows(&running, "line 3.");
        // Those of the account alone: the sshd is the first process of its system.
        job.scene.host.sshd.connections().with(account.name()).kill();
        running.says("the job continues; waiting for `mlcube-ssh login --mlcube=");
        eventually("the job ends", || job.has_ended());
        assert_eq!(job.scene.factors(), 1, "{factor:?}");
        job.asks(&["login"]).succeeds().says("logged in on 'there'");
        let ended = running.wait();
        assert_eq!(ended.exits(7).stdout.matches("line ").count(), LAST as usize, "{ended}");
        assert_eq!(job.scene.factors(), 2, "{factor:?}");
    }
}

#[test]
fn a_session_that_is_ended_again_and_again() {
    let job = Staged::that("echo started; exec sleep 60");
    let running_sessions = job.scene.host.sshd.sessions();
    // Whatever follows the log is killed there.
    job.scene.host.has_program("tail", "kill -KILL $PPID");
    let ended = job.exec(&["run"]).wait();
    gave_up(&ended, &["by a signal"]);
    ended.never_says("was lost");
    assert!(job.scene.host.sshd.sessions() - running_sessions < 8);
    job.scene.host.loses_program("tail");
    job.asks(&["stop"]).succeeds();
    job.leaves_nothing();
}

#[test]
fn a_start_that_fails_is_no_lost_link() {
    for (setup, words) in [("exit 3", "status 3"), ("if", "status 2")] {
        let mut job = Staged::that(COUNTS);
        job.scene.set("/setup", setup);
        job.document = job.document.with("/config/runner/setup", setup);
        let ended = job.exec(&["run"]).wait();
        ended.exits(125).says("setup").says(words);
        ended.never_says("continues").never_says("lost");
    }
}
