//! Creating and starting a container so that it exists once, whatever the engine says on the way.

use std::sync::Arc;
use std::time::Duration;

use encamp_driver::{Error, Result};

use crate::container::{ALLOC_LABEL, TASK_ID_LABEL, TASK_LABEL, is_made_for};
use crate::engine::{Container, ContainerSpec, Engine, EngineError};

/// Attempts at each step, and the pause after the first; it doubles.
const ATTEMPTS: u32 = 6;
const PAUSE: Duration = Duration::from_millis(100);
/// How long a container that may still turn up is looked for after a failure, and how often.
const SWEEPS: u32 = 10;
const SWEEP: Duration = Duration::from_secs(6);

/// Creates the container `name` and starts it; a container that an earlier call for the same task id made is taken up.
///
/// # Errors
/// After a failure nothing of the container is left; where the engine cannot say, it is looked for until it can.
pub(crate) async fn start(engine: &Arc<dyn Engine>, name: &str, spec: &ContainerSpec) -> Result<Container> {
    let started = match create(engine, name, spec).await {
        Ok(id) => run(engine, &id).await,
        Err(error) => Err(error),
    };
    if started.is_err() {
        clean_up(engine, spec).await;
    }
    started
}

async fn create(engine: &Arc<dyn Engine>, name: &str, spec: &ContainerSpec) -> Result<String> {
    let mut last = None;
    for attempt in 0..ATTEMPTS {
        match engine.create(name, spec).await {
            Ok(id) => return Ok(id),
            Err(EngineError::Conflict(_)) => match holder(engine, name, spec).await? {
                Holder::Own(id) => return Ok(id),
                Holder::Earlier(id) => {
                    tracing::info!(
                        container = name,
                        "an earlier attempt's container is in the way and removed"
                    );
                    last = engine.remove(&id).await.err();
                }
                Holder::Gone => {}
            },
            Err(error) if error.is_ambiguous() => {
                // It may have been made all the same, under a name that the next attempt needs.
                if let Ok(Some(id)) = own(engine, spec).await {
                    return Ok(id);
                }
                last = Some(error);
            }
            Err(error @ EngineError::NotFound(_)) => {
                return Err(Error::recoverable("the image vanished before the container was made").because(error));
            }
            Err(error) => return Err(Error::fatal("the engine refuses to make the container").because(error)),
        }
        tokio::time::sleep(PAUSE * 2_u32.pow(attempt)).await;
    }
    let text = format!("container `{name}` could not be made in {ATTEMPTS} attempts");
    Err(match last {
        Some(error) => Error::recoverable(text).because(error),
        None => Error::recoverable(text),
    })
}

/// Who has a name.
enum Holder {
    /// This very task, by an earlier call or one whose answer was lost.
    Own(String),
    /// An earlier attempt of the task, or a leftover of another agent's.
    Earlier(String),
    Gone,
}

async fn holder(engine: &Arc<dyn Engine>, name: &str, spec: &ContainerSpec) -> Result<Holder> {
    let found = match engine.inspect(name).await {
        Ok(found) => found,
        Err(EngineError::NotFound(_)) => return Ok(Holder::Gone),
        Err(error) => return Err(Error::recoverable(format!("cannot look at container `{name}`")).because(error)),
    };
    let same = |label: &str| found.labels.get(label) == spec.labels.get(label);
    if found.state.status == "removing" {
        return Ok(Holder::Gone);
    }
    if spec
        .labels
        .get(TASK_ID_LABEL)
        .is_some_and(|task_id| is_made_for(&found, task_id))
    {
        return Ok(Holder::Own(found.id));
    }
    let same_task = same(TASK_LABEL) || !found.labels.contains_key(TASK_LABEL);
    if same(ALLOC_LABEL) && same_task {
        return Ok(Holder::Earlier(found.id));
    }
    Err(Error::fatal(format!(
        "the name `{name}` is taken by a container that is not this task's; remove or rename it"
    )))
}

/// The container that was made for this start, whatever its name.
async fn own(engine: &Arc<dyn Engine>, spec: &ContainerSpec) -> Result<Option<String>, EngineError> {
    let Some(task_id) = spec.labels.get(TASK_ID_LABEL) else {
        return Ok(None);
    };
    Ok(made_for(&**engine, task_id).await?.into_iter().next())
}

/// The containers that were made for a start.
pub(crate) async fn made_for(engine: &dyn Engine, task_id: &str) -> Result<Vec<String>, EngineError> {
    let mut ours = Vec::new();
    for id in engine.find(TASK_ID_LABEL, task_id).await? {
        match engine.inspect(&id).await {
            Ok(found) if is_made_for(&found, task_id) => ours.push(found.id),
            Ok(_) | Err(EngineError::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(ours)
}

async fn run(engine: &Arc<dyn Engine>, id: &str) -> Result<Container> {
    let mut last = None;
    for attempt in 0..ATTEMPTS {
        // The truth first: it may run, or have run, by an earlier call.
        match engine.inspect(id).await {
            Ok(found) if has_started(&found) => return Ok(found),
            Ok(found) if matches!(found.state.status.as_str(), "dead" | "removing") => {
                return Err(Error::recoverable("the container is being removed by somebody else"));
            }
            Ok(_) => {}
            Err(error @ EngineError::NotFound(_)) => {
                return Err(Error::recoverable("the container was removed before it started").because(error));
            }
            Err(error) => {
                last = Some(error);
                tokio::time::sleep(PAUSE * 2_u32.pow(attempt)).await;
                continue;
            }
        }
        match engine.start(id).await {
            Ok(()) => continue,
            Err(error) if error.is_ambiguous() || matches!(error, EngineError::Conflict(_)) => {
                if is_final(&error) {
                    return Err(Error::fatal("the container cannot be started").because(error));
                }
                last = Some(error);
            }
            Err(error @ EngineError::NotFound(_)) => {
                return Err(Error::recoverable("the container cannot be started").because(error));
            }
            Err(error) => return Err(Error::fatal("the container cannot be started").because(error)),
        }
        tokio::time::sleep(PAUSE * 2_u32.pow(attempt)).await;
    }
    let text = "the container did not start";
    Err(match last {
        Some(error) => Error::recoverable(text).because(error),
        None => Error::recoverable(text),
    })
}

/// Whether the container runs or has run. One that could not be started keeps its status `created`.
fn has_started(found: &Container) -> bool {
    let began = found.state.started_at.is_some() && found.state.status != "created";
    found.state.running || began
}

/// The engine's own failures that no later attempt will cure: the job asks for something that is not there.
fn is_final(error: &EngineError) -> bool {
    const FINAL: [&str; 4] = [
        "executable file not found",
        "no such file or directory: unknown",
        "permission denied: unknown",
        "unable to find user",
    ];
    let text = error.to_string();
    FINAL.iter().any(|end| text.contains(end))
}

/// Removes what was made for this start. If the engine does not answer, the search goes on in the background: a call that
/// was given up may still make its container.
async fn clean_up(engine: &Arc<dyn Engine>, spec: &ContainerSpec) {
    let Some(task_id) = spec.labels.get(TASK_ID_LABEL).cloned() else {
        return;
    };
    if sweep(engine, &task_id).await.is_ok() {
        return;
    }
    let engine = Arc::clone(engine);
    drop(tokio::spawn(async move {
        for _ in 0..SWEEPS {
            tokio::time::sleep(SWEEP).await;
            if sweep(&engine, &task_id).await.is_ok() {
                return;
            }
        }
        tracing::warn!(
            task = task_id,
            "cannot tell whether a failed start left a container behind"
        );
    }));
}

async fn sweep(engine: &Arc<dyn Engine>, task_id: &str) -> Result<(), EngineError> {
    for id in made_for(&**engine, task_id).await? {
        engine.remove(&id).await?;
    }
    Ok(())
}
