//! Unpacks whatever a host may list and then send as an archive. The fuzz target `unpack` and the test that replays its
//! corpus share this.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use mlcube_ssh::cube::boundary::Boundary;
use mlcube_ssh::listing::{EntryKind, Listing, PARTIAL};
use mlcube_ssh::sync::{Plan, RealFolders, TransferDirection};
use mlcube_ssh::ui::progress::Progress;
use mlcube_ssh::ui::report::{Report, Verbosity};
use tar::Header;

use crate::archive::choose_entries;
use crate::archive::received::Received;
use crate::archive::unpack::Unpacker;

/// The unit of an archive.
const BLOCK: usize = 512;

/// Reads an input: the length of a listing, whether the host says that it packed all, the listing, and the archive.
pub(crate) fn read(input: &[u8]) {
    let [low, high, was_all_packed, rest @ ..] = input else { return };
    let length = usize::from(u16::from_le_bytes([*low, *high]));
    let (listing, archive) = rest.split_at(length.min(rest.len()));
    let Ok(remote) = Listing::parse(listing) else { return };
    let Ok(top) = tempfile::tempdir() else { panic!("a folder can be made") };
    let top = top.path();
    make_scene(top);
    unpack(&top.join("workspace"), &remote, &with_checksums(archive), was_all_packed % 2 == 1);
}

/// A workspace with files of its user and a link out of it, and what the link leads to.
fn make_scene(top: &Path) {
    let workspace = top.join("workspace");
    for folder in [&top.join("outside"), &workspace.join("folder")] {
        assert!(fs::create_dir_all(folder).is_ok());
        assert!(fs::set_permissions(folder, Permissions::from_mode(0o750)).is_ok());
    }
    for file in ["outside/secret", "workspace/mine", "workspace/folder/old"] {
        assert!(fs::write(top.join(file), file).is_ok());
    }
    assert!(symlink("../outside", workspace.join("link")).is_ok());
}

fn unpack(workspace: &Path, remote: &Listing, archive: &[u8], was_all_packed: bool) {
    let Some(top) = workspace.parent() else { return };
    let before = found_in(top);
    let Ok(local) = Listing::of_folder(workspace, &|_, _| Ok(false)) else { panic!("a folder") };
    let plan = Plan::new(TransferDirection::Down, remote, &local, &Listing::default(), false);
    let replaced = local.filter(|path, _| plan.send.get(path).is_some());
    let Some(wanted) = choose_entries(&plan.send, &replaced, &plan.links) else { return };
    let Ok(boundary) = Boundary::of_folder(top) else { panic!("a boundary") };
    let mut received = Received::default();
    let real = RealFolders { top: workspace, boundary: &boundary };
    let mut unpacker = Unpacker::new(real, &wanted, &mut received);
    let mut progress = Progress::new(Report::new("fuzz", Verbosity::Quiet), wanted.bytes());
    let _ = unpacker.unpack(archive, &mut progress);
    unpacker.finish(was_all_packed);
    for (path, entry) in received.entries.iter() {
        assert!(wanted.get(path).is_some_and(|wanted| wanted.same(&entry)), "{}", path.display());
        assert!(workspace.join(path).symlink_metadata().is_ok(), "{}", path.display());
    }
    let after = found_in(top);
    for (path, found) in &before {
        assert_eq!(after.get(path), Some(found), "{} is untouched", path.display());
    }
    for (path, found) in after.iter().filter(|(path, _)| !before.contains_key(*path)) {
        let Ok(path) = path.strip_prefix("workspace") else { panic!("{}", path.display()) };
        let Some(planned) = wanted.get(path) else { panic!("{} wasn't wanted", path.display()) };
        match planned.kind {
            EntryKind::Folder => assert_eq!(found.kind, "folder"),
            EntryKind::Link => assert_eq!(found.content, planned.target.as_os_str().as_bytes()),
            _ => assert_eq!((found.kind, found.size), ("file", planned.size)),
        }
        assert!(found.kind == "link" || found.mode & 0o7000 == 0, "{}", path.display());
    }
}

/// What lies at a path.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    kind: &'static str,
    mode: u32,
    size: u64,
    content: Vec<u8>,
}

/// Everything below a folder but the scratch folder, in which no file is left.
fn found_in(top: &Path) -> BTreeMap<PathBuf, Found> {
    let (mut found, mut waiting) = (BTreeMap::new(), vec![PathBuf::new()]);
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(top.join(&folder)).into_iter().flatten().flatten() {
            let path = folder.join(entry.file_name());
            let is_scratch = path.starts_with(Path::new("workspace").join(PARTIAL));
            let (place, Ok(metadata)) = (entry.path(), entry.metadata()) else { continue };
            let (kind, content) = if metadata.is_dir() {
                waiting.push(path.clone());
                ("folder", Vec::new())
            } else if metadata.is_symlink() {
                let target = fs::read_link(&place).unwrap_or_default();
                ("link", target.into_os_string().into_encoded_bytes())
            } else {
                ("file", fs::read(&place).unwrap_or_default())
            };
            assert!(!is_scratch || kind == "folder", "{} is left", path.display());
            if !is_scratch {
                let size = content.len() as u64;
                found.insert(path, Found { kind, mode: metadata.mode(), size, content });
            }
        }
    }
    found
}

/// The archive with the checksums that its headers should have: chance would hardly find one.
fn with_checksums(archive: &[u8]) -> Vec<u8> {
    let (mut archive, mut at) = (archive.to_owned(), 0);
    while let Some(block) =
        archive.get_mut(at..at + BLOCK).filter(|block| block.iter().any(|byte| *byte != 0))
    {
        let mut header = Header::from_byte_slice(block).clone();
        header.set_cksum();
        block.copy_from_slice(header.as_bytes());
        let size = usize::try_from(header.entry_size().unwrap_or(0)).unwrap_or(usize::MAX);
        let blocks = size.div_ceil(BLOCK).saturating_add(1);
        at = at.saturating_add(blocks.saturating_mul(BLOCK)).min(archive.len());
    }
    archive
}
