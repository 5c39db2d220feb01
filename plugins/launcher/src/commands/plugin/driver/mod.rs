//! `encamp plugin driver`.

mod alloc;
mod command;
mod exec;
mod show;
mod tasks;
mod watch;

use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use encamp_driver::{Capabilities, Driver as _, PluginType};
use encamp_driver_grpc::RemoteDriver;
use encamp_hclspec::Spec;
use encamp_logs::{Next, Reader, Start as From, Stream};
use futures_util::StreamExt as _;
use serde_json::json;

use self::alloc::Alloc;
use self::command::{Command, Destroy, Logs, Signal, Start, Stats, Stop};
use self::tasks::{Task, Tasks};
use self::watch::{Events, Latest};
use super::launch::{Launcher, Running, waited_for};
use super::{config, info, opened};
use crate::cli::plugin::Session as Args;
use crate::collect::Collector;
use crate::exit::{self, usage};
use crate::lines::Lines;
use crate::output;
use crate::session::{self, Flow, Ids, Screen, Session, Setting};

/// How long a driver may take to remove a task when the session ends.
const REMOVAL: Duration = Duration::from_secs(15);

pub(super) async fn driver(launcher: &Launcher, history: &Path, args: &Args) -> Result<u8> {
    let ids = Ids::default();
    let starting = start(launcher, args, Arc::clone(&ids));
    let (running, mut driving) = match Box::pin(opened(starting)).await? {
        Ok(started) => started,
        Err(code) => return Ok(code),
    };
    let setting = Setting {
        prompt: format!("{}> ", session::plain(&running.info().name)),
        history,
        ids,
        screen: &launcher.screen,
        life: running.client.life(),
        stop_at_error: args.stop_at_error,
    };
    let ended = session::run(&mut driving, setting).await;
    let running = if running.client.life().exit().is_some() && driving.tasks.iter().next().is_some() {
        driving.take_up(launcher, args).await.unwrap_or(running)
    } else {
        running
    };
    driving.close().await;
    running.end().await;
    ended
}

/// A driver that is ready for tasks.
async fn ready(launcher: &Launcher, args: &Args) -> Result<(Running, RemoteDriver)> {
    let running = super::launched(launcher, args, PluginType::Driver).await?;
    let driver = RemoteDriver::new(running.plugin.clone(), running.client.channel());
    let init = running.within("to get ready", driver.init()).await?;
    init.context("the driver does not get ready")?;
    Ok((running, driver))
}

async fn start(launcher: &Launcher, args: &Args, ids: Ids) -> Result<(Running, Driving)> {
    let (running, driver) = ready(launcher, args).await?;
    let said = running.within("to say what it can do", driver.capabilities()).await?;
    let capabilities = said.context("the driver does not say what it can do")?;
    let said = running
        .within("to say how tasks are configured", driver.task_config_schema())
        .await?;
    let driving = Driving {
        name: running.info().name,
        capabilities,
        schema: said.context("the driver does not say how tasks are configured")?,
        latest: watch::fingerprints(driver.clone(), launcher.screen.clone()),
        events: watch::events(driver.clone(), launcher.screen.clone()),
        driver,
        tasks: Tasks::new(ids),
        alloc: None,
        screen: launcher.screen.clone(),
    };
    super::greet(&running);
    Ok((running, driving))
}

/// A session with a driver.
struct Driving {
    name: String,
    driver: RemoteDriver,
    capabilities: Capabilities,
    schema: Spec,
    latest: Latest,
    events: Events,
    tasks: Tasks,
    /// Made for the first task.
    alloc: Option<Alloc>,
    screen: Screen,
}

impl Session for Driving {
    type Command = Command;

    async fn run(&mut self, command: Command, block: Option<String>) -> Result<Flow> {
        match command {
            Command::Fingerprint => self.fingerprint().await?,
            Command::Capabilities => self.show_capabilities().await?,
            Command::Start(args) => self.start(&args, block).await?,
            Command::List => self.list().await?,
            Command::Inspect(one) => {
                let id = self.tasks.find(&one.id)?.id.clone();
                show::status(&self.driver.inspect_task(&id).await?);
            }
            Command::Wait(one) => self.wait(&one.id).await?,
            Command::Logs(args) => self.logs(&args)?,
            Command::Stats(args) => self.stats(&args).await?,
            Command::Events => self.show_events(),
            Command::Exec(args) => {
                let id = self.tasks.find(&args.id)?.id.clone();
                exec::exec(&self.driver, &id, args.command, args.tty).await?;
            }
            Command::Signal(Signal { id, signal }) => {
                let task = self.tasks.find(&id)?;
                self.driver.signal_task(&task.id, &signal).await?;
                done(&task.name, "signalled");
            }
            Command::Stop(args) => self.stop(&args).await?,
            Command::Destroy(args) => self.destroy(&args).await?,
            Command::Exit => return Ok(Flow::Exit),
        }
        Ok(Flow::Next)
    }
}

/// Something was done with a task.
fn done(task: &str, what: &str) {
    if output::is_json() {
        output::print_json(&json!({ "task": task, "done": what }));
    } else {
        output::line(&format!("{task}: {what}"));
    }
}

impl Driving {
    async fn fingerprint(&mut self) -> Result<()> {
        let first = waited_for("the first fingerprint", self.latest.wait_for(Option::is_some)).await;
        let found = first.context("the driver has told no fingerprint")?.clone();
        match found {
            Some(Ok(found)) => show::fingerprint(&found),
            Some(Err(error)) => anyhow::bail!("the driver does not tell its fingerprint: {error}"),
            None => {}
        }
        Ok(())
    }

    async fn show_capabilities(&self) -> Result<()> {
        let capabilities = self.driver.capabilities().await?;
        if output::is_json() {
            output::print_json(&json!({ "capabilities": capabilities }));
        } else {
            info::show_rows(&info::rows_of(&capabilities));
        }
        Ok(())
    }

    async fn start(&mut self, args: &Start, block: Option<String>) -> Result<()> {
        let value = match (&args.file, block) {
            (Some(file), None) => config::task_config(&self.schema, &config::read("task configuration", file)?)?,
            (None, Some(block)) => config::block_config(&self.schema, &block)?,
            _ => {
                return Err(usage(
                    "say what to start: `start FILE.hcl`, or `start { command = \"/bin/date\" }`",
                ));
            }
        };
        let name = self.tasks.name(args.name.as_deref())?;
        let alloc = match self.alloc.take() {
            Some(alloc) => alloc,
            None => Alloc::make()?,
        };
        let alloc = self.alloc.insert(alloc);
        let task = alloc.task((&self.name, &self.capabilities), &name, args, value)?;
        let collector = Collector::start(&task.output, &alloc.logs(), &name, encamp_logs::Config::default())?;
        let id = task.id.clone();
        // Known before it is started: whatever comes of that, it is removed.
        let known = self.tasks.add(Task::new(task.clone(), collector));
        let started = match self.driver.start_task(task).await {
            Ok(started) => started,
            Err(error) => {
                if !self.driver.life().has_ended() {
                    // Most failed starts leave nothing, and say that they know no such task.
                    let _removed = tokio::time::timeout(REMOVAL, self.driver.destroy_task(&id, true)).await;
                    self.tasks.remove(&id);
                }
                return Err(anyhow::Error::new(error).context("the task was not started"));
            }
        };
        known.handle.version = started.version;
        known.handle.driver_state = started.driver_state;
        if output::is_json() {
            output::print_json(&json!({ "task": name, "id": id, "done": "started" }));
        } else {
            output::line(&format!("{name}: started as {id}"));
        }
        // The end of a task that is short is told after its start.
        known.watch(&self.driver, &self.screen);
        Ok(())
    }

    async fn list(&self) -> Result<()> {
        let mut rows = vec![["NAME", "STATE", "RESULT", "ID"].map(str::to_owned).to_vec()];
        for task in self.tasks.iter() {
            let status = self.driver.inspect_task(&task.id).await;
            let (state, exit) = match &status {
                Ok(status) => (show::state(status.state).to_owned(), status.exit.clone()),
                Err(error) => (error.chain(), None),
            };
            if output::is_json() {
                output::print_json(&json!({ "task": task.name, "id": task.id, "state": state, "exit": exit }));
            }
            let result = exit.as_ref().map(show::exit).unwrap_or_default();
            rows.push(vec![task.name.clone(), state, result, task.id.clone()]);
        }
        if !output::is_json() {
            output::table(&rows);
        }
        Ok(())
    }

    async fn wait(&self, id: &str) -> Result<()> {
        let task = self.tasks.find(id)?;
        let mut end = task.end.clone();
        let ended = end.wait_for(Option::is_some).await.ok().and_then(|end| end.clone());
        match ended {
            Some(Ok(_)) => {
                // Its end was told when it came.
                self.screen.flush();
                Ok(())
            }
            Some(Err(error)) => anyhow::bail!("cannot wait for {}: {error}", task.name),
            None => anyhow::bail!("{} was never started", task.name),
        }
    }

    fn logs(&self, args: &Logs) -> Result<()> {
        let task = self.tasks.find(&args.id)?;
        let stream = if args.stderr { Stream::Stderr } else { Stream::Stdout };
        let alloc = self.alloc.as_ref().context("there is no allocation")?;
        task.collector.drain();
        let mut reader = Reader::open(&alloc.logs(), &task.name, stream, From::Oldest)?;
        let mut lines = Lines::default();
        let show = |line: &[u8]| output::print_json(&output::task_line(&task.name, stream, line));
        loop {
            match reader.try_next()? {
                Next::Data(bytes) if output::is_json() => lines.push(bytes).iter().for_each(|line| show(line)),
                Next::Data(bytes) => {
                    if !output::to_stdout(bytes) {
                        return Ok(());
                    }
                }
                Next::Skipped { files } => output::notice(&format!("{files} older files were removed")),
                Next::Pending => break,
            }
        }
        if let Some(last) = lines.finish() {
            show(&last);
        }
        Ok(())
    }

    async fn stats(&self, args: &Stats) -> Result<()> {
        let task = self.tasks.find(&args.id)?;
        let mut stream = self.driver.task_stats(&task.id, args.interval).await?;
        while let Some(sample) = stream.next().await {
            show::stats(&task.name, &sample?);
            if !args.follow {
                return Ok(());
            }
        }
        anyhow::ensure!(
            args.follow,
            "{} was not measured: the driver has ended the stream",
            task.name
        );
        Ok(())
    }

    fn show_events(&self) {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (text, json) in events {
            if output::is_json() {
                output::print_json(&json);
            } else {
                output::line(&session::plain(&text));
            }
        }
    }

    async fn stop(&self, args: &Stop) -> Result<()> {
        let task = self.tasks.find(&args.id)?;
        let stopping = self.driver.stop_task(&task.id, args.timeout, args.signal.as_deref());
        waited_for(&format!("{} to stop", task.name), stopping).await?;
        done(&task.name, "stopped");
        Ok(())
    }

    async fn destroy(&mut self, args: &Destroy) -> Result<()> {
        let task = self.tasks.find(&args.id)?;
        let (id, name) = (task.id.clone(), task.name.clone());
        self.driver.destroy_task(&id, args.force).await?;
        self.screen.flush();
        self.tasks.remove(&id);
        done(&name, "destroyed");
        Ok(())
    }

    /// Launches the plugin, which has died, once more, and gives it the tasks back, as an agent does. `None` where it
    /// does not come back.
    async fn take_up(&mut self, launcher: &Launcher, args: &Args) -> Option<Running> {
        output::notice("the plugin is launched once more, to remove its tasks");
        let (running, driver) = match ready(launcher, args).await {
            Ok(ready) => ready,
            Err(error) => {
                exit::show(&error);
                return None;
            }
        };
        for task in self.tasks.iter() {
            // Of a task that is not there any more, nothing is left to remove.
            drop(tokio::time::timeout(REMOVAL, driver.recover_task(task.handle.clone())).await);
        }
        self.driver = driver;
        Some(running)
    }

    /// Kills what still runs, and removes all that the session has made.
    async fn close(&mut self) {
        let mut left = Vec::new();
        let removing = async {
            for task in self.tasks.iter() {
                let removed = tokio::time::timeout(REMOVAL, self.driver.destroy_task(&task.id, true)).await;
                match removed {
                    Ok(Ok(()) | Err(encamp_driver::Error::TaskNotFound(_))) => {}
                    Ok(Err(error)) => left.push(format!("{}: {}", task.name, error.chain())),
                    Err(_) => left.push(format!("{}: no answer for {REMOVAL:?}", task.name)),
                }
            }
        };
        waited_for("the driver to remove the tasks", removing).await;
        // A driver that does not answer is killed next.
        drop(tokio::time::timeout(REMOVAL, self.driver.shutdown()).await);
        let Some(alloc) = &self.alloc else { return };
        if !left.is_empty() {
            let (left, root) = (left.join("; "), alloc.root().display());
            return output::error(&format!("these tasks may still be there, and {root} is kept: {left}"));
        }
        if let Err(error) = alloc.remove() {
            output::error(&format!("cannot remove the tasks' directory: {error:#}"));
        }
    }
}
