//! `mlcube-ssh-interp`: creates or updates the python environment that runs `mlcube` on the remote.

mod cli;
mod environment;
mod problem;

use std::process::ExitCode;

use clap::Parser;
use mlcube_ssh_config::step::Step;

fn main() -> ExitCode {
    let args = cli::Args::parse();
    Step::new("interp", "mlcube-ssh-interp", &args.step).run(environment::make)
}
