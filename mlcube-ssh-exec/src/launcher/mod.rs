//! Launchers: what starts a job on the host, tells its state and ends it.
//!
//! A launcher is a folder: shell functions that launch and stop a job, what they are given, and the words for an end
//! that the launcher itself made. `job_state` of the shared functions asks the launcher of a job for its state. Nothing
//! else knows which launchers there are.

mod direct;
mod slurm;

// The only launcher that ends a job itself, and whose shell functions report problems of their own.
pub(crate) use slurm::{explain, lost, note, problem};

use mlcube_ssh::process::script::Script;
use mlcube_ssh::settings::runner::Runner;
use mlcube_ssh::settings::runner::launcher::Launcher as Setting;

/// The shell functions of all launchers, by which a job is stopped: `stop_by_NAME`. A job is stopped by the launcher that
/// started it, whatever the settings say now.
pub(crate) const STOP: &str =
    concat!(include_str!("direct/stop.sh"), include_str!("slurm/stop.sh"));

/// What a job needs where it runs, as far as that can be looked at before it begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needs<'a> {
    /// The container engine, by its name or path, unless the settings call it by a line of words.
    pub(crate) engine: Option<&'a str>,
    /// The image of its tasks.
    pub(crate) image: Option<&'a str>,
}

/// What starts a job.
pub(crate) trait Launcher {
    /// Returns its name, which ends the names of its shell functions.
    fn name(&self) -> &'static str;

    /// Returns its shell functions by which a job is launched, `launch_by_NAME`.
    fn launch(&self) -> &'static str;

    /// Returns the script that runs a job, from the part that every launcher needs.
    fn job_script(&self, run: &str) -> String;

    /// Adds the values that its shell functions need.
    fn given(&self, script: Script, runner: &Runner, needs: Needs<'_>) -> Script;
}

/// Returns the launcher for a job that configures, or that runs tasks.
pub(crate) fn of(runner: &Runner, configures: bool) -> Box<dyn Launcher + '_> {
    match &runner.launcher {
        Setting::Slurm(slurm) if !configures || slurm.configures_in_job => {
            Box::new(slurm::Slurm(slurm))
        }
        _ => Box::new(direct::Direct),
    }
}
