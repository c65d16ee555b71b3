//! `mlcube-ssh-odd-disk FOLDER MOUNTPOINT SWITCHES`: shows a folder at a mount point as a disk with oddities would,
//! until it is unmounted. The oddities stand in the file SWITCHES, see [`switches`]; they may change at any time.

mod disk;
mod names;
mod nodes;
mod switches;

use std::path::PathBuf;
use std::process::ExitCode;

use fuser::{Config, MountOption, SessionACL};

use crate::disk::Disk;

fn main() -> ExitCode {
    let words: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [folder, mountpoint, switches] = words.as_slice() else {
        eprintln!("usage: mlcube-ssh-odd-disk FOLDER MOUNTPOINT SWITCHES");
        return ExitCode::from(2);
    };
    let mut config = Config::default();
    // The kernel checks permissions by what is reported, as for a disk, and for every user.
    config.mount_options = vec![
        MountOption::FSName("odd-disk".to_owned()),
        MountOption::DefaultPermissions,
        MountOption::Suid,
    ];
    config.acl = SessionACL::All;
    match fuser::mount(Disk::new(folder, switches), mountpoint, &config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("can't mount {}: {problem}", mountpoint.display());
            ExitCode::FAILURE
        }
    }
}
