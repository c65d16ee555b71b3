//! The shared connection takes the fast cipher where the user's ssh and the host leave it open, and nowhere else.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;

use mlcube_ssh_harness::{Document, HostOptions, Invocation, Scene, Task};

const FAST: &str = "aes128-gcm@openssh.com";
const USUAL: &str = "chacha20-poly1305@openssh.com";

/// A host that writes down what it negotiates.
fn logs_ciphers(options: HostOptions) -> HostOptions {
    options.config("LogLevel DEBUG")
}

fn with_document(options: HostOptions) -> (Scene, Document) {
    let scene = Scene::with(logs_ciphers(options));
    let document = document_in(&scene);
    (scene, document)
}

fn document_in(scene: &Scene) -> Document {
    scene.document(&scene.cube("digits").task(&Task::named("train")), &[])
}

fn interp(scene: &Scene, document: &Document) -> Invocation {
    scene.tool("mlcube-ssh-interp").reads_document(document)
}

/// The cipher of the only login of a step.
fn negotiated(scene: &Scene, document: &Document) -> String {
    let before = scene.host.sshd.log().len();
    interp(scene, document).run().succeeds();
    scene.masters().kill();
    let log = scene.host.sshd.log();
    let mut ciphers = log[before..]
        .lines()
        .filter_map(|line| line.split_once("kex: client->server cipher: "))
        .map(|(_, rest)| rest.split(' ').next().unwrap().to_owned());
    let cipher = ciphers.next().unwrap();
    assert_eq!(ciphers.next(), None, "a second login");
    cipher
}

/// Without it the usual cipher is the faster one.
fn aes_in_hardware() -> bool {
    fs::read_to_string("/proc/cpuinfo").unwrap().split_whitespace().any(|word| word == "aes")
}

#[test]
fn the_fast_cipher_is_the_default() {
    if !aes_in_hardware() {
        return;
    }
    let (scene, document) = with_document(HostOptions::default());
    assert_eq!(negotiated(&scene, &document), FAST);
}

#[test]
fn only_the_master_gets_the_option_for_the_cipher() {
    if !aes_in_hardware() {
        return;
    }
    let (scene, document) = with_document(HostOptions::default());
    let said = interp(&scene, &document).arg("-v").run().succeeds().stderr.clone();
    let told: Vec<&str> = said.lines().filter(|line| line.contains("Ciphers")).collect();
    assert_eq!(told.len(), 1, "{said}");
    assert!(told[0].contains("ControlMaster=yes"), "{said}");
    assert!(told[0].contains(&format!("'Ciphers=^{FAST}'")), "{said}");
}

/// The user's own configuration may run a program as soon as any ssh reads it.
#[test]
fn a_dry_run_starts_no_ssh_to_find_out() {
    let (scene, document) = with_document(HostOptions::default());
    let canary = scene.home().join("ssh-was-started");
    scene.has_ssh_config(&format!("Match exec \"touch '{}'\"", canary.display()));
    for words in [
        "interp",
        "push",
        "push --delete",
        "exec configure",
        "exec run",
        "exec attach",
        "exec status",
        "exec list",
        "exec logs",
        "exec stop",
        "exec clean",
        "exec login",
        "exec logout",
        "exec doctor",
        "pull",
        "pull --checksum",
    ] {
        let line = format!("mlcube-ssh-{words} --dry-run");
        scene.sh(&line).reads_document(&document).run().succeeds();
        assert!(!canary.exists(), "{line}");
    }
    for verb in ["configure", "run --task=train", "clean", "login", "logout", "doctor"] {
        let line = format!("mlcube-ssh {verb} --dry-run --mlcube=digits --platform=gpu1");
        scene.sh(&line).run().succeeds();
        assert!(!canary.exists(), "{line}");
    }
    interp(&scene, &document).run().succeeds();
    assert!(canary.exists(), "a run reads the configuration");
}

#[test]
fn what_the_users_configuration_says_wins() {
    let (scene, document) = with_document(HostOptions::default());
    let lines = [
        (USUAL, USUAL),
        ("aes256-ctr", "aes256-ctr"),
        ("aes256-gcm@openssh.com,aes128-gcm@openssh.com", "aes256-gcm@openssh.com"),
        ("-aes192-ctr", USUAL),
        ("+aes128-cbc", USUAL),
    ];
    for (ciphers, expected) in lines {
        scene.has_ssh_config(&format!("Ciphers {ciphers}"));
        assert_eq!(negotiated(&scene, &document), expected, "with {ciphers}");
    }
}

#[test]
fn what_a_configuration_named_in_the_settings_says_wins() {
    let mut scene = Scene::with(logs_ciphers(HostOptions::default()));
    scene.has_ssh_config("Ciphers aes256-ctr");
    let own = scene.home().join("a configuration");
    fs::rename(scene.home().join(".ssh/config"), &own).unwrap();
    scene.has_ssh_config("");
    scene.set("/ssh_config", own.to_str().unwrap());
    assert_eq!(negotiated(&scene, &document_in(&scene)), "aes256-ctr");
}

#[test]
fn a_host_that_does_not_have_it_is_reached() {
    for offered in [USUAL, "aes256-ctr"] {
        let options = HostOptions::default().config(&format!("Ciphers {offered}"));
        let (scene, document) = with_document(options);
        assert_eq!(negotiated(&scene, &document), offered);
    }
}

#[test]
fn an_ssh_that_is_too_old_or_does_not_tell_logs_in_as_ever() {
    let (scene, document) = with_document(HostOptions::default());
    let usual = fs::read_to_string(scene.home().join("bin/ssh")).unwrap();
    for (option, does) in [
        // OpenSSH before 8.1, asked about the built-in list with the cipher before it.
        ("-F none -G", "echo \"command-line: line 0: Bad SSH2 cipher spec\" >&2; exit 255"),
        ("-G", "echo unknown option >&2; exit 255"),
        ("-F none -G", "echo ciphers"),
        ("-G", "kill -KILL $$"),
    ] {
        // Between the two stand the options that every ssh is given.
        let pattern = option.replace("none -G", "none '*' -G");
        let line = format!("case \" $* \" in *' {pattern} '*) {does}; exit;; esac\n{usual}");
        scene.has_program("ssh", &line);
        assert_eq!(negotiated(&scene, &document), USUAL, "{option}: {does}");
    }
}
