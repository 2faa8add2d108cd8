//! Reloads and sign-outs: one request of the client, several app-servers.

use serde_json::{Value, json};

use crate::files::put;
use crate::http;
use crate::sign_ins::LOGIN;
use crate::switch::{RELOAD, Switch, answer, say};

/// Requests to several app-servers that have one answer.
pub(crate) struct Group {
    /// Without an id nobody is answered.
    id: Option<u64>,
    method: &'static str,
    params: Value,
    left: usize,
    error: Option<Value>,
    result: Value,
    /// The files that a refused reload restores.
    before: Vec<(usize, Option<String>, toml::Table)>,
}

impl Switch {
    /// Asks app-servers; returns the number of the group.
    pub(crate) async fn ask(
        &mut self,
        hosts: &[usize],
        id: Option<u64>,
        method: &'static str,
        before: Vec<(usize, Option<String>, toml::Table)>,
    ) -> u64 {
        let group = self.next_own();
        let (left, params, result) = (hosts.len(), Value::Null, json!({}));
        self.groups.insert(group, Group { id, method, params, left, error: None, result, before });
        for host in hosts {
            let own = self.next_own();
            self.members.insert(own, group);
            self.send(*host, &json!({"id": own, "method": method})).await;
        }
        group
    }

    pub(crate) async fn ask_with(
        &mut self,
        hosts: &[usize],
        id: Option<u64>,
        method: &'static str,
        params: Value,
    ) {
        let group = self.next_own();
        let (left, result, before) = (hosts.len(), json!({}), Vec::new());
        let asked = Group { id, method, params: params.clone(), left, error: None, result, before };
        self.groups.insert(group, asked);
        for host in hosts {
            let own = self.next_own();
            self.members.insert(own, group);
            self.send(*host, &json!({"id": own, "method": method, "params": params})).await;
        }
    }

    pub(crate) async fn own_answer(&mut self, id: u64, message: Value) {
        let Some(number) = self.members.remove(&id) else { return };
        let Some(group) = self.groups.get_mut(&number) else { return };
        group.left -= 1;
        match message.get("error") {
            Some(error) => group.error = Some(error.clone()),
            None => group.result = message["result"].clone(),
        }
        if group.left > 0 {
            return;
        }
        let group = self.groups.remove(&number).unwrap();
        if group.method == "account/logout" {
            self.signed_out();
            if self.is("ends-sessions-with-the-old-token") {
                http::end_sessions(&self.shared);
            }
        }
        if group.method == LOGIN && group.error.is_none() {
            self.signed_in(&group.params);
        }
        if group.method == RELOAD {
            if group.error.is_some() {
                return self.reload_failed(group).await;
            }
            put(&self.shared.home.join("snapshot"), self.last_text.as_deref());
            if self.has_turns() && group.id.is_some() {
                self.reload_waits();
            }
            self.taken_up(number).await;
            if self.is("moves-held-calls-at-a-reload") && group.id.is_some() {
                self.move_calls().await;
            }
        }
        group.tell();
    }

    async fn reload_failed(&mut self, group: Group) {
        self.has_refused = true;
        if self.is("drops-servers-at-a-broken-reload") && group.id.is_some() {
            let hosts: Vec<usize> = group.before.iter().map(|(host, ..)| *host).collect();
            for (host, _, mut config) in group.before.clone() {
                config.remove("mcp_servers");
                self.write_config(host, config);
            }
            self.ask(&hosts, None, RELOAD, Vec::new()).await;
            return group.tell();
        }
        for (host, text, config) in &group.before {
            let Some(it) = self.hosts.get(host) else { continue };
            put(&it.home.join("config.toml"), text.as_deref());
            self.shared.state().configs.insert(*host, config.clone());
        }
        group.tell();
    }
}

impl Group {
    fn tell(self) {
        let Some(id) = self.id else { return };
        match self.error {
            Some(error) => say(&json!({"id": id, "error": error})),
            None => answer(id, self.result),
        }
    }
}
