//! Small files that aren't here come as one archive of tar, in half the time of an rsync that is told their names and compares
//! nothing with nothing. What doesn't come in it, or changed meanwhile, is left for rsync.

mod attributes;
pub(crate) mod received;
mod unpack;

use std::borrow::Cow;
use std::io;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, anyhow};
use mlcube_ssh::listing::{Entry, Listing};
use mlcube_ssh::pipe::failure::{Failure, MAKE_ROOM, Outcome};
use mlcube_ssh::pipe::limits;
use mlcube_ssh::process::byte_counter::ByteCounter;
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::session::{Reply, Session};
use mlcube_ssh::sync::archive::exceeded;
use mlcube_ssh::ui::progress::Progress;
use mlcube_ssh::ui::report::Report;
use zstd::Decoder;

use crate::archive::received::Received;
use crate::archive::unpack::Unpacker;
use mlcube_ssh::text::units::count;

const PACK: &str = include_str!("../sh/pack.sh");

/// From so many files on a stream is quicker than rsync; and where nothing is left for that, since it goes in a session that
/// is there.
const FILES: u64 = 100;
/// Larger files, in bytes, come by rsync, which goes on where it was cut off.
const LARGE: u64 = 1 << 20;

/// What is handed on at once, in bytes.
const PIECE: usize = 64 << 10;

/// The entries to fetch that a stream brings; none where it doesn't pay.
pub(crate) fn worth<'a>(
    send: &'a Listing,
    here: &Listing,
    links: &[PathBuf],
) -> Option<Cow<'a, Listing>> {
    let is_wanted = |path: &Path, entry: &Entry| {
        here.get(path).is_none()
            && !(entry.is_file() && entry.size >= LARGE)
            // An archive would carry the holes as zeros.
            && !entry.is_sparse()
            // In an archive's extended header a text ends where its line does.
            && [path, &entry.target].iter().all(|text| is_one_line(text))
            // Behind a link of the user's own rsync has to be sent by itself.
            && !links.iter().any(|link| path.starts_with(link))
    };
    // A first pull, without a copy of a list that may be long.
    let wanted = if send.iter().all(|(path, entry)| is_wanted(path, &entry)) {
        Cow::Borrowed(send)
    } else {
        Cow::Owned(send.filter(is_wanted))
    };
    let pays = wanted.regular_files() >= FILES || wanted.len() == send.len();
    (pays && !wanted.is_empty()).then_some(wanted)
}

fn is_one_line(text: &Path) -> bool {
    !text.as_os_str().as_bytes().contains(&b'\n')
}

/// The stream of some entries of the workspace there, whose path is `there`, to the one here.
pub(crate) struct Stream<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) report: Report,
    pub(crate) there: &'a str,
    pub(crate) here: &'a Path,
    pub(crate) wanted: &'a Listing,
}

impl Stream<'_> {
    /// Runs it, in a session that is there for it if there is one; `came` gets what it brought, also when it fails.
    ///
    /// # Errors
    /// When the connection is lost, the disk here is full, or the remote sends what nobody asked for.
    pub(crate) fn run(&self, session: Option<Session>, came: &mut Received) -> Outcome<()> {
        self.report.detail(&describe(self.wanted));
        let mut session = self.connection.run_in(session, &self.script())?;
        if let Some(input) = session.take_input().context("can't wait for a pipe")? {
            let names = self.wanted.names();
            // Beside the archive, which begins to come before they are all read. A remote that is gone says so itself.
            thread::spawn(move || names.write(input));
        }
        let mut unpacker = Unpacker::new(self.here, self.wanted, came);
        let mut link = BufReader::with_capacity(PIECE, ByteCounter::new(&mut session));
        let ended = self.unpack_from(&mut link, &mut unpacker);
        let bytes = link.get_ref().count();
        drop(link);
        let answer = match ended {
            Ok(()) => session.answer_of_transfer(),
            Err(failure) => {
                session.hang_up();
                Err(failure)
            }
        };
        unpacker.finish(answer.as_ref().is_ok_and(was_all_packed));
        came.bytes = bytes;
        let answer = answer?;
        if !came.is_all {
            self.report.detail(&format!(
                "the archive is incomplete, continuing with rsync: {}",
                answer.last_error()
            ));
        }
        Ok(())
    }

    /// Unpacks what the line before the archive says that it is.
    fn unpack_from(
        &self,
        link: &mut (impl BufRead + Send),
        unpacker: &mut Unpacker,
    ) -> Outcome<()> {
        match first_line(link).as_str() {
            "archive zstd" => match decoder(link) {
                Ok(archive) => self.unpack(BufReader::with_capacity(PIECE, archive), unpacker),
                Err(problem) => Err(Failure::ours(problem)),
            },
            "archive plain" => self.unpack(link, unpacker),
            _ => Ok(()),
        }
    }

    fn script(&self) -> Script {
        self.connection.script(PACK).given("workspace", self.there)
    }

    fn unpack(&self, archive: impl Read, unpacker: &mut Unpacker) -> Outcome<()> {
        let host = self.connection.host();
        let mut archive = archive.take(most_bytes(self.wanted));
        let mut progress = Progress::new(self.report, self.wanted.bytes());
        let ended = unpacker.unpack(&mut archive, &mut progress);
        progress.clear();
        ended.map_err(|problem| match exceeded(&problem) {
            Some(exceeded) => self.connection.refuse(exceeded),
            None if problem.kind() == ErrorKind::TimedOut => self.connection.silent_transfer(),
            None => {
                let failure = Failure::ours(anyhow!("fetching from '{host}': {problem}"));
                match problem.kind() {
                    ErrorKind::StorageFull | ErrorKind::QuotaExceeded => failure.hint(MAKE_ROOM),
                    _ => failure,
                }
            }
        })?;
        // To its end: the remote waits until all that it writes is read.
        let _ = io::copy(&mut archive, &mut io::sink());
        if archive.limit() == 0 {
            return Err(Failure::ours(anyhow!("'{host}' sends far more than this pull requested")));
        }
        Ok(())
    }
}

/// More bytes than an archive of these entries has: each may have two long texts, and zeros stand at the end.
fn most_bytes(wanted: &Listing) -> u64 {
    // The sizes are the remote's own words.
    wanted.bytes().saturating_add((1 << 20) + (16 << 10) * wanted.len() as u64)
}

/// What a person is told that comes as a stream.
pub(crate) fn describe(wanted: &Listing) -> String {
    format!("{} come as one archive from the remote tar", count(wanted.files(), "file"))
}

fn was_all_packed(answer: &Reply) -> bool {
    answer.status == 0 && answer.errors.lines().any(|line| line == "packed all")
}

/// A decoder that allocates no more than a window of our own packer needs: a frame may ask for 128 MB.
fn decoder<R: BufRead>(link: R) -> io::Result<Decoder<'static, R>> {
    let mut decoder = Decoder::with_buffer(link)?;
    decoder.window_log_max(limits::ZSTD_WINDOW)?;
    Ok(decoder)
}

fn first_line(link: &mut impl BufRead) -> String {
    let mut bytes = Vec::new();
    let _ = link.take(limits::LINE as u64).read_until(b'\n', &mut bytes);
    String::from_utf8_lossy(&bytes).trim_end().to_owned()
}
