//! The verbs of the command line, a file for each or for several related ones.

mod attach;
pub(crate) mod clean;
mod configure;
pub(crate) mod query;
pub(crate) mod run;

use mlcube_ssh::cube::Cube;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::pipe::step::Step;

use crate::cli::Verb;
use crate::job::Phase;

/// Runs a verb that starts or follows a job, and adds a receipt.
pub(crate) fn act(step: &Step, document: &mut Document, verb: &Verb) -> Outcome<()> {
    match verb {
        Verb::Configure { if_changed, wait, follow } => {
            configure::configure(step, document, *if_changed, wait.wait, follow)
        }
        Verb::Run { detach, as_is, wait, follow } => {
            let (phase, detach, as_is, wait) = (Phase::Run, *detach, *as_is, wait.wait);
            let new = run::NewJob { phase, detach, as_is, wait, follow };
            let cube = Cube::of(document)?;
            run::run_job(step, document, &cube, new)
        }
        Verb::Attach { job, tail, follow } => attach::attach(step, document, job, tail, follow),
        // `main` passes all other verbs to `query` and `clean`.
        _ => Ok(()),
    }
}
