//! What a shell offers at Tab for the values of options: names that files on this machine give. Nothing is resolved, and
//! no host is contacted.

use std::env;
use std::ffi::OsStr;
use std::fs;

use clap_complete::engine::CompletionCandidate;
use mlcube_ssh::config::written_names;
use mlcube_ssh::cube::paths::home_expanded;
use mlcube_ssh::cube::trust::settings_file;

/// Returns the platforms of the settings file.
pub(crate) fn platforms() -> Vec<CompletionCandidate> {
    // Whoever presses Tab doesn't want to wait for the writer of a pipe.
    let is_file = |settings: &String| fs::metadata(settings).is_ok_and(|found| found.is_file());
    let settings = settings_file().ok().filter(is_file);
    let names = settings.and_then(|settings| written_names::platforms(&settings).ok());
    names.unwrap_or_default().into_iter().map(CompletionCandidate::new).collect()
}

/// Returns the cube's tasks for the last name of a list with commas; those before it aren't offered again.
pub(crate) fn tasks(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else { return Vec::new() };
    let (before, last) = typed.split_at(typed.rfind(',').map_or(0, |comma| comma + 1));
    let folder =
        env::current_dir().ok().and_then(|folder| folder.into_os_string().into_string().ok());
    // A shell expands a `~` only when it runs the line.
    let cube = home_expanded(&typed_cube()).to_string_lossy().into_owned();
    let names = written_names::tasks(&cube, &folder.unwrap_or_default());
    let names = names.unwrap_or_default();
    let is_offered =
        |name: &String| name.starts_with(last) && !before.split(',').any(|other| other == name);
    let names = names.into_iter().filter(is_offered);
    names.map(|name| CompletionCandidate::new(format!("{before}{name}"))).collect()
}

/// Returns the names of this process's variables.
pub(crate) fn variables() -> Vec<CompletionCandidate> {
    env::vars_os().map(|(name, _)| CompletionCandidate::new(name)).collect()
}

/// Returns the cube that the words of this process name.
fn typed_cube() -> String {
    let words: Vec<String> = env::args_os().filter_map(|word| word.into_string().ok()).collect();
    let mut cube = ".".to_owned();
    for (at, word) in words.iter().enumerate() {
        if let Some(path) = word.strip_prefix("--mlcube=") {
            path.clone_into(&mut cube);
        } else if let ("--mlcube", Some(path)) = (word.as_str(), words.get(at + 1)) {
            path.clone_into(&mut cube);
        }
    }
    cube
}
