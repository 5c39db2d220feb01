//! The driver: what a host calls, over the parts that do the work.

mod calls;
mod life;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use encamp_driver::{BoxStream, ConfigError, Error, Plugin, PluginConfig, PluginInfo, Result, Topology};
use encamp_hclspec::Spec;
use tokio::io::AsyncReadExt as _;
use tokio_util::task::TaskTracker;

use crate::collect::Collector;
use crate::config::PluginOptions;
use crate::engine::{Demux, Engine, Frame, LogQuery};
use crate::events::Events;
use crate::gc::Images;
use crate::image::Pulls;
use crate::task::Task;

/// The docker task driver.
///
/// It works inside a tokio runtime and adds one thread of its own, once the first task's output is collected.
pub struct Docker {
    settings: Arc<Mutex<Settings>>,
    tasks: Mutex<HashMap<String, Slot>>,
    pulls: Pulls,
    events: Events,
    collector: Arc<Collector>,
    images: Arc<Images>,
    seen: Arc<AtomicBool>,
    /// Where volumes are put for the engine.
    volumes: PathBuf,
    /// Commands inside tasks that are being killed.
    endings: TaskTracker,
}

#[derive(Clone)]
struct Settings {
    /// The engine that the driver was made with.
    given: Arc<dyn Engine>,
    /// The one in use.
    engine: Arc<dyn Engine>,
    options: PluginOptions,
    topology: Option<Arc<Topology>>,
}

/// A task id's place.
enum Slot {
    /// Somebody is starting it, or taking it back.
    Reserved,
    Task(Arc<Task>),
}

impl Docker {
    /// A driver over `engine`, which keeps what must outlive the process (how far output was taken over, which images
    /// it pulled; no secrets) in `state_dir`. The directory is made when it is first needed.
    pub fn new(engine: Arc<dyn Engine>, state_dir: impl Into<PathBuf>) -> Self {
        let state_dir = state_dir.into();
        let events = Events::default();
        Self {
            settings: Arc::new(Mutex::new(Settings {
                given: Arc::clone(&engine),
                engine,
                options: PluginOptions::default(),
                topology: None,
            })),
            tasks: Mutex::default(),
            pulls: Pulls::default(),
            collector: Arc::new(Collector::new(state_dir.join("logs"), events.clone())),
            events,
            images: Arc::new(Images::new(&state_dir)),
            seen: Arc::default(),
            volumes: state_dir.join("volumes"),
            endings: TaskTracker::new(),
        }
    }

    /// A task's output as the engine has kept it, for tasks whose output is not collected: the last `tail` messages (all
    /// where there is none), and with `follow` whatever comes, until the container ends.
    ///
    /// # Errors
    /// [`Error::TaskNotFound`]; the engine does not answer, or its log driver cannot be read back.
    pub async fn logs(&self, id: &str, tail: Option<u64>, follow: bool) -> Result<BoxStream<Result<Frame>>> {
        let info = self.task(id)?.info.clone();
        let unreadable = |error| Error::recoverable("cannot read the container's output").because(error);
        let container = info.engine.inspect(&info.container).await.map_err(unreadable)?;
        let query = LogQuery {
            follow,
            tail,
            ..LogQuery::default()
        };
        let stream = info.engine.logs(&info.container, &query).await.map_err(unreadable)?;
        let state = (stream, Demux::default(), container.tty);
        Ok(Box::pin(futures_util::stream::unfold(
            state,
            |(mut stream, mut frames, tty)| async move {
                loop {
                    if let Some(frame) = frames.next_frame() {
                        return Some((Ok(frame), (stream, frames, tty)));
                    }
                    let mut chunk = bytes::BytesMut::with_capacity(32 * 1024);
                    match stream.read_buf(&mut chunk).await {
                        Ok(0) | Err(_) => return None,
                        Ok(_) if tty => {
                            let frame = Frame {
                                stderr: false,
                                payload: chunk,
                            };
                            return Some((Ok(frame), (stream, frames, tty)));
                        }
                        Ok(_) => frames.feed(&chunk),
                    }
                }
            },
        )))
    }

    fn settings(&self) -> Settings {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, HashMap<String, Slot>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn task(&self, id: &str) -> Result<Arc<Task>> {
        match self.slots().get(id) {
            Some(Slot::Task(task)) => Ok(Arc::clone(task)),
            _ => Err(Error::TaskNotFound(id.to_owned())),
        }
    }
}

impl std::fmt::Debug for Docker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Docker")
            .field("tasks", &self.slots().len())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Plugin for Docker {
    fn info(&self) -> PluginInfo {
        PluginInfo::driver("docker", env!("CARGO_PKG_VERSION"))
    }

    fn config_schema(&self) -> Spec {
        PluginOptions::spec()
    }

    /// Tasks that run keep the engine that they were started on.
    async fn set_config(&self, config: PluginConfig) -> Result<(), ConfigError> {
        let options = PluginOptions::from_value(config.config)?;
        let mut settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let endpoint = options.endpoint.as_deref().filter(|endpoint| !endpoint.is_empty());
        settings.engine = match endpoint {
            Some(endpoint) => {
                let engine = settings.given.at(endpoint);
                engine.map_err(|error| ConfigError::new("endpoint", error.to_string()))?
            }
            None => Arc::clone(&settings.given),
        };
        settings.options = options;
        settings.topology = config.topology;
        Ok(())
    }
}
