//! Health, and the broker's stream.

use std::pin::Pin;
use std::sync::Arc;

use encamp_proto::plugin::ConnInfo;
use encamp_proto::plugin::grpc_broker_server::{GrpcBroker, GrpcBrokerServer};
use futures_core::Stream;
use futures_util::{StreamExt as _, stream};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::server::{HealthReporter, HealthService};

use crate::broker::{Broker, Outgoing};

/// The name that hosts ask for.
const NAME: &str = "plugin";

pub(super) async fn health() -> HealthServer<impl Health> {
    // The empty name is there from the start.
    let reporter = HealthReporter::new();
    reporter.set_service_status(NAME, ServingStatus::Serving).await;
    HealthServer::new(HealthService::from_health_reporter(reporter))
}

pub(super) fn broker(broker: Broker, messages: Outgoing, stop: CancellationToken) -> GrpcBrokerServer<impl GrpcBroker> {
    GrpcBrokerServer::new(BrokerStream {
        broker,
        messages: Arc::new(Mutex::new(messages)),
        stop,
    })
}

struct BrokerStream {
    broker: Broker,
    /// A host has one stream at a time; a message goes to one that is there.
    messages: Arc<Mutex<Outgoing>>,
    stop: CancellationToken,
}

#[tonic::async_trait]
impl GrpcBroker for BrokerStream {
    type StartStreamStream = Pin<Box<dyn Stream<Item = Result<ConnInfo, Status>> + Send>>;

    async fn start_stream(
        &self,
        request: Request<Streaming<ConnInfo>>,
    ) -> Result<Response<Self::StartStreamStream>, Status> {
        let (broker, mut incoming) = (self.broker.clone(), request.into_inner());
        let gone = self.stop.child_token();
        let ended = gone.clone().drop_guard();
        tokio::spawn(async move {
            let _ended = ended;
            while let Ok(Some(info)) = incoming.message().await {
                broker.receive(info).await;
            }
        });
        let messages = Arc::clone(&self.messages);
        let outgoing = stream::unfold(messages, |messages| async move {
            let message = messages.lock().await.recv().await?;
            Some((Ok(message), messages))
        });
        // The call is over when the host has ended its part: what comes later is for its next stream.
        Ok(Response::new(Box::pin(
            outgoing.take_until(gone.cancelled_owned()).boxed(),
        )))
    }
}
