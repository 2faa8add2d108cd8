//! What the configs of a sequence say, to know it again in requests.

use std::collections::{BTreeMap, BTreeSet};

use mcp_overlay_model::lifecycle::{Carried, Sequence, Step};
use serde_json::Value;

use super::shared::{Got, Received};
use crate::black_box::local_case::Variable;
use crate::subject::ANOTHER_VALUE;
use crate::subject::process::secrets::nonce;

/// The header with the product SKU.
const SKU: &str = "x-openai-product-sku";

/// What the configs of a sequence say, to know it again in requests.
#[derive(Debug, Default)]
pub(super) struct Spoken {
    /// The names of headers, in lower case.
    headers: BTreeSet<String>,
    /// The values of headers.
    values: BTreeSet<String>,
    /// The variables of bearers. Each host has them from its start.
    pub(super) variables: BTreeMap<String, Variable>,
}

impl Spoken {
    pub(super) fn of(sequence: &Sequence) -> Self {
        let mut spoken = Spoken::default();
        spoken.headers.insert(SKU.into());
        // Where nothing is configured.
        spoken.values.insert("codex".into());
        sequence.steps.iter().for_each(|step| spoken.step(step));
        spoken
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Config(config) | Step::Arguments(config) => self.config(config),
            Step::Together(steps) => steps.iter().for_each(|step| self.step(step)),
            _ => {}
        }
    }

    fn config(&mut self, config: &Value) {
        let sku = config.get("apps_mcp_product_sku").and_then(Value::as_str);
        self.values.extend(sku.map(str::to_string));
        let servers = config.get("mcp_servers").and_then(Value::as_object);
        for entry in servers.into_iter().flat_map(|servers| servers.values()) {
            let headers = entry.get("http_headers").and_then(Value::as_object);
            for (name, value) in headers.into_iter().flatten() {
                self.headers.insert(name.to_ascii_lowercase());
                self.values.extend(value.as_str().map(str::to_string));
            }
            let variable = entry.get("bearer_token_env_var").and_then(Value::as_str);
            if let Some(name) = variable.filter(|name| is_name(name)) {
                let local = || format!("env-{name}-{}", nonce());
                let variable = || Variable { written: String::new(), local: local() };
                self.variables.entry(name.into()).or_insert_with(variable);
            }
        }
    }

    pub(super) fn carried(&self, received: &Received, got: &Got) -> Carried {
        let spoken = got.headers.iter().filter(|(name, _)| self.headers.contains(*name));
        let headers = spoken.map(|(name, value)| {
            let value = Some(value.as_str()).filter(|value| self.values.contains(*value));
            (name.clone(), value.unwrap_or(ANOTHER_VALUE).to_string())
        });
        let bearer = received.authorization.as_deref();
        let bearer = bearer.map(|bearer| bearer.strip_prefix("Bearer ").unwrap_or(bearer).trim());
        let mut variables = self.variables.iter();
        let variable = variables.find(|(_, variable)| Some(variable.local.as_str()) == bearer);
        Carried {
            headers: headers.collect(),
            variable: variable.map(|(name, _)| name.clone()),
            args: got.args.clone(),
            env: got.env.clone(),
        }
    }
}

/// Whether every system takes it as the name of a variable.
fn is_name(name: &str) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && name.bytes().all(is_of_name)
}
