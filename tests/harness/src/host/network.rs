//! A network of a test's own, which it can take down.

use std::env;
use std::thread;

use crate::program::{am_root, command, must};
use crate::skip::skip;

/// Tells the test that it is inside.
const INSIDE: &str = "MLCUBE_SSH_TEST_NETWORK";

/// Runs the test that calls it again in a network namespace; false for the caller outside, who has nothing left to do.
/// Only root can make one: without it nothing is tested.
pub fn is_in_own_network() -> bool {
    if env::var_os(INSIDE).is_some() {
        loopback("up");
        return true;
    }
    if am_root() {
        // The thread has the test's name, with the modules that it lies in.
        let name = thread::current().name().unwrap().to_owned();
        let test = env::current_exe().unwrap();
        let mut again = command("unshare");
        again.args(["--net", "--"]).arg(test).args(["--exact", &name]);
        let told = must(again.args(["--nocapture", "--include-ignored"]).env(INSIDE, "1"));
        assert!(told.contains("1 passed"), "{name} didn't run: {told}");
    } else {
        skip("only root can make a network namespace");
    }
    false
}

/// From now on every packet of this network is dropped.
pub fn network_goes_down() {
    loopback("down");
}

/// Packets arrive again.
pub fn network_comes_up() {
    loopback("up");
}

fn loopback(state: &str) {
    assert!(env::var_os(INSIDE).is_some(), "the machine's own network is everybody's");
    must(command("ip").args(["link", "set", "lo", state]));
}
