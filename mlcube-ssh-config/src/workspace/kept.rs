//! Texts that are kept once, for as long as the process runs: the listings of one workspace, here, there and as recorded,
//! hold mostly the same paths. Nothing is ever given back, as our processes are short.

use std::collections::HashSet;
use std::mem;
use std::sync::{LazyLock, Mutex, PoisonError};

/// How many bytes are taken from the system at once; what isn't written of them takes no memory.
const CHUNK: usize = 1 << 20;

static KEPT: LazyLock<Mutex<Kept>> = LazyLock::new(Mutex::default);

/// The one copy of a text.
pub(super) fn kept(text: &[u8]) -> &'static [u8] {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).keep(text)
}

/// All texts, one behind the other, and the place for more.
#[derive(Default)]
struct Kept {
    texts: HashSet<&'static [u8]>,
    place: &'static mut [u8],
}

impl Kept {
    fn keep(&mut self, text: &[u8]) -> &'static [u8] {
        if let Some(known) = self.texts.get(text) {
            return known;
        }
        if self.place.len() < text.len() {
            self.place = vec![0; CHUNK.max(text.len())].leak();
        }
        let (copy, place) = mem::take(&mut self.place).split_at_mut(text.len());
        self.place = place;
        copy.copy_from_slice(text);
        self.texts.insert(copy);
        copy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_once() {
        let long = vec![7; 2 * CHUNK];
        let texts: [&[u8]; 4] = [b"", b"a/b", b"a", &long];
        let once = texts.map(kept);
        assert_eq!(once, texts);
        assert_eq!(texts.map(|text| kept(text).as_ptr()), once.map(<[u8]>::as_ptr));
    }
}
