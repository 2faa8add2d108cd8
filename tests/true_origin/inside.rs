//! Enters the namespaces and prints what it observes there, for tests/true_origin.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper that panics fails its test, as it should"
)]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mcp_overlay::black_box::true_origin::namespace::{Entered, NamespaceError, enter};
use mcp_overlay::black_box::true_origin::tls::Front;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

fn main() {
    let _inside = match enter() {
        Ok(Entered::Inside(inside)) => inside,
        Ok(Entered::Ended(status)) => std::process::exit(status.code().unwrap_or(1)),
        Err(error @ NamespaceError::Unavailable(_)) => {
            eprintln!("{error}");
            std::process::exit(2);
        }
        Err(error) => panic!("{error}"),
    };
    let argument = std::env::args().nth(1).unwrap();
    if argument == "exit" {
        std::process::exit(7);
    }
    let folder = tempfile::tempdir().unwrap();
    let front = Front::start(upstream(), folder.path()).unwrap();
    println!("{argument}: {}", get("chatgpt.com", front.ca_file()));
    println!("{argument}: {}", get("chat.openai.com", front.ca_file()));
    let far = SocketAddr::from((Ipv4Addr::new(1, 1, 1, 1), 443));
    let far = TcpStream::connect_timeout(&far, Duration::from_secs(3));
    println!("1.1.1.1 reached: {}", far.is_ok());
    println!("example.com found: {}", ("example.com", 443).to_socket_addrs().is_ok());
    drop(front);
    println!("after the end reached: {}", TcpStream::connect("127.0.0.1:443").is_ok());
}

/// A plain server that answers with the requested host name.
fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 1000];
            let read = stream.read(&mut request).unwrap();
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            let host = request.lines().nth(1).unwrap_or_default();
            let answer = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\npong {host}");
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    address
}

/// The last line of the response of `https://HOST/ping`.
fn get(host: &'static str, ca: &Path) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = ClientConnection::new(Arc::new(config), host.try_into().unwrap()).unwrap();
    let mut stream = StreamOwned::new(client, TcpStream::connect((host, 443)).unwrap());
    // In one piece, because the upstream reads only once.
    let request = format!("GET /ping HTTP/1.1\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    // The upstream closes without a TLS close_notify.
    let _ = stream.read_to_string(&mut answer);
    answer.lines().last().unwrap_or_default().to_owned()
}
