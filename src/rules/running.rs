//! A running host: `start.*`, `status.*`, `credentials.*`, `delivery.*`.
//!
//! Nothing in process breaks these, so no fault is seeded here; `tests/black_box/host.rs` is a host
//! that does.

use mcp_overlay_model::observation::{Bearer, Observations};
use mcp_overlay_model::{Auth, Case, Rule};

use super::entry::{Entry, Fields, Reached, Shows};

const CREDENTIALS: Fields = Fields { seen: &["authorization", "account_id"], ..Fields::NONE };

pub(super) const RULES: &[Entry] = &[
    Entry {
        reached: Reached::WhenSeen(|_, seen| !seen.is_empty()),
        shows: Shows::Outside,
        fields: Fields { seen: &["enabled"], ..Fields::NONE },
        ..Entry::of(Rule::StartExactlyEnabled)
    },
    Entry {
        reached: Reached::WhenSeen(|_, seen| !seen.is_empty()),
        shows: Shows::Outside,
        fields: Fields { seen: &["auth_status"], ..Fields::NONE },
        ..Entry::of(Rule::StatusAuth)
    },
    Entry {
        reached: Reached::WhenSeen(may_send_credentials),
        shows: Shows::Outside,
        fields: CREDENTIALS,
        ..Entry::of(Rule::CredentialsAppsOnly)
    },
    Entry {
        succeeds: Some(Rule::CredentialsAppsOnly),
        reached: Reached::WhenSeen(may_send_credentials),
        shows: Shows::Outside,
        fields: CREDENTIALS,
        ..Entry::of(Rule::CredentialsWhereAuthSays)
    },
    Entry {
        reached: Reached::WhenSeen(|_, seen| {
            let mut bearers = seen.values().filter_map(|server| server.authorization.as_ref());
            bearers.any(|bearer| *bearer != Bearer::Host)
        }),
        shows: Shows::Outside,
        ..Entry::of(Rule::CredentialsEnvironmentInstead)
    },
    Entry {
        reached: Reached::WhenSeen(|case, _| case.auth.is_some()),
        shows: Shows::Outside,
        ..Entry::of(Rule::CredentialsNeverShown)
    },
    Entry { reached: Reached::ByAsking, shows: Shows::Outside, ..Entry::of(Rule::DeliveryAnyWay) },
];

fn may_send_credentials(case: &Case, seen: &Observations) -> bool {
    case.auth.is_some_and(Auth::is_backend) && seen.values().any(|server| server.url.is_some())
}
