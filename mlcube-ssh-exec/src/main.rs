//! `mlcube-ssh-exec`: runs `mlcube configure` and `mlcube run` on the remote.

mod cli;
mod follow;
mod job;
mod launcher;
mod verbs;

use crate::verbs::clean;
use crate::verbs::query;

use std::process::ExitCode;

use mlcube_ssh::pipe::args;
use mlcube_ssh::pipe::step::Step;
use mlcube_ssh::process::command;

fn main() -> ExitCode {
    match args::parse::<cli::Args>(cli::PROGRAM, std::env::args_os()) {
        Ok(args) => run(&args),
        Err(status) => status,
    }
}

fn run(args: &cli::Args) -> ExitCode {
    let step = Step::new("exec", cli::PROGRAM, &args.step)
        .phase(args.verb.name())
        .output(args.verb.output());
    if !args.verb.follows_a_job() {
        command::end_with_this_process();
    }
    match &args.verb {
        cli::Verb::Configure { .. } | cli::Verb::Run { .. } => {
            step.run(|step, document| verbs::act(step, document, &args.verb))
        }
        cli::Verb::Attach { .. } => {
            step.takes_up_any_phase().run(|step, document| verbs::act(step, document, &args.verb))
        }
        cli::Verb::Clean { yes, force } => {
            step.answer(|step, document| clean::clean(step, document, yes, *force))
        }
        verb => step.answer(|step, document| query::query(step, document, verb)),
    }
}
