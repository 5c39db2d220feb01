//! What `Debug` prints of values that may be secrets.

use std::collections::BTreeMap;
use std::fmt;

/// Names without their values.
pub(crate) struct Names<'a>(pub(crate) &'a BTreeMap<String, String>);

impl fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.0.keys().map(|name| (name, "[redacted]"));
        f.debug_map().entries(entries).finish()
    }
}

#[cfg(test)]
mod tests {
    use encamp_driver::Env;
    use encamp_hclspec::{Body, Context, Source, Spec, Spellings, Value, decode_with};

    use crate::config::{PluginOptions, TaskOptions};
    use crate::container::log_spec;
    use crate::engine::{Container, ContainerSpec, ExecSpec, HostSpec, MountSpec};

    fn decoded(spec: &Spec, text: &str) -> Value {
        let body = Body::parse(Source::new("t.hcl", text.to_owned())).unwrap();
        decode_with(spec, &body, &Context::new(), Spellings::Every).unwrap()
    }

    #[track_caller]
    fn check(value: &impl std::fmt::Debug, shown: &str) {
        let text = format!("{value:#?}");
        assert!(!text.contains("S3CRET"), "{text}");
        assert!(text.contains(shown), "{text}");
    }

    const TASK: &str = r#"
        image   = "redis:7"
        command = "serve"
        args    = ["--token=S3CRET"]
        labels  = { key = "S3CRET" }
        auth {
          username = "S3CRET"
          password = "S3CRET"
        }
        logging {
          type = "splunk"
          config { splunk-token = "S3CRET" }
        }
        mount {
          target = "/m"
          volume_options {
            labels { key = "S3CRET" }
            driver_config {
              name    = "cifs"
              options { o = "password=S3CRET" }
            }
          }
        }"#;

    #[test]
    fn debug_output_has_no_secrets() {
        let options = TaskOptions::from_value(decoded(&TaskOptions::spec(), TASK)).unwrap();
        check(&options, "redis:7");
        check(&options.logging, "splunk-token");
        check(&options.auth, "AuthConfig");
        check(&options.mount, "cifs");
        let text = r#"logging {
            type = "splunk"
            config { splunk-token = "S3CRET" }
        }"#;
        let plugin = PluginOptions::from_value(decoded(&PluginOptions::spec(), text)).unwrap();
        check(&plugin, "splunk-token");

        let env: Env = [("TOKEN", "S3CRET")].into_iter().collect();
        let mount = MountSpec {
            volume_options: Some(serde_json::json!({ "Labels": { "key": "S3CRET" } })),
            target: "/m".to_owned(),
            ..MountSpec::default()
        };
        let spec = ContainerSpec {
            image: "redis:7".to_owned(),
            cmd: Some(options.args.clone()),
            labels: options.labels.clone(),
            env,
            host_config: HostSpec {
                mounts: vec![mount],
                log_config: log_spec(&options, &plugin),
                ..HostSpec::default()
            },
            ..ContainerSpec::default()
        };
        for shown in ["redis:7", "TOKEN", "splunk-token", "/m"] {
            check(&spec, shown);
        }
        let container = Container {
            id: "c0ffee".to_owned(),
            labels: options.labels.clone(),
            log_options: plugin.logging.config.clone(),
            ..Container::default()
        };
        check(&container, "c0ffee");
        let exec = ExecSpec {
            command: options.args,
            tty: true,
            ..ExecSpec::default()
        };
        check(&exec, "tty");
    }
}
