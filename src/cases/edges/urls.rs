//! URLs, built from a grammar: bases of the Apps server and addresses of servers.

use mcp_overlay_model::Case;
use serde_json::json;

use super::build::{PLACES, hosted, product, with_entry, with_host};
use crate::cases::digits::Digits;
use crate::cases::samples::urls::{
    BASES, HOSTS, NEAR_CHATGPT, NO_BASES, PATHS, PLAIN_ORIGINS, PORTS, SCHEMES, TAILS, USERINFOS,
};

fn with_base(base: &str) -> Case {
    with_host(json!({"chatgpt_base_url": base, "apps_mcp_product_sku": "s"}))
}

/// Some paths for each origin.
const SOME_PATHS: &[&str] = &["", "/backend-api", "/api/codex/"];

pub(super) fn origins_size() -> u64 {
    product([2, HOSTS.len(), PORTS.len(), SOME_PATHS.len()])
}

pub(super) fn origins(digits: &mut Digits) -> Option<Case> {
    let scheme = digits.pick(&["https://", "http://"])?;
    let (host, port) = (digits.pick(HOSTS)?, digits.pick(PORTS)?);
    let path = digits.pick(SOME_PATHS)?;
    Some(with_base(&format!("{scheme}{host}{port}{path}")))
}

/// Some hosts for each scheme and user information.
const SOME_HOSTS: &[&str] =
    &["chatgpt.com", "chat.openai.com", "corp.example", "chatgpt.com.example.net"];

pub(super) fn userinfos_size() -> u64 {
    product([SCHEMES.len(), USERINFOS.len(), SOME_HOSTS.len(), 2])
}

pub(super) fn userinfos(digits: &mut Digits) -> Option<Case> {
    let (scheme, userinfo) = (digits.pick(SCHEMES)?, digits.pick(USERINFOS)?);
    let (host, path) = (digits.pick(SOME_HOSTS)?, digits.pick(&["", "/backend-api/"])?);
    Some(with_base(&format!("{scheme}{userinfo}{host}{path}")))
}

pub(super) fn paths_size() -> u64 {
    product([PLAIN_ORIGINS.len(), PATHS.len(), TAILS.len(), 3])
}

/// Each path, with the legacy loader, the hosted contributor and a path override.
pub(super) fn paths(digits: &mut Digits) -> Option<Case> {
    let (origin, path) = (digits.pick(PLAIN_ORIGINS)?, digits.pick(PATHS)?);
    let tail = digits.pick(TAILS)?;
    let mut case = with_base(&format!("{origin}{path}{tail}"));
    match digits.next(3) {
        0 => {}
        1 => case.contributors = vec![hosted()],
        _ => {
            if let Some(host) = case.host.as_object_mut() {
                host.insert("features".into(), json!({"apps_mcp_path_override": {"path": "/o/p"}}));
            }
        }
    }
    Some(case)
}

/// A server that asks for the host's credentials.
fn asks_for_credentials(digits: &mut Digits, url: &str) -> Option<Case> {
    let entry = json!({"url": url, "auth": "chatgpt"});
    let name = digits.pick(&["a", "codex_apps"])?;
    let mut case = with_entry(*digits.pick(&PLACES)?, name, entry);
    if let Some(host) = case.host.as_object_mut() {
        host.remove("features");
    }
    Some(case)
}

pub(super) fn servers_size() -> u64 {
    product([2, HOSTS.len(), PORTS.len()])
}

pub(super) fn servers(digits: &mut Digits) -> Option<Case> {
    let scheme = digits.pick(&["https://", "http://"])?;
    let url = format!("{scheme}{}{}/x", digits.pick(HOSTS)?, digits.pick(PORTS)?);
    asks_for_credentials(digits, &url)
}

pub(super) fn listed_size() -> u64 {
    let composed = product([SCHEMES.len(), USERINFOS.len(), SOME_HOSTS.len()]);
    (composed + (NEAR_CHATGPT.len() + BASES.len() + NO_BASES.len()) as u64) * 2 * 3
}

/// Characters of ASCII, before, in and after a host.
const PATTERNS: [&str; 5] = [
    "{}https://chatgpt.com/x",
    "https{}://chatgpt.com/x",
    "https://{}chatgpt.com/x",
    "https://chat{}gpt.com/x",
    "https://chatgpt.com{}",
];

pub(super) fn characters_size() -> u64 {
    product([PATTERNS.len(), 128])
}

/// A server near ChatGPT's origin, with each character that a reader of URLs may strip or take for a
/// delimiter.
pub(super) fn characters(digits: &mut Digits) -> Option<Case> {
    let pattern = digits.pick(&PATTERNS)?;
    let character = char::from_u32(digits.next(128) as u32)?;
    let url = pattern.replace("{}", character.encode_utf8(&mut [0; 4]));
    asks_for_credentials(&mut Digits::new(0), &url)
}

/// Each listed address, and each scheme with each user information.
pub(super) fn listed(digits: &mut Digits) -> Option<Case> {
    let listed: Vec<&str> = [NEAR_CHATGPT, BASES, NO_BASES].concat();
    let composed = product([SCHEMES.len(), USERINFOS.len(), SOME_HOSTS.len()]);
    let number = digits.next(composed + listed.len() as u64);
    let url = match listed.get(number as usize) {
        Some(url) => (*url).to_string(),
        None => {
            let mut parts = Digits::new(number - listed.len() as u64);
            let (scheme, userinfo) = (parts.pick(SCHEMES)?, parts.pick(USERINFOS)?);
            format!("{scheme}{userinfo}{}/x", parts.pick(SOME_HOSTS)?)
        }
    };
    asks_for_credentials(digits, &url)
}
