//! A cluster of one node, which is this machine.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::program::{am_root, command, must};
use crate::skip::skip;
use crate::wait::eventually;
use crate::{HostOptions, Place};

/// A real Slurm with its controller, one node and its authentication; ended on drop with its jobs.
#[derive(Debug)]
pub struct Slurm {
    folder: PathBuf,
    /// Munge, the controller, the node's daemon: they end in the opposite order.
    daemons: Vec<Child>,
    /// What `HEIR` reads.
    life: Option<ChildStdin>,
    heir: Child,
}

/// Ends what has the configuration in its environment, when its input ends: a test that is killed drops nothing, and
/// the daemons of Slurm and the jobs on its node have sessions of their own.
const HEIR: &str = r#"
cat >/dev/null
for _ in 1 2 3; do
  for environment in $(grep -lsF "SLURM_CONF=$1" /proc/[0-9]*/environ); do
    pid=${environment#/proc/} pid=${pid%/environ}
    [ "$pid" = $$ ] || kill -KILL "$pid" 2>/dev/null
  done
done"#;

impl Slurm {
    /// Starts one in this place, with more lines for its `slurm.conf`. Its node calls four processors, 8 GB and two
    /// GPUs its own, whatever this machine has. None unless root.
    pub fn start(place: &Place, lines: &str) -> Option<Slurm> {
        if !am_root() {
            skip("only root can start Slurm");
            return None;
        }
        let folder = place.folder("slurm");
        for name in ["state", "spool", "log", "munge"] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        // Munge insists on it, and the node's daemon.
        for (name, mode) in [("", 0o755), ("munge", 0o755), ("spool", 0o755)] {
            fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        fs::write(folder.join("munge/key"), [7; 1024]).unwrap();
        fs::set_permissions(folder.join("munge/key"), fs::Permissions::from_mode(0o400)).unwrap();
        // In a session of its own: whoever ends a test may end its process group.
        let mut heir = command("setsid");
        heir.args(["sh", "-c", HEIR, "heir"]).arg(folder.join("slurm.conf"));
        heir.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut heir = heir.spawn().unwrap();
        let life = heir.stdin.take();
        let mut slurm = Slurm { folder, daemons: Vec::new(), life, heir };
        slurm.write_configuration(lines);
        slurm.start_munge();
        slurm.start_controller("-D");
        slurm.start_node();
        slurm.eventually_is("idle");
        Some(slurm)
    }

    /// The options of a host that is its login node, beside others.
    pub fn login_node(&self, options: HostOptions) -> HostOptions {
        options.variable("SLURM_CONF", &self.configuration().display().to_string())
    }

    /// What a program of Slurm's prints.
    #[track_caller]
    pub fn says(&self, words: &[&str]) -> String {
        must(self.program(words[0]).args(&words[1..]))
    }

    /// Waits until its node is in this state (`idle`, `drained` …).
    pub fn eventually_is(&self, state: &str) {
        eventually(state, || {
            let told = self.program("sinfo").args(["--noheader", "--format=%T"]).output().unwrap();
            String::from_utf8_lossy(&told.stdout).trim() == state
        });
    }

    /// Lets its node take no further job, or take them again.
    pub fn drains(&self, drains: bool) {
        let state = if drains { "state=drain" } else { "state=resume" };
        self.node_is(state);
    }

    /// Changes its node, as an administrator does: `state=down`.
    pub fn node_is(&self, state: &str) {
        self.says(&["scontrol", "update", "nodename=ALL", state, "reason=test"]);
    }

    /// Ends its controller.
    pub fn controller_stops(&mut self) {
        end(&mut self.daemons.remove(1));
    }

    /// Starts it again, with the jobs that it knew.
    pub fn controller_starts(&mut self) {
        self.start_controller_with("-D");
    }

    /// Starts it again without its memory: as a cluster whose state was lost it knows no job, and counts from 1 again.
    pub fn controller_starts_anew(&mut self) {
        self.start_controller_with("-cD");
    }

    fn start_controller_with(&mut self, options: &str) {
        self.start_controller(options);
        let controller = self.daemons.pop().unwrap();
        self.daemons.insert(1, controller);
    }

    /// Kills all processes of a job at once, which end without a last word: as where a job has used up Slurm's patience.
    pub fn kills(&self, number: &str) {
        // One that the end of another has ended meanwhile is gone, as it should be.
        let lines = "set -- $(scontrol listpids \"$1\" | awk 'NR > 1 && $1 > 0 { print $1 }')
            [ $# != 0 ] || { echo \"the job has no process\" >&2; exit 1; }
            for process; do kill -KILL \"$process\" || [ ! -d \"/proc/$process\" ] || exit 1; done";
        must(self.program("sh").args(["-c", lines, "kill", number]));
    }

    /// From now on the jobs on its node see `instead` in the place of `path`, as on a disk of the node's own, until the
    /// node sees it again.
    pub fn node_sees(&self, instead: &Path, path: &Path) {
        let bind = [Path::new("--bind"), instead, path];
        must(self.in_node().arg("mount").args(bind));
    }

    /// From now on the jobs on its node can't write below `path`, until the node sees it again.
    pub fn node_cannot_write(&self, path: &Path) {
        self.node_sees(path, path);
        must(self.in_node().args(["mount", "-o", "remount,bind,ro"]).arg(path));
    }

    /// See [`Slurm::node_sees`].
    pub fn node_sees_again(&self, path: &Path) {
        must(self.in_node().arg("umount").arg(path));
    }

    fn in_node(&self) -> Command {
        let mut inside = command("nsenter");
        inside.arg(format!("--mount=/proc/{}/ns/mnt", self.daemons[2].id())).arg("--");
        inside
    }

    /// The state of each job that it remembers, the newest last.
    pub fn states(&self) -> Vec<String> {
        let told = self.says(&["squeue", "--noheader", "--states=all", "--sort=i", "--format=%T"]);
        told.lines().map(str::to_owned).collect()
    }

    fn configuration(&self) -> PathBuf {
        self.folder.join("slurm.conf")
    }

    fn program(&self, name: &str) -> Command {
        let mut program = command(name);
        program.env("SLURM_CONF", self.configuration());
        program
    }

    fn write_configuration(&self, lines: &str) {
        let at = self.folder.display();
        let host = must(&mut command("hostname"));
        let host = host.trim();
        let (controller, node) = two_free_ports();
        let text = format!(
            "ClusterName=test\nSlurmctldHost={host}(127.0.0.1)\nSlurmctldPort={controller}\nSlurmdPort={node}\n\
             SlurmUser=root\nSlurmdUser=root\nAuthType=auth/munge\nAuthInfo=socket={at}/munge/socket\n\
             CredType=cred/munge\nStateSaveLocation={at}/state\nSlurmdSpoolDir={at}/spool\n\
             SlurmctldPidFile={at}/slurmctld.pid\nSlurmdPidFile={at}/slurmd.pid\n\
             SlurmctldLogFile={at}/log/slurmctld\nSlurmdLogFile={at}/log/slurmd\n\
             ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\n\
             JobAcctGatherType=jobacct_gather/linux\nJobAcctGatherFrequency=1\nJobAcctGatherParams=OverMemoryKill\n\
             AccountingStorageType=accounting_storage/none\nJobCompType=jobcomp/none\n\
             SelectType=select/cons_tres\nSelectTypeParameters=CR_CPU_Memory\nDefMemPerCPU=1000\nSchedulerType=sched/backfill\n\
             SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1\n\
             PropagateResourceLimits=NONE\nReturnToService=2\nMpiDefault=none\nSwitchType=switch/none\n\
             InactiveLimit=0\nMessageTimeout=3\nSlurmctldTimeout=30\nSlurmdTimeout=30\n\
             SlurmdParameters=config_overrides\nGresTypes=gpu\n\
             NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=8000 Gres=gpu:2 State=UNKNOWN\n\
             PartitionName=test Nodes=ALL Default=YES MaxTime=60 State=UP\n{lines}\n"
        );
        fs::write(self.configuration(), text).unwrap();
        // The node's daemon looks whether its GPUs are devices: these are /dev/null.
        let gpus = ["gpu0", "gpu1"].map(|name| self.folder.join(name));
        for gpu in &gpus {
            must(command("mknod").arg(gpu).args(["c", "1", "3"]));
        }
        let gres = gpus.map(|gpu| format!("Name=gpu File={}\n", gpu.display())).concat();
        fs::write(self.folder.join("gres.conf"), gres).unwrap();
        let cgroup = "CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n";
        fs::write(self.folder.join("cgroup.conf"), cgroup).unwrap();
    }

    fn start_munge(&mut self) {
        let at = |name: &str| self.folder.join("munge").join(name).display().to_string();
        let mut munge = command("/usr/sbin/munged");
        // The heir looks for it.
        munge.env("SLURM_CONF", self.configuration());
        munge.args(["--foreground", "--force", "--num-threads=2"]);
        munge.arg(format!("--key-file={}", at("key"))).arg(format!("--socket={}", at("socket")));
        munge.arg(format!("--pid-file={}", at("pid"))).arg(format!("--seed-file={}", at("seed")));
        munge.arg(format!("--log-file={}", at("log")));
        self.daemons.push(quietly(&mut munge));
        let socket = self.folder.join("munge/socket");
        eventually("munge", || socket.exists());
    }

    fn start_controller(&mut self, options: &str) {
        let mut controller = self.program("/usr/sbin/slurmctld");
        self.daemons.push(quietly(controller.arg(options).arg("-f").arg(self.configuration())));
        eventually("the controller", || {
            let ping = self.program("scontrol").arg("ping").output().unwrap();
            String::from_utf8_lossy(&ping.stdout).contains(" is UP")
        });
    }

    fn start_node(&mut self) {
        // With mounts of its own, beside those of the machine.
        let mut node = self.program("unshare");
        node.args(["--mount", "--propagation", "slave", "/usr/sbin/slurmd", "-D", "-f"]);
        self.daemons.push(quietly(node.arg(self.configuration())));
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        // Without its controller its programs would ask for a minute.
        let controller = self.daemons.get_mut(1);
        let is_up = controller.is_some_and(|daemon| matches!(daemon.try_wait(), Ok(None)));
        if is_up {
            let all = ["--quiet", "--partition=test"];
            let _best_effort = self.program("scancel").args(all).output();
        }
        let start = std::time::Instant::now();
        while is_up && start.elapsed().as_secs() < 20 {
            let left = self.program("squeue").arg("--noheader").output();
            if left.map_or(true, |left| left.stdout.is_empty()) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        // The node's daemon waits for its steps, which must still reach the controller.
        while let Some(mut daemon) = self.daemons.pop() {
            end(&mut daemon);
        }
        drop(self.life.take());
        let _status = self.heir.wait();
    }
}

fn quietly(command: &mut Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn end(daemon: &mut Child) {
    let pid = Pid::from_child(daemon);
    let _gone_already = kill_process(pid, Signal::TERM);
    let _status = daemon.wait();
}

fn two_free_ports() -> (u16, u16) {
    let free = || TcpListener::bind("127.0.0.1:0").unwrap();
    let (one, two) = (free(), free());
    (one.local_addr().unwrap().port(), two.local_addr().unwrap().port())
}
