//! The frames that a followed job sends: lines and, after each line `log N`, N bytes of its log.
//!
//! The log may be endless, and is passed on as it comes; everything else has a limit.

use std::fmt;

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
    /// The number that the batch system gave the job.
    BatchNumber(u64),
    /// The batch system hasn't started the job: its reason, and when it expects to, in the host's local time.
    Pending(String, Option<String>),
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
#[derive(Debug, Default)]
pub struct Frames {
    buffer: Vec<u8>,
    /// How many bytes of the buffer were read.
    read: usize,
    log_left: u64,
    record_left: usize,
    warnings: usize,
}

impl Frames {
    /// Adds bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        // Drained once for each portion: a host may send very short lines.
        self.buffer.drain(..self.read);
        self.read = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next complete frame; a log frame may be a part of the announced bytes.
    ///
    /// # Errors
    /// When the remote sends what none of the scripts does.
    #[expect(clippy::should_implement_trait, reason = "more may come after none")]
    pub fn next(&mut self) -> Result<Option<Frame>, Refused> {
        loop {
            let ahead = &self.buffer[self.read..];
            if self.log_left > 0 {
                let length = usize::try_from(self.log_left).unwrap_or(usize::MAX).min(ahead.len());
                if length == 0 {
                    return Ok(None);
                }
                self.log_left -= length as u64;
                return Ok(Some(Frame::Log(self.take(length))));
            }
            if self.record_left > 0 {
                if ahead.len() < self.record_left {
                    return Ok(None);
                }
                let record = self.take(self.record_left);
                self.record_left = 0;
                return Ok(Some(Frame::JobRecord(record)));
            }
            let Some(end) = ahead.iter().position(|&byte| byte == b'\n') else {
                return if ahead.len() > limits::LINE {
                    Err(Exceeded::Line.into())
                } else {
                    Ok(None)
                };
            };
            if end > limits::LINE {
                return Err(Exceeded::Line.into());
            }
            let line = String::from_utf8_lossy(&ahead[..end]).into_owned();
            self.read += end + 1;
            if let Some(frame) = self.line(&line)? {
                return Ok(Some(frame));
            }
        }
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let taken = self.buffer[self.read..self.read + length].to_vec();
        self.read += length;
        taken
    }

    fn line(&mut self, line: &str) -> Result<Option<Frame>, Refused> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        // Some versions of wc(1) pad the number with blanks.
        let number = || rest.trim().parse::<u64>().map_err(|_| Refused::Line(shortened(line)));
        Ok(match word {
            "log" => {
                self.log_left = number()?;
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
            "status" => {
                let status = u8::try_from(number()?);
                Some(Frame::Status(status.map_err(|_| Refused::Line(shortened(line)))?))
            }
            "record" => {
                self.record_left = usize::try_from(number()?).unwrap_or(usize::MAX);
                if self.record_left > limits::RECORD {
                    return Err(Exceeded::JobRecord.into());
                }
                None
            }
            "lost" => {
                let why = WhyLost::parse(rest).ok_or_else(|| Refused::Line(shortened(line)));
                Some(Frame::Lost(why?))
            }
            "job" => Some(Frame::Job(rest.parse().map_err(|_| Refused::Line(shortened(line)))?)),
            "node" => {
                let (name, place) = rest.split_once(' ').unwrap_or((rest, ""));
                let name = name.parse().map_err(|_| Refused::Line(shortened(line)))?;
                Some(Frame::Node(name, place == "elsewhere"))
            }
            "batch" => Some(Frame::BatchNumber(number()?)),
            "batch-end" => Some(Frame::BatchEnd(rest.to_owned())),
            "pending" => {
                let (reason, start) = rest.split_once(' ').unwrap_or((rest, "N/A"));
                let start = Some(start.to_owned()).filter(|start| start != "N/A");
                Some(Frame::Pending(reason.to_owned(), start))
            }
            "node-failed" => {
                let (name, problem) = rest.split_once(' ').unwrap_or((rest, ""));
                let name = name.parse().map_err(|_| Refused::Line(shortened(line)))?;
                Some(Frame::NodeFailed(name, Problem::parse(problem)))
            }
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
            // A later version of the script may send more words.
            _ => None,
        })
    }
}

/// The start of a line, enough for a message.
fn shortened(line: &str) -> String {
    line.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_in_any_portions() {
        let text = b"record 3\n{}\nlog 6\nab\nlog\ncause why not\nstatus 7\n";
        for size in 1..text.len() {
            let mut frames = Frames::default();
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
            assert_eq!(log, b"ab\nlog", "in portions of {size}");
            let record = Frame::JobRecord(b"{}\n".to_vec());
            let cause = Frame::BeforeTheTask(Some("why not".to_owned()));
            assert_eq!(rest, [record, cause, Frame::Status(7)]);
        }
    }

    /// Returns the error for a text that comes in portions of 1000 bytes, repeated.
    fn refused(text: &[u8]) -> Option<Refused> {
        let mut frames = Frames::default();
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
            refused(b"record 99999999999999999999\n").unwrap().to_string(),
            "sent 'record 99999999999999999999' about a job, which can't be read"
        );
        assert_eq!(refused(b"record 9999999999\n"), Some(Exceeded::JobRecord.into()));
        assert_eq!(refused(b"log 9999999999999\n"), None);
        for line in [
            "log -1",
            "offset 1e9",
            "status 256",
            "job ../x",
            "job $(id)",
            "job ",
            "node -x",
            "lost away",
        ] {
            let line_ended = format!("{line}\n");
            assert_eq!(refused(line_ended.as_bytes()), Some(Refused::Line(line.to_owned())));
        }
    }
}
