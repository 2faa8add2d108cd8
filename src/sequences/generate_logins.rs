//! Sequences about logins to servers behind OAuth: tokens expire, token endpoints fail and wait, and
//! calls, threads and restarts of the host need a refresh meanwhile.

use arbitrary::Unstructured;
use mcp_overlay_model::lifecycle::{BASE, Behaviour, Ending, Means, SignIn, Step, Tokens};
use mcp_overlay_model::{Auth, CODEX_APPS};
use serde_json::{Map, Value, json};

/// The names and URLs of the servers. The first is always behind OAuth.
const SERVERS: [(&str, &str); 3] = [
    ("a", "https://one.example/mcp"),
    ("b", "https://two.example/mcp"),
    ("c", "https://three.example/mcp"),
];
const THREADS: [&str; 3] = ["t1", "t2", "t3"];

/// A thread of a second host.
const SECOND: &str = "s1";

/// One sequence in this many is about logins.
const ONE_IN: u8 = 4;

/// Whether these bytes mean a sequence about logins.
pub(super) fn is_about_logins(bytes: &[u8]) -> bool {
    bytes.last().is_some_and(|last| last % ONE_IN == 0)
}

/// The steps that these bytes mean.
pub(super) fn steps(bytes: &[u8]) -> Vec<Step> {
    let bytes = Unstructured::new(bytes);
    let mut generator = Logins {
        bytes,
        steps: Vec::new(),
        threads: 0,
        guarded: vec![SERVERS[0]],
        has_second: false,
    };
    // Without more bytes every choice is the first one, so the sequence ends.
    let _ = generator.fill();
    generator.heal();
    generator.steps
}

struct Logins<'a> {
    bytes: Unstructured<'a>,
    steps: Vec<Step>,
    threads: usize,
    /// Whether there is a second host, with the thread [`SECOND`].
    has_second: bool,
    /// The servers behind OAuth.
    guarded: Vec<(&'static str, &'static str)>,
}

impl Logins<'_> {
    fn fill(&mut self) -> arbitrary::Result<()> {
        self.config()?;
        if self.bytes.ratio(1, 3)? {
            self.guarded.push(SERVERS[1]);
        }
        for (name, _) in self.guarded.clone() {
            self.steps.push(Step::LogIn { server: name.into() });
        }
        if self.bytes.ratio(1, 3)? {
            // What a host remembers of the logins may be outdated later.
            self.steps.push(Step::View);
        }
        if self.bytes.ratio(1, 2)? {
            self.sign_in();
        }
        for _ in 0..self.bytes.int_in_range(1..=4)? {
            self.between()?;
            self.refresh()?;
        }
        Ok(())
    }

    /// The servers behind OAuth, and perhaps others.
    fn config(&mut self) -> arbitrary::Result<()> {
        let mut servers = Map::new();
        for (name, url) in SERVERS {
            let is_guarded = self.guarded.iter().any(|(guarded, _)| *guarded == name);
            if is_guarded || self.bytes.ratio(1, 2)? {
                servers.insert(name.into(), json!({"url": url}));
            }
        }
        let config: Value = json!({"chatgpt_base_url": BASE, "mcp_servers": servers});
        self.steps.push(Step::Config(config));
        Ok(())
    }

    fn sign_in(&mut self) {
        self.steps.push(Step::SignIn(SignIn::by_file("alice", Auth::ChatGpt)));
    }

    /// What else happens.
    fn between(&mut self) -> arbitrary::Result<()> {
        match self.bytes.int_in_range(0..=11)? {
            // A second host would not be told.
            0 | 1 | 3 if self.has_second => {}
            0 => self.steps.push(Step::Reload),
            1 => {
                self.config()?;
                self.steps.push(Step::Reload);
            }
            2 => self.steps.push(Step::View),
            3 if self.bytes.ratio(1, 2)? => self.sign_in(),
            3 => self.steps.push(Step::SignOut { by: Means::Protocol }),
            4 => self.thread(),
            5 => {
                let (_, url) = self.server()?;
                let behaviour = Behaviour::Forget;
                self.steps.push(Step::World { server: url.into(), behaviour });
            }
            6 => self.end_host()?,
            7 => self.call_of(CODEX_APPS)?,
            _ => {
                let (name, _) = self.server()?;
                self.call_of(name)?;
            }
        }
        Ok(())
    }

    /// Tokens expire, and something needs a refresh.
    fn refresh(&mut self) -> arbitrary::Result<()> {
        let (name, url) = self.server()?;
        match self.bytes.int_in_range(0..=10)? {
            0 => {
                self.expire(url);
                self.together(name)?;
            }
            1 => {
                // Expired at the start of the host, with two threads.
                self.end_host()?;
                self.expire(url);
                self.thread();
                self.thread();
                self.together(name)?;
            }
            2 => {
                // The new token must outlive the host.
                self.expire(url);
                self.call_of(name)?;
                self.end_host()?;
                self.expire(url);
                self.call_of(name)?;
            }
            3 => {
                for _ in 0..2 {
                    self.expire(url);
                    self.call_of(name)?;
                }
            }
            4 => {
                // Two hosts in one home, at a time and one after the other.
                self.second_thread();
                self.expire(url);
                self.together(name)?;
                self.expire(url);
                self.call_of(name)?;
                self.call_on(SECOND, name);
            }
            5 | 6 => self.held(name, url)?,
            7 => self.failing(Tokens::Refuse, name, url)?,
            8 => self.failing(Tokens::InvalidGrant, name, url)?,
            _ => self.failing(Tokens::Cut, name, url)?,
        }
        Ok(())
    }

    /// The token endpoint holds a refresh while something else happens.
    fn held(&mut self, name: &'static str, url: &str) -> arbitrary::Result<()> {
        self.call_of(name)?;
        self.tokens(url, Tokens::Hold);
        self.expire(url);
        self.call_of(name)?;
        match self.bytes.int_in_range(0..=7)? {
            0 | 1 => self.call_of(name)?,
            2 => {
                self.thread();
                self.call_of(name)?;
            }
            3 | 4 if self.has_second => self.call_on(SECOND, name),
            3 => self.steps.push(Step::Reload),
            4 => self.steps.push(Step::SignOut { by: Means::Protocol }),
            5 => self.call_of("c")?,
            6 => self.end_host()?,
            _ => {}
        }
        self.steps.push(Step::Release { server: url.into() });
        self.call_of(name)
    }

    /// A refresh fails while calls need it.
    fn failing(&mut self, tokens: Tokens, name: &'static str, url: &str) -> arbitrary::Result<()> {
        self.call_of(name)?;
        if self.bytes.ratio(1, 2)? {
            self.steps.push(Step::View);
        }
        self.tokens(url, tokens);
        self.expire(url);
        match self.bytes.ratio(1, 2)? {
            true => self.together(name)?,
            false => self.call_of(name)?,
        }
        if self.bytes.ratio(1, 3)? {
            self.call_of("c")?;
        }
        self.steps.push(Step::View);
        self.tokens(url, Tokens::Well);
        self.call_of(name)
    }

    /// Calls at the same time, on all threads.
    fn together(&mut self, name: &str) -> arbitrary::Result<()> {
        if self.threads == 0 {
            self.thread();
        }
        let calls = self.bytes.int_in_range(2..=4)?;
        let second = self.has_second.then_some(&SECOND);
        let threads = THREADS.iter().take(self.threads).chain(second).cycle();
        let mut steps: Vec<Step> = threads
            .take(calls)
            .map(|thread| Step::Call { thread: (*thread).into(), server: name.into() })
            .collect();
        if self.bytes.ratio(1, 6)? && !self.has_second {
            steps.push(Step::Reload);
        }
        self.steps.push(Step::Together(steps));
        Ok(())
    }

    fn call_of(&mut self, server: &str) -> arbitrary::Result<()> {
        if self.threads == 0 {
            self.thread();
        }
        let thread = self.bytes.int_in_range(0..=self.threads.saturating_sub(1))?;
        self.call_on(THREADS.get(thread).copied().unwrap_or_default(), server);
        Ok(())
    }

    fn call_on(&mut self, thread: &str, server: &str) {
        self.steps.push(Step::Call { thread: thread.into(), server: server.into() });
    }

    fn second_thread(&mut self) {
        if !self.has_second {
            self.has_second = true;
            self.steps.push(Step::SecondThread { name: SECOND.into() });
        }
    }

    fn server(&mut self) -> arbitrary::Result<(&'static str, &'static str)> {
        Ok(*self.bytes.choose(&self.guarded)?)
    }

    fn thread(&mut self) {
        if let Some(name) = THREADS.get(self.threads) {
            self.threads += 1;
            self.steps.push(Step::Thread { name: (*name).into() });
        }
    }

    fn end_host(&mut self) -> arbitrary::Result<()> {
        self.threads = 0;
        self.has_second = false;
        let is_killed = self.bytes.ratio(2, 3)?;
        let by = if is_killed { Ending::Kill } else { Ending::EndOfInput };
        self.steps.push(Step::EndHost { by });
        Ok(())
    }

    fn expire(&mut self, url: &str) {
        self.steps.push(Step::Expire { server: url.into() });
    }

    fn tokens(&mut self, url: &str, behaviour: Tokens) {
        self.steps.push(Step::Tokens { server: url.into(), behaviour });
    }

    /// Every thread uses every server once more, and the host ends.
    fn heal(&mut self) {
        self.steps.push(Step::View);
        for thread in THREADS.iter().take(self.threads) {
            for server in SERVERS.iter().map(|(name, _)| name).chain([&CODEX_APPS]) {
                self.call_on(thread, server);
            }
        }
        self.steps.extend([Step::Settle, Step::EndHost { by: Ending::EndOfInput }]);
    }
}
