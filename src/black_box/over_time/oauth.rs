//! OAuth in front of the HTTP servers of sequences: the metadata of discovery and the token endpoint.

use std::sync::Arc;
use std::time::Instant;

use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use super::answer::{Answer, half, json_body, json_text, status};
use super::grants::{Access, Answered, Pair};
use super::shared::{Shared, lock};
use super::target::Target;

/// The well-known path of a protected resource's metadata; the path of the server follows.
const RESOURCE: &str = "/.well-known/oauth-protected-resource";
/// The well-known path of an authorization server's metadata; its path follows.
const ISSUER: &str = "/.well-known/oauth-authorization-server";
/// What a server's path and this are the path of its token endpoint.
const TOKEN: &str = "/token";

/// The seconds that an access token lasts.
const LASTS: u64 = 3600;

/// What is wanted, the metadata of the server or of its authorization server, and the path of the server,
/// if this is the path of metadata.
pub(super) fn of_metadata(path: &str) -> Option<(&str, bool)> {
    let resource = path.strip_prefix(RESOURCE).map(|of| (of, true));
    resource.or_else(|| Some((path.strip_prefix(ISSUER)?, false)))
}

/// The metadata of a server, if it is behind OAuth.
pub(super) fn metadata(
    (mark, target): (&str, &Target),
    is_resource: bool,
    host: &str,
    shared: &Shared,
) -> Option<Response<Answer>> {
    let all = lock(&shared.playing);
    all.get(mark).filter(|playing| playing.grants.is_guarded(target))?;
    let server = format!("http://{host}/{mark}{}", target.1);
    Some(json_body(&match is_resource {
        true => json!({"resource": server, "authorization_servers": [server]}),
        false => json!({
            "issuer": server,
            "authorization_endpoint": format!("{server}/authorize"),
            "token_endpoint": format!("{server}{TOKEN}"),
            "registration_endpoint": format!("{server}/register"),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
        }),
    }))
}

/// The refusal of a request without a token that counts.
pub(super) fn unauthorized(host: &str, mark: &str, target: &Target) -> Response<Answer> {
    let metadata = format!("http://{host}{RESOURCE}/{mark}{}", target.1);
    let challenge = format!("Bearer error=\"invalid_token\", resource_metadata=\"{metadata}\"");
    let mut response = status(StatusCode::UNAUTHORIZED);
    if let Ok(challenge) = HeaderValue::from_str(&challenge) {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

impl Shared {
    /// Whether a server accepts the `Authorization` of a request.
    pub(super) fn accepts(&self, mark: &str, target: &Target, authorization: Option<&str>) -> bool {
        let all = lock(&self.playing);
        let access = all.get(mark).map(|playing| playing.grants.access(target, authorization));
        drop(all);
        if access == Some(Access::OfAnother) {
            self.stray(mark, "sent a token of one server's login to another server");
        }
        access == Some(Access::Granted)
    }

    /// The server whose token endpoint this is.
    pub(super) fn token_endpoint(&self, mark: &str, target: &Target) -> Option<Target> {
        let of = (target.0, target.1.strip_suffix(TOKEN)?.to_string());
        let all = lock(&self.playing);
        all.get(mark).filter(|playing| playing.grants.is_guarded(&of)).map(|_| of)
    }
}

/// A refresh that is not answered yet. Dropped before, it is lost: the host does not wait for it.
struct UnderWay<'a> {
    shared: &'a Shared,
    mark: &'a str,
    number: usize,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(playing) = lock(&self.shared.playing).get_mut(self.mark) {
            playing.grants.lost(self.number);
        }
    }
}

/// The answer of the token endpoint of a server.
pub(super) async fn refreshed(
    body: &Bytes,
    mark: &str,
    target: &Target,
    at: Instant,
    shared: &Arc<Shared>,
) -> Response<Answer> {
    let token = form_urlencoded::parse(body).find(|(name, _)| name == "refresh_token");
    let token = token.map(|(_, token)| token.into_owned()).unwrap_or_default();
    let received = {
        let mut all = lock(&shared.playing);
        all.get_mut(mark).and_then(|playing| playing.grants.received(target, &token, at))
    };
    let Some((number, run, mut endpoints)) = received else { return invalid_grant() };
    let under_way = UnderWay { shared, mark, number };
    // An error means that the sequence is over.
    let _ = endpoints.wait_for(|endpoints| !endpoints.holds(target, run)).await;
    let answered = {
        let mut all = lock(&shared.playing);
        all.get_mut(mark).map(|playing| playing.grants.answer(number))
    };
    drop(under_way);
    match answered {
        Some(Answered::Renewed(pair)) => uncached(json_body(&renewed(&pair))),
        Some(Answered::Cut(pair)) => {
            let mut response = json_text(String::new());
            *response.body_mut() = Answer::Cut(Some(half(&renewed(&pair)).into()));
            response
        }
        Some(Answered::InvalidGrant) => invalid_grant(),
        Some(Answered::Refused) | None => status(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn renewed(Pair { access, refresh }: &Pair) -> Value {
    json!({"access_token": access, "token_type": "Bearer", "expires_in": LASTS,
        "refresh_token": refresh})
}

fn invalid_grant() -> Response<Answer> {
    let mut response = json_body(&json!({"error": "invalid_grant"}));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    uncached(response)
}

fn uncached(mut response: Response<Answer>) -> Response<Answer> {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
