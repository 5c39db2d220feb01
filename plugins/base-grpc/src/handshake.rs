//! What goes before the first call: who is a host of such plugins, and who is such a plugin.

#[cfg(feature = "serve")]
use std::process::ExitCode;
#[cfg(feature = "serve")]
use std::sync::Arc;

#[cfg(feature = "serve")]
use encamp_base::Plugin;
use encamp_goplugin::Cookie;
#[cfg(feature = "host")]
use encamp_goplugin::{Client, Host};
#[cfg(feature = "serve")]
use encamp_goplugin::{Server, hclog};
#[cfg(feature = "serve")]
use tonic::service::RoutesBuilder;
#[cfg(feature = "serve")]
use tracing::level_filters::LevelFilter;

#[cfg(feature = "serve")]
use crate::BaseService;
#[cfg(feature = "host")]
use crate::Life;

/// What a Nomad agent and its plugins know each other by. It keeps people from running a plugin by mistake; it is no
/// secret.
fn cookie() -> Cookie {
    Cookie::new(
        "NOMAD_PLUGIN_MAGIC_COOKIE",
        "e4327c2e01eabfd75a8a67adb114fb34a757d57eee7728d857a8cec6e91a7255",
    )
}

/// The version of the services that this crate and its neighbours speak.
const VERSION: u32 = 2;

/// A host of such plugins. Launch with it, then connect to the [`channel`](Client::channel) with the [`life`](life) of
/// the client.
///
/// Plugins make their sockets where they see fit, as under an agent: upstream's drivers start helpers that are plugins
/// themselves and outlive them, and whose sockets would go with a directory of the driver's own.
#[cfg(feature = "host")]
pub fn host() -> Host {
    Host::new(cookie(), [VERSION]).sockets_anywhere()
}

/// The life of a plugin that was launched or found again.
#[cfg(feature = "host")]
pub fn life(client: &Client) -> Life {
    let life = client.life().clone();
    Life::until(async move {
        life.over().await;
    })
}

/// Serves `plugin` to the host that has started this process, together with the services of its kind, until the host
/// asks it to end. `tracing` goes to the host's log, on all levels; the host chooses among them.
///
/// Call this from `main`, and return what it returns: a program that a person starts by hand explains itself and fails.
#[cfg(feature = "serve")]
pub async fn serve<P: Plugin + ?Sized + 'static>(
    plugin: Arc<P>,
    kind: impl FnOnce(&mut RoutesBuilder) + Send + 'static,
) -> ExitCode {
    hclog::init(LevelFilter::TRACE);
    let services = move |routes: &mut RoutesBuilder, _: &_| {
        routes.add_service(BaseService::server(plugin));
        kind(routes);
    };
    Server::new(cookie())
        .version(VERSION, services)
        .descriptors(encamp_proto::NOMAD_FILE_DESCRIPTOR_SET)
        .run()
        .await
}
