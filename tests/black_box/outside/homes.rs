//! The homes of the app-servers: when each gets the client's configuration and sign-in.

use crate::files::{Occasion, put, with_stand_ins};
use crate::http;
use crate::shared::LISTS;
use crate::switch::Switch;

impl Switch {
    /// Gives an app-server the client's configuration.
    pub(crate) fn copy_config(&mut self, host: usize, occasion: Occasion) {
        let mut text = self.shared.read("config.toml");
        if let Some(snapshot) = self.snapshot.clone() {
            text = Some(snapshot);
        }
        if occasion == Occasion::Start && self.is("threads-start-with-the-last-list") {
            text = self.last_text.clone().or(text);
        }
        if occasion != Occasion::Start {
            self.last_text.clone_from(&text);
        }
        let last = self.last_host;
        if host == LISTS && last != LISTS && self.is("lists-the-servers-of-the-last-thread") {
            let config = self.shared.state().configs.get(&last).cloned().unwrap_or_default();
            return self.write_config(LISTS, config);
        }
        let Some(text) = text else {
            self.shared.state().configs.remove(&host);
            return put(&self.hosts[&host].home.join("config.toml"), None);
        };
        match self.shared.take_up(host, &text, occasion) {
            Ok(config) => self.write_config(host, config),
            Err(text) => put(&self.hosts[&host].home.join("config.toml"), Some(&text)),
        }
    }

    pub(crate) fn write_config(&mut self, host: usize, config: toml::Table) {
        let text = with_stand_ins(&config, host, &self.socket).to_string();
        let text = self.with_origins(host, &text);
        self.shared.state().configs.insert(host, config);
        put(&self.hosts[&host].home.join("config.toml"), Some(&text));
    }

    /// Puts this program between the app-server and its HTTP servers.
    fn with_origins(&mut self, host: usize, text: &str) -> String {
        const LOOPBACK: &str = "http://127.0.0.1:";
        let mut parts = text.split(LOOPBACK);
        let mut whole = parts.next().unwrap_or_default().to_string();
        for part in parts {
            let end = part.find(|it: char| !it.is_ascii_digit()).unwrap_or(part.len());
            let origin = format!("{LOOPBACK}{}", &part[..end]);
            let shared = &self.shared;
            let address = self
                .origins
                .entry((host, origin.clone()))
                .or_insert_with(|| http::stand_in(shared, host, &origin));
            whole.push_str(address);
            whole.push_str(&part[end..]);
        }
        whole
    }

    /// Gives every app-server the client's sign-in.
    pub(crate) fn copy_sign_in(&self, at_reload: bool) {
        let auth = self.shared.read("auth.json");
        for (number, host) in &self.hosts {
            let path = host.home.join("auth.json");
            let had = std::fs::read_to_string(&path).ok();
            let is_other = auth.is_some() && had.is_some();
            let is_kept = match &*self.shared.fault {
                "second-thread-keeps-the-token" => *number > 1 && auth.is_none(),
                "second-thread-keeps-the-former-account" => *number > 1 && is_other,
                "signs-out-one-call-late" => *number != LISTS && auth.is_none(),
                "threads-started-signed-out-stay-so" => self.started_signed_out.contains(number),
                "other-account-by-file-needs-a-reload" => {
                    *number != LISTS && is_other && !at_reload
                }
                _ => false,
            };
            if !is_kept && !self.keep_their_files.contains(number) {
                put(&path, auth.as_deref());
            }
        }
    }
}
