//! Device plugins that are killed, hang, and are found again.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use encamp_catalog::{Catalog, Command, Contract, Ended, Event, EventKind, Instance, Launch, LaunchError};
use encamp_device::{
    BoxStream, ConfigError, Device, DeviceGroup, DevicePlugin, Error, Invalid, Plugin, PluginConfig, PluginInfo,
    PluginType, Reservation, Result,
};
use encamp_driver::Driver as _;
use encamp_goplugin::ReattachConfig;
use encamp_hclspec::Spec;
use futures_util::{StreamExt as _, stream};

use crate::bed::{Bed, blamed, event, kill, poll, runs, signal, within};

type Looks = BoxStream<Result<Vec<DeviceGroup>>>;

/// What a stream of looks says next: each device as `name` and why it is not healthy, if it is not.
async fn look(looks: &mut Looks) -> Vec<(String, Option<String>)> {
    let groups = within("look", looks.next()).await.unwrap().unwrap();
    let devices = groups.into_iter().flat_map(|group| group.devices);
    let why = |device: &Device| (!device.healthy).then(|| device.health_description.clone());
    devices.map(|device| (device.id.clone(), why(&device))).collect()
}

fn key(why: Option<&str>) -> Vec<(String, Option<String>)> {
    vec![("key".to_owned(), why.map(str::to_owned))]
}

fn ids() -> [String; 1] {
    ["key".to_owned()]
}

#[tokio::test]
async fn a_device_plugin_finds_reserves_and_measures() {
    let bed = Bed::new();
    let (catalog, device) = bed.with_files().await;
    assert_eq!(device.info().plugin_type, PluginType::Device);
    assert_eq!(catalog.devices().count(), 1);
    assert!(catalog.driver("files").is_none());
    assert_eq!((bed.launches("files"), device.pid()), (1, None));
    let mut looks = device.fingerprint().await.unwrap();
    assert_eq!(look(&mut looks).await, key(None));
    let needs = device.reserve(&ids()).await.unwrap();
    assert_eq!(needs.mounts[0].host_path, bed.store().join("key"));
    let unknown = device.reserve(&["lock".to_owned()]).await.unwrap_err();
    assert!(matches!(unknown, Error::UnknownDevice(id) if id == "lock"));
    let mut samples = device.stats(Duration::from_millis(5)).await.unwrap();
    let sample = within("sample", samples.next()).await.unwrap().unwrap();
    assert_eq!(sample[0].devices["key"].summary.as_ref().unwrap().to_string(), "5 B");
    // One for the scan, one for all of these.
    assert_eq!(bed.launches("files"), 2);
}

#[tokio::test]
async fn fingerprints_go_on_and_say_that_nobody_can_use_the_devices() {
    let bed = Bed::new();
    let (catalog, device) = bed.with_files().await;
    let mut events = catalog.events();
    let mut looks = device.fingerprint().await.unwrap();
    for _ in 0..3 {
        assert_eq!(look(&mut looks).await, key(None));
        let launched = events.recv().await.unwrap();
        let (plugin, plugin_type) = ("files".to_owned(), PluginType::Device);
        assert_eq!(
            launched,
            Event {
                plugin,
                plugin_type,
                kind: EventKind::Launched
            }
        );
        kill(device.pid().unwrap());
        assert_eq!(look(&mut looks).await, key(Some("its process has ended")));
        event(&mut events, |kind| *kind == EventKind::Ended).await;
    }
}

#[tokio::test]
async fn calls_and_samples_under_way_tell_of_the_end_of_the_process() {
    let bed = Bed::new();
    let (_catalog, device) = bed.with_files().await;
    let mut samples = device.stats(Duration::from_millis(5)).await.unwrap();
    within("sample", samples.next()).await.unwrap().unwrap();
    let pid = device.pid().unwrap();
    signal(pid, rustix::process::Signal::STOP);
    let reserving = tokio::spawn({
        let device = device.clone();
        async move { device.reserve(&ids()).await }
    });
    tokio::task::yield_now().await;
    kill(pid);
    let error = within("reserve", reserving).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::PluginShutdown), "{error}");
    let end = async {
        while let Some(sample) = samples.next().await {
            if let Err(error) = sample {
                return error;
            }
        }
        panic!("the stream ended without a word")
    };
    let error = within("samples", end).await;
    assert!(matches!(error, Error::PluginShutdown), "{error}");
    // Nobody listens any more: the next use starts the next process.
    poll("end", || device.pid(), Option::is_none).await;
    within("reserve", device.reserve(&ids())).await.unwrap();
    assert_eq!(bed.launches("files"), 3);
}

#[tokio::test]
async fn a_device_plugin_that_stays_down_is_said_to_be() {
    let bed = Bed::new();
    let (_catalog, device) = bed.with_files().await;
    let mut looks = device.fingerprint().await.unwrap();
    assert_eq!(look(&mut looks).await, key(None));
    let good = fs::read(bed.plugins().join("files")).unwrap();
    bed.install("files", "echo no luck >&2; exit 1");
    kill(device.pid().unwrap());
    let reserved = async {
        loop {
            match device.reserve(&ids()).await {
                Err(Error::PluginShutdown) => {}
                other => return other,
            }
        }
    };
    let error = within("failure", reserved).await.unwrap_err().to_string();
    assert!(
        error.starts_with("plugin files is down: ") && error.contains("no luck"),
        "{error}"
    );
    assert_eq!(look(&mut looks).await, key(Some("its process has ended")));
    let told = look(&mut looks).await;
    assert!(told[0].1.as_ref().unwrap().contains("no luck"), "{told:?}");
    fs::write(bed.plugins().join("files"), good).unwrap();
    let healthy = async { while look(&mut looks).await != key(None) {} };
    within("healthy", healthy).await;
}

#[tokio::test]
async fn why_there_are_no_devices_is_an_error_until_there_are() {
    let bed = Bed::new();
    let (_catalog, device) = bed.with_files().await;
    let good = fs::read(bed.plugins().join("files")).unwrap();
    bed.install("files", "echo no luck >&2; exit 1");
    let mut looks = device.fingerprint().await.unwrap();
    let error = within("look", looks.next()).await.unwrap().unwrap_err().to_string();
    assert!(error.contains("no luck"), "{error}");
    fs::write(bed.plugins().join("files"), good).unwrap();
    let found = async { while within("look", looks.next()).await.unwrap().is_err() {} };
    within("devices", found).await;
}

#[tokio::test]
async fn one_bad_device_plugin_stops_no_others() {
    let bed = Bed::new();
    fs::write(bed.store().join("key"), "1").unwrap();
    bed.install_toy("toy", "files");
    bed.install_files("good");
    bed.install_files("misled");
    let misled = "plugin \"misled\" {\n  config {\n    directory = \"nowhere\"\n  }\n}\n";
    bed.install("broken", "exit 1");
    let blocks = [
        bed.block("toy"),
        bed.device_block("good"),
        misled.to_owned(),
        "plugin \"broken\" {}\n".to_owned(),
    ];
    let (catalog, findings) = bed.scan(&blocks.concat()).await;
    assert_eq!(blamed(&findings), ["broken", "misled"]);
    let mut looks = catalog.device_fingerprints();
    let (name, groups) = within("look", looks.next()).await.unwrap();
    assert_eq!((name.as_str(), groups[0].devices[0].id.as_str()), ("files", "key"));
    // A driver may have the same name, and another process.
    let (driver, device) = (catalog.driver("files").unwrap(), catalog.device("files").unwrap());
    driver.init().await.unwrap();
    assert_ne!(driver.pid(), device.pid());
    bed.install("good", "exit 1");
    kill(device.pid().unwrap());
    let (_, groups) = within("look", looks.next()).await.unwrap();
    assert!(!groups[0].devices[0].healthy);
    driver.capabilities().await.unwrap();
    catalog.shutdown().await;
    assert_eq!(fs::read_dir(bed.state()).unwrap().count(), 0);
}

#[tokio::test]
async fn the_next_host_finds_the_process_again() {
    let bed = Bed::new();
    let (_catalog, device) = bed.with_files().await;
    device.init().await.unwrap();
    let pid = device.pid().unwrap();
    device.detach();
    assert!(matches!(device.reserve(&ids()).await, Err(Error::PluginShutdown)));
    assert!(bed.state().join("device-files.json").exists());
    let (catalog, _) = bed.scan(&bed.device_block("files")).await;
    let device = catalog.device("files").unwrap();
    device.reserve(&ids()).await.unwrap();
    assert_eq!(device.pid(), Some(pid));
    let mut looks = device.fingerprint().await.unwrap();
    assert_eq!(look(&mut looks).await, key(None));
    within("shutdown", catalog.shutdown()).await;
    assert!(!runs(pid));
    assert!(within("looks", looks.next()).await.is_none());
    assert!(matches!(device.reserve(&ids()).await, Err(Error::PluginShutdown)));
    assert_eq!(fs::read_dir(bed.state()).unwrap().count(), 0);
}

/// A device plugin in this process, one of whose looks is no good.
struct Local;

#[async_trait]
impl Launch for Local {
    async fn launch(&self, _: &Command) -> Result<Arc<dyn Instance>, LaunchError> {
        Ok(Arc::new(Self))
    }

    async fn reattach(&self, _: &ReattachConfig) -> Result<Arc<dyn Instance>, LaunchError> {
        Err(LaunchError::Other("nothing outlives this process".to_owned()))
    }
}

#[async_trait]
impl Instance for Local {
    fn contract(&self) -> Contract<'_> {
        Contract::Device(self)
    }

    fn schema(&self) -> Option<Spec> {
        None
    }

    fn has_ended(&self) -> bool {
        false
    }

    fn ended(&self) -> Ended {
        Box::pin(std::future::pending())
    }

    async fn kill(&self) {}

    fn record(&self) -> Option<ReattachConfig> {
        None
    }

    fn detach(&self) {}
}

#[async_trait]
impl Plugin for Local {
    fn info(&self) -> PluginInfo {
        PluginInfo::device("local", "0.1.0")
    }

    fn config_schema(&self) -> Spec {
        Spec::object::<String>([])
    }

    async fn set_config(&self, _: PluginConfig) -> Result<(), ConfigError> {
        Ok(())
    }
}

#[async_trait]
impl DevicePlugin for Local {
    async fn fingerprint(&self) -> Result<Looks> {
        let good = || {
            Ok(vec![
                DeviceGroup::new("v", "t", "n").with_devices([Device::healthy("key")]),
            ])
        };
        let bad = Err(Error::from(Invalid::new("device group `//`", "its vendor is empty")));
        Ok(stream::iter([good(), bad, good()]).chain(stream::pending()).boxed())
    }

    async fn reserve(&self, _: &[String]) -> Result<Reservation> {
        Ok(Reservation::default())
    }
}

#[tokio::test]
async fn devices_are_not_used_while_what_is_said_of_them_is_no_good() {
    let bed = Bed::new();
    bed.install("local", "exit 1");
    let mut settings = bed.settings("plugin \"local\" {}\n");
    settings.launch = Arc::new(Local);
    let (catalog, findings) = Catalog::scan(settings).await;
    assert!(findings.is_empty(), "{findings:?}");
    let mut looks = catalog.device("local").unwrap().fingerprint().await.unwrap();
    assert_eq!(look(&mut looks).await, key(None));
    assert_eq!(
        look(&mut looks).await,
        key(Some("device group `//`: its vendor is empty"))
    );
    assert_eq!(look(&mut looks).await, key(None));
}
