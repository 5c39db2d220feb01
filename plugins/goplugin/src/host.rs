//! The host's end: from the launch of a plugin to its death.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWrite;

pub use self::checksum::Checksum;
pub use self::client::{Client, Killed};
pub use self::launch::{LaunchError, Report};
pub use self::life::{Exit, Life};
pub use self::logs::{LogLevel, LogRecord};
pub use self::program::Program;
pub use self::reattach::{ReattachConfig, ReattachError};
use crate::handshake::Cookie;

mod checksum;
mod client;
mod diagnose;
mod launch;
mod life;
mod logs;
mod output;
mod program;
mod reattach;

/// The largest message that go-plugin's own hosts take, in bytes. Give it to
/// `max_decoding_message_size` of the clients that you make on a plugin's channel; tonic's own limit is 4 MiB.
pub const MAX_MESSAGE_SIZE: usize = 0x7fff_ffff;

type LogSink = Arc<dyn Fn(&LogRecord) + Send + Sync>;

/// A host: which plugins it knows, and what it asks of them. One for all launches of a kind.
///
/// ```no_run
/// use encamp_goplugin::{Cookie, Host, Program};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let host = Host::new(Cookie::new("KV_PLUGIN", "hello"), [1]);
/// let plugin = host.launch(Program::new("/usr/lib/kv-plugin")).await?;
/// plugin.ping().await?;
/// let channel = plugin.channel(); // what tonic generates takes it: `KvClient::new(channel)`
/// # drop(channel);
/// plugin.kill().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Host {
    cookie: Cookie,
    versions: Vec<u32>,
    start_timeout: Duration,
    stop_timeout: Duration,
    sockets: Sockets,
    group: Option<String>,
    ports: (u16, u16),
    #[cfg(feature = "automtls")]
    auto_mtls: bool,
    #[cfg(feature = "mux")]
    multiplex: bool,
    log: Option<LogSink>,
}

/// Where plugins make their sockets.
#[derive(Clone, Debug)]
enum Sockets {
    /// Each in a directory of its own, in this one.
    PrivateIn(PathBuf),
    /// Where each sees fit.
    Anywhere,
}

/// Where a plugin's own output goes: what it prints, not what it logs. Without a writer it is dropped.
#[derive(Default)]
pub struct Output {
    stdout: Option<Writer>,
    stderr: Option<Writer>,
}

type Writer = Box<dyn AsyncWrite + Send + Unpin>;

// === impl Host ===

impl Host {
    /// A host of plugins that know it by `cookie`, and speak one of `versions` of the application's protocol.
    pub fn new(cookie: Cookie, versions: impl IntoIterator<Item = u32>) -> Self {
        Self {
            cookie,
            versions: versions.into_iter().collect(),
            start_timeout: Duration::from_mins(1),
            stop_timeout: Duration::from_secs(2),
            sockets: Sockets::PrivateIn(std::env::temp_dir()),
            group: None,
            ports: (10_000, 25_000),
            #[cfg(feature = "automtls")]
            auto_mtls: false,
            #[cfg(feature = "mux")]
            multiplex: false,
            log: None,
        }
    }

    /// How long a plugin may take from its launch to its first answer. One minute by default.
    #[must_use]
    pub fn start_timeout(mut self, timeout: Duration) -> Self {
        self.start_timeout = timeout;
        self
    }

    /// How long a plugin may take to answer that it ends, and then to end. 2 s each by default.
    #[must_use]
    pub fn stop_timeout(mut self, timeout: Duration) -> Self {
        self.stop_timeout = timeout;
        self
    }

    /// Makes each plugin's private directory for sockets in `dir` instead of the system's directory for temporary files.
    #[must_use]
    pub fn socket_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.sockets = Sockets::PrivateIn(dir.into());
        self
    }

    /// Leaves it to the plugins where they make their sockets, as Nomad does. What a killed plugin leaves behind is
    /// removed only as far as it is known.
    #[must_use]
    pub fn sockets_anywhere(mut self) -> Self {
        self.sockets = Sockets::Anywhere;
        self
    }

    /// Lets a group, by name or number, connect to the sockets.
    #[must_use]
    pub fn socket_group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// The ports that a plugin without unix sockets may listen on. 10000 to 25000 by default.
    #[must_use]
    pub fn ports(mut self, first: u16, last: u16) -> Self {
        self.ports = (first, last);
        self
    }

    /// Secures connections by TLS, with certificates that both ends make for this launch. Such a plugin cannot be
    /// reattached to. Off by default.
    #[cfg(feature = "automtls")]
    #[must_use]
    pub fn auto_mtls(mut self, on: bool) -> Self {
        self.auto_mtls = on;
        self
    }

    /// Carries the broker's connections over the one connection that there is. Plugins that cannot are refused. Such a
    /// plugin cannot be reattached to. Off by default.
    #[cfg(feature = "mux")]
    #[must_use]
    pub fn multiplex(mut self, on: bool) -> Self {
        self.multiplex = on;
        self
    }

    /// Gives what plugins log to `sink`, instead of to `tracing`. It is called in the order of the lines and must not
    /// block.
    #[must_use]
    pub fn log_to(mut self, sink: impl Fn(&LogRecord) + Send + Sync + 'static) -> Self {
        self.log = Some(Arc::new(sink));
        self
    }

    /// Starts a plugin and connects to it. When this returns, the plugin has answered once.
    ///
    /// # Errors
    /// Everything from a missing file to a plugin that does not answer; what the plugin has written to its standard error
    /// until then is part of the error.
    ///
    /// # Cancel safety
    /// A plugin that was started is killed, and its sockets are removed.
    pub async fn launch(&self, program: Program) -> Result<Client, LaunchError> {
        launch::launch(self, program).await
    }

    /// Connects to a plugin that runs already, having made sure that it is the one that was recorded. Of one that has
    /// ended, the directory of its sockets is removed.
    ///
    /// # Errors
    /// The process has ended, another one has its number, or it does not listen any more. Launch a fresh one then.
    ///
    /// # Cancel safety
    /// Nothing has happened to the plugin.
    pub async fn reattach(&self, config: &ReattachConfig, output: Output) -> Result<Client, ReattachError> {
        reattach::reattach(self, config, output).await
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("versions", &self.versions)
            .field("sockets", &self.sockets)
            .finish_non_exhaustive()
    }
}

// === impl Output ===

impl Output {
    /// Writes what the plugin prints to its standard output to `writer`.
    #[must_use]
    pub fn stdout(mut self, writer: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        self.stdout = Some(Box::new(writer));
        self
    }

    /// Writes what the plugin prints to its standard error to `writer`. What it logs is not part of it.
    #[must_use]
    pub fn stderr(mut self, writer: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        self.stderr = Some(Box::new(writer));
        self
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").finish_non_exhaustive()
    }
}
