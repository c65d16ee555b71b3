//! What a script says of a folder that isn't the account's own.

use anyhow::anyhow;

use crate::failure::Failure;

/// The kind of the problem.
pub const NOT_OWN: &str = "not-own";

/// The failure; `subject` is the script's: `owner WHO MODE PATH` or `writable WHO MODE PATH`.
#[must_use]
pub fn failure(host: &str, subject: &str) -> Failure {
    let mut words = subject.splitn(4, ' ');
    let mut word = || words.next().unwrap_or_default();
    let (what, who, mode, path) = (word(), word(), word(), word());
    let fault = if what == "owner" {
        anyhow!(
            "'{path}' on '{host}' belongs to '{who}' ({mode}), who could put programs there that run as you"
        )
    } else {
        anyhow!(
            "'{path}' on '{host}' can be written by '{who}' ({mode}), who could put programs there that run as you"
        )
    };
    let remedy = if what == "owner" {
        "set remote_root in the platform's section to a folder of yours there".to_owned()
    } else {
        format!("`chmod go-w {path}` there, or set remote_root to a folder of yours alone")
    };
    Failure::ours(fault)
        .hint(format!("{remedy}; for a folder that a group of yours shares set 'shared: true'"))
}
