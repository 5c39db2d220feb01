//! The device-plugin contract: the trait, its types, its units, its errors.
//!
//! A device plugin finds devices that tasks may ask for, says what a task needs in order to use some of them, and
//! measures them. [`DevicePlugin`] has a method for every call of the protocol that a Nomad agent speaks, and no
//! transport: a plugin that implements it is used in process, and the same value can be served to an agent by an adapter
//! crate.
//!
//! 1. [`DevicePlugin::fingerprint`] says which devices there are, in [`DeviceGroup`]s of one vendor, type and name, and
//!    says it again when that changes.
//! 2. The scheduler gives some of them to a task, by id. [`DevicePlugin::reserve`] is asked right before each start and
//!    answers with a [`Reservation`]: environment, mounts and device nodes. Nothing tells the plugin when the task ends.
//! 3. [`DevicePlugin::stats`] measures all of them, every so often.
//!
//! [`parse_attribute`] and [`compare`] are the algebra of facts: [`Unit`]s, and values of different units of a kind.
#![forbid(unsafe_code)]

mod attribute;
mod error;
mod group;
mod plugin;
mod reservation;
mod stats;
mod unit;

pub use attribute::{compare, parse_attribute};
pub use encamp_base::{Attribute, AttributeValue, ConfigError, Plugin, PluginConfig, PluginInfo, PluginType, Topology};
pub use error::{Error, Result};
pub use group::{Device, DeviceGroup, Invalid};
pub use plugin::{BoxStream, DevicePlugin};
pub use reservation::{DeviceNode, Mount, Reservation};
pub use stats::{DeviceGroupStats, DeviceStats, Figure, StatObject, StatValue};
pub use unit::{Unit, UnitKind};

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
