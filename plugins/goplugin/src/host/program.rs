//! What is launched.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::{Checksum, Output};

/// What is launched: a program, its arguments and its environment.
pub struct Program {
    path: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    host_env: bool,
    dir: Option<PathBuf>,
    pub(super) checksum: Option<Checksum>,
    pub(super) output: Output,
}

impl Program {
    /// The program at `path`, which is not looked for in `PATH`. It gets the host's environment, and no
    /// standard input: that is the host's own.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            args: Vec::new(),
            env: Vec::new(),
            host_env: true,
            dir: None,
            checksum: None,
            output: Output::default(),
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable. Those of the protocol itself cannot be set.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Keeps the host's environment, and what secrets are in it, from the plugin.
    #[must_use]
    pub fn skip_host_env(mut self) -> Self {
        self.host_env = false;
        self
    }

    /// The directory that it is started in. The host's by default.
    #[must_use]
    pub fn current_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// Starts the program only if its content has this checksum.
    #[must_use]
    pub fn checksum(mut self, checksum: Checksum) -> Self {
        self.checksum = Some(checksum);
        self
    }

    /// Where what it prints goes.
    #[must_use]
    pub fn output(mut self, output: Output) -> Self {
        self.output = output;
        self
    }

    /// The program.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What its log lines are said to come from.
    pub(super) fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        name.to_string_lossy().into_owned()
    }

    /// The command that starts `executable`, which is this program in the one form or the other.
    pub(super) fn command(&self, executable: &Path) -> Command {
        let mut command = Command::new(executable);
        command.arg0(&self.path).args(&self.args);
        if !self.host_env {
            command.env_clear();
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

/// No value of a variable is shown.
impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, args, .. } = self;
        f.debug_struct("Program")
            .field("path", path)
            .field("args", args)
            .finish_non_exhaustive()
    }
}
