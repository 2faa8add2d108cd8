//! Sequences about sign-ins: by file and by the protocol, of several accounts, while threads live and
//! the Apps server holds calls, with sign-outs and restarts of the host in between.

use std::collections::BTreeMap;

use arbitrary::Unstructured;
use mcp_overlay_model::lifecycle::{BASE, Behaviour, Ending, Means, SignIn, Step};
use mcp_overlay_model::{Auth, CODEX_APPS};
use serde_json::json;

use super::configs::{ACCOUNTS, THREADS};

/// One sequence in this many is about sign-ins.
const ONE_IN: u8 = 5;

/// A server that gets no credentials.
const OTHER: (&str, &str) = ("a", "https://one.example/mcp");

/// Whether these bytes mean a sequence about sign-ins.
pub(super) fn is_about_sign_ins(bytes: &[u8]) -> bool {
    bytes.iter().nth_back(1).is_some_and(|byte| byte % ONE_IN == 0)
}

/// The steps that these bytes mean. Without `has_end` the host does not end.
pub(super) fn steps(bytes: &[u8], has_end: bool) -> Vec<Step> {
    let bytes = Unstructured::new(bytes);
    let mut generator = SignIns { bytes, steps: Vec::new(), threads: 0, has_end };
    // Without more bytes every choice is the first one, so the sequence ends.
    let _ = generator.fill();
    generator.finish();
    generator.steps
}

/// Gives each sign-in of an account credentials of its own.
pub(super) fn number(steps: &mut [Step]) {
    let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
    for step in steps {
        if let Step::SignIn(sign_in) = step {
            let number = numbers.entry(sign_in.account.clone()).or_default();
            *number += 1;
            sign_in.number = *number;
        }
    }
}

struct SignIns<'a> {
    bytes: Unstructured<'a>,
    steps: Vec<Step>,
    threads: usize,
    has_end: bool,
}

impl SignIns<'_> {
    fn fill(&mut self) -> arbitrary::Result<()> {
        let (name, url) = OTHER;
        let servers = json!({name: {"url": url}});
        self.steps.push(Step::Config(json!({"chatgpt_base_url": BASE, "mcp_servers": servers})));
        if self.bytes.ratio(1, 2)? {
            self.sign_in()?;
        }
        for _ in 0..*self.bytes.choose(&[1, 1, 2, 2, 0])? {
            self.thread();
        }
        if self.bytes.ratio(1, 2)? {
            self.use_by_all();
        }
        for _ in 0..self.bytes.int_in_range(2..=5)? {
            self.change()?;
            if self.bytes.ratio(1, 3)? {
                self.steps.push(Step::View);
            }
            if self.bytes.ratio(3, 4)? {
                self.use_by_all();
            }
        }
        Ok(())
    }

    /// Who is signed in changes, or what uses it.
    fn change(&mut self) -> arbitrary::Result<()> {
        match self.bytes.int_in_range(0..=15)? {
            0 | 1 => self.sign_out(Means::Protocol),
            2 => self.sign_out(Means::File),
            3 | 4 => self.held()?,
            5 | 6 if self.has_end => self.end()?,
            7 => self.thread(),
            8 => {
                // Signed out and in again: a thread may have missed the time in between.
                self.sign_out(Means::Protocol);
                self.sign_in()?;
            }
            9 | 10 => self.key_over_tokens()?,
            _ => self.sign_in()?,
        }
        Ok(())
    }

    /// An API key while an account with the Apps server is signed in.
    fn key_over_tokens(&mut self) -> arbitrary::Result<()> {
        let account = *self.bytes.choose(&ACCOUNTS)?;
        if self.bytes.ratio(1, 2)? {
            self.steps.push(Step::SignIn(SignIn::by_file(account, Auth::ChatGpt)));
        }
        self.use_by_all();
        let key = SignIn::by_file(account, Auth::ApiKey);
        self.steps.push(Step::SignIn(SignIn { by: Means::Protocol, ..key }));
        self.use_by_all();
        Ok(())
    }

    fn sign_in(&mut self) -> arbitrary::Result<()> {
        let account = *self.bytes.choose(&ACCOUNTS)?;
        let auth = if self.bytes.ratio(1, 5)? { Auth::ApiKey } else { Auth::ChatGpt };
        let by = if self.bytes.ratio(1, 3)? { Means::File } else { Means::Protocol };
        self.steps.push(Step::SignIn(SignIn { by, ..SignIn::by_file(account, auth) }));
        Ok(())
    }

    fn sign_out(&mut self, by: Means) {
        self.steps.push(Step::SignOut { by });
    }

    /// The account changes while the Apps server, or the other one, holds a call.
    fn held(&mut self) -> arbitrary::Result<()> {
        let (name, url) = OTHER;
        let (name, at) = *self.bytes.choose(&[(CODEX_APPS, CODEX_APPS), (name, url)])?;
        if self.threads == 0 {
            self.thread();
        }
        let (server, behaviour) = (at.to_string(), Behaviour::Hold);
        self.steps.push(Step::World { server: server.clone(), behaviour });
        self.call(self.threads - 1, name);
        match self.bytes.ratio(1, 4)? {
            true => self.sign_out(Means::Protocol),
            false => self.sign_in()?,
        }
        if self.bytes.ratio(1, 2)? {
            self.call(0, name);
        }
        self.steps.push(Step::Release { server });
        Ok(())
    }

    /// The host ends, and another one starts a thread.
    fn end(&mut self) -> arbitrary::Result<()> {
        let is_killed = self.bytes.ratio(1, 2)?;
        let by = if is_killed { Ending::Kill } else { Ending::EndOfInput };
        self.steps.push(Step::EndHost { by });
        self.threads = 0;
        if self.bytes.ratio(1, 2)? {
            self.steps.push(Step::View);
        }
        self.thread();
        Ok(())
    }

    fn thread(&mut self) {
        if let Some(name) = THREADS.get(self.threads) {
            self.threads += 1;
            self.steps.push(Step::Thread { name: (*name).into() });
        }
    }

    fn use_by_all(&mut self) {
        (0..self.threads).for_each(|thread| self.call(thread, CODEX_APPS));
    }

    fn call(&mut self, thread: usize, server: &str) {
        if let Some(thread) = THREADS.get(thread) {
            self.steps.push(Step::Call { thread: (*thread).into(), server: server.into() });
        }
    }

    fn finish(&mut self) {
        self.steps.push(Step::View);
        self.use_by_all();
        (0..self.threads).for_each(|thread| self.call(thread, OTHER.0));
        if self.has_end {
            self.steps.extend([Step::Settle, Step::EndHost { by: Ending::EndOfInput }]);
        }
    }
}
