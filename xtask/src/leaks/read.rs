//! Reading the state of the machine. What cannot be read is taken to be empty: it is the same before and after.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::parse;
use crate::setup::tools;
use crate::shell;

pub(crate) fn mounts() -> Vec<String> {
    parse::mounts(&text("/proc/self/mountinfo"))
}

/// The pinned network namespaces.
pub(crate) fn network_namespaces() -> Vec<String> {
    let named = |folder: &str| -> Vec<String> {
        names_in(Path::new(folder))
            .into_iter()
            .map(|name| format!("{folder}/{name}"))
            .collect()
    };
    [named("/run/netns"), named("/run/docker/netns")].concat()
}

pub(crate) fn links() -> Vec<String> {
    names_in(Path::new("/sys/class/net"))
}

/// The cgroups that are not of the machine's own management, in all hierarchies.
pub(crate) fn cgroups() -> Vec<String> {
    let own = text("/proc/self/cgroup");
    let mut all = Vec::new();
    for (root, controllers) in parse::hierarchies(&text("/proc/self/mountinfo")) {
        let place = parse::own_cgroup(&own, &controllers);
        for directory in directories_below(&root) {
            let below = directory.strip_prefix(&root).unwrap_or(&directory);
            if !parse::is_of_system(below, place) {
                all.push(directory.display().to_string());
            }
        }
    }
    all
}

/// The directories of all cgroups.
pub(crate) fn cgroup_directories() -> Vec<PathBuf> {
    let roots = parse::hierarchies(&text("/proc/self/mountinfo"));
    roots.iter().flat_map(|(root, _)| directories_below(root)).collect()
}

/// The rules of nftables, and those of iptables where nftables does not show them.
pub(crate) fn packet_filter_rules() -> Vec<String> {
    if !shell::is_root() {
        return Vec::new();
    }
    let mut rules = parse::nft(&output("nft", &["list", "ruleset"]));
    for program in ["iptables", "ip6tables"] {
        rules.extend(parse::iptables(
            program,
            &output(&format!("{program}-legacy-save"), &[]),
        ));
    }
    if tools::find("nft").is_none() {
        rules.extend(parse::iptables("iptables", &output("iptables-save", &[])));
    }
    rules
}

pub(crate) fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// Every directory below another, parents first.
fn directories_below(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            found.push(entry.path());
            open.push(entry.path());
        }
    }
    found
}

fn output(program: &str, args: &[&str]) -> String {
    let Some(program) = tools::find(program) else {
        return String::new();
    };
    // Not a `Cmd`: this works even after a signal has asked us to end.
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stderr(Stdio::null());
    crate::children::output(&mut command).unwrap_or_default()
}

fn text(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
