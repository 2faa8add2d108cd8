//! What the requests of a sequence carry of the entries of its servers.

use super::player::Player;
use super::shared::Received;
use crate::subject::Request;

impl Player<'_> {
    /// What the servers got, each thing once.
    pub(super) fn requests(&self, all: &[Received]) -> Vec<Request> {
        let mut requests: Vec<Request> = Vec::new();
        for received in all {
            let Some(got) = received.got.as_deref() else { continue };
            let number = received.call.and_then(|call| usize::try_from(call).ok());
            let request = Request {
                at: received.at.saturating_duration_since(self.began),
                of_use: number.and_then(|number| self.calls.get(number)).copied(),
                what: got.what.clone(),
                url: self.addresses.url_of(&received.target),
                carried: self.spoken.carried(received, got),
            };
            let is_known = |known: &Request| Request { at: request.at, ..known.clone() } == request;
            if !requests.iter().any(is_known) {
                requests.push(request);
            }
        }
        requests
    }
}
