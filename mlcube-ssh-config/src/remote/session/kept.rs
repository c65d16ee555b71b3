//! A session that is kept open between the scripts of a step.

use std::cell::RefCell;
use std::mem;

use crate::pipe::failure::Outcome;
use crate::process::script::Script;
use crate::remote::connection::Connection;
use crate::remote::session::{Reply, Session};

/// The session of a step: each script runs in it, and leaves it to the next one. Whoever holds the step's values can run a
/// script, so the session is shared.
#[derive(Debug)]
pub struct KeptSession {
    state: RefCell<State>,
}

#[derive(Debug)]
enum State {
    Open(Box<Session>),
    /// The next script opens a session, which is kept.
    Ready,
    /// A script has a session of its own: some hosts allow none beside that of a transfer.
    Closed,
}

impl KeptSession {
    /// Keeps an open session.
    #[must_use]
    pub fn open(session: Session) -> Self {
        Self { state: RefCell::new(State::Open(Box::new(session))) }
    }

    /// Keeps the session of the first script.
    #[must_use]
    pub fn ready() -> Self {
        Self { state: RefCell::new(State::Ready) }
    }

    /// Keeps no session.
    #[must_use]
    pub fn closed() -> Self {
        Self { state: RefCell::new(State::Closed) }
    }

    /// Returns whether a session is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(*self.state.borrow(), State::Open(_))
    }

    /// Returns whether each script has a session of its own.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(*self.state.borrow(), State::Closed)
    }

    /// Runs a script, in the open session if there is one.
    ///
    /// # Errors
    /// When the host can't be reached or the connection is lost.
    pub fn run(&self, connection: &Connection, script: Script) -> Outcome<Reply> {
        if self.is_closed() {
            return connection.run(&script);
        }
        let session = connection.run_in(self.take(), &script.followed())?;
        let (reply, session) = session.reply_and_keep()?;
        // A script that failed has ended its session.
        *self.state.borrow_mut() = session.map_or(State::Ready, |open| State::Open(Box::new(open)));
        Ok(reply)
    }

    /// Takes the open session, for a script that ends it.
    pub fn take(&self) -> Option<Session> {
        let mut state = self.state.borrow_mut();
        match mem::replace(&mut *state, State::Ready) {
            State::Open(session) => Some(*session),
            other => {
                *state = other;
                None
            }
        }
    }

    /// Ends the open session, and keeps none from now on; returns whether one was open.
    ///
    /// # Errors
    /// When the system can't tell how it ended.
    pub fn close(&self) -> Outcome<bool> {
        let session = self.take();
        *self.state.borrow_mut() = State::Closed;
        let was_open = session.is_some();
        session.map_or(Ok(()), Session::end)?;
        Ok(was_open)
    }
}
