//! Makes a failing sequence small: fewer steps, then simpler ones.

use mcp_overlay_model::lifecycle::{Sequence, SignIn, Step};
use serde_json::Value;

/// The fields of an entry that decide only what requests carry, or what a process is started with.
const CARRIED: [&str; 4] = ["http_headers", "bearer_token_env_var", "args", "env"];

const SKU: &str = "apps_mcp_product_sku";

/// The smallest sequence that `fails` like this one, by dropping and simplifying steps until nothing
/// more can be. `fails` says no when it has had enough.
pub fn shrink(sequence: &Sequence, mut fails: impl FnMut(&Sequence) -> bool) -> Sequence {
    let mut smallest = sequence.clone();
    loop {
        let before = smallest.clone();
        // The end first: what comes after the failing step shows nothing.
        let mut length = smallest.steps.len();
        while length > 0 {
            let mut at = smallest.steps.len();
            while at > 0 {
                let start = at.saturating_sub(length);
                let mut shorter = smallest.clone();
                shorter.steps.drain(start..at);
                if fails(&shorter) {
                    smallest = shorter;
                }
                at = start;
            }
            length /= 2;
        }
        for at in 0..smallest.steps.len() {
            for step in smallest.steps.get(at).map(simpler).unwrap_or_default() {
                let mut other = smallest.clone();
                if let Some(place) = other.steps.get_mut(at) {
                    *place = step;
                }
                if fails(&other) {
                    smallest = other;
                    break;
                }
            }
        }
        if smallest == before {
            return smallest;
        }
    }
}

/// Simpler steps of the same kind, the simplest first.
fn simpler(step: &Step) -> Vec<Step> {
    match step {
        Step::Config(config) => {
            without_a_server(config).chain(without_a_field(config)).map(Step::Config).collect()
        }
        Step::Arguments(settings) => without_a_server(settings).map(Step::Arguments).collect(),
        Step::SignIn(sign_in) => simpler_sign_ins(sign_in),
        Step::Together(steps) => {
            let alone = steps.iter().cloned();
            let without = (0..steps.len()).filter(|_| steps.len() > 2).map(|at| {
                let mut fewer = steps.clone();
                fewer.remove(at);
                Step::Together(fewer)
            });
            alone.chain(without).collect()
        }
        _ => Vec::new(),
    }
}

fn simpler_sign_ins(sign_in: &SignIn) -> Vec<Step> {
    let simplest = SignIn::by_file("alice", sign_in.auth);
    let SignIn { account, by, number, .. } = simplest.clone();
    let others = [
        simplest,
        SignIn { number, ..sign_in.clone() },
        SignIn { by, ..sign_in.clone() },
        SignIn { account, ..sign_in.clone() },
    ];
    others.into_iter().filter(|other| other != sign_in).map(Step::SignIn).collect()
}

/// The config without something that decides only what requests carry.
fn without_a_field(config: &Value) -> impl Iterator<Item = Value> {
    let servers = config.get("mcp_servers").and_then(Value::as_object).into_iter().flatten();
    let entries = servers.filter_map(|(name, entry)| Some((name, entry.as_object()?)));
    let fields = entries.flat_map(|(name, entry)| {
        let fields = entry.keys().filter(|key| CARRIED.contains(&key.as_str()));
        fields.map(move |key| (format!("/mcp_servers/{name}"), key.clone()))
    });
    let sku = config.get(SKU).map(|_| (String::new(), SKU.to_string()));
    let without = fields.chain(sku).filter_map(|(place, key)| {
        let mut config = config.clone();
        config.pointer_mut(&place)?.as_object_mut()?.remove(&key);
        Some(config)
    });
    without.collect::<Vec<_>>().into_iter()
}

fn without_a_server(config: &Value) -> impl Iterator<Item = Value> {
    let servers = config.get("mcp_servers").and_then(Value::as_object);
    let names: Vec<String> = servers.into_iter().flat_map(|s| s.keys().cloned()).collect();
    names.into_iter().filter_map(|name| {
        let mut config = config.clone();
        config.get_mut("mcp_servers")?.as_object_mut()?.remove(&name);
        Some(config)
    })
}
