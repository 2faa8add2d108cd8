//! TLS with certificates for ChatGPT's names, in front of a plain server.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio_rustls::TlsAcceptor;

use super::hosts::HOSTS;
use crate::files::write_whole;

/// The port of https.
pub const HTTPS: u16 = 443;

/// The most simultaneous connections; others wait.
const MAX_CONNECTIONS: usize = 256;
/// Time limit for a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Time limit for a connection.
const LIFETIME: Duration = Duration::from_secs(600);

/// Terminates TLS on 127.0.0.1 and forwards the bytes. Dropping it stops it.
#[derive(Debug)]
pub struct Front {
    ca_file: PathBuf,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Why the TLS front did not start.
#[derive(Debug, thiserror::Error)]
pub enum FrontError {
    /// The certificate could not be created.
    #[error("no certificate for ChatGPT's names could be made: {0}")]
    Certificate(#[from] rcgen::Error),
    /// TLS rejected the certificate.
    #[error("TLS could not be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The certificate authority could not be written.
    #[error("{}: cannot be written: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The port is not available.
    #[error("127.0.0.1:{port}: cannot be listened on: {source}")]
    Listen {
        /// The port.
        port: u16,
        /// The reason.
        source: io::Error,
    },
}

impl Front {
    /// Starts a front for the plain server at `upstream`, on the HTTPS port. Writes the certificate
    /// of its new certificate authority to `folder`.
    ///
    /// # Errors
    /// See [`FrontError`].
    pub fn start(upstream: SocketAddr, folder: &Path) -> Result<Self, FrontError> {
        Self::start_on(HTTPS, upstream, folder)
    }

    /// The same on this port; 0 means any free port.
    ///
    /// # Errors
    /// See [`FrontError`].
    pub fn start_on(port: u16, upstream: SocketAddr, folder: &Path) -> Result<Self, FrontError> {
        let (authority, config) = certificates()?;
        let ca_file = folder.join("ca.pem");
        write_whole(&ca_file, authority.as_bytes())
            .map_err(|source| FrontError::File { file: ca_file.clone(), source })?;
        let listen = |source| FrontError::Listen { port, source };
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(listen)?;
        listener.set_nonblocking(true).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(listen)?;
        let listener = {
            let _context = runtime.enter();
            TcpListener::from_std(listener).map_err(listen)?
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let thread = std::thread::Builder::new().name("true-origin".to_owned());
        let thread = thread.spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(&listener, &acceptor, upstream) => {}
                    // An error means that the receiver has gone.
                    _ = stopped => {}
                }
            });
        });
        let thread = Some(thread.map_err(listen)?);
        Ok(Self { ca_file, address, stop: Some(stop), thread })
    }

    /// The PEM file of the certificate authority that clients must trust.
    #[must_use]
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has ended too.
            let _ = thread.join();
        }
    }
}

/// A new certificate authority as PEM, and a TLS server config with a certificate that it signed.
fn certificates() -> Result<(String, ServerConfig), FrontError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "mcp-overlay test authority");
    let authority = params.self_signed(&key)?.pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(HOSTS.map(str::to_owned))?.signed_by(&key, &issuer)?;
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((authority, config))
}

async fn serve(listener: &TcpListener, acceptor: &TlsAcceptor, upstream: SocketAddr) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            // Too many files are open, or the client has already gone.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let _place = place;
            // A client may close the connection at any time.
            let _ = tokio::time::timeout(LIFETIME, hand_on(stream, &acceptor, upstream)).await;
        });
    }
}

async fn hand_on(
    stream: TcpStream,
    acceptor: &TlsAcceptor,
    upstream: SocketAddr,
) -> io::Result<()> {
    let mut stream = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await??;
    let mut plain = TcpStream::connect(upstream).await?;
    copy_bidirectional(&mut stream, &mut plain).await?;
    Ok(())
}
