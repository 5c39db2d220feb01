//! AutoMTLS: each end makes a certificate for one launch, and takes no other one than the other end's.
//!
//! Go's certificates are self-signed authorities with keys on P-521, which no usual verifier takes from an end entity. As
//! it is known which certificate must come, that one is compared byte by byte, and the handshake's signature verified
//! with the key in it.

use std::fmt;
use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
#[cfg(feature = "plugin")]
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName as Name, Error, ServerConfig,
    SignatureScheme,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::io::Io;

/// The name in every certificate of the protocol.
const NAME: &str = "localhost";

/// How certificates are written in the handshake line; whoever writes padding means the same.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why there is no secured connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("no certificate can be made: {0}")]
    Make(#[from] rcgen::Error),
    #[error("a certificate cannot be used: {0}")]
    Use(#[from] Error),
    #[cfg(feature = "plugin")]
    #[error("the host's certificate cannot be read: {0}")]
    Pem(#[from] rustls::pki_types::pem::Error),
    #[cfg(feature = "host")]
    #[error("the plugin's certificate is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    #[cfg(feature = "host")]
    #[error("the plugin has shown no certificate: it does not know how to, do not ask for it")]
    NoCertificate,
}

/// Both roles of one end, for either end may listen and dial.
#[derive(Clone)]
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    connector: TlsConnector,
}

/// One end's certificate, made for one launch.
pub(crate) struct Identity {
    certificate: CertificateDer<'static>,
    #[cfg(feature = "host")]
    pem: String,
    key: KeyPair,
}

// === impl Identity ===

impl Identity {
    pub(crate) fn new() -> Result<Self, TlsError> {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::new([NAME.to_owned()])?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, NAME);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.self_signed(&key)?;
        Ok(Self {
            certificate: certificate.der().clone(),
            #[cfg(feature = "host")]
            pem: certificate.pem(),
            key,
        })
    }

    /// What the plugin is told of the host.
    #[cfg(feature = "host")]
    pub(crate) fn pem(&self) -> String {
        self.pem.clone()
    }

    /// The host's end, once the plugin has shown its certificate in the handshake line.
    #[cfg(feature = "host")]
    pub(crate) fn of_host(self, plugins: &str) -> Result<Tls, TlsError> {
        if plugins.is_empty() {
            return Err(TlsError::NoCertificate);
        }
        let plugins = BASE64.decode(plugins)?;
        self.meet(plugins.into())
    }

    /// Both ends are known.
    fn meet(self, other: CertificateDer<'static>) -> Result<Tls, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let pin = Arc::new(Pin {
            expected: other,
            provider: Arc::clone(&provider),
        });
        let chain = vec![self.certificate];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(Arc::clone(&pin) as Arc<dyn ClientCertVerifier>)
            .with_single_cert(chain.clone(), key.clone_key())?;
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(pin)
            .with_client_auth_cert(chain, key)?;
        server.alpn_protocols = vec![b"h2".to_vec()];
        client.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Tls {
            acceptor: Arc::new(server).into(),
            connector: Arc::new(client).into(),
        })
    }
}

// === impl Tls ===

impl Tls {
    /// The plugin's end, from the host's certificate; and the plugin's own, for the handshake line.
    #[cfg(feature = "plugin")]
    pub(crate) fn of_plugin(hosts: &str) -> Result<(Self, String), TlsError> {
        let hosts = CertificateDer::from_pem_slice(hosts.as_bytes())?;
        let identity = Identity::new()?;
        let own = BASE64.encode(&identity.certificate);
        Ok((identity.meet(hosts)?, own))
    }

    pub(crate) async fn accept(&self, io: Io) -> io::Result<Io> {
        Ok(Box::new(self.acceptor.accept(io).await?))
    }

    pub(crate) async fn connect(&self, io: Io) -> io::Result<Io> {
        let name = ServerName::try_from(NAME).map_err(io::Error::other)?;
        Ok(Box::new(self.connector.connect(name, io).await?))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// Takes one certificate and no other.
#[derive(Debug)]
struct Pin {
    expected: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl Pin {
    fn verify(&self, shown: &CertificateDer<'_>) -> Result<(), Error> {
        if *shown == self.expected {
            Ok(())
        } else {
            Err(Error::InvalidCertificate(
                CertificateError::ApplicationVerificationFailure,
            ))
        }
    }

    fn verify12(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify13(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verify(shown).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify12(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify13(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}

impl ClientCertVerifier for Pin {
    fn root_hint_subjects(&self) -> &[Name] {
        &[]
    }

    fn verify_client_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.verify(shown).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify12(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify13(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}

#[cfg(all(test, feature = "plugin", feature = "host"))]
mod tests;
