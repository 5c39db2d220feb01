//! Who takes care of tasks' output: options that drivers share.

use encamp_base::ConfigError;
use encamp_hclspec::{Spec, Type, Value, from_value};
use serde::Deserialize;

use crate::{TaskConfig, TaskOutput};

/// Who takes care of tasks' output, and how much of it a driver keeps that does. Options of a driver's operator, the same
/// for all drivers.
///
/// An agent collects output with a process for each task, which reads the task's named pipes. A driver that writes the
/// log files itself, where agents look for them, saves that process.
///
/// ```
/// use encamp_driver::{LogOptions, TaskConfig, TaskOutput};
/// use encamp_hclspec::{Spec, Value};
///
/// let spec = Spec::object(LogOptions::spec());
/// let options = LogOptions::from_value(&Value::object([("log_max_files", 3)]))?;
/// assert!(options.disable_log_collection(), "the agent is not to collect");
/// let task = TaskConfig {
///     alloc_dir: "/allocs/1".into(),
///     output: TaskOutput::Fifo { stdout: "/out".into(), stderr: "/err".into() },
///     ..TaskConfig::default()
/// };
/// let files = TaskOutput::Files { dir: "/allocs/1/alloc/logs".into(), max_files: 3, max_file_size: 10 << 20 };
/// assert_eq!(options.output(&task), files);
/// # drop(spec);
/// # Ok::<(), encamp_driver::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogOptions {
    /// Who takes care of it. Default: the driver.
    pub collection: LogCollection,
    /// How many files the driver keeps of each stream. Default 10, as jobs have it; the job's own number is not on the
    /// wire.
    pub max_files: u32,
    /// How large each may grow, in bytes. Default 10 MiB, as jobs have it; the job's own number is not on the wire.
    pub max_file_size: u64,
}

/// Who takes care of tasks' output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogCollection {
    /// The driver, which writes rotated files where agents look for them.
    #[default]
    Driver,
    /// The host, out of the named pipes that it gives.
    Agent,
    /// Nobody.
    None,
}

const COLLECTION: &str = "log_collection";
const MAX_FILES: &str = "log_max_files";
const MAX_FILE_SIZE: &str = "log_max_file_size";
const MIB: u64 = 1024 * 1024;

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            collection: LogCollection::default(),
            max_files: 10,
            max_file_size: 10 * MIB,
        }
    }
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "log_collection")]
    collection: Option<String>,
    #[serde(rename = "log_max_files")]
    max_files: Option<u32>,
    #[serde(rename = "log_max_file_size")]
    max_file_size: Option<u64>,
}

impl LogOptions {
    /// The options' part of a driver's schema.
    pub fn spec() -> [(String, Spec); 3] {
        let option = |name: &str, ty, default: Value, text: &str| {
            let spec = Spec::default_value(Spec::attr(name, ty), default);
            (name.to_owned(), spec.described(text))
        };
        [
            option(
                COLLECTION,
                Type::String,
                "driver".into(),
                "Who takes care of tasks' output: `driver` writes rotated files where `nomad alloc logs` reads them, with \
                 no process for each task; `agent` leaves it to the agent, as Nomad's own drivers do; `none` drops it.",
            ),
            option(
                MAX_FILES,
                Type::Number,
                10.into(),
                "With `driver`, how many files are kept of each stream. The job's `logs` block does not reach drivers.",
            ),
            option(
                MAX_FILE_SIZE,
                Type::Number,
                10.into(),
                "With `driver`, how large each may grow, in MB as the job's `logs` block counts them (2^20 bytes).",
            ),
        ]
    }

    /// The options in a driver's decoded configuration, of which nothing else is looked at. What is missing or null has its
    /// default.
    ///
    /// # Errors
    /// [`ConfigError`] names the option that cannot be used.
    pub fn from_value(config: &Value) -> Result<Self, ConfigError> {
        let default = Self::default();
        if config.is_null() {
            return Ok(default);
        }
        let raw: Raw =
            from_value(config.clone()).map_err(|error| ConfigError::new(error.path().join("."), error.message()))?;
        let collection = match raw.collection.as_deref() {
            None | Some("driver") => LogCollection::Driver,
            Some("agent") => LogCollection::Agent,
            Some("none") => LogCollection::None,
            Some(other) => {
                let text = format!("it is {other:?}; it must be \"driver\", \"agent\" or \"none\"");
                return Err(ConfigError::new(COLLECTION, text));
            }
        };
        let not_zero = |option: &str, is_zero: bool| {
            let text = "it is 0; to keep nothing, say log_collection = \"none\"";
            if is_zero {
                Err(ConfigError::new(option, text))
            } else {
                Ok(())
            }
        };
        not_zero(MAX_FILES, raw.max_files == Some(0))?;
        not_zero(MAX_FILE_SIZE, raw.max_file_size == Some(0))?;
        Ok(Self {
            collection,
            max_files: raw.max_files.unwrap_or(default.max_files),
            max_file_size: raw
                .max_file_size
                .map_or(default.max_file_size, |size| size.saturating_mul(MIB)),
        })
    }

    /// What a driver's [`Capabilities`](crate::Capabilities) say: whether an agent should start no process for a task's
    /// output.
    pub fn disable_log_collection(&self) -> bool {
        self.collection != LogCollection::Agent
    }

    /// Where a task's output really goes. Only an agent's named pipes are replaced: a host that names files, or discards
    /// output, means it.
    pub fn output(&self, task: &TaskConfig) -> TaskOutput {
        match (&task.output, self.collection) {
            (TaskOutput::Fifo { .. }, LogCollection::Driver) => TaskOutput::Files {
                dir: task.alloc_dir.join("alloc/logs"),
                max_files: self.max_files,
                max_file_size: self.max_file_size,
            },
            (TaskOutput::Fifo { .. }, LogCollection::None) => TaskOutput::Discard,
            (output, _) => output.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(pairs: &[(&str, Value)]) -> Result<LogOptions, ConfigError> {
        LogOptions::from_value(&Value::object(pairs.iter().cloned()))
    }

    #[track_caller]
    fn check(collection: &str, given: &TaskOutput, disabled: bool, expected: &TaskOutput) {
        let options = options(&[(COLLECTION, collection.into())]).unwrap();
        let task = TaskConfig {
            alloc_dir: "/a".into(),
            output: given.clone(),
            ..TaskConfig::default()
        };
        assert_eq!(options.disable_log_collection(), disabled, "{collection}");
        assert_eq!(options.output(&task), *expected, "{collection}, {given:?}");
    }

    #[test]
    fn only_an_agents_pipes_are_replaced() {
        let pipes = TaskOutput::Fifo {
            stdout: "/a/alloc/logs/.web.stdout.fifo".into(),
            stderr: "/a/alloc/logs/.web.stderr.fifo".into(),
        };
        let ours = TaskOutput::Files {
            dir: "/a/alloc/logs".into(),
            max_files: 10,
            max_file_size: 10 * MIB,
        };
        let given = TaskOutput::Files {
            dir: "/elsewhere".into(),
            max_files: 1,
            max_file_size: 5,
        };
        check("driver", &pipes, true, &ours);
        check("agent", &pipes, false, &pipes);
        check("none", &pipes, true, &TaskOutput::Discard);
        for collection in ["driver", "agent", "none"] {
            check(collection, &given, collection != "agent", &given);
            check(
                collection,
                &TaskOutput::Discard,
                collection != "agent",
                &TaskOutput::Discard,
            );
        }
    }

    #[test]
    fn options_that_say_nothing_have_their_defaults() {
        let nulls = [
            (COLLECTION, Value::NULL),
            (MAX_FILES, Value::NULL),
            (MAX_FILE_SIZE, Value::NULL),
        ];
        assert_eq!(options(&nulls).unwrap(), LogOptions::default());
        assert_eq!(options(&[]).unwrap(), LogOptions::default());
        assert_eq!(LogOptions::from_value(&Value::NULL).unwrap(), LogOptions::default());
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_option_at_fault() {
        for (option, value) in [
            (COLLECTION, Value::from("file")),
            (COLLECTION, "".into()),
            (MAX_FILES, 0.into()),
            (MAX_FILES, (-1).into()),
            (MAX_FILES, (1_u64 << 33).into()),
            (MAX_FILE_SIZE, 0.into()),
        ] {
            let error = options(&[(option, value.clone())]).unwrap_err();
            assert_eq!(error.option(), Some(option), "{value:?}: {error}");
        }
        let huge = options(&[(MAX_FILE_SIZE, u64::MAX.into())]).unwrap();
        assert_eq!(huge.max_file_size, u64::MAX);
    }
}
