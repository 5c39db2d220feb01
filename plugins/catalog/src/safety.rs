//! Which files may be executed.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

/// How many links a path may lead over, as the kernel has it.
const LINKS: usize = 40;

/// Which files may be executed: those that nobody but root and the running user can change or exchange.
///
/// A path is followed link by link, and every directory on the way is looked at, because whoever may write to one of
/// them decides what the path leads to. A sticky directory such as `/tmp` is one that others write to.
#[derive(Clone, Debug)]
pub struct Safety {
    user: u32,
    trusted: Option<PathBuf>,
}

/// Why a file is not executed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is not there, or a link of its path leads nowhere.
    #[error("{path:?} leads to {missing:?}, which is not there: mend the link or remove it")]
    Dangling {
        /// The file.
        path: PathBuf,
        /// What is missing.
        missing: PathBuf,
    },
    /// It is a link to itself.
    #[error("{0:?} leads over more than {LINKS} links: mend the link or remove it")]
    Loop(PathBuf),
    /// It is something else.
    #[error("{0:?} is no regular file: only programs belong here")]
    NotAFile(PathBuf),
    /// Nobody may execute it.
    #[error("{} cannot be executed: chmod 0755 it if it is a plugin, else remove it", Shown(.0))]
    NotExecutable(Seen),
    /// Its owner could change it.
    #[error("{} belongs to neither root nor uid {user}, who would run it: chown root it", Shown(.seen))]
    Owner {
        /// The file or directory.
        seen: Seen,
        /// Who would run it.
        user: u32,
    },
    /// Others could change it.
    #[error("{} can be written to by others than its owner: chmod go-w it", Shown(.0))]
    Writable(Seen),
    /// Others could exchange what is in it.
    #[error(
        "{} can be written to by others than its owner, who could exchange what is in it: chmod go-w it, or keep plugins elsewhere",
        Shown(.0)
    )]
    WritableParent(Seen),
    /// It cannot be looked at.
    #[error("cannot look at {path:?}")]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A file or directory as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Where it is.
    pub path: PathBuf,
    /// Its mode: the permissions, with the special bits.
    pub mode: u32,
    /// Its owner's uid.
    pub owner: u32,
}

struct Shown<'a>(&'a Seen);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Seen { path, mode, owner } = self.0;
        write!(f, "\"{}\" (mode {mode:04o}, owner uid {owner})", path.display())
    }
}

impl Safety {
    /// What this process may execute.
    pub fn of_this_process() -> Self {
        Self::of_user(rustix::process::geteuid().as_raw())
    }

    /// What the user of this uid may execute.
    pub fn of_user(user: u32) -> Self {
        Self { user, trusted: None }
    }

    /// Takes the directories above `dir` for safe, whatever they are, but not `dir` itself.
    #[must_use]
    pub fn trusting_above(mut self, dir: impl Into<PathBuf>) -> Self {
        self.trusted = Some(dir.into());
        self
    }

    /// The file that `path` leads to, free of links, if it may be executed.
    ///
    /// # Errors
    /// Why it may not, and what its owner can do about that.
    pub fn judge(&self, path: &Path) -> Result<PathBuf, Refusal> {
        let unreadable = |at: &Path, source| Refusal::Unreadable {
            path: at.to_owned(),
            source,
        };
        let absolute = std::path::absolute(path).map_err(|error| unreadable(path, error))?;
        let mut ahead: VecDeque<OsString> = parts(&absolute).collect();
        let mut at = PathBuf::from("/");
        let mut links = 0;
        self.judge_dir(&at, &fs::symlink_metadata(&at).map_err(|error| unreadable(&at, error))?)?;
        while let Some(part) = ahead.pop_front() {
            if part == ".." {
                at.pop();
                continue;
            }
            let next = at.join(&part);
            let found = fs::symlink_metadata(&next).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => Refusal::Dangling {
                    path: path.to_owned(),
                    missing: next.clone(),
                },
                _ => unreadable(&next, error),
            })?;
            if found.is_symlink() {
                links += 1;
                if links > LINKS {
                    return Err(Refusal::Loop(path.to_owned()));
                }
                let target = fs::read_link(&next).map_err(|error| unreadable(&next, error))?;
                if target.is_absolute() {
                    at = PathBuf::from("/");
                }
                ahead = parts(&target).chain(ahead).collect();
            } else if found.is_dir() {
                self.judge_dir(&next, &found)?;
                at = next;
            } else if ahead.is_empty() {
                self.judge_file(&next, &found)?;
                return Ok(next);
            } else {
                return Err(Refusal::NotAFile(path.to_owned()));
            }
        }
        Err(Refusal::NotAFile(path.to_owned()))
    }

    fn judge_dir(&self, path: &Path, found: &Metadata) -> Result<(), Refusal> {
        let above = |trusted: &PathBuf| trusted != path && trusted.starts_with(path);
        if self.trusted.as_ref().is_some_and(above) {
            return Ok(());
        }
        self.judge_owner(path, found)?;
        if writable_by_others(found) {
            return Err(Refusal::WritableParent(seen(path, found)));
        }
        Ok(())
    }

    fn judge_file(&self, path: &Path, found: &Metadata) -> Result<(), Refusal> {
        if !found.is_file() {
            return Err(Refusal::NotAFile(path.to_owned()));
        }
        self.judge_owner(path, found)?;
        if writable_by_others(found) {
            return Err(Refusal::Writable(seen(path, found)));
        }
        if found.mode() & 0o111 == 0 {
            return Err(Refusal::NotExecutable(seen(path, found)));
        }
        Ok(())
    }

    fn judge_owner(&self, path: &Path, found: &Metadata) -> Result<(), Refusal> {
        if found.uid() == 0 || found.uid() == self.user {
            return Ok(());
        }
        Err(Refusal::Owner {
            seen: seen(path, found),
            user: self.user,
        })
    }
}

/// The names that a path leads over, `..` included.
fn parts(path: &Path) -> impl Iterator<Item = OsString> + '_ {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

fn writable_by_others(found: &Metadata) -> bool {
    found.mode() & 0o022 != 0
}

fn seen(path: &Path, found: &Metadata) -> Seen {
    Seen {
        path: path.to_owned(),
        mode: found.mode() & 0o7777,
        owner: found.uid(),
    }
}
