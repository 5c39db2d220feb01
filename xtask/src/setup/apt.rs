//! Installing Debian packages, without letting them start services.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::tools::Tool;
use crate::shell::Cmd;

/// What Debian's package scripts ask before they start a service.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Tells our own policy from that of the machine's owner.
const MARK: &str = "# Put here by encamp's xtask while it installs packages; to be removed after.";

/// Installs the packages that bring some tools.
pub(crate) fn install(tools: &[Tool]) -> Result<()> {
    let apt = || Cmd::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive");
    apt().args(["update", "--quiet"]).run()?;
    let _policy = Policy::put(Path::new(POLICY))?;
    apt()
        .args(["install", "--yes", "--quiet", "--no-install-recommends"])
        .args(packages(tools, is_known))
        .run()
}

/// The one command that installs the packages, for a reader to run.
pub(crate) fn command(tools: &[Tool]) -> String {
    let packages = packages(tools, is_known).join(" ");
    format!("sudo apt-get update && sudo apt-get install --no-install-recommends {packages}")
}

/// The packages that bring the tools, each once.
fn packages(tools: &[Tool], is_known: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let mut packages: Vec<&str> = Vec::new();
    for tool in tools {
        let choice = tool
            .packages
            .iter()
            .find(|package| is_known(package))
            .or(tool.packages.last());
        packages.extend(choice.filter(|package| !packages.contains(*package)));
    }
    packages
}

/// Whether apt could install a package.
fn is_known(package: &str) -> bool {
    let policy = Cmd::new("apt-cache")
        .args(["policy", package])
        .env("LC_ALL", "C")
        .quiet()
        .read();
    policy.is_ok_and(|text| {
        text.lines()
            .any(|line| line.trim().starts_with("Candidate:") && !line.contains("(none)"))
    })
}

/// A policy that forbids every start of a service, in place until dropped; one that was there before comes back.
struct Policy {
    path: PathBuf,
    before: PathBuf,
}

impl Policy {
    fn put(path: &Path) -> Result<Self> {
        let policy = Self {
            path: path.to_owned(),
            before: path.with_extension("d.before-encamp"),
        };
        // After a crash of ours the file is our own, and the owner's one, if any, is put aside already.
        let left = fs::read_to_string(path).is_ok_and(|text| text.contains(MARK));
        if path.exists() && !left {
            fs::rename(path, &policy.before).with_context(|| format!("cannot put {} aside", path.display()))?;
        }
        fs::write(path, format!("#!/bin/sh\n{MARK}\nexit 101\n"))
            .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o755)))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(policy)
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        let restored = if self.before.exists() {
            fs::rename(&self.before, &self.path)
        } else {
            fs::remove_file(&self.path)
        };
        if let Err(error) = restored {
            eprintln!(
                "{} cannot restore {}: {error}",
                crate::style::yellow("warning:"),
                self.path.display()
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MARK, Policy, packages};
    use crate::setup::tools::TOOLS;
    use std::fs;
    use std::path::PathBuf;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("encamp-xtask-{}-{name}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        folder
    }

    #[test]
    fn a_policy_is_in_place_only_while_it_is_held() {
        let folder = folder("policy");
        let path = folder.join("policy-rc.d");
        let held = Policy::put(&path).unwrap();
        assert!(fs::read_to_string(&path).unwrap().contains("exit 101"));
        drop(held);
        assert!(!path.exists());
        fs::remove_dir(folder).unwrap();
    }

    #[test]
    fn the_owners_policy_comes_back_even_after_a_crash() {
        let folder = folder("owner");
        let path = folder.join("policy-rc.d");
        fs::write(&path, "owner").unwrap();
        let _crashed = std::mem::ManuallyDrop::new(Policy::put(&path).unwrap());
        assert!(fs::read_to_string(&path).unwrap().contains(MARK));
        drop(Policy::put(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "owner");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn each_package_is_named_once_and_the_first_known_alternative_is_taken() {
        let all = packages(&TOOLS, |package| package != "docker-cli");
        assert_eq!(all.iter().filter(|package| **package == "docker.io").count(), 1);
        assert!(!all.contains(&"docker-cli"));
        assert!(all.contains(&"nftables") && all.contains(&"iptables"));
        assert!(packages(&TOOLS, |_| true).contains(&"docker-cli"));
    }
}
