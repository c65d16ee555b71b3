//! Any string arrives unchanged: through every login shell, and through rsync's own splitting of `-e`.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;

use mlcube_ssh::process::script::{BEGUN, LOADER, READY, Script};
use mlcube_ssh::text::quote::rsync_rsh_word;
use mlcube_ssh_harness::{Account, HostOptions, Place, Scene};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Text of all kinds but for NUL, which no argument can hold, and of what shells act on.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[^\\x00]{0,20}", "[ '\"$`;&|<>*?!#~%\\\\\n\r\t\\[\\]{}()=^a-]{0,20}"]
}

fn property() -> TestRunner {
    TestRunner::new(Config { cases: 32, failure_persistence: None, ..Config::default() })
}

/// Words and a variable arrive unchanged in a script that this login shell starts.
fn words_arrive_through(shell: &str) {
    let place = Place::new();
    let Some(account) = Account::with_shell(place.path(), shell) else { return };
    let scene = Scene::at(place, HostOptions::default().account(&account));
    let own_master = "ControlMaster auto\nControlPersist 60\nControlPath";
    scene.has_ssh_config(&format!("{own_master} {}/run/own", scene.home().display()));
    let words = proptest::collection::vec(text(), 1..30);
    let trip = property().run(&words, |words| {
        let variable = ("VARIABLE".to_owned(), words.concat());
        let script = Script::new(r#"for word in "$@" "$VARIABLE"; do printf '%s\0' "$word"; done"#)
            .words(&words)
            .variables([&variable]);
        let session = scene.sh("ssh there \"$LOADER\"").env("LOADER", LOADER);
        let came = session.reads(script.text()).run();
        let first = format!("{BEGUN}\n{READY}\n");
        let came = came.succeeds().stdout.strip_prefix(&first).unwrap().to_owned();
        let came: Vec<_> = came.split_terminator('\0').collect();
        prop_assert_eq!(&came[..words.len()], &words);
        prop_assert_eq!(came[words.len()], variable.1);
        Ok(())
    });
    trip.unwrap();
}

#[test]
fn words_arrive_through_sh() {
    words_arrive_through("sh");
}

#[test]
fn words_arrive_through_bash() {
    words_arrive_through("bash");
}

#[test]
fn words_arrive_through_dash() {
    words_arrive_through("dash");
}

#[test]
fn words_arrive_through_zsh() {
    words_arrive_through("zsh");
}

#[test]
fn words_arrive_through_fish() {
    words_arrive_through("fish");
}

#[test]
fn words_arrive_through_tcsh() {
    words_arrive_through("tcsh");
}

#[test]
fn words_arrive_through_rsyncs_remote_shell_option() {
    let scene = Scene::new();
    let heard = scene.home().join("heard");
    scene.has_program("rsh", &format!("printf '%s\\0' \"$@\" > '{}'", heard.display()));
    let trip = property().run(&text(), |word| {
        let option = format!("rsh {} -x", rsync_rsh_word(&word));
        let rsync = scene.sh("rsync -e \"$OPTION\" there:x .").env("OPTION", &option).run();
        prop_assert_ne!(rsync.status, 0, "there is nobody at the other end");
        let words = fs::read_to_string(&heard).unwrap();
        let words: Vec<_> = words.split_terminator('\0').collect();
        prop_assert_eq!(&words[..2], [word.as_str(), "-x"]);
        Ok(())
    });
    trip.unwrap();
}
