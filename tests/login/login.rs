//! Logins that fail: the cause is read from ssh's own words, which are quoted, and nothing is tried that could lock an
//! account.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::io::Read;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use mlcube_ssh_harness::{Document, HostOptions, Place, Scene, Task, eventually};

fn document_in(scene: &Scene) -> Document {
    let cube = scene.cube("digits").task(&Task::named("train").reads("data", "data.csv"));
    scene.document(&cube.with_file("data.csv", "1,2\n"), &[])
}

/// What another ssh would say of other failures.
const MISLEADING: &str = "\
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
Offending ED25519 key in /etc/passwd:1
Host key verification failed.
ssh: connect to host there port 22: Connection refused
Connection timed out.
*****
  For members of the group only.

  No access for strangers.
";

#[test]
fn a_banner_is_no_cause() {
    let place = Place::new();
    let banner = place.path().join("banner");
    fs::write(&banner, MISLEADING).unwrap();
    let scene =
        Scene::at(place, HostOptions::default().config(&format!("Banner {}", banner.display())));
    let document = document_in(&scene);
    fs::write(scene.host.folder().join("sshd/authorized_keys"), "").unwrap();
    let failed = scene.push(&document, &["-q"]);
    failed.exits(255).complains(&["login", "refused", "Permission denied (publickey)"]);
    failed.never_says("changed").never_says("passwd");
    // It may say why, and is quoted as the host's.
    failed.says("the host says: Connection timed out. / For members of the group only. / No access for strangers.");
}

#[test]
fn words_of_the_remote_are_no_cause() {
    let options = HostOptions::default();
    let scene = Scene::with(
        options.config("ForceCommand echo 'Session open refused by peer' >&2; exit 255"),
    );
    let document = document_in(&scene);
    let failed = scene.push(&document, &["-q"]);
    failed.exits(255).complains(&["ran no script", "Session open refused by peer"]);
    failed.never_says("MaxSessions").never_says("lost");
    assert_eq!(scene.host.sshd.sessions(), 1);
}

#[test]
fn a_proxy_that_fails_is_named() {
    let scene = Scene::new();
    scene.has_ssh_config("ProxyCommand exit 1");
    let failed = scene.push(&document_in(&scene), &["-q"]);
    failed.exits(255).complains(&["there", "proxy", "`ssh there`"]);
    failed.never_says("MaxStartups");
}

#[test]
fn the_words_of_a_jump_host_are_quoted() {
    let mut scene = Scene::new();
    scene.has_ssh_config("ProxyJump nowhere.invalid");
    let failed = scene.push(&document_in(&scene), &["-q"]);
    failed.exits(255).complains(&["jump host", "Could not resolve hostname nowhere.invalid"]);
    // The key of the settings is for the host alone.
    let port = scene.host.sshd.port();
    scene.has_ssh_config(&format!("ProxyJump nobody-at-all@127.0.0.1:{port}"));
    let of_jump = format!(
        "Host 127.0.0.1\nIdentityFile none\nIdentityAgent none\nUserKnownHostsFile {}/.ssh/known_hosts\n",
        scene.home().display()
    );
    let config = scene.home().join(".ssh/config");
    fs::write(&config, format!("{}{of_jump}", fs::read_to_string(&config).unwrap())).unwrap();
    let key = scene.home().join(".ssh/id");
    scene.set("/authentication", serde_json::json!({"identity_file": key}));
    let failed = scene.push(&document_in(&scene), &["-q"]);
    failed.exits(255).complains(&[
        "jump host",
        "nobody-at-all@127.0.0.1: Permission denied (",
        "IdentityFile",
    ]);
}

#[test]
fn the_hint_repeats_what_was_used() {
    let mut scene = Scene::new();
    let (key, config) = (scene.home().join("my key"), scene.home().join("a config"));
    fs::rename(scene.home().join(".ssh/id"), &key).unwrap();
    fs::copy(scene.home().join(".ssh/config"), &config).unwrap();
    scene
        .set("/authentication", serde_json::json!({"identify_file": key, "user": "nobody-at-all"}));
    scene.set("/ssh_config", config.to_str().unwrap());
    let failed = scene.push(&document_in(&scene), &["-q"]);
    failed.exits(255).complains(&[
        &format!("ssh -F '{}' -i '{}'", config.display(), key.display()),
        "-l nobody-at-all there",
    ]);
}

/// ssh's own home is the account's, which isn't that of a scene.
#[test]
fn a_tilde_is_the_home_of_the_environment() {
    let mut scene = Scene::new();
    fs::rename(scene.home().join(".ssh/id"), scene.home().join("my key")).unwrap();
    fs::rename(scene.home().join(".ssh/config"), scene.home().join("a config")).unwrap();
    scene.set("/authentication", serde_json::json!({"identify_file": "~/my key"}));
    scene.set("/ssh_config", "~/a config");
    scene.push(&document_in(&scene), &["-q"]).succeeds();
}

#[test]
fn a_changed_or_revoked_host_key_is_told_as_such() {
    let mut scene = Scene::new();
    let document = document_in(&scene);
    let known = scene.home().join(".ssh/known_hosts");
    let line = fs::read_to_string(&known).unwrap();
    fs::write(&known, format!("@revoked {line}")).unwrap();
    let failed = scene.push(&document, &["-q"]);
    failed.exits(255).complains(&["'there' is revoked", "don't trust it"]).never_says("ssh there");
    fs::write(&known, format!("# one\n# two\n{line}")).unwrap();
    scene.host.sshd.changes_its_host_key();
    let failed = scene.push(&document, &["-q"]);
    failed.exits(255).complains(&["changed", &format!("{}:3", known.display()), "ssh there"]);
}

#[test]
fn the_settings_key_is_the_only_one_offered() {
    let mut scene = Scene::with(HostOptions::default().config("MaxAuthTries 3"));
    let socket = scene.home().join("run/agent");
    let keys: Vec<PathBuf> = (0..7).map(|n| scene.home().join(format!("key{n}"))).collect();
    for key in &keys {
        scene.sh("ssh-keygen -q -t ed25519 -N '' -f \"$KEY\"").env("KEY", key).run().succeeds();
    }
    let mut lines = fs::read_to_string(scene.home().join(".ssh/config")).unwrap();
    lines = lines.replace("IdentityAgent none\n", "").replace("IdentitiesOnly yes\n", "");
    fs::write(scene.home().join(".ssh/config"), lines).unwrap();
    let line = "ssh-agent -a \"$SSH_AUTH_SOCK\" >agent; ssh-add -q key? && mlcube-ssh-push -q; status=$?; . ./agent >&2; kill $SSH_AGENT_PID; exit $status";
    let run = |scene: &Scene| {
        let document = document_in(scene);
        let _gone = fs::remove_file(&socket);
        scene.sh(line).env("SSH_AUTH_SOCK", &socket).reads_document(&document).run()
    };
    run(&scene).exits(255).says("Too many authentication failures");
    let key = scene.home().join(".ssh/id");
    scene.set("/authentication", serde_json::json!({"identify_file": key}));
    run(&scene).succeeds();
}

#[test]
fn an_unusable_key_is_named_before_the_login() {
    let mut scene = Scene::new();
    let good = scene.home().join(".ssh/id");
    let key = scene.home().join("my key");
    scene.set("/authentication", serde_json::json!({"identify_file": key}));
    let document = document_in(&scene);
    let as_it_is = fs::read_to_string(&good).unwrap();
    let public = fs::read_to_string(good.with_extension("pub")).unwrap();
    for (content, mode, words) in [
        (as_it_is.replace('\n', "\r\n"), 0o600, ["Windows", "sed -i 's/"]),
        (as_it_is.trim_end().to_owned(), 0o600, ["newline", "echo >> "]),
        (as_it_is.clone(), 0o644, ["read by others", "chmod 600 "]),
        (String::new(), 0o600, ["empty", "again"]),
        (public, 0o644, ["public key", "private"]),
    ] {
        fs::write(&key, content).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let failed = scene.push(&document, &["-q"]);
        failed.exits(125).complains(&[key.to_str().unwrap()]).complains(&words);
    }
    fs::remove_file(&key).unwrap();
    scene.push(&document, &["-q"]).exits(125).complains(&["no identity file"]);
    assert!(!scene.host.sshd.log().contains("Connection from"));
    // What the hints say helps as it stands, also where the settings have a `~`, which a shell leaves alone in quotes.
    scene.set("/authentication", serde_json::json!({"identify_file": "~/my key"}));
    let document = document_in(&scene);
    for (content, mode) in [
        (as_it_is.replace('\n', "\r\n"), 0o600),
        (as_it_is.trim_end().to_owned(), 0o600),
        (as_it_is.clone(), 0o644),
    ] {
        fs::write(&key, content).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        scene.masters().kill();
        let failed = scene.push(&document, &["-q"]);
        let remedy = failed.exits(125).stderr.split_once("hint: ").unwrap().1;
        scene.sh(remedy).run().succeeds();
        scene.push(&document, &["-q"]).succeeds();
    }
}

#[test]
fn a_key_with_a_passphrase_is_whole() {
    let mut scene = Scene::new();
    let key = scene.home().join(".ssh/id");
    scene.sh("ssh-keygen -q -p -N secret -f .ssh/id").run().succeeds();
    scene.set("/authentication", serde_json::json!({"identify_file": key}));
    let failed = scene.push(&document_in(&scene), &["-q"]);
    failed.exits(255).complains(&["refused", "Permission denied (publickey)"]);
}

#[test]
fn the_hint_for_a_key_that_only_lacks_its_passphrase_works_as_it_stands() {
    let mut scene = Scene::new();
    let socket = scene.home().join("agent");
    scene.has_variable("SSH_AUTH_SOCK", socket.to_str().unwrap());
    scene.has_ssh_config("IdentityAgent SSH_AUTH_SOCK");
    let agent = scene.invocation(Path::new("/usr/bin/ssh-agent"));
    let _agent = agent.arg("-D").arg("-a").arg(&socket).start();
    eventually("the agent listens", || socket.exists());
    scene.sh("mv .ssh/id 'my key' && ssh-keygen -q -p -N secret -f 'my key'").run().succeeds();
    scene.set("/authentication", serde_json::json!({"identify_file": "~/my key"}));
    let document = document_in(&scene);
    let failed = scene.push(&document, &["-q"]);
    failed.exits(255).complains(&["my key' has a passphrase", "no agent has the key"]);
    scene.has_program("passphrase", "echo secret");
    let typed = scene.sh(failed.stderr.split_once("hint: ").unwrap().1);
    let typed = typed.env("SSH_ASKPASS", scene.home().join("bin/passphrase"));
    typed.env("SSH_ASKPASS_REQUIRE", "force").run().succeeds();
    scene.push(&document, &["-q"]).succeeds();
}

/// An idle connection, which counts as a login that isn't done.
fn idle_login(scene: &Scene) -> TcpStream {
    let mut idle = TcpStream::connect(("127.0.0.1", scene.host.sshd.port())).unwrap();
    idle.read_exact(&mut [0; 4]).unwrap();
    idle
}

#[test]
fn a_host_that_takes_no_more_logins_for_a_while() {
    let scene = Scene::with(HostOptions::default().config("MaxStartups 1:100:1"));
    let document = document_in(&scene);
    let idle = idle_login(&scene);
    let mut running = scene.tool("mlcube-ssh-push").reads_document(&document).start();
    running.says("closes the connection before the login");
    running.says("trying again in");
    drop(idle);
    running.wait().succeeds();
    assert_eq!(scene.host.sshd.logins(), 1);
}

#[test]
fn a_host_that_takes_no_more_logins() {
    let scene = Scene::with(HostOptions::default().config("MaxStartups 1:100:1"));
    let document = document_in(&scene);
    let _idle = idle_login(&scene);
    let failed = scene.push(&document, &["-q"]);
    failed.exits(255).says("before the login").says("MaxStartups");
    eventually("sshd has counted", || scene.host.sshd.log().contains("MaxStartups"));
}

#[test]
fn a_wrong_answer_of_a_program_is_given_once() {
    let Some((_account, scene)) = Scene::with_a_password() else { return };
    scene.answers("wrong");
    let document = document_in(&scene);
    let failed = scene.tool("mlcube-ssh-push").arg("-q").env("SSH_ASKPASS", scene.askpass());
    failed.reads_document(&document).run().exits(255).complains(&["refused", "password"]);
    assert_eq!(scene.asked(), 1);
    assert_eq!(scene.host.sshd.log().matches("Failed password").count(), 1);
}

#[test]
fn a_key_that_only_sshs_configuration_names_is_looked_at_when_the_login_is_refused() {
    let scene = Scene::new();
    let key = scene.home().join(".ssh/my key");
    let config = scene.home().join(".ssh/config");
    let good = fs::read_to_string(scene.home().join(".ssh/id")).unwrap();
    let lines = fs::read_to_string(&config).unwrap();
    let id = format!("{}\n", scene.home().join(".ssh/id").display());
    fs::write(&config, lines.replace(&id, &format!("\"{}\"\n", key.display()))).unwrap();
    let document = document_in(&scene);
    let half = &good[..good.len() / 2];
    let locked = "ssh-keygen -q -t ed25519 -N secret -f k && cat k";
    let locked = scene.sh(locked).run().succeeds().stdout.clone();
    for (content, mode, words) in [
        (good.replace('\n', "\r\n"), 0o600, ["Windows", "sed -i 's/"]),
        (good.trim_end().to_owned(), 0o600, ["newline at its end", "echo >> "]),
        (good.clone(), 0o644, ["by others", "chmod 600 "]),
        (String::new(), 0o600, ["is empty", "copy "]),
        (half.to_owned(), 0o600, ["is cut off", "copy "]),
        (good.replace('\n', " "), 0o600, ["in one line", "copy "]),
        (format!("\u{feff}{good}"), 0o600, ["before the first line", "copy "]),
        ("<html>404</html>\n".to_owned(), 0o600, ["holds no private key", "copy "]),
        ("PuTTY-User-Key-File-3: x\r\n".to_owned(), 0o600, ["PuTTY", "puttygen "]),
        (good.replace("b3BlbnNzaC1rZXk", "b3BlbnNzaC1rZXl"), 0o600, ["can't be read", "libcrypto"]),
        (locked, 0o600, ["has a passphrase", "ssh-add "]),
    ] {
        fs::write(&key, content).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let refused = scene.push(&document, &["-q"]);
        refused.exits(255).complains(&["refused", key.to_str().unwrap()]).complains(&words);
    }
    // One that serves isn't hidden by one that doesn't, nor is one that the host doesn't know said to be broken.
    fs::write(&key, "").unwrap();
    fs::write(&config, lines.replace(&id, &format!("{id}IdentityFile \"{}\"\n", key.display())))
        .unwrap();
    scene.push(&document, &["-q"]).succeeds();
    scene.masters().kill();
    fs::write(scene.host.folder().join("sshd/authorized_keys"), "").unwrap();
    fs::write(&key, good).unwrap();
    scene.push(&document, &["-q"]).exits(255).says("Permission denied").never_says("identity file");
}

#[test]
fn what_a_dead_connection_left_is_no_reason_to_ask_nobody() {
    let Some((_account, scene)) = Scene::with_a_password() else { return };
    let document = document_in(&scene);
    let push = || {
        let push = scene.tool("mlcube-ssh-push").env("SSH_ASKPASS", scene.askpass());
        push.reads_document(&document).run()
    };
    push().succeeds();
    // As when the machine was switched off: the socket stays.
    scene.masters().only().signal(rustix::process::Signal::KILL);
    mlcube_ssh_harness::eventually("it is dead", || scene.masters().is_empty());
    push().succeeds().never_says("asking once");
    assert_eq!(scene.asked(), 2);
    assert!(!scene.host.sshd.log().contains("Connection closed by authenticating user"));
}
