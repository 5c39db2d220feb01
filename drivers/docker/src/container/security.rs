//! Capabilities and security options.

use std::collections::BTreeSet;

use encamp_driver::Result;

use super::invalid;
use crate::config::TaskOptions;

/// What the engine gives every container.
const ENGINE_DEFAULT: [&str; 14] = [
    "audit_write",
    "chown",
    "dac_override",
    "fowner",
    "fsetid",
    "kill",
    "mknod",
    "net_bind_service",
    "net_raw",
    "setfcap",
    "setgid",
    "setpcap",
    "setuid",
    "sys_chroot",
];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Capabilities {
    pub(super) add: Vec<String>,
    pub(super) drop: Vec<String>,
}

/// What the engine must add to and drop from its default.
pub(super) fn capabilities(options: &TaskOptions, allow: &[String]) -> Result<Capabilities> {
    let allow = normalized(allow);
    let add = normalized(&options.cap_add);
    let drop = normalized(&options.cap_drop);
    let all = |set: &BTreeSet<String>| set.contains("all");
    let missing: Vec<&str> = add.difference(&allow).map(String::as_str).collect();
    if !all(&allow) && !missing.is_empty() {
        let missing = missing.join(", ");
        return Err(invalid(format!(
            "`cap_add`: {missing} not allowed on this node; its operator can extend `allow_caps`"
        )));
    }
    let withheld = ENGINE_DEFAULT
        .into_iter()
        .filter(|name| !all(&allow) && !allow.contains(*name));
    let dropped: BTreeSet<String> = withheld.map(str::to_owned).chain(drop.iter().cloned()).collect();
    let list = |set: BTreeSet<String>| {
        if all(&set) {
            return vec!["all".to_owned()];
        }
        set.into_iter().collect()
    };
    Ok(Capabilities {
        add: list(add),
        drop: list(dropped),
    })
}

fn normalized(names: &[String]) -> BTreeSet<String> {
    let plain = |name: &String| {
        let name = name.trim().to_lowercase();
        name.strip_prefix("cap_").map_or(name.clone(), str::to_owned)
    };
    names.iter().map(plain).filter(|name| !name.is_empty()).collect()
}

/// Security options as they are. Profiles in files are not read: a job must not name files of the host.
pub(super) fn options(options: &[String]) -> Result<Vec<String>> {
    for option in options {
        let (key, value) = option.split_once(['=', ':']).unwrap_or((option, ""));
        let understood = match key {
            "no-new-privileges" => matches!(value, "" | "true" | "false"),
            "seccomp" => value == "unconfined" || value.starts_with('{'),
            _ => !value.is_empty(),
        };
        if !understood {
            return Err(invalid(format!(
                "`security_opt`: `{option}` is not understood; write `key=value`, and seccomp profiles as JSON text"
            )));
        }
    }
    Ok(options.to_vec())
}
