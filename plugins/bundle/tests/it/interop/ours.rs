//! Our drivers under a host that is made of the agent's own libraries.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;

use encamp_executor::testing;

use super::peer;

/// Runs the host's tests on one of our drivers, installed as an operator would.
#[track_caller]
fn check(driver: &str) {
    let machine = tempfile::tempdir().unwrap();
    // Tasks run as other users.
    fs::set_permissions(machine.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let plugins = machine.path().join("plugins");
    fs::create_dir(&plugins).unwrap();
    symlink(env!("CARGO_BIN_EXE_encamp-plugin"), plugins.join(driver)).unwrap();
    let status = Command::new(peer("host.test"))
        .args(["-test.v", "-test.count=1", "-test.timeout=8m"])
        .env("ENCAMP_PLUGIN_DIR", &plugins)
        .env("ENCAMP_DRIVERS", driver)
        .env("ENCAMP_EXECUTOR", testing::program().path())
        .env("ENCAMP_STATE_DIR", machine.path().join("state"))
        .env("TMPDIR", machine.path())
        .status()
        .unwrap();
    testing::destroy_all(&machine.path().join("state").join(driver).join("executor"));
    assert!(status.success(), "{driver} does not do what the host expects: {status}");
}

#[test]
#[ignore = "needs go"]
fn an_agents_libraries_are_served_by_raw_exec() {
    check("raw_exec");
}

#[test]
#[ignore = "needs go"]
fn an_agents_libraries_are_served_by_exec() {
    check("exec");
}

#[test]
#[ignore = "needs go"]
fn an_agents_libraries_are_served_by_docker() {
    check("docker");
}
