//! From a program's path to a plugin that has said what it is.

use std::ffi::OsString;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use encamp_base_grpc::{ConnectError, RemotePlugin};
use encamp_driver::{ConfigError, Plugin as _, PluginConfig, PluginInfo, PluginType, Topology};
use encamp_goplugin::{Client, LogLevel, LogRecord, Program};
use encamp_hclspec::Value;

use crate::exit::usage;
use crate::output;
use crate::session::Screen;

/// How long somebody waits before they are told for what.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long the removal of a plugin's sockets may take.
const REMOVAL: Duration = Duration::from_secs(1);

/// The ports that an agent gives to the processes of plugins, unless told otherwise.
const CLIENT_PORTS: RangeInclusive<u16> = 14_000..=14_512;

/// Who launches plugins.
#[derive(Debug)]
pub(super) struct Launcher {
    pub(super) screen: Screen,
    /// What of a plugin's log is shown.
    least: LogLevel,
}

/// A plugin that runs. Dropped, it is killed.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) client: Client,
    pub(super) plugin: RemotePlugin,
    /// From its start to its first answer.
    pub(super) took: Duration,
    /// How long any further step may take.
    timeout: Duration,
}

impl Launcher {
    pub(super) fn new(screen: Screen, verbose: u8) -> Self {
        let least = match verbose {
            0 => LogLevel::Warn,
            1 => LogLevel::Debug,
            _ => LogLevel::Trace,
        };
        Self { screen, least }
    }

    pub(super) async fn launch(&self, path: &Path, args: &[OsString], timeout: Duration) -> Result<Running> {
        let path = program(path)?;
        let (screen, least) = (self.screen.clone(), self.least);
        let host = encamp_base_grpc::host().start_timeout(timeout).log_to(move |record| {
            if record.level >= least {
                screen.note(&log_line(record));
            }
        });
        let began = Instant::now();
        let program = Program::new(&path).args(args);
        let client = waited_for("the plugin to start", Box::pin(host.launch(program))).await?;
        let took = began.elapsed();
        let life = encamp_base_grpc::life(&client);
        let connected = within(
            timeout,
            "to say what it is",
            Box::pin(RemotePlugin::connect(client.channel(), life)),
        )
        .await?;
        let plugin = connected.map_err(|error| spelled(&path, error))?;
        Ok(Running {
            client,
            plugin,
            took,
            timeout,
        })
    }
}

impl Running {
    pub(super) fn info(&self) -> PluginInfo {
        self.plugin.info()
    }

    /// That it is of this kind.
    pub(super) fn must_be(&self, kind: PluginType) -> Result<()> {
        let info = self.info();
        if info.plugin_type == kind {
            return Ok(());
        }
        let (name, command) = (info.name, kind_of(info.plugin_type));
        Err(usage(format!(
            "plugin \"{name}\" is a {command}, not a {}; use `encamp plugin {command}`",
            kind_of(kind)
        )))
    }

    /// The way that the plugin itself writes the version of the interface that is spoken.
    fn api_version(&self, wanted: &str) -> Result<String> {
        let info = self.info();
        let is_known = |version: &&String| version.trim_start_matches('v') == wanted.trim_start_matches('v');
        match info.api_versions.iter().find(is_known) {
            Some(version) => Ok(version.clone()),
            None => bail!(
                "plugin \"{}\" speaks the API versions [{}], and none of them is {wanted}",
                info.name,
                info.api_versions.join(", ")
            ),
        }
    }

    /// Hands the configuration over. The inner error is what the plugin says against it.
    ///
    /// Without a node it is only looked at, as an agent does first; drivers need one before they start tasks.
    pub(super) async fn configure(&self, value: Value, node: Option<Topology>) -> Result<Result<(), String>> {
        let mut config = PluginConfig::new(value);
        config.client_ports = node.is_some().then_some(CLIENT_PORTS);
        config.topology = node.map(Arc::new);
        config.api_version = self.api_version(&config.api_version)?;
        let answer = self
            .within("to take its configuration", self.plugin.set_config(config))
            .await?;
        match answer {
            Ok(()) => Ok(Ok(())),
            Err(ConfigError::PluginShutdown) => {
                bail!(
                    "the plugin {} when it was given its configuration",
                    self.client.exited().await
                )
            }
            Err(error) => Ok(Err(error.to_string())),
        }
    }

    /// What comes of a call, unless it takes too long.
    pub(super) async fn within<T>(&self, what: &str, call: impl Future<Output = T>) -> Result<T> {
        within(self.timeout, what, call).await
    }

    /// Lets it end.
    pub(super) async fn end(self) {
        let sockets = self.client.reattach_config().and_then(|config| config.socket_dir);
        let killed = waited_for("the plugin to end", self.client.kill()).await;
        if killed.exit.is_none() {
            output::notice(&format!("the plugin does not end: process {}", self.client.pid()));
        }
        // It is removed behind our back once the plugin has ended; this process must not be faster.
        let began = Instant::now();
        while sockets.as_ref().is_some_and(|dir| dir.exists()) && began.elapsed() < REMOVAL {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// The kind of a plugin, which is also the command to try it with.
pub(super) fn kind_of(kind: PluginType) -> &'static str {
    match kind {
        PluginType::Driver => "driver",
        PluginType::Device => "device",
        _ => "plugin of another kind",
    }
}

async fn within<T>(timeout: Duration, what: &str, call: impl Future<Output = T>) -> Result<T> {
    let answer = tokio::time::timeout(timeout, waited_for(&format!("the plugin {what}"), call)).await;
    answer.with_context(|| format!("the plugin took longer than {timeout:?} {what}"))
}

/// Some work, of which is told what it waits for when it takes long.
pub(super) async fn waited_for<T>(what: &str, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    tokio::select! {
        biased;
        done = &mut work => return done,
        () = tokio::time::sleep(PATIENCE) => output::notice(&format!("waiting for {what}; Ctrl-C gives up")),
    }
    work.await
}

fn program(path: &Path) -> Result<PathBuf> {
    let cannot = |why: &str| usage(format!("cannot launch {}: {why}", path.display()));
    match path.metadata() {
        Ok(found) if found.is_dir() => Err(cannot("it is a directory")),
        Ok(_) => std::path::absolute(path).map_err(|error| cannot(&error.to_string())),
        Err(error) => Err(cannot(&error.to_string())),
    }
}

fn spelled(path: &Path, error: ConnectError) -> anyhow::Error {
    let name = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned();
    anyhow::Error::new(error).context(format!("{name} runs, but cannot be used"))
}

fn log_line(record: &LogRecord) -> String {
    let level = match record.level {
        LogLevel::Trace => "TRACE",
        LogLevel::Debug => "DEBUG",
        LogLevel::Info => "INFO",
        LogLevel::Warn => "WARN",
        LogLevel::Error => "ERROR",
    };
    let mut line = format!("{level:5} ");
    line.push_str(if record.module.is_empty() {
        &record.plugin
    } else {
        &record.module
    });
    line.push_str(": ");
    line.push_str(&record.message);
    if !record.fields.is_empty() {
        line.push_str(": ");
        line.push_str(&record.fields().to_string());
    }
    line
}
