//! Short sequences about one thing that people do: servers with much in their entries, two names that
//! exchange their addresses, a config that is mended without a reload, a server that refuses for a while, a
//! login whose server moves, and unusual settings of the Apps server. The long sequences rarely draw these.

use arbitrary::Unstructured;
use mcp_overlay_model::lifecycle::{BASE, Behaviour, Ending, SignIn, Step};
use mcp_overlay_model::{Auth, CODEX_APPS};
use serde_json::{Map, Value, json};

/// One sequence in this many.
const ONE_IN: u8 = 6;

/// The place from the end of the byte that decides about it; others decide about other things.
const PLACE: usize = 7;

const NAMES: [&str; 5] = ["a", "my-docs", "b", "docs_2", "c"];

const ADDRESSES: [&str; 7] = [
    "https://one.example/mcp",
    "https://two.example/v1/mcp?key=a%2Fb",
    "first-stdio-server",
    "https://three.example/mcp/",
    "second-stdio-server",
    "https://four.example/",
    "https://five.example/mcp",
];

const VARIABLES: [&str; 3] = ["T1", "my_token", "T2"];

const THREADS: [&str; 2] = ["t1", "t2"];

/// Whether these bytes mean such a sequence.
pub(super) fn is_scenario(bytes: &[u8]) -> bool {
    bytes.iter().rev().nth(PLACE).is_some_and(|byte| byte % ONE_IN == 0)
}

/// The steps that these bytes mean.
pub(super) fn steps(bytes: &[u8]) -> Vec<Step> {
    let mut scenario = Scenario {
        bytes: Unstructured::new(bytes),
        servers: Map::new(),
        threads: 1,
        uses_apps: false,
        steps: Vec::new(),
    };
    // Without more bytes every choice is the first one, so the sequence ends.
    let _ = scenario.fill();
    scenario.finish();
    scenario.steps
}

struct Scenario<'a> {
    bytes: Unstructured<'a>,
    servers: Map<String, Value>,
    threads: usize,
    uses_apps: bool,
    steps: Vec<Step>,
}

impl Scenario<'_> {
    fn fill(&mut self) -> arbitrary::Result<()> {
        self.threads = self.bytes.int_in_range(1..=2)?;
        match self.bytes.int_in_range(0..=7)? {
            0 | 1 => self.full_entries(),
            2 => self.exchanged_addresses(),
            3 => self.mended_without_a_reload(),
            4 => self.refused_for_a_while(),
            5 => self.moved_login(),
            6 => self.settings_on_the_command_line(),
            _ => self.settings_of_apps(),
        }
    }

    /// Servers of both kinds with several headers, variables or arguments, and later others.
    fn full_entries(&mut self) -> arbitrary::Result<()> {
        for _ in 0..2 {
            let first = self.bytes.int_in_range(0..=ADDRESSES.len() - 1)?;
            let count = self.bytes.int_in_range(2..=NAMES.len())?;
            let addresses = ADDRESSES.iter().cycle().skip(first);
            for (name, address) in NAMES.iter().zip(addresses).take(count) {
                let entry = self.entry(address)?;
                self.servers.insert((*name).into(), entry);
            }
            self.take_up();
        }
        Ok(())
    }

    fn exchanged_addresses(&mut self) -> arbitrary::Result<()> {
        let [one, .., other] = ADDRESSES;
        let entries = [self.entry(one)?, self.entry(other)?];
        for names in [["a", "b"], ["b", "a"]] {
            for (name, entry) in names.into_iter().zip(&entries) {
                self.servers.insert(name.into(), entry.clone());
            }
            self.take_up();
        }
        Ok(())
    }

    /// A reload is refused; then the config is mended. Threads keep what they have until the next reload.
    fn mended_without_a_reload(&mut self) -> arbitrary::Result<()> {
        self.server("a", 0)?;
        self.config(&json!({}));
        self.start_threads();
        self.use_all();
        // Neither a command nor a URL.
        let broken = json!({"chatgpt_base_url": BASE, "mcp_servers": {"a": {}}});
        self.steps.extend([Step::Config(broken), Step::Reload]);
        if self.bytes.ratio(1, 2)? {
            self.use_all();
        }
        self.server("a", 3)?;
        self.config(&json!({}));
        self.use_all();
        self.steps.push(Step::Reload);
        self.use_all();
        Ok(())
    }

    fn refused_for_a_while(&mut self) -> arbitrary::Result<()> {
        self.server("a", 0)?;
        self.server("b", 3)?;
        self.config(&json!({}));
        self.start_threads();
        if self.bytes.ratio(1, 2)? {
            self.use_all();
        }
        let all =
            [Behaviour::Unauthorized, Behaviour::Forbidden, Behaviour::TooMany, Behaviour::Refuse];
        let behaviour = *self.bytes.choose(&all)?;
        let [server, ..] = ADDRESSES.map(String::from);
        self.steps.push(Step::World { server: server.clone(), behaviour });
        for _ in 0..self.bytes.int_in_range(1..=3)? {
            self.use_all();
        }
        self.steps.push(Step::Release { server });
        self.use_all();
        Ok(())
    }

    /// A login is for a name and an address. Where the server moves, its tokens stay behind.
    fn moved_login(&mut self) -> arbitrary::Result<()> {
        let [here, .., there] = ADDRESSES;
        self.servers.insert("a".into(), json!({"url": here}));
        self.config(&json!({}));
        self.steps.push(Step::LogIn { server: "a".into() });
        self.start_threads();
        self.use_all();
        for url in [there, here].into_iter().take(self.bytes.int_in_range(1..=2)?) {
            self.servers.insert("a".into(), json!({"url": url}));
            self.config(&json!({}));
            self.steps.push(Step::Reload);
            self.use_all();
        }
        Ok(())
    }

    /// A setting on the command line adds to an entry of the file.
    fn settings_on_the_command_line(&mut self) -> arbitrary::Result<()> {
        let (address, setting) = *self.bytes.choose(&[
            (ADDRESSES[0], "http_headers"),
            (ADDRESSES[0], "bearer_token_env_var"),
            // Not the arguments: the checker's own server needs those of the file.
            (ADDRESSES[2], "env"),
        ])?;
        let setting = match setting {
            "http_headers" => json!({"http_headers": {"X-Team": "red"}}),
            "bearer_token_env_var" => json!({"bearer_token_env_var": VARIABLES[0]}),
            _ => json!({"env": {"K": "of the command line"}}),
        };
        self.steps.push(Step::Arguments(json!({"mcp_servers": {"a": setting}})));
        self.servers.insert("a".into(), at(address));
        self.server("b", 3)?;
        self.config(&json!({}));
        self.start_threads();
        self.use_all();
        Ok(())
    }

    /// The base has a path, a feature has its other name, or the user has an entry of the reserved name.
    fn settings_of_apps(&mut self) -> arbitrary::Result<()> {
        self.uses_apps = true;
        self.server("a", 0)?;
        for is_again in [false, true] {
            let own = json!({"url": ADDRESSES[6], "enabled": false});
            let (more, has_own) = match self.bytes.int_in_range(0..=4)? {
                0 => (json!({"features": {"connectors": false}}), false),
                1 => (json!({"features": {"connectors": true}}), false),
                2 => (json!({"chatgpt_base_url": format!("{BASE}/backend-api")}), false),
                3 => (json!({"chatgpt_base_url": format!("{BASE}/x/api/codex/")}), false),
                _ => (json!({}), true),
            };
            self.servers.remove(CODEX_APPS);
            if has_own {
                self.servers.insert(CODEX_APPS.into(), own);
            }
            self.config(&more);
            if is_again {
                self.steps.push(Step::Reload);
            } else {
                self.steps.push(Step::SignIn(SignIn::by_file("alice", Auth::ChatGpt)));
                self.start_threads();
            }
            self.use_all();
        }
        Ok(())
    }

    fn server(&mut self, name: &str, address: usize) -> arbitrary::Result<()> {
        if let Some(address) = ADDRESSES.get(address) {
            let entry = self.entry(address)?;
            self.servers.insert(name.into(), entry);
        }
        Ok(())
    }

    fn entry(&mut self, address: &str) -> arbitrary::Result<Value> {
        let mut entry = at(address);
        let Some(fields) = entry.as_object_mut() else { return Ok(entry) };
        let count = self.bytes.int_in_range(0..=2)?;
        let value = *self.bytes.choose(&["red", "blue"])?;
        if !address.contains("://") {
            let args = ["--team", value, "two words"];
            fields.insert("args".into(), args.into_iter().take(count + 1).collect());
            let env = [("K", value), ("L", "x=y"), ("M", "")];
            let env = env.into_iter().take(count).map(|(name, value)| (name.into(), value.into()));
            fields.insert("env".into(), env.collect::<Map<_, _>>().into());
            return Ok(entry);
        }
        let headers = [("X-Team", value), ("X-Zone", "eu, us")];
        let headers = headers.into_iter().take(count);
        let headers: Map<_, _> =
            headers.map(|(name, value)| (name.to_string(), value.into())).collect();
        if !headers.is_empty() {
            fields.insert("http_headers".into(), headers.into());
        }
        if self.bytes.ratio(1, 2)? {
            let variable = *self.bytes.choose(&VARIABLES)?;
            fields.insert("bearer_token_env_var".into(), variable.into());
        }
        Ok(entry)
    }

    fn config(&mut self, more: &Value) {
        let mut config = json!({"chatgpt_base_url": BASE, "mcp_servers": self.servers});
        if let (Some(config), Some(more)) = (config.as_object_mut(), more.as_object()) {
            config.extend(more.clone());
        }
        self.steps.push(Step::Config(config));
    }

    /// The config is written, threads start or reload, and use everything.
    fn take_up(&mut self) {
        let is_first = self.steps.is_empty();
        self.config(&json!({}));
        if is_first {
            self.start_threads();
        } else {
            self.steps.push(Step::Reload);
        }
        self.use_all();
    }

    fn start_threads(&mut self) {
        let names = THREADS.iter().take(self.threads);
        self.steps.extend(names.map(|name| Step::Thread { name: (*name).into() }));
    }

    /// Every thread calls every server.
    fn use_all(&mut self) {
        for thread in THREADS.iter().take(self.threads) {
            let apps = Some(CODEX_APPS).filter(|_| self.uses_apps);
            let own = self.servers.keys().map(String::as_str).filter(|name| *name != CODEX_APPS);
            for server in own.chain(apps) {
                let (thread, server) = ((*thread).into(), server.into());
                self.steps.push(Step::Call { thread, server });
            }
        }
    }

    fn finish(&mut self) {
        self.steps.push(Step::View);
        self.steps.extend([Step::Settle, Step::EndHost { by: Ending::EndOfInput }]);
    }
}

/// An entry for this URL or command.
fn at(address: &str) -> Value {
    let key = if address.contains("://") { "url" } else { "command" };
    json!({key: address})
}
