//! [`DriverServer`]: the service on a server, with or without the short way for exec sessions.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use encamp_base_grpc::MAX_MESSAGE;
use encamp_driver::{BoxStream, Driver};
use encamp_proto::driver::driver_server;
use tonic::body::Body;
use tonic::codegen::{Body as HttpBody, BoxFuture, Service, StdError, http};
use tonic::server::{Grpc, NamedService, StreamingService};
use tonic::{Request, Response, Status, Streaming};

use super::{DriverService, unlimited};
use crate::codec::Frames;
use crate::raw::RawExec;

/// The path of exec sessions.
pub(crate) const EXEC: &str = "/hashicorp.nomad.plugins.drivers.proto.Driver/ExecTaskStreaming";

/// A driver on a gRPC server, for hosts.
///
/// Beside it belongs the plugin's [`BaseService`](encamp_base_grpc::BaseService), on the same server.
#[derive(Clone)]
pub struct DriverServer {
    service: driver_server::DriverServer<DriverService>,
    raw: Option<Arc<dyn RawExec>>,
}

impl DriverServer {
    /// The service of this driver.
    pub fn new(driver: Arc<dyn Driver>) -> Self {
        Self {
            service: unlimited(DriverService::new(driver)),
            raw: None,
        }
    }

    /// The same service, whose exec sessions are passed on frame by frame.
    #[must_use]
    pub fn with_raw_exec(self, raw: Arc<dyn RawExec>) -> Self {
        Self { raw: Some(raw), ..self }
    }
}

impl fmt::Debug for DriverServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DriverServer").finish_non_exhaustive()
    }
}

impl NamedService for DriverServer {
    const NAME: &'static str = driver_server::SERVICE_NAME;
}

impl<B> Service<http::Request<B>> for DriverServer
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
        let raw = self.raw.clone().filter(|_| request.uri().path() == EXEC);
        let Some(raw) = raw else {
            return self.service.call(request);
        };
        Box::pin(async move {
            let mut grpc = Grpc::new(Frames).apply_max_message_size_config(Some(MAX_MESSAGE), Some(MAX_MESSAGE));
            Ok(grpc.streaming(PassOn(raw), request).await)
        })
    }
}

/// The call of one session.
struct PassOn(Arc<dyn RawExec>);

impl StreamingService<Bytes> for PassOn {
    type Response = Bytes;
    type ResponseStream = BoxStream<Result<Bytes, Status>>;
    type Future = BoxFuture<Response<Self::ResponseStream>, Status>;

    fn call(&mut self, request: Request<Streaming<Bytes>>) -> Self::Future {
        let driver = Arc::clone(&self.0);
        Box::pin(async move {
            let answers = driver.exec_frames(Box::pin(request.into_inner())).await?;
            Ok(Response::new(answers))
        })
    }
}
