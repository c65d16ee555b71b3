//! The login itself: a job is a process of the host, in a session of its own.

use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::job;
use mlcube_ssh::settings::runner::Runner;
use mlcube_ssh::settings::runner::launcher::Launcher as Setting;

use crate::launcher;
use crate::launcher::{Launcher, Needs};

/// Starts jobs as processes of the host.
pub(crate) struct Direct;

impl Launcher for Direct {
    fn name(&self) -> &'static str {
        "direct"
    }

    fn launch(&self) -> &'static str {
        concat!(include_str!("launch.sh"), include_str!("../slurm/advise.sh"))
    }

    fn job_script(&self, run: &str) -> String {
        [job::OF_A_JOB, include_str!("watch.sh"), run].concat()
    }

    fn given(&self, script: Script, runner: &Runner, _: Needs<'_>) -> Script {
        let is_unset = runner.launcher == Setting::Unset;
        let recommended = launcher::recommended();
        script.given("advised", if is_unset { &recommended } else { "" })
    }

    fn reads_variable(&self, _: &str) -> bool {
        false
    }
}
