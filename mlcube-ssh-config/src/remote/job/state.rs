//! The state of a job, in the line of a status script's reply.

use serde_json::{Map, Value};

use crate::settings::names::JobId;
use crate::text::date::utc;
use crate::text::printable::printable_json;

/// The state of a job, as a status script replies.
#[derive(Clone, Debug)]
pub struct JobState {
    id: JobId,
    state: String,
    why: Option<String>,
    status: Option<u8>,
    started: Option<u64>,
    ended: Option<u64>,
    host: String,
    about: Map<String, Value>,
}

impl JobState {
    /// Parses `ID STATE STATUS STARTED ENDED HOST ABOUT`; `None` if the id is malformed or a word is missing.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.splitn(7, ' ');
        let id = words.next()?.parse().ok()?;
        let state = words.next()?;
        let (state, why) = match state.split_once(':') {
            Some((state, why)) => (state, Some(why.to_owned())),
            None => (state, None),
        };
        Some(Self {
            id,
            state: state.to_owned(),
            why,
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
        (self.why.as_deref() == Some("released")).then(|| {
            format!(
                "job {} may still run on the node '{}' and write into the workspace, which isn't locked for it any more",
                self.id, self.host
            )
        })
    }

    /// One line of JSON.
    #[must_use]
    pub fn json(&self) -> String {
        let mut json = Map::new();
        for (key, value) in [
            ("job", Value::from(self.id.as_str())),
            ("state", Value::from(self.state.as_str())),
            ("status", Value::from(self.status)),
            ("started", Value::from(self.started)),
            ("seconds", Value::from(self.seconds())),
            ("host", Value::from(self.host.as_str())),
        ] {
            json.insert(key.to_owned(), value);
        }
        if let Some(why) = &self.why {
            json.insert("why".to_owned(), Value::from(why.as_str()));
        }
        // A value from the remote's `about` must not replace one of the keys above.
        for (key, value) in &self.about {
            json.entry(key.as_str()).or_insert_with(|| value.clone());
        }
        printable_json(&format!("{}\n", Value::Object(json))).into_owned()
    }

    /// Returns whether a text begins as [`JobState::json`] does.
    #[must_use]
    pub fn is_json(text: &[u8]) -> bool {
        let id_and_rest = || {
            let (id, rest) = std::str::from_utf8(
                text.strip_prefix(br#"{"job":""#)?.utf8_chunks().next()?.valid().as_bytes(),
            )
            .ok()?
            .split_once('"')?;
            Some(id.parse::<JobId>().is_ok() && rest.starts_with(r#","state":""#))
        };
        id_and_rest().unwrap_or(false)
    }

    /// One line for people.
    #[must_use]
    pub fn line(&self) -> String {
        let about = |key: &str| self.about.get(key).and_then(Value::as_str).unwrap_or("-");
        let state = match self.status {
            Some(status) => format!("{} {status}", self.state),
            None => self.state.clone(),
        };
        let node =
            if self.state == "elsewhere" { format!("  on {}", self.host) } else { String::new() };
        let why = match (self.state.as_str(), self.why.as_deref()) {
            ("pending", Some(why)) => format!("  {why}"),
            ("killed", Some(why)) if why != "left" && why != "released" => format!("  {why}"),
            _ => String::new(),
        };
        let left = match self.why.as_deref() {
            Some("remains" | "left") => "  left processes or containers",
            Some("released") => "  its workspace was released",
            _ => "",
        };
        format!(
            "{}  {state:<12}  {:<9}  {}  {}{node}{left}{why}",
            self.id,
            about("phase"),
            self.started
                .map(|started| format!("{} UTC", utc(started.cast_signed())))
                .unwrap_or_default(),
            about("user")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_about_a_job_makes_no_other_job_of_it() {
        let state = JobState::parse(
            r#"1-a running - 17 18 h {"job":"2-b;id","status":0,"state":"done","phase":"run"}"#,
        );
        let json: Value = serde_json::from_str(&state.unwrap().json()).unwrap();
        assert_eq!((&json["job"], &json["state"]), (&"1-a".into(), &"running".into()));
        assert_eq!((&json["status"], &json["phase"]), (&Value::Null, &"run".into()));
        for bad in ["../x running - 1 1 h {}", "$(id) running - 1 1 h {}", "1-a", ""] {
            assert!(JobState::parse(bad).is_none(), "{bad}");
        }
    }
}
