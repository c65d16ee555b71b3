//! A job's log on a terminal: control sequences pass only if a progress bar needs them.
//!
//! | in the log | on the terminal |
//! |---|---|
//! | text in UTF-8, tab, newline, `\r`, backspace, bell | unchanged |
//! | colours (`ESC [ … m`), erasing in the line (`K`), the cursor by up to 99 places (`A` to `D`, `G`) | unchanged |
//! | showing and hiding the cursor (`ESC [ ? 25 h`, `l`) | dropped: a job that is killed would leave it hidden |
//! | every other control character and sequence: titles, clipboard, queries, modes | as text, `^[]0;…` |
//!
//! The sequences are those of ECMA-48 and xterm; control characters above 127 (C1) are recognised both as bytes and in
//! UTF-8.

use std::io;
use std::io::{IsTerminal, Write};

/// The longest sequence that passes; a longer one is shown as text.
const LONGEST: usize = 64;

/// Returns a writer that passes bytes unchanged or, if `to` is a terminal, filters out harmful sequences.
#[must_use]
pub fn safe(to: impl Write + IsTerminal + 'static) -> Box<dyn Write> {
    if to.is_terminal() { Box::new(Terminal::new(to)) } else { Box::new(to) }
}

/// Filters a log for a terminal. A sequence may come in several writes.
#[derive(Debug)]
pub struct Terminal<W: Write> {
    to: W,
    state: State,
    coloured: bool,
}

/// The state after the last byte.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Text,
    /// The number of bytes that complete a character.
    Character(u8),
    /// After `0xC2`: the next byte makes a C1 control, or a character.
    Latin,
    Escape,
    /// The parameters of a control sequence so far.
    Sequence(Vec<u8>),
}

impl<W: Write> Terminal<W> {
    /// Makes a filter that writes to `to`.
    pub fn new(to: W) -> Self {
        Self { to, state: State::Text, coloured: false }
    }

    /// Filters a byte, and appends the result to `out`.
    fn take(&mut self, byte: u8, out: &mut Vec<u8>) {
        match std::mem::replace(&mut self.state, State::Text) {
            State::Character(left) if is_continuation(byte) => {
                out.push(byte);
                self.state = if left > 1 { State::Character(left - 1) } else { State::Text };
            }
            State::Latin if matches!(byte, 0x80..=0x9f) => hex(byte, out),
            State::Latin if is_continuation(byte) => out.extend([0xc2, byte]),
            State::Latin => {
                out.push(0xc2);
                self.text(byte, out);
            }
            State::Text | State::Character(_) => self.text(byte, out),
            State::Escape if byte == b'[' => self.state = State::Sequence(Vec::new()),
            State::Escape => {
                out.extend(b"^[");
                self.text(byte, out);
            }
            State::Sequence(parameters) => self.sequence(parameters, byte, out),
        }
    }

    fn text(&mut self, byte: u8, out: &mut Vec<u8>) {
        match byte {
            0x1b => self.state = State::Escape,
            b'\n' | b'\r' | b'\t' | 0x07 | 0x08 => out.push(byte),
            0x00..=0x1f | 0x7f => out.extend([b'^', byte ^ 0x40]),
            0xc2 => self.state = State::Latin,
            0x80..=0xbf => hex(byte, out),
            0xc3..=0xf4 => {
                out.push(byte);
                self.state = State::Character(if byte < 0xe0 { 1 } else { (byte >> 4) - 0xc });
            }
            _ => out.push(byte),
        }
    }

    /// Handles the byte after `ESC [` and some parameters.
    fn sequence(&mut self, mut parameters: Vec<u8>, byte: u8, out: &mut Vec<u8>) {
        if matches!(byte, 0x20..=0x3f) && parameters.len() < LONGEST {
            parameters.push(byte);
            self.state = State::Sequence(parameters);
        } else if is_harmless(&parameters, byte) {
            out.extend(b"\x1b[");
            out.extend(&parameters);
            out.push(byte);
            self.coloured = if byte == b'm' { !is_reset(&parameters) } else { self.coloured };
        } else if !(parameters == b"?25" && matches!(byte, b'h' | b'l')) {
            out.extend(b"^[[");
            out.extend(&parameters);
            self.text(byte, out);
        }
    }
}

/// Returns whether a control sequence only colours, erases in its line or moves the cursor a little.
fn is_harmless(parameters: &[u8], end: u8) -> bool {
    let digits = parameters.iter().all(u8::is_ascii_digit);
    match end {
        b'm' => parameters.iter().all(|&byte| byte.is_ascii_digit() || matches!(byte, b';' | b':')),
        b'K' => digits && parameters.len() < 2,
        b'A'..=b'D' | b'G' => digits && parameters.len() < 3,
        _ => false,
    }
}

fn is_reset(parameters: &[u8]) -> bool {
    parameters.iter().all(|&byte| byte == b'0')
}

fn is_continuation(byte: u8) -> bool {
    matches!(byte, 0x80..=0xbf)
}

/// Appends an invalid byte as `less` shows it.
fn hex(byte: u8, out: &mut Vec<u8>) {
    out.extend(format!("<{byte:02X}>").into_bytes());
}

impl<W: Write> Write for Terminal<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut out = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            self.take(byte, &mut out);
        }
        self.to.write_all(&out)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

impl<W: Write> Drop for Terminal<W> {
    /// Ends the log's colours.
    fn drop(&mut self) {
        if self.coloured {
            let _ = self.to.write_all(b"\x1b[0m").and_then(|()| self.to.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(log: &[u8]) -> Vec<u8> {
        shown_in_portions(log, log.len().max(1))
    }

    fn shown_in_portions(log: &[u8], size: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let mut terminal = Terminal::new(&mut out);
        for part in log.chunks(size) {
            terminal.write_all(part).unwrap();
        }
        drop(terminal);
        out
    }

    #[test]
    fn progress_bars_and_text_are_as_they_are() {
        for log in [
            "tqdm:  45%|████▌     | 45/100 [00:04<00:05,  9.9it/s]\r",
            "\x1b[A\x1b[2K\rhigher\n",
            "\x1b[1;31mred\x1b[0m é À 漢 🎈\tbell\x07 back\x08\n",
        ] {
            assert_eq!(String::from_utf8(shown(log.as_bytes())).unwrap(), log);
        }
    }

    #[test]
    fn what_a_terminal_would_act_on_is_text() {
        for (log, expected) in [
            ("\x1b]0;title\x07", "^[]0;title\x07"),
            ("\x1b]52;c;cm0gLXJm\x1b\\", "^[]52;c;cm0gLXJm^[\\"),
            ("\x1b[6n\x1b[c", "^[[6n^[[c"),
            ("\x1b[2J\x1b[1;1H", "^[[2J^[[1;1H"),
            ("\x1b[?1049h\x1bc", "^[[?1049h^[c"),
            ("\x1b[999A", "^[[999A"),
            ("\u{9b}6n\u{9d}0;x", "<9B>6n<9D>0;x"),
            ("\x1b[?25lbar\x1b[?25h", "bar"),
            ("\0\x0e\x7f", "^@^N^?"),
        ] {
            assert_eq!(String::from_utf8(shown(log.as_bytes())).unwrap(), expected);
        }
        assert_eq!(shown(b"\x9b6n \xe9 \xc2"), b"<9B>6n \xe9 ");
    }

    #[test]
    fn colours_end_with_the_log() {
        assert_eq!(shown(b"\x1b[31mkilled"), b"\x1b[31mkilled\x1b[0m");
    }

    proptest! {
        #[test]
        fn it_can_be_cut_anywhere(log in risky(), size in 1_usize..5) {
            prop_assert_eq!(shown_in_portions(&log, size), shown(&log));
        }

        #[test]
        fn what_is_shown_is_harmless(log in risky()) {
            let once = shown(&log);
            let mut rest = once.as_slice();
            while let Some(at) = rest.iter().position(|&byte| byte == 0x1b) {
                rest = &rest[at + 1..];
                prop_assert_eq!(rest.first(), Some(&b'['));
                let end = rest[1..].iter().position(|byte| !(0x20..=0x3f).contains(byte)).unwrap();
                prop_assert!(is_harmless(&rest[1..=end], rest[end + 1]));
            }
        }
    }

    /// Bytes that often start, fill or end sequences.
    fn risky() -> impl Strategy<Value = Vec<u8>> {
        let special =
            prop::sample::select(b"\x1b\x1b[[]P?;;0259mKAHJhlnc\x07\\\x9b\xc2\xe2\x82".to_vec());
        prop::collection::vec(prop_oneof![4 => special, 1 => any::<u8>()], 0..60)
    }
}
