//! Decides which documents may choose where to log in: those that this user wrote.
//!
//! A document contains the settings of the runner – the host, the key, `setup`, `environment` – and may come from
//! anybody. Its settings are accepted in one of two cases:
//!
//! - The document has the **seal** of this user's `mlcube-ssh-config`: an HMAC over the settings, the local and the
//!   remote paths, with a key in the state folder that nobody else can read. So `-Prunner.…` of a pipeline is accepted,
//!   and a running pipeline continues after the settings file was changed.
//! - The **settings file** of the local machine gives the same settings, and the rest follows from them: the document
//!   was copied from another machine of the user.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use crate::config;
use crate::config::request::Request;
use crate::cube::boundary::is_home_or_above;
use crate::cube::layout::Layout;
use crate::cube::outside_inputs;
use crate::cube::paths::real;
use crate::pipe::document::{Document, not_of_ssh};
use crate::pipe::failure::hinted;
use crate::pipe::private_file::{STATE_REMEDY, state_folder, write_once};
use crate::settings::runner::{Runner, UserSettings};
use crate::text::hint::OrHint;
use crate::text::random_id;
use crate::text::stable_hash::to_hex;

/// Bytes of the key: as many as the hash has.
const KEY: usize = 32;

/// The hint for a document whose settings aren't accepted.
const HINT: &str = "run `mlcube-ssh-config` locally with the flags that the document should have; it seals what it writes";

/// Returns the layout and the runner settings of a document, if they are this user's: this user's `mlcube-ssh-config`
/// sealed them, or the settings file has the same ones.
pub(crate) fn confirmed(document: &Document) -> Result<(Layout, Runner)> {
    let is_sealed = is_sealed(document);
    if !is_sealed {
        compare_with_settings(document)?;
    }
    let runner = Runner::new(&UserSettings::new(&document.config))?;
    let layout = Layout::of(&document.config, &document.run, &runner)?;
    if !is_sealed {
        check_places(document, &layout, &runner)?;
    }
    Ok((layout, runner))
}

/// Returns whether this user's `mlcube-ssh-config` wrote the settings and paths of the document on this machine.
#[must_use]
pub fn is_sealed(document: &Document) -> bool {
    let seal = document.seal.as_deref().and_then(from_hex);
    // Without a key, this user has sealed nothing.
    let (Some(seal), Ok(Some(key))) = (seal, key_file().and_then(|file| read_key(&file))) else {
        return false;
    };
    mac(&key, document).is_some_and(|mac| mac.verify_slice(&seal).is_ok())
}

/// Seals a document that was resolved from this user's settings and command line.
///
/// # Errors
/// When there is no folder for the key, or it can't be made.
pub fn seal(document: &mut Document) -> Result<()> {
    let file = key_file()?;
    let key = match read_key(&file)? {
        Some(key) => key,
        None => make_key(&file)
            .with_context(|| format!("can't create the key {}", file.display()))
            .or_hint(STATE_REMEDY)?,
    };
    document.seal = mac(&key, document).map(|mac| to_hex(&mac.finalize().into_bytes()));
    Ok(())
}

/// The HMAC over everything that a document must not decide by itself.
fn mac(key: &[u8], document: &Document) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    let remote = &document.remote;
    let mut sealed = json!([
        "mlcube-ssh seal 2",
        document.config.get("runner"),
        document.config.get("runtime"),
        of_docker(&document.config, "build_context"),
        of_docker(&document.config, "build_file"),
        document.run.mlcube,
        document.run.platform,
        document.run.workspace,
        document.run.runner_overrides,
        document.run.inputs,
        remote.host.as_str(),
        remote.user.as_ref().map(crate::settings::names::User::as_str),
        remote.base.as_str(),
        remote.cube.as_str(),
        remote.workspace.as_str(),
        remote.state.as_str(),
    ]);
    // Appended only if a task is withheld, so that all other documents have the seal of earlier versions.
    if let (false, Value::Array(sealed)) = (document.run.withheld.is_empty(), &mut sealed) {
        sealed.push(json!(document.run.withheld));
    }
    mac.update(sorted(&sealed).to_string().as_bytes());
    Some(mac)
}

fn of_docker<'a>(config: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    config.get("docker")?.get(key)
}

/// Sorts every map by its keys: a program that a document passes through may change their order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let map: BTreeMap<&String, Value> =
                map.iter().map(|(key, value)| (key, sorted(value))).collect();
            map.into_iter().map(|(key, value)| (key.clone(), value)).collect()
        }
        Value::Array(list) => list.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

/// Refuses an unusable key: then the key is the cause of the failure, not the document.
fn check_key() -> Result<()> {
    key_file().map_or(Ok(()), |file| read_key(&file).map(drop))
}

/// Refuses settings that differ from those of the settings file.
fn compare_with_settings(document: &Document) -> Result<()> {
    let platform = &document.run.platform;
    if let Some(word) = document.run.runner_overrides.first() {
        check_key()?;
        return Err(hinted(
            format!(
                "the document sets -P{word}, and wasn't written by this user's mlcube-ssh-config"
            ),
            HINT,
        ));
    }
    let file = settings_file()?;
    let request = Request {
        mlcube: document.run.mlcube.clone(),
        platform: platform.clone(),
        // Without the document's own overrides, which would be compared with themselves.
        settings: file.clone(),
        working_directory: "/".to_owned(),
        ..Request::default()
    };
    let local = local_settings(&request, document).map_err(|problem| {
        hinted(
            format!("the document's settings can't be compared with the local ones: {problem:#}"),
            HINT,
        )
    })?;
    let other = local.different_keys(&UserSettings::new(&document.config));
    if other.is_empty() {
        return Ok(());
    }
    check_key()?;
    Err(hinted(
        format!(
            "the document wasn't written by this user's mlcube-ssh-config, and {file} doesn't say the same of the platform '{platform}': {}",
            other.join(", ")
        ),
        HINT,
    ))
}

/// The local settings for the document's cube. If its folder exists it must contain a cube, which decides what is sent:
/// otherwise a document could have any folder sent.
fn local_settings(request: &Request, document: &Document) -> Result<UserSettings> {
    let environment = |name: &str| env::var(name).ok();
    let root = Path::new(&request.mlcube).parent().unwrap_or(Path::new("/"));
    if !root.exists() {
        ensure!(
            document.run.inputs.is_empty(),
            "the document has run.inputs, and the cube's folder doesn't exist"
        );
        let resolved = config::resolve_settings(request, &environment)?;
        let resolved = resolved.ok_or_else(|| not_of_ssh(&request.platform))?;
        return resolved.user_settings();
    }
    let resolved = config::resolve(request, &environment)?;
    for key in ["build_context", "build_file"] {
        let is_same = of_docker(&resolved.config, key) == of_docker(&document.config, key);
        ensure!(is_same, "docker.{key} isn't what {} says", request.mlcube);
    }
    let inputs = outside_inputs::inputs(request, &resolved)?;
    ensure!(inputs == document.run.inputs, "run.inputs aren't what {} declares", request.mlcube);
    resolved.user_settings()
}

/// Returns whether a path is below the current folder and in no hidden one. Programs run what they find in hidden
/// folders, and in `bin` of the home, which is where a terminal starts.
fn is_plainly_below_current_folder(path: &Path) -> Result<bool> {
    let current = real(&env::current_dir().context("can't find the current folder")?)?;
    if is_home_or_above(&current)? {
        return Ok(false);
    }
    let is_hidden = |name: &OsStr| name.as_encoded_bytes().starts_with(b".");
    Ok(path.strip_prefix(current).is_ok_and(|below| !below.iter().any(is_hidden)))
}

/// Refuses places that don't follow from the settings, and a workspace outside the cube's folder.
fn check_places(document: &Document, layout: &Layout, runner: &Runner) -> Result<()> {
    let (expected, stated) = (layout.remote(runner)?, &document.remote);
    let places = [
        ("host", expected.host.as_str(), stated.host.as_str()),
        ("base", expected.base.as_str(), stated.base.as_str()),
        ("cube", expected.cube.as_str(), stated.cube.as_str()),
        ("workspace", expected.workspace.as_str(), stated.workspace.as_str()),
        ("state", expected.state.as_str(), stated.state.as_str()),
    ];
    let user = (expected.user != stated.user).then_some("user");
    let other =
        places.iter().find(|(_, expected, stated)| expected != stated).map(|(key, ..)| *key);
    if let Some(key) = user.or(other) {
        return Err(hinted(
            format!("the document's remote.{key} isn't what its settings give"),
            HINT,
        ));
    }
    let root = layout.local_root();
    let workspace = real(&layout.workspace)?;
    if !root.exists() && !is_plainly_below_current_folder(&workspace)? {
        return Err(hinted(
            format!(
                "the cube's folder {} doesn't exist, the document wasn't written by this user's mlcube-ssh-config, and its workspace {} isn't below the current folder, or that is the home",
                root.display(),
                layout.workspace.display()
            ),
            format!("go to the folder that the results should be in; or {HINT}"),
        ));
    }
    let root_is = real(&root)?;
    if workspace.starts_with(&root_is) && workspace != root_is {
        return Ok(());
    }
    Err(hinted(
        format!(
            "the document's workspace {} isn't a folder in the cube's folder {}, and the document wasn't written by this user's mlcube-ssh-config",
            layout.workspace.display(),
            root.display()
        ),
        HINT,
    ))
}

/// The settings file: `$MLCUBE_SYSTEM_SETTINGS`, else `mlcube.yaml` in the home folder.
///
/// # Errors
/// When there is no home folder, or the path isn't UTF-8.
pub fn settings_file() -> Result<String> {
    let path = if let Some(path) = env::var_os("MLCUBE_SYSTEM_SETTINGS") {
        path
    } else {
        let home = env::home_dir()
            .context("HOME isn't set, so there is no ~/mlcube.yaml; set MLCUBE_SYSTEM_SETTINGS")?;
        home.join("mlcube.yaml").into_os_string()
    };
    path.into_string().ok().context(
        "the path of the settings file isn't UTF-8; set MLCUBE_SYSTEM_SETTINGS to one that is",
    )
}

fn key_file() -> Result<PathBuf> {
    Ok(state_folder()?.join("key"))
}

/// Reads the key; `None` if it doesn't exist yet.
fn read_key(file: &Path) -> Result<Option<[u8; KEY]>> {
    let read = || {
        let mut opened = File::open(file)?;
        let metadata = opened.metadata()?;
        let mut key = [0; KEY];
        opened.read_exact(&mut key)?;
        Ok::<_, io::Error>((metadata, key))
    };
    match read() {
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(problem) => {
            Err(hinted(format!("can't read the key {}: {problem}", file.display()), STATE_REMEDY))
        }
        // A user who can read the key can seal; one who can write it can make this program trust another key.
        Ok((metadata, key))
            if metadata.uid() == rustix::process::geteuid().as_raw()
                && metadata.permissions().mode().trailing_zeros() >= 6 =>
        {
            Ok(Some(key))
        }
        Ok(_) => Err(hinted(
            format!("the key {} must be owned by you with mode 0600", file.display()),
            format!("remove it; it will be recreated: rm {}", file.display()),
        )),
    }
}

/// Makes the key, or reads the one that another process has made meanwhile.
fn make_key(file: &Path) -> Result<[u8; KEY]> {
    write_once(file, &random_id::bytes::<KEY>()?)?;
    read_key(file)?.context("it was removed meanwhile")
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn hexadecimal_there_and_back() {
        assert_eq!(from_hex(&to_hex(&[0, 1, 0xab, 0xff])), Some(vec![0, 1, 0xab, 0xff]));
        for bad in ["0", "0g", "é0"] {
            assert_eq!(from_hex(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_key_is_made_once_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a/key");
        assert_eq!(read_key(&file).unwrap(), None);
        let key = make_key(&file).unwrap();
        assert_eq!(make_key(&file).unwrap(), key, "the first one stays");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read_key(&file).is_err());
    }

    #[test]
    fn the_order_of_keys_is_nothing() {
        let one: Value = serde_json::from_str(r#"{"b": [{"d": 1, "c": 2}], "a": 0}"#).unwrap();
        let other: Value = serde_json::from_str(r#"{"a": 0, "b": [{"c": 2, "d": 1}]}"#).unwrap();
        assert_eq!(sorted(&one).to_string(), sorted(&other).to_string());
    }
}
