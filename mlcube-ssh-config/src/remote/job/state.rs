//! The state of a job, as the function `job_state` of the remote scripts sets it, and the line about a job in a reply.

use clap::ValueEnum;
use serde_json::{Map, Value};

use crate::settings::names::JobId;
use crate::text::date::local;
use crate::text::printable::printable_json;
use crate::text::units::{duration, rough_duration};
use crate::ui::table;

/// The state of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JobState {
    /// Its launcher hasn't started it, for this reason.
    Pending(String),
    /// It ran, and its launcher hasn't started it again, for this reason.
    Requeued(String),
    Running,
    /// It ended by itself.
    Finished(Left),
    /// A stop ended it.
    Killed(Left),
    /// Its launcher ended it, in this state.
    KilledByLauncher(String),
    /// Its leader is gone and left no status.
    Lost(WhyLost),
    /// It is on another node, or in a container of the host: the processes can't be inspected.
    Elsewhere {
        /// Whether a stop has released its workspace.
        is_released: bool,
    },
    /// A file that would tell can't be read.
    Unknown,
}

/// Whether processes or containers of an ended job are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    Nothing,
    Something,
}

/// Why a job is lost.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhyLost {
    /// The host was rebooted while it ran.
    Rebooted,
    /// Other processes of it still run.
    Remains,
    /// The container or namespace in which it ran isn't visible.
    Namespace,
    /// It began on a node that doesn't see its folder.
    Unshared,
    /// Its launcher knows it, and it left no status.
    Silent,
    /// Nobody knows.
    #[value(skip)]
    Unknown,
}

impl WhyLost {
    /// Parses the word of a script, which is empty if the script doesn't know why; `None` if it is another word.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        if word.is_empty() { Some(Self::Unknown) } else { Self::from_str(word, false).ok() }
    }

    fn word(self) -> Option<String> {
        Some(self.to_possible_value()?.get_name().to_owned())
    }
}

/// Returns a launcher's reason for people: some are one word (`launch_failed_requeued_held`). A sentence is as the launcher
/// wrote it, since it may name nodes.
#[must_use]
pub fn readable(reason: &str) -> String {
    if reason.contains(' ') { reason.to_owned() } else { reason.replace('_', " ") }
}

impl JobState {
    /// Parses `STATE` or `STATE:WHY`, which has a tab for each blank; `None` if a word isn't one of the scripts'.
    pub(crate) fn parse(words: &str) -> Option<Self> {
        let (state, why) = words.split_once(':').unwrap_or((words, ""));
        let reason = || why.replace('\t', " ");
        Some(match (state, why) {
            ("pending", _) => Self::Pending(reason()),
            ("requeued", _) => Self::Requeued(reason()),
            ("running", "") => Self::Running,
            ("finished", "") => Self::Finished(Left::Nothing),
            ("finished", "left") => Self::Finished(Left::Something),
            ("killed", "") => Self::Killed(Left::Nothing),
            ("killed", "left") => Self::Killed(Left::Something),
            ("killed", state) => Self::KilledByLauncher(state.to_owned()),
            ("lost", why) => Self::Lost(WhyLost::parse(why)?),
            ("elsewhere", "") => Self::Elsewhere { is_released: false },
            ("elsewhere", "released") => Self::Elsewhere { is_released: true },
            ("unknown", "") => Self::Unknown,
            _ => return None,
        })
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Pending(_) | Self::Requeued(_) => "pending",
            Self::Running => "running",
            Self::Finished(_) => "finished",
            Self::Killed(_) | Self::KilledByLauncher(_) => "killed",
            Self::Lost(_) => "lost",
            Self::Elsewhere { .. } => "elsewhere",
            Self::Unknown => "unknown",
        }
    }

    /// What the scripts say behind the state.
    fn why(&self) -> Option<String> {
        match self {
            Self::Pending(why) | Self::Requeued(why) | Self::KilledByLauncher(why) => {
                Some(why.clone()).filter(|why| !why.is_empty())
            }
            Self::Finished(Left::Something) | Self::Killed(Left::Something) => {
                Some("left".to_owned())
            }
            Self::Lost(why) => why.word(),
            Self::Elsewhere { is_released: true } => Some("released".to_owned()),
            _ => None,
        }
    }
}

/// What a status script replies about a job.
#[derive(Clone, Debug)]
pub struct JobReport {
    id: JobId,
    state: JobState,
    status: Option<u8>,
    started: Option<u64>,
    ended: Option<u64>,
    host: String,
    about: Map<String, Value>,
}

impl JobReport {
    /// Parses `ID STATE STATUS STARTED ENDED HOST ABOUT`; `None` if the id or the state is malformed or a word is missing.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.splitn(7, ' ');
        Some(Self {
            id: words.next()?.parse().ok()?,
            state: JobState::parse(words.next()?)?,
            status: words.next()?.parse().ok(),
            started: words.next()?.parse().ok(),
            ended: words.next()?.parse().ok(),
            host: words.next()?.to_owned(),
            about: words
                .next()
                .and_then(|text| serde_json::from_str(text).ok())
                .unwrap_or_default(),
        })
    }

    fn seconds(&self) -> Option<u64> {
        Some(self.ended?.saturating_sub(self.started?))
    }

    /// Returns the warning about a job whose workspace was released while its end isn't known.
    #[must_use]
    pub fn released(&self) -> Option<String> {
        (self.state == JobState::Elsewhere { is_released: true }).then(|| {
            format!(
                "job {} may still run on the node '{}' and write into the workspace, which isn't locked for it any more",
                self.id, self.host
            )
        })
    }

    /// One line of JSON.
    #[must_use]
    pub fn json_line(&self) -> String {
        printable_json(&format!("{}\n", self.json())).into_owned()
    }

    /// The report as a JSON object.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut json = Map::new();
        for (key, value) in [
            ("job", Value::from(self.id.as_str())),
            ("state", Value::from(self.state.word())),
            ("status", Value::from(self.status)),
            ("started", Value::from(self.started)),
            ("seconds", Value::from(self.seconds())),
            ("host", Value::from(self.host.as_str())),
        ] {
            json.insert(key.to_owned(), value);
        }
        if let Some(why) = self.state.why() {
            json.insert("why".to_owned(), Value::from(why));
        }
        // A value from the remote's `about` must not replace one of the keys above.
        for (key, value) in &self.about {
            json.entry(key.as_str()).or_insert_with(|| value.clone());
        }
        Value::Object(json)
    }

    /// Returns whether a text begins as [`JobReport::json_line`] does, or as an array of such objects.
    #[must_use]
    pub fn is_json(text: &[u8]) -> bool {
        let object = text.strip_prefix(b"[\n").unwrap_or(text);
        let id_and_rest = || {
            let (id, rest) = std::str::from_utf8(
                object.strip_prefix(br#"{"job":""#)?.utf8_chunks().next()?.valid().as_bytes(),
            )
            .ok()?
            .split_once('"')?;
            Some(id.parse::<JobId>().is_ok() && rest.starts_with(r#","state":""#))
        };
        id_and_rest().unwrap_or(false)
    }

    /// What there is to know about a state besides its word.
    fn note(&self) -> Option<String> {
        Some(match &self.state {
            JobState::Pending(why) => readable(why),
            JobState::Requeued(why) => format!("requeued: {}", readable(why)),
            JobState::KilledByLauncher(why) => why.clone(),
            JobState::Finished(Left::Something)
            | JobState::Killed(Left::Something)
            | JobState::Lost(WhyLost::Remains) => "left processes or containers".to_owned(),
            JobState::Elsewhere { is_released: false } => format!("on {}", self.host),
            JobState::Elsewhere { is_released: true } => {
                format!("on {}, its workspace was released", self.host)
            }
            _ => return None,
        })
    }

    /// The tasks, or in parentheses what ran in place of tasks.
    fn tasks(&self) -> String {
        let tasks = self.about.get("tasks").and_then(Value::as_array).into_iter().flatten();
        let tasks: Vec<&str> = tasks.filter_map(Value::as_str).collect();
        match self.about.get("phase").and_then(Value::as_str) {
            Some("configure") => "(configure)".to_owned(),
            // An earlier version started it.
            _ if tasks.is_empty() => "-".to_owned(),
            _ => shortened(&tasks.join(",")),
        }
    }

    /// The cells of a row; `now` is the host's time. None is long: a host may say much.
    fn row(&self, ids: &ShortIds<'_>, now: Option<u64>) -> Vec<String> {
        let unknown = || "-".to_owned();
        // Of a job that waits, the time since which it does.
        let since = self.started.or_else(|| self.about.get("submitted").and_then(Value::as_u64));
        let ago = now.zip(since).map(|(now, since)| rough_duration(now.saturating_sub(since)));
        let word = self.state.word();
        let mut row = vec![
            shortened(ids.of(&self.id)),
            self.status.map_or_else(|| word.to_owned(), |status| format!("{word} {status}")),
            self.tasks(),
            since.map_or_else(unknown, |since| local(since.cast_signed())),
            ago.map_or_else(unknown, |ago| format!("{ago} ago")),
            self.seconds().map_or_else(unknown, duration),
            shortened(self.about.get("user").and_then(Value::as_str).unwrap_or("-")),
        ];
        row.extend(self.note().map(|note| first_characters(&note, LONGEST_NOTE)));
        row
    }
}

/// What tells jobs apart: every id, and its random part, in order.
struct ShortIds<'a>(Vec<&'a str>);

impl<'a> ShortIds<'a> {
    fn new(jobs: &'a [JobReport]) -> Self {
        let ids = jobs.iter().map(|job| job.id.as_str()).filter(|id| id.len() <= LONGEST_CELL);
        let random = |id: &'a str| id.match_indices('-').map(move |(at, _)| &id[at + 1..]);
        let mut names: Vec<&str> = ids.flat_map(|id| random(id).chain([id])).collect();
        names.sort_unstable();
        Self(names)
    }

    /// Returns the beginning of the id's random part that no other job has, which `--job` takes as `pick_job` of the
    /// scripts decides.
    fn of(&self, id: &'a JobId) -> &'a str {
        let id = id.as_str();
        let Some((_, random)) = id.rsplit_once('-').filter(|_| id.len() <= LONGEST_CELL) else {
            return id;
        };
        let own = self.0.partition_point(|name| *name < random);
        let neighbours = [own.checked_sub(1), Some(own + 1)].into_iter().flatten();
        let neighbours = neighbours.filter_map(|at| self.0.get(at));
        let shared = neighbours.map(|name| common(name, random)).max().unwrap_or_default();
        random
            .get(..SHORT_ID.max(shared + 1))
            .filter(|short| short.len() < random.len())
            .unwrap_or(id)
    }
}

/// Returns how many bytes two texts have in common at their beginning.
fn common(one: &str, other: &str) -> usize {
    one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count()
}

/// The characters of an id that a table shows, if they are enough.
const SHORT_ID: usize = 6;

/// The most characters of a cell, and of the note behind the cells.
const LONGEST_CELL: usize = 40;
const LONGEST_NOTE: usize = 200;

/// The most jobs of a table: a host that keeps twenty may tell of a million.
const MOST_JOBS: usize = 1000;

fn shortened(text: &str) -> String {
    first_characters(text, LONGEST_CELL)
}

fn first_characters(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

/// Returns a table of jobs for people, with a header; `now` is the host's time.
#[must_use]
pub fn job_table(jobs: &[JobReport], now: Option<u64>) -> Vec<String> {
    if jobs.is_empty() {
        return Vec::new();
    }
    let header = ["JOB", "STATE", "TASKS", "SINCE", "AGO", "TOOK", "BY"].map(str::to_owned);
    let ids = ShortIds::new(jobs);
    let rows = jobs.iter().take(MOST_JOBS).map(|job| job.row(&ids, now));
    let mut lines = table::lines(&std::iter::once(header.to_vec()).chain(rows).collect::<Vec<_>>());
    if let Some(more) = jobs.len().checked_sub(MOST_JOBS).filter(|more| *more > 0) {
        lines.push(format!("and {more} more; --json lists all"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_about_a_job_makes_no_other_job_of_it() {
        let report = JobReport::parse(
            r#"1-a running - 17 18 h {"job":"2-b;id","status":0,"state":"done","phase":"run"}"#,
        );
        let json = report.unwrap().json();
        assert_eq!((&json["job"], &json["state"]), (&"1-a".into(), &"running".into()));
        assert_eq!((&json["status"], &json["phase"]), (&Value::Null, &"run".into()));
        let bad = ["../x running - 1 1 h {}", "$(id) running - 1 1 h {}", "1-a", ""];
        let other_words = ["1-a runs - 1 1 h {}", "1-a lost:away - 1 1 h {}"];
        for bad in bad.into_iter().chain(other_words) {
            assert!(JobReport::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_table_has_the_shortest_ids_that_tell_jobs_apart() {
        let report = |line: &str| JobReport::parse(line).unwrap();
        let jobs = [
            report(
                r#"1795501111000-9f3a1c00aa00 finished 0 100 3700 h {"tasks":["a","b"],"user":"ann@x"}"#,
            ),
            report(r#"1795501112000-9f3a1c11aa00 running - 200 260 h {"phase":"configure"}"#),
            report("1795501113000-179550aa0000 lost - - - h {}"),
            report("3-x killed 7 - - h {}"),
        ];
        let table = job_table(&jobs, Some(7300));
        let first = |line: &str| line.split_whitespace().next().unwrap().to_owned();
        let ids: Vec<String> = table.iter().map(|line| first(line)).collect();
        assert_eq!(ids, ["JOB", "9f3a1c0", "9f3a1c1", "179550a", "3-x"]);
        assert!(
            table[1].contains("  finished 0  a,b ") && table[1].contains("  2 h ago  1 h    ann@x"),
            "{table:#?}"
        );
        assert!(table[2].contains("  (configure)  "), "{table:#?}");
        assert_eq!(job_table(&[], None), [""; 0]);
    }

    #[test]
    fn a_host_that_tells_of_many_jobs_at_length_gets_a_short_table_soon() {
        let user = "u".repeat(60_000);
        let about = format!(r#"{{"user":"{user}","tasks":["{user}"]}}"#);
        let long = JobReport::parse(&format!("1-{user} elsewhere - 1 - {user} {about}")).unwrap();
        let line = |number| format!("{number}-000000000007 finished 0 1 2 h {{}}");
        let mut jobs: Vec<_> = (0..50_000).filter_map(|n| JobReport::parse(&line(n))).collect();
        jobs.splice(0..0, vec![long; 500]);
        let table = job_table(&jobs, Some(10));
        assert_eq!(table.last().unwrap(), "and 49500 more; --json lists all");
        assert!(table.iter().all(|line| line.chars().count() < 600), "{}", table[1]);
    }
}
