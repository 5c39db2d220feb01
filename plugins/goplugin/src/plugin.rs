//! The plugin's end: from the environment that the host gives to the last call that it makes.

use std::collections::BTreeMap;
use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tonic::service::{Routes, RoutesBuilder};

pub use self::environment::Environment;
use self::environment::Offer;
use self::process::Stdio;
use crate::address::Address;
use crate::broker::{Broker, Outgoing};
use crate::handshake::{Cookie, Handshake, var};
use crate::listener::{self, ListenError, Listener};
use crate::security::Security;
use crate::server::{self, Signals, Source};

mod controller;
mod environment;
mod process;
#[cfg(feature = "reflection")]
mod reflection;
mod services;
mod stdio;

/// Why a plugin does not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// There is no host: a person has started the program.
    #[error(
        "this program is a plugin, and is not meant to be started by hand\n\
         Start the program that uses it; it loads its plugins itself"
    )]
    NoHost,
    /// The cookie's key or value is empty.
    #[error("this plugin has no cookie that it could know its host by: please tell its author")]
    NoCookie,
    /// No version was given.
    #[error("this plugin serves no version of its protocol: please tell its author")]
    NoVersion,
    /// There is nothing to listen on.
    #[error("cannot listen for the host")]
    Listen(#[from] ListenError),
    /// The host asks for certificates, and its own cannot be used, or none are known here.
    #[error("cannot secure the connection as the host asks: {0}")]
    Security(String),
    /// The handshake cannot be told to the host.
    #[error("cannot tell the host where to connect")]
    Handshake(#[source] std::io::Error),
    /// Standard output and error cannot be taken over, or signals not be caught.
    #[error("cannot take over {what}")]
    Process {
        /// What.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
}

/// What a plugin's services may use of the protocol.
#[derive(Clone, Debug)]
pub struct Context {
    broker: Broker,
    version: u32,
    stopping: CancellationToken,
}

impl Context {
    /// More connections to and from the host.
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// The version of the application's protocol that was agreed on.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Becomes ready when the plugin is told to end. Streams that are open then are cut a moment later.
    pub fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }
}

type Services = Box<dyn FnOnce(&mut RoutesBuilder, &Context) + Send>;

/// Where a plugin listens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// A unix socket that only the host's user (and a group that the host names) can connect to.
    #[default]
    Unix,
    /// A port of this machine within the range that the host gives. Every local user can connect to it: use it with
    /// AutoMTLS, which the host has to ask for.
    Tcp,
}

/// A plugin: what it serves, and how it knows its host.
///
/// ```no_run
/// # use std::process::ExitCode;
/// use encamp_goplugin::{Cookie, Server};
///
/// # #[derive(Clone)] struct Kv;
/// # impl tonic::server::NamedService for Kv { const NAME: &'static str = "kv"; }
/// # impl tower_service::Service<tonic::codegen::http::Request<tonic::body::Body>> for Kv {
/// #     type Response = tonic::codegen::http::Response<tonic::body::Body>;
/// #     type Error = std::convert::Infallible;
/// #     type Future = std::future::Ready<Result<Self::Response, Self::Error>>;
/// #     fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> { unimplemented!() }
/// #     fn call(&mut self, _: tonic::codegen::http::Request<tonic::body::Body>) -> Self::Future { unimplemented!() }
/// # }
/// #[tokio::main]
/// async fn main() -> ExitCode {
///     encamp_goplugin::hclog::init(tracing::level_filters::LevelFilter::DEBUG);
///     Server::new(Cookie::new("KV_PLUGIN", "hello"))
///         .version(1, |routes, _context| {
///             routes.add_service(Kv); // what tonic generates: `KvServer::new(…)`
///         })
///         .run()
///         .await
/// }
/// ```
#[must_use = "a server does nothing until it is run"]
pub struct Server {
    cookie: Cookie,
    versions: BTreeMap<u32, Services>,
    network: Network,
    grace: Duration,
    #[cfg(feature = "reflection")]
    descriptors: Vec<&'static [u8]>,
}

/// A plugin that listens, with nothing of the process taken over: for tests, and for programs that print the handshake
/// themselves.
#[must_use = "nobody answers until it serves"]
pub struct Listening {
    handshake: Handshake,
    source: Source,
    security: Security,
    routes: Routes,
    messages: Outgoing,
    context: Context,
    met: CancellationToken,
    stdio: stdio::Queue,
    grace: Duration,
    #[cfg(feature = "reflection")]
    descriptors: Vec<&'static [u8]>,
}

// === impl Server ===

impl Server {
    /// A plugin that knows its host by `cookie`.
    pub fn new(cookie: Cookie) -> Self {
        Self {
            cookie,
            versions: BTreeMap::new(),
            network: Network::default(),
            grace: Duration::from_millis(100),
            #[cfg(feature = "reflection")]
            descriptors: Vec::new(),
        }
    }

    /// Serves what `services` adds where `version` is agreed on: the highest that both ends have, or this end's lowest
    /// where the host names none that it has.
    ///
    /// tonic's services take messages of up to 4 MiB, as Go's do; raise that on the service if the host sends more.
    pub fn version(
        mut self,
        version: u32,
        services: impl FnOnce(&mut RoutesBuilder, &Context) + Send + 'static,
    ) -> Self {
        self.versions.insert(version, Box::new(services));
        self
    }

    /// Where it listens. A unix socket by default.
    pub fn network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// How long calls may go on after the host has asked the plugin to end. 100 ms by default; hosts kill after 2 s.
    pub fn shutdown_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Has the reflection service tell about the services in this encoded `FileDescriptorSet`.
    #[cfg(feature = "reflection")]
    pub fn descriptors(mut self, descriptors: &'static [u8]) -> Self {
        self.descriptors.push(descriptors);
        self
    }

    /// [Serves](Self::serve), and says on standard error why not: what the `main` of a plugin returns.
    ///
    /// # Cancel safety
    /// As [`serve`](Self::serve).
    #[expect(clippy::print_stderr, reason = "there is nobody else to tell")]
    pub async fn run(self) -> ExitCode {
        let Err(error) = self.serve().await else {
            return ExitCode::SUCCESS;
        };
        match error {
            ServeError::NoHost | ServeError::NoCookie => eprintln!("{error}"),
            error => crate::hclog::fatal(&error),
        }
        ExitCode::FAILURE
    }

    /// Serves the host that has started this process, until it asks the plugin to end or SIGTERM comes. Where the host has
    /// gone and nobody has ever connected, nobody knows of the plugin: it ends by itself after a minute.
    ///
    /// While it serves, standard output and standard error are the host's streams for them (`println!` blocks nobody and
    /// breaks nothing), the originals are inherited by no child, SIGINT is ignored, and a panic is reported on the
    /// original standard error.
    ///
    /// # Errors
    /// There is no host, or nothing to listen on.
    ///
    /// # Cancel safety
    /// Dropping the future cuts the connections and removes the socket.
    pub async fn serve(self) -> Result<(), ServeError> {
        let environment = Environment::of_process(&self.cookie);
        if self.cookie.key.is_empty() || self.cookie.value.is_empty() {
            return Err(ServeError::NoCookie);
        }
        if !environment.has(&self.cookie) {
            return Err(ServeError::NoHost);
        }
        let terminations = process::catch_signals().map_err(|source| ServeError::Process {
            what: "signals",
            source,
        })?;
        let listening = self.listen(&environment).await?;
        let stop = listening.context.stopping.clone();
        process::stop_on(terminations, stop.clone());
        let stdio = Stdio::take(&listening.stdio).map_err(|source| ServeError::Process {
            what: "its output",
            source,
        })?;
        tracing::debug!(address = %listening.handshake.address, "Plugin listens");
        stdio.tell(&listening.handshake).map_err(ServeError::Handshake)?;
        tokio::spawn(process::stop_without_host(stdio.host(), listening.met.clone(), stop));
        listening.serve().await;
        drop(stdio);
        Ok(())
    }

    /// Listens as `environment` says, without looking at the cookie and without touching the process.
    ///
    /// # Errors
    /// There is nothing to listen on, or the host's certificate cannot be used.
    pub async fn listen(mut self, environment: &Environment) -> Result<Listening, ServeError> {
        let offer = environment.offer();
        let version = self.choose(&offer)?;
        let (security, certificate) = secure(&offer)?;
        let listener = match self.network {
            Network::Unix => {
                let place = offer.place.clone();
                // Nobody waits for it, and whoever listens is left alone.
                tokio::task::spawn_blocking(move || listener::remove_remains(&place));
                Listener::unix(&offer.place)?
            }
            Network::Tcp => {
                let (first, last) = offer.ports()?;
                Listener::tcp(first, last).await?
            }
        };
        let handshake = Handshake {
            version,
            address: listener.address().clone(),
            certificate,
            multiplex: environment.get(var::MULTIPLEX).map(|_| cfg!(feature = "mux")),
        };
        let stopping = CancellationToken::new();
        let (source, carrier) = self.carry(listener, &offer)?;
        let (broker, messages) = Broker::new(carrier, security.clone(), stopping.clone());
        let context = Context {
            broker,
            version,
            stopping,
        };
        let mut routes = Routes::builder();
        if let Some(services) = self.versions.remove(&version) {
            services(&mut routes, &context);
        }
        Ok(Listening {
            handshake,
            source,
            security,
            routes: routes.routes(),
            messages,
            context,
            met: CancellationToken::new(),
            stdio: stdio::Queue::default(),
            grace: self.grace,
            #[cfg(feature = "reflection")]
            descriptors: self.descriptors,
        })
    }

    fn choose(&self, offer: &Offer) -> Result<u32, ServeError> {
        let common = self
            .versions
            .keys()
            .rev()
            .find(|version| offer.versions.contains(version));
        common
            .or_else(|| self.versions.keys().next())
            .copied()
            .ok_or(ServeError::NoVersion)
    }

    fn carry(&self, listener: Listener, offer: &Offer) -> Result<(Source, crate::broker::Carrier), ServeError> {
        use crate::broker::Carrier;
        #[cfg(feature = "mux")]
        if offer.multiplex {
            let (mux, door) = crate::mux::serve(listener);
            return Ok((Source::Mux(door), Carrier::Mux(mux)));
        }
        let carrier = match self.network {
            Network::Unix => Carrier::Unix {
                place: offer.place.clone(),
                plugin: None,
            },
            Network::Tcp => {
                let (first, last) = offer.ports()?;
                Carrier::Tcp { first, last }
            }
        };
        Ok((Source::Socket(listener), carrier))
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let versions: Vec<_> = self.versions.keys().collect();
        f.debug_struct("Server")
            .field("versions", &versions)
            .field("network", &self.network)
            .finish_non_exhaustive()
    }
}

/// What the host asks for, and this end's certificate for it.
fn secure(offer: &Offer) -> Result<(Security, String), ServeError> {
    let Some(certificate) = &offer.client_certificate else {
        return Ok((Security::Plain, String::new()));
    };
    #[cfg(feature = "automtls")]
    {
        let (tls, own) =
            crate::automtls::Tls::of_plugin(certificate).map_err(|error| ServeError::Security(error.to_string()))?;
        Ok((Security::Tls(tls), own))
    }
    #[cfg(not(feature = "automtls"))]
    {
        let _ = certificate;
        Err(ServeError::Security("this plugin is built without AutoMTLS".to_owned()))
    }
}

// === impl Listening ===

impl Listening {
    /// Where it listens.
    pub fn address(&self) -> &Address {
        &self.handshake.address
    }

    /// The line that tells a host of it.
    pub fn handshake(&self) -> String {
        self.handshake.to_string()
    }

    /// What a host in this very process, or in another one, takes to connect without a launch. Plugins that a host has
    /// asked for certificates or for multiplexed connections cannot be connected to by it.
    #[cfg(feature = "host")]
    pub fn reattach_config(&self) -> crate::ReattachConfig {
        crate::ReattachConfig {
            version: self.handshake.version,
            address: self.handshake.address.clone(),
            pid: std::process::id(),
            start_time: None,
            socket_dir: None,
        }
    }

    /// The version of the application's protocol that was chosen.
    pub fn version(&self) -> u32 {
        self.handshake.version
    }

    /// Ends it, from elsewhere.
    pub fn stopping(&self) -> &CancellationToken {
        &self.context.stopping
    }

    /// Serves until a host asks it to end, or [`stopping`](Self::stopping) is cancelled.
    ///
    /// # Cancel safety
    /// Dropping the future cuts the connections and removes the socket.
    pub async fn serve(self) {
        let Self {
            source,
            security,
            mut routes,
            messages,
            context,
            met,
            stdio,
            grace,
            ..
        } = self;
        routes = routes
            .add_service(services::health().await)
            .add_service(services::broker(
                context.broker.clone(),
                messages,
                context.stopping.clone(),
            ))
            .add_service(controller::controller(context.stopping.clone()))
            .add_service(stdio::service(stdio, context.stopping.clone()));
        #[cfg(feature = "reflection")]
        {
            routes = reflection::add(routes, self.descriptors);
        }
        let signals = Signals {
            stop: context.stopping,
            met,
        };
        server::serve(source, security, routes, signals, grace).await;
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listening")
            .field("handshake", &self.handshake())
            .finish_non_exhaustive()
    }
}
