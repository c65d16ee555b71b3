//! `mlcube-ssh-push`: sends the cube, its build context and its workspace to the remote.

mod archive;
mod backups;
mod beside;
mod bring;
mod brought;
mod cli;
mod code;
mod commands;
mod delete;
mod done;
mod former_workspaces;
mod fresh;
mod incoming;
mod leftovers;
mod links_out;
mod local;
mod own_files;
mod pack;
mod prepare;
mod push;
mod say;
mod select;
mod sides;
mod space;
mod stays;
mod streams;
mod there;
mod transfer;
mod try_names;
mod upload;
mod verify;
mod worth;

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
    Step::new("push", cli::PROGRAM, &args.step).run(|step, document| {
        if args.verify { verify::verify(step, document) } else { push::push(step, document, args) }
    })
}
