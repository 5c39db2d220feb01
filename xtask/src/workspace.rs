//! The workspace as `cargo metadata` tells it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::shell::Cmd;

/// Every package of the workspace and of its dependencies.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    /// By package id.
    pub(crate) packages: BTreeMap<String, Package>,
}

#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) licence: Option<String>,
    /// The folder of a member below the root, such as `drivers/logs`; none for a dependency.
    pub(crate) room: Option<String>,
    pub(crate) published: bool,
    pub(crate) features: Vec<String>,
    pub(crate) targets: Vec<Target>,
    pub(crate) needs: Vec<Need>,
}

#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) source: PathBuf,
}

/// An edge of the dependency graph.
#[derive(Debug)]
pub(crate) struct Need {
    pub(crate) id: String,
    /// Not only for tests and benches.
    pub(crate) normal: bool,
}

impl Workspace {
    pub(crate) fn load() -> Result<Self> {
        Self::parse(&Cmd::cargo("metadata").args(["--format-version", "1"]).quiet().read()?)
    }

    /// Fails where the lock file is not up to date.
    pub(crate) fn load_locked() -> Result<Self> {
        Self::parse(
            &Cmd::cargo("metadata")
                .args(["--format-version", "1", "--locked"])
                .quiet()
                .read()?,
        )
    }

    /// From the text of `cargo metadata --format-version 1`.
    pub(crate) fn parse(json: &str) -> Result<Self> {
        let json: Value = serde_json::from_str(json).context("cannot read the output of cargo metadata")?;
        let root = PathBuf::from(text(&json, "workspace_root"));
        let members: Vec<&str> = list(&json, "workspace_members")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let mut needs = edges(json.get("resolve").unwrap_or(&Value::Null));
        let mut packages = BTreeMap::new();
        for value in list(&json, "packages") {
            let mut package = package(value);
            package.needs = needs.remove(&package.id).unwrap_or_default();
            if members.contains(&package.id.as_str()) {
                let folder = PathBuf::from(text(value, "manifest_path"));
                let folder = folder.parent().and_then(|folder| folder.strip_prefix(&root).ok());
                package.room = folder.map(|folder| folder.to_string_lossy().into_owned());
            }
            packages.insert(package.id.clone(), package);
        }
        Ok(Self {
            target: PathBuf::from(text(&json, "target_directory")),
            root,
            packages,
        })
    }

    /// The packages of the workspace itself, by name.
    pub(crate) fn members(&self) -> Vec<&Package> {
        let mut members: Vec<_> = self
            .packages
            .values()
            .filter(|package| package.room.is_some())
            .collect();
        members.sort_by(|a, b| a.name.cmp(&b.name));
        members
    }

    /// What a package needs directly; with `tests`, for its tests too.
    pub(crate) fn needs<'a>(&'a self, package: &'a Package, tests: bool) -> impl Iterator<Item = &'a Package> {
        let wanted = package.needs.iter().filter(move |need| need.normal || tests);
        wanted.filter_map(|need| self.packages.get(&need.id))
    }

    /// The names of the packages from one package down to another by normal dependencies, if there is such a way.
    pub(crate) fn way<'a>(&'a self, from: &'a Package, to: impl Fn(&Package) -> bool) -> Option<Vec<&'a str>> {
        let mut came: BTreeMap<&str, &'a Package> = BTreeMap::new();
        let mut queue = std::collections::VecDeque::from([from]);
        while let Some(package) = queue.pop_front() {
            if package.id != from.id && to(package) {
                let mut way = vec![package.name.as_str()];
                let mut at = package;
                while let Some(before) = came.get(at.id.as_str()) {
                    way.push(&before.name);
                    at = before;
                }
                way.reverse();
                return Some(way);
            }
            for next in self.needs(package, false) {
                if next.id != from.id && !came.contains_key(next.id.as_str()) {
                    came.insert(&next.id, package);
                    queue.push_back(next);
                }
            }
        }
        None
    }
}

fn package(value: &Value) -> Package {
    let targets = list(value, "targets").iter().map(|target| Target {
        name: text(target, "name"),
        kind: list(target, "kind")
            .first()
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        source: PathBuf::from(text(target, "src_path")),
    });
    let features = value.get("features").and_then(Value::as_object);
    Package {
        id: text(value, "id"),
        name: text(value, "name"),
        description: text(value, "description"),
        licence: value.get("license").and_then(Value::as_str).map(str::to_owned),
        room: None,
        published: value.get("publish").is_none_or(Value::is_null),
        features: features
            .map(|features| features.keys().cloned().collect())
            .unwrap_or_default(),
        targets: targets.collect(),
        needs: Vec::new(),
    }
}

fn edges(resolve: &Value) -> BTreeMap<String, Vec<Need>> {
    let need = |dep: &Value| Need {
        id: text(dep, "pkg"),
        normal: list(dep, "dep_kinds")
            .iter()
            .any(|kind| kind.get("kind").and_then(Value::as_str) != Some("dev")),
    };
    let node = |node: &Value| (text(node, "id"), list(node, "deps").iter().map(need).collect());
    list(resolve, "nodes").iter().map(node).collect()
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Value, Workspace};
    use serde_json::json;

    /// A workspace of packages `(name, room or "" for a dependency, normal needs, needs of tests)`.
    pub(crate) fn workspace(packages: &[(&str, &str, &[&str], &[&str])]) -> Workspace {
        let dep = |name: &&str, kind: Value| json!({ "pkg": name, "dep_kinds": [{ "kind": kind }] });
        let all: Vec<_> = packages
            .iter()
            .map(|(name, room, ..)| {
                json!({ "id": name, "name": name, "manifest_path": format!("/w/{room}/Cargo.toml"), "license": "MIT",
                        "description": format!("The {name} crate."), "targets": [], "features": {} })
            })
            .collect();
        let nodes: Vec<_> = packages
            .iter()
            .map(|(name, _, normal, tests)| {
                let normal = normal.iter().map(|need| dep(need, Value::Null));
                let deps: Vec<_> = normal.chain(tests.iter().map(|need| dep(need, json!("dev")))).collect();
                json!({ "id": name, "deps": deps })
            })
            .collect();
        let members: Vec<_> = packages
            .iter()
            .filter(|(_, room, ..)| !room.is_empty())
            .map(|(name, ..)| name)
            .collect();
        let all = json!({ "workspace_root": "/w", "target_directory": "/w/target", "workspace_members": members,
                          "packages": all, "resolve": { "nodes": nodes } });
        Workspace::parse(&all.to_string()).unwrap()
    }

    #[test]
    fn members_are_told_from_dependencies() {
        let workspace = workspace(&[("encamp-logs", "drivers/logs", &["nix"], &[]), ("nix", "", &[], &[])]);
        let members: Vec<_> = workspace.members().iter().map(|member| member.name.as_str()).collect();
        assert_eq!(members, ["encamp-logs"]);
        assert_eq!(workspace.members()[0].room.as_deref(), Some("drivers/logs"));
    }

    #[test]
    fn a_way_follows_normal_dependencies_only() {
        let workspace = workspace(&[
            ("a", "drivers/a", &["b"], &["tokio"]),
            ("b", "drivers/b", &["c"], &[]),
            ("c", "", &["b"], &[]),
            ("tokio", "", &[], &[]),
        ]);
        let way = |to: &'static str| workspace.way(&workspace.packages["a"], move |package| package.name == to);
        assert_eq!(way("c"), Some(vec!["a", "b", "c"]));
        assert_eq!(way("tokio"), None);
    }
}
