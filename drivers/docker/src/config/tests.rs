use std::time::Duration;

use encamp_hclspec::Value;

use super::{PluginOptions, TaskOptions};

#[track_caller]
fn check(text: &str, seconds: Option<f64>) {
    let expected = seconds.map(Duration::from_secs_f64);
    let timeout = Value::object([("image_pull_timeout", text)]);
    let task = TaskOptions::from_value(timeout.clone());
    let plugin = PluginOptions::from_value(timeout);
    assert_eq!(
        task.ok().and_then(|options| options.image_pull_timeout),
        expected,
        "{text}"
    );
    assert_eq!(
        plugin.ok().map(|options| options.image_pull_timeout),
        expected,
        "{text}"
    );
}

#[test]
fn durations_are_written_as_everywhere_in_a_job() {
    check("90s", Some(90.0));
    check("1h30m", Some(5400.0));
    check("1.5h", Some(5400.0));
    check("250ms", Some(0.25));
    for text in ["5", "1h 30m", "1d", "5 minutes", "-1m"] {
        check(text, None);
    }
    let error = TaskOptions::from_value(Value::object([("image_pull_timeout", "5")])).unwrap_err();
    assert!(error.to_string().contains("`5`: a duration needs a unit"), "{error}");
}
