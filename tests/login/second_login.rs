//! The setting `login`: when a step may log in; the verb `login`, and `list --connections`.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;

use mlcube_ssh_harness::{
    Document, HostOptions, Outcome, Running, Scene, SecondFactor, Task, eventually,
};

/// The document of a cube for a host that the settings say this of.
fn with_login(scene: &mut Scene, login: &str) -> Document {
    scene.set("/login", login);
    let cube = scene.cube("digits").task(&Task::named("train"));
    let document = scene.document(&cube, &[]);
    fs::write(scene.home().join("run.json"), document.to_string()).unwrap();
    document
}

fn attempts(scene: &Scene) -> usize {
    scene.host.sshd.log().matches("Connection from ").count()
}

fn connections(scene: &Scene) -> Outcome {
    scene.mlcube_ssh(&["list", "--connections"]).run()
}

#[test]
fn with_never_a_step_uses_an_open_connection_only() {
    let mut scene = Scene::new();
    let document = with_login(&mut scene, "never");
    let push = || scene.push(&document, &["-q"]);
    let is_refused = |refused: &Outcome| {
        refused.exits(255).complains(&["no connection to 'there' is open"]);
        refused.says("`mlcube-ssh login --mlcube=").says("--platform=gpu1`");
    };
    is_refused(&push());
    is_refused(&scene.exec(&document, &["list"]));
    is_refused(&scene.pull(&document, &[]));
    assert_eq!(attempts(&scene), 0);
    let login = || scene.mlcube_ssh(&["login", "--mlcube=digits", "--platform=gpu1"]).run();
    let opened = "logged in on 'there'; the connection closes after 10 min without use";
    login().succeeds().says(opened).says("`mlcube-ssh logout --mlcube=");
    push().succeeds();
    login().succeeds().says("a connection to 'there' is open already; it closes after 10 min");
    assert_eq!(scene.host.sshd.logins(), 1);
    scene.exec(&document, &["logout"]).succeeds();
    is_refused(&push());
    assert_eq!(attempts(&scene), 1);
}

#[test]
fn a_connection_that_died_is_not_replaced_with_never() {
    let mut scene = Scene::new();
    let document = with_login(&mut scene, "never");
    scene.exec(&document, &["login"]).succeeds();
    // Its socket stays.
    scene.masters().kill();
    let refused = scene.push(&document, &["-q"]);
    refused.exits(255).complains(&["no connection to 'there' is open"]);
    assert_eq!(attempts(&scene), 1);
    scene.exec(&document, &["login"]).succeeds().says("logged in");
    scene.push(&document, &["-q"]).succeeds();
}

#[test]
fn with_once_a_command_line_logs_in_once() {
    let mut scene = Scene::new();
    let _in_a_file = with_login(&mut scene, "once");
    let run = |between: &str| {
        let line =
            format!("mlcube-ssh-interp -q <run.json >a && {between} <a && mlcube-ssh-push -q <a");
        scene.sh(&line).run()
    };
    for logins in 1..3 {
        let refused = run("mlcube-ssh-exec -q logout");
        refused.exits(255).complains(&["no connection to 'there' replies any more", "login: once"]);
        refused.says("log in with `mlcube-ssh login ");
        // The next line logs in by itself.
        assert_eq!(scene.host.sshd.logins(), logins);
    }
    run("mlcube-ssh-exec -q logout <a && mlcube-ssh-exec login")
        .succeeds()
        .says("logged in on 'there'");
    // Also where another command line has opened the connection.
    assert_eq!(scene.host.sshd.logins(), 4);
    run("mlcube-ssh-exec -q logout").exits(255);
    assert_eq!(scene.host.sshd.logins(), 4);
}

/// A step waits until the host takes its session, where it may not log in once more for it.
#[test]
fn with_once_and_never_no_second_login_makes_room_for_a_session() {
    let mut scene = Scene::with(HostOptions::default().config("MaxSessions 1"));
    let documents = ["once", "never"].map(|login| with_login(&mut scene, login));
    scene.exec(&documents[0], &["login"]).succeeds();
    let free = scene.host.folder().join("free");
    let waits = format!("echo held; until [ -e {} ]; do sleep 0.1; done", free.display());
    let holder = scene.sh(&format!("exec ssh -S \"$(find run -type s)\" there '{waits}'")).start();
    eventually("the session is held", || holder.stdout().contains("held"));
    let asks = |document: &Document| {
        scene.tool("mlcube-ssh-exec").args(["list", "-v"]).reads_document(document).start()
    };
    let waiting: Vec<Running> = documents.iter().map(asks).collect();
    for one in &waiting {
        // After the sixth a step that may logs in once more.
        eventually("it asks again and again", || {
            one.stderr().matches("ProxyCommand=false").count() >= 7
        });
    }
    // It is open all the same.
    let asking = with_login(&mut scene, "ask");
    let open = "a connection to 'there' is open already; it closes after 10 min without use";
    scene.exec(&asking, &["login"]).succeeds().says(open);
    fs::write(free, "").unwrap();
    holder.wait().succeeds();
    for one in waiting {
        one.wait().succeeds().never_says("logging in once more");
    }
    assert_eq!(attempts(&scene), 1);
}

#[test]
fn a_one_time_password_is_asked_for_once() {
    let Some((_account, mut scene)) = Scene::with_a_second_factor(SecondFactor::OneTimePassword)
    else {
        return;
    };
    let document = with_login(&mut scene, "never");
    scene.push(&document, &["-q"]).exits(255);
    assert_eq!((scene.asked(), scene.factors()), (0, 0));
    scene.exec(&document, &["login"]).succeeds().says("logged in on 'there'");
    scene.push(&document, &["-q"]).succeeds();
    scene.pull(&document, &["-q"]).succeeds();
    assert_eq!((scene.asked(), scene.factors()), (1, 1));
}

#[test]
fn open_connections_are_listed() {
    let mut scene = Scene::with(HostOptions::default());
    connections(&scene).succeeds().says("no connection is open");
    scene.set("/persist", "8h");
    let document = with_login(&mut scene, "ask");
    scene.exec(&document, &["login"]).succeeds();
    let listed = connections(&scene);
    let lines: Vec<Vec<&str>> = listed
        .succeeds()
        .stdout
        .lines()
        .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
        .collect();
    assert_eq!(lines[0], ["HOST", "USER", "PLATFORM", "OPEN FOR", "CLOSES"]);
    assert_eq!(lines[1][..3], ["there", "-", "gpu1"], "{listed}");
    assert_eq!(lines[1][4], "after 8 h without use", "{listed}");
    assert_eq!(lines.len(), 2);
    scene.mlcube_ssh(&["list", "--connections", "--platform=gpu1"]).run().exits(125);
    scene.masters().kill();
    connections(&scene).succeeds().says("no connection is open");
}

#[test]
fn a_connection_of_the_users_own_is_listed_as_theirs() {
    let mut scene = Scene::new();
    let document = with_login(&mut scene, "never");
    let own = format!("ControlPath {}/run/own", scene.home().display());
    scene.has_ssh_config(&format!("ControlMaster auto\n{own}\nControlPersist 60"));
    scene.sh("ssh there true").run().succeeds();
    scene.push(&document, &["-q"]).succeeds();
    let own = "over a connection of your own ssh, which closes when your own ssh closes it";
    scene.exec(&document, &["login"]).succeeds().says(own);
    assert!(connections(&scene).stdout.contains("when your own ssh closes it"));
    assert_eq!(scene.host.sshd.logins(), 1);
    scene.sh("ssh -O exit there").run().succeeds();
}

#[test]
fn a_login_that_nothing_is_left_of_is_refused() {
    let mut scene = Scene::new();
    scene.set("/persist", 0);
    let document = with_login(&mut scene, "ask");
    scene.exec(&document, &["login"]).exits(125).complains(&["persist"]).says("8h");
    assert_eq!(attempts(&scene), 0);
}
