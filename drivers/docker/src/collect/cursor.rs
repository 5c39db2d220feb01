//! How far a task's output has been taken over, on disk.
//!
//! A cursor joins a place in the source with the places in the sinks that belong to it. It is written behind: what the
//! sinks hold beyond it is counted on recovery and skipped, so it need not be exact to the byte.

use std::io;
use std::path::{Path, PathBuf};

use encamp_logs::Position;
use serde::{Deserialize, Serialize};

/// How far a task's output has been taken over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// The container that it speaks of: another one starts anew.
    pub(crate) container: String,
    pub(crate) source: Source,
    pub(crate) stdout: Place,
    pub(crate) stderr: Place,
}

/// A place in the source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    /// Nothing was read.
    #[default]
    Start,
    /// In the engine's own file.
    File(FilePoint),
    /// In what the engine hands out.
    Api(ApiPoint),
}

/// A place in the engine's own file. An inode number alone could have been given to a later file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FilePoint {
    pub(crate) inode: u64,
    /// A hash of the file's first bytes, which hold the time of its first line.
    pub(crate) head: u64,
    pub(crate) offset: u64,
}

/// The last messages taken over, one place for each stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ApiPoint {
    pub(crate) stdout: Stamp,
    pub(crate) stderr: Stamp,
}

/// A time, and how many messages of that very time were taken over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    pub(crate) time: String,
    pub(crate) count: u64,
}

/// A place in a sink.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) index: u64,
    pub(crate) offset: u64,
}

impl From<Position> for Place {
    fn from(position: Position) -> Self {
        Self {
            index: position.index,
            offset: position.offset,
        }
    }
}

/// The file that holds a task's cursor.
#[derive(Clone, Debug)]
pub(crate) struct CursorFile(PathBuf);

impl CursorFile {
    /// The file for a task, in `dir`.
    pub(crate) fn new(dir: &Path, task_id: &str) -> Self {
        let name: String = task_id
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        Self(dir.join(format!("{name}.cursor")))
    }

    /// Makes the directory. Once: a cursor that comes late must not bring a directory back that was removed.
    pub(crate) fn make_dir(&self) {
        if let Some(dir) = self.0.parent() {
            drop(std::fs::create_dir_all(dir));
        }
    }

    /// The cursor, if there is one that speaks of `container`.
    pub(crate) fn load(&self, container: &str) -> Option<Cursor> {
        let text = std::fs::read(&self.0).ok()?;
        let cursor: Cursor = serde_json::from_slice(&text).ok()?;
        (cursor.container == container).then_some(cursor)
    }

    /// Replaces the cursor as a whole. Not synced: a machine that loses power loses the container as well.
    pub(crate) fn store(&self, cursor: &Cursor) -> io::Result<()> {
        let text = serde_json::to_vec(cursor)?;
        let next = self.0.with_extension("next");
        std::fs::write(&next, text)?;
        std::fs::rename(&next, &self.0)
    }

    /// Removes it; one that is not there is fine.
    pub(crate) fn remove(&self) {
        drop(std::fs::remove_file(&self.0));
        drop(std::fs::remove_file(self.0.with_extension("next")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_for_one_container() {
        let dir = tempfile::tempdir().unwrap();
        let file = CursorFile::new(dir.path(), "alloc/web/1");
        let cursor = Cursor {
            container: "c1".into(),
            ..Cursor::default()
        };
        file.store(&cursor).unwrap();
        assert_eq!(file.load("c1"), Some(cursor));
        assert_eq!(file.load("c2"), None);
        file.remove();
        assert_eq!(file.load("c1"), None);
    }

    #[test]
    fn a_damaged_cursor_is_none() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("t.cursor"), "{").unwrap();
        assert_eq!(CursorFile::new(dir.path(), "t").load("c"), None);
    }
}
