//! Every call, from end to end.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Mutex;

use encamp_device::{Plugin as _, PluginConfig, PluginInfo};
use encamp_hclspec::Value;

use super::*;

/// What a plugin's error is to a host.
async fn check(error: impl Fn() -> Error + Send + Sync + Copy + 'static) -> Error {
    let plugin = Scripted {
        looks: Box::new(move |()| Err(error())),
        needs: Box::new(move |_| Err(error())),
        samples: Box::new(move |_| Err(error())),
    };
    let (plugin, _cable) = behind_a_wire(plugin).await;
    let errors = [
        plugin.fingerprint().await.err().unwrap(),
        plugin.stats(Duration::from_secs(1)).await.err().unwrap(),
        plugin.reserve(&[]).await.unwrap_err(),
    ];
    let [first, second, third] = errors;
    assert_eq!(first.to_string(), third.to_string());
    assert_eq!(second.to_string(), third.to_string());
    third
}

#[tokio::test]
async fn a_plugin_behind_a_wire_says_the_same() {
    let (plugin, _cable) = behind_a_wire(Scripted::default()).await;
    assert_eq!(plugin.info(), PluginInfo::device("scripted", "1.2.3"));
    assert_eq!(plugin.config_schema(), Scripted::default().config_schema());
    let mut looks = plugin.fingerprint().await.unwrap();
    assert_eq!(next(&mut looks).await.unwrap().unwrap(), gpus());
    let ids = ["GPU-1".to_owned(), "GPU-2".to_owned()];
    assert_eq!(plugin.reserve(&ids).await.unwrap(), needs(&ids));
    let mut samples = plugin.stats(Duration::from_secs(5)).await.unwrap();
    assert_eq!(next(&mut samples).await.unwrap().unwrap(), measured());
}

#[tokio::test]
async fn a_configuration_is_taken_or_refused() {
    let (plugin, _cable) = behind_a_wire(Scripted::default()).await;
    let ignoring = |id: &str| Value::object([("ignored", Value::from(id))]);
    plugin.set_config(PluginConfig::new(ignoring("GPU-1"))).await.unwrap();
    let error = plugin.set_config(PluginConfig::new(ignoring("x"))).await.unwrap_err();
    assert!(error.to_string().contains("`ignored`: is no device"), "{error}");
}

#[tokio::test]
async fn errors_keep_their_meaning() {
    assert!(matches!(check(|| Error::Disabled).await, Error::Disabled));
    let unknown = check(|| Error::UnknownDevice("GPU-9".to_owned())).await;
    assert!(matches!(unknown, Error::UnknownDevice(id) if id == "GPU-9"));
    let failed = check(|| Error::failed("no driver").because(std::io::Error::other("not loaded"))).await;
    assert_eq!(failed.to_string(), "no driver: not loaded");
    let behind = check(|| Error::PluginShutdown).await;
    assert!(
        matches!(behind, Error::Failed { .. }),
        "it is another process that ended: {behind:?}"
    );
}

#[tokio::test]
async fn an_interval_of_zero_is_a_second() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let plugin = Scripted {
        samples: Box::new({
            let asked = Arc::clone(&asked);
            move |interval| {
                asked.lock().unwrap().push(interval);
                Err(Error::Disabled)
            }
        }),
        ..Scripted::default()
    };
    let (plugin, _cable) = behind_a_wire(plugin).await;
    let intervals = [Duration::ZERO, Duration::from_millis(1500), Duration::new(86_400, 1)];
    for interval in intervals {
        assert!(plugin.stats(interval).await.is_err());
    }
    assert_eq!(
        *asked.lock().unwrap(),
        [Duration::from_secs(1), intervals[1], intervals[2]]
    );
}

#[tokio::test]
async fn a_path_that_is_no_text_is_an_error_that_names_it() {
    let path = PathBuf::from(OsStr::from_bytes(b"/dev/\xff"));
    let plugin = Scripted {
        needs: Box::new(move |_| Ok(Reservation::default().with_node(path.clone()))),
        ..Scripted::default()
    };
    let (plugin, _cable) = behind_a_wire(plugin).await;
    let error = plugin.reserve(&[]).await.unwrap_err();
    assert!(error.to_string().starts_with("devices.task_path: /dev/"), "{error}");
}

#[tokio::test]
async fn a_machine_of_many_devices_is_told_whole() {
    let many = || {
        let devices = (0..200_000).map(|number| Device::healthy(format!("device-{number:032}")));
        vec![DeviceGroup::new("v", "t", "n").with_devices(devices)]
    };
    let (plugin, _cable) = behind_a_wire(Scripted::finding(move || vec![Ok(many())])).await;
    let look = next(&mut plugin.fingerprint().await.unwrap()).await.unwrap().unwrap();
    assert_eq!(
        look[0].devices.len(),
        200_000,
        "more than the 4 MiB that are the usual limit"
    );
}
