//! `mlcube-ssh-pull`: fetches the workspace from the remote.

mod attributes;
mod backups;
mod came;
mod cli;
mod fetch;
mod followed;
mod list;
mod outputs;
mod pull;
mod receiver;
mod say;
mod scratch;
mod select;
mod space;
mod stage;
mod stream;
mod transfer;
mod unpack;
mod verify;

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
    let step = Step::new("pull", cli::PROGRAM, &args.step).works_after_a_failed_task();
    if args.list && !step.is_dry_run() {
        return step.answer(|step, document| list::list(step, document, args));
    }
    if args.verify {
        return step.run(|step, document| verify::verify(step, document, args));
    }
    step.run(|step, document| pull::pull(step, document, args))
}
