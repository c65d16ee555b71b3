//! The file system: passes every request on to the folder behind it, except for the oddities.

use std::ffi::OsStr;
use std::fs;
use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{
    DirBuilderExt, FileExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, lchown,
    symlink,
};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, InitFlags, KernelConfig, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate,
    ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request,
    TimeOrNow, WriteFlags,
};
use rustix::fs::{
    AtFlags, CWD, FileType as NodeType, Mode, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, mknodat,
    statvfs, utimensat,
};
use rustix::io::Errno as Problem;

use crate::nodes::{Handles, Named, Nodes, Opened};
use crate::switches::Switches;

/// The kernel asks every time: the folder behind may change beneath it, and so may the oddities.
const NOW: Duration = Duration::ZERO;

/// A folder shown as an odd disk.
pub(crate) struct Disk {
    folder: PathBuf,
    switches: PathBuf,
    nodes: Mutex<Nodes>,
    handles: Mutex<Handles>,
}

impl Disk {
    pub(crate) fn new(folder: &Path, switches: &Path) -> Self {
        let (folder, switches) = (folder.to_owned(), switches.to_owned());
        let mut nodes = Nodes::default();
        nodes.note(INodeNo::ROOT.0, &folder);
        Self { folder, switches, nodes: Mutex::new(nodes), handles: Mutex::default() }
    }

    fn switches(&self) -> Switches {
        Switches::read(&self.switches)
    }

    fn nodes(&self) -> MutexGuard<'_, Nodes> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handles(&self) -> MutexGuard<'_, Handles> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The path of an entry, which nothing keeps from being looked at.
    fn path(&self, node: INodeNo) -> io::Result<PathBuf> {
        let path = self.nodes().path(node.0).ok_or(Problem::STALE)?;
        self.check(&path, &self.switches().eio)?;
        Ok(path)
    }

    /// The same for its content.
    fn readable_path(&self, node: INodeNo) -> io::Result<PathBuf> {
        let path = self.path(node)?;
        let broken = self.switches().eio_content;
        if broken.iter().any(|broken| path == self.folder.join(broken)) {
            return Err(Problem::IO.into());
        }
        Ok(path)
    }

    fn check(&self, path: &Path, broken: &[PathBuf]) -> io::Result<()> {
        match broken.iter().find(|broken| path.starts_with(self.folder.join(broken))) {
            Some(_) => Err(Problem::IO.into()),
            None => Ok(()),
        }
    }

    /// The path that a name in a folder stands for: of the entry that the disk takes it for, or of a new one.
    fn place(&self, parent: INodeNo, name: &OsStr) -> io::Result<PathBuf> {
        let (folder, switches) = (self.path(parent)?, self.switches());
        if switches.name_bytes.is_some_and(|most| name.len() > most) {
            return Err(Problem::NAMETOOLONG.into());
        }
        let kept = switches.form.kept(name).ok_or(Problem::ILSEQ)?;
        let found = match fs::symlink_metadata(folder.join(&kept)) {
            Ok(_) => None,
            Err(_) => fs::read_dir(&folder)?
                .flatten()
                .map(|entry| entry.file_name())
                .find(|entry| switches.form.is_same(entry, name)),
        };
        let place = folder.join(found.unwrap_or(kept));
        self.check(&place, &switches.eio)?;
        Ok(place)
    }

    fn attributes(&self, path: &Path) -> io::Result<FileAttr> {
        let found = fs::symlink_metadata(path)?;
        let mut attributes = attributes_of(&found);
        if path == self.folder {
            attributes.ino = INodeNo::ROOT;
        }
        let switches = self.switches();
        if switches.has_two_seconds {
            for time in [&mut attributes.atime, &mut attributes.mtime, &mut attributes.ctime] {
                *time = in_two_seconds(*time);
            }
        }
        if switches.has_no_modes {
            (attributes.perm, attributes.uid, attributes.gid) = (0o755, 0, 0);
        }
        self.nodes().note(attributes.ino.0, path);
        Ok(attributes)
    }

    /// Gives what was just made to whoever asked for it, as a kernel would.
    fn made(&self, request: &Request, path: &Path) -> io::Result<FileAttr> {
        let parent = fs::symlink_metadata(path.parent().unwrap_or(path))?;
        // What is made in a set-group-id folder has its group.
        let group = (parent.mode() & 0o2000 == 0).then(|| request.gid());
        let mode = fs::symlink_metadata(path)?.mode();
        lchown(path, Some(request.uid()), group)?;
        if mode & 0o170_000 != 0o120_000 {
            // Changing the owner takes set-group-id away.
            fs::set_permissions(path, Permissions::from_mode(mode & 0o7777))?;
        }
        self.attributes(path)
    }

    fn list(&self, node: INodeNo) -> io::Result<Vec<Named>> {
        let folder = self.readable_path(node)?;
        let mut all = vec![
            (node.0, FileType::Directory, ".".into()),
            (node.0, FileType::Directory, "..".into()),
        ];
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let kind = FileType::from_std(entry.file_type()?).unwrap_or(FileType::RegularFile);
            all.push((std::os::unix::fs::DirEntryExt::ino(&entry), kind, entry.file_name()));
        }
        Ok(all)
    }

    fn file(&self, handle: FileHandle) -> io::Result<std::sync::Arc<File>> {
        match self.handles().get(handle.0) {
            Some(Opened::File(file)) => Ok(file),
            _ => Err(Problem::BADF.into()),
        }
    }

    fn open_file(&self, node: INodeNo, flags: OpenFlags) -> io::Result<u64> {
        let path = self.readable_path(node)?;
        let access = flags.0 & 0o3;
        let file = OpenOptions::new()
            .read(access != 1)
            .write(access != 0)
            // The kernel opens with O_TRUNC only where it was told that this can be done.
            .open(path)?;
        Ok(self.handles().add(Opened::File(file.into())))
    }

    fn create_file(
        &self,
        request: &Request,
        place: &Path,
        mode: u32,
    ) -> io::Result<(FileAttr, u64)> {
        self.take_room()?;
        let file =
            OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(place)?;
        file.set_permissions(Permissions::from_mode(mode & 0o7777))?;
        let attributes = self.made(request, place)?;
        Ok((attributes, self.handles().add(Opened::File(file.into()))))
    }

    fn take_room(&self) -> io::Result<()> {
        if self.switches().has_used_its_quota { Err(Problem::DQUOT.into()) } else { Ok(()) }
    }

    fn make_link(&self, path: impl FnOnce() -> io::Result<PathBuf>) -> io::Result<PathBuf> {
        if self.switches().has_no_links {
            return Err(Problem::PERM.into());
        }
        path()
    }

    fn set_times(
        &self,
        path: &Path,
        accessed: Option<TimeOrNow>,
        modified: Option<TimeOrNow>,
    ) -> io::Result<()> {
        let switches = self.switches();
        let is_ignored = switches.needs_both_times && (accessed.is_none() || modified.is_none());
        if is_ignored || switches.has_no_times {
            return Ok(());
        }
        let times =
            Timestamps { last_access: timespec(accessed), last_modification: timespec(modified) };
        Ok(utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
    }
}

fn attributes_of(found: &Metadata) -> FileAttr {
    let kind = found.file_type();
    let kind = match kind {
        folder if folder.is_dir() => FileType::Directory,
        link if link.is_symlink() => FileType::Symlink,
        pipe if pipe.is_fifo() => FileType::NamedPipe,
        socket if socket.is_socket() => FileType::Socket,
        device if device.is_char_device() => FileType::CharDevice,
        device if device.is_block_device() => FileType::BlockDevice,
        _ => FileType::RegularFile,
    };
    FileAttr {
        ino: INodeNo(found.ino()),
        size: found.size(),
        blocks: found.blocks(),
        atime: time(found.atime(), found.atime_nsec()),
        mtime: time(found.mtime(), found.mtime_nsec()),
        ctime: time(found.ctime(), found.ctime_nsec()),
        crtime: UNIX_EPOCH,
        kind,
        perm: u16::try_from(found.mode() & 0o7777).unwrap_or(0),
        nlink: u32::try_from(found.nlink()).unwrap_or(1),
        uid: found.uid(),
        gid: found.gid(),
        rdev: u32::try_from(found.rdev()).unwrap_or(0),
        blksize: 4096,
        flags: 0,
    }
}

fn time(seconds: i64, nanoseconds: i64) -> SystemTime {
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let start = if seconds < 0 { UNIX_EPOCH - whole } else { UNIX_EPOCH + whole };
    start + Duration::from_nanos(nanoseconds.unsigned_abs())
}

fn in_two_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since.as_secs() / 2 * 2)
}

fn timespec(time: Option<TimeOrNow>) -> Timespec {
    let special = |tv_nsec| Timespec { tv_sec: 0, tv_nsec };
    match time {
        None => special(UTIME_OMIT),
        Some(TimeOrNow::Now) => special(UTIME_NOW),
        Some(TimeOrNow::SpecificTime(time)) => match time.duration_since(UNIX_EPOCH) {
            Ok(since) => Timespec {
                tv_sec: since.as_secs().cast_signed(),
                tv_nsec: since.subsec_nanos().into(),
            },
            Err(before) => {
                let before = before.duration();
                let is_whole = before.subsec_nanos() == 0;
                let seconds = before.as_secs() + u64::from(!is_whole);
                let rest = if is_whole { 0 } else { 1_000_000_000 - before.subsec_nanos() };
                Timespec { tv_sec: -seconds.cast_signed(), tv_nsec: rest.into() }
            }
        },
    }
}

/// Replies with a value or the problem.
macro_rules! answer {
    ($reply:ident, $result:expr, $value:ident => $answer:expr) => {
        let attempt = || -> io::Result<_> { $result };
        match attempt() {
            Ok($value) => $answer,
            Err(problem) => $reply.error(Errno::from(problem)),
        }
    };
}

impl Filesystem for Disk {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        // The kernel then asks for each lock, to which the answer is ENOSYS, and keeps them by itself else.
        if self.switches().has_no_locks {
            config
                .add_capabilities(InitFlags::FUSE_FLOCK_LOCKS)
                .map_err(|_unknown| Problem::NOSYS)?;
        }
        Ok(())
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        answer!(reply, self.attributes(&self.place(parent, name)?),
            found => reply.entry(&NOW, &found, Generation(0)));
    }

    fn getattr(&self, _: &Request, node: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        answer!(reply, self.attributes(&self.path(node)?), found => reply.attr(&NOW, &found));
    }

    fn setattr(
        &self,
        _: &Request,
        node: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        accessed: Option<TimeOrNow>,
        modified: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        answer!(reply, {
            let (path, keeps_modes) = (self.path(node)?, !self.switches().has_no_modes);
            if keeps_modes && (uid.is_some() || gid.is_some()) {
                lchown(&path, uid, gid)?;
            }
            if let Some(mode) = mode.filter(|_| keeps_modes) {
                fs::set_permissions(&path, Permissions::from_mode(mode & 0o7777))?;
            }
            if let Some(size) = size {
                OpenOptions::new().write(true).open(&path)?.set_len(size)?;
            }
            if accessed.is_some() || modified.is_some() {
                self.set_times(&path, accessed, modified)?;
            }
            self.attributes(&path)
        }, now => reply.attr(&NOW, &now));
    }

    fn readlink(&self, _: &Request, node: INodeNo, reply: ReplyData) {
        answer!(reply, fs::read_link(self.path(node)?),
            target => reply.data(target.as_os_str().as_bytes()));
    }

    fn mknod(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        _: u32,
        reply: ReplyEntry,
    ) {
        answer!(reply, {
            let place = self.place(parent, name)?;
            mknodat(CWD, &place, NodeType::from_raw_mode(mode), Mode::from_raw_mode(mode), 0)?;
            self.made(request, &place)
        }, made => reply.entry(&NOW, &made, Generation(0)));
    }

    fn mkdir(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        reply: ReplyEntry,
    ) {
        answer!(reply, {
            self.take_room()?;
            let place = self.place(parent, name)?;
            DirBuilder::new().mode(0o700).create(&place)?;
            let inherited = fs::symlink_metadata(&place)?.mode() & 0o2000;
            fs::set_permissions(&place, Permissions::from_mode(mode & 0o7777 | inherited))?;
            self.made(request, &place)
        }, made => reply.entry(&NOW, &made, Generation(0)));
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer!(reply, fs::remove_file(self.place(parent, name)?), _done => reply.ok());
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer!(reply, fs::remove_dir(self.place(parent, name)?), _done => reply.ok());
    }

    fn symlink(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        target: &Path,
        reply: ReplyEntry,
    ) {
        answer!(reply, {
            let place = self.make_link(|| self.place(parent, name))?;
            symlink(target, &place)?;
            self.made(request, &place)
        }, made => reply.entry(&NOW, &made, Generation(0)));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        answer!(reply, {
            let (from, mut to) = (self.place(parent, name)?, self.place(new_parent, new_name)?);
            if !(flags - RenameFlags::RENAME_NOREPLACE).is_empty() {
                return Err(Problem::INVAL.into());
            }
            if from == to {
                // Only the case of its name changes.
                to = to.with_file_name(new_name);
            } else if flags.contains(RenameFlags::RENAME_NOREPLACE) && fs::symlink_metadata(&to).is_ok()
            {
                return Err(Problem::EXIST.into());
            }
            fs::rename(&from, &to)?;
            self.nodes().moved(&from, &to);
            Ok(())
        }, _done => reply.ok());
    }

    fn link(
        &self,
        _: &Request,
        node: INodeNo,
        new_parent: INodeNo,
        new_name: &OsStr,
        reply: ReplyEntry,
    ) {
        answer!(reply, {
            let place = self.make_link(|| self.place(new_parent, new_name))?;
            fs::hard_link(self.path(node)?, &place)?;
            self.attributes(&place)
        }, made => reply.entry(&NOW, &made, Generation(0)));
    }

    fn open(&self, _: &Request, node: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        answer!(reply, self.open_file(node, flags),
            handle => reply.opened(FileHandle(handle), FopenFlags::empty()));
    }

    fn create(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        answer!(reply, self.create_file(request, &self.place(parent, name)?, mode),
        made => reply.created(
            &NOW,
            &made.0,
            Generation(0),
            FileHandle(made.1),
            FopenFlags::empty(),
        ));
    }

    fn read(
        &self,
        _: &Request,
        node: INodeNo,
        handle: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        answer!(reply, {
            // One that is gone and open can still be read.
            if self.nodes().path(node.0).is_some() {
                self.readable_path(node)?;
            }
            let (file, mut buffer) = (self.file(handle)?, vec![0; size as usize]);
            let mut filled = 0;
            while filled < buffer.len() {
                match file.read_at(&mut buffer[filled..], offset + filled as u64)? {
                    0 => break,
                    read => filled += read,
                }
            }
            buffer.truncate(filled);
            Ok(buffer)
        }, content => reply.data(&content));
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        answer!(reply, self.take_room().and_then(|()| self.file(handle)?.write_all_at(data, offset)),
            _done => reply.written(u32::try_from(data.len()).unwrap_or(0)));
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, _: INodeNo, handle: FileHandle, _: bool, reply: ReplyEmpty) {
        answer!(reply, self.file(handle)?.sync_all(), _done => reply.ok());
    }

    fn release(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.handles().close(handle.0);
        reply.ok();
    }

    fn opendir(&self, _: &Request, node: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        answer!(reply, {
            let list = self.list(node)?;
            Ok(self.handles().add(Opened::Folder(list.into())))
        }, handle => reply.opened(FileHandle(handle), FopenFlags::empty()));
    }

    fn readdir(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let Some(Opened::Folder(list)) = self.handles().get(handle.0) else {
            return reply.error(Errno::from(io::Error::from(Problem::BADF)));
        };
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        for (at, (number, kind, name)) in list.iter().enumerate().skip(from) {
            if reply.add(INodeNo(*number), at as u64 + 1, *kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        reply: ReplyEmpty,
    ) {
        self.handles().close(handle.0);
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        answer!(reply, {
            if self.switches().has_no_statfs {
                return Err(Problem::NOSYS.into());
            }
            Ok(statvfs(&self.folder)?)
        }, disk => reply.statfs(
            disk.f_blocks,
            disk.f_bfree,
            disk.f_bavail,
            disk.f_files,
            disk.f_ffree,
            u32::try_from(disk.f_bsize).unwrap_or(4096),
            255,
            u32::try_from(disk.f_frsize).unwrap_or(4096),
        ));
    }
}
