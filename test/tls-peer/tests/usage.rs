//! An integration test, so that `cargo test` builds the binary too and the tests of the tunnels find it.

use std::process::Command;

#[test]
fn without_arguments_it_says_how_it_is_used() {
    let output = Command::new(env!("CARGO_BIN_EXE_svidecar-tls-peer")).output().expect("the peer starts");
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("usage: svidecar-tls-peer client|server"));
}
