//! What operators and agents read of the driver.

use super::*;

/// Holds the README to the schema: what is missing is what has to be put there.
#[track_caller]
fn check(schema: &encamp_hclspec::Spec) {
    let table = encamp_hclspec::export::markdown(schema);
    assert!(
        include_str!("../../README.md").contains(&table),
        "the README lacks\n{table}"
    );
}

#[tokio::test]
async fn the_readme_has_the_options_that_there_are() {
    let driver = Bed::new(Hierarchy::Off).driver(ENABLED).await;
    check(&driver.config_schema());
    check(&driver.task_config_schema().await.unwrap());
}

#[tokio::test]
async fn schemas_can_be_sent_to_an_agent() {
    let driver = Bed::new(Hierarchy::Off).driver(ENABLED).await;
    driver.config_schema().to_wire().unwrap();
    driver.task_config_schema().await.unwrap().to_wire().unwrap();
}

#[tokio::test]
async fn an_agent_takes_this_driver_before_its_own() {
    let info = Bed::new(Hierarchy::Off).driver(ENABLED).await.info();
    let version: Vec<u32> = info.version.split('.').map(|part| part.parse().unwrap()).collect();
    assert!(version > vec![0, 1, 0], "{version:?}");
    assert_eq!(info.name, "raw_exec");
}
