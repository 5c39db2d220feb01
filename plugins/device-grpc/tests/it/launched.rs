//! The example plugin, as the process that hosts launch.

use std::path::{Path, PathBuf};
use std::process::Command;

use encamp_device::{Plugin as _, PluginConfig, PluginInfo, PluginType};
use encamp_goplugin::{Client, Program};
use encamp_hclspec::Value;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::*;

/// The program, which cargo builds with the tests.
fn program() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let path = own.parent().unwrap().parent().unwrap().join("examples/files");
    assert!(
        path.exists(),
        "build it: cargo build -p encamp-device-grpc --example files"
    );
    path
}

async fn launch(directory: &Path) -> (RemoteDevicePlugin, Client) {
    // Its socket goes with the directory, also where it is killed.
    let program = Program::new(program()).env("TMPDIR", directory);
    let client = within("launch", encamp_base_grpc::host().launch(program)).await;
    let client = client.unwrap();
    let life = encamp_base_grpc::life(&client);
    let plugin = within("connect", RemoteDevicePlugin::connect(client.channel(), life)).await;
    let plugin = plugin.unwrap();
    let config = Value::object([("directory", Value::from(directory.to_str().unwrap()))]);
    plugin.set_config(PluginConfig::new(config)).await.unwrap();
    (plugin, client)
}

#[tokio::test]
async fn a_launched_plugin_finds_reserves_and_measures() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("key"), "12345").unwrap();
    let (plugin, client) = launch(directory.path()).await;
    let PluginInfo { plugin_type, name, .. } = plugin.info();
    assert_eq!((plugin_type, name.as_str()), (PluginType::Device, "files"));
    let mut looks = plugin.fingerprint().await.unwrap();
    let groups = next(&mut looks).await.unwrap().unwrap();
    assert_eq!(groups[0].devices, [Device::healthy("key")]);
    let needs = plugin.reserve(&["key".to_owned()]).await.unwrap();
    assert_eq!(needs.mounts[0].host_path, directory.path().join("key"));
    let mut samples = plugin.stats(Duration::ZERO).await.unwrap();
    let groups = next(&mut samples).await.unwrap().unwrap();
    assert_eq!(groups[0].devices["key"].summary.as_ref().unwrap().to_string(), "5 B");
    within("the end", client.kill()).await;
    assert!(matches!(next(&mut looks).await, Some(Err(Error::PluginShutdown))));
}

#[tokio::test]
async fn a_plugin_that_is_killed_is_shut_down() {
    let directory = tempfile::tempdir().unwrap();
    let (plugin, client) = launch(directory.path()).await;
    let mut looks = plugin.fingerprint().await.unwrap();
    let mut samples = plugin.stats(Duration::ZERO).await.unwrap();
    next(&mut looks).await.unwrap().unwrap();
    next(&mut samples).await.unwrap().unwrap();
    let pid = Pid::from_raw(i32::try_from(client.pid()).unwrap());
    nix::sys::signal::kill(pid, Signal::SIGKILL).unwrap();
    assert!(matches!(next(&mut looks).await, Some(Err(Error::PluginShutdown))));
    let error = loop {
        // Samples that were on their way may still arrive.
        match next(&mut samples).await {
            Some(Ok(_)) => {}
            Some(Err(error)) => break error,
            None => panic!("the stream ended without a word"),
        }
    };
    assert!(matches!(error, Error::PluginShutdown), "{error:?}");
    let error = within("reserve", plugin.reserve(&[])).await.unwrap_err();
    assert!(matches!(error, Error::PluginShutdown), "{error:?}");
}

#[test]
fn a_person_who_starts_the_program_is_told_what_it_is() {
    let output = Command::new(program()).output().unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("this program is a plugin"), "{text}");
}

mod interop {
    use super::program;
    use std::path::Path;
    use std::process::Command;

    #[test]
    #[ignore = "needs go"]
    fn an_agents_libraries_are_served_by_the_example() {
        let peers = std::env::var_os("ENCAMP_GO_PEERS").expect("ENCAMP_GO_PEERS names the folder of the peers");
        let status = Command::new(Path::new(&peers).join("host.test"))
            .args(["-test.v", "-test.count=1", "-test.timeout=2m", "-test.run=Devices"])
            .env("ENCAMP_DEVICE_PLUGIN", program())
            .status()
            .unwrap();
        assert!(
            status.success(),
            "the example does not do what the host expects: {status}"
        );
    }
}
