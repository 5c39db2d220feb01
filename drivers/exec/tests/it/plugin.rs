//! What operators and agents read of the driver.

use encamp_base::Plugin;
use encamp_cgroup::Hierarchy;
use encamp_driver::Driver;
use encamp_exec::Exec;
use encamp_executor::{Executor, Program};
use encamp_hclspec::Spec;

fn driver() -> Exec {
    let executor = Executor::new(Program::new("/nowhere"), "/nowhere".into());
    Exec::new(executor, Hierarchy::Off)
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
    check(&driver().task_config_schema().await.expect("schema"));
}

#[tokio::test]
async fn schemas_can_be_sent_to_an_agent() {
    driver().config_schema().to_wire().expect("wire");
    let schema = driver().task_config_schema().await.expect("schema");
    schema.to_wire().expect("wire");
}

#[test]
fn an_agent_takes_this_driver_before_its_own() {
    let info = driver().info();
    let version: Vec<u32> = info
        .version
        .split('.')
        .map(|part| part.parse().expect("number"))
        .collect();
    assert!(version > vec![0, 1, 0], "{version:?}");
    assert_eq!(info.name, "exec");
}
