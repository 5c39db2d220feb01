//! What a driver says of itself.

use std::time::Duration;

use encamp_base_grpc::spec;
use encamp_driver::{Error, Health, PluginType};
use encamp_hclspec::Spec;
use futures_util::StreamExt as _;
use tokio::time::timeout;

use crate::conformance::Verdict;
use crate::conformance::ground::{Ground, within};
use crate::conformance::report::{Checked, During as _, ensure};

/// Long enough for the end of a stream to be seen.
const A_WHILE: Duration = Duration::from_millis(500);
/// An agent waits for 50 s, for all of its drivers together.
const AT_ONCE: Duration = Duration::from_secs(10);

pub(super) async fn info_names_a_driver(ground: &Ground) -> Checked {
    let info = ground.driver().info();
    ensure!(info.plugin_type == PluginType::Driver, "it is a {:?}", info.plugin_type);
    ensure!(!info.name.is_empty(), "it has no name");
    let numbers = info
        .version
        .trim_start_matches('v')
        .split(['-', '+'])
        .next()
        .unwrap_or_default();
    let is_version = !numbers.is_empty() && numbers.split('.').all(|number| number.parse::<u32>().is_ok());
    ensure!(is_version, "its version {:?} is none", info.version);
    let speaks = info
        .api_versions
        .iter()
        .any(|version| version.trim_start_matches('v') == "0.1.0");
    ensure!(speaks, "it does not speak v0.1.0, but {:?}", info.api_versions);
    Ok(())
}

pub(super) async fn fingerprint_comes_at_once_and_stays_open(ground: &Ground) -> Checked {
    let driver = ground.driver();
    let mut looks = within("fingerprint", driver.fingerprint())
        .await?
        .during("fingerprint")?;
    let first = timeout(AT_ONCE, looks.next()).await;
    let first = first.map_err(|_| Verdict::Failed(format!("no first look within {AT_ONCE:?}")))?;
    let first = first.ok_or_else(|| Verdict::Failed("the stream ends at once".to_owned()))?;
    let first = first.during("the first look")?;
    ensure!(
        first.health == Health::Healthy,
        "it is {:?}: {}",
        first.health,
        first.health_description
    );
    ensure!(!first.health_description.is_empty(), "it does not say how it is");
    let odd = first.attributes.keys().find(|name| !name.starts_with("driver."));
    ensure!(odd.is_none(), "the attribute {odd:?} does not begin with \"driver.\"");
    let next = timeout(A_WHILE, looks.next()).await;
    ensure!(!matches!(next, Ok(None)), "the stream ends");
    Ok(())
}

pub(super) async fn events_stay_open(ground: &Ground) -> Checked {
    let driver = ground.driver();
    let mut events = within("task_events", driver.task_events())
        .await?
        .during("task_events")?;
    let next = timeout(A_WHILE, events.next()).await;
    ensure!(!matches!(next, Ok(None)), "the stream ends");
    Ok(())
}

pub(super) async fn configuration_can_be_set_again(ground: &Ground) -> Checked {
    ground.configure().await?;
    let task = ground.start("sleep 60").await?;
    ground.configure().await?;
    ground.still_runs(&task).await
}

pub(super) async fn schemas_survive_the_wire(ground: &Ground) -> Checked {
    let driver = ground.driver();
    survives("config_schema", &driver.config_schema())?;
    survives(
        "task_config_schema",
        &driver.task_config_schema().await.during("task_config_schema")?,
    )
}

fn survives(what: &str, schema: &Spec) -> Checked {
    let message = |schema| spec::to_message(schema).map_err(|error| Verdict::Failed(format!("{what}: {error}")));
    let sent = message(schema)?;
    let back = spec::from_message(sent.clone()).map_err(|error| Verdict::Failed(format!("{what}: {error}")))?;
    ensure!(message(&back)? == sent, "{what}: it comes as {back:?}");
    let (sent, came) = (schema.implied_type(), back.implied_type());
    ensure!(sent == came, "{what}: its type is {sent:?}, and comes as {came:?}");
    Ok(())
}

pub(super) async fn capabilities_stay_the_same(ground: &Ground) -> Checked {
    let again = ground.driver().capabilities().await.during("capabilities")?;
    ensure!(
        again == ground.capabilities,
        "{:?}, and then {again:?}",
        ground.capabilities
    );
    Ok(())
}

pub(super) async fn capabilities_that_are_missing_are_unsupported(ground: &Ground) -> Checked {
    let (driver, can) = (ground.driver(), &ground.capabilities);
    let unsupported = |what: &str, is_missing: bool, error: Option<Error>| {
        let is_said = matches!(error, Some(Error::Unsupported(_)));
        ensure!(
            !is_missing || is_said,
            "{what} is no capability, and the call says {error:?}"
        );
        Ok(())
    };
    if !can.send_signals {
        let error = driver.signal_task("none", "SIGHUP").await.err();
        unsupported("send_signals", true, error)?;
    }
    if !can.exec {
        let command = ["true".to_owned()];
        let error = driver.exec_task("none", &command, Duration::from_secs(1)).await.err();
        unsupported("exec", true, error)?;
    }
    if !can.must_initiate_network {
        let error = driver
            .create_network("00000000-0000-4000-8000-000000000000", None)
            .await
            .err();
        unsupported("must_initiate_network", true, error)?;
    }
    Ok(())
}
