//! Links of the remote in the places of local folders. A push writes only through a link that the remote's user made.
//!
//! Nothing on the remote tells a user's link from one that a task has put in the place of a folder, to be sent files by
//! the next push to where its container doesn't reach. So a link is followed if nothing was ever made in its place, if
//! the last agreement was reached through the same link, or if the user says so (`--follow-link`).

use std::path::{Component, Path, PathBuf};

use mlcube_ssh::listing::{Entry, EntryKind, Listing};
use mlcube_ssh::sync::FormerPlaces;

/// Decides which remote links in the workspace are followed.
pub(crate) struct FollowedLinks<'a> {
    /// What both sides last agreed on.
    pub(crate) agreed: &'a Listing,
    /// Where transfers once made something that is gone.
    pub(crate) former_places: &'a FormerPlaces,
    /// Whether this machine doesn't know all that pushes have made on the remote.
    pub(crate) is_history_unknown: bool,
    /// The links that the user names, relative to the workspace.
    pub(crate) named: &'a [PathBuf],
    /// The absolute path of the workspace on the remote.
    pub(crate) workspace: &'a Path,
}

impl FollowedLinks<'_> {
    /// Lists the followed links in `remote` that are in the places of folders of `local` as folders, which keep the
    /// targets of the links.
    pub(crate) fn follow(&self, remote: &mut Listing, local: &Listing) {
        let listed = remote.clone();
        list_as_folders(remote, local, |path, link| self.is_followed(path, link, &listed));
    }

    fn is_followed(&self, path: &Path, link: &Entry, remote: &Listing) -> bool {
        if is_named(self.named, path) {
            return true;
        }
        if self.leads_over_link(path, link, remote) {
            return false;
        }
        match self.agreed.get(path) {
            Some(agreed) => agreed.is_folder() && agreed.target == link.target,
            None => !self.is_history_unknown && !self.former_places.covers(path),
        }
    }

    /// Returns whether a link leads to a place in the workspace over another link, which a task may have put in the
    /// place of a folder since.
    fn leads_over_link(&self, path: &Path, link: &Entry, remote: &Listing) -> bool {
        let target = match link.target.strip_prefix(self.workspace) {
            Ok(below) => below.to_owned(),
            Err(_) => path.parent().unwrap_or(Path::new("")).join(&link.target),
        };
        let mut at = PathBuf::new();
        for part in target.components() {
            match part {
                Component::Normal(name) => at.push(name),
                // What lies outside the workspace is out of a container's reach.
                Component::ParentDir if !at.pop() => return false,
                Component::CurDir | Component::ParentDir => {}
                Component::RootDir | Component::Prefix(_) => return false,
            }
            if remote.get(&at).is_some_and(|entry| entry.kind == EntryKind::Link) {
                return true;
            }
        }
        false
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
        let is_followed = |agreed: &str, is_history_unknown, named: &[PathBuf]| {
            let (mut remote, agreed) = (listing(link), listing(agreed));
            let workspace = Path::new("/w");
            let former_places = &FormerPlaces::default();
            let links = FollowedLinks {
                agreed: &agreed,
                former_places,
                is_history_unknown,
                named,
                workspace,
            };
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

    #[test]
    fn a_known_link_is_another_one_once_a_link_lies_on_its_way() {
        let listing = |text: &str| Listing::parse(text.as_bytes()).unwrap();
        let local = listing("d 755 1 1.000000000 out\0\0");
        let is_followed = |target: &str, there: &str| {
            let agreed = listing(&format!("d 755 1 1.000000000 out\0{target}\0"));
            let mut remote = listing(&format!("l 777 1 1.000000000 out\0{target}\0{there}"));
            let (named, workspace) = (&[] as &[PathBuf], Path::new("/w"));
            let (agreed, former_places, is_history_unknown) =
                (&agreed, &FormerPlaces::default(), false);
            let links =
                FollowedLinks { agreed, former_places, is_history_unknown, named, workspace };
            links.follow(&mut remote, &local);
            remote.get(Path::new("out")).unwrap().is_followed_link()
        };
        let (folder, link) = ("d 755 1 1.000000000 x\0\0", "l 777 1 1.000000000 x\0/home/u/.ssh\0");
        for target in ["x", "./x/y", "/w/x", "x/../x"] {
            assert!(is_followed(target, folder), "{target}");
            assert!(!is_followed(target, link), "{target}");
        }
        assert!(is_followed("../x", link) && is_followed("/scratch/x", link), "it is outside");
    }
}
