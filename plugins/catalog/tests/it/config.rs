//! Configurations, and what operators are told of them.

use encamp_catalog::{Finding, Problem};
use encamp_hclspec::{Style, Value};

use crate::bed::Bed;

/// What is found amiss with the example when it is listed so.
async fn check(blocks: &str, expected: &str) {
    let bed = Bed::new();
    bed.install_toy("toy", "");
    let (catalog, findings) = bed.scan(blocks).await;
    assert_eq!(catalog.plugins().count(), 0);
    let [finding] = findings.as_slice() else {
        panic!("{findings:?}")
    };
    assert!(matches!(finding.problem, Problem::Config(_)), "{finding}");
    assert_eq!(finding.render(Style::Plain).trim_end(), expected.trim_matches('\n'));
}

#[tokio::test]
async fn a_mistake_is_shown_where_the_operator_made_it() {
    let blocks = "plugin \"toy\" {\n  config {\n    store = \"/srv\"\n    greting = \"hi\"\n  }\n}\n";
    check(
        blocks,
        r#"
error: Unsupported argument
 --> plugins.hcl:4:5
  |
4 |     greting = "hi"
  |     ^^^^^^^
  |
  = An argument named "greting" is not expected here. Did you mean "greeting"?
"#,
    )
    .await;
}

#[tokio::test]
async fn what_is_required_is_missed_in_a_configuration_that_is_not_there() {
    check(
        "# All of them.\nplugin \"toy\" {\n}\n",
        r#"
error: Missing required argument
 --> plugins.hcl:2:1
  |
2 | plugin "toy" {
  | ^^^^^^^^^^^^
  |
  = The argument "store" is required, but it is not set.
"#,
    )
    .await;
}

#[tokio::test]
async fn what_the_plugin_itself_refuses_is_shown_at_its_configuration() {
    check(
        "plugin \"toy\" {\n  config {\n    store = \"srv\"\n  }\n}\n",
        r#"
error: Plugin refuses its configuration
 --> plugins.hcl:2:3
  |
2 |   config {
  |   ^^^^^^
  |
  = The plugin "toy" says: plugin option `store`: it must be an absolute path
"#,
    )
    .await;
}

#[tokio::test]
async fn variables_are_no_part_of_a_configuration() {
    let bed = Bed::new();
    bed.install_toy("toy", "");
    let (_, findings) = bed
        .scan("plugin \"toy\" {\n  config {\n    store = \"${NOMAD_TASK_DIR}\"\n  }\n}\n")
        .await;
    let told: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(told[0].contains("plugins.hcl:3:16"), "{told:?}");
}

#[tokio::test]
async fn defaults_are_filled_in() {
    let bed = Bed::new();
    let (catalog, _) = bed.with_toy().await;
    let entry = catalog.plugins().next().unwrap();
    assert_eq!(entry.config().get("greeting").and_then(Value::as_str), Some("hello"));
    assert_eq!(entry.api_version(), "v0.1.0");
}
