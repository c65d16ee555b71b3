//! `mlcube-ssh-pull`: fetches the workspace from the remote.

mod cli;
mod fetch;
mod outputs;
mod pull;
mod select;

use std::process::ExitCode;

use clap::Parser;
use mlcube_ssh_config::step::Step;

fn main() -> ExitCode {
    let args = cli::Args::parse();
    let step = Step::new("pull", "mlcube-ssh-pull", &args.step).works_after_a_failed_task();
    step.run(|step, document| pull::pull(step, document, &args))
}
