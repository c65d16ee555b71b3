//! The verbs of the command line, a file for each or for several related ones.

mod attach;
pub(crate) mod clean;
mod configure;
mod connection;
mod doctor;
mod query;
mod run;

use std::process::ExitCode;

use mlcube_ssh::pipe::step::Step;

use crate::cli::Verb;
use crate::verbs::query::Query;

/// Runs a verb. Those that start or follow a job write the document with a receipt, the other ones their result.
pub(crate) fn act(step: Step, verb: &Verb) -> ExitCode {
    match verb {
        Verb::Configure { if_changed, wait, follow } => step.run(|step, document| {
            configure::configure(step, document, *if_changed, wait.wait, follow)
        }),
        Verb::Run { detach, as_is, wait, follow } => {
            step.run(|step, document| run::run(step, document, *detach, *as_is, wait.wait, follow))
        }
        Verb::Attach { job, tail, follow } => step
            .takes_up_any_phase()
            .run(|step, document| attach::attach(step, document, job, tail, follow)),
        Verb::Status { job, all, answer } => {
            step.answer(|step, document| Query::of(step, document)?.status(job, *all, answer.json))
        }
        Verb::List { connections: true, answer } => {
            step.answer_alone(|step| connection::list(step, answer.json))
        }
        Verb::List { connections: false, answer } => {
            step.answer(|step, document| Query::of(step, document)?.list(answer.json))
        }
        Verb::Doctor { answer, refused_by_config: Some(refusal) } => {
            step.answer_alone(|step| doctor::without_document(step, answer.json, refusal))
        }
        Verb::Doctor { answer, refused_by_config: None } => {
            step.answer(|step, document| doctor::doctor(step, document, answer.json))
        }
        Verb::Logs { job, tail, follow, reconnect } => step.answer(|step, document| {
            Query::of(step, document)?.logs(job, tail, *follow, *reconnect)
        }),
        // What it writes is JSON anyway.
        Verb::Stop { job, force, grace, answer: _ } => {
            step.answer(|step, document| Query::of(step, document)?.stop(job, *force, *grace))
        }
        Verb::Login { answer } => {
            step.answer(|step, document| connection::log_in(step, document, answer.json))
        }
        Verb::Logout { answer } => {
            step.answer(|step, document| Query::of(step, document)?.log_out(answer.json))
        }
        Verb::Clean { yes, force, answer } => {
            step.answer(|step, document| clean::clean(step, document, yes, *force, answer.json))
        }
    }
}
