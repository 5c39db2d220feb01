//! `demo`: build, and run an example job.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use lexopt::prelude::*;

use crate::args::Args;
use crate::engine::{Endpoint, Engine, image};
use crate::scratch::Scratch;
use crate::shell::{self, Cmd};
use crate::workspace::Workspace;
use crate::{children, setup, style};

pub(crate) const HELP: &str = "\
Usage: cargo xtask demo [--no-setup] [JOB] [-- <encamp run arguments>]

Builds `encamp` and its executor for release and runs a job file with them: hello.nomad.hcl of the examples in
plugins/launcher/examples, or JOB. The exit code is that of the job.

The data directory is a private one and is removed after. Where no Docker Engine answers, root gets a private one for
the time of the demo, and the image of the example is made from this machine's busybox. Without root and without an
engine the example's host task runs alone.

Options:
  --no-setup  do not look for missing tools first
";

const EXAMPLES: &str = "plugins/launcher/examples";
const REPOSITORY: &str = "encamp-demo/busybox";
const TAG: &str = "1";

pub(crate) fn main(args: Args) -> Result<ExitCode> {
    let (job, look_for_tools) = options(args.own)?;
    if look_for_tools {
        setup::ensure()?;
    }
    Cmd::cargo("build")
        .args(["--release", "--package", "encamp", "--package", "encamp-executor"])
        .run()?;
    let encamp = Workspace::load()?.target.join("release/encamp");

    children::adopt_orphans()?;
    let scratch = Scratch::new()?;
    let engine = match Engine::find_or_start(&scratch.path().join("engine")) {
        Ok(engine) => Some(engine),
        Err(reason) => {
            shell::go_on()?;
            eprintln!("{} without docker: {reason:#}", style::yellow("note:"));
            None
        }
    };
    let _image = engine
        .as_ref()
        .map(|engine| Image::make(engine.endpoint()))
        .transpose()?;
    let job = job.unwrap_or_else(|| {
        let name = if engine.is_some() {
            "hello.nomad.hcl"
        } else {
            "hello-host.nomad.hcl"
        };
        Path::new(EXAMPLES).join(name)
    });
    let run = Cmd::new(encamp)
        .arg("run")
        .args(["--data-dir".as_ref(), scratch.path().join("data").as_os_str()]);
    let run = match &engine {
        Some(engine) => run.env("DOCKER_HOST", engine.endpoint().host()),
        None => run,
    };
    let status = run.arg(job).args(args.passed_on).status()?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}

fn options(mut args: lexopt::Parser) -> Result<(Option<PathBuf>, bool)> {
    let (mut job, mut look_for_tools) = (None, true);
    while let Some(arg) = args.next()? {
        match arg {
            Long("no-setup") => look_for_tools = false,
            // Commands run in the root of the workspace, and a path is meant from where the user is.
            Value(path) if job.is_none() => job = Some(std::path::absolute(path)?),
            _ => return Err(arg.unexpected().into()),
        }
    }
    Ok((job, look_for_tools))
}

/// The image of the example, which goes away again when it was made here.
struct Image(Option<Endpoint>);

impl Image {
    fn make(engine: &Endpoint) -> Result<Self> {
        if engine.has_image(&format!("{REPOSITORY}:{TAG}")) {
            return Ok(Self(None));
        }
        engine.import_image(REPOSITORY, TAG, &image::busybox(Path::new("/bin/busybox"))?)?;
        Ok(Self(Some(engine.clone())))
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let removed = self
            .0
            .as_ref()
            .map_or(Ok(()), |engine| engine.remove_image(&format!("{REPOSITORY}:{TAG}")));
        if let Err(error) = removed {
            eprintln!("{} {error:#}", style::yellow("warning:"));
        }
    }
}
