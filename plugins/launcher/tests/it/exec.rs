//! `encamp exec`, as pipes and signals see it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use nix::pty::{OpenptyResult, Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::tcgetattr;
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

/// A terminal, and all that was shown on it.
struct Terminal {
    near: File,
    far: OwnedFd,
    shown: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    fn new(rows: u16, columns: u16) -> Self {
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let OpenptyResult { master, slave } = openpty(Some(&size), None).unwrap();
        let near = File::from(master);
        let shown = Arc::new(Mutex::new(Vec::new()));
        let (mut from, to) = (near.try_clone().unwrap(), Arc::clone(&shown));
        std::thread::spawn(move || {
            let mut bytes = [0; 1024];
            while let Ok(length @ 1..) = from.read(&mut bytes) {
                to.lock().unwrap().extend_from_slice(&bytes[..length]);
            }
        });
        Self {
            near,
            far: slave,
            shown,
        }
    }

    fn attach(&self, mut command: Command) -> Child {
        let far = || self.far.try_clone().unwrap();
        command.stdin(far()).stdout(far()).stderr(far()).spawn().unwrap()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }

    fn until(&self, words: &str) {
        poll(words, || self.text().contains(words));
    }
}

#[test]
fn a_command_on_a_terminal_gets_its_size_and_its_keys() {
    let camp = Camp::new();
    let job = camp.job(crate::host::job("sleep 3600", ""));
    let ran = camp.encamp(&["run", "--detach", job.to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let terminal = Terminal::new(40, 100);
    let before = tcgetattr(&terminal.far).unwrap();
    let script = "stty size; until [ \"$(stty size)\" = '50 132' ]; do sleep 0.02; done; \
                  trap 'echo caught; exit 7' INT; echo ready; while :; do sleep 0.02; done";
    let mut child = terminal.attach(camp.command(&["exec", "-it", "t", "sh", "-c", script]));
    terminal.until("40 100\r\n");
    let mut resize = Command::new("stty");
    resize.args(["rows", "50", "cols", "132"]);
    assert!(terminal.attach(resize).wait().unwrap().success());
    // As the kernel does for a terminal that is the session's own.
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
    kill(pid, Signal::SIGWINCH).unwrap();
    terminal.until("ready\r\n");
    assert_ne!(tcgetattr(&terminal.far).unwrap(), before);
    (&terminal.near).write_all(b"\x03").unwrap();
    terminal.until("caught\r\n");
    assert_eq!(child.wait().unwrap().code(), Some(7), "{}", terminal.text());
    assert_eq!(tcgetattr(&terminal.far).unwrap(), before);

    let mut child = terminal.attach(camp.command(&["exec", "-it", "t", "sh", "-c", "echo again; exec sleep 3600"]));
    terminal.until("again\r\n");
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143), "{}", terminal.text());
    assert_eq!(tcgetattr(&terminal.far).unwrap(), before);
    assert_eq!(camp.encamp(&["stop", "j", "--force"]).code, Some(0));
    camp.assert_clean();
}
