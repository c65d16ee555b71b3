//! A network of a test's own, which it can take down.

use std::env;

use crate::program::{am_root, command, must};
use crate::skip::skip;

/// Tells the test that it is inside.
const INSIDE: &str = "MLCUBE_SSH_TEST_NETWORK";

/// Runs the test `name` again in a network namespace; false for the caller outside, who has nothing left to do. Only
/// root can make one: without it nothing is tested.
pub fn is_in_own_network(name: &str) -> bool {
    if env::var_os(INSIDE).is_some() {
        loopback("up");
        return true;
    }
    if am_root() {
        let test = env::current_exe().unwrap();
        let mut again = command("unshare");
        again.args(["--net", "--"]).arg(test).args([
            "--exact",
            name,
            "--nocapture",
            "--include-ignored",
        ]);
        must(again.env(INSIDE, "1"));
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
