//! What a pull fetches, replaces, keeps and refuses.

mod closed_locally;
mod fetched;
mod folded;
mod hostile_host;
mod long_lists;
mod meanwhile;
mod planted;
mod progress;
mod pull;
mod unpack;
mod unreadable;
mod verify;
mod while_running;
