//! The real engine, over its Unix socket.

mod convert;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bollard::auth::DockerCredentials;
use bollard::models::{ContainerCreateBody, ExecConfig};
use bollard::query_parameters as query;
use bollard::{BollardRequest, ClientVersion, Docker};
use encamp_driver::{BoxStream, TerminalSize};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;

use super::{
    Container, ContainerSpec, Engine, EngineError, EngineInfo, EngineResult, ExecSession, ExecSpec, ExecState, Image,
    LogQuery, PullProgress, RawRead, RegistryAuth, StatsSample, raw,
};

const DEFAULT_SOCKET: &str = "unix:///var/run/docker.sock";
/// A probe is answered in this time or the engine is not well.
const PROBE: Duration = Duration::from_secs(5);
/// Calls that only look something up.
const LOOK: Duration = Duration::from_secs(20);
/// Calls that change something; creating unpacks nothing, but disks can be slow.
const CHANGE: Duration = Duration::from_mins(2);
/// The newest API whose bodies we know.
const NEWEST_API: ClientVersion = ClientVersion {
    major_version: 1,
    minor_version: 53,
};

/// A Docker Engine behind a Unix socket.
///
/// ```
/// use encamp_docker::BollardEngine;
///
/// assert!(BollardEngine::connect(Some("unix:///run/docker.sock")).is_ok());
/// assert!(BollardEngine::connect(Some("tcp://10.0.0.1:2375")).is_err());
/// ```
#[derive(Clone, Debug)]
pub struct BollardEngine {
    socket: PathBuf,
    /// The API version that both sides know, once somebody asked.
    api: Arc<Mutex<Option<String>>>,
}

impl BollardEngine {
    /// An engine at `endpoint` (`unix:///path`), or at the usual place. Nothing is connected yet, so an engine that
    /// comes up later is fine.
    ///
    /// # Errors
    /// [`EngineError::Endpoint`] for anything but a Unix socket.
    pub fn connect(endpoint: Option<&str>) -> EngineResult<Self> {
        let endpoint = endpoint.filter(|text| !text.is_empty()).unwrap_or(DEFAULT_SOCKET);
        let refuse = |reason: &str| EngineError::Endpoint {
            endpoint: endpoint.to_owned(),
            reason: reason.to_owned(),
        };
        let path = endpoint
            .strip_prefix("unix://")
            .ok_or_else(|| refuse("only local engines work; give `unix:///path/to/docker.sock`"))?;
        if !path.starts_with('/') {
            return Err(refuse(
                "the socket's path must be absolute, as in `unix:///var/run/docker.sock`",
            ));
        }
        Ok(Self {
            socket: PathBuf::from(path),
            api: Arc::default(),
        })
    }

    /// A client whose requests carry the agreed API version.
    async fn client(&self) -> EngineResult<Docker> {
        let api = self.api_version().await?;
        Ok(self.bare()?.with_request_modifier(move |request| adjust(request, &api)))
    }

    fn bare(&self) -> EngineResult<Docker> {
        // Deadlines are ours; the library's own must never be the shorter one.
        Docker::connect_with_unix(&self.socket.to_string_lossy(), u64::from(u32::MAX), &NEWEST_API)
            .map_err(|error| convert::error("connect", error))
    }

    async fn api_version(&self) -> EngineResult<String> {
        let known = self.agreed().clone();
        if let Some(version) = known {
            return Ok(version);
        }
        let version = within("version", PROBE, async {
            self.bare()?.version().await.map_err(|e| convert::error("version", e))
        })
        .await?;
        let agreed = convert::agreed_api(version.api_version.as_deref(), &NEWEST_API);
        *self.agreed() = Some(agreed.clone());
        Ok(agreed)
    }

    fn agreed(&self) -> MutexGuard<'_, Option<String>> {
        self.api.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn target(&self, path: &str) -> EngineResult<String> {
        Ok(format!("/v{}{path}", self.api_version().await?))
    }
}

/// Puts the API version in front of the path, which the library leaves out, and makes its credentials header URL-safe,
/// as the engine reads it.
fn adjust(mut request: BollardRequest, api: &str) -> BollardRequest {
    let uri = request.uri().clone();
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = format!("/v{api}{target}").parse().ok();
    if let Ok(uri) = parts.try_into() {
        *request.uri_mut() = uri;
    }
    if let Some(header) = request.headers_mut().get_mut("X-Registry-Auth") {
        let safe = header.to_str().map(|text| text.replace('+', "-").replace('/', "_"));
        if let Some(value) = safe.ok().and_then(|text| text.parse().ok()) {
            *header = value;
            header.set_sensitive(true);
        }
    }
    request
}

async fn within<T>(
    call: &'static str,
    after: Duration,
    work: impl Future<Output = EngineResult<T>>,
) -> EngineResult<T> {
    tokio::time::timeout(after, work)
        .await
        .map_err(|_| EngineError::Timeout { call, after })?
}

async fn drain<T>(
    call: &'static str,
    stream: impl Stream<Item = Result<T, bollard::errors::Error>>,
) -> EngineResult<()> {
    let mut stream = std::pin::pin!(stream);
    while let Some(item) = stream.next().await {
        item.map_err(|error| convert::error(call, error))?;
    }
    Ok(())
}

#[async_trait]
impl Engine for BollardEngine {
    fn at(&self, endpoint: &str) -> EngineResult<Arc<dyn Engine>> {
        Ok(Arc::new(Self::connect(Some(endpoint))?))
    }

    async fn info(&self) -> EngineResult<EngineInfo> {
        let info = within("info", PROBE, async {
            let info = self.client().await?.info().await;
            Ok(convert::info(info.map_err(|e| convert::error("info", e))?))
        })
        .await;
        if info.is_err() {
            // Whoever answers next may speak another version.
            *self.agreed() = None;
        }
        info
    }

    async fn sees_our_mounts(&self) -> bool {
        let same = async {
            let peer = UnixStream::connect(&self.socket).await.ok()?.peer_cred().ok()?.pid()?;
            let namespace = |process: &str| std::fs::read_link(format!("/proc/{process}/ns/mnt")).ok();
            Some(namespace(&peer.to_string())? == namespace("self")?)
        };
        let answered = tokio::time::timeout(PROBE, same).await;
        answered.ok().flatten().unwrap_or_default()
    }

    async fn bridge_gateway(&self) -> EngineResult<Option<String>> {
        within("networks", PROBE, async {
            let networks = self
                .client()
                .await?
                .list_networks(None::<query::ListNetworksOptions>)
                .await;
            Ok(convert::bridge_gateway(
                networks.map_err(|e| convert::error("networks", e))?,
            ))
        })
        .await
    }

    async fn image(&self, reference: &str) -> EngineResult<Image> {
        within("image inspect", LOOK, async {
            let image = self.client().await?.inspect_image(reference).await;
            Ok(convert::image(image.map_err(|e| convert::error("image inspect", e))?))
        })
        .await
    }

    async fn pull(
        &self,
        reference: &str,
        auth: Option<&RegistryAuth>,
    ) -> EngineResult<BoxStream<EngineResult<PullProgress>>> {
        let credentials = auth.map(|auth| DockerCredentials {
            username: Some(auth.username.clone()),
            password: Some(auth.password.clone()),
            serveraddress: Some(auth.server_address.clone()),
            ..DockerCredentials::default()
        });
        let options = query::CreateImageOptionsBuilder::default().from_image(reference);
        // The engine takes a name alone for all of its tags.
        let options = if convert::names_one_image(reference) {
            options.build()
        } else {
            options.tag("latest").build()
        };
        let stream = self.client().await?.create_image(Some(options), None, credentials);
        Ok(Box::pin(stream.map(|item| match item {
            Ok(progress) => Ok(convert::progress(progress)),
            Err(error) => Err(convert::error("pull", error)),
        })))
    }

    async fn load(&self, archive: &Path) -> EngineResult<()> {
        let unreadable = |error: std::io::Error| EngineError::Stream(format!("{}: {error}", archive.display()));
        let file = tokio::fs::File::open(archive).await.map_err(unreadable)?;
        let chunks = futures_util::stream::try_unfold(file, |mut file| async move {
            let mut chunk = bytes::BytesMut::with_capacity(256 * 1024);
            let read = file.read_buf(&mut chunk).await?;
            Ok::<_, std::io::Error>((read > 0).then(|| (chunk.freeze(), file)))
        });
        let options = query::ImportImageOptionsBuilder::default().quiet(true).build();
        drain("load", self.client().await?.import_image_stream(options, chunks, None)).await
    }

    async fn remove_image(&self, reference: &str) -> EngineResult<()> {
        within("image remove", CHANGE, async {
            let removed = self
                .client()
                .await?
                .remove_image(reference, None::<query::RemoveImageOptions>, None)
                .await;
            removed.map(drop).map_err(|e| convert::error("image remove", e))
        })
        .await
    }

    async fn create(&self, name: &str, spec: &ContainerSpec) -> EngineResult<String> {
        let body: ContainerCreateBody = convert::create_body(spec)?;
        let options = query::CreateContainerOptionsBuilder::default().name(name).build();
        within("create", CHANGE, async {
            let created = self.client().await?.create_container(Some(options), body).await;
            Ok(created.map_err(|e| convert::error("create", e))?.id)
        })
        .await
    }

    async fn start(&self, id: &str) -> EngineResult<()> {
        within("start", CHANGE, async {
            let started = self
                .client()
                .await?
                .start_container(id, None::<query::StartContainerOptions>)
                .await;
            started.map_err(|e| convert::error("start", e))
        })
        .await
    }

    async fn inspect(&self, id: &str) -> EngineResult<Container> {
        within("inspect", LOOK, async {
            let found = self
                .client()
                .await?
                .inspect_container(id, None::<query::InspectContainerOptions>)
                .await;
            Ok(convert::container(found.map_err(|e| convert::error("inspect", e))?))
        })
        .await
    }

    async fn wait(&self, id: &str) -> EngineResult<i64> {
        use bollard::errors::Error::DockerContainerWaitError;
        let options = query::WaitContainerOptionsBuilder::default()
            .condition("not-running")
            .build();
        let stream = self.client().await?.wait_container(id, Some(options));
        match std::pin::pin!(stream).next().await {
            Some(Ok(answer)) => Ok(answer.status_code),
            // The library calls every other status than 0 an error.
            Some(Err(DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(error)) => Err(convert::error("wait", error)),
            None => Err(EngineError::Unreachable("connection closed during wait".to_owned())),
        }
    }

    async fn kill(&self, id: &str, signal: &str) -> EngineResult<()> {
        let options = query::KillContainerOptionsBuilder::default().signal(signal).build();
        within("kill", LOOK, async {
            let killed = self.client().await?.kill_container(id, Some(options)).await;
            killed.map_err(|e| convert::error("kill", e))
        })
        .await
    }

    async fn remove(&self, id: &str) -> EngineResult<()> {
        let options = query::RemoveContainerOptionsBuilder::default()
            .force(true)
            .v(true)
            .build();
        within("remove", CHANGE, async {
            let removed = self.client().await?.remove_container(id, Some(options)).await;
            match removed.map_err(|e| convert::error("remove", e)) {
                Err(EngineError::NotFound(_)) => Ok(()),
                other => other,
            }
        })
        .await
    }

    async fn find(&self, label: &str, value: &str) -> EngineResult<Vec<String>> {
        let filters = [("label".to_owned(), vec![format!("{label}={value}")])].into();
        let options = query::ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&filters)
            .build();
        within("list", LOOK, async {
            let found = self.client().await?.list_containers(Some(options)).await;
            let found = found.map_err(|e| convert::error("list", e))?;
            Ok(found.into_iter().filter_map(|container| container.id).collect())
        })
        .await
    }

    async fn stats(&self, id: &str) -> EngineResult<BoxStream<EngineResult<StatsSample>>> {
        let options = query::StatsOptionsBuilder::default().stream(true).build();
        let stream = self.client().await?.stats(id, Some(options));
        Ok(Box::pin(
            stream
                .map_ok(convert::stats)
                .map_err(|error| convert::error("stats", error)),
        ))
    }

    async fn logs(&self, id: &str, query: &LogQuery) -> EngineResult<RawRead> {
        let target = self
            .target(&format!("/containers/{id}/logs?{}", convert::log_query(query)))
            .await?;
        let answer = raw::get(&self.socket, &target).await?;
        Ok(Box::new(std::io::Cursor::new(answer.begun).chain(answer.socket)))
    }

    async fn exec_create(&self, id: &str, spec: &ExecSpec) -> EngineResult<String> {
        let config = ExecConfig {
            attach_stdin: Some(spec.stdin),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(spec.tty),
            cmd: Some(spec.command.clone()),
            ..ExecConfig::default()
        };
        within("exec create", LOOK, async {
            let created = self.client().await?.create_exec(id, config).await;
            Ok(created.map_err(|e| convert::error("exec create", e))?.id)
        })
        .await
    }

    async fn exec_start(&self, exec_id: &str, tty: Option<TerminalSize>) -> EngineResult<ExecSession> {
        let target = self.target(&format!("/exec/{exec_id}/start")).await?;
        let size = tty.map(|size| [size.height, size.width]);
        let body = serde_json::json!({ "Detach": false, "Tty": tty.is_some(), "ConsoleSize": size }).to_string();
        let answer = raw::upgrade(&self.socket, &target, &body).await?;
        let (output, input) = answer.socket.into_split();
        Ok(ExecSession {
            output: Box::new(std::io::Cursor::new(answer.begun).chain(output)),
            input: Box::new(input),
        })
    }

    async fn exec_inspect(&self, exec_id: &str) -> EngineResult<ExecState> {
        within("exec inspect", LOOK, async {
            let state = self.client().await?.inspect_exec(exec_id).await;
            let state = state.map_err(|e| convert::error("exec inspect", e))?;
            Ok(ExecState {
                running: state.running.unwrap_or(false),
                exit_code: state.exit_code,
                pid: state.pid.unwrap_or(0),
            })
        })
        .await
    }

    async fn exec_resize(&self, exec_id: &str, size: TerminalSize) -> EngineResult<()> {
        let options = query::ResizeExecOptionsBuilder::default()
            .h(i32::from(size.height))
            .w(i32::from(size.width))
            .build();
        within("exec resize", LOOK, async {
            let resized = self.client().await?.resize_exec(exec_id, options).await;
            resized.map_err(|e| convert::error("exec resize", e))
        })
        .await
    }
}
