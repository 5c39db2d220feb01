//! What is written down to find plugins again.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use encamp_driver::PluginType;
use encamp_goplugin::ReattachConfig;
use serde::{Deserialize, Serialize};

/// Larger files are no records.
const LONGEST: u64 = 64 * 1024;

/// A directory of records, one for each plugin, as far as they are of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Records {
    dir: Option<PathBuf>,
    kind: &'static str,
}

/// What is known of a plugin's process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The plugin, by the name it gives itself.
    pub(crate) plugin: String,
    /// Where its process is found.
    pub(crate) reattach: ReattachConfig,
}

impl Records {
    pub(crate) fn new(dir: Option<PathBuf>, kind: PluginType) -> Self {
        let kind = match kind {
            PluginType::Device => "device",
            _ => "driver",
        };
        Self { dir, kind }
    }

    /// The record of a plugin, if there is one.
    ///
    /// # Errors
    /// A file that is no record.
    pub(crate) fn get(&self, plugin: &str) -> io::Result<Option<Record>> {
        let Some(path) = self.path(plugin) else { return Ok(None) };
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Ok(file) if file.len() > LONGEST => return Err(io::ErrorKind::FileTooLarge.into()),
            _ => {}
        }
        let record: Record = serde_json::from_slice(&fs::read(&path)?)?;
        if record.plugin != plugin {
            return Err(io::Error::other("it is another plugin's"));
        }
        Ok(Some(record))
    }

    /// Replaces the record of a plugin, or leaves it as it was.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn put(&self, record: &Record) -> io::Result<()> {
        let Some((dir, path)) = self.dir.as_ref().zip(self.path(&record.plugin)) else {
            return Ok(());
        };
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let draft = path.with_extension("draft");
        let written = write(&draft, record).and_then(|()| fs::rename(&draft, &path));
        if written.is_err() {
            drop(fs::remove_file(&draft));
        }
        written
    }

    /// Forgets a plugin. None there is fine.
    pub(crate) fn remove(&self, plugin: &str) {
        let Some(path) = self.path(plugin) else { return };
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(plugin, %error, "Cannot remove a plugin's record");
            }
            _ => {}
        }
    }

    /// Plugins name themselves as they like.
    fn path(&self, plugin: &str) -> Option<PathBuf> {
        let dir = self.dir.as_ref()?;
        let mut name = format!("{}-", self.kind).into_bytes();
        for byte in plugin.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => name.push(byte),
                other => name.extend(format!("%{other:02x}").bytes()),
            }
        }
        name.extend(b".json");
        Some(dir.join(OsString::from_vec(name)))
    }
}

fn write(path: &Path, record: &Record) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(&serde_json::to_vec(record)?)
}

#[cfg(test)]
mod tests {
    use encamp_goplugin::Address;

    use super::*;

    fn record(plugin: &str) -> Record {
        Record {
            plugin: plugin.to_owned(),
            reattach: ReattachConfig {
                version: 2,
                address: Address::Unix("/nowhere".into()),
                pid: 7,
                start_time: Some(9),
                socket_dir: None,
            },
        }
    }

    /// Whether a driver of this name has a record of its own, inside the directory.
    #[track_caller]
    fn check(name: &str) {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::new(Some(dir.path().join("state")), PluginType::Driver);
        assert_eq!(records.get(name).unwrap(), None);
        records.put(&record(name)).unwrap();
        records.put(&record("other")).unwrap();
        assert_eq!(records.get(name).unwrap(), Some(record(name)));
        assert_eq!(fs::read_dir(dir.path().join("state")).unwrap().count(), 2);
        records.remove(name);
        records.remove(name);
        assert_eq!(records.get(name).unwrap(), None);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn every_name_has_a_record_of_its_own() {
        for name in ["podman", "../../etc/passwd", "a/b", "..", "é", "a%2f", "x.json"] {
            check(name);
        }
    }

    #[test]
    fn a_driver_and_a_device_plugin_of_one_name_have_a_record_each() {
        let dir = tempfile::tempdir().unwrap();
        let of = |kind| Records::new(Some(dir.path().to_owned()), kind);
        of(PluginType::Driver).put(&record("a")).unwrap();
        assert_eq!(of(PluginType::Device).get("a").unwrap(), None);
        of(PluginType::Device).remove("a");
        assert_eq!(of(PluginType::Driver).get("a").unwrap(), Some(record("a")));
    }

    #[test]
    fn what_is_no_record_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::new(Some(dir.path().to_owned()), PluginType::Driver);
        for content in ["", "{}", "null", "[1", "{\"plugin\": \"b\"}"] {
            fs::write(records.path("a").unwrap(), content).unwrap();
            records.get("a").unwrap_err();
        }
    }
}
