//! Links of the remote in the places of code folders. A task may have made them, and nothing of a push makes folders of
//! the code into links: nothing is written through them. Not every version of rsync refuses that itself.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

use anyhow::anyhow;
use mlcube_ssh::listing::{Entry, EntryKind, Listing};
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::sync::list_paths;
use mlcube_ssh::ui::names::{others, shown};

use crate::transfer::context::{Sent, TransferContext};

impl TransferContext<'_> {
    /// The code, except what is below such a link. The links are an error once the rest is sent.
    pub(crate) fn without_links(&self, code: Listing, sent: &mut Sent) -> Outcome<Listing> {
        let links = self.links_in_place_of_folders(&code)?;
        let Some(first) = links.first() else { return Ok(code) };
        let failure = Failure::ours(anyhow!(
            "skipped '{}'{} with the code below: on '{}' it is a link in the place of a folder; the rest was done",
            shown(first),
            others(links.len()),
            self.connection.host()
        ));
        let hint =
            "nothing is written through it: move the link away on the remote, and push again";
        sent.left_out.get_or_insert(failure.hint(hint));
        let is_behind = |path: &Path| path.ancestors().any(|folder| links.contains(folder));
        sent.behind_links.extend(code.iter().map(|(path, _)| path).filter(|path| is_behind(path)));
        Ok(code.filter(|path, _| !is_behind(path)))
    }

    fn links_in_place_of_folders(&self, code: &Listing) -> Outcome<BTreeSet<&'static Path>> {
        let mut links = BTreeSet::new();
        if self.remote_state.is_new {
            return Ok(links);
        }
        let to_send = if self.remote_state.leftovers.is_some() {
            Cow::Borrowed(code)
        } else {
            self.remote_state.code_that_differs(code)
        };
        let is_link = |entry: &Entry| entry.kind == EntryKind::Link;
        let (mut unknown, old_links) = (BTreeSet::new(), self.local.old_links());
        for folder in to_send.iter().flat_map(|(path, entry)| folders(path, entry.is_folder())) {
            match self.remote_state.code.get(folder) {
                // A link that a push has made is replaced.
                Some(remote) if is_link(&remote) && old_links.get(folder).is_none() => {
                    links.insert(folder);
                }
                Some(_) => {}
                None => {
                    unknown.insert(folder);
                }
            }
        }
        if !unknown.is_empty() {
            let script = list_paths(self.connection, &self.remote_state.base, unknown);
            let reply = self.remote_state.incoming.run_script(script)?;
            if reply.status != 0 {
                return Err(Failure::ours(anyhow!(
                    "can't inspect the folders of the code on '{}': {}",
                    self.connection.host(),
                    reply.last_error()
                )));
            }
            let found = reply.listing()?.filter(|_, entry| is_link(entry));
            links.extend(found.iter().map(|(path, _)| path));
        }
        Ok(links)
    }
}

/// The folders that an entry is in, and the entry itself if it is a folder, without the base.
fn folders(path: &'static Path, is_folder: bool) -> impl Iterator<Item = &'static Path> {
    let around = path.ancestors().skip(usize::from(!is_folder));
    around.filter(|folder| !folder.as_os_str().is_empty())
}
