//! Both ends of the wire, with a scripted device plugin behind the one and a client or a raw peer before the other.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests say what is wrong as tests do"
)]

mod calls;
mod death;
mod example;
#[path = "../../examples/files/plugin.rs"]
mod files;
mod hostile;
#[cfg(feature = "serve")]
mod launched;
mod scripted;
mod streams;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use encamp_base_grpc::BaseService;
use encamp_device::{
    Attribute, BoxStream, Device, DeviceGroup, DeviceGroupStats, DevicePlugin, DeviceStats, Error, Reservation, Result,
    StatObject, StatValue,
};
use encamp_device_grpc::{DeviceServer, RemoteDevicePlugin};
use encamp_testkit::Cable;
use futures_util::StreamExt as _;
use scripted::Scripted;
use tokio::time::Instant;
use tonic::service::Routes;

const PATIENCE: Duration = Duration::from_secs(20);

/// The plugin behind a wire.
async fn behind_a_wire(plugin: impl DevicePlugin + 'static) -> (RemoteDevicePlugin, Cable) {
    let plugin: Arc<dyn DevicePlugin> = Arc::new(plugin);
    let server = DeviceServer::new(Arc::clone(&plugin));
    let cable = Cable::to(Routes::new(server).add_service(BaseService::server(plugin))).unwrap();
    let remote = within("connect", RemoteDevicePlugin::connect(cable.channel(), cable.life())).await;
    (remote.unwrap(), cable)
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let result = tokio::time::timeout(PATIENCE, future).await;
    result.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

/// Looks again and again until what is seen is good.
async fn poll<T: Debug>(what: &str, mut look: impl FnMut() -> T, good: impl Fn(&T) -> bool) {
    let end = Instant::now() + PATIENCE;
    loop {
        let seen = look();
        if good(&seen) {
            return;
        }
        assert!(Instant::now() < end, "{what}: still {seen:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What a stream says next.
async fn next<T>(stream: &mut BoxStream<Result<T>>) -> Option<Result<T>> {
    within("the next item", stream.next()).await
}

/// Fails if a stream says anything, or ends, for a while.
async fn is_silent<T: Debug>(stream: &mut BoxStream<Result<T>>) {
    let next = tokio::time::timeout(Duration::from_millis(200), stream.next()).await;
    assert!(next.is_err(), "{next:?}");
}

fn gpus() -> Vec<DeviceGroup> {
    let mut near = Device::healthy("GPU-1");
    near.pci_bus_id = Some("0000:00:1e.0".to_owned());
    let group = DeviceGroup::new("nvidia", "gpu", "T4")
        .with_devices([near, Device::unhealthy("GPU-2", "too hot")])
        .with_attribute("memory", Attribute::from(15_i64).in_unit("GiB"))
        .with_attribute("cuda", true);
    vec![group, DeviceGroup::new("v", "t", "n")]
}

fn needs(ids: &[String]) -> Reservation {
    Reservation::default()
        .with_env("VISIBLE_DEVICES", ids.join(","))
        .with_read_only("/opt/lib", "/usr/lib/vendor")
        .with_node("/dev/nvidia0")
}

fn measured() -> Vec<DeviceGroupStats> {
    let memory = StatValue::int_of(500, 15_360).in_unit("MiB").described("Memory in use");
    let power = StatObject::default().with("draw", StatValue::float(70.5).in_unit("W"));
    let stats = DeviceStats {
        summary: Some(memory.clone()),
        stats: StatObject::default()
            .with("memory", memory)
            .with("state", StatValue::string("P0"))
            .with("ecc", StatValue::bool(false))
            .with_nested("power", power),
        timestamp: SystemTime::UNIX_EPOCH + Duration::new(1_790_000_000, 123_456_789),
    };
    vec![DeviceGroupStats::new("nvidia", "gpu", "T4").with_device("GPU-1", stats)]
}
