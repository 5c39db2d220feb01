//! From nothing, or from a record, to a process that is ready.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use encamp_base::chain;
use encamp_driver::{ConfigError, Error, PluginConfig, Result, TaskHandle};
use futures_util::{StreamExt as _, stream};
use tokio::time::timeout;

use super::{Live, Supervisor};
use crate::record::Record;
use crate::{Command, Contract, EventKind, Instance, config, scan};

/// How many tasks are taken back together.
const TOGETHER: usize = 16;

/// A process that is not in use yet. Dropped, one that was found again is left alone, for tasks may live in it; a fresh
/// one is killed.
pub(super) struct Candidate {
    pub(super) live: Arc<Live>,
    found: bool,
}

impl Candidate {
    /// The process, which is in use from now on.
    pub(super) fn taken(mut self) -> Arc<Live> {
        self.found = false;
        Arc::clone(&self.live)
    }

    /// Ends a fresh process properly.
    pub(super) async fn give_up(self) {
        if !self.found {
            self.live.instance.kill().await;
        }
    }
}

impl Drop for Candidate {
    fn drop(&mut self) {
        if self.found {
            self.live.instance.detach();
        }
    }
}

impl Supervisor {
    /// A process that is ready, with all tasks taken back.
    pub(super) async fn start(&self) -> Result<Candidate, String> {
        let candidate = match self.found_again().await {
            Some(found) => {
                self.tell(EventKind::Reattached);
                found
            }
            None => self.launched().await?,
        };
        let live = &candidate.live;
        let behind = self.tasks.all_behind(live.generation);
        let recover = stream::iter(behind).for_each_concurrent(TOGETHER, |handle| async {
            self.recover(live, handle).await.ok();
        });
        // Those that take longer are told of again by whoever asks for them.
        timeout(self.settings.timing.answer, recover).await.ok();
        Ok(candidate)
    }

    fn candidate(&self, instance: Arc<dyn Instance>, found: bool) -> Candidate {
        let generation = self.generations.fetch_add(1, Ordering::Relaxed) + 1;
        let live = Arc::new(Live { instance, generation });
        Candidate { live, found }
    }

    /// The process of an earlier host. It keeps the configuration it had. No record is there of this host's own by the
    /// time that one is looked for.
    pub(super) async fn found_again(&self) -> Option<Candidate> {
        let record = self.records.get(self.name()).transpose()?;
        let found = match record {
            Ok(record) => self.reattached(&record).await,
            Err(error) => Err(format!("it cannot be read: {error}")),
        };
        match found {
            Ok(found) => Some(found),
            Err(why) => {
                self.tell(EventKind::StaleRecord(why));
                self.records.remove(self.name());
                None
            }
        }
    }

    async fn reattached(&self, record: &Record) -> Result<Candidate, String> {
        let instance = self.settings.launch.reattach(&record.reattach).await;
        let found = self.candidate(instance.map_err(|error| chain(&error))?, true);
        // Whoever else it is, it is not ours to end.
        self.is_same(found.live.instance.as_ref())?;
        match self.init(found.live.instance.as_ref()).await {
            Ok(()) => Ok(found),
            Err(why) => {
                // A fresh one takes its place, and nobody would find this one again.
                found.taken().instance.kill().await;
                Err(why)
            }
        }
    }

    async fn launched(&self) -> Result<Candidate, String> {
        let judged = self.settings.safety.judge(&self.entry.path);
        judged.map_err(|refusal| chain(&refusal))?;
        let command = Command {
            program: self.entry.path.clone(),
            args: self.entry.listed.args.clone(),
        };
        let instance = self.settings.launch.launch(&command).await;
        let instance = instance.map_err(|error| chain(&error))?;
        if let Err(why) = self.make_ready(instance.as_ref()).await {
            instance.kill().await;
            return Err(why);
        }
        if let Some(reattach) = instance.record() {
            let plugin = self.name().to_owned();
            if let Err(error) = self.records.put(&Record { plugin, reattach }) {
                tracing::warn!(plugin = self.name(), %error, "A plugin is not on record: the next host will not find it");
            }
        }
        self.tell(EventKind::Launched);
        Ok(self.candidate(instance, false))
    }

    async fn make_ready(&self, instance: &dyn Instance) -> Result<(), String> {
        self.is_same(instance)?;
        let config = self.config(instance)?;
        let set = timeout(
            self.settings.timing.answer,
            instance.contract().plugin().set_config(config),
        )
        .await;
        let set = set.map_err(|_| self.slow("SetConfig"))?;
        set.map_err(|error| match error {
            ConfigError::PluginShutdown => "it has ended when it was given its configuration".to_owned(),
            error => format!("it refuses its configuration: {error}"),
        })?;
        self.init(instance).await
    }

    async fn init(&self, instance: &dyn Instance) -> Result<(), String> {
        let Contract::Driver(driver) = instance.contract() else {
            return Ok(());
        };
        let init = timeout(self.settings.timing.answer, driver.init()).await;
        let init = init.map_err(|_| self.slow("Init"))?;
        init.map_err(|error| format!("it does not get ready: {}", error.chain()))
    }

    fn slow(&self, call: &str) -> String {
        format!("it has not answered {call} within {:?}", self.settings.timing.answer)
    }

    /// A program may have been exchanged since the scan, but not for another plugin.
    fn is_same(&self, instance: &dyn Instance) -> Result<(), String> {
        let (info, expected) = (instance.contract().plugin().info(), &self.entry.info);
        if (info.plugin_type, info.name.as_str()) == (expected.plugin_type, expected.name.as_str()) {
            return Ok(());
        }
        Err(format!(
            "it is {} now, and was {}: scan again",
            info.name, expected.name
        ))
    }

    /// The configuration by the schema of the process at hand, which may be another version.
    fn config(&self, instance: &dyn Instance) -> Result<PluginConfig, String> {
        if let Some(config) = self.config.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            return Ok(config);
        }
        let decoded = config::decode(&self.entry.listed, instance.schema().as_ref());
        let decoded = decoded.map_err(|diagnostics| format!("its configuration is wrong: {diagnostics}"))?;
        let api_version = scan::api_version(&instance.contract().plugin().info()).map_err(|problem| chain(&problem))?;
        let node = &self.settings.node;
        Ok(PluginConfig {
            api_version,
            topology: node.topology.clone(),
            client_ports: node.client_ports.clone(),
            ..PluginConfig::new(decoded)
        })
    }

    pub(super) async fn recover(&self, live: &Live, handle: TaskHandle) -> Result<()> {
        let id = handle.config.id.clone();
        let answer = self.settings.timing.answer;
        let recovered = timeout(answer, live.driver()?.recover_task(handle)).await;
        let late = || format!("plugin {} has not taken the task back within {answer:?}", self.name());
        match recovered.unwrap_or_else(|_| Err(Error::recoverable(late()))) {
            Ok(()) => {
                self.tasks.caught_up(&id, live.generation);
                self.tell(EventKind::Recovered(id));
                Ok(())
            }
            Err(error) => {
                if matches!(error, Error::TaskNotFound(_)) {
                    self.tasks.forget(&id);
                }
                let why = error.chain();
                self.tell(EventKind::NotRecovered { task: id, why });
                Err(error)
            }
        }
    }
}
