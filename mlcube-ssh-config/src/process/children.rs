//! Ends child processes together with this one: a signal to this process alone, from `kill` or from the wrapper, would
//! leave rsync transferring, or an ssh that asks for a password.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, Once, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// What a signal to a command reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Child {
    /// Its process.
    Process(Pid),
    /// Its process group: an ssh, and what its configuration lets it start (`Match exec`).
    Group(Pid),
}

impl Child {
    fn signal(self, signal: Signal) {
        let _ = match self {
            Self::Process(pid) => kill_process(pid, signal),
            Self::Group(pid) => kill_process_group(pid, signal),
        };
    }
}

/// The children that are running.
static LIVE: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// Whether a signal has arrived that ends this process. The handler itself notes it, before the thread below acts.
static IS_ENDING: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// How long a thread waits for this process to end: far longer than that takes.
const END: Duration = Duration::from_secs(10);

/// A command whose processes are registered as running until this is dropped.
#[derive(Debug)]
pub(crate) struct Live(Vec<Child>);

impl Live {
    /// Registers the processes of a command, each of which may lead a group of its own.
    pub(crate) fn of(handle: &duct::Handle, own_group: bool) -> Self {
        let pids = handle.pids().into_iter().filter_map(|pid| Pid::from_raw(pid.cast_signed()));
        let children: Vec<Child> =
            pids.map(if own_group { Child::Group } else { Child::Process }).collect();
        LIVE.lock().unwrap_or_else(PoisonError::into_inner).extend(&children);
        Self(children)
    }

    /// Kills the command, which nobody has waited for yet.
    pub(crate) fn kill(&self) {
        for child in &self.0 {
            child.signal(Signal::KILL);
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let mut live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
        live.retain(|child| !self.0.contains(child));
    }
}

/// Ends every running command, for a program that exits while one of its threads waits for it: an ssh would otherwise
/// keep asking for a password.
pub fn end_children() {
    for child in LIVE.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        child.signal(Signal::TERM);
    }
}

/// Doesn't return while a signal ends this process. Ctrl-C ends a command, too: its status would be reported as a
/// failure of the command.
pub(crate) fn wait_if_ending() {
    if IS_ENDING.load(Ordering::Relaxed) {
        thread::sleep(END);
    }
}

/// Ends every running command when SIGINT (Ctrl-C) or SIGTERM ends this process; not for programs that act on these
/// signals themselves. Shells ignore SIGINT for what they start in the background, as the wrapper's steps are, and an
/// ssh that inherits this takes Ctrl-C at its prompt for an empty password, which counts as a failed login. With a
/// handler here, a child has the default again.
pub fn end_with_this_process() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Without the signal handler these signals have their default effect.
        let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else { return };
        for signal in [SIGINT, SIGTERM] {
            let _ = signal_hook::flag::register(signal, Arc::clone(&IS_ENDING));
        }
        thread::spawn(move || {
            for signal in signals.forever() {
                end_children();
                let _ = emulate_default_handler(signal);
            }
        });
    });
}
