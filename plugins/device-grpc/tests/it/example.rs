//! The example plugin, behind a wire.

use std::fs;
use std::path::Path;

use encamp_device::{Plugin as _, PluginConfig};
use encamp_hclspec::Value;

use super::*;
use crate::files::Files;

/// The plugin for this directory.
async fn plugin_of(directory: &Path) -> (RemoteDevicePlugin, Cable) {
    let (plugin, cable) = behind_a_wire(Files::default()).await;
    let config = Value::object([("directory", Value::from(directory.to_str().unwrap()))]);
    plugin.set_config(PluginConfig::new(config)).await.unwrap();
    (plugin, cable)
}

/// Waits for a look at these devices, told as `name` and whether it is healthy.
async fn check(looks: &mut BoxStream<Result<Vec<DeviceGroup>>>, expected: &[(&str, bool)]) {
    let [group] = next(looks).await.unwrap().unwrap().try_into().unwrap();
    let devices = group.devices.iter().map(|device| (device.id.as_str(), device.healthy));
    assert_eq!(devices.collect::<Vec<_>>(), expected, "{group:?}");
}

#[tokio::test]
async fn files_come_and_go_as_devices() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("licences");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("a"), "1").unwrap();
    fs::write(path.join("b"), "").unwrap();
    fs::create_dir(path.join("folder")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", path.join("link")).unwrap();
    let (plugin, _cable) = plugin_of(&path).await;
    let mut looks = plugin.fingerprint().await.unwrap();
    check(&mut looks, &[("a", true), ("b", false)]).await;
    fs::write(path.join("b"), "2").unwrap();
    check(&mut looks, &[("a", true), ("b", true)]).await;
    fs::rename(&path, directory.path().join("elsewhere")).unwrap();
    check(&mut looks, &[("a", false), ("b", false)]).await;
    fs::rename(directory.path().join("elsewhere"), &path).unwrap();
    check(&mut looks, &[("a", true), ("b", true)]).await;
    fs::remove_file(path.join("a")).unwrap();
    check(&mut looks, &[("b", true)]).await;
}

#[tokio::test]
async fn a_task_is_given_the_files_that_it_asks_for_and_no_others() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    for name in ["a", "b"] {
        fs::write(path.join(name), name).unwrap();
    }
    let (plugin, _cable) = plugin_of(path).await;
    let both = ["a".to_owned(), "b".to_owned()];
    let expected = Reservation::default()
        .with_read_only(path.join("a"), "/files/a")
        .with_read_only(path.join("b"), "/files/b")
        .with_env("FILES", "/files/a:/files/b");
    assert_eq!(plugin.reserve(&both).await.unwrap(), expected);
    for strange in ["c", "../a", "/etc/passwd", ""] {
        let error = plugin.reserve(&[strange.to_owned()]).await.unwrap_err();
        assert!(matches!(error, Error::UnknownDevice(id) if id == strange));
    }
}

#[tokio::test]
async fn files_are_measured_again_and_again() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a"), "12345").unwrap();
    let (plugin, _cable) = plugin_of(directory.path()).await;
    let mut samples = plugin.stats(Duration::from_millis(10)).await.unwrap();
    for _ in 0..3 {
        let groups = next(&mut samples).await.unwrap().unwrap();
        let summary = groups[0].devices["a"].summary.as_ref().unwrap();
        assert_eq!(summary.to_string(), "5 B");
    }
}

#[tokio::test]
async fn a_plugin_without_a_directory_is_disabled() {
    let (plugin, _cable) = behind_a_wire(Files::default()).await;
    let relative = Value::object([("directory", Value::from("files"))]);
    let error = plugin.set_config(PluginConfig::new(relative)).await.unwrap_err();
    assert!(
        error.to_string().contains("`directory`: must be an absolute path"),
        "{error}"
    );
    assert!(matches!(plugin.reserve(&[]).await, Err(Error::Disabled)));
    assert!(matches!(plugin.fingerprint().await, Err(Error::Disabled)));
}
