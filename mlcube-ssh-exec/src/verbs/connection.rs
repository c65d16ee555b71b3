//! The verbs about the shared connection itself: `login`, and `list --connections`.

use mlcube_ssh::cube::Cube;
use mlcube_ssh::pipe::answer::{write_json, write_json_list};
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::pipe::step::{Step, write_for_people};
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::login::open_connections::OpenConnection;
use mlcube_ssh::text::units::duration;
use mlcube_ssh::ui::table;
use serde_json::{Map, Value};

/// `login`: opens the shared connection while somebody can reply to what the host asks, and says how long it stays.
pub(crate) fn log_in(step: &Step, document: &Document, as_json: bool) -> Outcome<()> {
    let cube = Cube::of(document)?;
    let connection = Connection::new(&cube, document, step.report())?.on_request();
    if step.is_dry_run() {
        step.show(&connection.shown(&Script::new(":")));
        return Ok(());
    }
    let is_new = connection.open_for_later()?;
    let (host, open, logout) = (connection.host(), connection.about(), document.logout_command());
    let end = open.end();
    let (state, said) = if connection.is_users_own() {
        (
            "own",
            format!("'{host}' is reached over a connection of your own ssh, which closes {end}"),
        )
    } else if is_new {
        (
            "opened",
            format!("logged in on '{host}'; the connection closes {end}, or with `{logout}`"),
        )
    } else {
        (
            "open",
            format!(
                "a connection to '{host}' is open already; it closes {end}, or with `{logout}`"
            ),
        )
    };
    step.report().say(&said);
    if as_json {
        let mut answer = Map::new();
        answer.insert("state".to_owned(), state.into());
        answer.append(&mut facts(&open));
        write_json(&answer)?;
    }
    Ok(())
}

/// `list --connections`: a line for each connection that is open on the local machine.
pub(crate) fn list(step: &Step, as_json: bool) -> Outcome<()> {
    let open = OpenConnection::all()?;
    if as_json {
        return Ok(write_json_list(open.iter().map(facts))?);
    }
    if open.is_empty() {
        step.report().say("no connection is open");
        return Ok(());
    }
    let header = ["HOST", "USER", "PLATFORM", "OPEN FOR", "CLOSES"].map(str::to_owned);
    let rows = open.iter().map(|open| row(open).to_vec());
    let rows: Vec<_> = std::iter::once(header.to_vec()).chain(rows).collect();
    Ok(write_for_people(table::lines(&rows))?)
}

/// What is known of a connection, as JSON; `null` for the rest.
fn facts(open: &OpenConnection) -> Map<String, Value> {
    let known = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
    let facts = [
        ("host", known(&open.host)),
        ("user", open.user.as_deref().into()),
        ("platform", known(&open.platform)),
        ("opened", open.opened.into()),
        ("seconds", open.age().into()),
        ("persist", open.persist.into()),
    ];
    facts.map(|(key, value)| (key.to_owned(), value)).into_iter().collect()
}

fn row(open: &OpenConnection) -> [String; 5] {
    let known = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    [
        known(&open.host),
        known(open.user.as_deref().unwrap_or_default()),
        known(&open.platform),
        open.age().map_or_else(|| "-".to_owned(), duration),
        open.end(),
    ]
}
