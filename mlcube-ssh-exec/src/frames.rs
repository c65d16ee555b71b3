//! What a followed job sends: lines, and after each `log N` line N bytes of its log.

/// One thing that the remote told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// Bytes of the log.
    Log(Vec<u8>),
    /// The size of the whole log, in bytes, once the job has ended.
    LogSize(u64),
    /// `mlcube` failed before the task, and why as far as it knows.
    BeforeTheTask(Option<String>),
    /// The container engine failed: no container was made, or it never started, or nothing tells how it ended.
    EngineFailed,
    /// A task of the job was started.
    Began,
    /// The job ended with this status.
    Status(u8),
    /// The job's leader is gone, and left no status; why, as far as that is known.
    Lost(String),
    /// Which job it is.
    Job(String),
    /// `job.json`.
    Record(Vec<u8>),
    /// The byte of the log that comes next.
    Offset(u64),
    /// The job has started, and isn't followed.
    Started,
    /// This is all of the log that there is now.
    LogEnd,
    /// Something that a person has to know.
    Warning(String),
    /// The script can't do its work: the kind, and the subject.
    Problem(String, String),
}

/// Takes frames from bytes that come in any portions.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    buffer: Vec<u8>,
    log_left: usize,
    record_left: usize,
}

impl Frames {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame that is there; a log frame may be a part of what was announced.
    pub(crate) fn next(&mut self) -> Option<Frame> {
        loop {
            if self.log_left > 0 {
                let length = self.log_left.min(self.buffer.len());
                if length == 0 {
                    return None;
                }
                self.log_left -= length;
                return Some(Frame::Log(self.buffer.drain(..length).collect()));
            }
            if self.record_left > 0 {
                if self.buffer.len() < self.record_left {
                    return None;
                }
                let record = self.buffer.drain(..self.record_left).collect();
                self.record_left = 0;
                return Some(Frame::Record(record));
            }
            let end = self.buffer.iter().position(|&byte| byte == b'\n')?;
            let line: Vec<u8> = self.buffer.drain(..=end).take(end).collect();
            if let Some(frame) = self.line(&String::from_utf8_lossy(&line)) {
                return Some(frame);
            }
        }
    }

    fn line(&mut self, line: &str) -> Option<Frame> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "log" => {
                self.log_left = rest.parse().unwrap_or(0);
                None
            }
            "log-size" => rest.trim().parse().ok().map(Frame::LogSize),
            "cause" => Some(Frame::BeforeTheTask(Some(rest.to_owned()))),
            "engine-failed" => Some(Frame::EngineFailed),
            "began" => Some(Frame::Began),
            "not-started" => Some(Frame::BeforeTheTask(None)),
            "status" => Some(Frame::Status(rest.parse().unwrap_or(1))),
            "record" => {
                self.record_left = rest.parse().unwrap_or(0);
                None
            }
            "lost" => Some(Frame::Lost(rest.to_owned())),
            "job" => Some(Frame::Job(rest.to_owned())),
            "offset" => Some(Frame::Offset(rest.parse().unwrap_or(0))),
            "started" => Some(Frame::Started),
            "end" => Some(Frame::LogEnd),
            "warning" => Some(Frame::Warning(rest.to_owned())),
            "problem" => {
                let (kind, subject) = rest.split_once(' ').unwrap_or((rest, ""));
                Some(Frame::Problem(kind.to_owned(), subject.to_owned()))
            }
            // A later version of the script may tell more.
            _ => None,
        }
    }
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
                while let Some(frame) = frames.next() {
                    match frame {
                        Frame::Log(bytes) => log.extend(bytes),
                        other => rest.push(other),
                    }
                }
            }
            assert_eq!(log, b"ab\nlog", "in portions of {size}");
            let record = Frame::Record(b"{}\n".to_vec());
            let cause = Frame::BeforeTheTask(Some("why not".to_owned()));
            assert_eq!(rest, [record, cause, Frame::Status(7)]);
        }
    }
}
