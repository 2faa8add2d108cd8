//! Settings on the command line of a host, which are in force with every config of a sequence.

use arbitrary::Unstructured;
use mcp_overlay_model::lifecycle::Step;
use serde_json::{Value, json};

use super::configs::{NAMES, URLS};

/// One sequence in this many has such settings.
const ONE_IN: u8 = 8;

/// The place from the end of the byte that decides about it; others decide about other things.
const PLACE: usize = 5;

/// Puts settings for one server, or the switch of the Apps server, before all other steps. The steps that are there do not depend on them.
pub(super) fn put_first(steps: &mut Vec<Step>, bytes: &[u8]) {
    if bytes.iter().rev().nth(PLACE).is_none_or(|byte| byte % ONE_IN != 0) {
        return;
    }
    if matches!(steps.first(), Some(Step::Arguments(_))) {
        return;
    }
    let mixed: Vec<u8> = bytes.iter().rev().map(|byte| byte.rotate_left(5) ^ 0x33).collect();
    let settings = settings(steps, &mut Unstructured::new(&mixed));
    if let Some(settings) = settings.unwrap_or_default() {
        steps.insert(0, Step::Arguments(settings));
    }
}

fn settings(steps: &[Step], bytes: &mut Unstructured<'_>) -> arbitrary::Result<Option<Value>> {
    let names = names_of_urls(steps);
    if names.is_empty() || bytes.ratio(1, 5)? {
        return Ok(Some(json!({"features": {"apps": false}})));
    }
    let name = *bytes.choose(&names)?;
    // With every config: a released host does not start with settings that make an entry invalid.
    let url = *bytes.choose(&URLS)?;
    let entry = match bytes.ratio(1, 2)? {
        true => json!({"url": url}),
        false => json!({"url": url, "enabled": false}),
    };
    Ok(Some(json!({"mcp_servers": {name: entry}})))
}

/// The names of servers to which every config of these steps gives a URL, or nothing: a URL mends a broken
/// entry, and then a thread starts that the steps have not counted.
fn names_of_urls(steps: &[Step]) -> Vec<&'static str> {
    let configs = steps.iter().flat_map(|step| match step {
        Step::Together(steps) => steps.as_slice(),
        step => std::slice::from_ref(step),
    });
    let configs: Vec<&Value> = configs
        .filter_map(|step| match step {
            Step::Config(config) => Some(config),
            _ => None,
        })
        .collect();
    let lacks_url = |config: &&Value, name: &str| {
        let entry = config.get("mcp_servers").and_then(|servers| servers.get(name));
        entry.is_some_and(|entry| entry.get("url").is_none())
    };
    let names = NAMES.into_iter();
    names.filter(|name| !configs.iter().any(|config| lacks_url(config, name))).collect()
}
