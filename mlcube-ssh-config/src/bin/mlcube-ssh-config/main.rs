//! `mlcube-ssh-config`: computes the effective configuration of a cube on a platform and writes the document.

mod cli;
mod describe;
mod document;
mod input_document;
mod output;
mod passed_variables;
mod request;
mod run;
mod tasks;
mod validate;
mod variables;

use std::process::ExitCode;

use mlcube_ssh::pipe::args;

fn main() -> ExitCode {
    match args::parse::<cli::Args>(cli::PROGRAM, cli::words()) {
        Ok(args) => run::run(&args),
        Err(status) => status,
    }
}
