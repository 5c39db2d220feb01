//! The end of the plugin's process.

use super::*;

/// What every call and every stream says when the process ends, by `end`.
async fn check(end: impl Fn(&Cable)) {
    let (plugin, cable) = behind_a_wire(Scripted::default()).await;
    let mut looks = plugin.fingerprint().await.unwrap();
    let mut samples = plugin.stats(Duration::ZERO).await.unwrap();
    next(&mut looks).await.unwrap().unwrap();
    next(&mut samples).await.unwrap().unwrap();
    end(&cable);
    assert!(matches!(next(&mut looks).await, Some(Err(Error::PluginShutdown))));
    assert!(matches!(next(&mut samples).await, Some(Err(Error::PluginShutdown))));
    assert!(next(&mut looks).await.is_none());
    assert!(next(&mut samples).await.is_none());
    assert!(plugin.life().has_ended());
}

/// The same of the calls that come after.
async fn check_later(end: impl Fn(&Cable)) {
    let (plugin, cable) = behind_a_wire(Scripted::default()).await;
    end(&cable);
    let error = within("reserve", plugin.reserve(&[])).await.unwrap_err();
    assert!(matches!(error, Error::PluginShutdown), "{error:?}");
    let error = within("fingerprint", plugin.fingerprint()).await.err().unwrap();
    assert!(matches!(error, Error::PluginShutdown), "{error:?}");
    let error = within("stats", plugin.stats(Duration::ZERO)).await.err().unwrap();
    assert!(matches!(error, Error::PluginShutdown), "{error:?}");
}

#[tokio::test]
async fn every_stream_tells_of_the_end_of_the_plugin() {
    check(Cable::kill).await;
}

#[tokio::test]
async fn every_stream_tells_of_the_end_of_a_plugin_whose_child_holds_the_connection() {
    check(Cable::end_life).await;
}

#[tokio::test]
async fn every_call_tells_of_the_end_of_the_plugin() {
    check_later(Cable::kill).await;
}

#[tokio::test]
async fn a_cut_connection_of_a_plugin_that_lives_is_another_error() {
    let (plugin, cable) = behind_a_wire(Scripted::default()).await;
    let mut looks = plugin.fingerprint().await.unwrap();
    next(&mut looks).await.unwrap().unwrap();
    cable.cut();
    let error = next(&mut looks).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Failed { .. }), "{error:?}");
    let error = within("reserve", plugin.reserve(&[])).await.unwrap_err();
    assert!(matches!(error, Error::Failed { .. }), "{error:?}");
}
