//! `task` blocks.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use encamp_hclspec::Block;

use super::Builder;
use crate::job::{Lifecycle, Logs, Resources, Restart, Task};
use crate::read::Level;
use crate::spec::task::TaskBlock;
use crate::spec::{LogsBlock, ResourcesBlock};
use crate::{Config, names, spec, support};

static TASK: LazyLock<Level> = LazyLock::new(|| Level::new(&spec::TASK, &[("config", &[])]));

impl Builder<'_> {
    pub(super) fn task(&mut self, block: &Block, restart: Restart) -> Option<Task> {
        let label = block.labels().first()?;
        let name = label.text().to_owned();
        let body = block.body();
        self.check_name("task", names::task(&name), label.span());
        let (arguments, content) = self.reader.level::<TaskBlock>(&TASK, body);
        let unsupported = self.reader.options.unsupported;
        support::check("task", &content, &spec::TASK, unsupported, &mut self.reader.diagnostics);
        let driver_span = content
            .attributes
            .get("driver")
            .map_or_else(|| block.header_span(), |driver| driver.value().span());
        let is_named = arguments.as_ref().is_none_or(|task| task.driver.as_deref() != Some(""));
        if !content.attributes.contains_key("driver") || !is_named {
            let detail = format!("The task \"{name}\" has no driver. Name one: driver = \"exec\".");
            self.reader.error("Missing driver", detail, driver_span.clone());
        }
        let configs: Vec<&Block> = content
            .blocks
            .iter()
            .filter(|nested| nested.name() == "config")
            .collect();
        let config = self.config(block, &configs);
        let arguments = arguments?;
        let resources = arguments.resources.unwrap_or_default();
        Some(Task {
            name,
            driver: arguments.driver.unwrap_or_default(),
            config,
            env: arguments.env.0,
            user: arguments.user.filter(|user| !user.is_empty()),
            resources: Resources::from(&resources),
            logs: arguments.logs.map_or_else(Logs::default, Logs::from),
            kill_timeout: arguments.kill_timeout.0,
            kill_signal: arguments.kill_signal.filter(|signal| !signal.is_empty()),
            restart: arguments.restart.map_or(restart, |own| own.over(restart)),
            lifecycle: arguments.lifecycle.map(|lifecycle| Lifecycle {
                hook: lifecycle.hook,
                sidecar: lifecycle.sidecar,
            }),
            leader: arguments.leader,
            meta: arguments.meta,
            span: block.header_span(),
            driver_span,
            shutdown_delay: arguments.shutdown_delay.map(|time| -> Duration { time.0 }),
            kind: arguments.kind,
            constraints: arguments.constraint,
            affinities: arguments.affinity,
            services: arguments.service,
            artifacts: arguments.artifact,
            templates: arguments.template,
            volume_mounts: arguments.volume_mount,
            csi_plugin: arguments.csi_plugin,
            dispatch_payload: arguments.dispatch_payload,
            identities: arguments.identity,
            vault: arguments.vault,
            consul: arguments.consul,
            secrets: arguments.secret,
            scaling: arguments.scaling,
            actions: arguments.action,
            schedule: arguments.schedule,
            devices: resources.device,
            numa: resources.numa,
            networks: resources.network,
            disk: resources.disk,
            secrets_size: resources.secrets,
        })
    }

    fn config(&mut self, task: &Block, blocks: &[&Block]) -> Config {
        if let [first, second, ..] = blocks {
            let detail = "At most one block of type \"config\" is allowed here.";
            let diagnostic = encamp_hclspec::Diagnostic::error("Duplicate config block", detail);
            let diagnostic = diagnostic.with_span(second.name_span()).with_context(first.name_span());
            self.reader.diagnostics.push(diagnostic);
        }
        let block = blocks.first();
        let span = block.map_or_else(|| task.header_span(), |block| block.name_span());
        Config::new(block.map(|block| block.body().clone()), Arc::clone(&self.scope), span)
    }
}

impl From<&ResourcesBlock> for Resources {
    fn from(block: &ResourcesBlock) -> Self {
        let defaults = Self::default();
        let cpu = if block.cores.is_some() { 0 } else { defaults.cpu };
        Self {
            cpu: block.cpu.unwrap_or(cpu),
            cores: block.cores,
            memory: block.memory.unwrap_or(defaults.memory),
            memory_max: block.memory_max.filter(|max| *max != 0),
        }
    }
}

impl From<LogsBlock> for Logs {
    fn from(block: LogsBlock) -> Self {
        Self {
            max_files: block.max_files,
            max_file_size: block.max_file_size,
            disabled: block.disabled,
        }
    }
}
