//! The [`DevicePlugin`] trait.

use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use encamp_base::Plugin;
use futures_core::Stream;
use futures_util::stream;

use crate::{DeviceGroup, DeviceGroupStats, Reservation, Result};

/// A stream that a plugin hands out; it lives on its own and ends when the plugin has nothing more to say.
pub type BoxStream<T> = Pin<Box<dyn Stream<Item = T> + Send + 'static>>;

/// A device plugin.
///
/// # Cancel safety
/// Every method may be dropped at any point, and so may the streams: that ends only this look at the devices. A dropped
/// [`DevicePlugin::reserve`] must leave nothing that keeps the same devices from being reserved again.
#[async_trait]
pub trait DevicePlugin: Plugin {
    /// The devices: all of them at once, and all of them again when anything about them changes. The stream stays open
    /// for as long as the plugin lives.
    ///
    /// An error on the stream is the plugin's last word: Nomad's agents forget its devices then, and do not ask again
    /// before they are restarted. A look that fails for now is devices that are not healthy
    /// ([`DeviceGroup::unhealthy`]).
    ///
    /// # Errors
    /// [`Error::Disabled`](crate::Error::Disabled), or what keeps the plugin from looking at all.
    async fn fingerprint(&self) -> Result<BoxStream<Result<Vec<DeviceGroup>>>>;

    /// What a task needs in order to use these devices, which are of one group. Asked before every start of the task,
    /// for the same devices again after a restart; nothing tells when they are free.
    ///
    /// # Errors
    /// [`Error::UnknownDevice`](crate::Error::UnknownDevice) for an id that is not there (any more).
    async fn reserve(&self, ids: &[String]) -> Result<Reservation>;

    /// What the devices do: the first item at once, then one every `interval`. The stream stays open for as long as the
    /// plugin lives. By default nothing is measured.
    ///
    /// An error on the stream ends it; hosts ask again later.
    ///
    /// # Errors
    /// What keeps the devices from being measured.
    async fn stats(&self, interval: Duration) -> Result<BoxStream<Result<Vec<DeviceGroupStats>>>> {
        let _ = interval;
        Ok(Box::pin(stream::pending()))
    }
}
