//! Jobs of a real Slurm: submitted, pending, followed, stopped, ended by Slurm.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mlcube_ssh_harness::{
    Account, Docker, Document, Engine, HostOptions, Invocation, Outcome, Place, Python, Running,
    Scene, Slurm, Task, Tmpfs, eventually, eventually_within, repository,
};
use serde_json::{Value, json};

/// Says that it started, and goes on until the file `go` is beside the engine.
const WAITS: &str = "echo started; until [ -e \"$folder/go\" ]; do sleep 0.05; done; echo done";

/// A cluster, its login node, and a document whose files are there.
struct Cluster {
    // Ends before the scene.
    slurm: Slurm,
    scene: Scene,
    engine: Engine,
    document: Document,
}

impl Cluster {
    /// One whose engine does this line of sh for `run`, with more lines for its `slurm.conf`.
    fn new(line: &str, lines: &str, options: HostOptions) -> Option<Cluster> {
        let place = Place::new();
        let slurm = Slurm::start(&place, lines)?;
        let mut scene = Scene::at(place, slurm.login_node(options));
        let engine = Engine::installed_on(&scene.host, "docker");
        engine.runs(line);
        scene.set("/remote/docker", engine.program().to_str().unwrap());
        scene.set("/launcher", json!({"type": "slurm", "poll": 1}));
        let document = scene.document(&scene.cube("digits").task(&task()), &[]);
        let mut cluster = Cluster { slurm, scene, engine, document };
        cluster.document = cluster.pushed(&["--mlcube=digits"]);
        Some(cluster)
    }

    /// Another document, whose files are there.
    fn pushed(&self, words: &[&str]) -> Document {
        let config = self.scene.tool("mlcube-ssh-config").arg("--platform=gpu1").args(words);
        let document = config.run().succeeds().document();
        let push = self.scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run();
        push.succeeds().document()
    }

    fn exec(&self, words: &[&str]) -> Invocation {
        self.exec_for(&self.document, words)
    }

    fn exec_for(&self, document: &Document, words: &[&str]) -> Invocation {
        self.scene.tool("mlcube-ssh-exec").args(words).reads_document(document)
    }

    /// A job that has started its task.
    fn started(&self) -> Running {
        let mut running = self.exec(&["run"]).start();
        running.says("started\n");
        running
    }

    fn status(&self) -> Value {
        let asked = self.exec(&["status"]).run();
        serde_json::from_str(&asked.succeeds().is_silent().stdout).unwrap()
    }

    #[track_caller]
    fn is_told(&self, state: &str, why: &str) -> Value {
        let told = self.status();
        assert_eq!((&told["state"], &told["why"]), (&json!(state), &json!(why)), "{told}");
        told
    }

    fn go(&self) {
        fs::write(self.scene.host.bin().join("go"), "").unwrap();
    }

    fn stays(&self) {
        fs::remove_file(self.scene.host.bin().join("go")).unwrap();
    }

    /// The folders of the jobs.
    fn jobs(&self) -> Vec<PathBuf> {
        let jobs = self.scene.host.remote_root().join(".mlcube-ssh/digits/jobs");
        fs::read_dir(jobs).map_or(vec![], |jobs| jobs.map(|job| job.unwrap().path()).collect())
    }

    fn has_no_task(&self) {
        eventually("no task runs", || self.scene.jobs().is_empty());
    }
}

fn task() -> Task {
    Task::named("train").writes("model", "model/")
}

fn eventually_says(running: &Running, text: &str) {
    eventually(text, || running.stderr().contains(text));
}

fn is_ours(ended: &Outcome, words: &str) {
    ended.exits(125).says("Slurm ended job").says(words);
    assert_eq!(ended.document().at("/failed/kind"), "ours");
}

/// What an account may have set for Slurm's programs. It neither changes a job of ours nor hides it.
const OF_THE_ACCOUNT: [(&str, &str); 10] = [
    ("SBATCH_ARRAY_INX", "1-3"),
    ("SBATCH_INPUT", "/nowhere"),
    ("SBATCH_JOB_NAME", "mine"),
    ("SBATCH_OUTPUT", "/nowhere/log"),
    ("SBATCH_WAIT", "1"),
    ("SQUEUE_FORMAT2", "jobid"),
    ("SQUEUE_STATES", "COMPLETED"),
    ("SQUEUE_USERS", "nobody"),
    ("SCANCEL_INTERACTIVE", "1"),
    ("SLURM_TIME_FORMAT", "relative"),
];

#[test]
fn a_job_pends_runs_and_ends_as_on_a_single_host() {
    let options = OF_THE_ACCOUNT
        .iter()
        .fold(HostOptions::default().without("sacct"), |options, (name, value)| {
            options.variable(name, value)
        });
    let line = "echo one; echo two; exit 7";
    let Some(mut cluster) = Cluster::new(line, "", options) else { return };
    let greets = "echo 2026; echo 'Welcome to the cluster' >&2; /usr/bin/sbatch \"$@\" && echo 2027 && echo Bye >&2";
    cluster.scene.host.has_program("sbatch", greets);
    let ran = cluster.exec(&["run"]).run();
    cluster.scene.host.loses_program("sbatch");
    ran.exits(7).says("one\ntwo\n").says("ended with status 7");
    assert_eq!(ran.document().at("/failed/kind"), "task");
    assert_eq!(ran.document().at("/steps/exec/slurm"), 1);
    let told = cluster.status();
    assert_eq!(
        (&told["state"], &told["status"], &told["slurm"]),
        (&json!("finished"), &json!(7), &json!(1))
    );
    let record = fs::read_to_string(cluster.jobs()[0].join("job.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&record).unwrap()["slurm"], 1);
    cluster.engine.runs("kill -9 $$");
    cluster.exec(&["run"]).run().exits(137);
    assert_eq!(cluster.slurm.states(), ["FAILED", "FAILED"], "Slurm's users see it, too");
    // Pending: its reason is told, it holds the workspace, and Ctrl-C cancels it.
    cluster.slurm.drains(true);
    cluster.engine.runs(WAITS);
    let waiting = cluster.exec(&["run"]).start();
    eventually_says(&waiting, "pending (job 3): ");
    let told = cluster.status();
    assert_eq!((&told["state"], &told["slurm"]), (&json!("pending"), &json!(3)), "{told}");
    cluster.exec(&["run"]).run().exits(125).says("it hasn't started yet");
    let mut records = cluster.jobs();
    records.sort();
    let record = fs::read_to_string(records[2].join("job.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&record).unwrap()["slurm"], 3);
    let listed = cluster.exec(&["list"]).run().succeeds().stdout.clone();
    assert!(listed.lines().nth(1).unwrap().contains("  pending "), "{listed}");
    cluster.exec(&["clean", "--yes=jobs"]).run().exits(125).says("is in use by job");
    let followed = cluster.exec(&["logs", "-f"]).start();
    eventually_says(&followed, "pending (job 3): ");
    let mut next = cluster.exec(&["run", "--wait"]).start();
    next.says("waiting: the workspace on");
    waiting.ctrl_c();
    waiting.wait().exits(130).says("with all its processes and containers");
    followed.wait().succeeds();
    // A second Ctrl-C returns at once, whatever the cancellation takes.
    next.says("pending (job 4): ");
    let host = &cluster.scene.host;
    let waits =
        "until [ -e \"${0%/*}/cancels\" ]; do sleep 0.05; done; exec /usr/bin/scancel \"$@\"";
    host.has_program("scancel", waits);
    next.ctrl_c();
    next.says("another Ctrl-C returns at once");
    next.ctrl_c();
    next.wait().exits(130).says("may still run");
    fs::write(host.bin().join("cancels"), "").unwrap();
    cluster.exec(&["stop"]).run().succeeds();
    host.loses_program("scancel");
    assert_eq!(cluster.status()["state"], "killed");
    // The same while it is being submitted.
    host.has_program(
        "sbatch",
        "touch \"${0%/*}/submitting\"; sleep 1; exec /usr/bin/sbatch \"$@\"",
    );
    let starting = cluster.exec(&["run"]).start();
    eventually("it is being submitted", || host.bin().join("submitting").exists());
    starting.ctrl_c();
    starting.wait().exits(130).says("with all its processes and containers");
    host.loses_program("sbatch");
    // Pending, then running, then stopped.
    let mut running = cluster.exec(&["run"]).start();
    eventually_says(&running, "pending (job 6): ");
    cluster.slurm.drains(false);
    running.says("started\n");
    let told = cluster.status();
    assert_eq!(told["state"], "running");
    assert!(told["time_left"].is_string(), "{told}");
    running.ctrl_c();
    running.wait().exits(130).says("with all its processes and containers");
    assert_eq!(cluster.slurm.states()[2..], ["CANCELLED"; 4]);
    cluster.has_no_task();
    cluster.engine.runs("echo fine");
    cluster.exec(&["run"]).run().succeeds().says("fine");
    // At a terminal the line is redrawn, and makes room for the log.
    cluster.slurm.drains(true);
    fs::write(cluster.scene.home().join("run.json"), cluster.document.to_string()).unwrap();
    let line = "mlcube-ssh-exec run --input run.json --output ran.json";
    let waiting = cluster.scene.sh_at_a_terminal(line).start();
    eventually("it is drawn", || waiting.stdout().contains("\rpending (job 8)"));
    cluster.slurm.drains(false);
    let shown = waiting.wait().succeeds().stdout.clone();
    assert!(shown.contains("\r\u{1b}[Kfine"), "{shown:?}");
    // Without the launcher the login node looks like one, which is told once.
    cluster.scene.set("/launcher", Value::Null);
    cluster.document = cluster.pushed(&["--mlcube=digits"]);
    cluster.exec(&["run"]).run().succeeds().says("looks like a login node of Slurm");
    cluster.exec(&["run"]).run().succeeds().never_says("login node");
    assert_eq!(cluster.slurm.states().len(), 8);
}

#[test]
fn what_slurm_ends_is_told_in_its_words() {
    let lines = "EnforcePartLimits=ALL\nPreemptType=preempt/partition_prio\nPreemptMode=CANCEL\n\
                 PartitionName=high Nodes=ALL PriorityTier=10 MaxTime=60 State=UP";
    let Some(cluster) = Cluster::new(WAITS, lines, HostOptions::default()) else { return };
    let scene = &cluster.scene;
    // Needs the whole node, which another job uses, and would start too late for its deadline.
    let options = ["--exclusive", "--time=1", "--deadline=now+64"];
    let options = options.map(|option| format!("--launcher-arg={option}"));
    let mut words = vec!["--mlcube=digits"];
    words.extend(options.iter().map(String::as_str));
    let late = cluster.pushed(&words);
    // The shortest limit is a minute. The others run meanwhile.
    fs::create_dir(scene.home().join("slow")).unwrap();
    let options = ["--partition=high", "--time=5", "--time=0:01"];
    let options = options.map(|option| format!("--launcher-arg={option}"));
    let mut words = vec!["--mlcube=digits", "--workspace=slow"];
    words.extend(options.iter().map(String::as_str));
    let slow = cluster.pushed(&words);
    let mut slow = cluster.exec_for(&slow, &["run"]).start();
    slow.says("started\n");
    is_ours(
        &cluster.exec_for(&late, &["run"]).run(),
        "DEADLINE, it couldn't end before its deadline",
    );
    // Taken, and never to be started.
    let huge = cluster.pushed(&["--mlcube=digits", "--launcher-arg=--mem=99G"]);
    is_ours(
        &cluster.exec_for(&huge, &["run"]).run(),
        "BadConstraints, no node can ever give what it asks for",
    );
    cluster.is_told("killed", "BadConstraints");
    // Refused: nothing is left behind.
    let before = cluster.jobs();
    for (argument, cause) in [("--partition=nowhere", "partition"), ("--prtition=x", "prtition=x")]
    {
        let argument = format!("--launcher-arg={argument}");
        let elsewhere = cluster.pushed(&["--mlcube=digits", &argument]);
        let refused = cluster.exec_for(&elsewhere, &["run"]).run();
        refused.exits(125).complains(&["Slurm on 'there' refuses the job", cause]);
        assert_eq!(cluster.jobs(), before);
    }
    // Cancelled from outside. The accounting, which needs a database, is staged: it knows by whom, after a while.
    let sacct = "state='CANCELLED by 0'; [ -e \"${0%/*}/told\" ] || state=RUNNING; : >\"${0%/*}/told\"; \
                 echo \"$state|node|$(/usr/bin/squeue --noheader --states=all --jobs=4 --format=%j)\"";
    scene.host.has_program("sacct", sacct);
    let running = cluster.started();
    cluster.slurm.says(&["scancel", "4"]);
    is_ours(&running.wait(), "CANCELLED, 'root' cancelled it");
    cluster.is_told("killed", "CANCELLED");
    scene.host.loses_program("sacct");
    // A job with a higher priority takes its place.
    let large = cluster.pushed(&["--mlcube=digits", "--launcher-arg=--mem=7000"]);
    let mut running = cluster.exec_for(&large, &["run"]).start();
    running.says("started\n");
    cluster.slurm.says(&["srun", "--partition=high", "--mem=2000", "true"]);
    is_ours(&running.wait(), "PREEMPTED");
    // More memory than it asked for: Slurm's daemon on the node says so in the log.
    let hungry = cluster.pushed(&["--mlcube=digits", "--launcher-arg=--mem=400"]);
    cluster.engine.runs("exec python3 -c 'x = bytearray(900 << 20); import time; time.sleep(60)'");
    is_ours(&cluster.exec_for(&hungry, &["run"]).run(), "OUT_OF_MEMORY");
    cluster.is_told("killed", "OUT_OF_MEMORY");
    // What this machine can't show is staged by Slurm's word: a job that a cgroup ended, and a node that doesn't start.
    cluster.engine.runs("kill -9 $$");
    for state in ["OUT_OF_MEMORY", "BOOT_FAIL"] {
        let line = format!("/usr/bin/scontrol \"$@\" | sed s/JobState=FAILED/JobState={state}/");
        scene.host.has_program("scontrol", &line);
        is_ours(&cluster.exec(&["run"]).run(), state);
        scene.host.loses_program("scontrol");
        cluster.is_told("killed", state);
    }
    // The limit is a minute, Slurm looks every half a minute, and all the above may have taken no time.
    let limit = Duration::from_secs(120);
    eventually_within(limit, "its time is over", || cluster.slurm.states()[0] == "TIMEOUT");
    eventually("it is told", || slow.has_ended());
    let timeout = slow.wait();
    is_ours(&timeout, "TIMEOUT, it reached its time limit");
    timeout.says("--launcher-arg=--time");
    cluster.has_no_task();
    // A node that fails: what runs on it is out of reach.
    cluster.engine.runs(WAITS);
    let running = cluster.started();
    cluster.slurm.node_is("state=down");
    is_ours(&running.wait(), "NODE_FAIL");
}

#[test]
fn a_job_outlives_its_connections_its_controller_and_its_login_node() {
    let Some(mut cluster) = Cluster::new(WAITS, "", HostOptions::default()) else { return };
    // The link is cut while it is pending, and while it runs.
    cluster.slurm.drains(true);
    let mut running = cluster.exec(&["run"]).start();
    eventually_says(&running, "pending (job 1): ");
    cluster.scene.host.sshd.connections().kill();
    eventually_says(&running, "reconnecting");
    cluster.slurm.drains(false);
    running.says("started\n");
    cluster.scene.host.sshd.connections().kill();
    // Without the controller nothing is said of a job but that it isn't known.
    cluster.slurm.controller_stops();
    let since = Instant::now();
    running.says("is followed by its log alone");
    let asked = cluster.exec(&["status"]).run();
    asked.exits(125).complains(&["can't find out the state of a job on 'there': Slurm: "]);
    let stopped = cluster.exec(&["stop"]).run();
    stopped.exits(125).complains(&["Slurm on 'there' failed"]);
    eventually("it was away for 30 seconds", || since.elapsed() > Duration::from_secs(30));
    cluster.slurm.controller_starts();
    assert_eq!(cluster.status()["state"], "running");
    cluster.go();
    running.wait().succeeds().says("done\n");
    cluster.stays();
    // sbatch submits, and with its session is killed before it tells the number.
    let host = &cluster.scene.host;
    let dies = "at=$PPID; for _ in 1 2; do at=$(cut -d ' ' -f 4 /proc/$at/stat); all=\"$all $at\"; done; kill -9 $all";
    host.has_program("sbatch", &format!("/usr/bin/sbatch \"$@\" >/dev/null; {dies}"));
    let cut = cluster.exec(&["run", "--detach", "--reconnect-timeout=1"]).run();
    assert_ne!(cut.status, 0, "{cut:?}");
    host.loses_program("sbatch");
    assert_eq!(cluster.status()["slurm"], json!(2));
    // Requeued: Slurm would wait two minutes before it starts it again.
    let mut attached = cluster.exec(&["attach"]).start();
    attached.says("started\n");
    cluster.slurm.says(&["scontrol", "update", "jobid=2", "requeue=1"]);
    cluster.slurm.says(&["scontrol", "requeue", "2"]);
    eventually("it is requeued", || cluster.slurm.states()[1] == "PENDING");
    cluster.slurm.says(&["scontrol", "update", "jobid=2", "starttime=now"]);
    eventually_says(&attached, "Slurm started this job again");
    cluster.go();
    attached.wait().succeeds().says("done\n");
    cluster.stays();
    assert_eq!(cluster.slurm.states().len(), 2);
    // Another login node, on which every process is killed that is older than two seconds.
    let detached = cluster.exec(&["run", "--detach"]).run().succeeds().document();
    let other = cluster.scene.host.another_node("login2");
    cluster.scene.masters().kill();
    cluster.scene.reaches_port(other.port(), "StrictHostKeyChecking no");
    let exec = |words: &[&str]| cluster.exec_for(&detached, words);
    let followed = exec(&["logs", "-f"]).start();
    eventually("the log comes", || followed.stdout() == "started\n");
    let mut reaped = 0;
    eventually("three sessions are reaped", || {
        reaped += other.in_its_system(REAPER).lines().count();
        reaped >= 6
    });
    let told: Value = serde_json::from_str(&exec(&["status"]).run().succeeds().stdout).unwrap();
    assert_eq!(told["state"], "running");
    cluster.go();
    assert_eq!(followed.wait().succeeds().stdout, "started\ndone\n");
    cluster.stays();
    // The client is killed between the submission and the reply.
    let host = &cluster.scene.host;
    let slow = "touch \"${0%/*}/submitting\"; until [ -e \"${0%/*}/submits\" ]; do sleep 0.05; done; \
                exec /usr/bin/sbatch \"$@\"";
    host.has_program("sbatch", slow);
    let killed = cluster.exec(&["run"]).start();
    eventually("it is being submitted", || host.bin().join("submitting").exists());
    killed.kill_all();
    fs::write(host.bin().join("submits"), "").unwrap();
    eventually("it runs", || cluster.slurm.states().get(3).is_some_and(|state| state == "RUNNING"));
    host.loses_program("sbatch");
    let mut attached = cluster.exec(&["attach"]).start();
    attached.says("started\n");
    let stopped = cluster.exec(&["stop"]).run();
    assert!(stopped.succeeds().stdout.contains("killed"), "{stopped:?}");
    attached.wait().exits(143).says("a stop ended");
    assert_eq!(cluster.slurm.states()[3..], ["CANCELLED"]);
    // A cluster that lost its memory: the job is lost, and its workspace free. Slurm gives numbers again: one is another
    // job's now.
    let vanished = cluster.started();
    cluster.slurm.controller_stops();
    cluster.slurm.controller_starts_anew();
    vanished.wait().exits(255).says("is lost: Slurm runs no job 5, and it left no status");
    let running = cluster.started();
    let number = cluster.status()["slurm"].to_string();
    let mut jobs = cluster.jobs();
    jobs.sort();
    let lost = &jobs[jobs.len() - 2];
    fs::write(lost.join("number"), number + "\n").unwrap();
    fs::write(lost.join("secrets"), "TOKEN='s3cret'\n").unwrap();
    let secrets = lost.join("secrets");
    let lost = lost.file_name().unwrap().to_str().unwrap();
    let told: Value = serde_json::from_str(
        &cluster.exec(&["status", &format!("--job={lost}")]).run().succeeds().stdout,
    )
    .unwrap();
    assert_eq!(told["state"], "lost");
    assert!(!secrets.exists(), "nobody reads it any more");
    cluster.go();
    running.wait().succeeds();
}

#[test]
fn what_a_node_lacks_is_told_with_its_name() {
    let Some(mut cluster) = Cluster::new(WAITS, "", HostOptions::default()) else { return };
    // The disk shows the rest of the log late.
    let late = "size=$(/usr/bin/wc \"$@\") || exit; if [ -e \"${0%/*}/late\" ] && [ \"$1\" = -c ]; then \
                echo asked >>\"${0%/*}/asked\"; [ \"$size\" -le 8 ] || size=8; fi; echo \"$size\"";
    let bin = cluster.scene.host.bin();
    cluster.scene.host.has_program("wc", late);
    fs::write(bin.join("late"), "").unwrap();
    let mut running = cluster.started();
    cluster.go();
    eventually("it has ended", || cluster.slurm.states() == ["COMPLETED"]);
    fs::write(bin.join("asked"), "").unwrap();
    let asked = || fs::read_to_string(bin.join("asked")).unwrap().lines().count();
    eventually("the rest is waited for", || asked() > 2 || running.has_ended());
    fs::remove_file(bin.join("late")).unwrap();
    running.wait().succeeds().says("started\ndone\n");
    cluster.scene.host.loses_program("wc");
    // The node has a disk of its own in the place of each of these.
    let node = cluster.slurm.says(&["uname", "-n"]).trim().to_owned();
    let place = cluster.scene.place();
    let (no_folder, no_file) = (place.folder("empty"), place.path().join("nothing"));
    fs::write(&no_file, "").unwrap();
    fs::create_dir(cluster.scene.home().join("elsewhere")).unwrap();
    let elsewhere = cluster.pushed(&["--mlcube=digits", "--workspace=elsewhere"]);
    let workspace = PathBuf::from(elsewhere.at("/remote/workspace").as_str().unwrap());
    let root = cluster.scene.host.remote_root();
    for (path, instead, words) in [
        (cluster.engine.program(), &no_file, "it has no '"),
        (Python::with_mlcube(), &no_file, "isn't there, or can't run"),
        (root.join("digits"), &no_folder, "mlcube.yaml' isn't there"),
        (workspace.parent().unwrap().to_owned(), &no_folder, "' isn't there"),
    ] {
        cluster.slurm.node_sees(instead, &path);
        let refused = cluster.exec_for(&elsewhere, &["run"]).run();
        cluster.slurm.node_sees_again(&path);
        refused.exits(125).says(words).says("hint: ");
        refused.says(&format!("the job can't run on the node '{node}' of 'there': "));
    }
    // The job's own folder isn't there, or can't be written: Slurm's daemon starts nothing.
    for is_there in [false, true] {
        if is_there {
            cluster.slurm.node_cannot_write(&root);
        } else {
            cluster.slurm.node_sees(&no_folder, &root);
        }
        let refused = cluster.exec_for(&elsewhere, &["run"]).run();
        cluster.slurm.node_sees_again(&root);
        let state = root.join(".mlcube-ssh/digits");
        let words =
            format!("the node '{node}' has no folder '{}', or can't write in it", state.display());
        refused.exits(125).says(&words).says("hint: set runner.remote_root");
        let told = cluster.exec_for(&elsewhere, &["status"]).run().succeeds().stdout.clone();
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!((&told["state"], &told["why"]), (&json!("lost"), &json!("unshared")), "{told}");
        assert_eq!((&told["host"], &told["started"]), (&json!(node), &Value::Null), "{told}");
    }
    // Without the image it goes on.
    fs::copy(cluster.engine.program(), bin.join("engine")).unwrap();
    let lacks = "case $1 in image) exit 1 ;; esac; exec \"${0%/*}/engine\" \"$@\"";
    cluster.scene.host.has_program("lacks", lacks);
    cluster.slurm.node_sees(&bin.join("lacks"), &cluster.engine.program());
    let ran = cluster.exec(&["run"]).run();
    cluster.slurm.node_sees_again(&cluster.engine.program());
    ran.succeeds().says(&format!("the node {node} has no image mlcube-ssh/test:0.0.1"));
    // Nor can it be pulled there: what the job itself notes is no cause.
    let silent =
        "case $1 in image | inspect | pull | build) exit 1 ;; esac; exec \"${0%/*}/engine\" \"$@\"";
    cluster.scene.host.has_program("lacks", silent);
    cluster.slurm.node_sees(&bin.join("lacks"), &cluster.engine.program());
    let failed = cluster.exec(&["run"]).run();
    cluster.slurm.node_sees_again(&cluster.engine.program());
    let message = failed.exits(125).document().at("/failed/message").to_string();
    assert!(!message.contains("has no image"), "{message}");
    cluster.scene.set("/setup", "sh -c 'test -z \"$SLURM_JOB_ID\"'");
    cluster.document = cluster.pushed(&["--mlcube=digits"]);
    let refused = cluster.exec(&["run"]).run();
    refused.exits(125).says(&format!("the job can't run on the node '{node}'")).says("setup");
}

#[test]
fn the_time_that_a_job_waits_is_not_its_own() {
    let Some(cluster) = Cluster::new(WAITS, "", HostOptions::default()) else { return };
    cluster.slurm.drains(true);
    let mut running = cluster.exec(&["run"]).start();
    eventually_says(&running, "pending (job 1): ");
    let told = cluster.status();
    assert_eq!((&told["started"], &told["seconds"]), (&Value::Null, &Value::Null), "{told}");
    assert!(told["submitted"].is_u64(), "{told}");
    // It was submitted long ago.
    let job = cluster.jobs().pop().unwrap();
    for noted in ["started", "submitted"] {
        let text = fs::read_to_string(job.join(noted)).unwrap();
        let seconds = text.lines().last().unwrap();
        fs::write(job.join(noted), text.replace(seconds, "1000000000")).unwrap();
    }
    let listed = cluster.exec(&["list"]).run().succeeds().stdout.clone();
    assert!(listed.contains("2001-09-09"), "since when it waits: {listed}");
    cluster.exec(&["run"]).run().exits(125).says("submitted from").says("2001-09-09");
    cluster.slurm.drains(false);
    running.says("started\n");
    let told = cluster.status();
    assert_eq!(told["submitted"], 1_000_000_000);
    assert!(told["started"].as_u64() > Some(1_700_000_000), "{told}");
    assert!(told["seconds"].as_u64() < Some(1_000_000), "{told}");
    cluster.go();
    let ran = running.wait().succeeds().document();
    assert!(ran.at("/steps/exec/job_seconds").as_u64() < Some(1_000_000), "{ran}");
    let told = cluster.status();
    assert!(told["seconds"].as_u64() < Some(1_000_000), "{told}");
    let record = fs::read_to_string(job.join("job.json")).unwrap();
    let record: Value = serde_json::from_str(&record).unwrap();
    assert!(record["started"].as_u64() > Some(1_700_000_000), "{record}");
}

#[test]
fn a_pending_job_is_cancelled_on_a_full_disk() {
    let Some(cluster) = Cluster::new(WAITS, "", HostOptions::default()) else { return };
    let jobs = cluster.scene.host.remote_root().join(".mlcube-ssh/digits/jobs");
    let Some(_disk) = Tmpfs::mount(&jobs, "1m") else { return };
    cluster.slurm.drains(true);
    for by_ctrl_c in [true, false] {
        let waiting = cluster.exec(&["run"]).start();
        eventually_says(&waiting, "pending (job ");
        fill(&jobs.join("filler"));
        if by_ctrl_c {
            waiting.ctrl_c();
            waiting.wait().exits(130).says("with all its processes and containers");
        } else {
            let stopped = cluster.exec(&["stop"]).run();
            assert!(stopped.succeeds().stdout.contains("killed"), "{stopped:?}");
            waiting.wait().exits(143);
        }
        fs::remove_file(jobs.join("filler")).unwrap();
        let told = cluster.status();
        assert_eq!((&told["state"], &told["started"]), (&json!("killed"), &Value::Null), "{told}");
    }
    assert_eq!(cluster.slurm.states(), ["CANCELLED"; 2]);
}

#[test]
fn what_a_job_waits_for_is_told_as_slurm_writes_it() {
    let Some(cluster) = Cluster::new(WAITS, "", HostOptions::default()) else { return };
    // What Slurm's programs read isn't for the task.
    for name in ["PATH", "SLURM_CONF"] {
        let document = cluster.pushed(&["--mlcube=digits", &format!("--env={name}")]);
        let refused = cluster.exec_for(&document, &["run"]).env("SLURM_CONF", "/x").run();
        refused.exits(125).complains(&[&format!("a variable '{name}'"), "'slurm' read it"]);
    }
    cluster.slurm.drains(true);
    let waiting = cluster.exec(&["run"]).start();
    let reason = "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions";
    eventually_says(&waiting, &format!("pending (job 1): {reason}"));
    assert_eq!(cluster.is_told("pending", reason)["host"], "-");
    let listed = cluster.exec(&["list"]).run().succeeds().stdout.clone();
    assert!(listed.ends_with(&format!("  {reason}\n")), "{listed}");
    let held = cluster.exec(&["clean"]).run().succeeds().stdout.clone();
    assert!(held.contains(" (pending)"), "{held}");
    // A follower of its log learns how it ended.
    let followed = cluster.exec(&["logs", "-f"]).start();
    eventually_says(&followed, "pending (job 1)");
    waiting.ctrl_c();
    waiting.wait().exits(130);
    let words = "was stopped before its task began; it wrote no output";
    followed.wait().succeeds().says(words);
    cluster.exec(&["logs", "-f"]).run().succeeds().says(words);
    let detached = cluster.exec(&["run", "--detach"]).run();
    detached.succeeds();
    cluster.slurm.says(&["scancel", "2"]);
    let words = "was ended by its batch system (CANCELLED); it wrote no output";
    cluster.exec(&["logs", "-f"]).run().succeeds().says(words);
    // Requeued, it waits again, and has run before.
    cluster.slurm.drains(false);
    let mut running = cluster.started();
    cluster.slurm.says(&["scontrol", "update", "jobid=3", "requeue=1"]);
    cluster.slurm.says(&["scontrol", "requeue", "3"]);
    eventually_says(&running, "requeued, pending again (job 3): BeginTime");
    let told = cluster.is_told("pending", "BeginTime");
    assert_eq!((&told["requeued"], &told["started"]), (&json!(true), &Value::Null), "{told}");
    let refused = cluster.exec(&["run"]).run();
    refused.exits(125).says("it was requeued, and hasn't started again");
    let listed = cluster.exec(&["list"]).run().succeeds().stdout.clone();
    assert!(listed.lines().nth(1).unwrap().ends_with("  requeued: BeginTime"), "{listed}");
    cluster.slurm.says(&["scontrol", "update", "jobid=3", "starttime=now"]);
    running.says("Slurm started this job again");
    running.says("started\n");
    // Slurm's own limit is shorter than this grace.
    let stopped = cluster.exec(&["stop", "--grace=60"]).run();
    stopped.succeeds().says(
        "kills a job 30 seconds after its TERM (KillWait), so it gets 20 seconds to end, not 60",
    );
    running.wait().exits(143);
}

#[test]
fn a_container_that_outlives_its_job_is_told_and_ended() {
    let place = Place::new();
    let Some(account) = Account::with_shell(&place.folder("homes"), "sh") else { return };
    let Some(slurm) = Slurm::start(&place, "") else { return };
    let options = slurm.login_node(HostOptions::default().account(&account));
    let mut scene = Scene::at(place, options);
    fs::create_dir_all(scene.host.remote_root()).unwrap();
    account.owns(&scene.host.remote_root());
    // Its daemon keeps the container, which so isn't among the processes of the job.
    let Some(docker) = Docker::of(&mut scene, &account) else { return };
    scene.set("/launcher", json!({"type": "slurm", "poll": 1, "configure": "slurm"}));
    let body = "echo started; while :; do sleep 0.1; done";
    let cube =
        scene.cube("digits").task(&Task::named("train").writes("model", "model/").does(body));
    let document = scene.configured(&cube, &[]);
    let exec = |words: &[&str]| scene.tool("mlcube-ssh-exec").args(words).reads_document(&document);
    let killed = |number: &str| {
        let mut running = exec(&["run"]).start();
        running.says("started\n");
        slurm.kills(number);
        let ended = running.wait();
        ended.exits(255).says("its container may still run on the node '");
        assert_eq!(docker.containers().len(), 1);
        ended.document()
    };
    let ended = killed("2");
    scene.tool("mlcube-ssh-exec").arg("stop").reads_document(&ended).run().succeeds();
    assert_eq!(docker.containers(), [""; 0]);
    let _ended = killed("3");
    let mut next = exec(&["run"]).start();
    next.says("started\n");
    assert_eq!(docker.containers().len(), 1, "that of the new job alone");
    next.ctrl_c();
    next.wait().exits(130).says("with all its processes and containers");
    assert_eq!(docker.containers(), [""; 0]);
    // Before the place in which its files are.
    drop(slurm);
}

/// Takes all the room there is.
fn fill(file: &Path) {
    for size in [1 << 20, 1 << 12, 1 << 6, 1] {
        let mut content = fs::read(file).unwrap_or_default();
        content.extend(vec![b'x'; size]);
        // What doesn't fit is the point.
        let _full = fs::write(file, content);
    }
}

/// Kills what runs on a login node for more than two seconds, except its server, and names it.
const REAPER: &str = r#"
read -r up _ </proc/uptime
for stat in /proc/[0-9]*/stat; do
  pid=${stat#/proc/} pid=${pid%/stat}
  fields=$(sed 's/.*) //' "$stat") || continue
  age=$((${up%.*} - $(printf '%s' "$fields" | cut -d ' ' -f 20) / 100))
  case $(tr '\0' ' ' <"/proc/$pid/cmdline") in *'[listener]'* | '') continue ;; esac
  if [ "$age" -ge 2 ] && [ "$pid" != 1 ] && kill -KILL "$pid"; then echo "$pid"; fi
done"#;

#[test]
fn four_cubes_of_make_share_the_gpus_of_a_node_from_a_private_home() {
    let place = Place::new();
    let Some(account) = Account::with_shell(&place.folder("homes"), "sh") else { return };
    fs::set_permissions(account.home(), fs::Permissions::from_mode(0o700)).unwrap();
    let Some(slurm) = Slurm::start(&place, "") else { return };
    let options = slurm.login_node(HostOptions::default().account(&account));
    let mut scene = Scene::at(place, options);
    let engine = Engine::installed_on(&scene.host, "docker");
    // Goes on when two run at the same time, each with a GPU of its own.
    engine.runs(
        "echo on >\"$folder/on.$SLURM_JOB_GPUS\"; until [ -e \"$folder/on.0\" ] && [ -e \"$folder/on.1\" ]; do sleep 0.05; done; echo \"$FROM_SETUP of $FROM_SETTINGS\"",
    );
    account.owns(&scene.host.bin());
    let launcher =
        json!({"type": "slurm", "poll": 1, "configure": "slurm", "args": ["--gres=gpu:1"]});
    scene.set("/launcher", launcher);
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    scene.set("/remote_root", "cubes");
    scene.set("/environment", json!({"FROM_SETTINGS": "settings"}));
    scene.set("/setup", "FROM_SETUP=setup; export FROM_SETUP");
    let cubes = ["a", "b", "c", "d"];
    for name in cubes {
        let _made = scene.cube(name).task(&task());
    }
    let rules = repository().join("scripts/mlcube-ssh.mk");
    let words = "MLCUBE_PLATFORM=gpu1 MLCUBE_ARGS=--gpus=1 mlcube-run";
    let makefile = format!(
        "all: a b c d\n.PHONY: a b c d\na b c d:\n\t$(MAKE) -f {} MLCUBE=$@ {words}\n",
        rules.display()
    );
    fs::write(scene.home().join("Makefile"), makefile).unwrap();
    let mut making = scene.sh("exec make -j4 all").start();
    for count in 1..=8 {
        let is_over =
            || slurm.states().iter().filter(|state| *state == "COMPLETED").count() >= count;
        eventually("the next job is over", || is_over() || making.has_ended());
    }
    eventually("make has ended", || making.has_ended());
    let made = making.wait();
    made.succeeds();
    // make's step has the log of the job on its standard output.
    assert_eq!(made.stdout.matches("setup of settings").count(), 4, "{made:?}");
    eventually("Slurm has seen their ends", || slurm.states() == ["COMPLETED"; 8]);
    let mut given: Vec<String> =
        engine.calls().into_iter().flatten().filter(|word| word.starts_with("--gpus=")).collect();
    given.sort();
    given.dedup();
    assert_eq!(given, ["--gpus=\"device=0\"", "--gpus=\"device=1\""]);
    // One question to Slurm for all jobs that are asked about.
    scene.host.has_program("squeue", "echo asked >>\"${0%/*}/asked\"; exec /usr/bin/squeue \"$@\"");
    account.owns(&scene.host.bin());
    let document = scene.document(&scene.cube("a").task(&task()), &[]);
    slurm.drains(true);
    fs::create_dir(scene.home().join("more")).unwrap();
    let more = scene.document(&scene.cube("a").task(&task()), &["--workspace=more"]);
    for document in [&document, &more] {
        let exec = scene.tool("mlcube-ssh-exec").args(["run", "--detach"]);
        exec.reads_document(document).run().succeeds();
    }
    let asked = scene.host.bin().join("asked");
    fs::write(&asked, "").unwrap();
    let all =
        scene.tool("mlcube-ssh-exec").args(["status", "--all"]).reads_document(&document).run();
    assert_eq!(all.succeeds().stdout.matches("\"pending\"").count(), 2, "{all:?}");
    assert_eq!(fs::read_to_string(asked).unwrap(), "asked\n");
    // Before the place in which its files are.
    drop(slurm);
}

#[test]
fn a_real_container_is_configured_in_a_job_and_ended_with_one() {
    let place = Place::new();
    let Some(slurm) = Slurm::start(&place, "") else { return };
    let mut scene = Scene::at(place, slurm.login_node(HostOptions::default()));
    scene.set("/launcher", json!({"type": "slurm", "poll": 1, "configure": "slurm"}));
    let body = "echo \"token: $TOKEN\"; while :; do sleep 0.1; done";
    let task = Task::named("train").writes("model", "model/").does(body);
    let document = scene.configured(&scene.cube("digits").task(&task), &["--env=TOKEN"]);
    assert_eq!(document.at("/steps/exec/slurm"), 1);
    let run = scene.tool("mlcube-ssh-exec").arg("run").env("TOKEN", "it's s3cret");
    let mut running = run.reads_document(&document).start();
    running.says("token: it's s3cret\n");
    assert_eq!(scene.host.running_containers().len(), 1);
    // The value is in no file of Slurm's, nor in one of the job's but for its log.
    let found = scene.sh("! grep -rl --exclude=log \"s s3cret\" \"$SLURM\" \"$JOBS\"");
    let found = found.env("SLURM", scene.place().path().join("slurm"));
    found.env("JOBS", scene.host.remote_root().join(".mlcube-ssh")).run().succeeds();
    running.ctrl_c();
    running.wait().exits(130).says("with all its processes and containers");
    assert_eq!(slurm.states(), ["COMPLETED", "CANCELLED"]);
    assert_eq!(scene.host.containers(), [""; 0], "neither running nor stopped");
    // Before the place in which its files are.
    drop(slurm);
}
