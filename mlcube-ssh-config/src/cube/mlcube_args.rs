//! The arguments of the remote `mlcube`.
//!
//! Everything that the user gave is passed on in the form that the remote `mlcube` accepts. It joins its arguments into
//! a shell line without quotes, so a word that it would misread is refused locally, by name, before anything is
//! contacted.

use anyhow::{Context, Result};

use crate::cube::layout::Layout;
use crate::cube::path_mapping::remote_argument;
use crate::cube::task_parameters;
use crate::cube::task_parameters::Parameter;
use crate::pipe::document::Document;
use crate::pipe::engine_options::EngineOption;
use crate::pipe::failure::hinted;
use crate::settings::names::{TaskName, check_parameter as check_parameter_name};
use crate::settings::runner::Runner;
use crate::text::quote::is_plain;

/// Platforms whose engine options `mlcube` understands; it goes by the platform's name.
const ENGINES: [&str; 2] = ["docker", "singularity"];

/// The characters that a shell acts on in an unquoted word.
const ACTIVE: &str = "$`;&|<>()*?[]!#'\"\\~\n\r\t";

/// Refuses what the remote `mlcube` would drop or misread: the first word that can't be passed on, with the remedy.
pub(crate) fn check(document: &Document, layout: &Layout, runner: &Runner) -> Result<()> {
    for task in &document.run.tasks {
        if !is_plain(task.as_str()) {
            return Err(hinted(
                format!("the task name '{task}' would reach a shell on the remote"),
                "rename the task with letters, digits, '_', '-', '.'",
            ));
        }
    }
    for parameter in task_parameters::chosen(document, layout) {
        check_parameter(document, layout, &parameter)?;
    }
    for (name, value) in &document.run.args {
        let given = remote_argument(layout, &document.remote, value);
        check_path(&format!("the argument {name}"), &given)?;
    }
    for (name, value) in &document.run.options {
        check_option(name, value, runner)?;
    }
    document.run.overrides.iter().try_for_each(|word| check_override(word))
}

/// The arguments of `mlcube configure` after the file and the platform. It takes no task and no workspace, and `-P` as
/// a separate word.
#[must_use]
pub fn configure_words(document: &Document) -> Vec<String> {
    document.run.overrides.iter().flat_map(|word| ["-P".to_owned(), word.clone()]).collect()
}

/// The arguments of `mlcube run` after the file, the platform and the workspace: options, then `--`, without which
/// `-P…` is parsed as short options, then overrides and task arguments.
#[must_use]
pub fn run_words(document: &Document, layout: &Layout) -> Vec<String> {
    let tasks = document.run.tasks.iter().map(TaskName::as_str).collect::<Vec<_>>().join(",");
    let mut words = vec![format!("--task={tasks}")];
    words.extend(
        document
            .run
            .options
            .iter()
            .map(|(name, value)| format!("--{name}={}", option_value(name, value))),
    );
    words.push("--".to_owned());
    words.extend(document.run.overrides.iter().map(|word| format!("-P{word}")));
    let parameters = task_parameters::chosen(document, layout);
    words.extend(parameters.filter_map(|parameter| override_of(document, layout, &parameter)));
    let given = |path| remote_argument(layout, &document.remote, path);
    words.extend(document.run.args.iter().map(|(name, path)| format!("{name}={}", given(path))));
    words
}

/// The override that replaces a declared local path with its remote place; `None` if it means the same on both sides.
/// An argument would apply to all tasks with a parameter of this name, and they may declare different paths for it.
fn override_of(document: &Document, layout: &Layout, parameter: &Parameter) -> Option<String> {
    let given = remote_argument(layout, &document.remote, &parameter.path);
    if given == parameter.path || document.run.args.contains_key(&parameter.name) {
        return None;
    }
    // mlcube splits a name at its dots.
    let key =
        |name: &str| if name.contains('.') { format!("[{name}]") } else { format!(".{name}") };
    let (task, name) = (key(&parameter.task), key(&parameter.name));
    Some(format!("-Ptasks{task}.parameters.{}{name}.default={given}", parameter.direction.key()))
}

/// Returns the value of an engine option. A list of GPUs is `device=0,1` for docker; which quotes it needs depends on the
/// remote mlcube, so `launch.py` decides that on the remote.
#[must_use]
pub fn option_value(name: &str, value: &str) -> String {
    match (name, value.strip_prefix("device=").unwrap_or(value)) {
        ("gpus", devices) if devices.contains(',') => format!("device={devices}"),
        _ => value.to_owned(),
    }
}

fn check_parameter(document: &Document, layout: &Layout, parameter: &Parameter) -> Result<()> {
    let key = parameter.key();
    check_parameter_name(&parameter.name).context("tasks")?;
    check_path(&key, &remote_argument(layout, &document.remote, &parameter.path))?;
    if parameter.name.contains(['=', '[', ']'])
        && override_of(document, layout, parameter).is_some()
    {
        return Err(hinted(
            format!(
                "{key}: the name holds a character that keeps '{}' from being given another place on the remote",
                parameter.path
            ),
            "rename the parameter, or write a path relative to the workspace",
        ));
    }
    Ok(())
}

/// Refuses a parameter's path that isn't plain; it may start with `~` or a variable, which Python expands before the
/// shell.
fn check_path(what: &str, path: &str) -> Result<()> {
    let rest = path.strip_prefix("~").unwrap_or(path);
    if !is_plain(&rest.replace("${", "").replace(['$', '}'], "")) {
        return Err(hinted(
            format!("{what}: '{}' would reach a shell on the remote", path.escape_debug()),
            "use a path of letters, digits and ._/+- (a link in the workspace can give one)",
        ));
    }
    if path.starts_with('-') {
        return Err(hinted(
            format!("{what}: '{path}' begins with '-', and would be taken for an option"),
            format!("write ./{path}"),
        ));
    }
    Ok(())
}

fn check_option(name: &str, value: &str, runner: &Runner) -> Result<()> {
    if value.is_empty()
        || value.starts_with('-')
        || value.contains(|c: char| c.is_whitespace() || ACTIVE.contains(c))
    {
        return Err(hinted(
            format!("--{name}: a shell on the remote would misread '{}'", value.escape_debug()),
            "write it without quotes, blanks and characters that a shell reads",
        ));
    }
    let platform = runner.remote_platform();
    if !ENGINES.contains(&platform) {
        return Err(hinted(
            format!(
                "--{name} counts only where the remote platform is called 'docker' or 'singularity', not '{platform}'"
            ),
            "set 'remote: {runner: docker}' in the platform's section",
        ));
    }
    if platform == "singularity" && !EngineOption::is_for_singularity(name) {
        return Err(hinted(
            format!("--{name} reaches no singularity on Linux"),
            "set 'remote: {runner: singularity, run_args: …}' in the platform's section to options of your version",
        ));
    }
    Ok(())
}

fn check_override(word: &str) -> Result<()> {
    let (key, value) = word.split_once('=').unwrap_or((word, ""));
    if key.is_empty() {
        return Err(hinted(
            format!("-P{}: the word has no key", word.escape_debug()),
            "write it as -PKEY=VALUE",
        ));
    }
    let is_refused_in_key = |c: &char| c.is_whitespace() || ACTIVE.contains(*c);
    // Brackets name an item of a list.
    if let Some(refused) = key.chars().find(|c| is_refused_in_key(c) && !"[]".contains(*c)) {
        return Err(hinted(
            format!(
                "-P{}: the key holds '{}', which no key of mlcube has",
                word.escape_debug(),
                refused.escape_debug()
            ),
            "write it as -PKEY=VALUE",
        ));
    }
    // A blank is meant: a value like docker.gpu_args is several words of the engine's command line.
    if let Some(active) = value.chars().find(|c| ACTIVE.contains(*c)) {
        return Err(hinted(
            format!(
                "-P{key}: the value holds '{}', which a shell on the remote would act on",
                active.escape_debug()
            ),
            "put it into mlcube.yaml, or into the platform's settings on the remote",
        ));
    }
    Ok(())
}
