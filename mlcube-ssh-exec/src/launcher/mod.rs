//! Launchers: what starts a job on the host, tells its state and ends it.
//!
//! A launcher is a folder: shell functions that launch and stop a job, what they are given, and, of a batch system, the
//! words for an end that it made itself. `job_state` of the shared functions asks the launcher of a job for its state.
//! Nothing else knows which launchers there are.

mod direct;
mod slurm;

use mlcube_ssh::pipe::document::{Document, Receipt};
use mlcube_ssh::pipe::failure::Failure;
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::job::WhyLost;
use mlcube_ssh::remote::problem::Problem;
use mlcube_ssh::settings::names::Host;
use mlcube_ssh::settings::runner::Runner;
use mlcube_ssh::settings::runner::launcher::Launcher as Setting;

use crate::job::end::{Batch, End};

/// The shell functions of all launchers, by which a job is stopped: `stop_by_NAME`. A job is stopped by the launcher that
/// started it, whatever the settings say now.
pub(crate) const STOP: &str =
    concat!(include_str!("direct/stop.sh"), include_str!("slurm/stop.sh"));

/// The batch systems.
const BATCH_SYSTEMS: [&dyn BatchSystem; 1] = [&slurm::Words];

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

    /// Returns whether its own programs read the variable of this name, so that a task can't get one.
    fn reads_variable(&self, name: &str) -> bool;
}

/// The words for what a batch system does with jobs, and for the problems that its shell functions report.
trait BatchSystem: Sync {
    /// Returns the name of its launcher.
    fn name(&self) -> &'static str;

    /// Writes the number of a job into its receipt.
    fn note(&self, receipt: &mut Receipt, number: u64);

    /// Returns the failure for a job that the batch system ended in this state; the word after the state is who cancelled
    /// it, if that is known.
    fn explain(&self, state: &str, end: &End, document: &Document) -> Failure;

    /// Returns the failure for a job that ended without a status, and of whose end the batch system knows nothing.
    fn lost(&self, why: WhyLost, number: u64, end: &End, document: &Document) -> Failure;

    /// Returns the failure for a job that couldn't run on its node; `None` if the problem isn't of this batch system's.
    fn on_node(&self, node: &Host, problem: &Problem, document: &Document) -> Option<Failure>;

    /// Returns the failure for a problem of its shell functions; `None` for another one.
    fn problem(&self, problem: &Problem, host: &Host) -> Option<Failure>;
}

/// Returns the batch system of this name. The host names it: one that isn't known is taken for the first.
fn batch_system(name: Option<&str>) -> &'static dyn BatchSystem {
    let named = BATCH_SYSTEMS.into_iter().find(|system| Some(system.name()) == name);
    named.unwrap_or(BATCH_SYSTEMS[0])
}

fn of_batch(batch: Option<&Batch>) -> &'static dyn BatchSystem {
    batch_system(batch.map(|batch| batch.system.as_str()))
}

/// See [`BatchSystem::note`].
pub(crate) fn note(receipt: &mut Receipt, batch: Option<&Batch>) {
    if let Some(batch) = batch {
        of_batch(Some(batch)).note(receipt, batch.number);
    }
}

/// See [`BatchSystem::explain`].
pub(crate) fn explain(state: &str, end: &End, document: &Document) -> Failure {
    of_batch(end.batch.as_ref()).explain(state, end, document)
}

/// See [`BatchSystem::lost`].
pub(crate) fn lost(why: WhyLost, batch: &Batch, end: &End, document: &Document) -> Failure {
    of_batch(Some(batch)).lost(why, batch.number, end, document)
}

/// See [`BatchSystem::on_node`].
pub(crate) fn on_node(node: &Host, problem: &Problem, document: &Document) -> Option<Failure> {
    BATCH_SYSTEMS.into_iter().find_map(|system| system.on_node(node, problem, document))
}

/// See [`BatchSystem::problem`].
pub(crate) fn problem(problem: &Problem, host: &Host) -> Option<Failure> {
    BATCH_SYSTEMS.into_iter().find_map(|system| system.problem(problem, host))
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

/// Returns the names of the batch systems, which are recommended where the settings name no launcher.
fn recommended() -> String {
    BATCH_SYSTEMS.map(BatchSystem::name).join(" ")
}
