//! [`DeviceServer`]: a device plugin's answers, for a host.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use encamp_base_grpc::{BoxStream, MAX_MESSAGE, held_open, time};
use encamp_device::{DevicePlugin, Error};
use encamp_proto::device as wire;
use encamp_proto::device::device_plugin_server;
use futures_util::StreamExt as _;
use tonic::body::Body;
use tonic::codegen::{Body as HttpBody, BoxFuture, Service, StdError, http};
use tonic::server::NamedService;
use tonic::{Request, Response, Status};

use crate::convert::{group, reservation, stats};
use crate::error::to_status;

type Answer<T> = Result<Response<T>, Status>;
type Streamed<T> = BoxStream<Result<T, Status>>;

/// How often a host that names no interval is sent measurements.
const STATS_INTERVAL: Duration = Duration::from_secs(1);

/// A device plugin on a gRPC server, for hosts.
///
/// Beside it belongs the plugin's [`BaseService`](encamp_base_grpc::BaseService), on the same server.
///
/// Hosts take the end of a stream for the end of the plugin: a stream that the plugin ends is held open, one that fails
/// ends with the error.
#[derive(Clone)]
pub struct DeviceServer(device_plugin_server::DevicePluginServer<DeviceService>);

impl DeviceServer {
    /// The service of this plugin.
    pub fn new(plugin: Arc<dyn DevicePlugin>) -> Self {
        let service = device_plugin_server::DevicePluginServer::new(DeviceService(plugin));
        Self(
            service
                .max_decoding_message_size(MAX_MESSAGE)
                .max_encoding_message_size(MAX_MESSAGE),
        )
    }
}

impl fmt::Debug for DeviceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceServer").finish_non_exhaustive()
    }
}

impl NamedService for DeviceServer {
    const NAME: &'static str = device_plugin_server::SERVICE_NAME;
}

impl<B> Service<http::Request<B>> for DeviceServer
where
    B: HttpBody + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        self.0.call(request)
    }
}

struct DeviceService(Arc<dyn DevicePlugin>);

#[tonic::async_trait]
impl device_plugin_server::DevicePlugin for DeviceService {
    type FingerprintStream = Streamed<wire::FingerprintResponse>;
    type StatsStream = Streamed<wire::StatsResponse>;

    async fn fingerprint(&self, _: Request<wire::FingerprintRequest>) -> Answer<Self::FingerprintStream> {
        let looks = self.0.fingerprint().await.map_err(failed)?;
        let looks = looks.map(|look| look.and_then(group::to_message).map_err(failed));
        Ok(Response::new(held_open(looks)))
    }

    async fn reserve(&self, request: Request<wire::ReserveRequest>) -> Answer<wire::ReserveResponse> {
        let reserved = self.0.reserve(&request.into_inner().device_ids).await;
        Ok(Response::new(reservation::to_message(reserved.map_err(failed)?)?))
    }

    async fn stats(&self, request: Request<wire::StatsRequest>) -> Answer<Self::StatsStream> {
        let interval = match time::duration(request.into_inner().collection_interval, "collection_interval")? {
            Duration::ZERO => STATS_INTERVAL,
            interval => interval,
        };
        let samples = self.0.stats(interval).await.map_err(failed)?;
        let samples = samples.map(|sample| sample.and_then(stats::to_message).map_err(failed));
        Ok(Response::new(held_open(samples)))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is passed to map_err")]
fn failed(error: Error) -> Status {
    to_status(&error)
}
