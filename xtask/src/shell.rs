//! Running commands: each is shown before it runs, and named in full when it fails.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};

use crate::children::{Owned, interrupted};
use crate::style;

/// A command to run in the root of the workspace, without standard input.
pub(crate) struct Cmd {
    command: Command,
    line: String,
    quiet: bool,
}

impl Cmd {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let line = program.as_ref().to_string_lossy().into_owned();
        let mut command = Command::new(program);
        command.current_dir(root()).stdin(Stdio::null());
        Self {
            command,
            line,
            quiet: false,
        }
    }

    /// The cargo that runs this tool, or the one in the search path.
    pub(crate) fn cargo(verb: &str) -> Self {
        let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut cargo = Self::new(program).arg(verb);
        cargo.line = format!("cargo {verb}");
        cargo
    }

    /// The same command, started inside the network namespace of a process.
    pub(crate) fn in_network_of(self, pid: u32) -> Self {
        let mut entered = Self::new("nsenter").arg(format!("--net=/proc/{pid}/ns/net")).arg("--");
        entered
            .command
            .arg(self.command.get_program())
            .args(self.command.get_args());
        for (key, value) in self.command.get_envs().filter_map(|(key, value)| Some((key, value?))) {
            entered.command.env(key, value);
        }
        entered.line = self.line;
        entered
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.line.push(' ');
        self.line.push_str(&quoted(&arg.as_ref().to_string_lossy()));
        self.command.arg(arg);
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(self, args: impl IntoIterator<Item = A>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    pub(crate) fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// Does not show the command line before it runs.
    pub(crate) fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// Runs to the end; fails unless it succeeds.
    pub(crate) fn run(self) -> Result<()> {
        let line = self.line.clone();
        succeeded(&line, self.status()?)
    }

    /// Runs to the end.
    pub(crate) fn status(mut self) -> Result<ExitStatus> {
        let mut child = self.spawn()?;
        let status = child
            .wait()
            .with_context(|| format!("cannot wait for `{}`", self.line))?;
        unless_interrupted(status)
    }

    /// Runs to the end and gives its standard output; fails unless it succeeds.
    pub(crate) fn read(mut self) -> Result<String> {
        self.command.stdout(Stdio::piped());
        let mut child = self.spawn()?;
        let mut bytes = Vec::new();
        if let Some(mut stdout) = child.stdout() {
            stdout
                .read_to_end(&mut bytes)
                .with_context(|| format!("cannot read from `{}`", self.line))?;
        }
        succeeded(
            &self.line,
            child
                .wait()
                .with_context(|| format!("cannot wait for `{}`", self.line))?,
        )?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Runs to the end, showing both output streams as they come, and hands over each line.
    pub(crate) fn lines(mut self, mut each: impl FnMut(&str)) -> Result<ExitStatus> {
        // One pipe for both streams keeps their order.
        let (reader, writer) = std::io::pipe().context("cannot make a pipe")?;
        self.command
            .stdout(writer.try_clone().context("cannot share a pipe")?)
            .stderr(writer);
        let mut child = self.spawn()?;
        // The command holds our own copy of the writing end: the reader ends only when that is gone too.
        self.command = Command::new("true");
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        while reader
            .read_until(b'\n', &mut line)
            .with_context(|| format!("cannot read from `{}`", self.line))?
            > 0
        {
            let text = String::from_utf8_lossy(&line);
            print!("{text}");
            each(text.trim_end());
            line.clear();
        }
        let status = child
            .wait()
            .with_context(|| format!("cannot wait for `{}`", self.line))?;
        unless_interrupted(status)
    }

    /// Starts it, for the caller to wait for.
    pub(crate) fn spawn(&mut self) -> Result<Owned> {
        if !self.quiet {
            eprintln!("{}", style::dim(&format!("$ {}", self.line)));
        }
        Owned::spawn(&mut self.command).with_context(|| format!("cannot run `{}`", self.line))
    }

    /// Sends both output streams to a file.
    pub(crate) fn output_to(mut self, file: &std::fs::File) -> Result<Self> {
        let copy = || file.try_clone().context("cannot share a file");
        self.command.stdout(copy()?).stderr(copy()?);
        Ok(self)
    }
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let own = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    own.parent().map_or_else(|| own.clone(), Path::to_path_buf)
}

/// Whether this runs on a build machine, where nothing is asked and nothing may be missing.
pub(crate) fn on_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true" || value == "1")
}

pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Fails when a signal has asked this process to end.
pub(crate) fn go_on() -> Result<()> {
    match interrupted() {
        Some(_) => bail!("interrupted"),
        None => Ok(()),
    }
}

fn unless_interrupted(status: ExitStatus) -> Result<ExitStatus> {
    go_on().map(|()| status)
}

fn succeeded(line: &str, status: ExitStatus) -> Result<()> {
    go_on()?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}

/// An argument as a shell would need it.
fn quoted(arg: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_=./:,@+%^".contains(c);
    if !arg.is_empty() && arg.chars().all(plain) {
        arg.to_owned()
    } else {
        format!("'{}'", arg.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Cmd, quoted};

    #[test]
    fn an_argument_is_quoted_only_when_a_shell_would_need_it() {
        assert_eq!(quoted("--jobs=2"), "--jobs=2");
        assert_eq!(quoted("two words"), "'two words'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn a_failure_names_the_command_and_its_status() {
        let error = Cmd::new("false").arg("a b").quiet().run().unwrap_err();
        assert_eq!(error.to_string(), "`false 'a b'` failed: exit status: 1");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Cmd::new("encamp-no-such-program").quiet().run().unwrap_err();
        assert_eq!(error.to_string(), "cannot run `encamp-no-such-program`");
    }

    #[test]
    fn both_streams_come_in_the_order_of_their_writing() {
        let mut lines = Vec::new();
        let script = "echo one; echo two >&2; printf three";
        let status = Cmd::new("sh")
            .args(["-c", script])
            .quiet()
            .lines(|line| lines.push(line.to_owned()))
            .unwrap();
        assert!(status.success());
        assert_eq!(lines, ["one", "two", "three"]);
    }
}
