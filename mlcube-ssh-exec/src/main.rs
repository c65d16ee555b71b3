//! `mlcube-ssh-exec`: runs `mlcube configure` and `mlcube run` on the remote.

mod ask;
mod attach;
mod belongings;
mod clean;
mod cli;
mod engine;
mod follow;
mod inputs;
mod interrupt;
mod job;
mod kept;
mod outcome;
mod phase;
mod starter;
mod tail;
mod trouble;
mod variables;

use std::process::ExitCode;

use mlcube_ssh_config::step::Step;
use mlcube_ssh_config::usage;

fn main() -> ExitCode {
    match usage::parse::<cli::Args>(cli::PROGRAM, std::env::args_os()) {
        Ok(args) => run(&args),
        Err(status) => status,
    }
}

fn run(args: &cli::Args) -> ExitCode {
    let step = Step::new("exec", cli::PROGRAM, &args.step)
        .phase(args.verb.name())
        .output(args.verb.output());
    match &args.verb {
        cli::Verb::Configure { .. } | cli::Verb::Run { .. } => {
            step.run(|step, document| phase::act(step, document, &args.verb))
        }
        cli::Verb::Attach { .. } => {
            step.takes_up_any_phase().run(|step, document| phase::act(step, document, &args.verb))
        }
        cli::Verb::Clean { yes, force } => {
            step.answer(|step, document| clean::clean(step, document, yes, *force))
        }
        verb => step.answer(|step, document| ask::answer(step, document, verb)),
    }
}
