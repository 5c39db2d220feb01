//! What a driver can do.

use encamp_driver::{Capabilities, FsIsolation, MountConfigs, NetworkIsolationMode};
use encamp_proto::driver as wire;
use encamp_proto::driver::driver_capabilities as fields;
use encamp_proto::driver::network_isolation_spec::NetworkIsolationMode as WireMode;

pub(crate) fn to_message(capabilities: Capabilities) -> wire::DriverCapabilities {
    let fs_isolation = match capabilities.fs_isolation {
        FsIsolation::None => fields::FsIsolation::None,
        FsIsolation::Chroot => fields::FsIsolation::Chroot,
        FsIsolation::Image => fields::FsIsolation::Image,
        FsIsolation::Unveil => fields::FsIsolation::Unveil,
    };
    // The message's type knows one name for 0, and it is the other one.
    let mount_configs = match capabilities.mount_configs {
        MountConfigs::Any => fields::MountConfigs::UnknownMounts,
        MountConfigs::None => fields::MountConfigs::NoMounts,
    };
    let modes = capabilities.network_isolation_modes.into_iter();
    wire::DriverCapabilities {
        send_signals: capabilities.send_signals,
        exec: capabilities.exec,
        fs_isolation: fs_isolation.into(),
        network_isolation_modes: modes.map(|mode| mode_message(mode).into()).collect(),
        must_create_network: capabilities.must_initiate_network,
        mount_configs: mount_configs.into(),
        disable_log_collection: capabilities.disable_log_collection,
        dynamic_workload_users: capabilities.dynamic_workload_users,
    }
}

/// What a driver says it can do. Kinds of isolation that are not known are read as every host reads them: no isolation,
/// the host's network.
pub(crate) fn from_message(message: &wire::DriverCapabilities) -> Capabilities {
    let fs_isolation = match message.fs_isolation() {
        fields::FsIsolation::None => FsIsolation::None,
        fields::FsIsolation::Chroot => FsIsolation::Chroot,
        fields::FsIsolation::Image => FsIsolation::Image,
        fields::FsIsolation::Unveil => FsIsolation::Unveil,
    };
    let mount_configs = match message.mount_configs() {
        fields::MountConfigs::UnknownMounts => MountConfigs::Any,
        fields::MountConfigs::NoMounts => MountConfigs::None,
    };
    Capabilities {
        send_signals: message.send_signals,
        exec: message.exec,
        fs_isolation,
        network_isolation_modes: message.network_isolation_modes().map(mode).collect(),
        must_initiate_network: message.must_create_network,
        mount_configs,
        disable_log_collection: message.disable_log_collection,
        dynamic_workload_users: message.dynamic_workload_users,
    }
}

pub(super) fn mode_message(mode: NetworkIsolationMode) -> WireMode {
    match mode {
        NetworkIsolationMode::Host => WireMode::Host,
        NetworkIsolationMode::Group => WireMode::Group,
        NetworkIsolationMode::Task => WireMode::Task,
        NetworkIsolationMode::None => WireMode::None,
    }
}

pub(super) fn mode(message: WireMode) -> NetworkIsolationMode {
    match message {
        WireMode::Host => NetworkIsolationMode::Host,
        WireMode::Group => NetworkIsolationMode::Group,
        WireMode::Task => NetworkIsolationMode::Task,
        WireMode::None => NetworkIsolationMode::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Capabilities {
        Capabilities {
            send_signals: true,
            exec: true,
            fs_isolation: FsIsolation::Unveil,
            network_isolation_modes: vec![
                NetworkIsolationMode::Host,
                NetworkIsolationMode::Group,
                NetworkIsolationMode::Task,
                NetworkIsolationMode::None,
            ],
            must_initiate_network: true,
            mount_configs: MountConfigs::None,
            disable_log_collection: true,
            dynamic_workload_users: true,
        }
    }

    #[test]
    fn every_capability_survives_the_wire() {
        assert_eq!(from_message(&to_message(all())), all());
        for fs_isolation in [FsIsolation::None, FsIsolation::Chroot, FsIsolation::Image] {
            let mount_configs = MountConfigs::Any;
            let capabilities = Capabilities {
                fs_isolation,
                mount_configs,
                ..all()
            };
            assert_eq!(from_message(&to_message(capabilities.clone())), capabilities);
        }
    }

    #[test]
    fn a_driver_that_says_nothing_can_do_nothing() {
        let none = from_message(&wire::DriverCapabilities::default());
        assert!(!none.exec && !none.send_signals && none.network_isolation_modes.is_empty());
    }
}
