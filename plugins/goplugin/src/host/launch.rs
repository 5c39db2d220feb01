//! From a program's file to a plugin that has answered once.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::client::{Client, Copying, Files, Running, ping};
use super::diagnose::diagnose;
use super::life::{Process, watch_child};
use super::logs::{self, LastWords};
use super::{Checksum, Exit, Host, Life, Program, Sockets};
#[cfg(feature = "mux")]
use crate::address::Address;
use crate::broker::{Broker, Carrier};
use crate::handshake::{Handshake, HandshakeError, var};
use crate::listener::{ListenError, OF_HOST, PrivateDir, SocketDir, SocketPlace, find_group};
use crate::peer;
use crate::security::Security;

/// How long a first line may be, in bytes.
const LONGEST_LINE: usize = 1024 * 1024;

/// How long a plugin that has ended is still listened to.
const AFTERLIFE: Duration = Duration::from_millis(500);

/// Why a plugin could not be started, or not be talked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// The program's file is not the one that was expected.
    #[error("{0:?} does not have the checksum that it must have: it was changed, or the checksum is another version's")]
    Checksum(PathBuf),
    /// The program's file cannot be read.
    #[error("cannot read {program:?}")]
    Read {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no place for its sockets.
    #[error("cannot prepare a directory for the plugin's sockets")]
    Listen(#[from] ListenError),
    /// No certificates for the connection.
    #[error("cannot secure the connection to the plugin: {0}")]
    Security(String),
    /// The operating system does not start it.
    #[error("cannot start {program:?}{report}")]
    Spawn {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
        /// What is known beyond that.
        report: Report,
    },
    /// It has ended before it listened.
    #[error("{program:?} {exit} before it was a plugin{report}")]
    Exited {
        /// The program.
        program: PathBuf,
        /// How it has ended.
        exit: Exit,
        /// What is known beyond that.
        report: Report,
    },
    /// It is silent.
    #[error("{program:?} was not ready within {timeout:?}{report}")]
    Timeout {
        /// The program.
        program: PathBuf,
        /// How long was waited.
        timeout: Duration,
        /// What is known beyond that.
        report: Report,
    },
    /// What it says is not what a plugin says.
    #[error("{program:?} cannot be used as a plugin{report}")]
    Handshake {
        /// The program.
        program: PathBuf,
        /// What is wrong.
        source: HandshakeError,
        /// What is known beyond that.
        report: Report,
    },
    /// What it says has no end.
    #[error("{program:?} cannot be used as a plugin: its output has no line break in 1 MiB{report}")]
    Endless {
        /// The program.
        program: PathBuf,
        /// What is known beyond that.
        report: Report,
    },
    /// It does not listen where it says, or somebody else does.
    #[error("cannot connect to {program:?} where it says that it listens{report}")]
    Connect {
        /// The program.
        program: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
        /// What is known beyond that.
        report: Report,
    },
    /// It listens, but does not say that it is well.
    #[error("{program:?} does not answer as a plugin does{report}")]
    Unwell {
        /// The program.
        program: PathBuf,
        /// What it says.
        source: Box<Status>,
        /// What is known beyond that.
        report: Report,
    },
}

/// What is known of a launch that has failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What is strange about the program's file.
    pub diagnosis: Option<String>,
    /// The end of what it has written to its standard error.
    pub stderr: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(diagnosis) = &self.diagnosis {
            write!(f, " ({diagnosis})")?;
        }
        if !self.stderr.is_empty() {
            write!(f, "; its last words: {}", self.stderr)?;
        }
        Ok(())
    }
}

/// A launch under way. Dropped, it kills the plugin.
struct Launch<'a> {
    host: &'a Host,
    program: PathBuf,
    running: Running,
    last_words: LastWords,
    deadline: Instant,
}

/// What came of waiting for the first line.
enum FirstLine {
    Line(String),
    Endless,
    Closed,
}

pub(super) async fn launch(host: &Host, mut program: Program) -> Result<Client, LaunchError> {
    let output = std::mem::take(&mut program.output);
    let group = host.group.as_deref().map(find_group).transpose()?;
    let dir = match &host.sockets {
        Sockets::PrivateIn(parent) => Some(PrivateDir::make(parent, OF_HOST, group)?),
        Sockets::Anywhere => None,
    };
    let place = match (&dir, &host.sockets) {
        (Some(dir), _) => SocketDir::Given(dir.path().to_owned()),
        (None, Sockets::PrivateIn(dir)) => SocketDir::OwnIn(dir.clone()),
        (None, Sockets::Anywhere) => SocketDir::OwnIn(std::env::temp_dir()),
    };
    let place = SocketPlace {
        dir: place,
        group: host.group.clone(),
    };
    let identity = Identity::of(host)?;
    let env = environment(host, &place, dir.is_some(), &identity);
    let file = checked(program.checksum.clone(), program.path().to_owned()).await?;
    let (launch, line) = start(host, &program, file.as_ref(), env, Files::new(dir))?;
    let handshake = launch.handshake(line).await?;
    let security = identity.meet(&handshake).map_err(LaunchError::Security)?;
    let (client, messages) = launch.connect(handshake, security, place).await?;
    client.attend(messages, output);
    Ok(client)
}

/// What the plugin is told in its environment.
fn environment(host: &Host, place: &SocketPlace, place_it: bool, identity: &Identity) -> Vec<(String, OsString)> {
    let versions: Vec<_> = host.versions.iter().map(ToString::to_string).collect();
    let mut env: Vec<(String, OsString)> = vec![
        (host.cookie.key.clone(), host.cookie.value.clone().into()),
        (var::MIN_PORT.to_owned(), host.ports.0.to_string().into()),
        (var::MAX_PORT.to_owned(), host.ports.1.to_string().into()),
        (var::VERSIONS.to_owned(), versions.join(",").into()),
    ];
    if let SocketDir::Given(dir) = &place.dir
        && place_it
    {
        env.push((var::SOCKET_DIR.to_owned(), dir.into()));
    }
    if let Some(group) = &host.group {
        env.push((var::SOCKET_GROUP.to_owned(), group.into()));
    }
    if let Some(certificate) = identity.certificate() {
        env.push((var::CLIENT_CERT.to_owned(), certificate.into()));
    }
    #[cfg(feature = "mux")]
    if host.multiplex {
        env.push((var::MULTIPLEX.to_owned(), "true".into()));
    }
    env
}

/// What a host may have in its own environment, as a plugin of another one, and must not hand on.
const NOT_INHERITED: [&str; 4] = [var::SOCKET_DIR, var::SOCKET_GROUP, var::CLIENT_CERT, var::MULTIPLEX];

/// Nothing is waited for here: a program, whose writers no two threads may use at once, is not borrowed across a wait.
fn start<'a>(
    host: &'a Host,
    program: &Program,
    checked: Option<&std::fs::File>,
    env: Vec<(String, OsString)>,
    files: Files,
) -> Result<(Launch<'a>, oneshot::Receiver<FirstLine>), LaunchError> {
    let path = program.path().to_owned();
    // The file that was checked, whatever its name means by now.
    let executable = checked.map(|file| PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd())));
    let mut command = program.command(executable.as_ref().unwrap_or(&path));
    for name in NOT_INHERITED {
        command.env_remove(name);
    }
    let spawned = command.envs(env).spawn().and_then(|mut child| {
        let process = Process::find(child.id().unwrap_or_default());
        if process.is_err() {
            drop(child.start_kill());
        }
        Ok((process?, child))
    });
    let (process, mut child) = spawned.map_err(|source| LaunchError::Spawn {
        report: Report {
            diagnosis: diagnose(&path),
            stderr: String::new(),
        },
        program: path.clone(),
        source,
    })?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let life = watch_child(child);
    let running = Running::new(process, life.clone(), files);
    let last_words = LastWords::default();
    if let Some(stderr) = stderr {
        tokio::spawn(logs::follow(
            stderr,
            program.name(),
            host.log.clone(),
            life.clone(),
            last_words.clone(),
        ));
    }
    let (sender, first_line) = oneshot::channel();
    if let Some(stdout) = stdout {
        tokio::spawn(drain(stdout, sender, life));
    }
    Ok((
        Launch {
            host,
            program: path,
            running,
            last_words,
            deadline: Instant::now() + host.start_timeout,
        },
        first_line,
    ))
}

async fn checked(checksum: Option<Checksum>, program: PathBuf) -> Result<Option<std::fs::File>, LaunchError> {
    let Some(checksum) = checksum else {
        return Ok(None);
    };
    let path = program.clone();
    let verified = tokio::task::spawn_blocking(move || checksum.verify(&path)).await;
    let failed = |source| LaunchError::Read {
        program: program.clone(),
        source,
    };
    let file = verified
        .map_err(|error| failed(io::Error::other(error)))?
        .map_err(failed)?;
    file.map(Some).ok_or(LaunchError::Checksum(program))
}

/// Hands over the first line, then reads on: a plugin that prints must never block.
async fn drain(mut stdout: impl AsyncRead + Unpin, first: oneshot::Sender<FirstLine>, life: Life) {
    let deaf = async {
        life.over().await;
        tokio::time::sleep(AFTERLIFE).await;
    };
    let read = async {
        drop(first.send(first_line(&mut stdout).await));
        let mut chunk = vec![0; 4 * 1024];
        while stdout.read(&mut chunk).await.is_ok_and(|read| read > 0) {}
    };
    tokio::select! {
        biased;
        () = read => {}
        () = deaf => {}
    }
}

async fn first_line(stdout: &mut (impl AsyncRead + Unpin)) -> FirstLine {
    let (mut line, mut chunk) = (Vec::new(), vec![0; 4 * 1024]);
    loop {
        let read = stdout.read(&mut chunk).await.unwrap_or_default();
        let data = chunk.get(..read).unwrap_or_default();
        let end = data.iter().position(|byte| *byte == b'\n');
        line.extend(data.get(..end.unwrap_or(read)).unwrap_or_default());
        if end.is_some() || (read == 0 && !line.is_empty()) {
            return FirstLine::Line(String::from_utf8_lossy(&line).into_owned());
        }
        if read == 0 {
            return FirstLine::Closed;
        }
        if line.len() > LONGEST_LINE {
            return FirstLine::Endless;
        }
    }
}

// === impl Launch ===

impl Launch<'_> {
    async fn handshake(&self, line: oneshot::Receiver<FirstLine>) -> Result<Handshake, LaunchError> {
        // Ends with the plugin, for then nobody reads on.
        let line = match tokio::time::timeout_at(self.deadline, line).await {
            Err(_) => return Err(self.timeout()),
            Ok(line) => line.unwrap_or(FirstLine::Closed),
        };
        match line {
            FirstLine::Line(line) => {
                #[cfg(feature = "mux")]
                let multiplex = self.host.multiplex;
                #[cfg(not(feature = "mux"))]
                let multiplex = false;
                match Handshake::parse(&line, &self.host.versions, multiplex) {
                    Ok(handshake) => Ok(handshake),
                    Err(source) => {
                        let report = self.report().await;
                        Err(LaunchError::Handshake {
                            program: self.program.clone(),
                            source,
                            report,
                        })
                    }
                }
            }
            FirstLine::Endless => Err(LaunchError::Endless {
                program: self.program.clone(),
                report: self.report().await,
            }),
            FirstLine::Closed => match tokio::time::timeout_at(self.deadline, self.running.life.over()).await {
                Ok(exit) => Err(self.exited(exit).await),
                Err(_) => Err(self.timeout()),
            },
        }
    }

    async fn connect(
        self,
        handshake: Handshake,
        security: Security,
        place: SocketPlace,
    ) -> Result<(Client, crate::broker::Outgoing), LaunchError> {
        let Handshake { version, address, .. } = handshake;
        let pid = self.running.process.pid;
        let closed = CancellationToken::new();
        #[cfg(feature = "mux")]
        let mux = self.multiplexed(&address).await?;
        let dial = {
            let (address, security) = (address.clone(), security.clone());
            #[cfg(feature = "mux")]
            let mux = mux.clone();
            move || {
                let (address, security) = (address.clone(), security.clone());
                #[cfg(feature = "mux")]
                let mux = mux.clone();
                async move {
                    #[cfg(feature = "mux")]
                    if let Some(mux) = mux {
                        return security.connect(mux.open().await?).await;
                    }
                    security.connect(peer::dial(&address, Some(pid)).await?).await
                }
            }
        };
        let channel = match self.within(crate::channel::connect(dial)).await? {
            Ok(channel) => channel,
            Err(error) => return Err(self.unreachable(error).await),
        };
        match self.within(ping(channel.clone())).await? {
            Err(status) if status.code() != tonic::Code::Unimplemented => return Err(self.unwell(status).await),
            _ => self.running.files().add(&address),
        }
        #[cfg(feature = "mux")]
        let (carrier, plain) = match mux {
            Some(mux) => (Carrier::Mux(mux), false),
            None => (
                Carrier::Unix {
                    place,
                    plugin: Some(pid),
                },
                true,
            ),
        };
        #[cfg(not(feature = "mux"))]
        let (carrier, plain) = (
            Carrier::Unix {
                place,
                plugin: Some(pid),
            },
            true,
        );
        let reattachable = plain && matches!(security, Security::Plain);
        let (broker, messages) = Broker::new(carrier, security, closed.clone());
        let stop_timeout = self.host.stop_timeout;
        let client = Client {
            running: self.running,
            channel,
            broker,
            version,
            address,
            reattachable,
            stop_timeout,
            closed,
            output: Copying::default(),
        };
        Ok((client, messages))
    }

    /// The one connection, where all others go through it.
    #[cfg(feature = "mux")]
    async fn multiplexed(&self, address: &Address) -> Result<Option<crate::mux::Mux>, LaunchError> {
        if !self.host.multiplex {
            return Ok(None);
        }
        let dialed = peer::dial(address, Some(self.running.process.pid));
        match self.within(crate::mux::connect(dialed)).await? {
            Ok(mux) => Ok(Some(mux)),
            Err(error) => Err(self.unreachable(error).await),
        }
    }

    /// Waits for the plugin, but not for ever.
    async fn within<T>(&self, wait: impl Future<Output = T>) -> Result<T, LaunchError> {
        tokio::time::timeout_at(self.deadline, wait)
            .await
            .map_err(|_| self.timeout())
    }

    fn timeout(&self) -> LaunchError {
        let report = Report {
            diagnosis: diagnose(&self.program),
            stderr: self.last_words.text(),
        };
        LaunchError::Timeout {
            program: self.program.clone(),
            timeout: self.host.start_timeout,
            report,
        }
    }

    async fn unreachable(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> LaunchError {
        match self.death().await {
            Some(exit) => self.exited(exit).await,
            None => LaunchError::Connect {
                program: self.program.clone(),
                source: source.into(),
                report: self.report().await,
            },
        }
    }

    async fn unwell(&self, status: Status) -> LaunchError {
        match self.death().await {
            Some(exit) => self.exited(exit).await,
            None => LaunchError::Unwell {
                program: self.program.clone(),
                source: Box::new(status),
                report: self.report().await,
            },
        }
    }

    async fn exited(&self, exit: Exit) -> LaunchError {
        LaunchError::Exited {
            program: self.program.clone(),
            exit,
            report: self.report().await,
        }
    }

    /// A plugin that cannot be reached has often just ended, which says more.
    async fn death(&self) -> Option<Exit> {
        tokio::time::timeout(AFTERLIFE, self.running.life.over()).await.ok()
    }

    /// What can be told of a failure, after a moment for what is still in the pipe.
    async fn report(&self) -> Report {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Report {
            diagnosis: diagnose(&self.program),
            stderr: self.last_words.text(),
        }
    }
}

/// What the host shows of itself to the plugin, and knows the plugin by.
enum Identity {
    None,
    #[cfg(feature = "automtls")]
    Certificate(crate::automtls::Identity),
}

impl Identity {
    #[cfg_attr(
        not(feature = "automtls"),
        expect(clippy::unnecessary_wraps, reason = "only a certificate can fail")
    )]
    fn of(host: &Host) -> Result<Self, LaunchError> {
        #[cfg(feature = "automtls")]
        if host.auto_mtls {
            let identity = crate::automtls::Identity::new();
            return identity
                .map(Self::Certificate)
                .map_err(|error| LaunchError::Security(error.to_string()));
        }
        let _ = host;
        Ok(Self::None)
    }

    fn certificate(&self) -> Option<String> {
        match self {
            Self::None => None,
            #[cfg(feature = "automtls")]
            Self::Certificate(identity) => Some(identity.pem()),
        }
    }

    #[cfg_attr(
        not(feature = "automtls"),
        expect(
            unused_variables,
            clippy::unnecessary_wraps,
            reason = "only certificates are looked at"
        )
    )]
    fn meet(self, handshake: &Handshake) -> Result<Security, String> {
        match self {
            Self::None => Ok(Security::Plain),
            #[cfg(feature = "automtls")]
            Self::Certificate(identity) => match identity.of_host(&handshake.certificate) {
                Ok(tls) => Ok(Security::Tls(tls)),
                Err(error) => Err(error.to_string()),
            },
        }
    }
}
