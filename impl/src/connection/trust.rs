//! Certificate authorities that TLS trusts in addition to those of the system.

use std::path::PathBuf;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::config::Environment;
use crate::files::{self, ReadError};

/// The environment variables that name a PEM file of additional certificate authorities. The first
/// that is set applies; the second is the convention of other programs.
const VARIABLES: [&str; 2] = ["CODEX_CA_CERTIFICATE", "SSL_CERT_FILE"];
/// The largest file, in bytes.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// The additional certificate authorities. The file is read again for every client.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trust(Option<(&'static str, PathBuf)>);

/// Why the additional authorities cannot be read. No request is sent then: without them the user's
/// servers cannot be verified.
#[derive(Debug, thiserror::Error)]
#[error(
    "{variable} names {}: {fault}; expected a PEM file with certificates: correct it or unset {variable}",
    file.display()
)]
pub(crate) struct TrustError {
    variable: &'static str,
    file: PathBuf,
    fault: Fault,
}

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("{0}")]
    Unreadable(ReadError),
    #[error("it is not valid PEM")]
    Pem,
    #[error("it contains no certificate")]
    Empty,
    #[error("certificate {0} in it is invalid")]
    Certificate(usize),
}

impl Trust {
    /// The trust that these variables configure. An empty variable counts as unset.
    pub(crate) fn of(env: &Environment) -> Self {
        let set = |name| Some((name, env.get(name).filter(|_| env.is_set(name))?.into()));
        Self(VARIABLES.into_iter().find_map(set))
    }

    /// The certificates of the additional authorities; empty if no variable is set.
    pub(crate) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TrustError> {
        let Some((variable, file)) = &self.0 else { return Ok(Vec::new()) };
        let wrong = |fault| TrustError { variable, file: file.clone(), fault };
        let text = files::read_text(file, MAX_BYTES).map_err(|e| wrong(Fault::Unreadable(e)))?;
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
        let certificates = read.map_err(|_| wrong(Fault::Pem))?;
        if certificates.is_empty() {
            return Err(wrong(Fault::Empty));
        }
        let mut roots = rustls::RootCertStore::empty();
        let damaged =
            |certificate: &CertificateDer<'static>| roots.add(certificate.clone()).is_err();
        match certificates.iter().position(damaged) {
            Some(index) => Err(wrong(Fault::Certificate(index + 1))),
            None => Ok(certificates),
        }
    }
}
