//! Random walks: both sides of a workspace are edited, locked and deleted from, clocks are skewed, sync states are lost
//! and transfers are cut off. Two machines push from one path, or two members of a group; entries are edited during a
//! transfer; another workspace of the cube is beside it; links lead to files and folders elsewhere, which the user
//! lists or doesn't; files have holes; writes change neither size nor time.
//!
//! What was written and not replaced by its writer is never lost, and no pull writes through a link that isn't listed.
//! In the end every file that differs is named, and no workspace has a file of ours. `MLCUBE_SSH_CASES=1000` tries
//! harder, `MLCUBE_SSH_SEED` takes other ways.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::fs::{File, Permissions};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime};

use mlcube_ssh_harness::{
    Account, Cube, Document, OddDisk, Outcome, Processes, Scene, Task, Tmpfs,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use rustix::process::Signal;

/// Few names, so that both sides meet; one is a file on one side and a folder on the other, and some are one name on
/// some disks.
const NAMES: [&str; 11] = [
    "#g",
    "d/;h",
    "a",
    "d/b",
    "d/c d",
    "e",
    "e/f",
    "A",
    "\u{e9}",
    "e\u{301}",
    "a name of 30 bytes, for a disk",
];

/// The oddities of disks, of which a walk on odd disks has one.
const ODDITIES: [&[&str]; 5] = [
    &["names fold"],
    &["names nfd", "no-statfs"],
    &["name-bytes 20"],
    &["two-seconds", "no-modes"],
    &["both-times"],
];

/// Enough files for a stream.
const MANY: usize = 110;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Side {
    Here,
    There,
}

/// How a transfer ends early.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cut {
    CtrlC,
    /// Without a word; what it started goes on.
    Killed,
    /// With all that it started, without a word.
    AllKilled,
    /// The other end is gone.
    Disconnected,
    /// Everything that was started on the remote is gone, and the connection isn't.
    RemoteKilled,
    /// The local ends of rsync and ssh are gone.
    ChildrenKilled,
}

#[derive(Clone, Debug)]
enum Act {
    /// Somebody writes a file of so many bytes; its clock is so many seconds off.
    Write(Side, usize, usize, i64),
    Delete(Side, usize),
    /// Somebody writes a file with a hole.
    Sparse(Side, usize),
    /// Somebody writes through a memory map: size and time of the file stay.
    Flip(Side, usize),
    /// Somebody moves a folder to another disk, and leaves a link; or takes it back.
    Link(Side),
    /// Somebody moves a file to another disk, and leaves a link; or takes it back.
    LinkFile(Side),
    /// The user lists the other disk in `follow_links`, or no longer does.
    Follow(bool),
    /// A folder on the remote can't be written by an ordinary user from now on, or can again.
    Lock(bool),
    /// Somebody writes code.
    Code(Side),
    Push(Words),
    Pull(Words),
    /// Somebody writes a folder of files, as many as go in one stream.
    WriteMany(Side),
    /// A transfer that ends early, after some milliseconds.
    Cut {
        up: bool,
        after: u64,
        how: Cut,
    },
    LoseRecord,
    /// A file of an odd disk can't be read from now on, or can again.
    Fail(Option<usize>),
    /// Another machine, to which the same files belong, pushes from the same path.
    OtherMachine,
    /// Another member of the group writes a file on a machine of their own, and pushes it.
    OtherMember(usize),
    /// A push with another workspace of the cube.
    OtherWorkspace,
    /// Somebody writes a file so many milliseconds after a transfer has begun.
    During {
        up: bool,
        after: u64,
        side: Side,
        name: usize,
    },
}

/// What is asked of a transfer.
#[derive(Clone, Copy, Debug)]
struct Words {
    overwrite: bool,
    checksum: bool,
}

impl Words {
    fn words(self) -> Vec<&'static str> {
        let words = [(self.overwrite, "--overwrite"), (self.checksum, "--checksum")];
        words.into_iter().filter(|(is_given, _)| *is_given).map(|(_, word)| word).collect()
    }
}

fn words() -> impl Strategy<Value = Words> {
    (prop::bool::weighted(0.2), prop::bool::weighted(0.2))
        .prop_map(|(overwrite, checksum)| Words { overwrite, checksum })
}

fn act() -> impl Strategy<Value = Act> {
    let side = || prop_oneof![Just(Side::Here), Just(Side::There)];
    let length = prop_oneof![Just(40_usize), Just(40), Just(3_000_000)];
    let clock = prop_oneof![Just(0_i64), Just(-600), Just(600), -100_000_000..100_000_i64];
    prop_oneof![
        5 => (side(), 0..NAMES.len(), length, clock)
            .prop_map(|(side, name, length, clock)| Act::Write(side, name, length, clock)),
        1 => (side(), 0..NAMES.len()).prop_map(|(side, name)| Act::Delete(side, name)),
        1 => (side(), 0..NAMES.len()).prop_map(|(side, name)| Act::Sparse(side, name)),
        1 => (side(), 0..NAMES.len()).prop_map(|(side, name)| Act::Flip(side, name)),
        1 => side().prop_map(Act::Link),
        1 => side().prop_map(Act::LinkFile),
        1 => any::<bool>().prop_map(Act::Follow),
        1 => any::<bool>().prop_map(Act::Lock),
        1 => side().prop_map(Act::Code),
        3 => words().prop_map(Act::Push),
        3 => words().prop_map(Act::Pull),
        1 => side().prop_map(Act::WriteMany),
        2 => (any::<bool>(), 0..500_u64, cut())
            .prop_map(|(up, after, how)| Act::Cut { up, after, how }),
        1 => Just(Act::LoseRecord),
        1 => prop::option::of(0..NAMES.len()).prop_map(Act::Fail),
        1 => Just(Act::OtherMachine),
        1 => (0..NAMES.len()).prop_map(Act::OtherMember),
        1 => Just(Act::OtherWorkspace),
        2 => (any::<bool>(), 0..300_u64, side(), 0..NAMES.len())
            .prop_map(|(up, after, side, name)| Act::During { up, after, side, name }),
    ]
}

fn cut() -> impl Strategy<Value = Cut> {
    prop_oneof![
        Just(Cut::CtrlC),
        Just(Cut::Killed),
        Just(Cut::AllKilled),
        Just(Cut::Disconnected),
        Just(Cut::RemoteKilled),
        Just(Cut::ChildrenKilled),
    ]
}

/// A cube on both sides, and the contents that must not get lost.
struct Trial<'a> {
    scene: &'a Scene,
    document: Document,
    /// Of the other workspace.
    beside: Document,
    cube: Cube,
    here: PathBuf,
    there: PathBuf,
    /// An odd disk with one of the two, and its oddities.
    disk: Option<(Side, OddDisk, &'static [&'static str])>,
    /// The members of the group whose the tree is there.
    members: Option<&'a Members>,
    /// Whether the user lists the other disk.
    follows: bool,
    written: u32,
    alive: BTreeSet<String>,
}

/// Two accounts of the remote in one group.
struct Members {
    first: Account,
    second: Account,
}

impl Members {
    /// Both, and a scene in which they share `remote_root`.
    fn in_a_scene() -> Option<(Self, Scene)> {
        let (first, mut scene) = Scene::with_an_ordinary_user()?;
        let second = Account::with_shell(&scene.place().folder("homes"), "sh")?;
        second.joins_group_of(&first);
        let root = scene.host.remote_root();
        fs::set_permissions(root, Permissions::from_mode(0o2775)).unwrap();
        scene.set("/shared", true);
        Some((Self { first, second }, scene))
    }
}

impl<'a> Trial<'a> {
    fn new(
        scene: &'a Scene,
        name: &str,
        odd: Option<(Side, usize)>,
        members: Option<&'a Members>,
    ) -> Self {
        let cube: Cube = scene.cube(name).task(&Task::named("train"));
        fs::remove_file(cube.root().join("busybox")).unwrap();
        let document = scene.document(&cube, &["-Prunner.adopt=true"]);
        let beside = cube.root().join("runs/1");
        fs::create_dir_all(&beside).unwrap();
        fs::write(beside.join("model"), "beside").unwrap();
        let workspace = format!("--workspace={}", beside.display());
        let beside = scene.document(&cube, &[&workspace, "-Prunner.adopt=true"]);
        let there = scene.host.remote_root().join(name).join("workspace");
        let here = cube.workspace();
        let alive = BTreeSet::new();
        let (disk, written, follows) = (None, 0, false);
        let mut trial = Self {
            scene,
            document,
            beside,
            cube,
            here,
            there,
            disk,
            members,
            follows,
            written,
            alive,
        };
        trial.transfer("mlcube-ssh-push", &[]);
        if let Some((side, number)) = odd {
            let disk = OddDisk::mount(trial.top(side), ODDITIES[number]);
            trial.disk = disk.map(|disk| (side, disk, ODDITIES[number]));
        }
        trial
    }

    fn top(&self, side: Side) -> &Path {
        if side == Side::Here { &self.here } else { &self.there }
    }

    /// The workspace without the oddities of its disk, which may fail to read.
    fn behind(&self, side: Side) -> PathBuf {
        match &self.disk {
            Some((odd, disk, _)) if *odd == side => disk.behind(),
            _ => self.top(side).to_owned(),
        }
    }

    fn path(&self, side: Side, name: usize) -> PathBuf {
        self.top(side).join(NAMES[name])
    }

    /// The content that lies there is its owner's to replace.
    fn release(&mut self, path: &Path) {
        // Whoever replaces it can read it.
        if let Some((_, disk, oddities)) = &self.disk {
            disk.has(oddities);
        }
        if let Ok(text) = fs::read_to_string(path) {
            self.alive.remove(first_line(&text));
        }
    }

    /// The first line of a new content of so many bytes; all of one size are as long.
    fn new_content(&mut self, size: usize) -> String {
        self.written += 1;
        format!("content {:05} of {size}", self.written)
    }

    fn write(&mut self, path: &Path, size: usize, clock: i64) {
        self.write_filled(path, size, clock, "x");
    }

    fn write_filled(&mut self, path: &Path, size: usize, clock: i64, filling: &str) {
        if path.is_dir() || fs::create_dir_all(path.parent().unwrap()).is_err() {
            return;
        }
        self.release(path);
        let head = self.new_content(size);
        // As an editor does: a new file in the old one's place.
        let new = path.with_file_name("new");
        let file = File::create(&new).unwrap();
        file.write_all_at(
            format!("{head}\n{}", filling.repeat(size - head.len() - 1)).as_bytes(),
            0,
        )
        .unwrap();
        file.set_len(size as u64).unwrap();
        drop(file);
        self.gives_to_the_group(&new);
        let now = SystemTime::now();
        let off = Duration::from_secs(clock.unsigned_abs());
        let time = if clock < 0 { now - off } else { now + off };
        fs::File::open(&new).unwrap().set_modified(time).unwrap();
        // An odd disk may not hold the name.
        match fs::rename(&new, path) {
            Ok(()) => drop(self.alive.insert(head)),
            Err(problem) => {
                assert!(self.disk.is_some(), "{problem}");
                fs::remove_file(new).unwrap();
            }
        }
    }

    /// What root has written on the remote belongs to the first member, as it would had they written it.
    fn gives_to_the_group(&self, path: &Path) {
        let Some(members) =
            self.members.filter(|_| path.starts_with(self.scene.host.remote_root()))
        else {
            return;
        };
        let top = self.scene.host.remote_root();
        for path in path.ancestors().take_while(|path| *path != top) {
            if fs::metadata(path).is_ok_and(|found| found.uid() == 0) {
                members.first.owns(path);
                let mode = if path.is_dir() { 0o2770 } else { 0o660 };
                fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
            }
        }
    }

    /// The file that is written through a memory map, and its new content.
    fn flip(&mut self, path: &Path) {
        let Ok(text) = fs::read_to_string(path) else { return };
        let (Ok(file), Some((head, rest))) =
            (File::options().write(true).open(path), text.split_once('\n'))
        else {
            return;
        };
        if !head.starts_with("content ") {
            return;
        }
        let modified = file.metadata().unwrap().modified().unwrap();
        self.release(path);
        let head = self.new_content(text.len());
        file.write_all_at(format!("{head}\n{rest}").as_bytes(), 0).unwrap();
        file.set_modified(modified).unwrap();
        self.alive.insert(head);
    }

    /// The other disk of a side.
    fn other_disk(&self, side: Side) -> PathBuf {
        let name =
            format!("{}-{side:?}", self.here.parent().unwrap().file_name().unwrap().display());
        let disk = self.scene.place().path().join("other-disks").join(name);
        fs::create_dir_all(&disk).unwrap();
        if let Some(members) = self.members {
            members.first.owns(&disk);
        }
        disk
    }

    /// Moves an entry to the other disk of its side and leaves a link, or takes it back.
    fn link(&self, side: Side, name: &str) {
        let (place, disk) = (self.top(side).join(name), self.other_disk(side).join(name));
        if place.is_symlink() {
            fs::remove_file(&place).unwrap();
            moved(&disk, &place);
        } else if place.exists() && !disk.exists() && moved(&place, &disk) {
            symlink(&disk, &place).unwrap();
        }
    }

    /// The user lists the other disk from now on, or no longer does.
    fn follow(&mut self, follows: bool) {
        let listed = format!("-Prunner.follow_links=['{}']", self.other_disk(Side::Here).display());
        let words = ["-Prunner.adopt=true", listed.as_str()];
        let words = if follows { &words[..] } else { &words[..1] };
        self.document = self.scene.document(&self.cube, words);
        self.follows = follows;
    }

    fn push_by_another_member(&mut self, name: usize) {
        let Some(members) = self.members else { return };
        let name = NAMES[name];
        let cube_name = self.here.parent().unwrap().file_name().unwrap().to_owned();
        let home = self.scene.home().join("second");
        let cube: Cube =
            self.scene.cube(&format!("second/{}", cube_name.display())).task(&Task::named("train"));
        let state = home.join("state");
        self.write(&cube.workspace().join(name), 40, 0);
        let tool = |name: &str| self.scene.tool(name).env("XDG_STATE_HOME", &state);
        let user = format!("-Prunner.authentication.user={}", members.second.name());
        let config =
            tool("mlcube-ssh-config").args(["--platform=gpu1", "-Prunner.adopt=true", &user]);
        let document = config.arg("--mlcube").arg(cube.root()).run().succeeds().document();
        self.succeeds(&tool("mlcube-ssh-push").reads_document(&document).run());
    }

    fn transfer(&self, tool: &str, words: &[&str]) {
        let disk = self.other_disk(Side::Here);
        let before = contents(&disk);
        self.succeeds(&self.scene.tool(tool).args(words).reads_document(&self.document).run());
        assert!(self.follows || contents(&disk) == before, "{tool} wrote through a link");
    }

    /// Whatever came before, a push and a pull bring both sides together or name what differs, and leave nothing of
    /// their own in the workspaces.
    fn both_sides_are_right(&mut self, after: &[Act]) -> Result<(), TestCaseError> {
        if let Some((_, disk, oddities)) = &self.disk {
            disk.has(oddities);
        }
        self.carry_out(&Act::Lock(false));
        let mut named = Vec::new();
        // The first one may bring what is new for the second one, and so may that.
        for step in ["push", "pull", "push"] {
            let tool = self.scene.tool(&format!("mlcube-ssh-{step}")).arg("--checksum");
            let outcome = tool.reads_document(&self.document).run();
            self.succeeds(&outcome);
            let receipt = outcome.document();
            for key in ["kept", "left_out"] {
                let listed = receipt.at(&format!("/steps/{step}/{key}")).as_array().cloned();
                let listed = listed.into_iter().flatten();
                named.extend(listed.filter_map(|name| Some(PathBuf::from(name.as_str()?))));
            }
        }
        self.nothing_is_lost(after)?;
        for name in NAMES {
            let [local, remote] =
                [Side::Here, Side::There].map(|side| fs::read(self.behind(side).join(name)).ok());
            let is_named = named.iter().any(|named| Path::new(name).starts_with(named));
            prop_assert!(
                local == remote || is_named || self.is_removed_link(name),
                "{name} differs and isn't named ({named:?}) after {after:?}"
            );
        }
        let tops = [self.here.clone(), self.there.clone(), self.other_disk(Side::Here)];
        let left: Vec<_> = tops.iter().flat_map(|top| own_folders(top)).collect();
        prop_assert!(left.is_empty(), "{left:?} is left after {after:?}");
        Ok(())
    }

    /// Whether the remote has a link to the user's other disk, which a push sent and the user has removed. A pull doesn't
    /// make it again, and that is no news to the user.
    fn is_removed_link(&self, name: &str) -> bool {
        let [local, remote] = [Side::Here, Side::There].map(|side| self.behind(side).join(name));
        let disk = self.other_disk(Side::Here);
        let is_sent = fs::read_link(remote).is_ok_and(|target| target.starts_with(disk));
        is_sent && fs::symlink_metadata(local).is_err()
    }

    fn push_by_another_machine(&self) {
        let state = self.other_state();
        let tool = |name: &str| self.scene.tool(name).env("XDG_STATE_HOME", &state);
        let config = tool("mlcube-ssh-config").args(["--platform=gpu1", "-Prunner.adopt=true"]);
        let config = config.arg("--mlcube").arg(self.cube.root()).run();
        let document = config.succeeds().document();
        self.succeeds(&tool("mlcube-ssh-push").reads_document(&document).run());
    }

    fn other_state(&self) -> PathBuf {
        self.scene.home().join("other-state")
    }

    fn succeeds(&self, outcome: &Outcome) {
        // What is a file on one side and a folder on the other is left out, and named; so is what has no place.
        let is_named = outcome.status == 125
            && (self.disk.is_some()
                || [
                    ": a folder locally or on 'there', but not both",
                    "its folder, or one above it, isn't writable",
                    ": a link out of the workspace",
                    "it is a link that isn't known to be yours",
                ]
                .iter()
                .any(|named| outcome.stderr.contains(named)));
        assert!(outcome.status == 0 || is_named, "{outcome}");
    }

    fn cut(&self, up: bool, after: u64, how: Cut) {
        let tool = if up { "mlcube-ssh-push" } else { "mlcube-ssh-pull" };
        let running = self.scene.tool(tool).reads_document(&self.document).start();
        thread::sleep(Duration::from_millis(after));
        match how {
            Cut::CtrlC => running.ctrl_c(),
            Cut::Killed => running.signal(Signal::KILL),
            Cut::AllKilled => running.kill_all(),
            Cut::Disconnected => self.scene.host.sshd.connections().kill(),
            Cut::RemoteKilled => self.scene.jobs().kill(),
            Cut::ChildrenKilled => {
                let children = Processes::naming(self.scene.home());
                let is_child = |words: &str| {
                    let program = words.split(' ').next().and_then(|word| word.rsplit('/').next());
                    matches!(program, Some("rsync" | "ssh"))
                };
                let children = children.iter().filter(|process| is_child(process.words()));
                children.for_each(|process| process.signal(Signal::KILL));
            }
        }
        let _however_it_ended = running.wait();
    }

    fn carry_out(&mut self, act: &Act) {
        match *act {
            Act::Write(side, name, length, clock) => {
                self.write(&self.path(side, name), length, clock);
            }
            Act::Delete(side, name) => {
                let path = self.path(side, name);
                self.release(&path);
                let _nothing_there = fs::remove_file(path);
            }
            Act::Sparse(side, name) => self.write_filled(&self.path(side, name), 300_000, 0, ""),
            Act::Flip(side, name) => self.flip(&self.path(side, name)),
            Act::Link(side) => self.link(side, "d"),
            Act::LinkFile(side) => self.link(side, "a"),
            Act::Follow(follows) => self.follow(follows),
            Act::Lock(is_locked) => {
                // Root may write everywhere.
                let Some(members) = self.members else { return };
                let folder = self.there.join("d");
                if folder.is_dir() && !folder.is_symlink() {
                    let mode = if is_locked { 0o2550 } else { 0o2770 };
                    fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
                    members.first.owns(&folder);
                    fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
                }
            }
            Act::Code(side) => {
                let tree =
                    if side == Side::Here { self.here.parent() } else { self.there.parent() };
                self.write(&tree.unwrap().join("lib.py"), 40, 0);
            }
            Act::Push(words) => self.transfer("mlcube-ssh-push", &words.words()),
            Act::Pull(words) => self.transfer("mlcube-ssh-pull", &words.words()),
            Act::WriteMany(side) => {
                let top = if side == Side::Here { &self.here } else { &self.there };
                let folder = top.join("many");
                for number in 0..MANY {
                    self.write(&folder.join(number.to_string()), 40, 0);
                }
            }
            Act::Cut { up, after, how } => self.cut(up, after, how),
            Act::Fail(name) => {
                let Some((_, disk, oddities)) = &self.disk else { return };
                let fails = name.map(|name| format!("eio-content {}", NAMES[name]));
                let mut all = oddities.to_vec();
                all.extend(fails.as_deref());
                disk.has(&all);
            }
            Act::OtherMember(name) => self.push_by_another_member(name),
            Act::OtherMachine => self.push_by_another_machine(),
            Act::OtherWorkspace => {
                let push = self.scene.tool("mlcube-ssh-push").arg("--delete");
                self.succeeds(&push.reads_document(&self.beside).run());
            }
            Act::During { up, after, side, name } => {
                let tool = if up { "mlcube-ssh-push" } else { "mlcube-ssh-pull" };
                let running = self.scene.tool(tool).reads_document(&self.document).start();
                thread::sleep(Duration::from_millis(after));
                self.write(&self.path(side, name), 40, 0);
                let _however_it_ended = running.wait();
            }
            Act::LoseRecord => {
                let records = self.scene.home().join(".local/state/mlcube-ssh");
                for record in fs::read_dir(records).into_iter().flatten().flatten() {
                    let _never_made = fs::remove_file(record.path().join("workspace"));
                }
            }
        }
    }

    fn walk(mut self, acts: &[Act]) -> Result<(), TestCaseError> {
        for (at, act) in acts.iter().enumerate() {
            self.carry_out(act);
            self.nothing_is_lost(&acts[..=at])?;
        }
        self.both_sides_are_right(acts)
    }

    /// The contents that lie anywhere, whole. Those in place must be whole.
    fn found(&self) -> Result<HashSet<String>, TestCaseError> {
        let mut found = HashSet::new();
        let aside = [
            self.scene.home().join(".local/state"),
            self.scene.host.remote_root().join(".mlcube-ssh"),
            self.other_state(),
            self.scene.home().join("second"),
            self.scene.place().path().join("other-disks"),
        ];
        let (here, there) = (self.behind(Side::Here), self.behind(Side::There));
        let elsewhere = [Side::Here, Side::There].map(|side| self.other_disk(side));
        let code = [&self.here, &self.there].map(|top| top.with_file_name("lib.py"));
        let tops = [&here, &there].into_iter().chain(&aside);
        for path in tops.flat_map(|top| files(top)).chain(code) {
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let Some(length) = text.lines().next().and_then(|line| line.rsplit(' ').next()) else {
                continue;
            };
            let is_whole = length.parse() == Ok(text.len());
            let places = [&here, &there, &elsewhere[0], &elsewhere[1]];
            let relative = places.into_iter().find_map(|top| path.strip_prefix(top).ok());
            if relative.is_some_and(is_in_place) {
                prop_assert!(is_whole, "half a file: {}", path.display());
            }
            if is_whole {
                found.insert(first_line(&text).to_owned());
            }
        }
        Ok(found)
    }

    fn nothing_is_lost(&self, after: &[Act]) -> Result<(), TestCaseError> {
        // What was cut off may still be moving: a file that is renamed while this looks is found the next time.
        let mut lost = Vec::new();
        for _ in 0..40 {
            let found = self.found()?;
            lost = self.alive.iter().filter(|content| !found.contains(*content)).collect();
            if lost.is_empty() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(25));
        }
        Err(TestCaseError::fail(format!("lost {lost:?} after {after:?}")))
    }
}

/// Whether a path in the workspace is one of those that are written; beside them lies what transfers are about.
fn is_in_place(name: &Path) -> bool {
    name.starts_with("many") || NAMES.iter().any(|known| name == Path::new(known))
}

/// Moves a folder, to another disk if need be; says whether that could be done.
#[expect(clippy::disallowed_methods, reason = "std moves nothing to another disk")]
fn moved(from: &Path, to: &Path) -> bool {
    let done = Command::new("mv").arg("-T").arg(from).arg(to).output();
    done.unwrap().status.success()
}

/// The files below a folder, with their contents.
fn contents(top: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found: Vec<_> =
        files(top).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    found.sort();
    found
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn files(top: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(top).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files(&entry.path())),
            Ok(kind) if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
    found
}

/// The folders of ours below a folder.
fn own_folders(top: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(top).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(".mlcube-ssh") {
            found.push(entry.path());
        } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(own_folders(&entry.path()));
        }
    }
    found
}

/// A number from the environment.
fn number(variable: &str) -> Option<u32> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

/// How many tests share the walks: each has a limit of time.
const PARTS: u32 = 5;

/// One part of the walks; on odd disks each has one of them, on either side.
fn walk(scene: &Scene, part: u32, is_odd: bool, members: Option<&Members>) {
    let seed = number("MLCUBE_SSH_SEED").unwrap_or(0);
    eprintln!("MLCUBE_SSH_SEED={seed}, part {part}");
    let config = Config {
        cases: number("MLCUBE_SSH_CASES").unwrap_or(12).div_ceil(PARTS),
        max_shrink_iters: 40,
        failure_persistence: None,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&seed.to_le_bytes());
    bytes[4..8].copy_from_slice(&part.to_le_bytes());
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let number = std::cell::Cell::new(0);
    let side = prop_oneof![Just(Side::Here), Just(Side::There)];
    let odd = (side, 0..ODDITIES.len()).prop_map(move |odd| is_odd.then_some(odd));
    let acts = (odd, prop::collection::vec(act(), 4..16));
    let result = runner.run(&acts, |(odd, acts)| {
        number.set(number.get() + 1);
        let trial = Trial::new(scene, &format!("cube{}", number.get()), odd, members);
        trial.walk(&acts)
    });
    if let Err(problem) = result {
        panic!("with MLCUBE_SSH_SEED={seed}, part {part}: {problem}");
    }
}

#[test]
fn nothing_that_was_written_is_ever_gone() {
    walk(&Scene::new(), 0, false, None);
}

#[test]
fn nothing_that_was_written_is_ever_gone_on_other_ways() {
    walk(&Scene::new(), 1, false, None);
}

#[test]
fn nothing_that_was_written_is_ever_gone_on_more_ways() {
    walk(&Scene::new(), 2, false, None);
}

#[test]
fn nothing_is_gone_on_odd_disks_either() {
    let scene = Scene::new();
    // What is replaced is kept aside on another disk.
    let Some(_state) = Tmpfs::mount(&scene.home().join(".local/state"), "500m") else { return };
    walk(&scene, 3, true, None);
}

#[test]
fn nothing_that_the_members_of_a_group_write_is_ever_gone() {
    let Some((members, scene)) = Members::in_a_scene() else { return };
    walk(&scene, 4, false, Some(&members));
}

/// Walks that went wrong once, without the moments that they depended on.
#[test]
fn a_walk_that_went_wrong_goes_right() {
    let plain = Words { overwrite: false, checksum: false };
    let a = 2;
    let walks = [
        // The link that a push sent, and that the user has removed since.
        vec![
            Act::Write(Side::There, a, 40, 0),
            Act::Pull(plain),
            Act::LinkFile(Side::Here),
            Act::Push(plain),
            Act::Delete(Side::Here, a),
        ],
    ];
    let scene = Scene::new();
    for (number, acts) in walks.iter().enumerate() {
        Trial::new(&scene, &format!("cube{number}"), None, None).walk(acts).unwrap();
    }
}
