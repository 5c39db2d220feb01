//! From nothing, or from a record, to a process that is ready.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use encamp_driver::{Error, PluginConfig, Result, TaskHandle};
use futures_util::{StreamExt as _, stream};
use tokio::time::timeout;

use super::{Live, Supervisor};
use crate::record::Record;
use crate::{Command, EventKind, Instance, config, scan};

/// How many tasks are taken back together.
const TOGETHER: usize = 16;

impl Supervisor {
    /// A process that is ready, with all tasks taken back.
    pub(super) async fn start(&self) -> Result<Arc<Live>, String> {
        let instance = match self.found_again().await {
            Some(instance) => {
                self.tell(EventKind::Reattached);
                instance
            }
            None => self.launched().await?,
        };
        let live = Arc::new(Live {
            instance,
            generation: self.generations.fetch_add(1, Ordering::Relaxed) + 1,
        });
        let behind = self.tasks.all_behind(live.generation);
        let recover = stream::iter(behind).for_each_concurrent(TOGETHER, |handle| async {
            self.recover(&live, handle).await.ok();
        });
        // Those that take longer are told of again by whoever asks for them.
        timeout(self.settings.timing.answer, recover).await.ok();
        Ok(live)
    }

    /// The process of an earlier host. It keeps the configuration it had.
    async fn found_again(&self) -> Option<Arc<dyn Instance>> {
        if self.looked_for_record.swap(true, Ordering::Relaxed) {
            return None;
        }
        let record = self.records.get(self.name()).transpose()?;
        let found = match record {
            Ok(record) => self.reattached(&record).await,
            Err(error) => Err(format!("it cannot be read: {error}")),
        };
        match found {
            Ok(instance) => Some(instance),
            Err(why) => {
                self.tell(EventKind::StaleRecord(why));
                self.records.remove(self.name());
                None
            }
        }
    }

    async fn reattached(&self, record: &Record) -> Result<Arc<dyn Instance>, String> {
        let instance = self.settings.launch.reattach(&record.reattach).await;
        let instance = instance.map_err(|error| chain(&error))?;
        if let Err(why) = self.is_same(instance.as_ref()) {
            // Whoever it is, it is not ours to end.
            instance.detach();
            return Err(why);
        }
        match self.init(instance.as_ref()).await {
            Ok(()) => Ok(instance),
            Err(why) => {
                instance.kill().await;
                Err(why)
            }
        }
    }

    async fn launched(&self) -> Result<Arc<dyn Instance>, String> {
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
            let driver = self.name().to_owned();
            if let Err(error) = self.records.put(&Record { driver, reattach }) {
                tracing::warn!(plugin = self.name(), %error, "A plugin is not on record: the next host will not find it");
            }
        }
        self.tell(EventKind::Launched);
        Ok(instance)
    }

    async fn make_ready(&self, instance: &dyn Instance) -> Result<(), String> {
        self.is_same(instance)?;
        let config = self.config(instance)?;
        let set = timeout(self.settings.timing.answer, instance.driver().set_config(config)).await;
        let set = set.map_err(|_| self.slow("SetConfig"))?;
        set.map_err(|error| format!("it refuses its configuration: {}", error.reason))?;
        self.init(instance).await
    }

    async fn init(&self, instance: &dyn Instance) -> Result<(), String> {
        let init = timeout(self.settings.timing.answer, instance.driver().init()).await;
        let init = init.map_err(|_| self.slow("Init"))?;
        init.map_err(|error| format!("it does not get ready: {}", error.chain()))
    }

    fn slow(&self, call: &str) -> String {
        format!("it has not answered {call} within {:?}", self.settings.timing.answer)
    }

    /// A program may have been exchanged since the scan, but not for another plugin.
    fn is_same(&self, instance: &dyn Instance) -> Result<(), String> {
        let (info, expected) = (instance.driver().info(), &self.entry.info);
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
        let api_version = scan::api_version(&instance.driver().info()).map_err(|problem| chain(&problem))?;
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
        let recovered = timeout(answer, live.driver().recover_task(handle)).await;
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

/// An error and all that it comes of, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
