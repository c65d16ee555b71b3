//! `mlcube-ssh-interp`: creates or updates the python environment that runs `mlcube` on the remote.

mod cli;
mod environment;

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
    Step::new(StepName::Interp, cli::PROGRAM, &args.step).run(environment::make)
}
