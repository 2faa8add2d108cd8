//! A sequence told as numbered sentences.

use mcp_overlay_model::CODEX_APPS;
use mcp_overlay_model::lifecycle::{
    Behaviour, Ending, Listed, Means, Seen, Sequence, Step, Tokens,
};
use serde_json::Value;

use super::broken::{Actual, Broken};
use super::carried_words::{carried_words, entry_words, expected_words, sku_words};
use crate::display::one_line;
use crate::rules;
use crate::subject::{Observed, Trace};

/// The steps up to the one that failed, with what was expected there and what happened instead.
#[must_use]
pub fn told(sequence: &Sequence, broken: &Broken) -> String {
    let mut story = format!("rule: {}\n", rules::sentence(broken.rule));
    for (at, step) in sequence.steps.iter().take(broken.step + 1).enumerate() {
        story.push_str(&format!("{}\n", numbered(at, step)));
    }
    let mut allowed: Vec<String> = Vec::new();
    for words in broken.allowed.iter().map(seen_words) {
        if !allowed.contains(&words) {
            allowed.push(words);
        }
    }
    match &broken.actual {
        Actual::Carried { expected, .. } => allowed.extend(expected_words(expected)),
        Actual::Address { like, .. } => {
            allowed.extend(like.iter().map(|url| format!("requests to {}", one_line(url))));
        }
        _ => {}
    }
    if !allowed.is_empty() {
        story.push_str(&format!("     expected: {}\n", allowed.join(", or ")));
    }
    story.push_str(&format!("     happened: {}\n", actual_words(&broken.actual)));
    story
}

/// Every step, with when it had ended and what was observed of it.
#[must_use]
pub fn played(sequence: &Sequence, trace: &Trace) -> String {
    let steps = sequence.steps.iter().zip(&trace.steps).enumerate();
    steps.map(|(at, (step, seen))| numbered(at, step) + "\n" + &observed(seen) + "\n").collect()
}

/// A step as a numbered sentence; the position is from 0.
#[must_use]
pub fn numbered(at: usize, step: &Step) -> String {
    format!("  {}. {}", at + 1, sentence(step))
}

/// When a step had ended, and what was observed of it.
#[must_use]
pub fn observed(observed: &Observed) -> String {
    format!("     {:.3} s: {}", observed.ended.as_secs_f64(), seen_words(&observed.seen))
}

pub(super) fn sentence(step: &Step) -> String {
    match step {
        Step::Config(config) => format!("config.toml becomes: {}", config_words(config)),
        Step::Arguments(settings) => {
            format!("the next host starts with -c: {}", one_line(&settings.to_string()))
        }
        Step::SignIn(sign_in) => {
            let how = match sign_in.by {
                Means::File => "auth.json is written",
                Means::Protocol => "account/login/start",
            };
            let again = match sign_in.number {
                1 => String::new(),
                number => format!(", sign-in {number}"),
            };
            format!("{} signs in ({}{again}): {how}", sign_in.account, sign_in.auth.word())
        }
        Step::SignOut { by: Means::File } => "the user signs out: auth.json is deleted".into(),
        Step::SignOut { by: Means::Protocol } => "the user signs out: account/logout".into(),
        Step::Thread { name } => format!("thread {name} starts: thread/start"),
        Step::SecondThread { name } => {
            format!("thread {name} starts on a second host that shares the home: thread/start")
        }
        Step::Reload => "the configuration is reloaded: config/mcpServer/reload".into(),
        Step::Turn { thread } => format!("thread {thread} makes a turn: turn/start"),
        Step::View => "the servers are listed: mcpServerStatus/list".into(),
        Step::Call { thread, server } => {
            format!("thread {thread} calls a tool of {}: mcpServer/tool/call", one_line(server))
        }
        Step::Read { thread: Some(thread), server } => format!(
            "thread {thread} reads a resource of {}: mcpServer/resource/read",
            one_line(server)
        ),
        Step::Read { thread: None, server } => format!(
            "a resource of {} is read on no thread: mcpServer/resource/read",
            one_line(server)
        ),
        Step::World { server, behaviour } => {
            let does = behaviour_words(*behaviour);
            format!("{} {does}", server_words(server))
        }
        Step::Release { server } => {
            format!("{} answers what it holds, and is well", server_words(server))
        }
        Step::LogIn { server } => {
            format!("the user logs in to the server {}: its tokens are stored", one_line(server))
        }
        Step::Expire { server } => {
            format!("the access tokens of {} expire", server_words(server))
        }
        Step::Tokens { server, behaviour } => {
            let does = tokens_words(*behaviour);
            format!("the token endpoint of {} {does}", server_words(server))
        }
        Step::KillServer { server } => {
            format!("the processes of {} are killed", one_line(server))
        }
        Step::Settle => "what nothing uses is given 2 s to end".into(),
        Step::EndHost { by: Ending::EndOfInput } => "the host ends: its input ends".into(),
        Step::EndHost { by: Ending::Kill } => "the host is killed".into(),
        Step::Together(steps) => {
            let steps: Vec<String> = steps.iter().map(sentence).collect();
            format!("together: {}", steps.join("; "))
        }
    }
}

fn behaviour_words(behaviour: Behaviour) -> &'static str {
    match behaviour {
        Behaviour::Well => "is well",
        Behaviour::Hold => "holds tool calls from now on",
        Behaviour::Refuse => "refuses tool calls with HTTP 500 from now on",
        Behaviour::Unauthorized => "refuses tool calls with HTTP 401 from now on",
        Behaviour::Forbidden => "refuses tool calls with HTTP 403 from now on",
        Behaviour::TooMany => "refuses tool calls with HTTP 429 from now on",
        Behaviour::Cut => "cuts the connection in answers to tool calls from now on",
        Behaviour::BadJson => "answers tool calls with half a message from now on",
        Behaviour::Redirect => "redirects tool calls to another origin from now on",
        Behaviour::Slow => "answers tool calls in several pieces from now on",
        Behaviour::HoldStart => "holds handshakes from now on",
        Behaviour::Down => "is down: it answers every request with HTTP 503, or does not start",
        Behaviour::Forget => "forgets its sessions",
        Behaviour::NewTools => "has one more tool, and says so",
    }
}

fn tokens_words(behaviour: Tokens) -> &'static str {
    match behaviour {
        Tokens::Well => "is well",
        Tokens::Hold => "holds refreshes from now on",
        Tokens::Refuse => "answers refreshes with HTTP 500 from now on",
        Tokens::InvalidGrant => "ends the login: it answers refreshes with invalid_grant",
        Tokens::Cut => "cuts the connection in answers to refreshes from now on",
    }
}

pub(super) fn server_words(server: &str) -> String {
    if server == CODEX_APPS {
        return "the Apps server".into();
    }
    if !server.contains("://") {
        return format!("the stdio server {}", one_line(server));
    }
    format!("the server at {}", one_line(server))
}

fn config_words(config: &Value) -> String {
    let servers = config.get("mcp_servers").and_then(Value::as_object);
    let server = |(name, entry): (&String, &Value)| {
        let at = ["url", "command"].iter().find_map(|key| entry.get(*key)?.as_str());
        let url = at.unwrap_or("neither command nor url");
        let disabled = entry.get("enabled") == Some(&Value::Bool(false));
        let disabled = if disabled { ", disabled" } else { "" };
        format!("{name} ({url}{}{disabled})", entry_words(entry))
    };
    let mut words: Vec<String> = servers.into_iter().flatten().map(server).collect();
    if config.pointer("/features/apps") == Some(&Value::Bool(false)) {
        words.push("the Apps feature off".into());
    }
    words.extend(sku_words(config));
    if words.is_empty() { "no servers".into() } else { one_line(&words.join(", ")) }
}

pub(crate) fn seen_words(seen: &Seen) -> String {
    match seen {
        Seen::Done => "success".into(),
        Seen::Refused => "an error, and no request to a server".into(),
        Seen::Servers(servers) if servers.is_empty() => "no servers".into(),
        Seen::Servers(servers) => {
            let listed = servers.iter().map(|(name, listed)| match listed {
                Listed::WithTools => format!("{name} with tools"),
                Listed::WithNewTools => format!("{name} with its new tools"),
                Listed::WithoutTools => format!("{name} without tools"),
                Listed::NotLoggedIn => format!("{name}, not logged in"),
            });
            format!("the servers {}", listed.collect::<Vec<_>>().join(", "))
        }
        Seen::Answered { by, account } => format!("an answer of {by}{}", carrying(account)),
        Seen::Failed { at, account } => {
            format!("an error, after a request to {at}{}", carrying(account))
        }
        Seen::Held { at, account } => format!("a call held by {at}{}", carrying(account)),
        Seen::Refreshing { at } => format!("a call that waits for a refresh at {at}"),
        Seen::Unanswered => "no answer in time".into(),
        Seen::Released(outcomes) if outcomes.is_empty() => "nothing to answer".into(),
        Seen::Released(outcomes) => {
            let outcomes: Vec<String> = outcomes.iter().map(seen_words).collect();
            format!("the held calls get: {}", outcomes.join("; "))
        }
        Seen::LeftOver(left) if left.is_empty() => "everything that is not used is gone".into(),
        Seen::LeftOver(left) => {
            let left: Vec<String> =
                left.iter().map(|server| one_line(server).to_string()).collect();
            format!("still there: {}", left.join(", "))
        }
        Seen::Together(all) => {
            let all: Vec<String> = all.iter().map(seen_words).collect();
            all.join("; ")
        }
    }
}

/// Whose credentials a request carries.
pub(super) fn carrying(account: &Option<String>) -> String {
    match account {
        Some(account) => format!(" with the credentials of {account}"),
        None => String::new(),
    }
}

fn actual_words(actual: &Actual) -> String {
    match actual {
        Actual::Seen(seen) => seen_words(seen),
        Actual::Carried { url, what, carried, .. } => {
            format!("{what} to {}, {}", one_line(url), carried_words(carried))
        }
        Actual::Address { url, what, .. } => {
            format!("{what} to {}, where no server is", one_line(url))
        }
        Actual::Credentials { url, account, lacks_id } => {
            let id = if *lacks_id { " without the account's id" } else { "" };
            format!("a request to {url} with the credentials of {account}{id}")
        }
        Actual::Reused { url, when } => {
            format!("the token endpoint of {url} got one refresh token again: {when}")
        }
        Actual::NotKept(url) => {
            format!("the login to {url} that is stored has an old refresh token, which is spent")
        }
        Actual::LoginLost(url) => {
            format!("the login to {url}, which nobody ended, is not stored any more")
        }
        Actual::Moved(at) => {
            format!(
                "another connection to {at} than before the reload, which changed nothing there"
            )
        }
        Actual::ListedFor(account) => format!("the tools of {CODEX_APPS} are those of {account}"),
        Actual::Repeated { at, times } => format!("{at} got this one call {times} times"),
    }
}
