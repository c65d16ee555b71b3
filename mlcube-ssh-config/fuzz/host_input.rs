//! Reads whatever a host may send as each of the things that it sends. The fuzz target `host` and the test that replays its
//! corpus share this.

use std::io::{Read, sink};
use std::path::{Component, Path};

use mlcube_ssh_config::archive::Members;
use mlcube_ssh_config::connection::Answer;
use mlcube_ssh_config::frames::{Frame, Frames};
use mlcube_ssh_config::jobs::Holder;
use mlcube_ssh_config::report::printable;
use mlcube_ssh_config::workspace::{Entry, Kind, Listing};

/// Reads an input: its first byte says as what, its second how long the pieces are in which it comes.
pub(crate) fn read(input: &[u8]) {
    let [what, length, bytes @ ..] = input else { return };
    let length = usize::from(*length).max(1);
    match what % 5 {
        0 => reply(bytes, length),
        1 => frames(bytes, length),
        2 => listing(bytes),
        3 => archive(bytes),
        _ => text(bytes),
    }
}

/// However a reply is cut, it is the same one.
fn reply(bytes: &[u8], length: usize) {
    let whole = Answer::read([bytes]);
    let cut = Answer::read(bytes.chunks(length));
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
    let (mut frames, mut log, mut rest) = (Frames::default(), Vec::new(), Vec::new());
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
            assert!(entry.kind == Kind::File);
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
