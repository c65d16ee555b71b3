//! `mlcube-ssh-config`: computes the effective configuration of a cube on a platform and writes the document.

mod candidates;
mod cli;
mod describe;
mod document;
mod input_document;
mod output;
mod passed_variables;
mod request;
mod run;
mod settings_file;
mod tasks;
mod validate;
mod variables;
mod wrapper;

use std::process::ExitCode;

fn main() -> ExitCode {
    match wrapper::parse(cli::words()) {
        Ok(args) => run::run(&args),
        Err(status) => status,
    }
}
