//! Values and Rust types to and from the two msgpack dialects that Go plugins speak.
//!
//! - [`cty`]: what a configuration is sent in. A [`Value`](encamp_hclspec_cty::Value) by its own type, numbers exact.
//! - [`legacy`]: what plugins and their hosts encode structs in: msgpack as it was before 2013, without `str8` and
//!   `bin`. Any type that implements serde's traits.
//!
//! A plugin receives its configuration in the first and reads it with the second, which is why [`legacy::from_slice`]
//! accepts whatever either of them writes, numbers as decimal text included.
//!
//! ```
//! use encamp_hclspec_cty::Value;
//! use encamp_hclspec_msgpack::{cty, legacy};
//!
//! #[derive(serde::Deserialize)]
//! struct Config {
//!     image: String,
//!     ratio: f64,
//! }
//!
//! let value = Value::object([("image", Value::from("busybox")), ("ratio", Value::Number("0.1".parse()?))]);
//! let bytes = cty::to_vec(&value)?;
//! let config: Config = legacy::from_slice(&bytes)?;
//! assert_eq!((config.image.as_str(), config.ratio), ("busybox", 0.1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod cty;
mod error;
pub mod legacy;
mod read;

pub use error::Error;

/// The README's examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
