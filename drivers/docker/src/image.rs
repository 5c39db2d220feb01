//! Getting images: local, from an archive, or pulled; one pull serves all who want the same.

mod progress;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use encamp_driver::{Error, Result};
use futures_util::StreamExt as _;
use tokio::sync::{broadcast, watch};
use tokio::task::AbortHandle;

use self::progress::Reporter;
use crate::engine::{Engine, EngineError, Image, PullProgress, RegistryAuth};
use crate::events::{Events, TaskRef};

/// What a task wants to run from.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) reference: String,
    pub(crate) auth: Option<RegistryAuth>,
    /// Pull although it is here.
    pub(crate) force: bool,
    /// It was just loaded from an archive: what is here is what is wanted.
    pub(crate) loaded: bool,
    /// How long the pull may take in all.
    pub(crate) timeout: Duration,
    /// How long it may make no progress.
    pub(crate) activity: Duration,
}

impl Wanted {
    /// Whether it is pulled although it is here.
    fn refresh(&self) -> bool {
        self.force || (is_latest(&self.reference) && !self.loaded)
    }
}

/// The pulls that are under way.
#[derive(Debug, Default)]
pub(crate) struct Pulls(Mutex<HashMap<Key, Weak<Pull>>>);

/// Who asks for the same image with other credentials may not get what these opened.
type Key = (String, Option<RegistryAuth>);

type Outcome = Option<Result<(), Arc<EngineError>>>;

/// A pull; it is given up when nobody waits for it any more.
#[derive(Debug)]
struct Pull {
    progress: broadcast::Sender<PullProgress>,
    outcome: watch::Receiver<Outcome>,
    work: AbortHandle,
}

impl Drop for Pull {
    fn drop(&mut self) {
        self.work.abort();
    }
}

impl Pulls {
    /// The image, pulled if it must be, and whether it was.
    pub(crate) async fn get(
        &self,
        engine: &Arc<dyn Engine>,
        wanted: &Wanted,
        events: &Events,
        task: &TaskRef,
    ) -> Result<(Image, bool)> {
        let before = local(engine, &wanted.reference).await?;
        if let Some(image) = before.clone().filter(|_| !wanted.refresh()) {
            return Ok((image, false));
        }
        let pull = self.join(engine, wanted);
        let mut reporter = Reporter::new(events, task, &wanted.reference);
        let watched = watch_pull(&pull, &mut reporter);
        let failed = match tokio::time::timeout(wanted.timeout, watched).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(failure(&wanted.reference, error)),
            Err(_) => Some(Error::recoverable(format!(
                "image `{}` was not pulled within {:?}; raise `image_pull_timeout` or look at the network",
                wanted.reference, wanted.timeout
            ))),
        };
        match (failed, before) {
            (None, before) => {
                let image = local(engine, &wanted.reference).await?.ok_or_else(|| {
                    let reference = &wanted.reference;
                    Error::recoverable(format!(
                        "image `{reference}` was pulled and is not there; somebody removed it"
                    ))
                })?;
                let ours = before.is_none_or(|before| before.id != image.id);
                Ok((image, ours))
            }
            // A moving tag is wanted fresh; while there is no way to the registry, what is here has to do.
            (Some(error), Some(image)) if !wanted.force && error.is_recoverable() => {
                events.emit(
                    task,
                    format!("image could not be refreshed, the local one is used: {}", error.chain()),
                );
                Ok((image, false))
            }
            (Some(error), _) => Err(error),
        }
    }

    fn join(&self, engine: &Arc<dyn Engine>, wanted: &Wanted) -> Arc<Pull> {
        let key = (wanted.reference.clone(), wanted.auth.clone());
        let mut pulls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pulls.retain(|_, pull| pull.strong_count() > 0);
        let running = pulls.get(&key).and_then(Weak::upgrade);
        if let Some(pull) = running.filter(|pull| pull.outcome.borrow().is_none()) {
            return pull;
        }
        let (progress, _) = broadcast::channel(256);
        let (done, outcome) = watch::channel(None);
        let work = tokio::spawn({
            let (engine, wanted, progress) = (Arc::clone(engine), wanted.clone(), progress.clone());
            async move {
                let result = fetch(&engine, &wanted, &progress).await;
                done.send_replace(Some(result.map_err(Arc::new)));
            }
        });
        let pull = Arc::new(Pull {
            progress,
            outcome,
            work: work.abort_handle(),
        });
        pulls.insert(key, Arc::downgrade(&pull));
        pull
    }
}

async fn local(engine: &Arc<dyn Engine>, reference: &str) -> Result<Option<Image>> {
    match engine.image(reference).await {
        Ok(image) => Ok(Some(image)),
        Err(EngineError::NotFound(_)) => Ok(None),
        Err(error) => Err(Error::recoverable(format!("cannot look for image `{reference}`")).because(error)),
    }
}

/// Pulls, unless an earlier pull brought the image between the look that missed it and now.
async fn fetch(
    engine: &Arc<dyn Engine>,
    wanted: &Wanted,
    progress: &broadcast::Sender<PullProgress>,
) -> Result<(), EngineError> {
    if !wanted.refresh() && engine.image(&wanted.reference).await.is_ok() {
        return Ok(());
    }
    run(engine, wanted, progress).await
}

async fn run(
    engine: &Arc<dyn Engine>,
    wanted: &Wanted,
    progress: &broadcast::Sender<PullProgress>,
) -> Result<(), EngineError> {
    let silent = |_| EngineError::Timeout {
        call: "pull",
        after: wanted.activity,
    };
    let begun = engine.pull(&wanted.reference, wanted.auth.as_ref());
    let mut stream = tokio::time::timeout(wanted.activity, begun).await.map_err(silent)??;
    loop {
        let next = tokio::time::timeout(wanted.activity, stream.next());
        let Some(message) = next.await.map_err(silent)? else {
            return Ok(());
        };
        // Nobody listening is fine.
        drop(progress.send(message?));
    }
}

async fn watch_pull(pull: &Pull, reporter: &mut Reporter<'_>) -> Result<(), Arc<EngineError>> {
    let mut progress = pull.progress.subscribe();
    let mut outcome = pull.outcome.clone();
    loop {
        tokio::select! {
            biased;
            message = progress.recv() => if let Ok(message) = message {
                reporter.layer(&message);
            },
            done = outcome.wait_for(Option::is_some) => {
                while let Ok(message) = progress.try_recv() {
                    reporter.layer(&message);
                }
                return match done.map(|done| done.clone()) {
                    Ok(Some(outcome)) => outcome,
                    _ => Err(Arc::new(EngineError::Stream("the pull was given up".to_owned()))),
                };
            }
        }
    }
}

/// What failed for good and what a later attempt may not meet again.
fn failure(reference: &str, error: Arc<EngineError>) -> Error {
    let text = if is_refusal(&error) {
        format!("image `{reference}` cannot be pulled with these credentials; check the task's `auth` block")
    } else {
        format!("image `{reference}` cannot be pulled")
    };
    if is_final(&error) {
        Error::fatal(text)
    } else {
        Error::recoverable(text)
    }
    .because(error)
}

/// What registries and the engine say where credentials are missing, wrong or not enough.
const REFUSALS: [&str; 5] = [
    "unauthorized",
    "authentication required",
    "no basic auth credentials",
    "incorrect username or password",
    "access denied",
];

fn is_refusal(error: &EngineError) -> bool {
    let text = error.to_string().to_lowercase();
    REFUSALS.iter().any(|refusal| text.contains(refusal))
}

fn is_final(error: &EngineError) -> bool {
    const FINAL: [&str; 5] = [
        "manifest unknown",
        "not found",
        "does not exist",
        "no matching manifest",
        "invalid reference format",
    ];
    match error {
        EngineError::NotFound(_) | EngineError::Unsupported(_) => true,
        EngineError::Unreachable(_) | EngineError::Timeout { .. } | EngineError::Api { status: 429, .. } => false,
        other => {
            let text = other.to_string().to_lowercase();
            let limited = text.contains("toomanyrequests") || text.contains("dial tcp") || text.contains("lookup ");
            !limited && (is_refusal(other) || FINAL.iter().any(|end| text.contains(end)))
        }
    }
}

/// Whether the reference names a tag that moves by custom: `latest`, said or unsaid.
fn is_latest(reference: &str) -> bool {
    if reference.contains('@') {
        return false;
    }
    let name = reference.rsplit('/').next().unwrap_or(reference);
    name.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_latest_moves() {
        for moving in ["redis", "redis:latest", "host:5000/redis", "host:5000/a/redis:latest"] {
            assert!(is_latest(moving), "{moving}");
        }
        for fixed in [
            "redis:7",
            "host:5000/redis:7",
            "redis@sha256:00",
            "redis:latest@sha256:00",
        ] {
            assert!(!is_latest(fixed), "{fixed}");
        }
    }

    #[track_caller]
    fn check(error: EngineError, recoverable: bool) {
        let failure = failure("x", Arc::new(error));
        assert_eq!(failure.is_recoverable(), recoverable, "{}", failure.chain());
    }

    #[test]
    fn a_missing_image_is_final_and_a_missing_network_is_not() {
        let stream = |text: &str| EngineError::Stream(text.to_owned());
        check(EngineError::NotFound("pull access denied for x".into()), false);
        check(stream("manifest for x:1 not found: manifest unknown"), false);
        check(
            EngineError::from_status(500, "unauthorized: authentication required".into()),
            false,
        );
        check(
            EngineError::from_status(
                500,
                "Head \"http://r/v2/x/manifests/1\": no basic auth credentials".into(),
            ),
            false,
        );
        check(EngineError::from_status(400, "invalid reference format".into()), false);
        check(
            EngineError::from_status(500, "Get https://r/v2/: dial tcp: lookup r: no such host".into()),
            true,
        );
        check(
            EngineError::from_status(500, "toomanyrequests: You have reached your pull rate limit".into()),
            true,
        );
        check(stream("unexpected EOF"), true);
        check(EngineError::Unreachable("connection refused".into()), true);
        let after = Duration::from_secs(1);
        check(EngineError::Timeout { call: "pull", after }, true);
    }
}
