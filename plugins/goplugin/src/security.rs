//! What is between a socket and gRPC: nothing, or TLS with the two certificates of this launch.

use std::io;

#[cfg(feature = "automtls")]
use crate::automtls::Tls;
use crate::io::Io;

/// What is between a socket and gRPC.
#[derive(Clone, Debug, Default)]
pub(crate) enum Security {
    /// Nothing: who may connect is a matter of the socket's file mode.
    #[default]
    Plain,
    #[cfg(feature = "automtls")]
    Tls(Tls),
}

impl Security {
    /// Takes the listening part.
    #[cfg_attr(
        not(feature = "automtls"),
        expect(clippy::unused_async, reason = "TLS has to wait for the peer")
    )]
    pub(crate) async fn accept(&self, io: Io) -> io::Result<Io> {
        match self {
            Self::Plain => Ok(io),
            #[cfg(feature = "automtls")]
            Self::Tls(tls) => tls.accept(io).await,
        }
    }

    /// Takes the dialing part.
    #[cfg_attr(
        not(feature = "automtls"),
        expect(clippy::unused_async, reason = "TLS has to wait for the peer")
    )]
    pub(crate) async fn connect(&self, io: Io) -> io::Result<Io> {
        match self {
            Self::Plain => Ok(io),
            #[cfg(feature = "automtls")]
            Self::Tls(tls) => tls.connect(io).await,
        }
    }
}
