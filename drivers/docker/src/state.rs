//! What a host keeps of a task, opaque to it.

use encamp_driver::{NetworkOverride, TaskOutput};
use serde::{Deserialize, Serialize};

/// What is needed to take a task back. Holds no secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DriverState {
    pub(crate) version: u32,
    pub(crate) container_id: String,
    pub(crate) image_id: String,
    pub(crate) network: Option<NetworkOverride>,
    /// Where the task's output goes: options may have changed by the time when it is taken up again.
    #[serde(default)]
    pub(crate) output: Option<TaskOutput>,
}

impl DriverState {
    pub(crate) const VERSION: u32 = 1;

    pub(crate) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The state; `None` for what an interrupted start left, and for what no version of ours wrote.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let state: Self = serde_json::from_slice(bytes).ok()?;
        (state.version == Self::VERSION).then_some(state)
    }
}
