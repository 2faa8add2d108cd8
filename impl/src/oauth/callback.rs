//! The loopback server to which the browser is redirected at the end of a login.

use std::time::Duration;

use reqwest::Url;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// The path of the redirect URI.
pub(super) const PATH: &str = "/callback";
/// The largest request head, in bytes.
const MAX_HEAD: usize = 16 * 1024;
/// The most headers of a request.
const MAX_HEADERS: usize = 100;
/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How many connections are read concurrently. Browsers open some in advance and send nothing.
const MAX_CONNECTIONS: usize = 16;

/// The result of a login, from the callback request.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum CallbackResult {
    /// The user agreed.
    Code { code: String, issuer: Option<String> },
    /// The authorization server refused, with this error code.
    Error(String),
}

/// A listener on a random port of 127.0.0.1.
pub(super) struct CallbackServer {
    listener: TcpListener,
    redirect_uri: String,
}

impl CallbackServer {
    pub(super) async fn bind() -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        Ok(Self { listener, redirect_uri: format!("http://127.0.0.1:{port}{PATH}") })
    }

    pub(super) fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// Waits for the request with this state; the response to every other request is 404. The caller
    /// sets the timeout.
    pub(super) async fn result(self, state: &str) -> CallbackResult {
        let mut requests = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if requests.len() < MAX_CONNECTIONS => {
                    match accepted {
                        Ok((stream, _)) => {
                            let state = state.to_owned();
                            requests.spawn(tokio::time::timeout(
                                REQUEST_TIMEOUT,
                                serve(stream, state),
                            ));
                        }
                        // For example out of file handles. Without a pause this would spin.
                        Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                    }
                }
                Some(served) = requests.join_next() => {
                    if let Ok(Ok(Some(result))) = served {
                        return result;
                    }
                }
            }
        }
    }
}

/// Reads one request and responds.
async fn serve(mut stream: TcpStream, state: String) -> Option<CallbackResult> {
    let target = read_target(&mut stream).await;
    let result = target.and_then(|target| parse(&target, &state));
    let (status, text) = match &result {
        Some(CallbackResult::Code { .. }) => {
            ("200 OK", "Authorization received. You can close this page.")
        }
        Some(CallbackResult::Error(_)) => {
            ("200 OK", "The authorization was refused. You can close this page.")
        }
        None => ("404 Not Found", "Not found."),
    };
    // The page cannot be framed, scripted or cached, and does not leak the code as a referrer.
    let response = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n\
         Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
    // The login goes on even if the browser does not get the page.
    let _ = stream.write_all(response.as_bytes()).await;
    let _ = stream.shutdown().await;
    result
}

/// The target of a GET request. Reads the whole head, within the bounds.
async fn read_target(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let read = stream.read(&mut buffer).await.ok()?;
        if read == 0 || head.len() + read > MAX_HEAD {
            return None;
        }
        head.extend_from_slice(buffer.get(..read)?);
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        if request.parse(&head).ok()?.is_complete() {
            let target = request.path.filter(|path| path.starts_with('/'))?;
            return (request.method == Some("GET")).then(|| target.to_owned());
        }
    }
}

/// The result in the target of a request, if it is the callback for this state.
fn parse(target: &str, expected: &str) -> Option<CallbackResult> {
    let url = Url::parse("http://127.0.0.1").ok()?.join(target).ok()?;
    if url.path() != PATH {
        return None;
    }
    // A duplicate parameter is ambiguous.
    let one = |wanted: &str| {
        let mut values = url.query_pairs().filter(|(name, _)| name == wanted);
        let value = values.next();
        values.next().is_none().then(|| value.map(|(_, value)| value.into_owned()))
    };
    if one("state")?.as_deref() != Some(expected) {
        return None;
    }
    match (one("code")?, one("error")?) {
        (Some(code), None) => Some(CallbackResult::Code { code, issuer: one("iss")? }),
        (None, Some(error)) => Some(CallbackResult::Error(error)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_callback_with_the_state_is_accepted() {
        let code = |issuer: Option<&str>| {
            Some(CallbackResult::Code { code: "c".into(), issuer: issuer.map(str::to_owned) })
        };
        let cases = [
            ("/callback?code=c&state=s", code(None)),
            ("/callback?state=s&code=c&iss=https%3A%2F%2Fas", code(Some("https://as"))),
            (
                "/callback?state=s&error=access_denied",
                Some(CallbackResult::Error("access_denied".into())),
            ),
            ("/callback?code=c&state=other", None),
            ("/callback?code=c", None),
            ("/callback?code=c&state=s&state=s", None),
            ("/callback?code=c&code=d&state=s", None),
            ("/callback?code=c&error=e&state=s", None),
            ("/callback?code=c&state=s&iss=a&iss=b", None),
            ("/callback?state=s", None),
            ("/other?code=c&state=s", None),
            ("//127.0.0.2/callback?code=c&state=other", None),
        ];
        for (target, expected) in cases {
            assert!(parse(target, "s") == expected, "{target}");
        }
    }
    /// Sends a request in these parts; the response, and the result if the callback was accepted.
    async fn exchange(parts: &[&str]) -> (String, Option<CallbackResult>) {
        let server = CallbackServer::bind().await.unwrap();
        let address = server.listener.local_addr().unwrap();
        let client = async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            for part in parts {
                // The server may have closed the connection before the last part.
                let _ = stream.write_all(part.as_bytes()).await;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let _ = stream.shutdown().await;
            let mut response = String::new();
            let _ = stream.read_to_string(&mut response).await;
            response
        };
        tokio::select! {
            biased;
            (response, result) = async { tokio::join!(client, server.result("s")) } => {
                (response, Some(result))
            }
            () = tokio::time::sleep(Duration::from_millis(500)) => (String::new(), None),
        }
    }

    #[tokio::test]
    async fn a_request_in_several_parts_is_accepted() {
        let parts = ["GET /callback?code=c&st", "ate=s HTTP/1.1\r\nHost: a\r", "\n\r\n"];
        let (response, result) = exchange(&parts).await;
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
        assert!(result == Some(CallbackResult::Code { code: "c".to_owned(), issuer: None }));
    }

    #[tokio::test]
    async fn invalid_or_oversized_requests_are_rejected() {
        let target = "/callback?code=c&state=s";
        let large = "x".repeat(MAX_HEAD);
        let many = "A: b\r\n".repeat(MAX_HEADERS + 1);
        let requests = [
            format!("POST {target} HTTP/1.1\r\nHost: a\r\n\r\n"),
            format!("GET {target}\r\n\r\n"),
            format!("GET {target} HTTP/1.1\r\nno header\r\n\r\n"),
            format!("GET http://127.0.0.1{target} HTTP/1.1\r\n\r\n"),
            format!("GET {target} HTTP/1.1\r\n"),
            format!("GET {target} HTTP/1.1\r\nA: {large}\r\n\r\n"),
            format!("GET {target} HTTP/1.1\r\n{many}\r\n"),
        ];
        for request in requests {
            let (_, result) = exchange(&[&request]).await;
            assert!(result.is_none(), "{}", request.get(..60).unwrap_or(&request));
        }
    }
}
