//! A plugin that keeps values by key, tells its host of changes, and prints.
//!
//! A host of it is in the crate's documentation; started by hand it says what it is.

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use encamp_goplugin::{Context, Cookie, Server, hclog};
use futures_util::stream::BoxStream;
use tonic::service::Routes;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};
use tracing::level_filters::LevelFilter;
use wire::kv_server::{Kv, KvServer};
use wire::watcher_client::WatcherClient;
use wire::{Change, GetRequest, GetResponse, OpenResponse, PutRequest, SubscribeRequest};

#[allow(warnings, clippy::all, clippy::pedantic, reason = "generated")]
mod wire {
    include!("generated/kv.rs");
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    hclog::init(LevelFilter::DEBUG);
    Server::new(Cookie::new("KV_PLUGIN", "hello"))
        .version(1, |routes, context| {
            routes.add_service(KvServer::new(Store::new(context)).max_decoding_message_size(usize::MAX));
        })
        .descriptors(include_bytes!("generated/kv.bin"))
        .run()
        .await
}

#[derive(Clone)]
struct Store {
    context: Context,
    values: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    watchers: Arc<Mutex<Vec<WatcherClient<Channel>>>>,
}

impl Store {
    fn new(context: &Context) -> Self {
        Self {
            context: context.clone(),
            values: Arc::default(),
            watchers: Arc::default(),
        }
    }
}

#[tonic::async_trait]
impl Kv for Store {
    type FollowStream = BoxStream<'static, Result<Change, Status>>;

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let key = request.into_inner().key;
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let value = values.get(&key).cloned();
        let value = value.ok_or_else(|| Status::not_found(format!("there is no value for {key:?}")))?;
        Ok(Response::new(GetResponse { value }))
    }

    #[expect(clippy::print_stdout, reason = "it reaches the host as the plugin's output")]
    async fn put(&self, request: Request<PutRequest>) -> Result<Response<()>, Status> {
        let PutRequest { key, value } = request.into_inner();
        tracing::info!(key, bytes = value.len(), "Putting a value");
        println!("{key}");
        self.values
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key.clone(), value);
        let watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for mut watcher in watchers {
            watcher.changed(Change { key: key.clone() }).await?;
        }
        Ok(Response::new(()))
    }

    async fn subscribe(&self, request: Request<SubscribeRequest>) -> Result<Response<()>, Status> {
        let dialed = self.context.broker().dial(request.into_inner().connection).await;
        let channel = dialed.map_err(|error| Status::unavailable(error.to_string()))?;
        self.watchers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(WatcherClient::new(channel));
        Ok(Response::new(()))
    }

    async fn open(&self, _: Request<()>) -> Result<Response<OpenResponse>, Status> {
        let connection = self.context.broker().next_id();
        let accepted = self.context.broker().accept(connection).await;
        let accepted = accepted.map_err(|error| Status::unavailable(error.to_string()))?;
        tokio::spawn(accepted.serve(Routes::new(KvServer::new(self.clone()))));
        Ok(Response::new(OpenResponse { connection }))
    }

    async fn follow(&self, _: Request<()>) -> Result<Response<Self::FollowStream>, Status> {
        Ok(Response::new(Box::pin(futures_util::stream::pending())))
    }
}
