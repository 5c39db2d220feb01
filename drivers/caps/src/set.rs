//! [`CapabilitySet`]: names and masks.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::bounding;

/// The names of all capabilities without their prefix, by number.
const NAMES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// Docker's default set without `NET_RAW`: what Nomad gives a task that asks for nothing.
const NOMAD_DEFAULTS: u64 = 0xa804_05fb;

/// Every capability up to `AUDIT_READ`: what Nomad starts from for a task of root.
const ROOT_DEFAULTS: u64 = 0x3f_ffff_ffff;

/// A set of capabilities.
///
/// It is written out (serde, `Display`) as sorted, upper-case names with their prefix: `["CAP_CHOWN", "CAP_KILL"]`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct CapabilitySet(u64);

impl CapabilitySet {
    /// No capability.
    pub const fn empty() -> Self {
        Self(0)
    }

    /// Every capability that this crate has a name for.
    pub const fn known() -> Self {
        Self((1 << NAMES.len()) - 1)
    }

    /// Every capability that a task could have here: known to this crate and to the running kernel, and not taken from
    /// the calling thread's bounding set, as it may be in a container or a virtual machine.
    ///
    /// It is the kernel that is asked, never a file: in a task, what is in `/proc` is the task's word.
    pub fn supported() -> Self {
        let held = (0..u64::BITS).filter(|number| bounding::holds(*number) == Some(true));
        Self::from_mask(held.fold(0, |mask, number| mask | 1 << number))
    }

    /// Every known capability with a number of at most `last`.
    pub fn up_to(last: u32) -> Self {
        let mask = 1_u64
            .checked_shl(last.saturating_add(1))
            .map_or(u64::MAX, |bit| bit - 1);
        Self(mask).intersection(Self::known())
    }

    /// The thirteen that Nomad's exec and java drivers give by default, and allow at most by default.
    pub const fn nomad_defaults() -> Self {
        Self(NOMAD_DEFAULTS)
    }

    /// The thirty-eight that Nomad's drivers give to a task of root (as of kernel 3.16: up to `AUDIT_READ`).
    pub const fn root_defaults() -> Self {
        Self(ROOT_DEFAULTS)
    }

    /// Reads names: spaces around them, case and the prefix `cap_` do not matter, `all` stands for all of `supported`.
    ///
    /// # Errors
    /// [`NamesError`] with every name that is not in `supported`.
    pub fn parse<S: AsRef<str>>(names: impl IntoIterator<Item = S>, supported: Self) -> Result<Self, NamesError> {
        let mut set = Self::empty();
        let mut unknown = Vec::new();
        for name in names {
            match Self::parse_one(name.as_ref(), supported) {
                Some(found) => set = set.union(found),
                None => unknown.push(name.as_ref().to_owned()),
            }
        }
        if unknown.is_empty() {
            Ok(set)
        } else {
            Err(NamesError { unknown })
        }
    }

    fn parse_one(name: &str, supported: Self) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase();
        if name == "all" {
            return Some(supported);
        }
        let name = name.strip_prefix("cap_").unwrap_or(&name);
        let index = NAMES.iter().position(|known| *known == name)?;
        let set = Self(1 << index);
        supported.contains(set).then_some(set)
    }

    /// The set with these bits, as in `/proc/<pid>/status`; bits without a name are left out.
    pub fn from_mask(mask: u64) -> Self {
        Self(mask).intersection(Self::known())
    }

    /// The set as bits, as in `/proc/<pid>/status`.
    pub const fn mask(self) -> u64 {
        self.0
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` is in it.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// What is in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in this one alone.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The names, sorted, upper-case, with their prefix.
    pub fn names(self) -> Vec<String> {
        let names = self.short_names().into_iter();
        names.map(|name| format!("CAP_{}", name.to_ascii_uppercase())).collect()
    }

    /// The names, sorted, lower-case, without their prefix.
    pub fn short_names(self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.indices().filter_map(|index| NAMES.get(index).copied()).collect();
        names.sort_unstable();
        names
    }

    /// The numbers of what is in it.
    pub(crate) fn indices(self) -> impl Iterator<Item = usize> {
        (0..NAMES.len()).filter(move |index| self.0 & (1 << index) != 0)
    }
}

impl fmt::Display for CapabilitySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(", "))
    }
}

impl fmt::Debug for CapabilitySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

impl Serialize for CapabilitySet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.names().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CapabilitySet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        Self::parse(names, Self::known()).map_err(serde::de::Error::custom)
    }
}

/// Names that stand for no capability that there is here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown or unavailable capabilities: {}; see capabilities(7) for the names, or use \"all\"", .unknown.join(", "))]
pub struct NamesError {
    /// The names as they were given.
    pub unknown: Vec<String>,
}
