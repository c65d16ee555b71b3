//! The end of a log, for the line that tells why it ended.

use mlcube_ssh_config::quote::one_line;

#[derive(Debug, Default)]
pub(crate) struct Tail(Vec<u8>);

impl Tail {
    const LONGEST: usize = 4096;

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(&bytes[bytes.len().saturating_sub(Self::LONGEST)..]);
        let surplus = self.0.len().saturating_sub(Self::LONGEST);
        self.0.drain(..surplus);
    }

    /// Whether the end of the log holds `text`.
    pub(crate) fn contains(&self, text: &str) -> bool {
        String::from_utf8_lossy(&self.0).contains(text)
    }

    pub(crate) fn last_line(&self) -> String {
        let text = String::from_utf8_lossy(&self.0);
        one_line(text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or(""))
    }
}
