//! A Docker Engine: the one that answers already, or a private one for this run.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub(crate) use api::Endpoint;

use crate::children::Owned;
use crate::leaks::{self, process};
use crate::setup::tools;
use crate::shell::Cmd;
use crate::{poll, scratch, shell, style};

mod api;
pub(crate) mod image;

/// How long a daemon may take until it answers.
const START: Duration = Duration::from_secs(90);

/// How long a daemon may take to end after SIGTERM, before SIGKILL.
const GRACE: Duration = Duration::from_secs(30);

/// An engine to work with.
pub(crate) enum Engine {
    /// It was there before, and stays.
    Found(Endpoint),
    /// It ends with its owner.
    Private(Private),
}

impl Engine {
    /// The engine at `DOCKER_HOST` or at its usual socket; failing that, a private one whose files are below `dir`.
    ///
    /// # Errors
    /// Says why there is none: the text ends up as the reason of skipped tests.
    pub(crate) fn find_or_start(dir: &Path) -> Result<Self> {
        let host = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
        let found = Endpoint::parse(host.as_deref().unwrap_or("unix:///var/run/docker.sock"))?;
        match found.ping() {
            Ok(()) => Ok(Self::Found(found)),
            // An engine that was named is the one that is wanted.
            Err(error) if host.is_some() => Err(error),
            Err(_) if !shell::is_root() => bail!("no Docker Engine answers, and only root can start one"),
            Err(_) if tools::find("dockerd").is_none() => {
                bail!("no Docker Engine answers, and dockerd is not installed")
            }
            Err(_) => Private::start(dir).map(Self::Private),
        }
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        match self {
            Self::Found(endpoint) => endpoint,
            Self::Private(private) => &private.endpoint,
        }
    }

    /// A command that reaches the published ports of this engine's containers, with `DOCKER_HOST` set.
    pub(crate) fn reach(&self, cmd: Cmd) -> Cmd {
        let cmd = cmd.env("DOCKER_HOST", self.endpoint().host());
        match self {
            Self::Found(_) => cmd,
            Self::Private(private) => cmd.in_network_of(private.daemon.pid.as_raw().unsigned_abs()),
        }
    }
}

/// A daemon of this run: its data, state, socket and network namespace are its own.
///
/// Its bridge and its packet filter rules are in a network namespace of its own too, so the machine's stay untouched.
/// It gets SIGTERM when this process dies, and is stopped on drop.
pub(crate) struct Private {
    daemon: Owned,
    endpoint: Endpoint,
    dir: PathBuf,
    cgroups: Vec<PathBuf>,
}

impl Private {
    fn start(dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let log = dir.join("log");
        let endpoint = Endpoint::Unix(dir.join("sock"));
        let option = |name: &str, value: &Path| -> OsString {
            let mut option = OsString::from(name);
            option.push(value);
            option
        };
        let dockerd = tools::find("dockerd").context("dockerd is not installed")?;
        let file = File::create(&log).with_context(|| format!("cannot make {}", log.display()))?;
        // The shell only brings the loopback link up, and becomes the daemon.
        let mut command = Cmd::new("setpriv")
            .args([
                "--pdeathsig",
                "TERM",
                "unshare",
                "--net",
                "sh",
                "-c",
                "ip link set lo up; exec \"$@\"",
                "sh",
            ])
            .arg(dockerd)
            .arg("--host")
            .arg(endpoint.host())
            .arg(option("--data-root=", &dir.join("data")))
            .arg(option("--exec-root=", &dir.join("exec")))
            .arg(option("--pidfile=", &dir.join("pid")))
            // An empty file instead of the machine's own configuration.
            .arg(option("--config-file=", &empty_config(dir)?))
            .quiet()
            .output_to(&file)?;
        eprintln!(
            "{}",
            style::dim(&format!("$ dockerd --host {} (private)", endpoint.host()))
        );
        let cgroups = leaks::read::cgroup_directories();
        let mut private = Self {
            daemon: command.spawn()?,
            endpoint,
            dir: dir.to_owned(),
            cgroups,
        };
        private.wait_until_it_answers(&log)?;
        Ok(private)
    }

    fn wait_until_it_answers(&mut self, log: &Path) -> Result<()> {
        let answer = poll::until(START, || {
            if shell::go_on().is_err() {
                return Ok(Err("interrupted".to_owned()));
            }
            if let Ok(Some(status)) = self.daemon.try_wait() {
                return Ok(Err(format!("dockerd ended with {status}")));
            }
            self.endpoint.ping().map(Ok).map_err(|error| format!("{error:#}"))
        });
        let failure = match answer {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(ended)) => ended,
            Err(silent) => format!("{silent:#}"),
        };
        let text = std::fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        let tail = lines
            .get(lines.len().saturating_sub(15)..)
            .unwrap_or_default()
            .join("\n");
        bail!("{failure}; the end of its log:\n{tail}")
    }

    /// Ends the daemon and all that it started, and takes away what it made outside of its directory.
    fn stop(&mut self) {
        if let Ok(None) = self.daemon.try_wait() {
            // Its own shutdown waits for each container in turn.
            drop(self.endpoint.remove_containers());
            self.end_daemon();
        }
        let mark = self.dir.to_string_lossy().into_owned();
        drop(poll::until(Duration::from_secs(10), || end_processes_of(&mark)));
        // It leaves the parent of its containers' cgroups behind, in each hierarchy.
        let parents = leaks::read::cgroup_directories()
            .into_iter()
            .filter(|cgroup| cgroup.ends_with("docker"));
        for cgroup in parents.filter(|cgroup| !self.cgroups.contains(cgroup)) {
            drop(std::fs::remove_dir(cgroup));
        }
        scratch::clear(&self.dir);
    }

    fn end_daemon(&mut self) {
        for signal in [Signal::SIGTERM, Signal::SIGKILL] {
            _ = kill(self.daemon.pid, signal);
            let ended = poll::until(GRACE, || match self.daemon.try_wait() {
                Ok(None) => Err("dockerd still runs".to_owned()),
                _ => Ok(()),
            });
            match ended {
                Ok(()) => return,
                Err(error) => eprintln!("{} {signal}: {error:#}", style::yellow("warning:")),
            }
        }
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Kills containerd and its shims, if they still name the engine's directory in their command lines.
fn end_processes_of(mark: &str) -> Result<(), String> {
    let parts = ["containerd", "docker", "runc"];
    let ours = |name: &str, command: &str| parts.iter().any(|part| name.starts_with(part)) && command.contains(mark);
    let all = process::all().into_iter();
    let left: Vec<_> = all
        .filter(|process| !process.dead && ours(&process.name, &process.command))
        .collect();
    for process in &left {
        _ = kill(Pid::from_raw(process.pid.cast_signed()), Signal::SIGKILL);
    }
    if left.is_empty() {
        Ok(())
    } else {
        Err(format!("{} processes of the engine are left", left.len()))
    }
}

fn empty_config(dir: &Path) -> Result<PathBuf> {
    let path = dir.join("config.json");
    std::fs::write(&path, "{}").with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
