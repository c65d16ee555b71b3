//! The functions that the remote scripts share, each on a folder prepared for it, under the shells that a host's `sh`
//! may be.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]
#![expect(clippy::disallowed_methods, reason = "the shell itself is what is tested")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use mlcube_ssh_harness::repository;

/// The shells among which a host's `sh` usually is.
const SHELLS: [&[&str]; 4] =
    [&["dash"], &["bash"], &["busybox", "sh"], &["zsh", "--emulate", "sh"]];

/// What every remote script begins with.
const PRELUDE: [&str; 2] = ["process/prelude", "process/folder-owner"];

/// What scripts about jobs begin with.
const JOBS: [&str; 4] =
    ["process/prelude", "process/folder-owner", "remote/containers", "remote/jobs"];

/// Checks that the lines, run behind these files of functions in a folder of their own, print what is expected. `$HOME`
/// is that folder, and stands in the output for its path.
#[track_caller]
fn prints(files: &[&str], lines: &str, expected: &str) {
    let functions: String = files.iter().map(|file| functions(file)).collect();
    for shell in SHELLS {
        let place = tempfile::tempdir().unwrap();
        let home = fs::canonicalize(place.path()).unwrap();
        let ran = Command::new(shell[0])
            .args(&shell[1..])
            .args(["-c", &format!("umask 022\nshared=no\n{functions}\n{lines}")])
            .current_dir(&home)
            .env("HOME", &home)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let printed = String::from_utf8(ran.stdout).unwrap();
        let errors = String::from_utf8(ran.stderr).unwrap();
        let printed = printed.replace(home.to_str().unwrap(), "$HOME");
        assert_eq!(printed, expected, "{shell:?} says: {errors}");
    }
}

/// All shell scripts that run on a remote.
fn scripts() -> Vec<PathBuf> {
    let programs = ["config", "interp", "push", "exec", "pull"];
    let mut folders =
        programs.map(|name| repository().join(format!("mlcube-ssh-{name}/src"))).to_vec();
    let mut scripts = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "sh") {
                scripts.push(path);
            }
        }
    }
    assert!(!scripts.is_empty());
    scripts
}

fn functions(file: &str) -> String {
    let (folder, name) = file.split_once('/').unwrap();
    let folder = match folder {
        "process" => "mlcube-ssh-config/src/process/sh",
        "remote" => "mlcube-ssh-config/src/remote/sh",
        "doctor" => "mlcube-ssh-exec/src/verbs/doctor/sh",
        _ => "mlcube-ssh-exec/src/sh",
    };
    fs::read_to_string(repository().join(folder).join(format!("{name}.sh"))).unwrap()
}

#[test]
fn paths_are_those_of_the_home_folder() {
    prints(
        &PRELUDE,
        r#"for each in /a '/a b' a 'a b' '~' '~/a' '~a' a/~ ''; do locate "$each"; echo "$path"; done"#,
        "/a\n/a b\n$HOME/a\n$HOME/a b\n$HOME\n$HOME/a\n$HOME/~a\n$HOME/a/~\n$HOME/\n",
    );
}

#[test]
fn a_folder_with_a_hidden_entry_or_a_broken_link_holds_something() {
    prints(
        &PRELUDE,
        r#"mkdir empty hidden dots broken
        touch hidden/.a dots/..a; ln -s nowhere broken/link
        for each in empty hidden dots broken absent; do
          if holds_anything "$each"; then echo "$each"; fi
        done"#,
        "hidden\ndots\nbroken\n",
    );
}

#[test]
fn new_folders_are_private_and_old_ones_stay_as_they_are() {
    prints(
        &PRELUDE,
        r"mkdir -m 755 old
        make_private old/a/b old/c
        stat -c '%a %n' old old/a old/a/b old/c; umask -S",
        "755 old\n700 old/a\n700 old/a/b\n700 old/c\nu=rwx,g=rx,o=rx\n",
    );
}

#[test]
fn a_problem_is_one_line_and_the_end() {
    prints(&PRELUDE, "(problem kind 'a  b'; echo not reached); echo $?", "problem kind a  b\n3\n");
}

#[test]
fn a_folder_that_others_can_write_is_named() {
    prints(
        &PRELUDE,
        r#"mkdir own open sticky; chmod 757 open; chmod 1777 sticky; mkdir open/below sticky/below
        ln -s open/below link; ln -s link again
        for each in own own/absent/below open open/below sticky/below link again; do
          know_owner "$HOME/$each"; echo "$ownership" | cut -d ' ' -f 1,2,4-
        done"#,
        "own\nown\nwritable everybody $HOME/open\nwritable everybody $HOME/open\nown\n\
         writable everybody $HOME/open\nwritable everybody $HOME/open\n",
    );
}

#[test]
fn several_folders_are_own_if_each_of_them_is() {
    prints(
        &PRELUDE,
        r#"mkdir own sticky "it's own"; chmod 1777 sticky; mkdir sticky/below; touch sticky/file
        mkdir -m 757 open; ln -s ../own sticky/link
        for each in "own $HOME/sticky/below" "own $HOME/sticky" "sticky/below $HOME/sticky" "absent/a $HOME/own" \
          "own $HOME/it's own" "sticky/link $HOME/open" "sticky/link $HOME/sticky/file"; do
          (check_own "$HOME/${each%% *}" "${each#* }" && echo own) | cut -d ' ' -f 1-4,6-
        done"#,
        "own\nproblem not-own writable everybody $HOME/sticky\nproblem not-own writable everybody $HOME/sticky\nown\n\
         own\nproblem not-own writable everybody $HOME/open\nown\n",
    );
}

#[test]
fn a_long_line_of_pip_is_shown_cut_and_is_whole_among_the_errors() {
    prints(
        &["process/prelude", "process/folder-owner", "remote/../interpreter/sh/environment"],
        r#"printf '#!/bin/sh\nprintf %%070000d 7; echo; echo end\n' >python; chmod +x python; python=$HOME/python
        install x 2>errors | while read -r line; do echo "${#line}"; done; wc -c <errors"#,
        "210\n13\n70005\n",
    );
}

#[test]
fn what_a_program_is_sent_without_are_comments_alone() {
    let is_comment = |line: &&str| line.trim_start().starts_with('#');
    for script in scripts() {
        let text = fs::read_to_string(&script).unwrap();
        let code = mlcube_ssh::process::comments::without_comments(&text);
        // bash prints a function without its comments, and texts as they are; those of here-documents are Python.
        let shown = |text: &str| {
            let lines = format!("f() {{\n{text}\n}}; declare -f f");
            let ran = Command::new("bash").args(["-c", &lines]).output().unwrap();
            let printed = String::from_utf8(ran.stdout).unwrap();
            assert!(!printed.is_empty(), "{}", script.display());
            printed.lines().filter(|line| !is_comment(line)).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(shown(&code), shown(&text), "{}", script.display());
    }
}

#[test]
fn the_start_of_a_process_is_read_whatever_its_name() {
    prints(
        &JOBS,
        r#"cp /bin/sleep 'a) S 1 (b c'
        './a) S 1 (b c' 60 & pid=$!
        until read -r name 2>/dev/null </proc/$pid/comm && [ "$name" = 'a) S 1 (b c' ]; do :; done
        start_of "$pid"
        expected=$(sed 's/.*) //' /proc/$pid/stat | cut -d ' ' -f 20)
        [ "$ticks" = "$expected" ] && echo same
        kill "$pid"; wait "$pid"
        start_of "$pid"; echo "gone:$ticks""#,
        "same\ngone:\n",
    );
}

#[test]
fn the_state_of_a_job_is_what_its_files_and_its_leader_say() {
    prints(
        &JOBS,
        r#"know_this_machine; start_of $$
        here="$this_host $this_boot $this_space"
        job() { mkdir -p "jobs/$1"; job=jobs/$1; }
        tell() { job_state "$job"; echo "${job#*/} $how $why $status"; }
        job none; tell
        job ended; echo 7 >$job/status; tell
        job empty-status; : >$job/status; tell
        job stopped; echo 143 >$job/status; : >$job/stopped; tell
        job left; echo 143 >$job/status; : >$job/stopped; : >$job/left; tell
        job running; echo "$$ $ticks $here" >$job/leader; tell
        job other-process; echo "$$ 1 $here" >$job/leader; tell
        job rebooted; echo "$$ $ticks $this_host another-boot $this_space" >$job/leader; tell
        job elsewhere; echo "$$ $ticks other/machine $this_boot $this_space" >$job/leader; tell
        job container; echo "$$ $ticks $this_host $this_boot pid:[1]" >$job/leader; tell
        job container-gone; echo "$$ $ticks $this_host $this_boot pid:[1]" >$job/leader; echo held >$job/alive; tell
        job unreadable; mkdir $job/leader; tell; echo "${unread##*/}""#,
        "none lost  \nended finished  7\nempty-status lost  \nstopped killed  143\nleft killed left 143\n\
         running running  \nother-process lost  \nrebooted lost rebooted \nelsewhere elsewhere  \n\
         container elsewhere  \ncontainer-gone lost namespace \nunreadable unknown  \nleader\n",
    );
}

#[test]
fn a_process_is_known_by_the_mark_of_its_job() {
    prints(
        &JOBS,
        r#"job=$HOME/jobs/1700000000000-$$; mkdir -p "$job"
        MLCUBE_SSH_JOB=${job##*/} sleep 60 & marked=$!
        MLCUBE_SSH_JOB=another sleep 60 & other=$!
        until [ "$(tr '\0' ' ' </proc/$marked/cmdline)" = 'sleep 60 ' ]; do :; done
        look_for_processes "$job" ''
        [ "$found" = "$marked
" ] && echo found
        job_state "$job"; echo "$how $why"
        look_for_processes "$job" "$marked"; echo "but the leader:$found"
        kill "$marked" "$other"; wait
        look_for_processes "$job" ''; echo "gone:$found""#,
        "found\nlost remains\nbut the leader:\ngone:\n",
    );
}

#[test]
fn a_lock_belongs_to_a_job_that_may_run() {
    prints(
        &JOBS,
        r#"state=$HOME/state; mkdir -p "$state/jobs/mine" "$state/jobs/dead" "$state/locks"
        lead "$state/jobs/mine"
        find_lock "/a workspace" "$state"; lock=$its_lock
        find_lock "/another" "$state"; [ "$lock" != "$its_lock" ] && echo two
        has_locks "$state" || echo none
        take_lock "$lock" dead
        is_held "$lock" mine || echo "the dead hold nothing"
        take_lock "$lock" mine
        has_locks "$state" && is_held "$lock" third && echo "held by ${holder##*/}, $how"
        is_held "$lock" mine || echo "not by another than mine"
        give_lock_up "$lock" third; [ -L "$lock" ] && echo "not theirs to give"
        (take_lock "$lock" third) | cut -d ' ' -f 1-4
        give_lock_up "$lock" mine; [ -L "$lock" ] || echo free"#,
        "two\nnone\nthe dead hold nothing\nheld by mine, running\nnot by another than mine\n\
         not theirs to give\nproblem locked mine running\nfree\n",
    );
}

#[test]
fn a_process_that_was_killed_while_it_removed_a_link_keeps_nobody_out() {
    prints(
        &JOBS,
        r#"mkdir bin state
        for each in timeout mkdir ln readlink mv rm rmdir sleep cat stat date; do ln -s "$(command -v $each)" bin/; done
        know_this_machine
        ln -s "4194304 1 $this_host $this_boot $this_space" state/guard.link
        mkdir state/guard.link.break; touch -d '2001-01-01 00:00' state/guard.link.break
        PATH=$HOME/bin
        guard_locks state; echo "$?"; [ -d state/guard.link.break ] || echo gone"#,
        "0\ngone\n",
    );
}

/// Leaves the programs that a lock needs, without flock.
const WITHOUT_FLOCK: &str = r#"mkdir bin
        for each in timeout mkdir ln readlink mv rm sleep cat sh; do ln -s "$(command -v $each)" bin/; done
        PATH=$HOME/bin
"#;

#[test]
fn without_flock_a_link_guards_the_locks() {
    prints(
        &JOBS,
        &[
            WITHOUT_FLOCK,
            r#"        guard_locks state; echo "$? ${guard:+link}"
        is_dead_holder "$(readlink "$guard")" || echo alive
        unguard_locks; [ -L state/guard.link ] || echo given up
        know_this_machine
        ln -s "4194304 1 $this_host $this_boot $this_space" state/guard.link
        guard_locks state; echo "$? of the dead"; unguard_locks
        (guard_locks state; problem kind); [ -L state/guard.link ] || echo given up
        (guard_locks state; sh -c 'kill -TERM $PPID'; echo not reached)
        echo "$?"; [ -L state/guard.link ] || echo given up"#,
        ]
        .concat(),
        "0 link\nalive\ngiven up\n0 of the dead\nproblem kind\ngiven up\n143\ngiven up\n",
    );
}

#[test]
fn only_folders_of_a_job_are_removed_with_it() {
    prints(
        &JOBS,
        r#"mkdir -p jobs/1 mlcube-ssh.Ab12 theirs 'mlcube-ssh.Ab 12' real; ln -s real mlcube-ssh.link
        for each in mlcube-ssh.Ab12 theirs 'mlcube-ssh.Ab 12' mlcube-ssh.link mlcube-ssh. ''; do
          mkdir -p jobs/1; echo "$HOME/$each" >jobs/1/shims
          remove_job jobs/1
        done
        ls"#,
        "jobs\nmlcube-ssh.Ab 12\nmlcube-ssh.link\nreal\ntheirs\n",
    );
}

#[test]
fn the_values_of_gpus_become_names_of_devices() {
    prints(
        &["exec/gpus"],
        r#"for each in all -1 2 0,1 device=0,1 '"device=0,GPU-8a"' '' device= 'device=0;1' none; do
          if name_devices "$each"; then echo $devices; else echo "not $each"; fi
        done"#,
        "all\nall\n0 1\n0 1\n0 1\n0 GPU-8a\nnot \nnot device=\nnot device=0;1\nnot none\n",
    );
}

#[test]
fn variables_in_a_path_are_those_of_the_environment_and_nothing_runs() {
    prints(
        &["exec/inputs"],
        r#"export PLACE='/a b' QUOTED='$(touch ran)'
        for each in '$PLACE/c' '${PLACE}c' '$PLACEc' '$' 'a$' '${}' '${a b}' '$QUOTED' '`touch ran`' '$(touch ran)' '~/$PLACE'; do
          expand "$each"; printf '%s\n' "$path"
        done
        ls"#,
        "/a b/c\n/a bc\n$PLACEc\n$\na$\n${}\n${a b}\n$(touch ran)\n`touch ran`\n$(touch ran)\n~//a b\n",
    );
}

#[test]
fn a_task_has_begun_when_a_container_was_made_that_the_engine_started() {
    prints(
        &[&JOBS[..], &["exec/follow"]].concat(),
        r#"mkdir job; has_begun job || echo "no container"
        : >job/cid.1; has_begun job || echo "an empty id"
        echo abc >job/cid.1; has_begun job && echo one
        echo 1 >job/engine-failed; has_begun job || echo "which didn't start"
        echo abc >job/cid.2; has_begun job && echo "the second did"
        echo 'begun the daemon is gone' >job/engine-failed; has_begun job && echo "one that failed later"
        rm job/cid.*; has_begun job || echo "no container of it"
        printf 'no end of line' >job/cause; tell_line cause job/cause
        tell_line cause job/absent || echo "no cause""#,
        "no container\nan empty id\none\nwhich didn't start\nthe second did\none that failed later\nno container of it\ncause no end of line\nno cause\n",
    );
}

#[test]
fn a_push_is_alive_while_its_lock_is_held() {
    prints(
        &[&JOBS[..], &["remote/incoming"]].concat(),
        r#"mkdir -p state
        is_held_incoming state/incoming/a || echo absent
        hold_incoming "$HOME/state/incoming/a"
        is_held_incoming state/incoming/a && echo held
        exec 7<&-
        # busybox's timeout leaves a process behind for a second, which has the lock open, too.
        tries=100
        while is_held_incoming state/incoming/a && [ "$tries" -gt 0 ]; do sleep 0.1; tries=$((tries - 1)); done
        [ "$tries" -gt 0 ] && echo "its session ended"
        touch state/incoming/a/code/part
        transfer_id=
        release_incoming state/incoming/a; ls state/incoming/a
        rm state/incoming/a/code/part; release_incoming state/incoming/a; ls state/incoming"#,
        "absent\nheld\nits session ended\ncode\n",
    );
}

#[test]
fn what_has_vanished_is_not_listed_and_what_cannot_be_looked_at_is_no_absence() {
    let find = repository().join("mlcube-ssh-config/src/process/sh/find.py");
    let lines = "find_text=$(cat 'FIND'); : >a; : >\"it's\"; ln -s loop loop
        list_places '%p\\n' a gone a/below \"it's\" && echo listed
        list_places '%p\\n' gone \"$(printf '%0300d' 0)\" && echo listed
        list_places '%p\\n' loop/below a 2>/dev/null || echo failed";
    prints(
        &["process/prelude", "process/find", "remote/list-places"],
        &lines.replace("FIND", &find.to_string_lossy()),
        "./a\n./it's\nlisted\nlisted\n./a\nfailed\n",
    );
}

#[test]
fn the_nearest_folder_may_be_the_root() {
    prints(
        &["doctor/tree"],
        r#"mkdir -p a/b; : >a/file
        for each in "$HOME/a/b/c/d" "$HOME/a/b" "$HOME/a/file/c" /no-such-folder/x / ''; do
          nearest_folder "$each"; printf '%s\n' "$near"
        done"#,
        "$HOME/a/b\n$HOME/a/b\n$HOME/a\n/\n/\n/\n",
    );
}

/// A shell that a signal kills runs no EXIT trap: not only TERM is one, but the pipe to a client that is gone, too.
#[test]
fn a_link_that_guards_is_removed_when_nobody_reads_any_more() {
    prints(
        &JOBS,
        &[
            WITHOUT_FLOCK,
            r"        { guard_locks state; while :; do printf 'a line\n'; done; } 2>errors | :
        for look in 1 2 3 4 5 6 7 8 9; do [ ! -L state/guard.link ] || sleep 0.1; done
        [ -L state/guard.link ] || echo given up",
        ]
        .concat(),
        "given up\n",
    );
}
