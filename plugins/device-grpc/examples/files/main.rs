//! A device plugin for the files of a directory. A host starts it; started by hand it says what it is.
//!
//! Drop the program into an agent's `plugin_dir` as `files`, and name the directory:
//!
//! ```hcl
//! plugin "files" {
//!   config {
//!     directory = "/srv/licences"
//!   }
//! }
//! ```

use std::process::ExitCode;
use std::sync::Arc;

mod plugin;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    encamp_device_grpc::serve(Arc::new(plugin::Files::default())).await
}
