//! Which field of a server that is seen from outside differs, and which rule that breaks.

use mcp_overlay_model::RuleId;
use serde_json::Value;

use crate::judge::same::same;

/// What a client and the servers see of a server has a status, a server as it is configured has none.
pub(super) fn is_observation(server: &Value) -> bool {
    server.get("auth_status").is_some()
}

/// The first field of an observation that differs, those that say the most first: a server that was
/// started though it must not be differs in all that it was started with.
pub(super) fn first_difference(want: &Value, got: &Value) -> Option<&'static str> {
    const FIELDS: [&str; 9] = [
        "enabled",
        "command",
        "url",
        "authorization",
        "account_id",
        "http_headers",
        "args",
        "env",
        "auth_status",
    ];
    let alike = |field: &str| match (want.get(field), got.get(field)) {
        (Some(a), Some(b)) => same(a, b),
        (a, b) => a.is_none() && b.is_none(),
    };
    FIELDS.into_iter().find(|field| !alike(field))
}

/// The host's credentials where they must not be, or not where they must; or another variable's
/// value than the configured one's. `origins` tells whether the Apps server itself gets them only at
/// some origins.
pub(super) fn rule_of_credentials(want: &Value, got: &Value, origins: bool) -> RuleId {
    let has_hosts = |server: &Value| {
        server.get("authorization") == Some(&Value::from("host"))
            || server.get("account_id").is_some()
    };
    let same_place = want.get("url") == got.get("url");
    match (has_hosts(want), has_hosts(got)) {
        (false, false) => "credentials.environment-instead",
        // Its own server, and only the origin is the wrong one.
        (false, true) if same_place && origins => "credentials.chatgpt-origins",
        _ => "credentials.apps-only",
    }
}
