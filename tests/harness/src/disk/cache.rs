//! What is made once per checkout and shared by all tests, in `target/test-cache`.

use std::fs;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::program::built;

/// The folder `target/test-cache/NAME`, filled by `make` unless an earlier test, perhaps of another process, did so.
///
/// What `make` leaves behind when it panics is removed by the next one that needs it.
pub(crate) fn cached(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    made_once(name, "", make)
}

/// The same for what is made again as soon as `source`, such as the script that makes it, is another one.
pub fn made_once(name: &str, source: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let cache = built().parent().unwrap().join("test-cache");
    fs::create_dir_all(&cache).unwrap();
    let (folder, whole) = (cache.join(name), cache.join(format!("{name}.whole")));
    let lock = File::create(cache.join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    if fs::read_to_string(&whole).ok().as_deref() != Some(source) {
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        fs::create_dir_all(&folder).unwrap();
        make(&folder);
        fs::write(&whole, source).unwrap();
    }
    folder
}
