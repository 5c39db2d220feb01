//! A session that a person types.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use nix::pty::openpty;
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{self, LocalFlags};

use super::{Bed, fs, launched};
use crate::camp::PATIENCE;

/// A terminal, and a session on it.
struct Typed {
    keys: File,
    terminal: OwnedFd,
    shown: Receiver<Vec<u8>>,
    seen: String,
    session: Child,
}

impl Typed {
    fn start(bed: &Bed) -> Self {
        let pty = openpty(None, None).unwrap();
        let mut command = bed.tried(&["driver"], &["driver"]);
        command.env("TERM", "xterm");
        command.stdin(Stdio::from(pty.slave.try_clone().unwrap()));
        command.stdout(Stdio::from(pty.slave.try_clone().unwrap()));
        command.stderr(Stdio::from(pty.slave.try_clone().unwrap()));
        let session = command.spawn().unwrap();
        let keys = File::from(pty.master);
        let mut screen = keys.try_clone().unwrap();
        let (sender, shown) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let mut typed = Self {
            keys,
            terminal: pty.slave,
            shown,
            seen: String::new(),
            session,
        };
        typed.until("tried> ");
        typed
    }

    fn type_in(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until this is shown; what came before it is done with.
    #[track_caller]
    fn until(&mut self, text: &str) {
        let began = Instant::now();
        loop {
            if let Some((_, rest)) = self.seen.split_once(text) {
                self.seen = rest.to_owned();
                return;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "`{text}` was not shown, but {:?}",
                self.seen
            );
            if let Ok(bytes) = self.shown.recv_timeout(Duration::from_millis(100)) {
                self.seen.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
    }

    fn is_cooked(&self) -> bool {
        let settings = termios::tcgetattr(&self.terminal).unwrap();
        settings.local_flags.contains(LocalFlags::ICANON | LocalFlags::ECHO)
    }
}

impl Drop for Typed {
    fn drop(&mut self) {
        drop(self.session.kill());
        drop(self.session.wait());
    }
}

#[test]
fn commands_and_ids_are_completed_and_remembered() {
    let bed = Bed::new();
    let mut typed = Typed::start(&bed);
    typed.type_in("fing\t\r");
    typed.until("healthy (Healthy)");
    typed.until("tried> ");
    typed.type_in("start {\rcommand = \"/bin/sleep\"\rargs = [\"600\"]\r}\r");
    typed.until("task1: started as ");
    typed.until("tried> ");
    typed.type_in("inspect t\t\r");
    typed.until("running");
    typed.until("tried> ");
    typed.type_in("bogus\x03");
    typed.until("tried> ");
    typed.type_in("exec -t task1 /bin/sh\r");
    typed.until("# ");
    typed.type_in("tty\r");
    typed.until("/dev/pts/");
    typed.type_in("exit 0\r");
    typed.until("tried> ");
    typed.type_in("exit\r");
    assert_eq!(typed.session.wait().unwrap().code(), Some(0));
    assert!(typed.is_cooked(), "the terminal is as it was");
    let history = fs::read_to_string(bed.camp.data().join("plugin_history")).unwrap();
    assert!(
        history.contains("fingerprint") && history.contains("inspect task1"),
        "{history}"
    );
    bed.assert_clean();
}

#[test]
fn the_death_of_a_plugin_is_told_while_somebody_types() {
    let bed = Bed::new();
    let mut typed = Typed::start(&bed);
    fs::write(bed.camp.path().join("out"), "").unwrap();
    typed.type_in("list");
    typed.until("list");
    kill(launched(&bed, ""), Signal::SIGKILL).unwrap();
    typed.until("the plugin was killed by signal 9");
    assert_eq!(typed.session.wait().unwrap().code(), Some(1));
    assert!(typed.is_cooked(), "the terminal is as it was");
    bed.assert_clean();
}
