//! What the requests of a sequence carry of the entries of its servers.

use super::player::Player;
use super::shared::Received;
use crate::subject::Request;

impl Player<'_> {
    /// The step of the call or read that this request is. Reads of one server have the same number.
    fn step_of_use(&self, call: u64, request: usize) -> Option<usize> {
        let earlier = |read: &&(u64, usize, usize)| read.0 == call && read.1 <= request;
        let again = self.again.iter().rev().find(earlier).map(|(_, _, step)| *step);
        again.or_else(|| self.calls.get(usize::try_from(call).ok()?).copied())
    }

    /// What the servers got, each thing once.
    pub(super) fn requests(&self, all: &[Received]) -> Vec<Request> {
        let mut requests: Vec<Request> = Vec::new();
        for (number, received) in all.iter().enumerate() {
            let Some(got) = received.got.as_deref() else { continue };
            let request = Request {
                at: received.at.saturating_duration_since(self.began),
                of_use: received.call.and_then(|call| self.step_of_use(call, number)),
                what: got.what.clone(),
                url: self.addresses.url_of(&received.target),
                carried: self.spoken.carried(received, got),
            };
            let is_known = |known: &Request| {
                known.of_use == request.of_use
                    && known.what == request.what
                    && known.url == request.url
                    && known.carried == request.carried
            };
            if !requests.iter().any(is_known) {
                requests.push(request);
            }
        }
        requests
    }
}
