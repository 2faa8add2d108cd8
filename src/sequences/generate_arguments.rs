//! Settings on the command line of a host, which are in force with every config of a sequence.

use arbitrary::Unstructured;
use mcp_overlay_model::lifecycle::Step;
use serde_json::{Value, json};

use super::configs::URLS;

/// One sequence in this many has such settings.
const ONE_IN: u8 = 8;

/// The place from the end of the byte that decides about it; others decide about other things.
const PLACE: usize = 5;

/// Puts settings for the first server of the first config, or the switch of the Apps server, before all
/// other steps. The steps that are there do not depend on them.
pub(super) fn put_first(steps: &mut Vec<Step>, bytes: &[u8]) {
    if bytes.iter().rev().nth(PLACE).is_none_or(|byte| byte % ONE_IN != 0) {
        return;
    }
    let mixed: Vec<u8> = bytes.iter().rev().map(|byte| byte.rotate_left(5) ^ 0x33).collect();
    let settings = settings(steps, &mut Unstructured::new(&mixed));
    if let Some(settings) = settings.unwrap_or_default() {
        steps.insert(0, Step::Arguments(settings));
    }
}

fn settings(steps: &[Step], bytes: &mut Unstructured<'_>) -> arbitrary::Result<Option<Value>> {
    let first = steps.iter().find_map(|step| match step {
        Step::Config(config) => config.get("mcp_servers")?.as_object(),
        _ => None,
    });
    let names: Vec<&String> = first.into_iter().flat_map(|servers| servers.keys()).collect();
    if names.is_empty() || bytes.ratio(1, 5)? {
        return Ok(Some(json!({"features": {"apps": false}})));
    }
    let name = *bytes.choose(&names)?;
    let has_url = first.and_then(|servers| servers.get(name)?.get("url")).is_some();
    let entry = match has_url && bytes.ratio(1, 2)? {
        true => json!({"url": *bytes.choose(&URLS)?}),
        false => json!({"enabled": false}),
    };
    Ok(Some(json!({"mcp_servers": {name.as_str(): entry}})))
}
