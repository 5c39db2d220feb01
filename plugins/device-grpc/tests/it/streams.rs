//! Streams that stay open, fail, and are let go.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream;

use super::*;

#[tokio::test]
async fn a_stream_that_the_plugin_ends_stays_open() {
    let plugin = Scripted {
        samples: Box::new(|_| Ok(stream::iter([Ok(measured())]).boxed())),
        ..Scripted::finding(|| vec![Ok(gpus()), Ok(vec![])])
    };
    let (plugin, _cable) = behind_a_wire(plugin).await;
    let mut looks = plugin.fingerprint().await.unwrap();
    assert_eq!(next(&mut looks).await.unwrap().unwrap(), gpus());
    assert_eq!(next(&mut looks).await.unwrap().unwrap(), vec![]);
    is_silent(&mut looks).await;
    let mut samples = plugin.stats(Duration::ZERO).await.unwrap();
    assert_eq!(next(&mut samples).await.unwrap().unwrap(), measured());
    is_silent(&mut samples).await;
}

#[tokio::test]
async fn a_stream_that_fails_ends_with_the_error() {
    let plugin = Scripted::finding(|| vec![Ok(gpus()), Err(Error::failed("the bus is gone")), Ok(gpus())]);
    let (plugin, _cable) = behind_a_wire(plugin).await;
    let mut looks = plugin.fingerprint().await.unwrap();
    assert_eq!(next(&mut looks).await.unwrap().unwrap(), gpus());
    let error = next(&mut looks).await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the bus is gone");
    assert!(next(&mut looks).await.is_none());
}

#[tokio::test]
async fn devices_that_no_scheduler_can_use_are_not_sent() {
    let odd = || DeviceGroup::new("v", "t", "n").with_attribute("size", Attribute::from(1_i64).in_unit("furlong"));
    let (plugin, _cable) = behind_a_wire(Scripted::finding(move || vec![Ok(vec![odd()])])).await;
    let mut looks = plugin.fingerprint().await.unwrap();
    let error = next(&mut looks).await.unwrap().unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("device group `v/t/n`: attribute `size`: 1furlong is in no unit"),
        "{error}"
    );
}

#[tokio::test]
async fn figures_nested_without_end_are_an_error_of_the_stream_alone() {
    let deep = || {
        let object = (0..10_000).fold(StatObject::default(), |object, _| {
            StatObject::default().with_nested("x", object)
        });
        let mut groups = measured();
        groups[0].devices.get_mut("GPU-1").unwrap().stats = object;
        groups
    };
    let plugin = Scripted {
        samples: Box::new(move |_| Ok(stream::iter([Ok(deep())]).boxed())),
        ..Scripted::default()
    };
    let (plugin, _cable) = behind_a_wire(plugin).await;
    let mut samples = plugin.stats(Duration::ZERO).await.unwrap();
    let error = next(&mut samples).await.unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "figures of device `GPU-1` are nested deeper than 32 levels"
    );
    plugin.reserve(&[]).await.unwrap();
}

#[tokio::test]
async fn a_plugin_that_measures_nothing_is_silent() {
    let plugin = Scripted {
        samples: Box::new(|_| Ok(stream::pending().boxed())),
        ..Scripted::default()
    };
    let (plugin, _cable) = behind_a_wire(plugin).await;
    is_silent(&mut plugin.stats(Duration::ZERO).await.unwrap()).await;
}

#[tokio::test]
async fn a_stream_that_the_host_lets_go_ends_in_the_plugin() {
    let held = Arc::new(());
    let plugin = Scripted {
        looks: Box::new({
            let held = Arc::clone(&held);
            move |()| {
                let held = Arc::clone(&held);
                let looks = stream::iter([Ok(gpus())]).chain(stream::pending());
                Ok(looks.inspect(move |_| drop(Arc::clone(&held))).boxed())
            }
        }),
        ..Scripted::default()
    };
    let (plugin, _cable) = behind_a_wire(plugin).await;
    let mut looks = plugin.fingerprint().await.unwrap();
    next(&mut looks).await.unwrap().unwrap();
    assert_eq!(Arc::strong_count(&held), 3, "the test, the plugin and its stream");
    drop(looks);
    let seen = || Arc::strong_count(&held);
    poll("the holders of the stream", seen, |holders| *holders == 2).await;
}

#[tokio::test]
async fn a_host_that_does_not_read_costs_no_memory() {
    let told = Arc::new(AtomicUsize::new(0));
    let plugin = Scripted {
        looks: Box::new({
            let told = Arc::clone(&told);
            move |()| {
                let told = Arc::clone(&told);
                let description = "x".repeat(1 << 20);
                let endless = stream::repeat_with(move || {
                    told.fetch_add(1, Ordering::Relaxed);
                    let device = Device::unhealthy("1", description.clone());
                    Ok(vec![DeviceGroup::new("v", "t", "n").with_devices([device])])
                });
                Ok(endless.boxed())
            }
        }),
        ..Scripted::default()
    };
    let (plugin, _cable) = behind_a_wire(plugin).await;
    let mut looks = plugin.fingerprint().await.unwrap();
    next(&mut looks).await.unwrap().unwrap();
    // The connection serves others meanwhile.
    for _ in 0..1000 {
        plugin.reserve(&[]).await.unwrap();
    }
    let told = told.load(Ordering::Relaxed);
    assert!(told < 16, "{told} MiB for a host that reads one");
}
