//! The login, and the shared connection that all steps use.

mod accounts;
mod cipher;
mod connection;
mod login;
mod second_login;
mod start_up;
