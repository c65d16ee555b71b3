//! The verbs about the shared connection itself: `login`, and `list --connections`.

use mlcube_ssh::cube::Cube;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::pipe::step::{Step, write_for_people, write_once};
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::login::open_connections::OpenConnection;
use mlcube_ssh::text::printable::printable_json;
use mlcube_ssh::text::units::duration;
use mlcube_ssh::ui::table;
use serde_json::json;

/// `login`: opens the shared connection while somebody can reply to what the host asks, and says how long it stays.
pub(crate) fn log_in(step: &Step, document: &Document) -> Outcome<()> {
    let cube = Cube::of(document)?;
    let connection = Connection::new(&cube, document, step.report())?.on_request();
    if step.is_dry_run() {
        step.show(&connection.shown(&Script::new(":")));
        return Ok(());
    }
    let is_new = connection.open_for_later()?;
    let (host, end, logout) =
        (connection.host(), connection.about().end(), document.logout_command());
    step.report().say(&if connection.is_users_own() {
        format!("'{host}' is reached over a connection of your own ssh, which closes {end}")
    } else if is_new {
        format!("logged in on '{host}'; the connection closes {end}, or with `{logout}`")
    } else {
        format!("a connection to '{host}' is open already; it closes {end}, or with `{logout}`")
    });
    Ok(())
}

/// `list --connections`: a line for each connection that is open on the local machine.
pub(crate) fn list(step: &Step, as_json: bool) -> Outcome<()> {
    let open = OpenConnection::all()?;
    if as_json {
        return Ok(write_once(&open.iter().map(json_line).collect::<String>())?);
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

fn json_line(open: &OpenConnection) -> String {
    let json = json!({
        "host": open.host,
        "user": open.user,
        "platform": open.platform,
        "seconds": open.age(),
        "closes": open.end(),
    });
    printable_json(&format!("{json}\n")).into_owned()
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
