//! What a task needs in order to use its devices.

use encamp_base_grpc::{Misfit, text_of};
use encamp_device::{DeviceNode, Mount, Reservation};
use encamp_proto::device as wire;

/// Hosts look into the reservation without asking whether it is there: it always is.
pub(crate) fn to_message(reservation: Reservation) -> Result<wire::ReserveResponse, Misfit> {
    let mounts = reservation.mounts.iter().map(mount_message);
    let devices = reservation.devices.into_iter().map(node_message);
    Ok(wire::ReserveResponse {
        container_res: Some(wire::ContainerReservation {
            envs: reservation.env,
            mounts: mounts.collect::<Result<_, _>>()?,
            devices: devices.collect::<Result<_, _>>()?,
        }),
    })
}

/// A plugin that says nothing needs nothing.
pub(crate) fn from_message(message: wire::ReserveResponse) -> Reservation {
    let message = message.container_res.unwrap_or_default();
    Reservation {
        env: message.envs,
        mounts: message.mounts.into_iter().map(mount).collect(),
        devices: message.devices.into_iter().map(node).collect(),
    }
}

fn mount_message(mount: &Mount) -> Result<wire::Mount, Misfit> {
    Ok(wire::Mount {
        task_path: text_of(&mount.task_path, "mounts.task_path")?,
        host_path: text_of(&mount.host_path, "mounts.host_path")?,
        read_only: mount.read_only,
    })
}

fn mount(message: wire::Mount) -> Mount {
    Mount {
        task_path: message.task_path.into(),
        host_path: message.host_path.into(),
        read_only: message.read_only,
    }
}

fn node_message(node: DeviceNode) -> Result<wire::DeviceSpec, Misfit> {
    Ok(wire::DeviceSpec {
        task_path: text_of(&node.task_path, "devices.task_path")?,
        host_path: text_of(&node.host_path, "devices.host_path")?,
        permissions: node.permissions,
    })
}

fn node(message: wire::DeviceSpec) -> DeviceNode {
    DeviceNode {
        task_path: message.task_path.into(),
        host_path: message.host_path.into(),
        permissions: message.permissions,
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn every_field_of_a_reservation_survives_the_wire() {
        let mut whole = Reservation::default()
            .with_env("VISIBLE", "GPU-1,GPU-2")
            .with_read_only("/opt/vendor/lib", "/usr/lib/vendor")
            .with_node("/dev/nvidia0");
        whole.mounts.push(Mount {
            task_path: "/scratch".into(),
            host_path: "/srv/scratch".into(),
            read_only: false,
        });
        whole.devices.push(DeviceNode {
            task_path: "/dev/a".into(),
            host_path: "/dev/b".into(),
            permissions: "rwm".to_owned(),
        });
        assert_eq!(from_message(to_message(whole.clone()).unwrap()), whole);
    }

    #[test]
    fn a_reservation_of_nothing_is_there_all_the_same() {
        let message = to_message(Reservation::default()).unwrap();
        assert!(message.container_res.is_some());
        assert_eq!(from_message(message), Reservation::default());
        assert_eq!(from_message(wire::ReserveResponse::default()), Reservation::default());
    }

    #[test]
    fn a_path_that_is_no_text_is_an_error_that_names_it() {
        let path = PathBuf::from(OsStr::from_bytes(b"/dev/\xff"));
        let error = to_message(Reservation::default().with_node(path)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "devices.task_path: /dev/\u{fffd} is no UTF-8, which the protocol cannot carry"
        );
    }
}
