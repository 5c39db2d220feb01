//! What operators and agents read of the driver.

use std::sync::Arc;

use encamp_docker::Docker;
use encamp_driver::{Driver, Plugin, PluginConfig};
use encamp_hclspec::{Body, Context, Source, Spec, Spellings, Value, decode_with};

use crate::scripted::Scripted;

fn driver() -> Docker {
    Docker::new(Arc::new(Scripted::default()), "/nowhere")
}

/// Holds the README to the schema: what is missing is what has to be put there.
#[track_caller]
fn check(schema: &Spec) {
    let table = encamp_hclspec::export::markdown(schema);
    assert!(
        include_str!("../../README.md").contains(&table),
        "the README lacks\n{table}"
    );
}

#[tokio::test]
async fn the_readme_has_the_options_that_there_are() {
    check(&driver().config_schema());
    check(&driver().task_config_schema().await.unwrap());
}

#[tokio::test]
async fn schemas_can_be_sent_to_an_agent() {
    driver().config_schema().to_wire().unwrap();
    driver().task_config_schema().await.unwrap().to_wire().unwrap();
}

#[test]
fn an_agent_takes_this_driver_before_its_own() {
    let info = driver().info();
    let version: Vec<u32> = info.version.split('.').map(|part| part.parse().unwrap()).collect();
    assert!(version > vec![0, 1, 0], "{version:?}");
    assert_eq!(info.name, "docker");
}

async fn collects(pairs: &[(&str, Value)]) -> bool {
    let driver = driver();
    let config = PluginConfig::new(Value::object(pairs.iter().cloned()));
    driver.set_config(config).await.unwrap();
    !driver.capabilities().await.unwrap().disable_log_collection
}

#[tokio::test]
async fn an_agent_is_to_collect_only_if_it_is_told_to() {
    assert!(!collects(&[]).await);
    assert!(!collects(&[("log_collection", "driver".into())]).await);
    assert!(!collects(&[("log_collection", "none".into())]).await);
    assert!(collects(&[("log_collection", "agent".into())]).await);
    let both = [
        ("log_collection", "agent".into()),
        ("disable_log_collection", true.into()),
    ];
    assert!(!collects(&both).await);
}

#[tokio::test]
async fn a_host_that_has_nothing_to_configure_gets_the_defaults() {
    let driver = driver();
    for _ in 0..2 {
        driver.set_config(PluginConfig::new(Value::NULL)).await.unwrap();
    }
    assert!(driver.capabilities().await.unwrap().disable_log_collection);
}

#[tokio::test]
async fn blocks_may_be_given_in_part() {
    let driver = driver();
    for text in [
        "",
        "gc {}",
        "gc { image = false }\nvolumes {}",
        "logging { type = \"local\" }",
    ] {
        let body = Body::parse(Source::new("plugin", text.to_owned())).unwrap();
        let value = decode_with(&driver.config_schema(), &body, &Context::default(), Spellings::Every).unwrap();
        driver.set_config(PluginConfig::new(value)).await.unwrap();
    }
}
