//! Who may depend on whom.

use super::Finding;
use crate::workspace::{Package, Workspace};

/// The folders, in the order of dependency: an arrow points to an earlier one, or stays inside.
const FOLDERS: [&str; 6] = ["proto", "hclspec", "plugins", "netns", "drivers", "csi"];

/// Where real parts are wired together.
const ASSEMBLIES: [&str; 2] = ["plugins/launcher", "plugins/bundle"];

/// Whose tests put every driver there is through its checks.
const EXAMINER: &str = "plugins/testkit";

/// The crates that run tasks, each in its own way.
const DRIVERS: [&str; 4] = ["drivers/raw-exec", "drivers/exec", "drivers/java", "drivers/docker"];

/// The crates that say what others implement, and name no transport.
const CONTRACTS: [&str; 4] = ["plugins/base", "plugins/driver", "plugins/device", "plugins/hook"];

/// Something that must not be reached by normal dependencies, at any depth.
struct Wall {
    from: fn(room: &str) -> bool,
    to: fn(name: &str) -> bool,
    why: &'static str,
}

const WALLS: [Wall; 2] = [
    Wall {
        from: |room| room.starts_with("hclspec/"),
        to: |name| ["tokio", "async-std", "smol", "tonic", "prost"].contains(&name),
        why: "the schema language has no async runtime and no generated protobuf",
    },
    Wall {
        from: |room| CONTRACTS.contains(&room),
        to: |name| ["tonic", "prost", "bollard", "hyper"].contains(&name),
        why: "a contract names no transport",
    },
];

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in workspace.members() {
        let room = package.room.as_deref().unwrap_or_default();
        findings.extend(walls(workspace, package, room));
        for need in workspace.needs(package, true) {
            let to = need.room.as_deref();
            let normal = workspace.needs(package, false).any(|normal| normal.id == need.id);
            if let Some(why) = to.and_then(|to| forbidden(room, to, normal)) {
                findings.push(Finding::new(
                    manifest(room),
                    format!("depends on {}, but {why}", need.name),
                ));
            }
        }
    }
    findings
}

fn walls(workspace: &Workspace, package: &Package, room: &str) -> Vec<Finding> {
    let found = WALLS.iter().filter(|wall| (wall.from)(room)).filter_map(|wall| {
        let way = workspace.way(package, |dependency| (wall.to)(&dependency.name))?;
        Some(Finding::new(
            manifest(room),
            format!("{}, but: {}", wall.why, way.join(" -> ")),
        ))
    });
    found.collect()
}

/// Why one member may not depend on another directly, if it may not.
fn forbidden(from: &str, to: &str, normal: bool) -> Option<&'static str> {
    let place = |room: &str| {
        FOLDERS
            .iter()
            .position(|folder| Some(*folder) == room.split('/').next())
    };
    match (place(from), place(to)) {
        _ if ASSEMBLIES.contains(&to) => Some("an assembly is nobody's dependency"),
        (None, _) => Some("it stands outside of the crates"),
        (_, None) => Some("that one stands outside of the crates"),
        _ if ASSEMBLIES.contains(&from) || (from == EXAMINER && !normal) => None,
        (Some(own), Some(other)) if other > own => Some("a folder depends on earlier ones only"),
        _ if DRIVERS.contains(&from) && DRIVERS.contains(&to) => Some("no driver depends on another driver"),
        _ if normal && DRIVERS.contains(&to) => Some("only an assembly knows which drivers exist"),
        _ if from.starts_with("csi/") && to.starts_with("drivers/") && to != "drivers/mount" => {
            Some("volumes know nothing of drivers but their mounts")
        }
        _ => None,
    }
}

fn manifest(room: &str) -> String {
    format!("{room}/Cargo.toml")
}

#[cfg(test)]
mod tests {
    use super::{check, forbidden};
    use crate::workspace::tests::workspace;

    #[test]
    fn dependencies_point_to_earlier_folders() {
        let cases = [
            ("plugins/base", "hclspec/hclspec", true),
            ("plugins/driver", "plugins/base", true),
            ("hclspec/jobspec", "plugins/base", false),
            ("plugins/hook", "drivers/logs", false),
            ("netns/hook", "drivers/mount", false),
            ("drivers/exec", "drivers/mount", true),
            ("drivers/exec", "drivers/raw-exec", false),
            ("drivers/runner", "drivers/docker", false),
            ("csi/hook", "drivers/mount", true),
            ("csi/hook", "drivers/logs", false),
            ("plugins/launcher", "drivers/docker", true),
            ("drivers/runner", "plugins/launcher", false),
            ("xtask", "hclspec/hclspec", false),
        ];
        for (from, to, allowed) in cases {
            assert_eq!(forbidden(from, to, true).is_none(), allowed, "{from} -> {to}");
        }
        assert_eq!(
            forbidden("drivers/runner", "drivers/raw-exec", false),
            None,
            "its tests may run a real driver"
        );
        assert_eq!(
            forbidden("plugins/testkit", "drivers/docker", false),
            None,
            "its tests hold real drivers to its checks"
        );
        assert!(forbidden("plugins/testkit", "drivers/docker", true).is_some());
    }

    #[test]
    fn a_wall_is_found_at_any_depth_and_the_way_is_told() {
        let workspace = workspace(&[
            ("encamp-hclspec", "hclspec/hclspec", &["helper"], &[]),
            ("helper", "", &["tokio"], &[]),
            ("tokio", "", &[], &[]),
            ("encamp-hook", "plugins/hook", &["tokio"], &["tonic"]),
            ("tonic", "", &[], &[]),
        ]);
        let findings: Vec<_> = check(&workspace).iter().map(ToString::to_string).collect();
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].starts_with("hclspec/hclspec/Cargo.toml: "));
        assert!(findings[0].ends_with("encamp-hclspec -> helper -> tokio"));
    }
}
