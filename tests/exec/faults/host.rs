//! Faults of the host: a full disk, a read-only one, a reboot, a pid that belongs to another process by now.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use mlcube_ssh_harness::{HostOptions, Place, Scene, Tmpfs, am_root, eventually, skip};
use rustix::process::{Pid, Signal, kill_process};

use crate::faults::staging::{COUNTS, Staged, line_of, shows, staged};

#[test]
fn the_disk_is_full() {
    staged("disk full in the job's folder", |round| {
        let job = Staged::that(COUNTS);
        let jobs = job.scene.host.remote_root().join(".mlcube-ssh/digits/jobs");
        let Some(_disk) = Tmpfs::mount(&jobs, "1m") else { return };
        let running = job.exec(&["run"]);
        shows(&running, &line_of(round));
        fill(&jobs.join("filler"));
        let ended = running.wait();
        fs::remove_file(jobs.join("filler")).unwrap();
        ended.exits(7);
        job.has_the_log(&ended);
        job.leaves_nothing();
    });
}

/// Wherever the room ends: each file of the job may be the one that can't be written.
#[test]
fn a_start_on_a_full_disk_names_the_disk() {
    let job = Staged::that("exit 7");
    let jobs = job.scene.host.remote_root().join(".mlcube-ssh/digits/jobs");
    let Some(_disk) = Tmpfs::mount(&jobs, "1m") else { return };
    let filler = jobs.join("filler");
    for room in [0, 8, 16, 32] {
        fill(&filler);
        let file = fs::OpenOptions::new().write(true).open(&filler).unwrap();
        file.set_len(file.metadata().unwrap().len() - (room << 10)).unwrap();
        let ended = job.exec(&["run"]).wait();
        if ended.status != 7 {
            ended.exits(125).complains(&["there", "df -h"]);
        }
        fs::remove_file(&filler).unwrap();
    }
    job.leaves_nothing();
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

#[test]
fn the_disk_is_read_only() {
    staged("job's folder on a read-only file system", |_| {
        let job = Staged::that(COUNTS);
        let root = job.scene.host.remote_root().join(".mlcube-ssh");
        let Some(_disk) = Tmpfs::mount(&root, "1m") else { return };
        let remount = format!("mount -o remount,ro '{}'", root.display());
        job.scene.sh(&remount).run().succeeds();
        let refused = job.exec(&["run"]).wait();
        refused.exits(125).complains(&["there", ".mlcube-ssh"]);
        job.leaves_nothing();
    });
}

/// A job that was killed with all that belongs to it, as by a power cut.
fn cut_down(line: &str) -> Staged {
    let job = Staged::that(line);
    let running = job.exec(&["run"]);
    shows(&running, "line 3.");
    running.signal(Signal::KILL);
    running.wait();
    while !job.scene.jobs().is_empty() {
        job.scene.jobs().kill();
    }
    assert!(!job.folder().join("status").exists());
    job
}

/// Changes the line that says who leads the job.
fn leader(job: &Staged, change: impl Fn(Vec<&str>) -> String) {
    let file = job.folder().join("leader");
    let line = fs::read_to_string(&file).unwrap();
    fs::write(file, change(line.split_whitespace().collect())).unwrap();
}

#[test]
fn its_leader_alone_is_killed() {
    staged("leader of a job killed, its task goes on", |round| {
        let job =
            Staged::that("i=0; while :; do i=$((i + 1)); echo \"line $i.\"; sleep 0.05; done");
        let running = job.exec(&["run"]);
        shows(&running, &line_of(round));
        let leader = fs::read_to_string(job.folder().join("leader")).unwrap();
        let pid = leader.split_whitespace().next().unwrap().parse().ok();
        kill_process(pid.and_then(Pid::from_raw).unwrap(), Signal::KILL).unwrap();
        let lost = running.wait();
        lost.exits(255).says("is lost").says("still run").says("mlcube-ssh stop");
        let told = job.asks(&["status"]);
        assert!(told.succeeds().stdout.contains("\"why\":\"remains\""), "{told}");
        let refused = job.exec(&["run"]).wait();
        refused.exits(125).complains(&["still run", "mlcube-ssh stop"]);
        assert_eq!(job.folders().len(), 1, "no second one was started");
        job.asks(&["stop"]).succeeds();
        job.leaves_nothing();
        job.exec(&["attach"]).wait().exits(255).says("is lost").says("run it again");
        fs::write(job.scene.host.bin().join("engine-run"), COUNTS).unwrap();
        job.exec(&["run"]).wait().exits(7);
        job.leaves_nothing();
    });
}

#[test]
fn its_pid_is_another_processes_now() {
    staged("pid of a killed job reused", |_| {
        let job = cut_down(COUNTS);
        leader(&job, |words| format!("{} {}\n", process::id(), words[1..].join(" ")));
        let told = job.asks(&["status"]);
        assert!(told.succeeds().stdout.contains("\"lost\""), "{told}");
        job.exec(&["attach"]).wait().exits(255).says("is lost");
        job.exec(&["run"]).wait().exits(7);
        job.leaves_nothing();
    });
}

#[test]
fn it_was_rebooted() {
    staged("host rebooted (another boot id) while a job ran", |_| {
        let job = cut_down(COUNTS);
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        // Its pid is alive again by chance, with the same start: only the boot tells.
        leader(&job, |words| words.join(" ").replace(boot.trim(), "another-boot") + "\n");
        let told = job.asks(&["status"]);
        assert!(told.succeeds().stdout.contains("\"lost\""), "{told}");
        job.exec(&["attach"]).wait().exits(255).says("rebooted");
        job.exec(&["run"]).wait().exits(7);
        job.leaves_nothing();
    });
}

#[test]
fn it_runs_on_another_host() {
    staged("job of another host of a shared home", |_| {
        let job = cut_down(COUNTS);
        leader(&job, |words| {
            format!("{} elsewhere/1 {}\n", words[..2].join(" "), words[3..].join(" "))
        });
        let told = job.asks(&["status"]);
        assert!(told.succeeds().stdout.contains("\"elsewhere\""), "{told}");
        job.asks(&["stop"]).exits(125).says("'elsewhere'").says("-Prunner.host=elsewhere");
        job.exec(&["run"]).wait().exits(125).says("--force");
        job.asks(&["stop", "--force"]).succeeds();
        eventually("the workspace is free", || job.exec(&["run"]).wait().status == 7);
        job.leaves_nothing();
    });
}

/// A host whose sessions live in a pid namespace: the process of `power` is its first, and takes all others with it.
fn in_a_pid_namespace() -> (Scene, PathBuf) {
    let place = Place::new();
    let power = place.path().join("power");
    let enter = format!(
        "nsenter --pid --mount --target $(cat {}) sh -c \"$SSH_ORIGINAL_COMMAND\"",
        power.display()
    );
    let scene = Scene::at(place, HostOptions::default().config(&format!("ForceCommand {enter}")));
    switch_on(&scene, &power);
    (scene, power)
}

/// Starts the namespace; its first process is noted.
fn switch_on(scene: &Scene, power: &Path) {
    let line = "unshare --pid --fork --mount-proc --kill-child sleep 600 >/dev/null 2>&1 & \
                until pid=$(cat /proc/$!/task/$!/children) && [ -n \"$pid\" ]; do sleep 0.01; done; echo $pid >\"$POWER\"";
    scene.sh(line).env("POWER", power).run().succeeds();
}

fn switch_off(scene: &Scene, power: &Path) {
    scene.sh("kill -KILL $(cat \"$POWER\")").env("POWER", power).run().succeeds();
}

#[test]
fn its_power_is_cut() {
    if !am_root() {
        skip("only root can make a pid namespace");
        return;
    }
    staged("host powered off (its pid namespace killed) and back", |round| {
        let (scene, power) = in_a_pid_namespace();
        let job = Staged::in_scene(scene, COUNTS);
        let running = job.exec(&["run"]);
        shows(&running, &line_of(round));
        switch_off(&job.scene, &power);
        switch_on(&job.scene, &power);
        running.wait().exits(255).says("lost");
        let told = job.asks(&["status"]);
        assert!(told.succeeds().stdout.contains("\"lost\""), "{told}");
        job.asks(&["stop", "--force"]).succeeds();
        job.exec(&["run"]).wait().exits(7);
        switch_off(&job.scene, &power);
        job.leaves_nothing();
    });
}
