//! Links of the remote in the places of local folders. A push writes only through a link that the remote's user made.
//!
//! Nothing on the remote tells a user's link from one that a task has put in the place of a folder, to be sent files by
//! the next push to where its container doesn't reach. So a link is followed if no push has made anything in its place,
//! if the last agreement was reached through the same link, or if the user says so (`--follow-link`).

use std::path::{Component, Path, PathBuf};

use mlcube_ssh::listing::{Entry, EntryKind, Listing};

/// Decides which remote links in the workspace are followed.
pub(crate) struct FollowedLinks<'a> {
    /// What both sides last agreed on.
    pub(crate) common: &'a Listing,
    /// Whether this machine doesn't know all that pushes have made on the remote.
    pub(crate) is_history_unknown: bool,
    /// The links that the user names, relative to the workspace.
    pub(crate) named: &'a [PathBuf],
}

impl FollowedLinks<'_> {
    /// Lists the followed links in `remote` that are in the places of folders of `local` as folders, which keep the
    /// targets of the links.
    pub(crate) fn follow(&self, remote: &mut Listing, local: &Listing) {
        list_as_folders(remote, local, |path, link| self.is_followed(path, link));
    }

    fn is_followed(&self, path: &Path, link: &Entry) -> bool {
        if is_named(self.named, path) {
            return true;
        }
        match self.common.get(path) {
            Some(common) => common.is_folder() && common.target == link.target,
            None => !self.is_history_unknown,
        }
    }
}

/// Follows all links, for a push that compares and writes nothing.
pub(crate) fn follow_all(remote: &mut Listing, local: &Listing) {
    list_as_folders(remote, local, |_, _| true);
}

/// Returns whether the user names this path; the workspace itself is `.`.
pub(crate) fn is_named(named: &[PathBuf], path: &Path) -> bool {
    let plain = |named: &Path| -> PathBuf {
        named.components().filter(|part| *part != Component::CurDir).collect()
    };
    named.iter().any(|named| plain(named) == path)
}

fn list_as_folders(
    remote: &mut Listing,
    local: &Listing,
    is_followed: impl Fn(&Path, &Entry) -> bool,
) {
    let link = |path: &Path| remote.get(path).filter(|remote| remote.kind == EntryKind::Link);
    let followed: Vec<(&Path, Entry)> = local
        .iter()
        // rsync takes the path of such a folder as text.
        .filter(|(path, entry)| entry.is_folder() && path.to_str().is_some())
        .filter_map(|(path, _)| Some((path, link(path)?)))
        .filter(|(path, link)| is_followed(path, link))
        .collect();
    for (path, mut link) in followed {
        link.kind = EntryKind::Folder;
        remote.insert(path, &link);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_followed_where_no_push_made_a_folder() {
        let listing = |text: &str| Listing::parse(text.as_bytes()).unwrap();
        let local = listing("d 755 1 1.000000000 out\0\0");
        let link = "l 777 1 1.000000000 out\0/scratch\0";
        let folder = |target: &str| format!("d 755 1 1.000000000 out\0{target}\0");
        let is_followed = |common: &str, is_history_unknown, named: &[PathBuf]| {
            let (mut remote, common) = (listing(link), listing(common));
            let links = FollowedLinks { common: &common, is_history_unknown, named };
            links.follow(&mut remote, &local);
            remote.get(Path::new("out")).unwrap().is_followed_link()
        };
        assert!(is_followed("", false, &[]), "nothing was pushed there");
        assert!(!is_followed("", true, &[]), "nobody knows what was");
        assert!(is_followed(&folder("/scratch"), false, &[]), "the same link as then");
        assert!(!is_followed(&folder("/other"), false, &[]), "another link");
        assert!(!is_followed(&folder(""), false, &[]), "a folder was");
        assert!(!is_followed("f 644 1 1.000000000 out\0\0", false, &[]), "a file was");
        assert!(!is_followed(link, false, &[]), "a link was pushed");
        assert!(is_followed(&folder(""), false, &["./out/".into()]), "the user says so");
        assert!(!is_followed(&folder(""), false, &["other".into()]));
    }
}
