//! What an account does before a script runs: start-up files that print, read or never end, login shells that run
//! nothing.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use mlcube_ssh::text::random_id::hex_digits;
use mlcube_ssh_harness::{Account, Document, HostOptions, Place, Scene, Task, eventually};
use rustix::process::Signal;
use serde_json::json;

/// A host whose account has this login shell and start-up file, and the document of a cube.
fn with_start_up(shell: &str, start_up: &str, lines: &str) -> Option<(Account, Scene, Document)> {
    let place = Place::new();
    let account = Account::with_shell(place.path(), shell)?;
    let file = account.home().join(start_up);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, format!("{lines}\n")).unwrap();
    account.owns(account.home());
    let mut scene = Scene::at(place, HostOptions::default().account(&account));
    scene.set("/remote_root", "cubes");
    scene.set("/connect_timeout", 1);
    let document = document_in(&scene);
    Some((account, scene, document))
}

fn document_in(scene: &Scene) -> Document {
    let cube = scene.cube("digits").task(&Task::named("train").reads("data", "data.csv"));
    scene.document(&cube.with_file("data.csv", "1,2\n"), &[])
}

/// A push by rsync works for an account that prints this without a newline.
fn rsync_works_behind(shell: &str, start_up: &str, lines: &str) {
    let Some((account, scene, document)) = with_start_up(shell, start_up, lines) else { return };
    scene.push(&document, &["-q"]).succeeds();
    // What is new goes as an archive, what has changed by rsync.
    fs::write(scene.home().join("digits/workspace/data.csv"), "3,4\n").unwrap();
    scene.push(&document, &["-q"]).succeeds();
    let data = fs::read_to_string(account.home().join("cubes/digits/workspace/data.csv")).unwrap();
    assert_eq!(data, "3,4\n");
}

#[test]
fn a_prompt_without_a_newline() {
    rsync_works_behind("bash", ".bashrc", "printf 'ready> '");
}

/// A host that greets rsync without an end takes neither memory nor time of this machine without an end.
#[test]
fn a_greeting_without_end_before_rsync() {
    let endless = r"case $BASH_EXECUTION_STRING in *mlcube-ssh-rsync*) tr '\0' x </dev/zero ;; *) echo hello ;; esac";
    let Some((_account, scene, document)) = with_start_up("bash", ".bashrc", endless) else {
        return;
    };
    scene.push(&document, &["-q"]).succeeds();
    fs::write(scene.home().join("digits/workspace/data.csv"), "3,4\n").unwrap();
    let refused = scene.push(&document, &["-q"]);
    refused.exits(125).complains(&["'there'", "a greeting", "more than 1 MiB"]);
}

#[test]
fn a_window_title() {
    rsync_works_behind("zsh", ".zshenv", r"printf '\033]0;title\007'");
}

#[test]
fn a_cleared_screen() {
    rsync_works_behind("tcsh", ".tcshrc", r"printf '\033[H\033[2J'");
}

#[test]
fn a_prompt_of_fish() {
    rsync_works_behind("fish", ".config/fish/config.fish", "echo -n 'hello>'");
}

/// A start-up file reads what is meant for the script: nothing of that runs, and the message names the files.
fn refuses_a_reader(shell: &str, start_up: &str, lines: &str, words: &[&str]) {
    let Some((account, scene, document)) = with_start_up(shell, start_up, lines) else { return };
    let failed = scene.push(&document, &["-q"]);
    failed.exits(255).complains(&["there", "start-up files", ".bashrc"]).complains(words);
    assert_eq!(fs::read_dir(account.home()).unwrap().count(), 1, "nothing was made there");
    assert_eq!(scene.host.sshd.logins(), 1);
}

#[test]
fn a_start_up_file_that_reads_a_line() {
    refuses_a_reader("bash", ".bashrc", "read line", &["reads the script"]);
}

#[test]
fn a_start_up_file_that_reads_lines() {
    let lines = "read a; read b; read c; read -n 30 d; read e";
    refuses_a_reader("bash", ".bashrc", lines, &["reads the script"]);
}

#[test]
fn a_start_up_file_that_reads_a_block() {
    refuses_a_reader("zsh", ".zshenv", "head -c 700 > /dev/null", &["reads the script"]);
}

#[test]
fn a_start_up_file_of_tcsh_that_reads_a_line() {
    refuses_a_reader("tcsh", ".tcshrc", "set line = \"$<\"", &["reads the script"]);
}

#[test]
fn a_start_up_file_that_reads_everything() {
    refuses_a_reader("bash", ".bashrc", "echo one moment; cat > /dev/null", &["one moment"]);
}

#[test]
fn a_start_up_file_that_never_ends() {
    let lines = "echo loading modules; sleep 600";
    refuses_a_reader("bash", ".bashrc", lines, &["loading modules", "within 6 s"]);
}

#[test]
fn a_host_without_gzip_takes_scripts_as_they_are() {
    let scene = Scene::new();
    let document = document_in(&scene);
    let gzip = scene.host.bin().join("gzip");
    fs::write(&gzip, "#!/bin/sh\nexit 127\n").unwrap();
    fs::set_permissions(&gzip, fs::Permissions::from_mode(0o755)).unwrap();
    scene.push(&document, &["-q"]).succeeds();
    let there = scene.host.remote_root().join("digits/workspace/data.csv");
    assert_eq!(fs::read_to_string(there).unwrap(), "1,2\n");
    let before = scene.host.sshd.sessions();
    scene.push(&document, &["-q"]).succeeds();
    assert_eq!(scene.host.sshd.sessions() - before, 2, "one that couldn't unpack the script");
}

/// The account runs no script: the message quotes what it said, and nothing is said of a lost connection.
fn refuses_without_a_shell(scene: &Scene, document: &Document, words: &[&str]) {
    let failed = scene.push(document, &["-q"]);
    failed.exits(255).complains(&["there", "ran no script", "login shell"]).complains(words);
    failed.never_says("lost");
    assert_eq!(scene.host.sshd.logins(), 1);
}

#[test]
fn a_start_up_file_that_becomes_another_program() {
    let lines = "exec echo '[exited]'";
    let Some((_account, scene, document)) = with_start_up("bash", ".bashrc", lines) else { return };
    refuses_without_a_shell(&scene, &document, &["[exited]", "status 0"]);
}

#[test]
fn a_login_shell_that_refuses() {
    let Some((_account, scene, document)) = with_start_up("false", ".profile", "") else { return };
    refuses_without_a_shell(&scene, &document, &["status 1", "said nothing"]);
}

#[test]
fn a_login_shell_that_is_killed() {
    let lines = "kill -9 $$";
    let Some((_account, scene, document)) = with_start_up("bash", ".bashrc", lines) else { return };
    refuses_without_a_shell(&scene, &document, &["by a signal"]);
}

#[test]
fn a_forced_command() {
    let options = HostOptions::default().config("ForceCommand echo backups only; exit 7");
    let scene = Scene::with(options);
    let document = document_in(&scene);
    refuses_without_a_shell(&scene, &document, &["backups only", "status 7"]);
}

/// The user's own line ends the shell: told as that, with its words.
fn refuses_the_setup(line: &str, words: &[&str]) {
    let mut scene = Scene::new();
    scene.set("/setup", line);
    let document = document_in(&scene);
    let failed = scene.push(&document, &["-q"]);
    failed.exits(125).complains(&["there", "setup"]).complains(words);
    failed.never_says("lost");
    assert_eq!(scene.host.sshd.sessions(), 1);
}

#[test]
fn a_setup_that_exits() {
    let line = "echo no such module; echo aside >&2; exit 3";
    refuses_the_setup(line, &["status 3: aside; it printed: no such module"]);
}

#[test]
fn a_setup_that_exits_with_success() {
    refuses_the_setup("exit", &["ended the shell", "`exit`"]);
}

#[test]
fn a_setup_that_is_no_shell() {
    refuses_the_setup("if", &["status 2"]);
}

#[test]
fn a_setup_with_a_command_that_sh_does_not_have() {
    refuses_the_setup("source /etc/profile", &["status 127", "source: not found", "`. FILE`"]);
    refuses_the_setup("module load x", &["status 127", "module: not found", "FOLDER/init/sh"]);
}

/// The real ssh, which finds this scene's configuration.
const SSH: &str = "/usr/bin/ssh -F \"$HOME/.ssh/config\" \"$@\"";

/// An ssh whose sessions read their script as this line of sh does, in front of the real one or in its place.
fn reads_scripts_so(scene: &Scene, line: &str) {
    let sessions = format!("case $* in *mlcube-ssh:*) {line} ;; esac");
    scene.has_program("ssh", &format!("{sessions}\n{SSH}"));
}

/// A document whose scripts are longer than a pipe holds, packed too.
fn with_long_scripts() -> (Scene, Document) {
    let mut scene = Scene::new();
    scene.set("/connect_timeout", 1);
    let digits = hex_digits::<60_000>().unwrap();
    let names = ["A", "B", "C", "D", "E", "F"];
    let values = names.map(|name| (name.to_owned(), json!(format!("{name}{digits}"))));
    scene.set("/environment", json!(values.into_iter().collect::<serde_json::Map<_, _>>()));
    let document = document_in(&scene);
    (scene, document)
}

#[test]
fn a_host_that_takes_nothing_of_a_long_script() {
    let (scene, document) = with_long_scripts();
    reads_scripts_so(&scene, "exec sleep 1000");
    scene.push(&document, &["-q"]).exits(255).complains(&["no script began to run", "within 6 s"]);
}

#[test]
fn a_link_that_takes_long_for_a_long_script() {
    let (scene, document) = with_long_scripts();
    scene.push(&document, &["-q"]).succeeds();
    // Over a connection that is there already a session has three seconds to begin.
    let slowly = "for i in 1 2 3 4 5; do head -c 70000; sleep 1; done; cat";
    // As with ssh alone, the end of the session is the end of the program.
    let fifo = "\"$HOME/slow.$$\"";
    let line =
        format!("mkfifo {fifo}; exec 3<&0; {{ {slowly}; }} <&3 >{fifo} & exec {SSH} <{fifo}");
    reads_scripts_so(&scene, &line);
    scene.push(&document, &["-q"]).succeeds();
    assert_eq!(scene.host.sshd.logins(), 1);
}

#[test]
fn a_setup_that_does_not_end() {
    let mut scene = Scene::new();
    scene.set("/setup", "echo loading; sleep 1000");
    scene.set("/answer_timeout", 2);
    let document = document_in(&scene);
    let failed = scene.push(&document, &["-q"]);
    failed.exits(125).complains(&["'setup' hasn't ended on 'there' within 2 seconds", "loading"]);
    failed.never_says("signal");
}

#[test]
fn sigterm_while_a_start_up_file_reads_everything() {
    let lines = "touch reading; cat > /dev/null";
    let Some((account, mut scene, _)) = with_start_up("bash", ".bashrc", lines) else { return };
    // Longer than a test waits for an end.
    scene.set("/connect_timeout", 100);
    let document = document_in(&scene);
    let running =
        scene.tool("mlcube-ssh-exec").args(["-q", "run"]).reads_document(&document).start();
    eventually("the script is being read", || account.home().join("reading").exists());
    running.signal(Signal::TERM);
    let ended = running.wait();
    ended.exits(143).complains(&["interrupted before", "confirmed the start", "attach"]);
    eventually("no ssh of it is left here", || {
        scene.place().processes().with("mlcube-ssh:").is_empty()
    });
}
