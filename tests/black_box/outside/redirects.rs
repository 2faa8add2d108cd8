//! What follows a redirect takes along.

use hyper::Response;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, LOCATION};

use crate::http::{Failure, Whole, send};
use crate::shared::Shared;

/// The answer to this request at the place where the redirect leads, if the fault is to go there.
pub(crate) async fn followed(
    shared: &Shared,
    request: &Whole,
    response: Response<Incoming>,
) -> Result<Response<Incoming>, Failure> {
    let takes_all = shared.is("takes-the-token-along-on-a-redirect");
    let Some(to) = response.headers().get(LOCATION) else { return Ok(response) };
    if !takes_all && !shared.is("takes-the-account-id-along-on-a-redirect") {
        return Ok(response);
    }
    let mut request = Whole { uri: to.to_str()?.parse()?, ..request.clone() };
    if !takes_all {
        request.headers.remove(AUTHORIZATION);
    }
    send(request).await
}
