//! Ports of the host that lead into the container.

use std::collections::{BTreeMap, BTreeSet};

use encamp_driver::{Result, TaskConfig};

use super::invalid;
use crate::config::TaskOptions;
use crate::engine::PortBinding;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Published {
    pub(super) bindings: BTreeMap<String, Vec<PortBinding>>,
    pub(super) exposed: BTreeSet<String>,
}

/// The task's ports by their labels, each for tcp and udp. In a joined namespace the ports are there already.
pub(super) fn publish(task: &TaskConfig, options: &TaskOptions, network_mode: Option<&str>) -> Result<Published> {
    let joined = network_mode.is_some_and(|mode| mode == "host" || mode.starts_with("container:"));
    let mut published = Published::default();
    for label in &options.ports {
        let port = task.resources.ports.iter().find(|port| port.label == *label);
        let port = port.ok_or_else(|| invalid(format!("port `{label}` is not one of the group's; {}", known(task))))?;
        if joined {
            continue;
        }
        let inside = if port.to == 0 { port.value } else { port.to };
        for protocol in ["tcp", "udp"] {
            let target = format!("{inside}/{protocol}");
            published.exposed.insert(target.clone());
            published.bindings.entry(target).or_default().push(PortBinding {
                host_ip: port.host_ip.clone(),
                host_port: port.value.to_string(),
            });
        }
    }
    Ok(published)
}

fn known(task: &TaskConfig) -> String {
    let labels: Vec<&str> = task.resources.ports.iter().map(|port| port.label.as_str()).collect();
    if labels.is_empty() {
        return "the group's network has none".to_owned();
    }
    format!("it has {}", labels.join(", "))
}
