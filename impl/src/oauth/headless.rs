//! A browser without a user, for tests with authorization servers that ask no question.

use reqwest::Url;
use reqwest::header::LOCATION;

use super::callback::PATH;
use super::http::TIMEOUT;
use crate::connection::http::{client_without_redirects, is_loopback};
use crate::connection::trust::Trust;

/// How many redirects are followed.
const MAX_REDIRECTS: usize = 10;

/// Opens an authorization URL and follows its redirects to the local callback.
///
/// # Errors
/// The authorization server does not redirect to the callback.
pub(crate) async fn browse_headless(url: String, trust: Trust) -> Result<(), String> {
    let mut url = Url::parse(&url).map_err(|_| "the authorization URL is invalid".to_owned())?;
    for _ in 0..MAX_REDIRECTS {
        let origin = url.origin().ascii_serialization();
        let client = client_without_redirects(&url, is_loopback(&url), TIMEOUT, &trust)?;
        let response = client.get(url.clone()).send().await;
        let response = response.map_err(|_| format!("{origin} cannot be reached"))?;
        let to = response.headers().get(LOCATION).and_then(|to| url.join(to.to_str().ok()?).ok());
        url = match (response.status().is_redirection(), to) {
            (true, Some(to)) if matches!(to.scheme(), "http" | "https") => to,
            (false, _) if response.status().is_success() && is_callback(&url) => return Ok(()),
            _ => {
                let status = response.status().as_u16();
                return Err(format!(
                    "{origin} does not redirect to the callback (HTTP {status}): a person must log in"
                ));
            }
        };
    }
    Err(format!("there are more than {MAX_REDIRECTS} redirects"))
}

/// Whether the URL can be the local callback; the callback server checks the state.
fn is_callback(url: &Url) -> bool {
    url.host_str() == Some("127.0.0.1") && url.path() == PATH
}
