//! Long lists of names go there first: of a list that it sends along, rsync looks for every name that comes in all of it.

use mlcube_ssh_config::command::Command;
use mlcube_ssh_config::connection::Connection;
use mlcube_ssh_config::document::Remote;
use mlcube_ssh_config::ignored::ALWAYS;
use mlcube_ssh_config::workspace::{Part, Record};

/// From more entries on it pays: of 40,000 in one folder 16 s become 2.5 s.
const ENTRIES: usize = 1000;

/// The folder for lists that `list.sh` makes, from the home folder there.
pub(crate) fn folder(remote: &Remote, record: &Record) -> String {
    format!("{}/incoming/{}/tmp", remote.state.from_home(), record.name())
}

/// The path of the list of a part in `folder`, and the command that puts it there; none where the list is short, or
/// a login shell might misread the path.
pub(crate) fn put(
    connection: &Connection,
    folder: Option<&str>,
    name: &str,
    part: &Part,
) -> Option<(String, Command)> {
    let entries = part.files_from.len();
    let path = format!("{}/{name}", folder.filter(|_| entries > ENTRIES)?);
    let put = connection.command(&["cp", "/dev/stdin", &path])?;
    Some((path, put.list(part.files_from.clone())))
}

/// What rsync here refuses when the list is there: then it doesn't know which names were asked for (rsync(1),
/// `--trust-sender`), and what never comes mustn't whatever the other side sends.
pub(crate) fn refused() -> impl Iterator<Item = String> {
    let patterns = |name: &str| [format!("--exclude={name}"), format!("--exclude={name}/**")];
    ALWAYS.into_iter().flat_map(patterns)
}
