//! With upstream's libraries at the other end.

use std::path::{Path, PathBuf};

mod ours;
mod upstreams;

/// The folder of the peers, which `cargo xtask interop go` builds.
fn peer(name: &str) -> PathBuf {
    let folder = std::env::var_os("ENCAMP_GO_PEERS").expect("ENCAMP_GO_PEERS names the folder of the peers");
    Path::new(&folder).join(name)
}
