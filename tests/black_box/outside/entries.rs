//! What requests lose of the entries of their servers.

use hyper::Method;
use hyper::header::AUTHORIZATION;

use crate::http::Whole;
use crate::shared::Shared;

/// A header of the sequences.
const TEAM: &str = "x-team";
const SKU: &str = "x-openai-product-sku";

/// Takes from a request what the fault loses; `method` is that of MCP.
pub(crate) fn spoil(shared: &Shared, request: &mut Whole, method: &str) {
    let is_call = method == "tools/call";
    let is_handshake = method == "initialize";
    match &*shared.fault {
        "loses-headers-on-tool-calls" if is_call => drop(request.headers.remove(TEAM)),
        "loses-headers-on-the-stream" if request.method == Method::GET => {
            request.headers.remove(TEAM);
        }
        "sends-the-sku-at-the-handshake-only" if !is_handshake => {
            request.headers.remove(SKU);
        }
        "loses-the-bearer-in-later-sessions" => {
            // The session of a handshake has no name yet.
            let uri = request.uri.to_string();
            let is_later = is_handshake && !shared.state().had_session.insert(uri);
            let is_of_variable = |value: &hyper::header::HeaderValue| {
                value.to_str().is_ok_and(|value| value.starts_with("Bearer env-"))
            };
            if is_later && request.headers.get(AUTHORIZATION).is_some_and(is_of_variable) {
                request.headers.remove(AUTHORIZATION);
            }
        }
        "drops-the-query" => request.uri = path_only(&request.uri),
        _ => {}
    }
}

/// The address without its query.
fn path_only(uri: &hyper::Uri) -> hyper::Uri {
    uri.to_string().split('?').next().unwrap_or_default().parse().unwrap()
}
