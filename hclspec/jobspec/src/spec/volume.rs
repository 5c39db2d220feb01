//! Storage: `volume`, `volume_mount`, `csi_plugin`, `ephemeral_disk`.

use encamp_hclspec::{HclSpec, Place};
use serde::Deserialize;

use super::choice::choices;
use super::types::Time;
use crate::check;

choices! {
    /// Where a volume comes from.
    pub enum VolumeType {
        /// The node.
        Host = "host",
        /// A CSI plugin.
        Csi = "csi",
    }
}

choices! {
    /// Who may use a volume, and how.
    pub enum AccessMode {
        /// One node reads.
        SingleNodeReaderOnly = "single-node-reader-only",
        /// One node writes.
        SingleNodeWriter = "single-node-writer",
        /// One instance on one node writes.
        SingleNodeSingleWriter = "single-node-single-writer",
        /// Several instances on one node write.
        SingleNodeMultiWriter = "single-node-multi-writer",
        /// Nodes read.
        MultiNodeReaderOnly = "multi-node-reader-only",
        /// Nodes read, and one writes.
        MultiNodeSingleWriter = "multi-node-single-writer",
        /// Nodes write.
        MultiNodeMultiWriter = "multi-node-multi-writer",
    }
}

choices! {
    /// What a volume is attached as.
    pub enum AttachmentMode {
        /// A block device.
        BlockDevice = "block-device",
        /// A file system.
        FileSystem = "file-system",
    }
}

/// A `volume` block of a group.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Volume {
    /// Its name in the group.
    #[hcl(label)]
    pub name: String,
    /// Where it comes from.
    #[serde(rename = "type")]
    pub volume_type: VolumeType,
    /// Its name there.
    pub source: Option<String>,
    /// Whether nobody may write.
    #[hcl(default = false)]
    pub read_only: bool,
    /// Whether an instance keeps it when it is placed again.
    #[hcl(default = false)]
    pub sticky: bool,
    /// Whether each instance has its own, numbered.
    #[hcl(default = false)]
    pub per_alloc: bool,
    /// Who may use it, and how.
    pub access_mode: Option<AccessMode>,
    /// What it is attached as.
    pub attachment_mode: Option<AttachmentMode>,
    /// How it is mounted.
    #[hcl(block)]
    pub mount_options: Option<MountOptions>,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

/// A `mount_options` block.
#[derive(Clone, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct MountOptions {
    /// The type of its file system.
    pub fs_type: Option<String>,
    /// Flags of the mount, which may hold passwords.
    #[serde(default)]
    pub mount_flags: Vec<String>,
}

/// Without the flags, which may hold passwords.
impl std::fmt::Debug for MountOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MountOptions")
            .field("fs_type", &self.fs_type)
            .field("mount_flags", &self.mount_flags.len())
            .finish()
    }
}

choices! {
    /// Whether mounts within a volume are seen on the other side.
    pub enum Propagation {
        /// On neither side.
        Private = "private",
        /// In the task.
        HostToTask = "host-to-task",
        /// On both sides.
        Bidirectional = "bidirectional",
    }
}

/// A `volume_mount` block of a task.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct VolumeMount {
    /// The volume of the group.
    #[hcl(check = check::filled)]
    pub volume: String,
    /// Where it is in the task.
    #[hcl(check = check::filled)]
    pub destination: String,
    /// Whether the task may not write.
    #[hcl(default = false)]
    pub read_only: bool,
    /// Whether mounts within it are seen on the other side.
    #[hcl(default = "private")]
    pub propagation_mode: Propagation,
    /// The label for `SELinux`.
    pub selinux_label: Option<String>,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

choices! {
    /// What a CSI plugin does.
    pub enum CsiPluginType {
        /// It mounts volumes on nodes.
        Node = "node",
        /// It makes volumes.
        Controller = "controller",
        /// Both.
        Monolith = "monolith",
    }
}

/// A `csi_plugin` block: the task is a CSI plugin.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct CsiPlugin {
    /// Its id.
    #[hcl(check = check::filled)]
    pub id: String,
    /// What it does.
    #[serde(rename = "type")]
    pub plugin_type: CsiPluginType,
    /// Where its socket is in the task.
    #[hcl(default = "/csi")]
    pub mount_dir: String,
    /// Where volumes are staged and published in the task.
    #[hcl(default = "/local/csi")]
    pub stage_publish_base_dir: String,
    /// How long it may take to become healthy.
    #[hcl(default = "30s")]
    pub health_timeout: Time,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

/// An `ephemeral_disk` block of a group.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct EphemeralDisk {
    /// In MiB; 10 at least.
    #[hcl(default = 300, check = check::range::<10, { i64::MAX }>)]
    pub size: u64,
    /// Whether what is in it moves along to another node.
    #[hcl(default = false)]
    pub migrate: bool,
    /// Whether the same node is tried first.
    #[hcl(default = false)]
    pub sticky: bool,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}
