//! Find, validate, launch, supervise and restart plugins; stream their fingerprints and events.
//!
//! [`Catalog::scan`] looks at a directory; [`Catalog::driver`] gives a [`Supervised`], which is a
//! [`Driver`](encamp_driver::Driver) like any other, and [`Catalog::device`] a [`SupervisedDevice`], which is a
//! [`DevicePlugin`](encamp_device::DevicePlugin).
//!
//! ```no_run
//! use encamp_catalog::{Catalog, Listed, Settings};
//! use encamp_driver::Driver as _;
//! use encamp_hclspec::{Body, Source};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Body::parse(Source::new("podman", "socket_path = \"unix:///run/podman.sock\"".to_owned()))?;
//! let listed = vec![Listed::new("nomad-driver-podman").with_config(config)];
//! let settings = Settings::new("/opt/nomad/plugins", listed, "/var/lib/host/plugins");
//! let (catalog, findings) = Catalog::scan(settings).await;
//! for finding in findings {
//!     eprintln!("{finding}");
//! }
//! let podman = catalog.driver("podman").ok_or("no podman")?;
//! println!("{:?}", podman.capabilities().await?);
//! catalog.shutdown().await;
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod backoff;
mod catalog;
mod config;
mod device;
mod entry;
mod event;
mod feed;
mod finding;
mod launch;
mod listing;
mod record;
mod safety;
mod scan;
mod settings;
mod supervised;
mod supervisor;
mod tasks;
mod version;

pub use backoff::Backoff;
pub use catalog::Catalog;
pub use device::SupervisedDevice;
pub use entry::Entry;
pub use event::{Event, EventKind};
pub use finding::{Finding, Problem};
pub use launch::{Command, Contract, Ended, Instance, Launch, LaunchError, Processes};
pub use listing::Listed;
pub use safety::{Refusal, Safety, Seen};
pub use settings::{Node, Settings, Timing};
pub use supervised::Supervised;
pub use version::{Version, VersionError};

/// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
