//! `--list`: what is in the workspace there.

use std::fmt::Write;
use std::path::Path;

use mlcube_ssh_config::connection::Connection;
use mlcube_ssh_config::document::Document;
use mlcube_ssh_config::failure::Outcome;
use mlcube_ssh_config::layout::Layout;
use mlcube_ssh_config::report::human_bytes;
use mlcube_ssh_config::step::{Step, write_once};
use mlcube_ssh_config::workspace::{Entry, Kind, Listing};

use crate::cli::Args;
use crate::{fetch, outputs, pull};

/// Writes size, time and name of every entry that is selected.
pub(crate) fn list(step: &Step, document: &mut Document, args: &Args) -> Outcome<()> {
    let (layout, runner) = Layout::of_document(document)?;
    let connection = Connection::new(document, &runner, step.report())?;
    let selection = pull::selection(args, &outputs::declared(document, &layout.workspace))?;
    let there = fetch::list(&connection, document)?;
    let mut selected = Listing::default();
    for (path, entry) in there.listing.iter().filter(|(path, _)| selection.includes(path)) {
        selected.insert(path.clone(), entry.clone());
    }
    write_once(&table(&selected))?;
    Ok(())
}

fn table(listing: &Listing) -> String {
    let mut text = String::new();
    for (path, entry) in listing.iter() {
        let size = if entry.kind == Kind::File { human_bytes(entry.size) } else { "-".to_owned() };
        let _ = writeln!(text, "{size:>10}  {}  {}", time(entry.modified.0), name(path, entry));
    }
    text
}

/// A name that can't play tricks with a terminal: a folder's ends with a slash, a link's with its target.
fn name(path: &Path, entry: &Entry) -> String {
    let path = path.to_string_lossy().escape_debug().to_string();
    let target = entry.target.to_string_lossy();
    match entry.kind {
        Kind::File => path,
        Kind::Folder => format!("{path}/"),
        Kind::Link => format!("{path} -> {}", target.escape_debug()),
        Kind::Unreadable => format!("{path} (can't be read, it belongs to {target})"),
        Kind::Other => format!("{path} (a device, socket or pipe)"),
    }
}

/// `2026-11-24 06:18:31`, UTC. The days are counted from March, as in the calendar that began with it.
fn time(seconds: i64) -> String {
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let days = day + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let date = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{year:04}-{month:02}-{date:02} {hour:02}:{minute:02}:{:02}", second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(time(0), "1970-01-01 00:00:00");
        assert_eq!(time(951_782_400), "2000-02-29 00:00:00");
        assert_eq!(time(1_795_501_111), "2026-11-24 06:18:31");
        assert_eq!(time(-1), "1969-12-31 23:59:59");
    }
}
