//! A host that takes a reload up at the thread's next turn, as older releases do.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::files::Occasion;
use crate::http;
use crate::shared::LISTS;
use crate::switch::{RELOAD, Switch, answer, say};

/// The hosts that have turns: a sound one, and faulty ones.
const HOSTS: [&str; 4] = [
    "waits-for-turns",
    "a-turn-takes-up-nothing",
    "a-turn-takes-up-the-reload-of-another-thread",
    "a-turn-sends-the-token-to-the-model",
];

/// The reloads that wait, and the turns that take them up.
#[derive(Default)]
pub(crate) struct Turns {
    /// The configuration of the last reload, by app-server.
    waiting: BTreeMap<usize, String>,
    /// The request and the thread of a turn, by the group of its reloads.
    under_way: BTreeMap<u64, (u64, String)>,
}

impl Switch {
    pub(crate) fn has_turns(&self) -> bool {
        HOSTS.contains(&&*self.shared.fault)
    }

    /// A reload of the client has succeeded, and waits.
    pub(crate) fn reload_waits(&mut self) {
        let text = self.last_text.clone().unwrap_or_default();
        let threads = self.hosts.keys().filter(|host| **host != LISTS);
        self.turns.waiting.extend(threads.map(|host| (*host, text.clone())));
    }

    pub(crate) async fn turn(&mut self, id: u64, message: &Value) {
        let thread = message["params"]["threadId"].as_str().unwrap_or_default().to_string();
        let Some(of_thread) = self.threads.get(&thread).copied() else {
            return say(&json!({"id": id, "error": {"code": -32600, "message": "no thread"}}));
        };
        let takes = |host: &usize| match &*self.shared.fault {
            "a-turn-takes-up-nothing" => false,
            "a-turn-takes-up-the-reload-of-another-thread" => *host != of_thread,
            _ => *host == of_thread,
        };
        let hosts: Vec<usize> = self.turns.waiting.keys().copied().filter(takes).collect();
        if hosts.is_empty() {
            return self.end_turn(id, thread).await;
        }
        for host in &hosts {
            let text = self.turns.waiting.remove(host).unwrap();
            self.reloads.tell(*host);
            if let Ok(config) = self.shared.take_up(*host, &text, Occasion::Reload(0)) {
                self.write_config(*host, config);
            }
        }
        let group = self.ask(&hosts, None, RELOAD, Vec::new()).await;
        self.turns.under_way.insert(group, (id, thread));
    }

    /// The reloads of a group have ended.
    pub(crate) async fn taken_up(&mut self, group: u64) {
        if let Some((id, thread)) = self.turns.under_way.remove(&group) {
            self.end_turn(id, thread).await;
        }
    }

    async fn end_turn(&self, id: u64, thread: String) {
        let config: toml::Table = self.shared.read("config.toml").unwrap().parse().unwrap();
        let provider = config["model_providers"]["none"]["base_url"].as_str().unwrap();
        let stored = self.shared.read("auth.json").unwrap_or_default();
        let stored: Value = serde_json::from_str(&stored).unwrap_or_default();
        let token = stored["tokens"]["access_token"].as_str();
        let token = token.filter(|_| self.is("a-turn-sends-the-token-to-the-model"));
        http::ask_model(&format!("{provider}/responses"), token).await;
        let turn = |status: &str| json!({"id": format!("turn-{id}"), "status": status});
        answer(id, json!({"turn": turn("inProgress")}));
        let params = json!({"threadId": thread, "turn": turn("completed")});
        say(&json!({"method": "turn/completed", "params": params}));
    }
}
