//! Reads the two files into the tree.

use std::fs;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;

use omegaconf::yaml::MAX_BYTES;
use omegaconf::{Error, NodeId, Origin, Value};

use crate::config::composition::Composition;
use crate::text::quote::shell_word;

/// Selects one of the two files.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Cube,
    Settings,
}

impl Which {
    fn absent(self) -> Error {
        Error::new("no such file").hint(match self {
            Self::Cube => "name the cube's folder or file with --mlcube",
            Self::Settings => "describe the platform in it, in a section 'platforms', as mlcube-ssh-config/README.md shows, or name another file with MLCUBE_SYSTEM_SETTINGS",
        })
    }
}

impl Composition<'_> {
    /// Reads one of the two files into the tree; returns its root, which is a map.
    ///
    /// # Errors
    /// When the file is missing or can't be read, isn't a map, or (the settings) can be written by everybody.
    pub(crate) fn load(&mut self, which: Which, path: &str) -> omegaconf::Result<NodeId> {
        let source = match which {
            Which::Cube => self.sources.cube,
            Which::Settings => self.sources.settings,
        };
        let whole = Origin::Written(source, 0);
        // A pipe in a stranger's cube may have no writer: reading it would wait for ever.
        if which == Which::Cube && fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return Err(Error::new("it isn't a regular file")
                .hint("name a regular file, or the folder that contains it")
                .with_origin(whole));
        }
        let content = read(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => which.absent(),
            _ => Error::new(error.to_string()),
        });
        let content = content.map_err(|error| error.with_origin(whole))?;
        if which == Which::Settings && is_open_to_everybody(path) {
            // As ssh refuses such a ~/.ssh/config: 'setup' and 'ssh_config' run programs.
            return Err(Error::new("everybody can write this file")
                .hint(format!("`chmod o-w {}`, after a look at what it says", shell_word(path)))
                .with_origin(whole));
        }
        let root = self.conf.load(source, &content)?;
        match self.conf.tree.value(root) {
            Value::Map(_) => Ok(root),
            _ => Err(Error::new("this is a list; it must be a map").with_origin(whole)),
        }
    }
}

/// Returns whether every user can write a regular file. A group may be the user's own.
fn is_open_to_everybody(path: &str) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.mode() & 0o002 != 0)
}

/// Reads a file up to one byte more than allowed, so that reading a device or a pipe ends, too.
fn read(path: &str) -> std::io::Result<Vec<u8>> {
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}
