//! The frames that a followed job sends: lines and, after each line `log`, bytes of its log up to `MARK N` and a newline.
//!
//! N is how many bytes the remote meant to send. The mark is random, so that no log holds it: a program of the remote
//! that fails in the middle sends fewer bytes, and what follows must not be taken for log. No newline comes before the
//! mark: the last one of the log would have to wait for what follows it.
//!
//! The log may be endless, and is passed on as it comes; everything else has a limit.

use std::fmt;

use memchr::{memchr, memmem};

use crate::pipe::limits;
use crate::pipe::limits::Exceeded;
use crate::remote::job::state::WhyLost;
use crate::remote::problem::Problem;
use crate::settings::names::{Host, JobId};

/// A frame of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Bytes of the log.
    Log(Vec<u8>),
    /// Fewer bytes of the log came than the remote meant to send.
    CutLog {
        /// How many came.
        came: u64,
        /// How many it meant to send.
        of: u64,
    },
    /// The size of the whole log in bytes, after the job's end.
    LogSize(u64),
    /// `mlcube` failed before the task; the reason, if it is known.
    BeforeTheTask(Option<String>),
    /// The container engine failed: no container was made, it never started, or its end is unknown; the cause, if the script
    /// knows it.
    EngineFailed(Option<String>),
    /// A task of the job was started.
    Began,
    /// Somebody stopped the job.
    Stopped,
    /// The job ended with this status.
    Status(u8),
    /// The job's leader is gone and left no status; the reason, as far as it is known.
    Lost(WhyLost),
    /// The id of the job.
    Job(JobId),
    /// The node of the host on which the job was started, and whether this session is on another one.
    Node(Host, bool),
    /// The batch system of the job, and the number that it gave the job.
    Batch(String, u64),
    /// The job waits for its batch system.
    Pending(Pending),
    /// How many seconds the job ran.
    Ran(u64),
    /// The node on which containers of the ended job may still run.
    LeftOn(Host),
    /// The job couldn't run on this node.
    NodeFailed(Host, Problem),
    /// The batch system ended the job, in this state, and maybe who cancelled it.
    BatchEnd(String),
    /// The content of `job.json`.
    JobRecord(Vec<u8>),
    /// The offset of the next byte of the log.
    Offset(u64),
    /// The job has started, and isn't followed.
    Started,
    /// The log has no more bytes at the moment.
    LogEnd,
    /// A warning for the user.
    Warning(String),
    /// The script failed.
    Problem(Problem),
}

/// Why a job of a batch system waits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pending {
    /// The batch system's reason, in its own words.
    pub reason: String,
    /// When it expects to start the job, in the host's local time.
    pub start: Option<String>,
    /// Whether the job ran before.
    pub is_requeued: bool,
}

/// What was refused of a remote's output; the text completes a sentence about the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// More than the remote may send.
    Exceeded(Exceeded),
    /// A line whose value doesn't suit its word.
    Line(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exceeded(exceeded) => exceeded.fmt(f),
            Self::Line(line) => write!(f, "sent '{line}' about a job, which can't be read"),
        }
    }
}

impl std::error::Error for Refused {}

impl From<Exceeded> for Refused {
    fn from(exceeded: Exceeded) -> Self {
        Self::Exceeded(exceeded)
    }
}

/// Splits bytes, in portions of any size, into frames.
#[derive(Debug)]
pub struct Frames {
    /// The mark and a blank.
    mark: Vec<u8>,
    buffer: Vec<u8>,
    /// How many bytes of the buffer were read.
    read: usize,
    content: Option<Content>,
    warnings: usize,
}

/// The bytes that come before the mark.
#[derive(Clone, Copy, Debug)]
enum Content {
    /// Of the log, of which so many came.
    Log(u64),
    /// Of a record, of which the first bytes were searched for the mark.
    JobRecord(usize),
}

impl Frames {
    /// Makes an empty reader; the script was given the `mark`.
    #[must_use]
    pub fn new(mark: &str) -> Self {
        let mark = format!("{mark} ").into_bytes();
        Self { mark, buffer: Vec::new(), read: 0, content: None, warnings: 0 }
    }

    /// Adds bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        // Drained once for each portion: a host may send very short lines.
        self.buffer.drain(..self.read);
        self.read = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next complete frame; a log frame may be a part of what the remote means to send.
    ///
    /// # Errors
    /// When the remote sends what none of the scripts does.
    #[expect(clippy::should_implement_trait, reason = "more may come after none")]
    pub fn next(&mut self) -> Result<Option<Frame>, Refused> {
        loop {
            match self.content {
                Some(Content::Log(came)) => {
                    if let Some(bytes) = self.log(came) {
                        return Ok(Some(Frame::Log(bytes)));
                    }
                    let Some(of) = self.announced()? else { return Ok(None) };
                    if of != came {
                        return Ok(Some(Frame::CutLog { came, of }));
                    }
                }
                Some(Content::JobRecord(searched)) => return self.record(searched),
                None => {
                    let Some(line) = self.whole_line()? else { return Ok(None) };
                    if let Some(frame) = self.line(&line)? {
                        return Ok(Some(frame));
                    }
                }
            }
        }
    }

    /// Bytes of the log before the mark, if there are any; `came` came before.
    fn log(&mut self, came: u64) -> Option<Vec<u8>> {
        let ahead = &self.buffer[self.read..];
        // The mark may have begun at the end of the portion.
        let is_begun = |length: &usize| ahead.ends_with(&self.mark[..*length]);
        let begun = || (1..self.mark.len()).rev().find(is_begun).unwrap_or(0);
        let length = memmem::find(ahead, &self.mark).unwrap_or_else(|| ahead.len() - begun());
        if length == 0 {
            return None;
        }
        self.content = Some(Content::Log(came.saturating_add(length as u64)));
        Some(self.take(length))
    }

    /// The record of a job, if all of it has come.
    fn record(&mut self, searched: usize) -> Result<Option<Frame>, Refused> {
        let ahead = &self.buffer[self.read..];
        let found = memmem::find(&ahead[searched..], &self.mark).map(|at| searched + at);
        if found.unwrap_or(ahead.len()) > limits::RECORD + self.mark.len() {
            return Err(Exceeded::JobRecord.into());
        }
        let Some(length) = found else {
            let searched = ahead.len().saturating_sub(self.mark.len());
            self.content = Some(Content::JobRecord(searched));
            return Ok(None);
        };
        let start = self.read;
        let record = self.take(length);
        match self.announced()? {
            Some(of) if of == length as u64 => Ok(Some(Frame::JobRecord(record))),
            Some(of) => Err(Refused::Line(format!("{length} of {of} bytes of the record"))),
            None => {
                self.read = start;
                Ok(None)
            }
        }
    }

    /// Reads the mark and the number behind it, if all of the line has come: how many bytes the remote meant to send.
    fn announced(&mut self) -> Result<Option<u64>, Refused> {
        let start = self.read;
        if !self.buffer[start..].starts_with(&self.mark) {
            return Ok(None);
        }
        self.read += self.mark.len();
        let Some(number) = self.whole_line()? else {
            self.read = start;
            return Ok(None);
        };
        self.content = None;
        // Some versions of wc(1) pad the number with blanks.
        let number = number.trim().parse().map_err(|_| Refused::Line(shortened(&number)))?;
        Ok(Some(number))
    }

    /// The next line, if all of it has come.
    fn whole_line(&mut self) -> Result<Option<String>, Refused> {
        let ahead = &self.buffer[self.read..];
        let end = memchr(b'\n', ahead);
        if end.unwrap_or(ahead.len()) > limits::LINE {
            return Err(Exceeded::Line.into());
        }
        let Some(end) = end else { return Ok(None) };
        let line = String::from_utf8_lossy(&ahead[..end]).into_owned();
        self.read += end + 1;
        Ok(Some(line))
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let taken = self.buffer[self.read..self.read + length].to_vec();
        self.read += length;
        taken
    }

    /// The frame that a line is; `None` for a line that announces bytes, and for an unknown word.
    fn line(&mut self, line: &str) -> Result<Option<Frame>, Refused> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let refused = || Refused::Line(shortened(line));
        let number = || rest.trim().parse::<u64>().map_err(|_| refused());
        Ok(match word {
            "log" => {
                self.content = Some(Content::Log(0));
                None
            }
            "log-size" => Some(Frame::LogSize(number()?)),
            "cause" => Some(Frame::BeforeTheTask(Some(rest.to_owned()))),
            "engine-failed" => {
                Some(Frame::EngineFailed(Some(rest.to_owned()).filter(|cause| !cause.is_empty())))
            }
            "began" => Some(Frame::Began),
            "stopped" => Some(Frame::Stopped),
            "not-started" => Some(Frame::BeforeTheTask(None)),
            "status" => Some(Frame::Status(u8::try_from(number()?).map_err(|_| refused())?)),
            "record" => {
                self.content = Some(Content::JobRecord(0));
                None
            }
            "lost" => Some(Frame::Lost(WhyLost::parse(rest).ok_or_else(refused)?)),
            "job" => Some(Frame::Job(rest.parse().map_err(|_| refused())?)),
            "node" => {
                let (name, place) = rest.split_once(' ').unwrap_or((rest, ""));
                Some(Frame::Node(name.parse().map_err(|_| refused())?, place == "elsewhere"))
            }
            "ran" => Some(Frame::Ran(number()?)),
            "offset" => Some(Frame::Offset(number()?)),
            "started" => Some(Frame::Started),
            "end" => Some(Frame::LogEnd),
            "warning" => {
                self.warnings += 1;
                if self.warnings > limits::WARNINGS {
                    return Err(Exceeded::Warnings.into());
                }
                Some(Frame::Warning(rest.to_owned()))
            }
            "problem" => Some(Frame::Problem(Problem::parse(rest))),
            _ => of_batch_system(line)?,
        })
    }
}

/// The frame of a line about a job of a batch system; `None` for an unknown word, because a later version of the script
/// may send more of them.
fn of_batch_system(line: &str) -> Result<Option<Frame>, Refused> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let (first, others) = rest.split_once(' ').unwrap_or((rest, ""));
    let refused = || Refused::Line(shortened(line));
    Ok(Some(match word {
        "batch" => Frame::Batch(first.to_owned(), others.parse().map_err(|_| refused())?),
        "left-on" => Frame::LeftOn(rest.parse().map_err(|_| refused())?),
        "batch-end" => Frame::BatchEnd(rest.to_owned()),
        "pending" | "requeued" => Frame::Pending(Pending {
            reason: others.to_owned(),
            start: Some(first.to_owned()).filter(|start| start != "N/A"),
            is_requeued: word == "requeued",
        }),
        "node-failed" => {
            Frame::NodeFailed(first.parse().map_err(|_| refused())?, Problem::parse(others))
        }
        _ => return Ok(None),
    }))
}

/// The start of a line, enough for a message.
fn shortened(line: &str) -> String {
    line.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the log and the other frames of a text that comes in portions of `size` bytes.
    fn read(text: &[u8], size: usize) -> (Vec<u8>, Vec<Frame>) {
        let mut frames = Frames::new("MARK");
        let (mut log, mut rest) = (Vec::new(), Vec::new());
        for part in text.chunks(size) {
            frames.add(part);
            while let Some(frame) = frames.next().unwrap() {
                match frame {
                    Frame::Log(bytes) => log.extend(bytes),
                    other => rest.push(other),
                }
            }
        }
        (log, rest)
    }

    #[test]
    fn frames_in_any_portions() {
        let text = b"record\n{}\nMARK 3\nlog\nab\n\nMARK\nlogMARK 12\ncause why not\nstatus 7\n";
        for size in 1..text.len() {
            let (log, rest) = read(text, size);
            assert_eq!(log, b"ab\n\nMARK\nlog", "in portions of {size}");
            let record = Frame::JobRecord(b"{}\n".to_vec());
            let cause = Frame::BeforeTheTask(Some("why not".to_owned()));
            assert_eq!(rest, [record, cause, Frame::Status(7)]);
        }
    }

    #[test]
    fn a_whole_line_of_the_log_is_passed_on_at_once() {
        let mut frames = Frames::new("MARK");
        frames.add(b"log\nepoch 1\n");
        assert_eq!(frames.next().unwrap(), Some(Frame::Log(b"epoch 1\n".to_vec())));
    }

    #[test]
    fn what_a_failed_program_did_not_send_is_missed() {
        for (text, came) in [("log\nabMARK 6\nstatus 0\n", 2), ("log\nMARK 6\nstatus 0\n", 0)] {
            for size in 1..text.len() {
                let (log, rest) = read(text.as_bytes(), size);
                assert_eq!(
                    (log.len() as u64, rest[0].clone()),
                    (came, Frame::CutLog { came, of: 6 })
                );
            }
        }
        let cut = refused(b"record\n{}MARK 3\n").unwrap();
        assert_eq!(cut, Refused::Line("2 of 3 bytes of the record".to_owned()));
    }

    /// Returns the error for a text that comes in portions of 1000 bytes, repeated.
    fn refused(text: &[u8]) -> Option<Refused> {
        let mut frames = Frames::new("MARK");
        for _ in 0..10_000 {
            for part in text.chunks(1000) {
                frames.add(part);
                loop {
                    match frames.next() {
                        Ok(Some(_)) => {}
                        Ok(None) => break,
                        Err(refused) => return Some(refused),
                    }
                }
            }
        }
        None
    }

    #[test]
    fn everything_but_the_log_has_a_limit() {
        assert_eq!(refused(b"endless "), Some(Exceeded::Line.into()));
        assert_eq!(refused(b"warning x\n"), Some(Exceeded::Warnings.into()));
        assert_eq!(
            refused(b"status 99999999999999999999\n").unwrap().to_string(),
            "sent 'status 99999999999999999999' about a job, which can't be read"
        );
        assert_eq!(
            refused(&[b"record\n".as_slice(), &[b' '; 1000]].concat()),
            Some(Exceeded::JobRecord.into())
        );
        assert_eq!(refused(b"log\n more"), None);
        assert_eq!(refused(b"log\nMARK 0\n"), None);
        assert_eq!(refused(b"log\nMARK -1\n"), Some(Refused::Line("-1".to_owned())));
        for line in
            ["offset 1e9", "status 256", "job ../x", "job $(id)", "job ", "node -x", "lost away"]
        {
            let line_ended = format!("{line}\n");
            assert_eq!(refused(line_ended.as_bytes()), Some(Refused::Line(line.to_owned())));
        }
    }
}
