//! The inputs that must exist on the remote before a job starts: `mlcube` would create an empty folder for a missing
//! one, and train on it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use mlcube_ssh::cube::Cube;
use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::cube::path_mapping;
use mlcube_ssh::cube::required_inputs;
use mlcube_ssh::cube::task_parameters;
use mlcube_ssh::cube::task_parameters::{Parameter, ParameterIo};
use mlcube_ssh::listing::is_absence;
use mlcube_ssh::pipe::document::{Document, Phase};
use mlcube_ssh::pipe::failure::Failure;
use mlcube_ssh::settings::names::TaskName;

/// Returns the variable for the start script: a line `whose kind number path` for each input. The names of inputs stay
/// local: the cube chooses them, and the script would have to parse them.
pub(crate) fn variable(
    phase: Phase,
    document: &Document,
    layout: &Layout,
) -> Result<Vec<(String, String)>> {
    if phase == Phase::Run {
        required_inputs::check(document, layout)?;
    }
    let mut lines = String::new();
    let checked = if phase == Phase::Run { checked(document, layout) } else { Vec::new() };
    for (number, input) in checked.iter().enumerate() {
        lines.push_str(&line(number, input, document, layout));
    }
    Ok(vec![("MLCUBE_SSH_INPUTS".to_owned(), lines)])
}

/// Returns the inputs that are checked, in a stable order.
fn checked(document: &Document, layout: &Layout) -> Vec<Parameter> {
    let needed = required_inputs::needed(document, layout).into_iter();
    needed.filter(|input| !input.partly_made).map(|input| input.parameter).collect()
}

fn line(number: usize, input: &Parameter, document: &Document, layout: &Layout) -> String {
    let kind = match input.is_folder {
        Some(true) => "directory",
        Some(false) => "file",
        None => "any",
    };
    let remote_path =
        path_mapping::remote_path(layout, &document.remote, &input.path).unwrap_or_default();
    let whose = if input.local.is_none() { "own" } else { "pushed" };
    format!("{whose} {kind} {number} {remote_path}\n")
}

/// Returns the failure for an input that the remote doesn't have; `subject` is the script's: kind, number and path.
pub(crate) fn missing(document: &Document, subject: &str) -> Failure {
    let mut words = subject.splitn(3, ' ');
    let mut word = || words.next().unwrap_or_default();
    let (state, number, path) = (word(), word(), word());
    let layout = Cube::of(document).ok().map(|cube| cube.layout);
    let input = layout
        .as_ref()
        .zip(number.parse().ok())
        .and_then(|(layout, number): (_, usize)| checked(document, layout).into_iter().nth(number));
    let name = input
        .as_ref()
        .map_or_else(|| number.to_owned(), |input| format!("{}.{}", input.task, input.name));
    let host = &document.remote.host;
    let wanted = match state {
        "not-directory" => Some("folder"),
        "not-file" => Some("file"),
        _ => None,
    };
    if let Some(wanted) = wanted {
        let failure =
            Failure::ours(anyhow!("the input {name} on '{host}' isn't a {wanted}: {path}"));
        let parameter = input.as_ref().map_or("NAME", |input| input.name.as_str());
        let local = input.as_ref().and_then(|input| input.local.as_deref());
        // Replacing such a folder would lose its content.
        if let Some(folder) = local.filter(|local| wanted == "file" && holds_anything(local)) {
            return failure.hint(format!(
                "{} is a folder that holds something: give {parameter}=FILE, with the path of a file in the workspace",
                folder.display()
            ));
        }
        return failure.hint(right_kind(wanted, local, path));
    }
    let what = match state {
        "any" => "no such path",
        "link" => "a broken link,",
        kind => &format!("no {kind}"),
    };
    let failure = Failure::ours(anyhow!("the input {name} is missing on '{host}': {what} {path}"));
    match (layout, input) {
        (Some(_), Some(input)) if input.local.is_none() && state == "link" => {
            failure.hint(format!("replace {path} on the remote by the data; push doesn't send it"))
        }
        (Some(layout), Some(input)) => failure.hint(remedy(document, &layout, &input, path)),
        _ => failure,
    }
}

/// Returns what helps where the remote `path` of an input is of another kind than the `wanted` one.
fn right_kind(wanted: &str, local: Option<&Path>, path: &str) -> String {
    let is_wrong = |local: &&Path| match wanted {
        "folder" => local.is_file(),
        _ => local.is_dir(),
    };
    match local {
        None => format!("replace it on the remote by a {wanted}; push doesn't send it"),
        Some(local) if is_wrong(&local) => format!(
            "{} is of the wrong kind, too: replace it by the {wanted}, and move {path} away on the remote; then run it again",
            local.display()
        ),
        Some(local) => format!(
            "move {path} away on the remote; then run it again, which sends {}, or run the task that makes it",
            local.display()
        ),
    }
}

/// Returns whether a path is a folder that isn't empty.
fn holds_anything(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some())
}

/// Returns what provides an input: another task, the local workspace, or the owner of a remote path that push doesn't
/// send.
fn remedy(document: &Document, layout: &Layout, input: &Parameter, path: &str) -> String {
    let Some(local) = &input.local else {
        return format!("create {path} on the remote; push doesn't send it");
    };
    // No task can write through such a link, either.
    if let Some(target) = broken_link(local) {
        return format!(
            "{} is a broken link to {}; replace it by the data",
            local.display(),
            target.display()
        );
    }
    if let Some(task) = maker(document, layout, &input.task, local) {
        let mut first = document.clone();
        first.run.args.retain(|name, _| has_parameter(document, layout, &task, name));
        first.run.tasks = vec![task.clone()];
        return format!("run the task {task}, which produces it: {}", first.run_command());
    }
    if fs::symlink_metadata(local).is_ok() {
        return format!(
            "{} exists locally and wasn't sent; run without --no-push, and check .mlcubeignore files",
            local.display()
        );
    }
    format!("put the data into {}", local.display())
}

/// Returns where a link leads to that leads to nothing.
fn broken_link(path: &Path) -> Option<PathBuf> {
    let is_absent = fs::metadata(path).is_err_and(|problem| is_absence(&problem));
    fs::read_link(path).ok().filter(|_| is_absent)
}

fn has_parameter(document: &Document, layout: &Layout, task: &TaskName, name: &str) -> bool {
    [ParameterIo::Input, ParameterIo::Output].into_iter().any(|io| {
        task_parameters::of_task(document, layout, task, io).any(|parameter| parameter.name == name)
    })
}

/// Returns the task, other than `reader`, whose output is `local`, contains it, or is inside it.
fn maker(document: &Document, layout: &Layout, reader: &str, local: &Path) -> Option<TaskName> {
    let others = document.task_names().into_iter().filter(|task| *task != reader);
    others.filter_map(|task| TaskName::try_from(task.to_owned()).ok()).find(|task| {
        task_parameters::of_task(document, layout, task, ParameterIo::Output).any(|output| {
            output.local.is_some_and(|made| local.starts_with(&made) || made.starts_with(local))
        })
    })
}

#[cfg(test)]
mod tests {
    use mlcube_ssh::process::command::Command;

    /// The script that expands paths; it must work in any sh.
    const EXPAND: &str = include_str!("../sh/inputs.sh");

    #[test]
    fn a_blank_at_the_end_of_a_path_is_a_part_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data ");
        std::fs::write(&path, "").unwrap();
        let shared = "locate() { path=$1; }; problem() { printf '%s\\n' \"$*\"; exit 3; }";
        let check = |place: &str| {
            let script = format!("{shared}\n{EXPAND}\ncheck_inputs");
            let line = format!("own file 0 {place}\n");
            let shell = Command::new("sh").variable("MLCUBE_SSH_INPUTS", &line);
            let ran = shell.args(["-c", &script]).run().unwrap();
            (ran.status, String::from_utf8_lossy(&ran.output).into_owned())
        };
        let path = path.to_str().unwrap();
        assert_eq!(check(path), (0, String::new()));
        let without = path.trim_end();
        assert_eq!(check(without), (3, format!("no-input file 0 {without}\n")));
    }

    #[test]
    fn variables_are_filled_in_and_nothing_runs() {
        let table = [
            ("$DATA/x", "/d a/x"),
            ("${DATA}/x", "/d a/x"),
            ("a$DATA$DATA.b", "a/d a/d a.b"),
            ("$UNSET_ONE/x", "$UNSET_ONE/x"),
            ("${UNSET_ONE}x", "${UNSET_ONE}x"),
            ("$/x$", "$/x$"),
            ("${-x}/$(id)", "${-x}/$(id)"),
            ("`id`;${DATA", "`id`;${DATA"),
        ];
        for (path, expected) in table {
            let script = format!("{EXPAND}\nexpand \"$1\"; printf %s \"$path\"");
            let shell = Command::new("sh").variable("DATA", "/d a");
            let ran = shell.args(["-c", &script, "sh", path]).run().unwrap();
            assert_eq!(String::from_utf8_lossy(&ran.output), expected, "{path}");
        }
    }
}
