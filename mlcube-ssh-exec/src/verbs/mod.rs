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
        // What the next two write is JSON anyway.
        Verb::Status { job, all, answer: _ } => {
            step.answer(|step, document| Query::of(step, document)?.status(job, *all))
        }
        Verb::List { connections: true, answer } => {
            step.answer_alone(|step| connection::list(step, answer.json))
        }
        Verb::List { connections: false, answer } => {
            step.answer(|step, document| Query::of(step, document)?.list(answer.json))
        }
        Verb::Doctor { json, refused_by_config: Some(refusal) } => {
            step.answer_alone(|step| doctor::without_document(step, *json, refusal))
        }
        Verb::Doctor { json, refused_by_config: None } => {
            step.answer(|step, document| doctor::doctor(step, document, *json))
        }
        Verb::Logs { job, tail, follow, reconnect } => step.answer(|step, document| {
            Query::of(step, document)?.logs(job, tail, *follow, *reconnect)
        }),
        Verb::Stop { job, force, grace, answer: _ } => {
            step.answer(|step, document| Query::of(step, document)?.stop(job, *force, *grace))
        }
        Verb::Login => step.answer(|step, document| connection::log_in(step, document)),
        Verb::Logout => step.answer(|step, document| Query::of(step, document)?.log_out()),
        Verb::Clean { yes, force, answer } => {
            step.answer(|step, document| clean::clean(step, document, yes, *force, answer.json))
        }
    }
}
