//! Links of the remote account that lead out of the workspace (`out -> /scratch/out`). They are followed on the way to
//! requested entries: a declared output or a path on the command line. Entries below any other such link aren't
//! fetched; the link is named.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use mlcube_ssh::listing::{Entry, EntryKind, FIND_FORMAT_LINKED, FIND_FORMAT_UNREADABLE, Listing};
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::session::KeptSession;
use mlcube_ssh::sync::{Selection, leads_out};

use crate::remote::workspace::{RemoteWorkspace, check_folders, failure};

const FOLLOW_LINKS: &str =
    concat!(include_str!("../sh/find.sh"), include_str!("../sh/follow-links.sh"));

/// The number of links that are followed; a chain of links may be endless.
const MOST_LINKS: usize = 40;

/// Adds the targets of the links on the way to what is `named` to the listing of the remote workspace, under the
/// names of the links. A link through which both sides agreed on a folder before, as `agreed` says, is followed too: a
/// push writes through it.
pub(crate) fn follow(
    connection: &Connection,
    document: &Document,
    remote: &mut RemoteWorkspace,
    named: &Selection,
    agreed: &Listing,
) -> Outcome<()> {
    let is_known = |path: &Path, link: &Entry| {
        agreed.get(path).is_some_and(|agreed| agreed.is_folder() && agreed.target == link.target)
    };
    let mut tried = BTreeSet::new();
    while tried.len() < MOST_LINKS {
        let named = named.along_links_of_host(&remote.listing);
        let named = named.map_err(|exceeded| connection.refuse(exceeded))?;
        let links: Vec<PathBuf> = remote
            .listing
            .iter()
            .filter(|(path, entry)| leads_out(path, entry) && !tried.contains(*path))
            .filter(|(path, entry)| named.leads_through(path) || is_known(path, entry))
            .map(|(path, _)| path.to_owned())
            .collect();
        if links.is_empty() {
            return Ok(());
        }
        let mut targets = look(connection, document, &remote.session, &links)?;
        for link in links {
            // A broken link is listed as a link; a link to an unreadable entry is listed as unreadable.
            let end = targets.get(&link);
            if let Some(mut end) =
                end.filter(|end| !matches!(end.kind, EntryKind::Link | EntryKind::Unreadable))
            {
                remote.followed.push((link.clone(), end.is_folder()));
                end.target = remote.listing.get(&link).map(|link| link.target).unwrap_or_default();
                targets.insert(&link, &end);
            }
            tried.insert(link);
        }
        remote.listing.merge(&targets);
        check_folders(&remote.listing, connection.host())?;
    }
    Ok(())
}

fn look(
    connection: &Connection,
    document: &Document,
    session: &KeptSession,
    links: &[PathBuf],
) -> Outcome<Listing> {
    let script = connection
        .script(FOLLOW_LINKS)
        .given("workspace", document.remote.workspace.as_str())
        .given("linked", FIND_FORMAT_LINKED)
        .given("unreadable", &FIND_FORMAT_UNREADABLE.replace("%P", "%p"))
        .words(links);
    let reply = session.run(connection, script)?;
    if reply.status != 0 {
        return Err(failure(connection.host().as_str(), document, &reply));
    }
    Ok(reply.listing()?)
}

/// The path in the workspace that `path` leads to through links of the workspace; `None` if it leads out, or in a
/// circle.
pub(crate) fn resolved(listing: &Listing, path: &Path) -> Option<PathBuf> {
    let mut waiting: Vec<PathBuf> = vec![path.to_owned()];
    let (mut at, mut links) = (PathBuf::new(), 0);
    while let Some(next) = waiting.pop() {
        let mut components = next.components();
        let Some(component) = components.next() else { continue };
        waiting.push(components.as_path().to_owned());
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                if !at.pop() {
                    return None;
                }
            }
            Component::Normal(name) => {
                let entry = listing.get(&at.join(name));
                match entry.filter(|entry| entry.kind == EntryKind::Link) {
                    Some(link) => {
                        links += 1;
                        if links > MOST_LINKS {
                            return None;
                        }
                        waiting.push(link.target);
                    }
                    None => at.push(name),
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolves_links_within_the_workspace() {
        let line = |path: &str, target: &str| match target {
            "" => format!("f 644 1 1.000000000 {path}\0\0"),
            target => format!("l 777 1 1.000000000 {path}\0{target}\0"),
        };
        let lines = [
            line("epoch3/model", ""),
            line("latest", "epoch3"),
            line("best", "./latest/../latest/model"),
            line("out", "/scratch/out"),
            line("up", "../x"),
            line("round", "round"),
        ];
        let listing = Listing::parse(lines.concat().as_bytes()).unwrap();
        let leads = |path: &str| resolved(&listing, Path::new(path));
        for path in ["epoch3/model", "latest/model", "best"] {
            assert_eq!(leads(path).as_deref(), Some(Path::new("epoch3/model")), "{path}");
        }
        for path in ["out", "out/x", "up", "round"] {
            assert_eq!(leads(path), None, "{path}");
        }
    }
}
