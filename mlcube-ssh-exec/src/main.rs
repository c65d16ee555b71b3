//! `mlcube-ssh-exec`: runs `mlcube configure` and `mlcube run` on the remote.

mod cli;
mod follow;
mod frames;
mod interrupt;
mod job;
mod outcome;
mod phase;
mod variables;

use std::process::ExitCode;

use clap::Parser;
use mlcube_ssh_config::step::Step;

fn main() -> ExitCode {
    let args = cli::Args::parse();
    let step = Step::new("exec", "mlcube-ssh-exec", &args.step).output(args.verb.output());
    step.run(|step, document| phase::act(step, document, &args.verb))
}
