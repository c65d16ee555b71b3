//! Rootless podman, as an ordinary account uses it: what its containers write may belong to accounts that only podman's
//! own namespace has.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::path::Path;

use mlcube_ssh_harness::{Account, Cube, Document, Outcome, Processes, Scene, Task};
use serde_json::json;

/// A host on which an ordinary account has a podman of its own, and the user's machine.
struct Rootless {
    scene: Scene,
    account: Account,
}

impl Rootless {
    fn new() -> Option<Rootless> {
        let (account, mut scene) = Scene::with_an_ordinary_user()?;
        let runtime = scene.host.folder().join("run");
        fs::create_dir(&runtime).unwrap();
        account.owns(&runtime);
        account.owns(&scene.host.folder().join("podman"));
        scene.set("/environment", json!({"XDG_RUNTIME_DIR": runtime}));
        Some(Rootless { scene, account })
    }

    fn cube(&self, body: &str) -> Cube {
        let task = Task::named("train").writes("model", "model/").does(body);
        self.scene.cube("digits").task(&task)
    }

    fn tool(&self, words: &[&str], document: &Document) -> Outcome {
        self.scene.tool(words[0]).args(&words[1..]).reads_document(document).run()
    }

    /// What the hint tells to type on the host, typed there by the account.
    #[track_caller]
    fn does_as_told(&self, told: &Outcome) {
        let command = told.stderr.split('`').nth(1).unwrap();
        let user = self.account.name();
        let setpriv = ["--reuid", user, "--regid", user, "--init-groups", "sh", "-c", command];
        let podman = self.scene.host.folder().join("podman");
        let typed = self.scene.invocation(Path::new("/usr/bin/setpriv")).args(setpriv);
        let typed = typed.env("HOME", self.account.home()).in_folder(self.account.home());
        let typed = typed.env("XDG_RUNTIME_DIR", self.scene.host.folder().join("run"));
        let typed = typed.env("CONTAINERS_CONF", podman.join("containers.conf"));
        typed.env("CONTAINERS_STORAGE_CONF", podman.join("storage.conf")).run().succeeds();
    }

    /// The process that podman keeps for the account's namespace.
    fn pause_process(&self) -> Processes {
        Processes::with_variable("_PODMAN_PAUSE", "1").of(self.account.name())
    }
}

/// A task that leaves what another account of the container closed.
const ANOTHERS_OWN: &str = "mkdir -p $model/closed; echo x >$model/closed/x; chmod 700 $model/closed; chown -R 33:33 $model/closed";

#[test]
fn results_of_accounts_of_the_container_are_fetched_and_removed() {
    let Some(host) = Rootless::new() else { return };
    let cube = host.cube(ANOTHERS_OWN);
    let document = host.scene.configured(&cube, &[]);
    host.tool(&["mlcube-ssh-exec", "run"], &document).succeeds();
    let pulled = host.tool(&["mlcube-ssh-pull"], &document);
    pulled.exits(125).says("can't read model/closed").says("podman unshare chown -R 0:0 ");
    let kept = host.tool(&["mlcube-ssh-exec", "clean", "--yes=workspaces"], &document);
    kept.exits(125).says("unreadable folder").says("podman unshare chown -R 0:0 ");
    kept.says("mlcube-ssh pull` fetches them");
    host.does_as_told(&pulled);
    host.tool(&["mlcube-ssh-pull"], &document).succeeds();
    assert_eq!(cube.result("model/closed/x"), "x\n");

    host.tool(&["mlcube-ssh-exec", "run"], &document).succeeds();
    let cleaned = host.tool(&["mlcube-ssh-exec", "clean", "--yes=all", "--force"], &document);
    cleaned.exits(125).says("can't be removed as a whole").says("podman unshare chown -R 0:0 ");
    host.does_as_told(&cleaned);
    host.tool(&["mlcube-ssh-exec", "clean", "--yes=all", "--force"], &document).succeeds();
    assert!(!host.scene.host.remote_root().join("digits").exists());
}

#[test]
fn the_process_that_podman_keeps_is_no_part_of_a_job() {
    let Some(host) = Rootless::new() else { return };
    let cube = host.cube("echo started; sleep 1000");
    let (document, newest) = (host.scene.configured(&cube, &[]), host.scene.document(&cube, &[]));
    host.pause_process().kill();
    // Now a new one is started by the job's engine.
    let run = host.scene.tool("mlcube-ssh-exec").arg("run");
    let run =
        run.env("TOKEN", "s3cret").reads_document(&document.with("/run/env", json!(["TOKEN"])));
    let mut running = run.start();
    running.says("started");
    let pause = host.pause_process().only().pid();
    host.tool(&["mlcube-ssh-exec", "stop", "--grace=1"], &newest).succeeds();
    running.wait().exits(143);
    assert_eq!(host.pause_process().only().pid(), pause, "it is the account's");
    let told = Processes::with_variable("TOKEN", "s3cret");
    assert!(told.is_empty(), "no process keeps the value: {told:?}");
    host.tool(&["mlcube-ssh-exec", "clean", "--yes=all"], &document).succeeds();
}
