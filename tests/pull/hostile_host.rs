//! A host that means harm: whatever it sends ends with one error line, in bounded time and memory, and nothing that it
//! says moves anything on a terminal, runs here, or lands outside the workspace.
//!
//! The host is a real one whose own programs lie: its `sh` lets a script say that it runs, and then speaks for itself.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use mlcube_ssh_harness::{Cube, Document, Outcome, Scene, Task, whole_tree};

#[path = "../../mlcube-ssh-config/fuzz/host_input.rs"]
mod host_input;

/// Sequences that a terminal obeys, one of each kind: C0, DEL, C1 and a mark that turns the direction of writing. As sh
/// writes them with printf.
const ESCAPES: &str = r"\033]0;owned\007\033[2J\177\302\2331m\342\200\256gpj\r";

/// The most memory that a host may make a client take, in bytes.
const MEMORY: u64 = 200_000_000;

/// What an attack ends in takes: many times what it needs on a busy machine, and nothing beside forever.
const TIME: Duration = Duration::from_secs(120);

struct Attacked {
    scene: Scene,
    cube: Cube,
    document: Document,
}

impl Attacked {
    /// A cube that was pushed to a host while that was honest.
    fn scene() -> Attacked {
        Attacked::waiting_for(60)
    }

    /// The same, whose user waits so many seconds for a word.
    fn waiting_for(seconds: u32) -> Attacked {
        let mut scene = Scene::new();
        scene.set("/answer_timeout", seconds);
        let cube = scene.cube("digits").task(&Task::named("train").reads("data", "data.csv"));
        let cube = cube.with_file("workspace/data.csv", "1,2\n");
        let document = scene.document(&cube, &["--task=train"]);
        let document =
            scene.tool("mlcube-ssh-push").reads_document(&document).run().succeeds().document();
        Attacked { scene, cube, document }
    }

    /// From now on the host answers every script with what these lines of sh write.
    fn answers(&self, lines: &str) -> &Attacked {
        let honest = r#"mark=$(printf '\002')
/bin/sh "$@" | {
  while IFS= read -r line; do
    case $line in "$mark"*) printf '%s\n' "$line" ;; *) break ;; esac
  done"#;
        self.scene.host.has_program("sh", &format!("{honest}\n{lines}\n}}"));
        self
    }

    /// From now on the host lists in the workspace what these lines of Perl print.
    fn lists(&self, perl: &str) -> &Attacked {
        let lists = "case $* in *%P*) exec perl -e";
        let lines = format!("{lists} '{perl}' ;; esac\nexec /usr/bin/find \"$@\"");
        self.scene.host.has_program("find", &lines);
        self
    }

    fn run(&self, words: &[&str]) -> Outcome {
        let [tool, words @ ..] = words else { panic!("which tool?") };
        let ran = self.scene.tool(tool).args(words).reads_document(&self.document).run();
        let peak = ran.peak_memory.unwrap();
        assert!(peak < MEMORY, "{peak} bytes: {ran}");
        assert!(ran.elapsed < TIME, "{:?}: {ran}", ran.elapsed);
        ran
    }

    /// Every step and verb that reads a reply, with what makes it one.
    fn steps() -> [&'static [&'static str]; 7] {
        [
            &["mlcube-ssh-interp"],
            &["mlcube-ssh-push"],
            &["mlcube-ssh-pull"],
            &["mlcube-ssh-pull", "--list"],
            &["mlcube-ssh-exec", "list"],
            &["mlcube-ssh-exec", "status"],
            &["mlcube-ssh-exec", "clean"],
        ]
    }

    /// One for each way in which replies are read: what takes many megabytes takes its time.
    fn some_steps() -> [&'static [&'static str]; 3] {
        [&["mlcube-ssh-interp"], &["mlcube-ssh-pull"], &["mlcube-ssh-exec", "list"]]
    }
}

/// That neither stream of a program holds what a terminal obeys.
fn is_clean(ran: &Outcome) {
    for text in [&ran.stdout, &ran.stderr] {
        let dirty = |c: char| {
            c != '\n'
                && (c.is_control()
                    || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'))
        };
        assert!(!text.contains(dirty), "{}", text.escape_debug());
    }
}

#[test]
fn a_line_without_end() {
    let host = Attacked::scene();
    host.answers("tr '\\0' x </dev/zero");
    for step in Attacked::steps() {
        host.run(step).exits(125).complains(&["'there'", "a line of more than 64 KiB"]);
    }
}

#[test]
fn lines_without_end() {
    let host = Attacked::scene();
    host.answers("yes \"key $(printf '%01000d' 0)\"");
    for step in Attacked::some_steps() {
        host.run(step).exits(125).complains(&["'there'", "a reply of more than 16 MiB"]);
    }
    host.answers("yes 'say hello'");
    let ran = host.run(&["mlcube-ssh-interp", "-q"]);
    ran.exits(125).complains(&["'there'", "more than 1000 remarks"]);
}

#[test]
fn errors_without_end() {
    let host = Attacked::scene();
    host.answers("yes 'something is wrong' >&2");
    for step in Attacked::some_steps() {
        host.run(step).exits(125).complains(&["'there'", "standard error", "16 MiB"]);
    }
}

#[test]
fn silence_and_a_byte_now_and_then() {
    let host = Attacked::waiting_for(1);
    let dribbles = "printf x; while sleep 0.2; do printf x; done";
    for attack in
        ["sleep 600", "echo listing; sleep 600", dribbles, "echo listing; printf 'f '; sleep 600"]
    {
        host.answers(attack);
        for step in [
            &["mlcube-ssh-interp"][..],
            &["mlcube-ssh-pull", "--list"],
            &["mlcube-ssh-exec", "list"],
        ] {
            let ran = host.run(step);
            ran.exits(255).complains(&[
                "'there'",
                "next to nothing for 1 seconds",
                "answer_timeout",
            ]);
        }
    }
    host.answers("sleep 600");
    host.run(&["mlcube-ssh-exec", "logs"]).exits(255).complains(&["next to nothing"]);
}

/// Every link on the way to what is asked for is another listing, which the host makes up as well: all have one limit.
#[test]
fn a_listing_without_end() {
    let host = Attacked::scene();
    let deeper = host.scene.host.folder().join("asked").display().to_string();
    let links = format!(
        "place=; test ! -e '{deeper}' || read -r place <'{deeper}'; \
         printf 'workspace /w\\nlisting\\n'; \
         test -z \"$place\" || printf 'd 755 1 1.0000000000 %s\\0\\0' \"$place\"; \
         printf 'l 777 1 1.0000000000 %s\\0/elsewhere\\0' \"${{place:+$place/}}a\"; \
         printf '%s\\n' \"${{place:+$place/}}a\" >'{deeper}'"
    );
    let entries = "awk -v at=\"$place\" -v name=\"$(printf '%04000d' 0)\" 'BEGIN { while (i < 5000) printf \"f 644 1 1.0000000000 %s%d-%d%c%c\", name, length(at), i++, 0, 0 }'";
    host.answers(&format!("{links}; {entries}"));
    let ran = host.run(&["mlcube-ssh-pull", "--list", "a/a/a/a/a/a/a/a/a/a/a/a"]);
    ran.exits(125).complains(&["'there'", "the names of its listings of more than 96 MiB"]);
    host.answers("printf 'workspace /w\\nlisting\\nf 644 1 1.0000000000 '; tr '\\0' x </dev/zero");
    host.run(&["mlcube-ssh-pull"]).exits(125).complains(&["a path in a listing", "4096 bytes"]);
}

/// What a pull notes of each entry counts where it skips every one: a part of as many as there may be takes its part of
/// the memory. What links lead to is no shorter than they are: each of a few leads through two thousand folders.
#[test]
fn a_listing_within_its_limits() {
    const ENTRIES: u64 = 400_000;
    let host = Attacked::waiting_for(3600);
    host.lists(r#"for (1 .. 300) { print "l 777 1/8 1.0000000000 l$_\0$_", "/a" x 2000, "\0" }"#);
    host.run(&["mlcube-ssh-pull", "*"]);
    let name = "x".repeat(48);
    host.lists(&format!(
        r#"for (1 .. {ENTRIES}) {{ print "u 644 1/8 1.0000000000 {name}$_\0root\0" }}"#
    ));
    let ran = host.run(&["mlcube-ssh-pull"]);
    ran.exits(125).says("error: can't read ").says("belongs to root");
    ran.says("and 399980 more; steps.pull.left_out in the document lists the first 1000\n");
    // Longer names than these make fewer entries.
    let peak = ran.peak_memory.unwrap();
    assert!(peak < MEMORY * ENTRIES / 1_150_000, "{peak} bytes for {ENTRIES} entries");
}

/// One side after another marks an entry: what can't be stored, what the umask takes. The name is kept once for all.
#[test]
fn long_names_that_get_marks() {
    let host = Attacked::waiting_for(3600);
    host.lists(
        r#"$name = "x" x 4000; for (1 .. 23_000) { printf "f 666 1/8 1.0000000000 %08d$name\0\0", $_ }"#,
    );
    host.run(&["mlcube-ssh-pull"]).exits(125);
}

/// A host decides which files have just changed, and so wait: they take no more than others.
#[test]
fn files_that_all_wait() {
    const ENTRIES: u64 = 400_000;
    let waits = ["mlcube-ssh-pull", "--unchanged-for=5000"];
    let host = Attacked::waiting_for(3600);
    host.lists(
        r#"$name = "x" x 3800; for (1 .. 23_000) { printf "f 644 1/8 %d.0000000000 %08d$name\0\0", time, $_ }"#,
    );
    host.run(&waits).succeeds().says("left 23000 files for a later pull");
    let name = "x".repeat(48);
    host.lists(&format!(
        r#"for (1 .. {ENTRIES}) {{ printf "f 644 1/8 %d.0000000000 {name}$_\0\0", time }}"#
    ));
    let ran = host.run(&waits);
    ran.succeeds().says("left 400000 files for a later pull");
    let peak = ran.peak_memory.unwrap();
    assert!(peak < MEMORY * ENTRIES / 1_150_000, "{peak} bytes for {ENTRIES} entries");
}

/// What a host's rsync sends as messages is printed by the local one: text, and names of files that differ.
#[test]
fn messages_of_rsync_without_end() {
    let host = Attacked::scene();
    let there = host.scene.host.remote_root().join("digits/workspace");
    fs::create_dir(there.join("many")).unwrap();
    for number in 0..1000 {
        fs::write(there.join(format!("many/{number}")), "x").unwrap();
    }
    host.run(&["mlcube-ssh-pull"]).succeeds();
    fs::write(there.join("large"), vec![b'x'; 1_500_000]).unwrap();
    let text = r#"say("x" x 39)"#;
    let names = r#"say(sprintf(">fc........ %08d", $number++), ("y" x 4000) x 14)"#;
    for (words, message) in [(&[][..], text), (&["--checksum"], names)] {
        // Protocol 31; the version of the peer; no flags, a seed; and from then on messages of the kind MSG_INFO.
        let lines = format!(
            r#"case $1 in --server) ;; *) exec /usr/bin/rsync "$@" ;; esac
exec perl -e 'sub say {{ for (@_, "\n") {{ print pack("V", 9 << 24 | length), $_ }} }}
$| = 1; print pack("V", 31); read STDIN, $x, 4; print "\0", pack("V", 1);
for (;;) {{ {message} }}'"#
        );
        host.scene.host.has_program("rsync", &lines);
        let ran = host.run(&[&["mlcube-ssh-pull"], words].concat());
        ran.exits(125).complains(&["'there'", "a reply of more than 16 MiB"]);
    }
}

/// A listing whose entries would lead out, or have sizes and times that no file has.
fn absurd() -> String {
    let entries = [
        "f 644 18446744073709551615 1.0000000000 large",
        "f 644 18446744073709551615 -9223372036854775808.0000000000 old",
        "f 7777 18446744073709551614 9223372036854775807.9999999999 new",
        "f 644 1 1.0000000000 ../outside",
        "f 644 1 1.0000000000 /etc/outside",
        "f 644 1 1.0000000000 a/../../outside",
    ];
    let names = format!("f 644 1 1.0000000000 {ESCAPES}");
    let entries = entries
        .iter()
        .chain([&names.as_str()])
        .fold(String::new(), |all, entry| all + entry + "\\0\\0");
    format!("printf 'workspace /w\\nlisting\\n{entries}'")
}

#[test]
fn sizes_times_and_names_that_no_file_has() {
    let host = Attacked::scene();
    host.answers(&absurd());
    let before = whole_tree(&host.cube.workspace());
    let ran = host.run(&["mlcube-ssh-pull", "--list"]);
    ran.succeeds().never_says("outside");
    assert!(ran.stdout.contains("large") && ran.stdout.contains("gpj"), "{ran}");
    is_clean(&ran);
    let ran = host.run(&["mlcube-ssh-pull"]);
    ran.exits(125).says("error: ").never_says("outside");
    is_clean(&ran);
    assert_eq!(whole_tree(&host.cube.workspace()), before);
}

#[test]
fn paths_that_are_none() {
    let host = Attacked::scene();
    for path in ["w", "", "../w", "/w/../../etc", &format!("/w{ESCAPES}")] {
        host.answers(&format!("printf 'workspace {path}\\nlisting\\n'"));
        host.run(&["mlcube-ssh-pull"]).exits(125).complains(&[
            "'there'",
            "workspace",
            "absolute path",
        ]);
    }
}

#[test]
fn words_of_the_host_move_nothing_on_a_terminal() {
    let host = Attacked::scene();
    let e = ESCAPES;
    let job =
        format!("job 1-a {e} - - - {e} {{\"phase\":\"{e}\",\"user\":\"{e}\",\"folder\":\"{e}\"}}");
    for reply in [
        format!("problem {e} {e}\\n"),
        format!("problem not-writable {e}\\n"),
        format!("problem locked 1-a elsewhere 1 {e} {{\"user\":\"{e}\",\"folder\":\"{e}\"}}\\n"),
        format!("problem other-origin id {e}\\n"),
        format!("say {e}\\nproblem pip\\n"),
        format!("found tree 1 /{e}\\nfound {e} 1 /{e}\\n{job}\\n"),
        format!("left {e}\\n"),
        format!("warning {e}\\nproblem {e}\\n"),
    ] {
        // Some are no answer to some questions; what is said of them is clean in any case.
        host.answers(&format!("printf '{}'; printf '{e}\\n' >&2; exit 3", reply.replace('\'', "")));
        for step in Attacked::steps() {
            is_clean(&host.run(step));
        }
        // Without an end a log is taken up again and again.
        for verb in ["logs", "attach"].into_iter().filter(|_| reply.starts_with("problem")) {
            is_clean(&host.run(&["mlcube-ssh-exec", verb]));
        }
        is_clean(&host.run(&["mlcube-ssh-exec", "stop"]));
        is_clean(&host.run(&["mlcube-ssh-exec", "clean", "--yes=all"]));
    }
}

#[test]
fn ids_are_ids() {
    let host = Attacked::scene();
    for id in ["$(touch canary)", "../../x", "x;touch canary", "`touch canary`"] {
        host.answers(&format!("printf '%s\\n' 'job {id}' started"));
        let ran = host.run(&["mlcube-ssh-exec", "attach"]);
        ran.exits(125).complains(&["'there'", "can't be read"]);
        // What to type after `--detach` has the id that was chosen here, and a node's name is one.
        for line in [format!("job {id}"), format!("node {id} elsewhere")] {
            host.answers(&format!("printf '%s\\n' '{line}' started"));
            let ran = host.run(&["mlcube-ssh-exec", "run", "--detach"]);
            ran.exits(125).complains(&["'there'", "can't be read"]);
            let hint = ran.stderr.lines().last().unwrap();
            assert!(!hint.contains(id), "{hint}");
        }
        host.answers(&format!("printf '%s\\n' 'job {id} running - 1 1 host {{}}'"));
        for verb in ["list", "status", "stop"] {
            host.run(&["mlcube-ssh-exec", verb])
                .exits(125)
                .complains(&["'there'", "can't read the state"]);
        }
        // A node and a job to paste are a host and an id, too.
        for words in [format!("1-a {id}"), format!("{id} node")] {
            host.answers(&format!("printf '%s\\n' 'problem elsewhere {words}'; exit 3"));
            let ran = host.run(&["mlcube-ssh-exec", "stop"]);
            ran.exits(125).says("hint: ").never_says("-Prunner.host");
        }
    }
}

#[test]
fn a_job_that_says_too_much() {
    let host = Attacked::scene();
    for (attack, limit) in [
        ("echo job 1-a; echo record; yes", "a job's record of more than 4 MiB"),
        ("echo job 1-a; echo offset 99999999999999999999; yes", "can't be read"),
        ("yes 'warning of the host'", "more than 100 warnings"),
        ("echo log-size -1", "can't be read"),
        ("echo status 999", "can't be read"),
        ("tr '\\0' x </dev/zero", "a line of more than 64 KiB"),
        ("yes 'something is wrong' >&2", "standard error"),
    ] {
        host.answers(attack);
        let ran = host.run(&["mlcube-ssh-exec", "attach"]);
        let errors: Vec<&str> =
            ran.stderr.lines().filter(|line| line.contains(": error: ")).collect();
        assert!(ran.status == 125 && errors.len() == 1 && errors[0].contains(limit), "{ran}");
        assert!(ran.stderr.lines().count() < 110, "{ran}");
    }
}

/// A line each, or as much in a line as there may be.
#[test]
fn jobs_without_end() {
    let host = Attacked::scene();
    let short = r#"for (1 .. 300_000) { print "job $_-000000000007 finished 0 1 2 h {}\n" }"#;
    let long = r#"$user = "u" x 60_000;
for (1 .. 130) { print "job $_-$user elsewhere - 1 - h {}\njob $_-a lost - - - h {\"user\":\"$user\"}\n" }"#;
    for jobs in [short, long] {
        host.answers(&format!("exec perl -e '{jobs}'"));
        for words in [&["mlcube-ssh-exec", "list"][..], &["mlcube-ssh-exec", "list", "--json"]] {
            let listed = host.run(words);
            listed.succeeds();
            is_clean(&listed);
            let longest = listed.stdout.lines().map(|line| line.chars().count()).max();
            let is_short = listed.stdout.lines().count() <= 1002 && longest < Some(600);
            assert!(is_short || words.len() > 2, "{longest:?}");
        }
    }
}

/// Lets the host's tar write what is in a file, and every other question go to the real one.
fn sends_archive(host: &Attacked, archive: &[u8], then: &str) {
    let path = host.scene.host.folder().join("archive");
    fs::write(&path, archive).unwrap();
    let lines = format!(
        "case $1 in --version) exec /usr/bin/tar \"$@\" ;; esac\ncat '{}'\n{then}",
        path.display()
    );
    host.scene.host.has_program("tar", &lines);
}

/// A header of an archive.
fn header(kind: tar::EntryType, size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(kind);
    header.set_path("bomb").unwrap();
    header.set_size(size);
    header.set_cksum();
    header.as_bytes().to_vec()
}

#[test]
fn headers_of_an_archive_without_end() {
    let host = Attacked::scene();
    let there = host.scene.host.remote_root().join("digits/workspace");
    fs::write(there.join("new"), "made there").unwrap();
    for kind in [tar::EntryType::XHeader, tar::EntryType::GNULongName, tar::EntryType::GNULongLink]
    {
        sends_archive(&host, &header(kind, 8 << 30), "cat /dev/zero");
        let ran = host.run(&["mlcube-ssh-pull"]);
        ran.exits(125)
            .complains(&["'there'", "an extended header in an archive of more than 64 KiB"]);
    }
    sends_archive(&host, &header(tar::EntryType::XGlobalHeader, 0).repeat(100), "cat /dev/zero");
    host.run(&["mlcube-ssh-pull"]);
    assert!(!host.cube.workspace().join("bomb").exists());
}

/// The archive is as good as any, but for the window of 128 MB that its frame asks for: what is refused comes by rsync.
#[test]
fn a_zstd_window_that_takes_more_memory_than_a_packer_needs() {
    let host = Attacked::scene();
    let there = host.scene.host.remote_root().join("digits/workspace");
    fs::write(there.join("new"), "made there").unwrap();
    host.scene.host.has_program("zstd", "exec /usr/bin/zstd --quiet --long=27 --stdout");
    let ran = host.run(&["mlcube-ssh-pull", "-v"]);
    ran.succeeds().says("the archive is incomplete, continuing with rsync");
    assert_eq!(fs::read(host.cube.workspace().join("new")).unwrap(), b"made there");
}

#[test]
fn an_archive_without_end() {
    let host = Attacked::waiting_for(1);
    let there = host.scene.host.remote_root().join("digits/workspace");
    fs::write(there.join("new"), "made there").unwrap();
    for archive in [&[][..], &header(tar::EntryType::Regular, 10)] {
        sends_archive(&host, archive, "sleep 600");
        host.run(&["mlcube-ssh-pull"]).exits(255).complains(&["'there'", "next to nothing"]);
    }
    assert!(!host.cube.workspace().join("bomb").exists());
}

#[test]
fn the_corpus_is_read() {
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/hostile_host/corpus.tar");
    let packed = fs::read(packed).unwrap();
    let mut archive = tar::Archive::new(packed.as_slice());
    let mut inputs = 0;
    for entry in archive.entries().unwrap() {
        let mut input = Vec::new();
        entry.unwrap().read_to_end(&mut input).unwrap();
        host_input::read(&input);
        inputs += 1;
    }
    assert!(inputs > 400, "only {inputs}");
}

/// Paths of two thousand folders each, none of which is on this machine: what is known of a folder is kept as long as a
/// path lies in it, and nothing is looked for below a folder that isn't there.
#[test]
fn deep_folders() {
    let host = Attacked::waiting_for(5);
    let entries = "awk -v name=\"$(printf '/%.0sa' $(seq 2000))\" 'BEGIN { for (; i < 60;) printf \"f 644 1 1.0000000000 %d%s%c%c\", i++, name, 0, 0 }'";
    host.answers(&format!("printf 'workspace /w\\nlisting\\n'; {entries}"));
    // Of the files that it lists it then sends none; whether it is silent or lists once more is a matter of the moment.
    let ran = host.run(&["mlcube-ssh-pull"]);
    assert!(matches!(ran.status, 125 | 255), "{ran}");
}
