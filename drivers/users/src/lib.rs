//! Who a task runs as: user and group lookup, and the ids it may not have.
//!
//! ```
//! use encamp_users::{Denied, Identity};
//!
//! let root = Identity::lookup("root")?;
//! assert_eq!((root.uid, root.gid), (0, 0));
//!
//! let denied = Denied { uids: "0-99".parse()?, gids: "".parse()? };
//! let error = denied.check(&root).unwrap_err();
//! assert_eq!(error.to_string(), "running as uid 0 of user root is disallowed by the operator (0-99)");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod identity;
mod ranges;

pub use identity::{Identity, LookupError};
pub use ranges::{Denied, DeniedError, IdRanges, ParseRangesError};
