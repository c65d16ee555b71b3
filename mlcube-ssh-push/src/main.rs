//! `mlcube-ssh-push`: sends the cube, its build context and its workspace to the remote.

mod cli;
mod code;
mod plan;
mod prepare;
mod push;

use std::process::ExitCode;

use clap::Parser;
use mlcube_ssh_config::step::Step;

fn main() -> ExitCode {
    let args = cli::Args::parse();
    Step::new("push", "mlcube-ssh-push", &args.step)
        .run(|step, document| push::push(step, document, &args))
}
