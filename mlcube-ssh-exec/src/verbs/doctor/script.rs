//! The script that tries on the remote what later steps do.

use anyhow::Result;
use mlcube_ssh::cube::{Cube, mlcube_args};
use mlcube_ssh::pipe::document::{Document, Phase};
use mlcube_ssh::process::comments::without_comments;
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::{interpreter, job};
use mlcube_ssh::settings::runner::Runner;
use mlcube_ssh::sync::SyncState;
use serde_json::Value;

use crate::job as jobs;
use crate::job::engine;
use crate::launcher;

const PROGRAM: &str = concat!(
    include_str!("../../sh/place.sh"),
    include_str!("../../sh/owner.sh"),
    include_str!("../../sh/engine-store.sh"),
    include_str!("sh/tree.sh"),
    include_str!("sh/python.sh"),
    include_str!("sh/container.sh"),
    include_str!("sh/host.sh"),
    include_str!("sh/untried.sh"),
    include_str!("sh/doctor.sh")
);
const FIND_PLATFORM: &str = include_str!("sh/platform.py");

/// The image of a container that the script runs; it makes that itself.
pub(crate) fn image(id: &str) -> String {
    format!("localhost/mlcube-ssh-doctor:{id}")
}

/// Makes the script; `id` names the job that isn't one.
pub(crate) fn script(
    connection: &Connection,
    document: &Document,
    cube: &Cube,
    id: &str,
) -> Result<Script> {
    let runner = &cube.runner;
    let launcher = launcher::of(runner, false);
    let owner = SyncState::of(&cube.layout, &document.remote)?.owner(&cube.layout)?;
    let script = connection.script(PROGRAM).with(job::FUNCTIONS).with(interpreter::FUNCTIONS);
    let script = launcher.given(
        script.with(launcher.launch()),
        runner,
        jobs::needs(document, runner, Phase::Run),
    );
    let is_on_host = |configures| launcher::of(runner, configures).name() == "direct";
    let singularity = runner.remote_platform() == "singularity";
    let script = interpreter::given(script, &document.remote, &runner.interpreter)
        .given("id", id)
        .given("state", document.remote.state.as_str())
        .given("base", document.remote.base.as_str())
        .given("owner", owner.id())
        .given("former_owner", &owner.former_id)
        .given("platform", runner.remote_platform())
        .given("settings", &jobs::settings(runner)?)
        .given("find_platform", &without_comments(FIND_PLATFORM))
        .given("shim", &without_comments(jobs::ENGINE))
        .given("engine", &engine_words(runner))
        .flag("singularity", singularity)
        .given("ran_image", &image(id))
        .given("run_args", document.runner_text(&["remote", "run_args"]).unwrap_or_default())
        .flag("is_bypassing", engine::bypassing_engine(runner).is_some())
        // Unless a job builds the image, the host does.
        .flag("has_engine", is_on_host(true))
        .flag("has_tasks", is_on_host(false))
        .given("gpus", &gpus(document))
        .flag("has_gpu_args", has_gpu_args(document))
        .given("launcher", launcher.name())
        .variables(&engine::variable(runner));
    Ok(script)
}

/// The engine as mlcube calls it: one or several words. Empty for a platform of the account's own: then mlcube tells.
fn engine_words(runner: &Runner) -> String {
    match (&runner.remote, runner.remote_platform()) {
        (Some(remote), name @ ("docker" | "singularity")) => {
            let settings = engine::settings(remote);
            settings.get(name).and_then(Value::as_str).unwrap_or(name).to_owned()
        }
        _ => String::new(),
    }
}

/// Which GPUs are tried if the cube asks for some: those of the command line, as mlcube gets them, else all. The cube's
/// own options for the engine aren't tried, because it could ask for anything with them.
fn gpus(document: &Document) -> String {
    if let Some(value) = document.run.options.get("gpus") {
        return mlcube_args::option_value("gpus", value);
    }
    let accelerators = document.config.get("platform").and_then(|it| it.get("accelerator_count"));
    let is_asked = match accelerators {
        Some(Value::Number(number)) => number.as_u64().is_some_and(|number| number > 0),
        Some(Value::String(text)) => text.parse().is_ok_and(|number: u64| number > 0),
        _ => false,
    };
    if is_asked { "all".to_owned() } else { String::new() }
}

/// Returns whether the cube has options of its own for GPUs.
fn has_gpu_args(document: &Document) -> bool {
    let args = document.config.get("docker").and_then(|docker| docker.get("gpu_args")?.as_str());
    args.is_some_and(|args| !args.trim().is_empty())
}
