//! The loopback server that a browser is sent back to when a login ends.

use std::time::Duration;

use reqwest::Url;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// The path of the redirect URI.
pub(super) const PATH: &str = "/callback";
/// The longest head of a request, in bytes.
const MAX_HEAD: usize = 16 * 1024;
/// The most headers of a request.
const MAX_HEADERS: usize = 100;
/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How many requests are read at once. Browsers open connections ahead and send nothing on them.
const MAX_CONNECTIONS: usize = 16;

/// How a login ended, as the browser says.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Answer {
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

    /// Waits for the request that carries this state; every other request is answered with 404.
    /// Waits for ever: the caller limits the time.
    pub(super) async fn answer(self, state: &str) -> Answer {
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
                        // Out of file handles, for example: that passes, and must not spin.
                        Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                    }
                }
                Some(served) = requests.join_next() => {
                    if let Ok(Ok(Some(answer))) = served {
                        return answer;
                    }
                }
            }
        }
    }
}

/// Reads one request and answers it.
async fn serve(mut stream: TcpStream, state: String) -> Option<Answer> {
    let target = read_target(&mut stream).await;
    let answer = target.and_then(|target| parse(&target, &state));
    let (status, text) = match &answer {
        Some(Answer::Code { .. }) => ("200 OK", "Authorization received. You can close this page."),
        Some(Answer::Error(_)) => {
            ("200 OK", "The authorization was refused. You can close this page.")
        }
        None => ("404 Not Found", "Not found."),
    };
    // The page cannot be framed, scripted or cached, and does not hand the code on as a referrer.
    let response = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n\
         Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
    // Whether the browser gets the page does not matter: the answer counts.
    let _ = stream.write_all(response.as_bytes()).await;
    let _ = stream.shutdown().await;
    answer
}

/// The target of a GET request, whose head is read to its end within the bounds.
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

/// The answer in a request's target, if it is the callback of the login with this state.
fn parse(target: &str, expected: &str) -> Option<Answer> {
    let url = Url::parse("http://127.0.0.1").ok()?.join(target).ok()?;
    if url.path() != PATH {
        return None;
    }
    // A parameter given twice makes no answer: nobody knows which one counts.
    let one = |wanted: &str| {
        let mut values = url.query_pairs().filter(|(name, _)| name == wanted);
        let value = values.next();
        values.next().is_none().then(|| value.map(|(_, value)| value.into_owned()))
    };
    if one("state")?.as_deref() != Some(expected) {
        return None;
    }
    match (one("code")?, one("error")?) {
        (Some(code), None) => Some(Answer::Code { code, issuer: one("iss")? }),
        (None, Some(error)) => Some(Answer::Error(error)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_callback_with_the_state_is_an_answer() {
        let code = |issuer: Option<&str>| {
            Some(Answer::Code { code: "c".into(), issuer: issuer.map(str::to_owned) })
        };
        let cases = [
            ("/callback?code=c&state=s", code(None)),
            ("/callback?state=s&code=c&iss=https%3A%2F%2Fas", code(Some("https://as"))),
            ("/callback?state=s&error=access_denied", Some(Answer::Error("access_denied".into()))),
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
    /// What the server answers to these parts of a request, and the answer of the login if it is
    /// one.
    async fn exchange(parts: &[&str]) -> (String, Option<Answer>) {
        let server = CallbackServer::bind().await.unwrap();
        let address = server.listener.local_addr().unwrap();
        let client = async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            for part in parts {
                // The server may have answered and closed before the last part.
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
            (response, answer) = async { tokio::join!(client, server.answer("s")) } => {
                (response, Some(answer))
            }
            () = tokio::time::sleep(Duration::from_millis(500)) => (String::new(), None),
        }
    }

    #[tokio::test]
    async fn a_request_in_several_parts_is_the_answer() {
        let parts = ["GET /callback?code=c&st", "ate=s HTTP/1.1\r\nHost: a\r", "\n\r\n"];
        let (response, answer) = exchange(&parts).await;
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
        assert!(answer == Some(Answer::Code { code: "c".to_owned(), issuer: None }));
    }

    #[tokio::test]
    async fn requests_that_are_not_http_or_break_a_bound_are_no_answer() {
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
            let (_, answer) = exchange(&[&request]).await;
            assert!(answer.is_none(), "{}", request.get(..60).unwrap_or(&request));
        }
    }
}
