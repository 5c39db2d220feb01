//! Host tasks as root.

use std::time::Duration;

use crate::camp::Camp;
use crate::killed;

#[test]
#[ignore = "needs root"]
fn a_raw_exec_run_may_be_killed_at_any_moment() {
    killed::check("raw_exec", "", Duration::from_millis(35));
}

#[test]
#[ignore = "needs root"]
fn an_exec_run_may_be_killed_at_any_moment() {
    killed::check("exec", "", Duration::from_millis(35));
}

#[test]
#[ignore = "needs root"]
fn an_isolated_task_sees_its_own_root_and_its_own_processes() {
    let camp = Camp::new();
    let ran = camp.encamp(&["run", concat!(env!("CARGO_MANIFEST_DIR"), "/examples/exec.nomad.hcl")]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.out
            .starts_with("I am nobody, process 1; the root holds: alloc bin dev etc"),
        "{ran:?}"
    );
    camp.assert_clean();
}
