//! Settings on the command line of the host, which count instead of those in `config.toml`.

use std::sync::Arc;

use serde_json::{Map, Value};

/// The settings on the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Arguments {
    /// Of the running host, or of the last one.
    in_force: Option<Arc<Value>>,
    /// Of the next one.
    next: Option<Arc<Value>>,
}

impl Arguments {
    /// From its next start on, the host has these settings.
    pub(super) fn give(&mut self, settings: &Value) {
        self.next = Some(Arc::new(settings.clone()));
    }

    /// The host starts; whether it has other settings than the one before.
    pub(super) fn take(&mut self) -> bool {
        let differ = self.next != self.in_force;
        self.in_force.clone_from(&self.next);
        differ
    }

    /// Those of the running host; nothing without any.
    pub(super) fn in_force(&self) -> Option<&Value> {
        self.in_force.as_deref()
    }

    /// What is written in the file, with the settings in place of what it has at their paths.
    pub(super) fn over(&self, written: &Value) -> Value {
        let mut all = written.clone();
        if let Some(settings) = &self.in_force {
            replace(&mut all, settings);
        }
        all
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
