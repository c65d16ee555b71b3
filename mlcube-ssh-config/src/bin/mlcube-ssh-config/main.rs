//! `mlcube-ssh-config`: computes the effective configuration of a cube on a platform and writes the document.

mod answer;
mod cli;
mod describe;
mod earlier;
mod handed_on;
mod output;
mod request;
mod run;
mod tasks;
mod validate;
mod variables;

use std::process::ExitCode;

use mlcube_ssh_config::usage;

fn main() -> ExitCode {
    match usage::parse::<cli::Args>(cli::PROGRAM, cli::words()) {
        Ok(args) => run::run(&args),
        Err(status) => status,
    }
}
