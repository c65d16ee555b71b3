//! Children that end with this process: a SIGTERM for it alone, from `kill` or from the wrapper, would leave rsync
//! transferring.

use std::sync::{Mutex, Once, PoisonError};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// The processes that run now.
static LIVE: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// A command of which the processes are known to run, until this is dropped.
#[derive(Debug)]
pub(crate) struct Live(Vec<Pid>);

impl Live {
    /// Notes the processes of a command.
    pub(crate) fn of(handle: &duct::Handle) -> Self {
        let pids = handle.pids().into_iter().filter_map(|pid| Pid::from_raw(pid.cast_signed()));
        let pids: Vec<Pid> = pids.collect();
        LIVE.lock().unwrap_or_else(PoisonError::into_inner).extend(&pids);
        Self(pids)
    }

    /// Notes the processes of a command, and lets all that are noted end with this one.
    pub(crate) fn ended_with_us(handle: &duct::Handle) -> Self {
        end_with_this_process();
        Self::of(handle)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let mut live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
        live.retain(|pid| !self.0.contains(pid));
    }
}

/// Ends every command that runs, for a program that ends while one of its threads still waits for it: an ssh would go on
/// asking for a password.
pub fn end_children() {
    for pid in LIVE.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        let _ = kill_process(*pid, Signal::TERM);
    }
}

fn end_with_this_process() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Without it all is as it would be.
        let Ok(mut signals) = Signals::new([SIGTERM]) else { return };
        thread::spawn(move || {
            for signal in signals.forever() {
                end_children();
                let _ = emulate_default_handler(signal);
            }
        });
    });
}
