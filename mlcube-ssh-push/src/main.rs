//! `mlcube-ssh-push`: sends the cube, its build context and its workspace to the remote.

mod archive;
mod cli;
mod local;
mod push;
mod remote;
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
    Step::new(StepName::Push, cli::PROGRAM, &args.step).run(|step, document| {
        if args.verify { verify::verify(step, document) } else { push::push(step, document, args) }
    })
}
