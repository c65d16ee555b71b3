//! The programs that travel to the remote, without their comments.

/// Returns a shell or Python program of ours without the lines that are comments; no text in it has a line that begins
/// with `#`.
#[must_use]
pub fn without_comments(program: &str) -> String {
    let is_code = |line: &&str| {
        let line = line.trim_start();
        !line.starts_with('#') || line.starts_with("#!")
    };
    program.split_inclusive('\n').filter(is_code).collect()
}
