//! The way of an archive into a session.

use std::io::{self, BufWriter, PipeWriter, Write};
use std::panic::resume_unwind;
use std::thread;

use mlcube_ssh_config::filter::{Counted, Filter, hand_on};

/// What is written at once, in bytes.
const PIECE: usize = 64 << 10;

/// Lets `pack` write what goes to `link`, through a filter if there is one; returns what it does, and how many bytes went over
/// the link.
pub(crate) fn upload<T>(
    link: PipeWriter,
    squeezer: Option<Filter>,
    pack: impl FnOnce(&mut dyn Write) -> io::Result<T>,
) -> (io::Result<T>, u64) {
    let mut link = Counted::new(link);
    let Some(squeezer) = squeezer else {
        let packed = buffered(&mut link, pack);
        return (packed, link.count());
    };
    thread::scope(|scope| {
        let sent = scope.spawn(move || {
            hand_on(squeezer.output, &mut link);
            link.count()
        });
        let packed = buffered(squeezer.input, pack);
        let _ = squeezer.running.finish();
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
