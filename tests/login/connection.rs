//! One login for all steps; a connection that breaks is replaced; the user's own ssh isn't touched.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use mlcube_ssh_harness::{
    Account, Document, Engine, HostOptions, Invocation, Outcome, Place, Running, Scene, Task,
    eventually,
};
use rustix::process::Signal;

/// A scene whose engine there does nothing, and the document of a cube.
fn with_document(options: HostOptions) -> (Scene, Document) {
    let mut scene = Scene::with(options);
    let document = document_in(&mut scene);
    (scene, document)
}

fn document_in(scene: &mut Scene) -> Document {
    let engine = Engine::installed_on(&scene.host, "engine");
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    let cube = scene.cube("digits").task(&Task::named("train").reads("data", "data.csv"));
    scene.document(&cube.with_file("data.csv", "1,2\n"), &[])
}

fn interp(scene: &Scene, document: &Document) -> Outcome {
    scene.tool("mlcube-ssh-interp").arg("-q").reads_document(document).run()
}

/// All that `mlcube-ssh configure` does, then a run and a pull, in one pipe.
fn pipeline(scene: &Scene, document: &Document) -> Invocation {
    let line = "mlcube-ssh-interp -q | mlcube-ssh-push -q | mlcube-ssh-exec -q configure | mlcube-ssh-exec -q run | mlcube-ssh-pull -q";
    scene.sh(line).reads_document(document)
}

#[test]
fn a_pipeline_logs_in_once_and_the_next_one_not_at_all() {
    let (scene, document) = with_document(HostOptions::default());
    pipeline(&scene, &document).run().succeeds();
    assert_eq!(scene.host.sshd.logins(), 1);
    pipeline(&scene, &document).run().succeeds();
    assert_eq!(scene.host.sshd.logins(), 1);
}

#[test]
fn three_pipelines_at_once_log_in_once() {
    let (scene, document) = with_document(HostOptions::default());
    let push = "mlcube-ssh-interp -q | mlcube-ssh-push -q";
    let start = |_| scene.sh(push).reads_document(&document).start();
    let running: Vec<Running> = (0..3).map(start).collect();
    for one in running {
        let _ended = one.wait().succeeds();
    }
    assert_eq!(scene.host.sshd.logins(), 1);
}

#[test]
fn more_pipelines_than_the_host_has_sessions_for() {
    let (scene, document) = with_document(HostOptions::default().config("MaxSessions 2"));
    let start = |_| scene.tool("mlcube-ssh-interp").arg("-q").reads_document(&document).start();
    let running: Vec<Running> = (0..6).map(start).collect();
    for one in running {
        let _ended = one.wait().succeeds();
    }
    // A pipeline that has waited for some seconds logs in once more, and others use that login.
    assert!(scene.host.sshd.logins() <= 2);
}

#[test]
fn the_open_connection_keeps_no_descriptor_of_its_caller() {
    let (scene, document) = with_document(HostOptions::default());
    for words in ["", "-v"] {
        // The shell waits until nobody has the other end of its pipe any more.
        let line =
            format!("said=$(mlcube-ssh-interp {words} 2>&1); echo \"${{#said}} characters\"");
        let ran = scene.sh(&line).reads_document(&document).run();
        assert!(ran.succeeds().stdout.contains("characters"));
        assert!(!scene.masters().is_empty(), "and it is still open");
        scene.masters().kill();
    }
}

#[test]
fn the_connection_closes_itself() {
    let mut scene = Scene::new();
    scene.set("/persist", 0);
    let document = document_in(&mut scene);
    interp(&scene, &document).succeeds();
    eventually("the connection is closed", || scene.masters().is_empty());
    interp(&scene, &document).succeeds();
    assert_eq!(scene.host.sshd.logins(), 2);
}

#[test]
fn persist_0_takes_no_connection_that_is_open() {
    let (mut scene, document) = with_document(HostOptions::default());
    interp(&scene, &document).succeeds();
    scene.set("/persist", 0);
    let document = document_in(&mut scene);
    interp(&scene, &document).succeeds();
    assert_eq!(scene.host.sshd.logins(), 2);
    let own = format!("ControlMaster auto\nControlPath {}/run/own", scene.home().display());
    scene.has_ssh_config(&format!("{own}\nControlPersist 60"));
    eventually("it is closed", || scene.masters().iter().count() == 1);
    scene.sh("ssh there true").run().succeeds();
    interp(&scene, &document).succeeds();
    assert_eq!(scene.host.sshd.logins(), 4, "nor one of the user's own");
    scene.sh("ssh -O exit there").run().succeeds();
}

#[test]
fn logout_closes_the_connection() {
    let (mut scene, document) = with_document(HostOptions::default());
    let log_out = |scene: &Scene, document: &Document| {
        scene.tool("mlcube-ssh-exec").arg("logout").reads_document(document).run()
    };
    log_out(&scene, &document).succeeds().says("no connection to 'there' is open");
    interp(&scene, &document).succeeds();
    log_out(&scene, &document).succeeds().says("closed the connection to 'there'");
    assert!(scene.masters().is_empty());
    interp(&scene, &document).succeeds();
    assert_eq!(scene.host.sshd.logins(), 2);
    // Whatever the setting is now.
    scene.set("/persist", 0);
    let other = document_in(&mut scene);
    log_out(&scene, &other).succeeds().says("closed the connection to 'there'");
    assert!(scene.masters().is_empty());
    // The wrapper's verb is the same.
    interp(&scene, &document).succeeds();
    let words = ["logout", "--mlcube=digits", "--platform=gpu1"];
    scene.mlcube_ssh(&words).run().succeeds().says("closed the connection to 'there'");
}

#[test]
fn a_connection_of_the_users_own_survives_logout() {
    let (scene, document) = with_document(HostOptions::default());
    let own = format!("ControlPath {}/run/own", scene.home().display());
    scene.has_ssh_config(&format!("ControlMaster auto\n{own}\nControlPersist 60"));
    scene.sh("ssh there true").run().succeeds();
    interp(&scene, &document).succeeds();
    let told = scene.tool("mlcube-ssh-exec").arg("logout").reads_document(&document).run();
    told.succeeds().says("`ssh -O exit there`");
    scene.sh("ssh -O check there").run().succeeds();
    scene.sh("ssh -O exit there").run().succeeds();
}

#[test]
fn a_login_that_leaves_its_standard_error_open() {
    let (scene, document) = with_document(HostOptions::default());
    // As OpenSSH 8.4 does: what stays in the background holds it.
    let ssh = "/usr/bin/ssh -F \"$HOME/.ssh/config\" \"$@\"; status=$?";
    let holds = "case $* in *ControlMaster=yes*) sleep 100 </dev/null >/dev/null & echo $! >\"$HOME/pid\" ;; esac";
    scene.has_program("ssh", &format!("{ssh}\n{holds}\nexit $status"));
    interp(&scene, &document).succeeds();
    // It is still there: nobody waited for it.
    scene.sh("kill $(cat pid)").run().succeeds();
}

#[test]
fn a_dead_connection_is_replaced() {
    let (scene, document) = with_document(HostOptions::default());
    interp(&scene, &document).succeeds();
    scene.masters().only().signal(Signal::KILL);
    eventually("it is dead", || scene.masters().is_empty());
    pipeline(&scene, &document).run().succeeds();
    assert_eq!(scene.host.sshd.logins(), 2);
}

#[test]
fn a_host_that_came_back_is_reached_again() {
    let (mut scene, document) = with_document(HostOptions::default());
    interp(&scene, &document).succeeds();
    scene.host.sshd.stop();
    scene.host.sshd.comes_back();
    pipeline(&scene, &document).run().succeeds();
    assert_eq!(scene.host.sshd.logins(), 2);
}

#[test]
fn a_wedged_connection_is_replaced() {
    let mut scene = Scene::new();
    scene.set("/connect_timeout", 2);
    let document = document_in(&mut scene);
    interp(&scene, &document).succeeds();
    scene.masters().only().signal(Signal::STOP);
    pipeline(&scene, &document).run().succeeds();
    assert_eq!(scene.host.sshd.logins(), 2);
}

#[test]
fn a_connection_whose_other_end_is_silent_is_replaced() {
    let mut scene = Scene::new();
    scene.set("/connect_timeout", 2);
    let document = document_in(&mut scene);
    interp(&scene, &document).succeeds();
    scene.host.sshd.connections().iter().for_each(|process| process.signal(Signal::STOP));
    let masters = scene.masters();
    pipeline(&scene, &document).run().succeeds();
    assert_eq!(scene.host.sshd.logins(), 2);
    // When it notices by itself that nobody answers it takes no socket away but its own.
    let old = masters.only();
    old.signal(Signal::TERM);
    eventually("the old one has ended", || scene.masters().iter().count() == 1);
    pipeline(&scene, &document).run().succeeds();
    assert_eq!(scene.host.sshd.logins(), 2);
}

#[test]
fn a_connection_of_the_users_own_is_used() {
    let (scene, document) = with_document(HostOptions::default());
    let own = format!(
        "ControlMaster auto\nControlPersist 60\nControlPath {}/run/own-%C",
        scene.home().display()
    );
    scene.has_ssh_config(&own);
    scene.sh("ssh there true").run().succeeds();
    pipeline(&scene, &document).run().succeeds();
    assert_eq!(scene.host.sshd.logins(), 1);
    // When it is gone, we open ours; the user's next login is the user's.
    scene.sh("ssh -O exit there").run().succeeds();
    pipeline(&scene, &document).run().succeeds();
    assert_eq!(scene.host.sshd.logins(), 2);
}

#[test]
fn a_connection_of_the_users_own_whose_other_end_is_silent_is_left_alone() {
    let mut scene = Scene::new();
    scene.set("/connect_timeout", 2);
    let document = document_in(&mut scene);
    let own = format!("ControlPath {}/run/own", scene.home().display());
    scene.has_ssh_config(&format!("ControlMaster auto\n{own}\nControlPersist 60"));
    scene.sh("ssh there true").run().succeeds();
    // As when a laptop has slept: the master still says that it is there.
    scene.host.sshd.connections().iter().for_each(|process| process.signal(Signal::STOP));
    scene.sh("ssh -O check there").run().succeeds();
    let ran = pipeline(&scene, &document).run();
    ran.succeeds().says("your own shared connection to 'there' doesn't reply");
    ran.says("`ssh -O exit there`");
    assert_eq!(scene.host.sshd.logins(), 2);
    // The next step doesn't wait for it again, and it stays the user's to end.
    pipeline(&scene, &document).run().succeeds();
    assert_eq!(scene.host.sshd.logins(), 2);
    scene.sh("ssh -O check there").run().succeeds();
    scene.sh("ssh -O exit there").run().succeeds();
}

#[test]
fn what_the_users_configuration_does_at_logins_is_kept_out() {
    let (scene, document) = with_document(HostOptions::default());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let canary = scene.home().join("local-command-ran");
    for lines in [
        "RemoteCommand echo something else; exit 3".to_owned(),
        "RequestTTY force".to_owned(),
        "RemoteCommand tmux\nRequestTTY yes".to_owned(),
        format!("LocalForward {port} 127.0.0.1:1\nExitOnForwardFailure yes"),
        format!("PermitLocalCommand yes\nLocalCommand touch {}", canary.display()),
        "SessionType none".to_owned(),
        "StdinNull yes".to_owned(),
        "ForkAfterAuthentication yes".to_owned(),
        "LogLevel QUIET".to_owned(),
        "LogLevel DEBUG".to_owned(),
        "ControlMaster no\nControlPath none".to_owned(),
    ] {
        scene.has_ssh_config(&lines);
        let ran =
            scene.sh("mlcube-ssh-interp -q | mlcube-ssh-push -q").reads_document(&document).run();
        assert_eq!(ran.status, 0, "with {lines}: {}", ran.stderr);
        assert!(ran.document().at("/steps/push").is_object(), "with {lines}");
        scene.masters().kill();
    }
    assert!(!canary.exists());
}

#[test]
fn a_host_never_reaches_the_users_agent() {
    let mut scene = Scene::new();
    let seen = scene.host.folder().join("agents-seen");
    scene.set("/setup", format!("(printenv SSH_AUTH_SOCK || echo none) >> '{}'", seen.display()));
    let document = document_in(&mut scene);
    let agent = scene.home().join("agent");
    let program = scene.invocation(std::path::Path::new("/usr/bin/ssh-agent"));
    let _runs = program.args(["-D", "-a"]).arg(&agent).start();
    eventually("the agent listens", || agent.exists());
    let control = scene.home().join("run/own");
    let forwards = "ForwardAgent yes\nIdentityAgent SSH_AUTH_SOCK".to_owned();
    for lines in [
        forwards.clone(),
        format!(
            "{forwards}\nControlMaster auto\nControlPersist 60\nControlPath {}",
            control.display()
        ),
    ] {
        scene.has_ssh_config(&lines);
        let users = scene.sh("ssh there printenv SSH_AUTH_SOCK");
        let users = users.env("SSH_AUTH_SOCK", &agent).run();
        assert!(users.stdout.starts_with('/'), "the user's own ssh forwards it: {users}");
        let ours = scene.tool("mlcube-ssh-interp").arg("-q").reads_document(&document);
        ours.env("SSH_AUTH_SOCK", &agent).run().succeeds();
        scene.masters().kill();
    }
    // One that was opened by hand, of which no file tells.
    scene.sh("ssh -O exit there").env("SSH_AUTH_SOCK", &agent).run();
    let own = format!("ControlPath {}\nIdentityAgent SSH_AUTH_SOCK", control.display());
    scene.has_ssh_config(&own);
    let by_hand = scene.sh("ssh -A -M -o ControlPersist=60 there printenv SSH_AUTH_SOCK");
    let by_hand = by_hand.env("SSH_AUTH_SOCK", &agent).run();
    assert!(by_hand.stdout.starts_with('/'), "{by_hand}");
    let ours = scene.tool("mlcube-ssh-interp").arg("-q").reads_document(&document).run();
    ours.succeeds().says("forwards your agent").says("`ssh -O exit there` closes it");
    let seen = fs::read_to_string(seen).unwrap();
    assert!(seen.lines().count() >= 3 && seen.lines().all(|line| line == "none"), "{seen}");
    scene.sh("ssh -O exit there").run();
}

#[test]
fn no_ssh_hands_on_an_agent_tickets_or_a_tunnel() {
    let (scene, document) = with_document(HostOptions::default());
    let calls = scene.home().join("calls");
    ssh_begins_with(&scene, &format!("printf '%s\\n' \"$*\" >> '{}'", calls.display()));
    let line = "mlcube-ssh-interp -q | mlcube-ssh-push -q | mlcube-ssh-pull -q";
    scene.sh(line).reads_document(&document).run().succeeds();
    for verb in ["status", "list", "logout"] {
        scene.tool("mlcube-ssh-exec").arg(verb).reads_document(&document).run();
    }
    let calls = fs::read_to_string(calls).unwrap();
    // A session is opened, the master, a transfer's connection; and the rest asks ssh about itself.
    assert!(calls.lines().count() > 6, "{calls}");
    for call in calls.lines() {
        for option in ["ForwardAgent=no", "GSSAPIDelegateCredentials=no", "Tunnel=no"] {
            assert!(call.contains(option), "{call}");
        }
    }
}

#[test]
fn a_connection_of_the_users_own_that_hands_on_tickets_or_a_tunnel_is_not_shared() {
    let (scene, document) = with_document(HostOptions::default());
    let control = format!("ControlPath {}", scene.home().join("run/own").display());
    scene.has_ssh_config(&control);
    scene.sh("ssh -M -o ControlPersist=60 there true").run().succeeds();
    for line in ["GSSAPIDelegateCredentials yes", "Tunnel point-to-point"] {
        scene.has_ssh_config(&format!("{control}\n{line}"));
        let ran = interp(&scene, &document);
        ran.succeeds().says("hands your agent, your tickets or a tunnel to the host");
        scene.masters().kill();
    }
    scene.sh("ssh -O exit there").run();
}

/// Lets every ssh of this scene run these lines of sh first.
fn ssh_begins_with(scene: &Scene, lines: &str) {
    let usual = fs::read_to_string(scene.home().join("bin/ssh")).unwrap();
    scene.has_program("ssh", &format!("{lines}\n{usual}"));
}

#[test]
fn a_connection_that_is_open_is_used_after_one_question() {
    let (scene, document) = with_document(HostOptions::default());
    interp(&scene, &document).succeeds();
    let calls = scene.home().join("calls");
    ssh_begins_with(&scene, &format!("printf '%s\\n' \"$*\" >> '{}'", calls.display()));
    interp(&scene, &document).succeeds();
    let calls = fs::read_to_string(calls).unwrap();
    let calls: Vec<&str> = calls.lines().collect();
    // To whom the name leads: `-G` contacts nobody.
    assert!(calls[0].ends_with(" -G -- there"), "{calls:?}");
    assert!(calls[1].contains(" exec sh -c "), "{calls:?}");
    assert_eq!(calls.len(), 2, "{calls:?}");
}

#[test]
fn a_name_that_leads_elsewhere_now_is_no_reason_to_use_the_old_connection() {
    let (scene, document) = with_document(HostOptions::default());
    interp(&scene, &document).succeeds();
    for elsewhere in
        ["User nobody-at-all", "HostName localhost.invalid", "ProxyJump nowhere.invalid"]
    {
        scene.has_ssh_config(elsewhere);
        interp(&scene, &document).exits(255).complains(&["there"]);
    }
    scene.has_ssh_config("");
    interp(&scene, &document).succeeds();
    assert_eq!(scene.host.sshd.logins(), 1, "the first connection is still this name's");
}

/// How often ssh was asked where the name leads since the last look, by a scene whose ssh writes down how it is called.
fn questions(scene: &Scene) -> usize {
    let calls = scene.home().join("calls");
    let text = fs::read_to_string(&calls).unwrap();
    fs::remove_file(&calls).unwrap();
    text.lines().filter(|line| line.ends_with(" -G -- there")).count()
}

#[test]
fn the_steps_of_the_wrapper_ask_once_where_the_name_leads_and_again_for_a_login() {
    let (mut scene, document) = with_document(HostOptions::default());
    let calls = scene.home().join("calls");
    ssh_begins_with(&scene, &format!("printf '%s\\n' \"$*\" >> '{}'", calls.display()));
    for connection in ["new", "open"] {
        let configure = ["configure", "--mlcube=digits", "--platform=gpu1"];
        scene.mlcube_ssh(&configure).run().succeeds();
        assert_eq!(questions(&scene), 1, "over a {connection} connection");
    }
    let folder = scene.home().join("folder");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    scene.has_variable("MLCUBE_SSH_FOLDER", folder.to_str().unwrap());
    for expected in [1, 0] {
        interp(&scene, &document).succeeds();
        assert_eq!(questions(&scene), expected);
    }
    scene.masters().only().signal(Signal::KILL);
    eventually("it is dead", || scene.masters().is_empty());
    interp(&scene, &document).succeeds();
    assert_eq!(questions(&scene), 1, "for the login");
    // Others could write an answer there.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    interp(&scene, &document).succeeds();
    assert_eq!(questions(&scene), 1, "in a folder that others can enter");
}

#[test]
fn an_ssh_that_does_not_know_the_newer_options_is_used() {
    let (scene, document) = with_document(HostOptions::default());
    // What it does know comes under the names that it has, what it doesn't under others.
    let lines = "for word; do
  shift
  case $word in StdinNull=* | ForkAfterAuthentication=* | SessionType=*) word=Newer$word ;; esac
  set -- \"$@\" \"$word\"
done";
    ssh_begins_with(&scene, lines);
    pipeline(&scene, &document).run().succeeds();
}

#[test]
fn an_ssh_config_of_its_own_is_used_for_everything() {
    let mut scene = Scene::new();
    let own = scene.home().join("an odd 'place'");
    fs::copy(scene.home().join(".ssh/config"), &own).unwrap();
    scene.reaches_port(1, "");
    scene.set("/ssh_config", own.to_str().unwrap());
    let document = document_in(&mut scene);
    pipeline(&scene, &document).run().succeeds();
    assert_eq!(scene.host.sshd.logins(), 1);
}

#[test]
fn the_identity_of_the_settings_is_used() {
    for key in ["identify_file", "identity_file"] {
        let mut scene = Scene::new();
        let odd = scene.home().join("my key's $HOME");
        fs::rename(scene.home().join(".ssh/id"), &odd).unwrap();
        scene.set("/authentication", serde_json::json!({key: odd}));
        let document = document_in(&mut scene);
        pipeline(&scene, &document).run().succeeds();
        assert_eq!(scene.host.sshd.logins(), 1);
    }
}

#[test]
fn two_users_on_one_host_are_two_connections() {
    let place = Place::new();
    let Some(account) = Account::with_shell(place.path(), "sh") else { return };
    let mut scene = Scene::at(place, HostOptions::default());
    scene.set("/remote_root", "cubes");
    let document = document_in(&mut scene);
    interp(&scene, &document).succeeds();
    scene.set("/authentication", serde_json::json!({"user": account.name()}));
    let other = document_in(&mut scene);
    let _whatever_it_finds = interp(&scene, &other);
    assert_eq!(scene.host.sshd.logins(), 2);
    assert!(scene.host.sshd.log().contains(&format!("for {} from", account.name())));
}

#[test]
fn the_socket_is_in_a_folder_of_the_user_alone() {
    let (scene, document) = with_document(HostOptions::default());
    interp(&scene, &document).succeeds();
    let folder = scene.home().join("run/mlcube-ssh");
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    // The note that says where the connection leads, too.
    let mut names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let note = names.find(|path| path.extension().is_some_and(|it| it == "about")).unwrap();
    assert_eq!(fs::metadata(note).unwrap().permissions().mode() & 0o777, 0o600);
    scene.masters().kill();
    fs::remove_dir_all(&folder).unwrap();
    let elsewhere = scene.place().folder("elsewhere");
    std::os::unix::fs::symlink(&elsewhere, &folder).unwrap();
    // A folder that isn't the user's alone is passed over for the next place.
    interp(&scene, &document).succeeds();
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
    scene.masters().kill();
    fs::remove_file(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    interp(&scene, &document).succeeds();
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn a_password_is_asked_for_once() {
    let Some((_account, mut scene)) = Scene::with_a_password() else { return };
    let document = document_in(&mut scene);
    let line = "mlcube-ssh-interp -q | mlcube-ssh-push -q | mlcube-ssh-pull -q";
    scene.sh(line).env("SSH_ASKPASS", scene.askpass()).reads_document(&document).run();
    assert_eq!(scene.asked(), 1);
    assert_eq!(scene.host.sshd.logins(), 1);
}

#[test]
fn without_a_terminal_and_without_askpass_nothing_prompts() {
    let Some((_account, mut scene)) = Scene::with_a_password() else { return };
    let document = document_in(&mut scene);
    interp(&scene, &document).exits(255).complains(&["there", "refused"]);
    assert_eq!(scene.asked(), 0);
}

#[test]
fn a_password_is_asked_for_at_the_terminal() {
    let Some((_account, mut scene)) = Scene::with_a_password() else { return };
    let document = document_in(&mut scene);
    fs::write(scene.home().join("run.json"), document.to_string()).unwrap();
    // What is typed before the prompt is thrown away, so whoever types waits for it, and stays until the end.
    let types = "until grep -qs assword: seen; do sleep 0.05; done; echo open sesame; until grep -qs status seen; do sleep 0.05; done";
    let push = "mlcube-ssh-push -q -i run.json >pushed.json; echo status $?";
    let ran =
        scene.sh(&format!("({types}) | script --quiet --flush --command '{push}' seen")).run();
    assert!(ran.stdout.contains("assword:") && ran.stdout.contains("status 0"), "{}", ran.stdout);
    assert_eq!(scene.host.sshd.logins(), 1);
}

/// Every step works for a user with this login shell, whose start-up file says hello.
fn works_with_the_login_shell(shell: &str, start_up: &str) {
    let place = Place::new();
    let Some(account) = Account::with_shell(place.path(), shell) else { return };
    let file = account.home().join(start_up);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "echo 'Welcome!  {\"schema\": \"not this\"}'\necho $HOME\n").unwrap();
    account.owns(account.home());
    let mut scene = Scene::at(place, HostOptions::default().account(&account));
    scene.set("/remote_root", "~/my_cubes");
    let document = document_in(&mut scene);
    // Somebody else's engine: this account may not write where it records its calls.
    account.owns(&scene.host.bin());
    let ran = pipeline(&scene, &document).run();
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(account.home().join("my_cubes/digits/workspace/data.csv").exists());
    assert_eq!(scene.host.sshd.logins(), 1);
}

#[test]
fn the_login_shell_is_sh() {
    works_with_the_login_shell("sh", ".profile");
}

#[test]
fn the_login_shell_is_bash_and_says_hello() {
    works_with_the_login_shell("bash", ".bashrc");
}

#[test]
fn the_login_shell_is_dash() {
    works_with_the_login_shell("dash", ".profile");
}

#[test]
fn the_login_shell_is_zsh_and_says_hello() {
    works_with_the_login_shell("zsh", ".zshenv");
}

#[test]
fn the_login_shell_is_fish_and_says_hello() {
    works_with_the_login_shell("fish", ".config/fish/config.fish");
}

#[test]
fn the_login_shell_is_tcsh_and_says_hello() {
    works_with_the_login_shell("tcsh", ".tcshrc");
}

#[test]
fn a_login_that_waits_for_another_one_says_so() {
    let (scene, document) = with_document(HostOptions::default());
    interp(&scene, &document).succeeds();
    scene.masters().kill();
    let sockets = fs::read_dir(scene.home().join("run/mlcube-ssh")).unwrap();
    let mut files = sockets.map(|entry| entry.unwrap().path());
    let lock = files.find(|path| path.extension().is_some_and(|name| name == "lock")).unwrap();
    let other = fs::File::open(lock).unwrap();
    other.lock().unwrap();
    let mut waits = scene.tool("mlcube-ssh-interp").reads_document(&document).start();
    waits.says("waiting for another login on 'there'");
    drop(other);
    waits.wait().succeeds();
}

#[test]
fn a_connection_that_does_not_answer_is_not_said_to_be_closed() {
    let (scene, document) = with_document(HostOptions::default());
    interp(&scene, &document).succeeds();
    let masters = scene.masters();
    let master = masters.only();
    master.signal(Signal::STOP);
    let log_out = || scene.tool("mlcube-ssh-exec").arg("logout").reads_document(&document).run();
    log_out().exits(255).says("doesn't close").says("`pkill -f ");
    master.signal(Signal::CONT);
    log_out().succeeds();
    assert!(scene.masters().is_empty());
}
