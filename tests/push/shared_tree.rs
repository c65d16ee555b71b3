//! Two accounts of the remote in one group, and a folder of that group.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use mlcube_ssh_harness::{Account, Cube, Document, Engine, Invocation, Outcome, Scene, Task};

#[test]
fn the_second_member_of_a_group_is_told_whose_the_tree_is() {
    let Some((first, scene)) = Scene::with_an_ordinary_user() else { return };
    let Some(second) = Account::with_shell(&scene.place().folder("homes"), "sh") else { return };
    second.joins_group_of(&first);
    let root = scene.host.remote_root();
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("data.csv", "1\n");
    let document = scene.document(&cube, &[]);
    let push = || scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run();
    push().succeeds();
    fs::set_permissions(&root, Permissions::from_mode(0o2775)).unwrap();
    scene.has_ssh_config(&format!("User {}\nControlPath none", second.name()));
    scene.masters().kill();
    let refused = push();
    refused.exits(125).complains(&[first.name(), "shared: true"]);
    assert_eq!(fs::read_to_string(root.join("digits/workspace/data.csv")).unwrap(), "1\n");
}

/// A member of a group: their account there, their machine, and their copy of the cube.
struct Member<'a> {
    scene: &'a Scene,
    account: &'a Account,
    cube: Cube,
    document: Document,
}

impl<'a> Member<'a> {
    fn new(scene: &'a Scene, account: &'a Account) -> Self {
        let task = Task::named("train").writes("model", "model/");
        let cube = scene.cube(&format!("{}/digits", account.name())).task(&task);
        let cube = cube.with_file("data.csv", "1\n").with_file("folder/kept", "kept\n");
        let user = format!("-Prunner.authentication.user={}", account.name());
        let config = tool(scene, account, "mlcube-ssh-config").args(["--platform=gpu1", &user]);
        let document = config.arg("--mlcube").arg(cube.root()).run().succeeds().document();
        Self { scene, account, cube, document }
    }

    fn step(&self, name: &str, words: &[&str]) -> Outcome {
        let tool = tool(self.scene, self.account, name).args(words);
        tool.reads_document(&self.document).run()
    }

    fn push(&self) -> Outcome {
        self.step("mlcube-ssh-push", &["-q"])
    }

    fn run(&self) -> Outcome {
        self.step("mlcube-ssh-exec", &["run"])
    }

    fn pull(&self) -> Outcome {
        self.step("mlcube-ssh-pull", &["-q"])
    }

    fn writes(&self, name: &str, content: &str) {
        let place = self.cube.workspace().join(name);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, content).unwrap();
    }
}

/// One of the tools on a member's machine.
fn tool(scene: &Scene, account: &Account, name: &str) -> Invocation {
    let state = scene.home().join(account.name()).join("state");
    scene.tool(name).env("XDG_STATE_HOME", state)
}

/// All in a folder belongs to the group, whose members may write; nobody else may do anything.
fn is_of_the_group(folder: &Path, group: u32) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let found = fs::symlink_metadata(&path).unwrap();
        if found.is_symlink() {
            continue;
        }
        let (mode, shown) = (found.mode() & 0o7777, path.display().to_string());
        assert_eq!(found.gid(), group, "{shown}");
        assert_eq!(mode & 0o067, 0o060, "{shown} {mode:o}");
        if found.is_dir() {
            assert_eq!(mode & 0o2010, 0o2010, "{shown} {mode:o}");
            is_of_the_group(&path, group);
        }
    }
}

#[test]
fn the_members_of_a_group_share_a_tree() {
    let Some((first, mut scene)) = Scene::with_an_ordinary_user() else { return };
    let Some(second) = Account::with_shell(&scene.place().folder("homes"), "sh") else { return };
    let Some(stranger) = Account::with_shell(&scene.place().folder("homes"), "sh") else { return };
    second.joins_group_of(&first);
    let root = scene.host.remote_root();
    // Without the mark that hands the group on: the tree gets it.
    fs::set_permissions(&root, Permissions::from_mode(0o775)).unwrap();
    let group = fs::metadata(&root).unwrap().gid();
    let engine = Engine::installed_on(&scene.host, "docker");
    let there = root.join("digits/workspace");
    engine.runs(&format!("cd '{}' && mkdir -p model && id -un >>model/who", there.display()));
    let calls = scene.host.bin().join("engine-calls");
    fs::write(&calls, "").unwrap();
    fs::set_permissions(&calls, Permissions::from_mode(0o666)).unwrap();
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    scene.set("/shared", true);
    scene.set("/adopt", true);
    let (one, two) = (Member::new(&scene, &first), Member::new(&scene, &second));

    // The first push goes as an archive.
    one.push().succeeds().is_silent();
    is_of_the_group(&root, group);
    one.run().succeeds();
    is_of_the_group(&root, group);

    // The other member changes code, a file and the folder of the first one, and lets the task write into its file.
    two.cube.now_does("train", "another way");
    two.writes("data.csv", "1\n2\n");
    two.writes("folder/new", "new\n");
    let pushed = two.step("mlcube-ssh-push", &["-q", "--overwrite"]);
    pushed.succeeds();
    assert_eq!(fs::read_to_string(there.join("data.csv")).unwrap(), "1\n2\n");
    two.run().succeeds();
    let who = format!("{}\n{}\n", first.name(), second.name());
    assert_eq!(fs::read_to_string(there.join("model/who")).unwrap(), who);
    two.pull().succeeds().is_silent();
    assert_eq!(two.cube.result("model/who"), who);
    is_of_the_group(&root, group);

    // The first one gets all of it, and goes on: sharing is no change of permissions on either side.
    one.pull().succeeds().is_silent();
    assert_eq!((one.cube.result("model/who"), one.cube.result("data.csv")), (who, "1\n2\n".into()));
    // The result came as an archive, the data by rsync.
    let mode = |name: &str| fs::metadata(one.cube.workspace().join(name)).unwrap().mode() & 0o777;
    assert_eq!(["model/who", "data.csv"].map(mode), [0o640; 2]);
    one.writes("data.csv", "3\n");
    one.push().succeeds();
    one.step("mlcube-ssh-push", &[]).succeeds().says("nothing to send");
    assert_eq!(fs::read_to_string(there.join("data.csv")).unwrap(), "3\n");
    two.pull().succeeds().is_silent();
    assert_eq!(two.cube.result("data.csv"), "3\n");
    is_of_the_group(&root, group);

    // By content, too: nobody can set the times of a file of another member's, and nothing else is to be done.
    let code = two.cube.root().join("entry");
    fs::File::open(&code).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    two.step("mlcube-ssh-push", &["-q", "--checksum"]).succeeds();
    two.cube.now_does("train", "a third way");
    two.step("mlcube-ssh-push", &["-q", "--checksum"]).succeeds();
    let task = |cube: &Path| fs::read_to_string(cube.join("tasks/train"));
    let (here, there_now) = (task(two.cube.root()), task(&root.join("digits")));
    assert_eq!(here.unwrap(), there_now.unwrap());

    // Nobody else reads anything.
    let look = |account: &Account| {
        let user = ["--reuid", account.name(), "--regid", account.name(), "--clear-groups"];
        let cat = scene.invocation(Path::new("/usr/bin/setpriv")).args(user);
        cat.arg("cat").arg(there.join("data.csv")).run()
    };
    look(&stranger).exits(1).says("Permission denied");
    look(&first).succeeds();
}
