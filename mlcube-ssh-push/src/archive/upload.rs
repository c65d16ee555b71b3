//! Writes an archive into a session, compressed or not.

use std::io;
use std::io::{BufWriter, Write};

use mlcube_ssh::process::byte_counter::ByteCounter;
use zstd::Encoder;

/// How much is written at once, in bytes.
const PIECE: usize = 64 << 10;

/// The zstd level that is faster than any link: it compresses the headers, and the content nearly not at all.
const QUICK: i32 = -1;

/// Runs `pack` with a writer to `link`, compressed or not; returns its result and the number of bytes sent over the
/// link.
pub(crate) fn upload<T>(
    link: impl Write,
    is_compressed: bool,
    pack: impl FnOnce(&mut dyn Write) -> io::Result<T>,
) -> (io::Result<T>, u64) {
    let mut link = ByteCounter::new(link);
    let packed =
        if is_compressed { compressed(&mut link, pack) } else { buffered(&mut link, pack) };
    (packed, link.count())
}

fn compressed<T>(
    to: &mut dyn Write,
    pack: impl FnOnce(&mut dyn Write) -> io::Result<T>,
) -> io::Result<T> {
    let mut encoder = Encoder::new(BufWriter::with_capacity(PIECE, to), QUICK)?;
    let packed = buffered(&mut encoder, pack)?;
    encoder.finish()?.flush()?;
    Ok(packed)
}

fn buffered<T>(
    to: &mut dyn Write,
    pack: impl FnOnce(&mut dyn Write) -> io::Result<T>,
) -> io::Result<T> {
    let mut to = BufWriter::with_capacity(PIECE, to);
    let packed = pack(&mut to)?;
    to.flush()?;
    Ok(packed)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn uploads_compressed_or_plain() {
        for is_compressed in [false, true] {
            let (mut remote, link) = io::pipe().unwrap();
            let (packed, count) = upload(link, is_compressed, |to| to.write_all(&vec![7; 30_000]));
            packed.unwrap();
            let mut received = Vec::new();
            remote.read_to_end(&mut received).unwrap();
            assert_eq!((received.len() as u64, received.len() < 1000), (count, is_compressed));
            let content =
                if is_compressed { zstd::decode_all(&received[..]).unwrap() } else { received };
            assert_eq!(content, vec![7; 30_000]);
        }
    }
}
