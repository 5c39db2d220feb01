//! The host's last call.

use encamp_proto::plugin::Empty;
use encamp_proto::plugin::grpc_controller_server::{GrpcController, GrpcControllerServer};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

pub(super) fn controller(stop: CancellationToken) -> GrpcControllerServer<impl GrpcController> {
    GrpcControllerServer::new(Controller(stop))
}

struct Controller(CancellationToken);

#[tonic::async_trait]
impl GrpcController for Controller {
    async fn shutdown(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        tracing::debug!("The host asks the plugin to end");
        self.0.cancel();
        Ok(Response::new(Empty {}))
    }
}
