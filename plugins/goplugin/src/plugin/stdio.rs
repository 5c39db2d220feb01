//! What the plugin prints, for whoever asks.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use encamp_proto::plugin::StdioData;
use encamp_proto::plugin::grpc_stdio_server::{GrpcStdio, GrpcStdioServer};
use encamp_proto::plugin::stdio_data::Channel;
use futures_core::Stream;
use futures_util::{StreamExt as _, stream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

/// How much is kept where nobody reads, or reads too slowly, in bytes.
const MOST: usize = 1024 * 1024;

/// What was printed and not fetched yet: the last of it, where it is too much.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    chunks: Mutex<Chunks>,
    printed: Notify,
}

#[derive(Debug, Default)]
struct Chunks {
    queue: VecDeque<StdioData>,
    bytes: usize,
}

impl Queue {
    /// Never waits: what is oldest goes where there is no space.
    pub(super) fn push(&self, channel: Channel, data: &[u8]) {
        let data = StdioData {
            channel: channel.into(),
            data: data.to_vec().into(),
        };
        let mut chunks = self.0.chunks.lock().unwrap_or_else(PoisonError::into_inner);
        chunks.bytes += data.data.len();
        chunks.queue.push_back(data);
        while chunks.bytes > MOST
            && let Some(oldest) = chunks.queue.pop_front()
        {
            chunks.bytes -= oldest.data.len();
        }
        drop(chunks);
        self.0.printed.notify_one();
    }

    /// The next chunk; each goes to one reader.
    async fn pop(&self) -> StdioData {
        loop {
            let printed = self.0.printed.notified();
            if let Some(chunk) = self.try_pop() {
                return chunk;
            }
            printed.await;
        }
    }

    fn try_pop(&self) -> Option<StdioData> {
        let mut chunks = self.0.chunks.lock().unwrap_or_else(PoisonError::into_inner);
        let chunk = chunks.queue.pop_front()?;
        chunks.bytes -= chunk.data.len();
        if !chunks.queue.is_empty() {
            self.0.printed.notify_one();
        }
        Some(chunk)
    }
}

pub(super) fn service(queue: Queue, stop: CancellationToken) -> GrpcStdioServer<impl GrpcStdio> {
    GrpcStdioServer::new(Service { queue, stop })
}

struct Service {
    queue: Queue,
    stop: CancellationToken,
}

#[tonic::async_trait]
impl GrpcStdio for Service {
    type StreamStdioStream = Pin<Box<dyn Stream<Item = Result<StdioData, Status>> + Send>>;

    async fn stream_stdio(&self, _: Request<()>) -> Result<Response<Self::StreamStdioStream>, Status> {
        let chunks = stream::unfold(self.queue.clone(), |queue| async move {
            Some((Ok(queue.pop().await), queue))
        });
        // What is there when the plugin is told to end still goes out.
        let last = self.queue.clone();
        let rest = stream::unfold(last, |queue| async move { Some((Ok(queue.try_pop()?), queue)) });
        let all = chunks.take_until(self.stop.clone().cancelled_owned()).chain(rest);
        Ok(Response::new(Box::pin(all)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_of_a_flood_is_kept_in_order() {
        let queue = Queue::default();
        for round in 0..3000_u32 {
            queue.push(Channel::Stdout, &vec![round.to_le_bytes()[0]; 1024]);
        }
        let first = queue.pop().await;
        assert_eq!(first.data[0], (3000_u32 - 1024).to_le_bytes()[0]);
        let mut rest = 1;
        while queue.try_pop().is_some() {
            rest += 1;
        }
        assert_eq!(rest, 1024);
    }

    #[tokio::test]
    async fn a_reader_that_came_first_gets_what_comes_later() {
        let queue = Queue::default();
        let reader = tokio::spawn({
            let queue = queue.clone();
            async move { (queue.pop().await, queue.pop().await) }
        });
        tokio::task::yield_now().await;
        queue.push(Channel::Stdout, b"one");
        queue.push(Channel::Stderr, b"two");
        let (one, two) = reader.await.unwrap();
        assert_eq!((&*one.data, one.channel()), (&b"one"[..], Channel::Stdout));
        assert_eq!((&*two.data, two.channel()), (&b"two"[..], Channel::Stderr));
    }
}
