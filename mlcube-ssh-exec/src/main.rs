//! `mlcube-ssh-exec`: runs `mlcube configure` and `mlcube run` on the remote.

mod cli;
mod follow;
mod job;
mod launcher;
mod verbs;

use std::process::ExitCode;

use mlcube_ssh::pipe::args;
use mlcube_ssh::pipe::document::StepName;
use mlcube_ssh::pipe::step::Step;
use mlcube_ssh::process::command;

fn main() -> ExitCode {
    args::main(cli::PROGRAM, run)
}

fn run(args: &cli::Args) -> ExitCode {
    let step = Step::new(StepName::Exec, cli::PROGRAM, &args.step)
        .phase(args.verb.phase())
        .output(args.verb.output());
    if !args.verb.follows_a_job() {
        command::end_with_this_process();
    }
    verbs::act(step, &args.verb)
}
