#![expect(clippy::unwrap_used, reason = "helpers of tests say what is wrong as tests do")]

use rcgen::{BasicConstraints, IsCa};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// What comes of the two ends meeting: whether the host's end, and the plugin's end, can read what the other writes.
async fn meet(host: &Tls, plugin: &Tls) -> (bool, bool) {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let hosts = async {
        let mut io = host.connect(Box::new(near)).await?;
        exchange(&mut io).await
    };
    let plugins = async {
        let mut io = plugin.accept(Box::new(far)).await?;
        exchange(&mut io).await
    };
    let (hosts, plugins) = tokio::join!(hosts, plugins);
    (hosts.is_ok(), plugins.is_ok())
}

async fn exchange(io: &mut Io) -> io::Result<()> {
    io.write_all(b"x").await?;
    io.flush().await?;
    io.read_u8().await.map(drop)
}

/// Two ends that were launched together.
fn pair() -> (Tls, Tls) {
    let host = Identity::new().unwrap();
    let (plugin, certificate) = Tls::of_plugin(&host.pem()).unwrap();
    (host.of_host(&certificate).unwrap(), plugin)
}

/// An identity as Go makes it: P-521, and an authority.
fn go_like() -> Identity {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512).unwrap();
    let mut params = CertificateParams::new([NAME.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap();
    Identity {
        certificate: certificate.der().clone(),
        pem: certificate.pem(),
        key,
    }
}

#[tokio::test]
async fn ends_of_one_launch_trust_each_other_in_both_roles() {
    let (host, plugin) = pair();
    assert_eq!(meet(&host, &plugin).await, (true, true));
    assert_eq!(meet(&plugin, &host).await, (true, true));
}

#[tokio::test]
async fn another_certificate_is_refused_by_either_end() {
    let (host, plugin) = pair();
    let (other_host, other_plugin) = pair();
    assert_eq!(meet(&other_host, &plugin).await, (false, false));
    assert_eq!(meet(&host, &other_plugin).await, (false, false));
}

#[tokio::test]
async fn one_side_that_trusts_is_not_enough() {
    let known = Identity::new().unwrap();
    let (plugin, certificate) = Tls::of_plugin(&known.pem()).unwrap();
    // Knows the plugin, and is unknown to it.
    let stranger = Identity::new().unwrap().of_host(&certificate).unwrap();
    assert!(!meet(&stranger, &plugin).await.1);
}

#[tokio::test]
async fn authorities_on_p521_are_taken_in_both_roles() {
    let go = go_like();
    let (plugin, certificate) = Tls::of_plugin(&go.pem()).unwrap();
    let go = go.of_host(&certificate).unwrap();
    assert_eq!(meet(&go, &plugin).await, (true, true));
    assert_eq!(meet(&plugin, &go).await, (true, true));
}

#[test]
fn what_is_no_certificate_is_an_error() {
    let error = |certificate: &str| {
        Identity::new()
            .unwrap()
            .of_host(certificate)
            .map(drop)
            .unwrap_err()
            .to_string()
    };
    assert!(error("").contains("no certificate"));
    assert!(error("%%%").contains("not base64"));
    assert!(Tls::of_plugin("not a certificate").is_err());
}

#[test]
fn padding_makes_no_difference() {
    assert_eq!(BASE64.decode("YQ").unwrap(), BASE64.decode("YQ==").unwrap());
    assert_eq!(BASE64.encode("a"), "YQ");
}
