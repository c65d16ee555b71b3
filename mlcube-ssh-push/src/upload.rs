//! The way of an archive into a session: through zstd, where that pays, and counted.

use std::io::{self, BufWriter, PipeReader, PipeWriter, Read, Write};
use std::panic::resume_unwind;
use std::thread;

use mlcube_ssh_config::command::{Command, Running};

/// What is written or handed on at once, in bytes.
const PIECE: usize = 64 << 10;

/// A zstd that runs.
pub(crate) struct Squeezer {
    running: Running,
    input: PipeWriter,
    output: PipeReader,
}

impl Squeezer {
    /// Starts it; none where there is none.
    pub(crate) fn start() -> Option<Self> {
        let command = Command::new("zstd").args(["--quiet", "-1", "--stdout"]);
        let (mut running, output) = command.start().ok()?;
        let input = running.take_input()?;
        Some(Self { running, input, output })
    }
}

/// Lets `pack` write what goes to `link`; returns what it does, and how many bytes went over the link.
pub(crate) fn upload<T>(
    link: PipeWriter,
    squeezer: Option<Squeezer>,
    pack: impl FnOnce(&mut dyn Write) -> io::Result<T>,
) -> (io::Result<T>, u64) {
    let mut link = Counted { to: link, bytes: 0 };
    let Some(Squeezer { running, input, output }) = squeezer else {
        let packed = buffered(&mut link, pack);
        return (packed, link.bytes);
    };
    thread::scope(|scope| {
        let sent = scope.spawn(move || {
            hand_on(output, &mut link);
            link.bytes
        });
        let packed = buffered(input, pack);
        let _ = running.finish();
        (packed, sent.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

fn buffered<T>(
    to: impl Write,
    pack: impl FnOnce(&mut dyn Write) -> io::Result<T>,
) -> io::Result<T> {
    let mut to = BufWriter::with_capacity(PIECE, to);
    let packed = pack(&mut to)?;
    to.flush()?;
    Ok(packed)
}

/// Hands on what one writes to the other, until either ends: the writer hears of a reader that is gone when this end is
/// dropped.
fn hand_on(mut from: PipeReader, to: &mut impl Write) {
    let mut piece = vec![0; PIECE];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        if to.write_all(&piece[..length]).is_err() {
            break;
        }
    }
}

struct Counted<W> {
    to: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.to.write(bytes)?;
        self.bytes += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
