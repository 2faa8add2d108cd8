//! Settings on the command line of the host, which count instead of those in `config.toml`.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::config::Config;
use super::state::State;

/// The settings on the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Arguments {
    /// Of the running host, or of the last one.
    in_force: Option<Arc<Value>>,
    /// Of the next one.
    next: Option<Arc<Value>>,
}

impl State {
    /// From its next start on, the host has these settings on its command line.
    pub(super) fn give_arguments(&mut self, settings: &Value) {
        self.arguments.next = Some(Arc::new(settings.clone()));
    }

    /// The host starts.
    pub(super) fn take_arguments(&mut self) {
        if self.arguments.next != self.arguments.in_force {
            self.arguments.in_force.clone_from(&self.arguments.next);
            self.config = self.configured(self.file.written());
        }
    }

    /// The configuration if this is in `config.toml`: the settings on the command line replace what the
    /// file has at their paths.
    pub(super) fn configured(&self, written: &Value) -> Config {
        match &self.arguments.in_force {
            None => Config::new(self.profile, written),
            Some(settings) => {
                let mut all = written.clone();
                replace(&mut all, settings);
                Config::new(self.profile, &all)
            }
        }
    }

    /// The settings on the command line of the running host; nothing without any.
    #[must_use]
    pub fn arguments(&self) -> Option<&Value> {
        self.arguments.in_force.as_deref()
    }

    /// The configuration in force: `config.toml` and the settings on the command line.
    #[must_use]
    pub fn configuration(&self) -> &Value {
        self.config.written()
    }
}

/// Puts the values of one table into another one, table by table.
fn replace(all: &mut Value, by: &Value) {
    let Value::Object(settings) = by else {
        by.clone_into(all);
        return;
    };
    if !all.is_object() {
        *all = Map::new().into();
    }
    let Some(all) = all.as_object_mut() else { return };
    for (key, value) in settings {
        replace(all.entry(key.clone()).or_insert(Value::Null), value);
    }
}
