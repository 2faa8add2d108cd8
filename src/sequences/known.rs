//! Sequences that each showed a fault of a host once (`tests/sequences/`).

use mcp_overlay_model::lifecycle::Sequence;
use mcp_overlay_model::{Profile, Rule};

use super::saved::SavedSequence;

macro_rules! known {
    ($($name:literal)*) => {
        /// The names and the texts of the files.
        pub const KNOWN: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../../tests/sequences/", $name, ".json"))),)*
        ];
    };
}

known! {
    "a-dead-process-takes-others-along"
    "a-key-leaves-the-tokens-in-use"
    "a-login-skips-signed-out-threads"
    "a-new-thread-updates-the-others"
    "caches-tools-by-name"
    "caches-tools-of-stdio-servers"
    "chokes-on-its-own-half-file"
    "disabled-servers-load-in-new-threads"
    "drops-servers-at-a-broken-reload"
    "enables-everything-at-the-second-reload"
    "ends-sessions-with-the-old-token"
    "ignores-the-third-reload"
    "keeps-a-dead-process-over-a-reload"
    "keeps-a-lost-session"
    "keeps-disabled-servers"
    "keeps-supplied-tokens-on-disk"
    "keeps-the-first-token-of-an-account"
    "keeps-the-url-of-a-known-name"
    "leaves-a-dead-process-until-a-reload"
    "leaves-a-removed-process-with-a-held-call"
    "leaves-an-unreachable-server-until-a-reload"
    "leaves-processes-at-the-end"
    "leaves-processes-of-the-list"
    "leaves-processes-of-the-second-thread-at-the-end"
    "leaves-removed-processes"
    "leaves-replaced-processes"
    "leaves-streams-of-removed-servers"
    "listing-updates-threads"
    "lists-the-last-clean-state-after-a-kill"
    "lists-the-servers-of-the-last-thread"
    "live-threads-keep-the-account-before-a-login"
    "logout-cuts-other-calls"
    "loses-the-sign-in-when-killed"
    "moves-held-calls-at-a-reload"
    "one-down-server-empties-the-list"
    "one-down-server-keeps-threads-from-starting"
    "one-held-call-blocks-its-thread"
    "opens-a-breaker-at-the-third-failure"
    "other-account-by-file-needs-a-reload"
    "reload-cuts-stdio-calls"
    "reload-reaches-only-the-first-thread"
    "removed-stdio-servers-stay"
    "repeats-a-call-after-a-500"
    "repeats-a-cut-call"
    "second-thread-keeps-a-lost-session"
    "second-thread-keeps-the-former-account"
    "second-thread-keeps-the-token"
    "sends-each-stdio-call-twice"
    "shows-the-tools-of-the-former-account"
    "signs-out-one-call-late"
    "starts-a-removed-process-again"
    "stays-while-a-call-is-held"
    "stops-reloading-after-a-broken-config"
    "supplied-tokens-outlive-the-logout"
    "swaps-results"
    "threads-start-with-the-last-list"
    "threads-started-signed-out-stay-so"
    "writes-the-config-back-at-the-end"
    "reads-on-no-thread-are-of-the-first-thread"
    "answers-reads-from-memory"
    "reads-on-a-thread-are-of-the-disk"
    "reopens-every-connection-at-a-reload"
    "restarts-every-process-at-a-reload"
    "reopens-all-if-one-server-changed"
    "a-slow-reload-overwrites-a-later-one"
    "drops-a-reload-while-a-server-starts"
    "takes-the-token-along-on-a-redirect"
    "takes-the-account-id-along-on-a-redirect"
    "takes-the-first-piece-for-the-answer"
    "repeats-a-call-answered-in-pieces"
    "loses-headers-on-tool-calls"
    "loses-headers-on-the-stream"
    "drops-the-query"
    "sends-the-sku-at-the-handshake-only"
    "loses-the-bearer-in-later-sessions"
    "keeps-the-headers-of-a-known-name"
    "keeps-the-environment-of-a-known-name"
}

/// The names of the sequences that showed a host breaking this rule.
pub fn of_rule(rule: Rule) -> impl Iterator<Item = &'static str> {
    let breaks = move |text: &str| {
        serde_json::from_str::<SavedSequence>(text).is_ok_and(|saved| saved.rule == Some(rule))
    };
    KNOWN.iter().filter(move |(_, text)| breaks(text)).map(|(name, _)| *name)
}

/// The sequence of this number, for a host of this profile; `None` after the last one.
#[must_use]
pub fn known(profile: Profile, number: u64) -> Option<Sequence> {
    let (_, text) = KNOWN.get(usize::try_from(number).ok()?)?;
    let saved: SavedSequence = serde_json::from_str(text).ok()?;
    Some(Sequence { profile, ..saved.sequence })
}
