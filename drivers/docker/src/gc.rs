//! Removing images that the driver pulled, once no task of its uses them.
//!
//! What was pulled is kept on disk, so that a restart forgets nothing; who uses it is learnt from the tasks that are
//! taken back. Images that were here before, or that somebody else still uses, are never touched: nothing is forced.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::engine::{Engine, EngineError, EngineResult};

const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(3);

/// Which images are ours to remove, and who uses them.
#[derive(Debug)]
pub(crate) struct Images {
    file: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Image id to the references that it was pulled by.
    pulled: Option<BTreeMap<String, BTreeSet<String>>>,
    /// Image id to the tasks that use it.
    users: HashMap<String, HashSet<String>>,
}

impl Images {
    pub(crate) fn new(state_dir: &std::path::Path) -> Self {
        Self {
            file: state_dir.join("images.json"),
            inner: Mutex::default(),
        }
    }

    pub(crate) fn used(&self, image: &str, task: &str) {
        let mut inner = self.lock();
        inner.users.entry(image.to_owned()).or_default().insert(task.to_owned());
    }

    pub(crate) fn pulled(&self, image: &str, reference: &str) {
        let mut inner = self.lock();
        let pulled = inner.pulled.get_or_insert_with(|| self.load());
        if pulled.entry(image.to_owned()).or_default().insert(reference.to_owned()) {
            // Made here only: a removal that comes late must not bring a directory back that is gone.
            if let Some(dir) = self.file.parent() {
                drop(std::fs::create_dir_all(dir));
            }
            self.store(pulled);
        }
    }

    /// The images that were pulled and that nobody uses.
    pub(crate) fn unused(&self) -> Vec<String> {
        let mut inner = self.lock();
        let pulled: Vec<String> = inner
            .pulled
            .get_or_insert_with(|| self.load())
            .keys()
            .cloned()
            .collect();
        pulled
            .into_iter()
            .filter(|image| !inner.users.contains_key(image))
            .collect()
    }

    /// Notes that a task uses an image no more, and removes the image after a while if nobody does.
    pub(crate) fn release(self: &Arc<Self>, engine: Arc<dyn Engine>, image: &str, task: &str, delay: Duration) {
        {
            let mut inner = self.lock();
            if let Some(users) = inner.users.get_mut(image) {
                users.remove(task);
                if users.is_empty() {
                    inner.users.remove(image);
                }
            }
        }
        self.remove_later(engine, image.to_owned(), delay);
    }

    /// Removes an image after a while, if nobody uses it then.
    pub(crate) fn remove_later(self: &Arc<Self>, engine: Arc<dyn Engine>, image: String, delay: Duration) {
        if !self.unused().contains(&image) {
            return;
        }
        let images = Arc::clone(self);
        drop(tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            for _ in 0..ATTEMPTS {
                if images.try_remove(&*engine, &image).await {
                    return;
                }
                tokio::time::sleep(PAUSE).await;
            }
            tracing::warn!(image, "an image that is not used any more cannot be removed");
        }));
    }

    /// Whether there is nothing left to try.
    async fn try_remove(&self, engine: &dyn Engine, image: &str) -> bool {
        if !self.unused().iter().any(|unused| unused == image) {
            return true;
        }
        let references = self
            .lock()
            .pulled
            .as_ref()
            .and_then(|pulled| pulled.get(image).cloned());
        match remove(engine, image, &references.unwrap_or_default()).await {
            // In a conflict somebody else's container uses it: it is theirs now.
            Ok(()) | Err(EngineError::NotFound(_) | EngineError::Conflict(_)) => {}
            Err(error) => {
                tracing::debug!(%error, image, "image not removed");
                return false;
            }
        }
        let mut inner = self.lock();
        if let Some(pulled) = &mut inner.pulled {
            pulled.remove(image);
            self.store(pulled);
        }
        true
    }

    fn load(&self) -> BTreeMap<String, BTreeSet<String>> {
        let text = std::fs::read(&self.file).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    fn store(&self, pulled: &BTreeMap<String, BTreeSet<String>>) {
        let write = || {
            let next = self.file.with_extension("next");
            std::fs::write(&next, serde_json::to_vec(pulled)?)?;
            std::fs::rename(&next, &self.file)
        };
        if let Err(error) = write() {
            tracing::warn!(%error, "cannot record which images were pulled; they are not removed after a restart");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes an image by those of the references that it was pulled by that still mean it. One whose tags have all moved on
/// has no name left and is removed by its id.
async fn remove(engine: &dyn Engine, image: &str, references: &BTreeSet<String>) -> EngineResult<()> {
    for reference in references {
        match engine.image(reference).await {
            Ok(found) if found.id == image => engine.remove_image(reference).await?,
            Ok(_) | Err(EngineError::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    if engine.image(image).await?.tags.is_empty() {
        engine.remove_image(image).await?;
    }
    Ok(())
}
