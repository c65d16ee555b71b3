//! `mlcube-ssh-pull`: fetches the workspace from the remote.

mod archive;
mod cli;
mod inspect;
mod list;
mod local;
mod pull;
mod remote;
mod selection;
mod transfer;
mod verify;

use std::process::ExitCode;

use mlcube_ssh::pipe::args;
use mlcube_ssh::pipe::document::StepName;
use mlcube_ssh::pipe::step::Step;
use mlcube_ssh::process::command;

fn main() -> ExitCode {
    args::main(cli::PROGRAM, run)
}

fn run(args: &cli::Args) -> ExitCode {
    command::end_with_this_process();
    let step = Step::new(StepName::Pull, cli::PROGRAM, &args.step).works_after_a_failed_task();
    if args.list {
        return step.answer(|step, document| list::list(step, document, args));
    }
    if args.verify {
        return step.run(|step, document| verify::verify(step, document, args));
    }
    step.run(|step, document| pull::pull(step, document, args))
}
