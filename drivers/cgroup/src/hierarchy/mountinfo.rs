//! Reading `/proc/<pid>/mountinfo`.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where cgroups are mounted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Mounts {
    /// The v1 controllers by name.
    pub(super) controllers: BTreeMap<String, PathBuf>,
    /// The v2 tree.
    pub(super) unified: Option<PathBuf>,
}

/// The cgroup mounts that can be written to; of several mounts of the same thing the first one.
pub(super) fn cgroup_mounts(table: &str) -> Mounts {
    let mut mounts = Mounts::default();
    for mount in table.lines().filter_map(parse) {
        match mount.kind {
            "cgroup" => {
                for controller in mount.super_options.split(',') {
                    let path = mounts.controllers.entry(controller.to_owned());
                    path.or_insert_with(|| mount.point.clone());
                }
            }
            "cgroup2" => {
                mounts.unified.get_or_insert(mount.point);
            }
            _ => {}
        }
    }
    mounts
}

struct Mount<'l> {
    point: PathBuf,
    kind: &'l str,
    super_options: &'l str,
}

/// `36 35 0:31 / /sys/fs/cgroup/memory rw,relatime shared:1 - cgroup cgroup rw,memory`
fn parse(line: &str) -> Option<Mount<'_>> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ').skip(4);
    let (point, options) = (left.next()?, left.next()?);
    let mut right = right.split(' ');
    let (kind, super_options) = (right.next()?, right.nth(1)?);
    let writable = |options: &str| options.split(',').any(|option| option == "rw");
    (writable(options) && writable(super_options)).then(|| Mount {
        point: unescape(point),
        kind,
        super_options,
    })
}

/// The kernel writes spaces and their like as `\040`.
fn unescape(field: &str) -> PathBuf {
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    let unescaped = escapes
        .iter()
        .fold(field.to_owned(), |text, (escape, c)| text.replace(escape, c));
    PathBuf::from(unescaped)
}
