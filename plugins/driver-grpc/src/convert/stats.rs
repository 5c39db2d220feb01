//! What a task uses.

use std::collections::BTreeMap;
use std::time::SystemTime;

use encamp_base_grpc::time;
use encamp_driver::{CpuField, CpuUsage, MemoryField, MemoryUsage, ResourceUsage, TaskStats};
use encamp_proto::driver as wire;
use encamp_proto::driver::cpu_usage::Fields as WireCpuField;
use encamp_proto::driver::memory_usage::Fields as WireMemoryField;

/// Peers look into every part of the message without asking whether it is there: all are.
pub(crate) fn to_message(id: &str, stats: TaskStats) -> wire::TaskStats {
    let by_pid = stats.by_pid.into_iter();
    wire::TaskStats {
        id: id.to_owned(),
        timestamp: Some(time::to_message(Some(stats.timestamp))),
        agg_resource_usage: Some(usage_message(stats.total)),
        resource_usage_by_pid: by_pid
            .map(|(pid, usage)| (pid.to_string(), usage_message(usage)))
            .collect(),
    }
}

/// What is missing from the message was not measured; a process without a number is left out.
pub(crate) fn from_message(message: wire::TaskStats) -> TaskStats {
    let by_pid = message.resource_usage_by_pid.into_iter();
    TaskStats {
        timestamp: time::from_message(message.timestamp).unwrap_or_else(SystemTime::now),
        total: usage(message.agg_resource_usage.unwrap_or_default()),
        by_pid: by_pid
            .filter_map(|(pid, message)| Some((pid.parse().ok()?, usage(message))))
            .collect::<BTreeMap<_, _>>(),
    }
}

fn usage_message(usage: ResourceUsage) -> wire::TaskResourceUsage {
    let (cpu, memory) = (usage.cpu, usage.memory);
    wire::TaskResourceUsage {
        cpu: Some(wire::CpuUsage {
            system_mode: cpu.system_mode,
            user_mode: cpu.user_mode,
            total_ticks: cpu.total_ticks,
            throttled_periods: cpu.throttled_periods,
            throttled_time: cpu.throttled_time,
            percent: cpu.percent,
            measured_fields: cpu
                .measured
                .into_iter()
                .map(|field| cpu_message(field).into())
                .collect(),
        }),
        memory: Some(wire::MemoryUsage {
            rss: memory.rss,
            cache: memory.cache,
            max_usage: memory.max_usage,
            kernel_usage: memory.kernel_usage,
            kernel_max_usage: memory.kernel_max_usage,
            usage: memory.usage,
            swap: memory.swap,
            measured_fields: memory
                .measured
                .into_iter()
                .map(|field| memory_message(field).into())
                .collect(),
        }),
    }
}

fn usage(message: wire::TaskResourceUsage) -> ResourceUsage {
    let cpu = message.cpu.unwrap_or_default();
    let memory = message.memory.unwrap_or_default();
    ResourceUsage {
        cpu: CpuUsage {
            measured: cpu.measured_fields().map(cpu_field).collect(),
            system_mode: cpu.system_mode,
            user_mode: cpu.user_mode,
            total_ticks: cpu.total_ticks,
            throttled_periods: cpu.throttled_periods,
            throttled_time: cpu.throttled_time,
            percent: cpu.percent,
        },
        memory: MemoryUsage {
            measured: memory.measured_fields().map(memory_field).collect(),
            rss: memory.rss,
            cache: memory.cache,
            swap: memory.swap,
            usage: memory.usage,
            max_usage: memory.max_usage,
            kernel_usage: memory.kernel_usage,
            kernel_max_usage: memory.kernel_max_usage,
        },
    }
}

fn cpu_message(field: CpuField) -> WireCpuField {
    match field {
        CpuField::SystemMode => WireCpuField::SystemMode,
        CpuField::UserMode => WireCpuField::UserMode,
        CpuField::TotalTicks => WireCpuField::TotalTicks,
        CpuField::ThrottledPeriods => WireCpuField::ThrottledPeriods,
        CpuField::ThrottledTime => WireCpuField::ThrottledTime,
        CpuField::Percent => WireCpuField::Percent,
    }
}

fn cpu_field(message: WireCpuField) -> CpuField {
    match message {
        WireCpuField::SystemMode => CpuField::SystemMode,
        WireCpuField::UserMode => CpuField::UserMode,
        WireCpuField::TotalTicks => CpuField::TotalTicks,
        WireCpuField::ThrottledPeriods => CpuField::ThrottledPeriods,
        WireCpuField::ThrottledTime => CpuField::ThrottledTime,
        WireCpuField::Percent => CpuField::Percent,
    }
}

fn memory_message(field: MemoryField) -> WireMemoryField {
    match field {
        MemoryField::Rss => WireMemoryField::Rss,
        MemoryField::Cache => WireMemoryField::Cache,
        MemoryField::Swap => WireMemoryField::Swap,
        MemoryField::Usage => WireMemoryField::Usage,
        MemoryField::MaxUsage => WireMemoryField::MaxUsage,
        MemoryField::KernelUsage => WireMemoryField::KernelUsage,
        MemoryField::KernelMaxUsage => WireMemoryField::KernelMaxUsage,
    }
}

fn memory_field(message: WireMemoryField) -> MemoryField {
    match message {
        WireMemoryField::Rss => MemoryField::Rss,
        WireMemoryField::Cache => MemoryField::Cache,
        WireMemoryField::Swap => MemoryField::Swap,
        WireMemoryField::Usage => MemoryField::Usage,
        WireMemoryField::MaxUsage => MemoryField::MaxUsage,
        WireMemoryField::KernelUsage => MemoryField::KernelUsage,
        WireMemoryField::KernelMaxUsage => MemoryField::KernelMaxUsage,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn busy() -> ResourceUsage {
        ResourceUsage {
            cpu: CpuUsage {
                system_mode: 1.5,
                user_mode: 2.5,
                total_ticks: 120.0,
                throttled_periods: 3,
                throttled_time: 4,
                percent: 4.0,
                measured: vec![
                    CpuField::SystemMode,
                    CpuField::UserMode,
                    CpuField::TotalTicks,
                    CpuField::ThrottledPeriods,
                    CpuField::ThrottledTime,
                    CpuField::Percent,
                ],
            },
            memory: MemoryUsage {
                rss: 1,
                cache: 2,
                swap: 3,
                usage: 4,
                max_usage: 5,
                kernel_usage: 6,
                kernel_max_usage: 7,
                measured: vec![
                    MemoryField::Rss,
                    MemoryField::Cache,
                    MemoryField::Swap,
                    MemoryField::Usage,
                    MemoryField::MaxUsage,
                    MemoryField::KernelUsage,
                    MemoryField::KernelMaxUsage,
                ],
            },
        }
    }

    #[test]
    fn every_figure_survives_the_wire() {
        let stats = TaskStats {
            timestamp: SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000),
            total: busy(),
            by_pid: [(17, busy()), (18, ResourceUsage::default())].into(),
        };
        assert_eq!(from_message(to_message("id", stats.clone())), stats);
    }

    #[test]
    fn what_is_missing_was_not_measured() {
        let message = wire::TaskStats {
            resource_usage_by_pid: [("one".to_owned(), wire::TaskResourceUsage::default())].into(),
            ..wire::TaskStats::default()
        };
        let stats = from_message(message);
        assert_eq!(stats.total, ResourceUsage::default());
        assert!(stats.by_pid.is_empty());
    }
}
