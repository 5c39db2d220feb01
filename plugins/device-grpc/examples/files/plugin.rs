//! The plugin: each file of a directory is a device.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use encamp_device::{
    BoxStream, ConfigError, Device, DeviceGroup, DeviceGroupStats, DevicePlugin, DeviceStats, Error, Plugin,
    PluginConfig, PluginInfo, Reservation, Result, StatValue,
};
use encamp_hclspec::{Spec, Type, Value};
use futures_util::{StreamExt as _, stream};
use tokio::fs;
use tokio::time::{MissedTickBehavior, interval, sleep};

const EVERY: Duration = Duration::from_secs(1);

/// Hands the files of the configured directory to tasks, read-only, below `/files`.
#[derive(Default)]
pub(crate) struct Files(Mutex<Option<PathBuf>>);

/// A file that tasks may be given.
struct File {
    name: String,
    bytes: u64,
    modified: SystemTime,
}

#[async_trait]
impl Plugin for Files {
    fn info(&self) -> PluginInfo {
        PluginInfo::device("files", env!("CARGO_PKG_VERSION"))
    }

    fn config_schema(&self) -> Spec {
        Spec::object([("directory", Spec::attr("directory", Type::String).required())])
    }

    async fn set_config(&self, config: PluginConfig) -> Result<(), ConfigError> {
        let directory = config
            .config
            .get("directory")
            .and_then(Value::as_str)
            .map(PathBuf::from);
        if !directory.as_ref().is_some_and(|path| path.is_absolute()) {
            return Err(ConfigError::new("directory", "must be an absolute path"));
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = directory;
        Ok(())
    }
}

#[async_trait]
impl DevicePlugin for Files {
    /// Looks every second, and tells what has changed.
    async fn fingerprint(&self) -> Result<BoxStream<Result<Vec<DeviceGroup>>>> {
        let directory = self.directory()?;
        let looks = stream::unfold((directory, None), |(directory, last)| async move {
            loop {
                let look = look(&directory, last.as_ref()).await;
                if last.as_ref() != Some(&look) {
                    return Some((Ok(vec![look.clone()]), (directory, Some(look))));
                }
                sleep(EVERY).await;
            }
        });
        Ok(looks.boxed())
    }

    async fn reserve(&self, ids: &[String]) -> Result<Reservation> {
        let directory = self.directory()?;
        let there = files(&directory).await.map_err(|error| unreadable(&directory, error))?;
        let mut needs = Reservation::default();
        let mut paths = Vec::new();
        for id in ids {
            let file = there.iter().find(|file| file.name == *id);
            let file = file.ok_or_else(|| Error::UnknownDevice(id.clone()))?;
            let path = format!("/files/{}", file.name);
            needs = needs.with_read_only(directory.join(&file.name), &path);
            paths.push(path);
        }
        Ok(needs.with_env("FILES", paths.join(":")))
    }

    async fn stats(&self, every: Duration) -> Result<BoxStream<Result<Vec<DeviceGroupStats>>>> {
        let directory = self.directory()?;
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let samples = stream::unfold((directory, ticks), |(directory, mut ticks)| async move {
            ticks.tick().await;
            let sample = files(&directory).await.map(|files| vec![measured(&directory, files)]);
            let sample = sample.map_err(|error| unreadable(&directory, error));
            Some((sample, (directory, ticks)))
        });
        Ok(samples.boxed())
    }
}

impl Files {
    fn directory(&self) -> Result<PathBuf> {
        let directory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        directory.clone().ok_or(Error::Disabled)
    }
}

/// The devices of now. A directory that cannot be read makes the files that were in it unhealthy: an error would end the
/// stream, and hosts do not come back to it.
async fn look(directory: &Path, last: Option<&DeviceGroup>) -> DeviceGroup {
    let group = DeviceGroup::new("encamp", "file", name_of(directory));
    let group = group.with_attribute("directory", directory.display().to_string());
    match files(directory).await {
        Ok(files) => group.with_devices(files.into_iter().map(|file| match file.bytes {
            0 => Device::unhealthy(file.name, "the file is empty"),
            _ => Device::healthy(file.name),
        })),
        Err(error) => last
            .cloned()
            .unwrap_or(group)
            .unhealthy(&unreadable(directory, error).chain()),
    }
}

fn measured(directory: &Path, files: Vec<File>) -> DeviceGroupStats {
    let group = DeviceGroupStats::new("encamp", "file", name_of(directory));
    files.into_iter().fold(group, |group, file| {
        let bytes = i64::try_from(file.bytes).unwrap_or(i64::MAX);
        let age = file.modified.elapsed().unwrap_or_default().as_secs_f64();
        let stats = DeviceStats::of("size", StatValue::int(bytes).in_unit("B").described("Size of the file")).with(
            "age",
            StatValue::float(age)
                .in_unit("s")
                .described("Time since the last change"),
        );
        group.with_device(file.name, stats)
    })
}

/// The regular files of a directory in order of their names; links are none, nor is what has no name in UTF-8.
async fn files(directory: &Path) -> io::Result<Vec<File>> {
    let mut entries = fs::read_dir(directory).await?;
    let mut files = Vec::new();
    while let Some(entry) = entries.next_entry().await? {
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        match entry.metadata().await {
            Ok(facts) if facts.is_file() => files.push(File {
                name,
                bytes: facts.len(),
                modified: facts.modified()?,
            }),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(files)
}

fn name_of(directory: &Path) -> String {
    let name = directory.file_name().unwrap_or(directory.as_os_str());
    name.to_string_lossy().into_owned()
}

fn unreadable(directory: &Path, error: io::Error) -> Error {
    Error::failed(format!("cannot read the directory {}", directory.display())).because(error)
}
