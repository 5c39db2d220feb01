//! Puts a plugin's program through the checks: `plugin PROGRAM [--plugin-config JSON] [--config JSON] [--only PART]`.
//!
//! Tasks have a `command` and `args`, and what `--config` adds (`{"image": "busybox:1"}`).

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use encamp_driver::Driver;
use encamp_driver_grpc::LaunchedDriver;
use encamp_goplugin::Program;
use encamp_hclspec::Value;
use encamp_hclspec::cty::json;
use encamp_testkit::conformance::{Claims, Subject, suite};

struct Plugin {
    program: PathBuf,
    options: Value,
    config: Value,
    /// The one life that there is at a time.
    life: Mutex<Option<LaunchedDriver>>,
}

#[async_trait]
impl Subject for Plugin {
    #[expect(clippy::expect_used, reason = "becomes the failure of a check")]
    async fn driver(&self) -> Arc<dyn Driver> {
        drop(self.life.lock().unwrap_or_else(PoisonError::into_inner).take());
        let life = LaunchedDriver::launch(Program::new(&self.program))
            .await
            .expect("a plugin");
        let driver = Arc::new(life.driver().clone());
        *self.life.lock().unwrap_or_else(PoisonError::into_inner) = Some(life);
        driver
    }

    fn config(&self, command: &[&str]) -> Value {
        let [program, arguments @ ..] = command else {
            return Value::NULL;
        };
        let own = [
            ("command".to_owned(), Value::from(*program)),
            ("args".to_owned(), Value::tuple(arguments.iter().copied())),
        ];
        let Value::Object(more) = self.config.clone() else {
            return Value::object(own);
        };
        Value::object(
            own.into_iter()
                .chain(more.into_iter().map(|(name, value)| (name.to_string(), value))),
        )
    }

    fn plugin_config(&self) -> Value {
        self.options.clone()
    }

    fn claims(&self) -> Claims {
        Claims {
            output_files: false,
            interrupted_starts: false,
            ..Claims::default()
        }
    }
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the report is what people want of it")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    // What the plugin logs, panics included.
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let (mut program, mut only) = (None, String::new());
    let (mut options, mut config) = ("{}".to_owned(), "{}".to_owned());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--plugin-config" => options = value()?,
            "--config" => config = value()?,
            "--only" => only = value()?,
            _ => program = Some(PathBuf::from(argument)),
        }
    }
    let plugin = Plugin {
        program: program.ok_or("which program?")?,
        options: json::parse(&options)?,
        config: json::parse(&config)?,
        life: Mutex::default(),
    };
    let report = suite(plugin).only(&only).run().await;
    println!("{report}");
    Ok(if report.passed() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
