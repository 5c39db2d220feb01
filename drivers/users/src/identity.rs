//! [`Identity`]: a user with its groups.

use std::ffi::CString;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
use serde::{Deserialize, Serialize};

/// A user as the kernel and a login know it: ids, groups, home.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The user id.
    pub uid: u32,
    /// The primary group's id.
    pub gid: u32,
    /// All groups, the primary one first, each once: what `setgroups` is to be given.
    pub groups: Vec<u32>,
    /// The login name, for `USER` and `LOGNAME`; the user id in digits where the host has no name for it.
    pub name: String,
    /// The home directory; `/` where the host knows none.
    pub home: PathBuf,
}

/// A user could not be looked up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// The host has no such user.
    #[error("unknown user {0:?}; create it on the host, or name a uid and a gid as \"1000:1000\"")]
    UnknownUser(String),
    /// The host has no such group.
    #[error("unknown group {0:?}; create it on the host, or name its gid")]
    UnknownGroup(String),
    /// A user id that the host does not know comes without a group.
    #[error("uid {0} is not known on the host, so its group is not either; name one as \"{0}:<gid>\"")]
    NoGroup(u32),
    /// Not of the form `user`, `user:group`.
    #[error("{0:?} names no user; use \"name\", \"name:group\", \"1000\" or \"1000:1000\"")]
    Malformed(String),
    /// The host's user database failed.
    #[error("cannot look up {what} in the host's user database")]
    Database {
        /// What was asked for.
        what: String,
        /// What the system said.
        #[source]
        source: Errno,
    },
}

impl Identity {
    /// Looks up `name`, `name:group`, `1000` or `1000:1000` on the host.
    ///
    /// Digits are an id. An id that the host does not know is good when a group is given with it. The groups are
    /// those of a login: the primary one and all that list the user; `:group` takes the primary one's place.
    ///
    /// # Errors
    /// [`LookupError`]; `UnknownUser` and `UnknownGroup` may turn good once the host has them.
    pub fn lookup(spec: &str) -> Result<Self, LookupError> {
        let (user, group) = match spec.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (spec, None),
        };
        if user.is_empty() || group.is_some_and(|group| group.is_empty() || group.contains(':')) {
            return Err(LookupError::Malformed(spec.to_owned()));
        }
        let gid = group.map(find_group).transpose()?;
        match find_user(user, spec)? {
            Found::Entry(entry) => Self::of(&entry, gid),
            Found::Id(uid) => gid.map(|gid| Self::of_ids(uid, gid)).ok_or(LookupError::NoGroup(uid)),
        }
    }

    /// Who the calling process runs as, with the groups of a login of that user.
    ///
    /// # Errors
    /// [`LookupError::Database`].
    pub fn current() -> Result<Self, LookupError> {
        let (uid, gid) = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
        match user_of(uid)? {
            Some(entry) => Self::of(&entry, Some(gid)),
            None => Ok(Self::of_ids(uid, gid)),
        }
    }

    /// Whether it is root, by id.
    pub fn is_root(&self) -> bool {
        self.uid == 0
    }

    fn of(entry: &User, gid: Option<u32>) -> Result<Self, LookupError> {
        let gid = gid.unwrap_or(entry.gid.as_raw());
        Ok(Self {
            uid: entry.uid.as_raw(),
            gid,
            groups: groups_of(&entry.name, gid)?,
            name: entry.name.clone(),
            home: entry.dir.clone(),
        })
    }

    fn of_ids(uid: u32, gid: u32) -> Self {
        Self {
            uid,
            gid,
            groups: vec![gid],
            name: uid.to_string(),
            home: PathBuf::from("/"),
        }
    }
}

enum Found {
    Entry(User),
    Id(u32),
}

fn find_user(user: &str, spec: &str) -> Result<Found, LookupError> {
    if let Some(uid) = parse_id(user, spec)? {
        return Ok(user_of(uid)?.map_or(Found::Id(uid), Found::Entry));
    }
    let entry = User::from_name(user).map_err(|source| database("user", user, source))?;
    entry
        .map(Found::Entry)
        .ok_or_else(|| LookupError::UnknownUser(user.to_owned()))
}

fn find_group(group: &str) -> Result<u32, LookupError> {
    if let Some(gid) = parse_id(group, group)? {
        return Ok(gid);
    }
    let entry = Group::from_name(group).map_err(|source| database("group", group, source))?;
    let entry = entry.ok_or_else(|| LookupError::UnknownGroup(group.to_owned()))?;
    Ok(entry.gid.as_raw())
}

fn user_of(uid: u32) -> Result<Option<User>, LookupError> {
    User::from_uid(Uid::from_raw(uid)).map_err(|source| database("uid", &uid.to_string(), source))
}

/// Digits are an id; the highest one means "none" to the kernel.
fn parse_id(text: &str, spec: &str) -> Result<Option<u32>, LookupError> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    match text.parse::<u32>() {
        Ok(id) if id != u32::MAX => Ok(Some(id)),
        _ => Err(LookupError::Malformed(spec.to_owned())),
    }
}

fn groups_of(name: &str, gid: u32) -> Result<Vec<u32>, LookupError> {
    let cname = CString::new(name).map_err(|_| LookupError::Malformed(name.to_owned()))?;
    let listed = getgrouplist(&cname, Gid::from_raw(gid)).map_err(|source| database("groups of", name, source))?;
    let mut groups = vec![gid];
    for group in listed {
        if !groups.contains(&group.as_raw()) {
            groups.push(group.as_raw());
        }
    }
    Ok(groups)
}

fn database(kind: &str, name: &str, source: Errno) -> LookupError {
    LookupError::Database {
        what: format!("{kind} {name:?}"),
        source,
    }
}

#[cfg(test)]
mod tests;
