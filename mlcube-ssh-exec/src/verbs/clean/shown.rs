//! What `clean` writes: the items that it found or removed, for people or as JSON. For people, all jobs that have ended
//! are one line: nobody reads twenty.

use anyhow::Result;
use clap::ValueEnum;
use mlcube_ssh::pipe::answer::write_json_list;
use mlcube_ssh::pipe::step::write_for_people;
use mlcube_ssh::remote::inventory::{Item, ItemKind};
use mlcube_ssh::text::units::count;
use serde_json::{Value, json};

/// Writes the items that were found to standard output.
pub(crate) fn write_found(found: &[Item], as_json: bool) -> Result<()> {
    if as_json {
        write_json_list(found.iter().map(Item::json))
    } else {
        write_for_people(lines(found))
    }
}

/// Writes the items that the reply `text` says were removed.
pub(crate) fn write_removed(text: &str, as_json: bool) -> Result<()> {
    let removed = text.lines().filter_map(|line| line.strip_prefix("removed ")?.split_once(' '));
    let removed: Vec<(&str, &str)> = removed.collect();
    if as_json {
        write_json_list(removed.iter().map(removed_json))
    } else {
        write_for_people(removed_lines(&removed))
    }
}

/// Returns a line for each item; one for all ended jobs, where the first of them was.
fn lines(found: &[Item]) -> Vec<String> {
    let jobs: Vec<&Item> = found.iter().filter(|item| item.kind == ItemKind::Job).collect();
    let [first, _, ..] = jobs[..] else { return found.iter().map(Item::line).collect() };
    let bytes = jobs.iter().map(|job| job.bytes()).fold(0, u64::saturating_add);
    let ended = format!("{} ended jobs in {}", jobs.len(), folder(&first.path));
    let sum = first.kind.line(bytes, &ended);
    let line = |item: &Item| match item.kind {
        // A host may tell of one job twice.
        ItemKind::Job if std::ptr::eq(item, first) => Some(sum.clone()),
        ItemKind::Job => None,
        _ => Some(item.line()),
    };
    found.iter().filter_map(line).collect()
}

/// Returns a line for each of the removed items, by kind and path; one for all jobs.
fn removed_lines(removed: &[(&str, &str)]) -> Vec<String> {
    let jobs: Vec<&str> =
        removed.iter().filter(|(kind, _)| *kind == "job").map(|(_, path)| *path).collect();
    let mut sum = match jobs[..] {
        [] => None,
        [one] => Some(format!("removed job {one}")),
        [first, ..] => {
            Some(format!("removed {} in {}", count(jobs.len() as u64, "job"), folder(first)))
        }
    };
    let line = |(kind, path): &(&str, &str)| match *kind {
        "job" => sum.take(),
        kind => Some(format!("removed {kind} {path}")),
    };
    removed.iter().filter_map(line).collect()
}

/// Returns a removed item, by kind and path, as JSON with the word that `--yes` takes.
fn removed_json((kind, path): &(&str, &str)) -> Value {
    let what = ItemKind::from_str(kind, false).ok().map(ItemKind::what);
    json!({"what": what, "kind": kind, "path": path, "removed": true})
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(folder, _)| folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ended_jobs_are_one_line() {
        let lines_of = |found: &[&str]| {
            lines(&found.iter().map(|line| Item::parse(line).unwrap()).collect::<Vec<_>>())
        };
        let alone = lines_of(&["tree 8 /t", "job 1000 /s/jobs/1-a"]);
        assert!(alone[1].ends_with("  /s/jobs/1-a"), "{alone:?}");
        let many = ["job 1000 /s/jobs/1-a", "running 4 /s/jobs/2-b", "job 1000 /s/jobs/3-c"];
        let many = lines_of(&many);
        assert_eq!(many.len(), 2, "{many:?}");
        assert!(many[0].starts_with("jobs ") && many[0].contains(" 2.0 MB "), "{many:?}");
        assert!(many[0].ends_with("  2 ended jobs in /s/jobs"), "{many:?}");
        assert!(many[1].ends_with("/s/jobs/2-b (running)"), "{many:?}");
        let most = format!("job {} /s/jobs/1-a", u64::MAX);
        assert_eq!(lines_of(&[&most, &most]).len(), 1, "a host's numbers");
    }

    #[test]
    fn removed_jobs_are_one_line() {
        assert_eq!(removed_lines(&[("job", "/s/1-a")]), ["removed job /s/1-a"]);
        let removed = [("container", "12"), ("job", "/s/1-a"), ("job", "/s/2-b"), ("tree", "/t")];
        let lines = removed_lines(&removed);
        assert_eq!(lines, ["removed container 12", "removed 2 jobs in /s", "removed tree /t"]);
        let json =
            json!({"what": "containers", "kind": "container", "path": "12", "removed": true});
        assert_eq!(removed_json(&removed[0]), json);
    }
}
