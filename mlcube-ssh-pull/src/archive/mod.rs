//! New small files are fetched as one tar archive, in half the time of an rsync that is sent their names and compares
//! them with nothing. What the archive doesn't hold, or what changed meanwhile, is left for rsync.

pub(crate) mod attributes;
pub(crate) mod received;
pub(crate) mod unpack;

use std::borrow::Cow;
use std::io;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, anyhow};
use mlcube_ssh::listing::{Entry, Listing};
use mlcube_ssh::pipe::failure::{Failure, MAKE_ROOM, Outcome, is_disk_full};
use mlcube_ssh::pipe::limits;
use mlcube_ssh::process::byte_counter::ByteCounter;
use mlcube_ssh::process::file_list::write_names;
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::session::{Reply, Session};
use mlcube_ssh::sync::archive::exceeded;
use mlcube_ssh::ui::progress::Progress;
use mlcube_ssh::ui::report::Report;
use zstd::Decoder;

use crate::archive::received::Received;
use crate::archive::unpack::Unpacker;
use mlcube_ssh::sync::RealFolders;
use mlcube_ssh::text::units::count;

const PACK: &str = include_str!("../sh/pack.sh");

/// From this number of files on, an archive is faster than rsync. It is faster for fewer files too if nothing is left
/// for rsync, because it uses the open session.
const FILES: u64 = 100;
/// Larger files, in bytes, are fetched by rsync, which can resume a transfer that was cut off.
const LARGE: u64 = 1 << 20;

/// The size of the buffers, in bytes.
const PIECE: usize = 64 << 10;

/// The entries that an archive fetches; `None` if rsync is faster.
pub(crate) fn choose_entries<'a>(
    send: &'a Listing,
    local: &Listing,
    links: &[PathBuf],
) -> Option<Cow<'a, Listing>> {
    let is_wanted = |path: &Path, entry: &Entry| {
        local.get(path).is_none()
            && !(entry.is_file() && entry.size >= LARGE)
            // An archive would carry the holes as zeros.
            && !entry.is_sparse()
            // A text in an extended header ends at a newline, so such a name or target can't be sent in one.
            && [path, &entry.target].iter().all(|text| is_one_line(text))
            // rsync has to be run separately for the entries below a followed link.
            && !links.iter().any(|link| path.starts_with(link))
    };
    // At a first pull every entry is wanted; borrowing avoids a copy of a long listing.
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

/// An archive of entries of the remote workspace, to be unpacked in the local one.
pub(crate) struct ArchiveTransfer<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) report: Report,
    pub(crate) remote: &'a str,
    pub(crate) real: RealFolders<'a>,
    pub(crate) wanted: &'a Listing,
}

impl ArchiveTransfer<'_> {
    /// Fetches and unpacks the archive, in the open session if there is one. `received` gets the fetched entries, even
    /// if it fails.
    ///
    /// # Errors
    /// When the connection is lost, the local disk is full, or the remote sends anything that wasn't requested.
    pub(crate) fn run(&self, session: Option<Session>, received: &mut Received) -> Outcome<()> {
        self.report.detail(&describe(self.wanted));
        let mut session = self.connection.run_in(session, &self.script())?;
        if let Some(input) = session.take_input().context("can't wait for a pipe")? {
            // A listing of a million entries takes 4 MB, a list of their names 16.
            let wanted = self.wanted.clone();
            // In a thread, because the archive begins before the remote has read all names. If the remote is gone,
            // reading the archive reports it.
            thread::spawn(move || write_names(wanted.iter().map(|(path, _)| path), input));
        }
        let mut unpacker = Unpacker::new(self.real, self.wanted, received);
        let mut link = BufReader::with_capacity(PIECE, ByteCounter::new(&mut session));
        let ended = self.unpack_from(&mut link, &mut unpacker);
        let bytes = link.get_ref().count();
        drop(link);
        let reply = match ended {
            Ok(()) => session.reply_of_transfer(),
            Err(failure) => {
                session.hang_up();
                Err(failure)
            }
        };
        unpacker.finish(reply.as_ref().is_ok_and(was_all_packed));
        received.bytes = bytes;
        let reply = reply?;
        if !received.is_all {
            self.report.detail(&format!(
                "the archive is incomplete, continuing with rsync: {}",
                reply.last_error()
            ));
        }
        Ok(())
    }

    /// Unpacks the archive in the format that the line before it names.
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
        self.connection.script(PACK).given("workspace", self.remote)
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
                let failure = Failure::ours(anyhow!("can't fetch from '{host}': {problem}"));
                failure.hint(if is_disk_full(&problem) {
                    MAKE_ROOM
                } else {
                    "run this step again; it resumes where it stopped"
                })
            }
        })?;
        // Reads to the end, because the remote waits until all of its output is read.
        let _ = io::copy(&mut archive, &mut io::sink());
        if archive.limit() == 0 {
            return Err(Failure::ours(anyhow!("'{host}' sends far more than this pull requested"))
                .hint("pull again when no task writes to the workspace; if it still does, don't trust the host"));
        }
        Ok(())
    }
}

/// An upper limit for the size of an archive of these entries: each may have two long texts, and the archive ends with
/// zeros.
fn most_bytes(wanted: &Listing) -> u64 {
    // The remote chooses these sizes, so the sum may overflow.
    wanted.bytes().saturating_add((1 << 20) + (16 << 10) * wanted.len() as u64)
}

/// The line that tells the user what is fetched as an archive.
pub(crate) fn describe(wanted: &Listing) -> String {
    format!("{} come as one archive from the remote tar", count(wanted.files(), "file"))
}

fn was_all_packed(reply: &Reply) -> bool {
    reply.status == 0 && reply.errors.lines().any(|line| line == "packed all")
}

/// A decoder that allocates no more than a window of our packer needs; a frame may ask for 128 MB.
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
