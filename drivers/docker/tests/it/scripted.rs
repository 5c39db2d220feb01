//! An engine that does what a script says: for failures that a real one does not produce on demand.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use encamp_docker::{
    Container, ContainerSpec, Engine, EngineError, EngineInfo, EngineResult, ExecSession, ExecSpec, ExecState, Image,
    LogQuery, PullProgress, RawRead, RegistryAuth, StatsSample,
};
use encamp_driver::{BoxStream, TerminalSize};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::{Notify, Semaphore};

/// What becomes of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The engine does it and then says that it failed.
    FailsAfterwards,
    /// It does nothing and says that it failed.
    Fails,
    /// It does it and never answers, so that the deadline strikes.
    DoneInSilence,
    /// Nobody is there.
    Refused,
    /// What is asked for turns up only after the answer.
    NotYet,
}

#[derive(Default)]
struct State {
    containers: BTreeMap<String, Container>,
    faults: HashMap<&'static str, VecDeque<Fault>>,
    calls: Vec<String>,
    pulls: VecDeque<EngineResult<PullProgress>>,
    image_here: bool,
    output: Vec<u8>,
}

/// The engine. Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Scripted {
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
    pull_gate: Arc<Notify>,
    output_gate: Arc<OutputGate>,
}

/// Closed until it is opened.
struct OutputGate(Semaphore);

impl Default for OutputGate {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

impl Scripted {
    pub(crate) fn with_image() -> Self {
        let scripted = Self::default();
        scripted.state.lock().unwrap().image_here = true;
        scripted
    }

    /// The next calls of this name meet these faults, one each.
    pub(crate) fn faults(&self, call: &'static str, faults: &[Fault]) {
        self.state
            .lock()
            .unwrap()
            .faults
            .entry(call)
            .or_default()
            .extend(faults);
    }

    pub(crate) fn pulls(&self, messages: Vec<EngineResult<PullProgress>>) {
        self.state.lock().unwrap().pulls = messages.into();
    }

    /// Lets a pull that is under way go on.
    pub(crate) fn let_pull_go_on(&self) {
        self.pull_gate.notify_one();
    }

    /// What containers write: one message on standard output, which is held back at first.
    pub(crate) fn output(&self, text: &str) {
        let message = format!("2026-01-02T03:04:05.000000001Z {text}");
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        self.state.lock().unwrap().output = [&[1, 0, 0, 0], &length[..], message.as_bytes()].concat();
    }

    /// Lets the output come.
    pub(crate) fn let_output_come(&self) {
        self.output_gate.0.add_permits(1000);
    }

    pub(crate) fn calls(&self, name: &str) -> usize {
        self.state
            .lock()
            .unwrap()
            .calls
            .iter()
            .filter(|call| *call == name)
            .count()
    }

    pub(crate) fn containers(&self) -> Vec<Container> {
        self.state.lock().unwrap().containers.values().cloned().collect()
    }

    /// Ends the only container.
    pub(crate) fn end(&self, code: i64) {
        let mut state = self.state.lock().unwrap();
        let container = state.containers.values_mut().next().unwrap();
        container.state.running = false;
        "exited".clone_into(&mut container.state.status);
        container.state.exit_code = code;
        drop(state);
        self.changed.notify_waiters();
    }

    fn meet<T>(&self, call: &'static str, act: impl FnOnce(&mut State) -> EngineResult<T>) -> EngineResult<T> {
        let fault = {
            let mut state = self.state.lock().unwrap();
            state.calls.push(call.to_owned());
            state.faults.get_mut(call).and_then(VecDeque::pop_front)
        };
        let done = || act(&mut self.state.lock().unwrap());
        let failed = EngineError::from_status(500, format!("{call}: context canceled"));
        match fault {
            None => done(),
            Some(Fault::Fails) => Err(failed),
            Some(Fault::FailsAfterwards) => done().and(Err(failed)),
            Some(Fault::DoneInSilence) => {
                let after = Duration::from_secs(1);
                done().and(Err(EngineError::Timeout { call, after }))
            }
            Some(Fault::NotYet) => Err(missing(call)),
            Some(Fault::Refused) => Err(EngineError::Unreachable("connection refused".to_owned())),
        }
    }
}

fn missing(id: &str) -> EngineError {
    EngineError::from_status(404, format!("No such container or image: {id}"))
}

impl State {
    fn find(&mut self, id: &str) -> EngineResult<&mut Container> {
        let found = self
            .containers
            .values_mut()
            .find(|container| container.id == id || container.name == id);
        found.ok_or_else(|| missing(id))
    }
}

#[async_trait]
impl Engine for Scripted {
    fn at(&self, _endpoint: &str) -> EngineResult<Arc<dyn Engine>> {
        Ok(Arc::new(self.clone()))
    }

    async fn info(&self) -> EngineResult<EngineInfo> {
        self.meet("info", |_| Ok(EngineInfo::default()))
    }

    async fn bridge_gateway(&self) -> EngineResult<Option<String>> {
        Ok(None)
    }

    async fn image(&self, reference: &str) -> EngineResult<Image> {
        let found = |state: &mut State| {
            let image = Image {
                id: "sha256:1".to_owned(),
                ..Image::default()
            };
            let missing = || EngineError::NotFound(format!("No such image: {reference}"));
            state.image_here.then_some(image).ok_or_else(missing)
        };
        self.meet("image", found)
    }

    async fn pull(
        &self,
        _reference: &str,
        _auth: Option<&RegistryAuth>,
    ) -> EngineResult<BoxStream<EngineResult<PullProgress>>> {
        let scripted = self.clone();
        self.meet("pull", |_| Ok(()))?;
        Ok(Box::pin(futures_util::stream::unfold((), move |()| {
            let scripted = scripted.clone();
            async move {
                let next = scripted.state.lock().unwrap().pulls.pop_front();
                if next.is_none() {
                    scripted.pull_gate.notified().await;
                    scripted.state.lock().unwrap().image_here = true;
                }
                next.map(|item| (item, ()))
            }
        })))
    }

    async fn load(&self, _archive: &Path) -> EngineResult<()> {
        self.meet("load", |state| {
            state.image_here = true;
            Ok(())
        })
    }

    async fn remove_image(&self, _reference: &str) -> EngineResult<()> {
        self.meet("remove_image", |state| {
            state.image_here = false;
            Ok(())
        })
    }

    async fn create(&self, name: &str, spec: &ContainerSpec) -> EngineResult<String> {
        let make = |state: &mut State| {
            if state.containers.values().any(|container| container.name == name) {
                return Err(EngineError::Conflict(format!(
                    "The container name {name} is already in use"
                )));
            }
            let id = format!("id{}", state.calls.len());
            let container = Container {
                id: id.clone(),
                name: name.to_owned(),
                image_id: "sha256:1".to_owned(),
                labels: spec.labels.clone(),
                log_driver: "none".to_owned(),
                state: encamp_docker::ContainerState {
                    status: "created".to_owned(),
                    ..Default::default()
                },
                ..Container::default()
            };
            state.containers.insert(id.clone(), container);
            Ok(id)
        };
        self.meet("create", make)
    }

    async fn start(&self, id: &str) -> EngineResult<()> {
        let start = |state: &mut State| {
            let found = &mut state.find(id)?.state;
            found.running = true;
            "running".clone_into(&mut found.status);
            found.started_at = Some(SystemTime::now());
            Ok(())
        };
        self.meet("start", start)
    }

    async fn inspect(&self, id: &str) -> EngineResult<Container> {
        self.meet("inspect", |state| state.find(id).cloned())
    }

    async fn wait(&self, id: &str) -> EngineResult<i64> {
        loop {
            let changed = self.changed.notified();
            let found = self.meet("wait", |state| state.find(id).cloned())?;
            if !found.state.running {
                return Ok(found.state.exit_code);
            }
            changed.await;
        }
    }

    async fn kill(&self, id: &str, signal: &str) -> EngineResult<()> {
        let kill = |state: &mut State| {
            let found = &mut state.find(id)?.state;
            if !found.running {
                return Err(EngineError::Conflict(format!("Container {id} is not running")));
            }
            if signal == "SIGKILL" {
                found.running = false;
                "exited".clone_into(&mut found.status);
                found.exit_code = 137;
            }
            Ok(())
        };
        let killed = self.meet("kill", kill);
        self.changed.notify_waiters();
        killed
    }

    async fn remove(&self, id: &str) -> EngineResult<()> {
        let remove = |state: &mut State| {
            state
                .containers
                .retain(|_, container| container.id != id && container.name != id);
            Ok(())
        };
        let removed = self.meet("remove", remove);
        self.changed.notify_waiters();
        removed
    }

    async fn find(&self, label: &str, value: &str) -> EngineResult<Vec<String>> {
        let find = |state: &mut State| {
            let all = state.containers.values();
            let with = all.filter(|container| container.labels.get(label).is_some_and(|found| found == value));
            Ok(with.map(|container| container.id.clone()).collect())
        };
        self.meet("find", find)
    }

    async fn stats(&self, _id: &str) -> EngineResult<BoxStream<EngineResult<StatsSample>>> {
        Ok(Box::pin(futures_util::stream::pending()))
    }

    async fn logs(&self, id: &str, _query: &LogQuery) -> EngineResult<RawRead> {
        self.meet("logs", |state| state.find(id).map(drop))?;
        let output = self.state.lock().unwrap().output.clone();
        if output.is_empty() {
            return Err(EngineError::Unsupported("scripted".to_owned()));
        }
        let gate = Arc::clone(&self.output_gate);
        let (mut to, from) = tokio::io::duplex(1024);
        tokio::spawn(async move {
            gate.0.acquire().await.unwrap().forget();
            to.write_all(&output).await
        });
        Ok(Box::new(from))
    }

    async fn exec_create(&self, _id: &str, _spec: &ExecSpec) -> EngineResult<String> {
        Err(EngineError::Unsupported("scripted".to_owned()))
    }

    async fn exec_start(&self, _exec_id: &str, _tty: Option<TerminalSize>) -> EngineResult<ExecSession> {
        Err(EngineError::Unsupported("scripted".to_owned()))
    }

    async fn exec_inspect(&self, _exec_id: &str) -> EngineResult<ExecState> {
        Err(EngineError::Unsupported("scripted".to_owned()))
    }

    async fn exec_resize(&self, _exec_id: &str, _size: TerminalSize) -> EngineResult<()> {
        Err(EngineError::Unsupported("scripted".to_owned()))
    }
}
