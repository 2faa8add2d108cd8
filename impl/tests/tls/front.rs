//! TLS in front of a plain server, with certificates that nobody else knows.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mcp_overlay_host::Environment;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

pub(crate) struct Front {
    folder: TempDir,
    at: SocketAddr,
    /// The connections so far.
    accepted: Arc<AtomicUsize>,
}

impl Front {
    /// Takes connections for the plain server at this address.
    pub(crate) async fn of(upstream: SocketAddr) -> Self {
        Self::named(upstream, &["127.0.0.1"]).await
    }

    /// The same with a certificate for these names.
    pub(crate) async fn named(upstream: SocketAddr, names: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = certificates(&folder.path().join("ca.pem"), names);
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut plain = TcpStream::connect(upstream).await.unwrap();
                    let _ = copy_bidirectional(&mut stream, &mut plain).await;
                });
            }
        });
        Self { folder, at, accepted }
    }

    #[cfg(feature = "cli")]
    pub(crate) fn address(&self) -> SocketAddr {
        self.at
    }

    pub(crate) fn origin(&self) -> String {
        format!("https://{}", self.at)
    }

    /// The certificate authority of its certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A file beside it.
    pub(crate) fn file(&self, text: &str) -> PathBuf {
        let file = self.folder.path().join("other.pem");
        fs::write(&file, text).unwrap();
        file
    }

    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

/// What a host's environment says about this file.
pub(crate) fn trusting(file: &Path) -> Environment {
    Environment::from_pairs([("CODEX_CA_CERTIFICATE", file)])
}

/// The PEM of a new certificate authority, and the means to sign with it.
fn authority() -> (String, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap();
    (certificate.pem(), Issuer::new(params, key))
}

/// A certificate authority that signs nothing.
pub(crate) fn stranger() -> String {
    authority().0
}

fn certificates(ca: &Path, names: &[&str]) -> ServerConfig {
    let (pem, issuer) = authority();
    fs::write(ca, pem).unwrap();
    let key = KeyPair::generate().unwrap();
    let params =
        CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
            .unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap()
}
