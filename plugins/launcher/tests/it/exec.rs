//! `encamp exec`, as pipes and signals see it.

use std::io::Read as _;
use std::process::Child;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::camp::{Camp, poll, processes_with, wait};

/// A command that says a word and then a lot, and the word that it is found by.
fn chatter() -> (String, String) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let mark = format!("mark-{}-{}.", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let script = format!(": {mark}; trap '' PIPE; echo here; while :; do echo more 2>/dev/null || :; done");
    (script, mark)
}

/// Starts a chatter in the running task, and waits until it is heard.
fn start(camp: &Camp) -> (Child, String) {
    let (script, mark) = chatter();
    let mut child = camp.spawn(&["exec", "t", "sh", "-c", &script]);
    let mut word = [0; 5];
    child.stdout.as_mut().unwrap().read_exact(&mut word).unwrap();
    assert_eq!(&word, b"here\n");
    (child, mark)
}

#[track_caller]
fn assert_over(child: Child, mark: &str, code: i32) {
    let output = wait(child, &["exec"]);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    poll("the end of the command", || processes_with(mark).is_empty());
}

/// A command in the running task `t` ends with the `exec` that runs it, whatever ends that.
pub(crate) fn check_ends(camp: &Camp) {
    let (mut child, mark) = start(camp);
    drop(child.stdout.take());
    assert_over(child, &mark, 141);
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143), (Signal::SIGHUP, 129)] {
        // Its output waits in a pipe that nobody reads, too.
        let (child, mark) = start(camp);
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
        assert_over(child, &mark, code);
    }
}

#[test]
fn a_command_ends_with_the_exec_that_runs_it() {
    let camp = Camp::new();
    let job = camp.job(crate::host::job("sleep 3600", ""));
    let ran = camp.encamp(&["run", "--detach", job.to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    camp.until_task_is("running");
    check_ends(&camp);
    assert_eq!(camp.encamp(&["stop", "j", "--force"]).code, Some(0));
    camp.assert_clean();
}
