//! Accounts that a host's PAM lets in only up to a point, or not at all: what the user is told. The host has a system
//! of its own.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use mlcube_ssh_harness::{
    Account, Document, Engine, HostOptions, Outcome, Place, Scene, Task, eventually,
};

/// A host with PAM in a system of its own, an account there, and the document of a cube.
fn with_an_account(options: HostOptions, shell: &str) -> Option<(Account, Scene, Document)> {
    let place = Place::new();
    let account = Account::with_shell(&place.folder("homes"), shell)?;
    let options = options.config("UsePAM yes").account(&account);
    let mut scene = Scene::at(place, options);
    scene.set("/remote_root", "cubes");
    let cube = scene.cube("digits").task(&Task::named("train").reads("data", "data.csv"));
    let document = scene.document(&cube.with_file("data.csv", "1,2\n"), &[]);
    Some((account, scene, document))
}

/// A push to an account after `line` was run as root on its host, with `$who` for the account.
fn push_after(line: &str) -> Option<Outcome> {
    let options = HostOptions::default().own_system("login1");
    let (account, scene, document) = with_an_account(options, "bash")?;
    scene.host.sshd.in_its_system(&format!("who={}; {line}", account.name()));
    let pushed = scene.push(&document, &["-q"]);
    assert_eq!(scene.host.sshd.log().matches("Connection from").count(), 1);
    Some(pushed)
}

/// The push was refused by the host, for which nobody blames the network.
fn is_refused(line: &str, words: &[&str]) {
    let Some(refused) = push_after(line) else { return };
    refused.exits(255).complains(words).complains(&["there", "`ssh there"]);
    refused.never_says("lost").never_says("same command");
}

#[test]
fn a_host_that_ends_the_connection_after_the_login_is_named() {
    // As a PAM module for the session does that fails.
    let options = HostOptions::default().own_system("login1").config("ChrootDirectory /nowhere");
    let Some((_account, scene, document)) = with_an_account(options, "bash") else { return };
    let refused = scene.push(&document, &["-q"]);
    refused
        .exits(255)
        .complains(&["the connection to 'there' ended right after the login", "sshd"]);
    refused.never_says("kex_exchange");
}

#[test]
fn a_password_that_has_expired() {
    is_refused(
        "chage -d 0 $who",
        &["ran no script", "Password change required but no TTY available", "a new password"],
    );
}

#[test]
fn a_host_that_lets_nobody_in() {
    is_refused(
        "printf 'Maintenance until noon.\\n\\n-- the admins\\n' >/etc/nologin",
        &[
            "closed the connection during the login",
            "the host says: Maintenance until noon. / -- the admins",
        ],
    );
}

#[test]
fn an_account_that_has_expired() {
    is_refused(
        "chage -E 2020-01-01 $who",
        &["closed the connection during the login", "the host says: Your account has expired"],
    );
}

#[test]
fn an_account_without_a_shell() {
    is_refused(
        "usermod -s /usr/sbin/nologin $who",
        &["ran no script", "This account is currently not available."],
    );
}

#[test]
fn an_account_that_is_logged_in_too_often() {
    is_refused(
        "echo $who hard maxlogins 0 >>/etc/security/limits.conf",
        &["ran no script", "There were too many logins"],
    );
}

/// The README's own line, with a real module system: a module `apptainer` sets a variable.
fn modules_are_loaded(package: &str, place: &str, unknown: &str) {
    let options = HostOptions::default().own_system_with(package);
    let Some((account, mut scene, _)) = with_an_account(options, "bash") else { return };
    let sshd = &scene.host.sshd;
    let module = format!("printf '#%%Module\\nsetenv LOADED by-{package}\\n' >{place}/apptainer");
    sshd.in_its_system(&format!("mkdir -p {place} && {module}"));
    let engine = Engine::installed_on(&scene.host, "docker");
    engine.runs("echo \"loaded $LOADED\"");
    account.owns(&scene.host.bin());
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    scene.set("/setup", "module load apptainer");
    let cube = scene.cube("digits").task(&Task::named("train"));
    let loads = scene.document(&cube, &[]);
    scene.set("/setup", "module load nothing");
    let fails = scene.document(&cube, &[]);
    for shell in ["dash", "zsh", "tcsh", "bash"] {
        let usermod = format!("usermod -s \"$(command -v {shell})\" {}", account.name());
        scene.host.sshd.in_its_system(&usermod);
        let list =
            |document| scene.tool("mlcube-ssh-exec").arg("list").reads_document(document).run();
        assert_eq!(list(&loads).succeeds().stderr, "mlcube-ssh-exec: no job on 'there'\n");
        list(&fails).exits(125).complains(&["'there'", "'setup'", "status 1", unknown]);
        scene.masters().kill();
    }
    scene.push(&loads, &["-q"]).succeeds().never_says("'setup' says");
    let ran = scene.tool("mlcube-ssh-exec").arg("run").reads_document(&loads).run();
    ran.succeeds().says(&format!("loaded by-{package}")).never_says("'setup' says");
    scene.set("/setup", "module load nothing; module load apptainer");
    scene.masters().kill();
    let document = scene.document(&cube, &[]);
    let run = || scene.tool("mlcube-ssh-exec").arg("run").reads_document(&document).run();
    let ran = run();
    ran.succeeds().says(&format!("loaded by-{package}")).says(unknown);
    assert_eq!(ran.stderr.matches("'setup' says on 'there': ").count(), 1, "{}", ran.stderr);
    run().succeeds().never_says("'setup' says");
}

#[test]
fn a_module_of_environment_modules() {
    let unknown = "ERROR: Unable to locate a modulefile for 'nothing'";
    modules_are_loaded("environment-modules", "/usr/share/modules/modulefiles", unknown);
}

#[test]
fn a_module_of_lmod() {
    let unknown = "unknown: / \"nothing\"";
    modules_are_loaded("lmod", "/usr/share/lmod/lmod/modulefiles", unknown);
}

/// A job's scene for an account that may start no more than so many processes ([`may_start`]).
fn with_a_job(does: &str) -> Option<(Account, Scene, Document)> {
    let options = HostOptions::default().own_system("login1");
    let (account, mut scene, _) = with_an_account(options, "bash")?;
    let engine = Engine::installed_on(&scene.host, "docker");
    engine.runs(does);
    account.owns(&scene.host.bin());
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    let cube = scene.cube("digits").task(&Task::named("train"));
    let document = scene.document(&cube, &[]);
    scene.push(&document, &["-q"]).succeeds();
    Some((account, scene, document))
}

/// From the next login on the account may have this many processes.
fn may_start(scene: &Scene, account: &Account, processes: usize) {
    let limits =
        format!("echo {} hard nproc {processes} >/etc/security/limits.conf", account.name());
    scene.host.sshd.in_its_system(&limits);
    scene.masters().kill();
    eventually("the login has ended", || {
        scene.host.sshd.connections().with(account.name()).is_empty()
    });
}

#[test]
fn a_job_that_can_not_be_looked_at_is_not_ended() {
    let Some((account, scene, document)) = with_a_job("sleep 300") else { return };
    scene.exec(&document, &["run", "--detach"]).succeeds();
    let is_running = || !scene.jobs().with("sleep 300").is_empty();
    eventually("the task runs", is_running);
    let processes = scene.jobs().iter().count();
    for more in [5, 8, 9, 10, 11, 40] {
        may_start(&scene, &account, processes + more);
        let stopped = scene.exec(&document, &["stop", "--grace=1"]);
        stopped.never_says("no job");
        if stopped.status == 0 {
            assert!(!is_running(), "with {more} more: {stopped}");
            return;
        }
    }
    panic!("40 processes are enough to end a job");
}

#[test]
fn a_task_that_no_process_is_left_for_has_not_failed() {
    let Some((account, scene, document)) = with_a_job("echo hello") else { return };
    for processes in [3, 4, 6, 7, 8, 9] {
        may_start(&scene, &account, processes);
        let before = scene.host.sshd.sessions();
        let ran = scene.exec(&document, &["run", "--output=ran.json"]);
        assert!(ran.status == 125 || ran.status == 255, "with {processes}: {ran}");
        ran.never_says("remote_root").never_says("task train on").says("hint: ");
        // "Cannot fork" is the end of a session, and no lost link: it isn't tried again and again.
        ran.never_says("lost").never_says("reconnect");
        // The start-up files are clean.
        ran.never_says("reads the script").never_says("start-up");
        assert!(scene.host.sshd.sessions() - before <= 3, "with {processes}: {ran}");
    }
    may_start(&scene, &account, 40);
    scene.exec(&document, &["run", "--output=ran.json"]).succeeds();
}

#[test]
fn a_new_group_counts_after_a_logout() {
    let options = HostOptions::default().own_system("login1");
    let Some((account, mut scene, _)) = with_an_account(options, "sh") else { return };
    scene.set("/setup", "id -nG >\"$HOME/groups\"");
    let document = scene.document(&scene.cube("groups").task(&Task::named("train")), &[]);
    let groups = || {
        scene.exec(&document, &["list"]).succeeds();
        std::fs::read_to_string(scene.host.home().join("groups")).unwrap()
    };
    assert!(!groups().contains("gpus"));
    scene.host.sshd.in_its_system(&format!("groupadd gpus && usermod -aG gpus {}", account.name()));
    assert!(!groups().contains("gpus"), "the connection that is open keeps the old groups");
    scene.exec(&document, &["logout"]).succeeds().says("closed the connection");
    assert!(groups().contains("gpus"));
}
