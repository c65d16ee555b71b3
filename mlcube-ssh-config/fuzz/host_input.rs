//! Reads whatever a host may send as each of the things that it sends. The fuzz target `host` and the test that replays
//! its corpus share this.

use std::io::{Read, Write, sink};
use std::path::{Component, Path};

use mlcube_ssh::listing::{Entry, EntryKind, Listing};
use mlcube_ssh::pipe::{failure, limits};
use mlcube_ssh::remote::folder_owner;
use mlcube_ssh::remote::interpreter::network;
use mlcube_ssh::remote::inventory::{Item, ItemKind};
use mlcube_ssh::remote::job::frames::{Frame, Frames};
use mlcube_ssh::remote::job::{Holder, JobRecord, JobReport, job_table};
use mlcube_ssh::remote::session::Reply;
use mlcube_ssh::sync::archive::Members;
use mlcube_ssh::sync::rsync;
use mlcube_ssh::sync::rsync::Transfer;
use mlcube_ssh::text::printable::printable;
use mlcube_ssh::ui::terminal::Terminal;

use engine_failure::EngineFailure;
use host_reply::{Check, HostReply};
use space::Space;

// What a program reads of the words of programs there.
#[path = "../../mlcube-ssh-exec/src/job/engine_failure.rs"]
mod engine_failure;

// What `doctor` reads of a host's reply.
#[path = "../../mlcube-ssh-exec/src/verbs/doctor/host_reply.rs"]
#[expect(dead_code, reason = "the client makes the other checks")]
mod host_reply;
#[path = "../../mlcube-ssh-exec/src/verbs/doctor/space.rs"]
mod space;

/// Reads an input: its first byte says as what, its second how long the pieces are in which it comes.
pub(crate) fn read(input: &[u8]) {
    let [what, length, bytes @ ..] = input else { return };
    let length = usize::from(*length).max(1);
    match what % 10 {
        // What came later is told apart by the whole byte: the inputs of the corpus keep their meaning.
        _ if *what == 253 => findings(bytes),
        _ if *what == 254 => pips_errors(bytes),
        _ if *what == 255 => engines_words(bytes),
        0 => reply(bytes, length),
        1 => frames(bytes, length),
        2 => listing(bytes),
        3 => archive(bytes),
        5 => lines(bytes),
        6 => record(bytes),
        7 => rsyncs_output(bytes, length),
        8 => rsyncs_errors(bytes, length),
        9 => log(bytes, length),
        _ => text(bytes),
    }
}

/// However a reply is cut, it is the same one.
fn reply(bytes: &[u8], length: usize) {
    let whole = Reply::read([bytes]);
    let cut = Reply::read(bytes.chunks(length));
    let (whole, cut) = match (whole, cut) {
        (Ok(whole), Ok(cut)) => (whole, cut),
        (whole, cut) => {
            assert_eq!(whole.is_err(), cut.is_err());
            return;
        }
    };
    assert_eq!(whole.field("problem"), cut.field("problem"));
    assert_eq!(whole.path("base").ok(), cut.path("base").ok());
    if let Ok(path) = whole.path("workspace") {
        assert!(path.starts_with('/') && !path.contains(char::is_control));
    }
    let _ = (whole.last_error(), whole.listing().ok().map(|listing| listing.largest()));
}

/// However frames are cut, they are the same ones.
fn frames(bytes: &[u8], length: usize) {
    assert_eq!(told([bytes]), told(bytes.chunks(length)));
}

fn told<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, Vec<String>) {
    let (mut frames, mut log, mut rest) = (Frames::new("MARK"), Vec::new(), Vec::new());
    for piece in pieces {
        frames.add(piece);
        loop {
            match frames.next() {
                Ok(Some(Frame::Log(bytes))) => log.extend(bytes),
                Ok(Some(frame)) => rest.push(format!("{frame:?}")),
                Ok(None) => break,
                Err(refused) => {
                    rest.push(refused.to_string());
                    return (log, rest);
                }
            }
        }
    }
    (log, rest)
}

/// A listing that is read has only entries of its folder, and reads the same when it is written.
fn listing(bytes: &[u8]) {
    let Ok(listing) = Listing::parse(bytes) else { return };
    for (path, _) in listing.iter() {
        let is_below = path.components().all(|part| matches!(part, Component::Normal(_)));
        assert!(is_below, "{}", path.display());
        assert!(path.components().next().is_some());
    }
    let _ = (listing.bytes(), listing.largest(), listing.files());
    let mut text = Vec::new();
    assert!(listing.write(&mut text).is_ok(), "a listing can be written");
    let Ok(again) = Listing::parse(&text) else { panic!("what was written can be read") };
    // But for what only the other side's disk knows: holes, and who may write.
    let known = |listing: &Listing| -> Vec<_> {
        let known = |(path, entry): (&'static Path, Entry)| {
            (path, entry.kind, entry.permissions(), entry.size, entry.modified, entry.target)
        };
        listing.iter().map(known).collect()
    };
    assert_eq!(known(&listing), known(&again));
}

/// An archive is read to its end or to what is wrong with it.
fn archive(bytes: &[u8]) {
    let mut archive = tar::Archive::new(bytes);
    let Ok(mut members) = Members::of(&mut archive) else { return };
    let Ok(listed) = Listing::parse(b"f 644 1 7.0000000000 a\0\0") else { panic!("a listing") };
    while let Ok(Some(mut member)) = members.next() {
        for (_, entry) in listed.iter() {
            assert!(entry.kind == EntryKind::File);
            let _ = member.is(&entry);
        }
        let _ = (member.path(), member.modified());
        let _ = std::io::copy(&mut (&mut member).take(1 << 16), &mut sink());
    }
}

/// A text that is shown moves nothing on a terminal.
fn text(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let shown = printable(&text);
    assert!(!shown.contains(char::is_control));
    assert_eq!(printable(&shown), shown);
    let _ = format!("{:?}", Holder::parse(&text));
}

/// Lines about jobs and about what is on the remote: what is read is shown on one line, or refused.
fn lines(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut jobs = Vec::new();
    for line in text.lines() {
        if let Some(state) = JobReport::parse(line) {
            let line_of_json = state.json_line();
            let json: serde_json::Value = serde_json::from_str(&line_of_json).unwrap_or_default();
            let id = json["job"].as_str().unwrap_or_default();
            assert!(line.starts_with(id), "the job is the one that was told: {json}");
            assert!(!line_of_json.trim_end().contains(char::is_control));
            jobs.push(state);
        }
        if let Some(item) = Item::parse(line) {
            let is_path = item.path.starts_with('/');
            let is_id = item.kind == ItemKind::Container
                && item.path.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!((is_path || is_id) && !item.path.contains(char::is_control));
            assert!(!item.path.split('/').any(|part| part == ".."));
            assert!(!item.name().contains('/'));
            let _ = item.line();
        }
        let _ = folder_owner::failure("host", line);
    }
    assert!(job_table(&jobs, Some(1)).iter().all(|line| line.chars().count() < 600));
}

/// A job's record: names, of which whoever reads them decides.
fn record(bytes: &[u8]) {
    let Some(record) = JobRecord::parse(bytes) else { return };
    let _ = (record.phase(), record.tasks());
}

/// However rsync's output is cut, it says the same.
fn rsyncs_output(bytes: &[u8], length: usize) {
    let whole = Transfer::of_output([bytes]);
    // A line that is too long is dropped when it has come, and so depends on how it comes.
    if bytes.len() <= limits::LINE {
        assert_eq!(whole, Transfer::of_output(bytes.chunks(length)));
    }
}

/// Whatever stands on rsync's standard error, its status decides whether it failed.
fn rsyncs_errors(bytes: &[u8], status: usize) {
    let text = String::from_utf8_lossy(bytes);
    let status = i32::try_from(status).unwrap_or_default();
    for (pushes, is_open) in [(true, true), (false, false)] {
        let outcome = rsync::outcome(status, &text, "host", pushes, || Ok(is_open));
        assert!(outcome.is_err() || matches!(status, 23 | 24), "{status}");
    }
    let _ = failure::is_out_of_room(&text);
}

/// A job's log on a terminal: however it is cut it is the same, and no other sequence than a harmless one begins in it.
fn log(bytes: &[u8], length: usize) {
    let shown = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut shown = Vec::new();
        let mut terminal = Terminal::new(&mut shown);
        for piece in pieces {
            assert!(terminal.write_all(piece).is_ok());
        }
        drop(terminal);
        shown
    };
    let whole = shown(&mut [bytes].into_iter());
    assert_eq!(whole, shown(&mut bytes.chunks(length)));
    for (at, _) in whole.iter().enumerate().filter(|(_, byte)| **byte == 0x1b) {
        let rest = &whole[at + 1..];
        assert_eq!(rest.first(), Some(&b'['));
        let end = rest[1..].iter().find(|byte| !(0x20..=0x3f).contains(*byte));
        assert!(end.is_some_and(|end| b"mKABCDG".contains(end)));
    }
}

/// Why pip doesn't reach its index stands on one line.
fn pips_errors(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(problem) = network::problem(&text) {
        assert!(!problem.cause.contains('\n') && !problem.hint.is_empty());
    }
}

/// A registry that is named is a host, and a path begins with a slash.
fn engines_words(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for line in text.lines() {
        match EngineFailure::of_line(line, "sudo docker") {
            Some(EngineFailure::NoRegistry(Some(registry))) => {
                let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-:".contains(c);
                assert!(registry.chars().all(is_plain), "{registry}");
            }
            Some(EngineFailure::NoSpace(Some(path))) => assert!(path.starts_with('/'), "{path}"),
            _ => {}
        }
    }
}

/// What `doctor` hears of a check is that check's alone, and no more than it prints.
fn findings(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut reply = HostReply::default();
    text.lines().for_each(|line| reply.add_line(line));
    for check in Check::OF_SCRIPT {
        let Some(lines) = reply.lines_of(check) else {
            let start = format!("{} ", check.name());
            assert!(!text.lines().any(|line| line.starts_with(&start)), "{start}");
            continue;
        };
        assert!(lines.errors().lines().count() <= 100);
        for key in ["found", "warning", "free", "value", "say", "does"] {
            assert!(lines.all(key).count() <= 100);
            assert_eq!(lines.last(key), lines.all(key).last());
        }
        let _ = (lines.status, lines.problem(), lines.warning());
        if let Some(space) = lines.last("free").and_then(Space::parse) {
            assert!(space.shown().contains(" free in "));
            let _ = space.is_little();
        }
    }
}
