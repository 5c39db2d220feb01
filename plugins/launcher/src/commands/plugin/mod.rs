//! `encamp plugin`: any plugin, running and tried by hand.

mod config;
pub(crate) mod device;
mod driver;
mod info;
mod launch;
mod schema;
mod validate;

use anyhow::Result;
use encamp_driver::PluginType;

use self::config::Given;
use self::launch::{Launcher, Running};
use crate::cli::plugin::{Plugin, Session};
use crate::exit::{killed_by, usage};
use crate::output;
use crate::paths::DataDir;
use crate::session::{Screen, plain};
use crate::{machine, signals};

/// Where the commands of sessions are remembered.
const HISTORY: &str = "plugin_history";

pub(crate) async fn plugin(data: Result<DataDir>, verbose: u8, command: Plugin) -> Result<u8> {
    let screen = Screen::start();
    let launcher = Launcher::new(screen.clone(), verbose);
    let done = match command {
        Plugin::Info(args) => Box::pin(interruptible(info::info(&launcher, &args))).await,
        Plugin::Schema(args) => Box::pin(interruptible(schema::schema(&launcher, &args))).await,
        Plugin::Validate(args) => Box::pin(interruptible(validate::validate(&launcher, &args))).await,
        Plugin::Driver(args) => Box::pin(driver::driver(&launcher, &data?.root().join(HISTORY), &args)).await,
        Plugin::Device(args) => Box::pin(device::device(&launcher, &data?.root().join(HISTORY), &args)).await,
    };
    screen.flush();
    done
}

/// Some work, as far as no signal ends it. The plugin ends with the work.
async fn interruptible(work: impl Future<Output = Result<u8>>) -> Result<u8> {
    Ok(match opened(work).await? {
        Ok(code) | Err(code) => code,
    })
}

/// The same, where more work follows: the inner error is the exit code after a signal.
async fn opened<T>(work: impl Future<Output = Result<T>>) -> Result<Result<T, u8>> {
    let deadly = signals::deadly()?;
    tokio::select! {
        done = work => done.map(Ok),
        signal = deadly => Ok(Err(killed_by(signal))),
    }
}

/// The plugin of a session, launched and configured.
async fn launched(launcher: &Launcher, args: &Session, kind: PluginType) -> Result<Running> {
    let given = Given::read(args.config.as_deref())?;
    let words = given.args(&args.path, &args.args)?;
    let running = launcher.launch(&args.path, &words, args.launch.start_timeout).await?;
    running.must_be(kind)?;
    let value = given.value(&running.plugin, &args.path)?;
    let answer = running.configure(value, Some(machine::topology())).await?;
    let name = running.info().name;
    answer.map_err(|reason| usage(format!("plugin \"{name}\" refuses its configuration: {reason}")))?;
    Ok(running)
}

/// Says to a person with whom they talk, and how.
fn greet(running: &Running) {
    if crate::session::is_typed() && !output::is_json() {
        let (info, pid) = (running.info(), running.client.pid());
        let text = format!(
            "{} {}, process {pid}; `help` lists the commands",
            info.name, info.version
        );
        output::notice(&plain(&text));
    }
}
