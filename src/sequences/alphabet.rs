//! The small alphabet of the exhaustive search: two servers, two threads, two accounts, and servers
//! that hold calls.

use mcp_overlay_model::lifecycle::{BASE, Behaviour, Means, SignIn, Step};
use mcp_overlay_model::{Auth, CODEX_APPS};
use serde_json::{Value, json};

const ONE: &str = "https://one.example/mcp";
const TWO: &str = "https://two.example/mcp";
const THREADS: [&str; 2] = ["t1", "t2"];

/// The most calls that are held at the same time.
const MOST_HELD: usize = 2;

/// What decides which steps make sense. All of it follows from the state of the model.
#[derive(Clone, Debug, Default)]
pub(super) struct Situation {
    config: usize,
    account: Option<usize>,
    pub(super) threads: usize,
    /// Whether the first server and the Apps server hold calls.
    holding: [bool; 2],
    pub(super) held: usize,
}

/// What every sequence begins with: a config, a sign-in and a thread.
pub(super) fn beginning() -> (Vec<Step>, Situation) {
    let [config, ..] = configs();
    let alice = Step::SignIn(SignIn::by_file("alice", Auth::ChatGpt));
    let thread = Step::Thread { name: "t1".into() };
    let situation = Situation { config: 1, account: Some(0), threads: 1, ..Situation::default() };
    (vec![Step::Config(config), alice, thread], situation)
}

/// A letter: its step, whether it makes sense, and what it changes.
pub(super) struct Letter {
    pub(super) step: Step,
    makes_sense: fn(&Situation, usize) -> bool,
    change: fn(&mut Situation, usize),
    argument: usize,
}

impl Letter {
    pub(super) fn makes_sense(&self, situation: &Situation) -> bool {
        (self.makes_sense)(situation, self.argument)
    }

    pub(super) fn after(&self, situation: &Situation) -> Situation {
        let mut next = situation.clone();
        (self.change)(&mut next, self.argument);
        next
    }
}

/// All letters: at most 32, because a node has a bit for each.
pub(super) fn letters() -> Vec<Letter> {
    let always: fn(&Situation, usize) -> bool = |_, _| true;
    let nothing: fn(&mut Situation, usize) = |_, _| {};
    let mut all = Vec::new();
    for (argument, config) in (1..).zip(configs()) {
        all.push(Letter {
            step: Step::Config(config),
            makes_sense: |situation, config| situation.config != config,
            change: |situation, config| situation.config = config,
            argument,
        });
    }
    for (argument, account) in ["alice", "bob"].into_iter().enumerate() {
        all.push(Letter {
            step: Step::SignIn(SignIn::by_file(account, Auth::ChatGpt)),
            makes_sense: |situation, account| situation.account != Some(account),
            change: |situation, account| situation.account = Some(account),
            argument,
        });
    }
    for by in [Means::Protocol, Means::File] {
        all.push(Letter {
            step: Step::SignOut { by },
            makes_sense: |situation, _| situation.account.is_some(),
            change: |situation, _| situation.account = None,
            argument: 0,
        });
    }
    for (argument, name) in THREADS.into_iter().enumerate() {
        all.push(Letter {
            step: Step::Thread { name: name.into() },
            makes_sense: |situation, thread| situation.threads == thread,
            change: nothing,
            argument,
        });
    }
    for step in [Step::Reload, Step::View] {
        all.push(Letter { step, makes_sense: always, change: nothing, argument: 0 });
    }
    for (argument, thread) in THREADS.into_iter().enumerate() {
        for server in ["a", CODEX_APPS] {
            all.push(Letter {
                step: Step::Call { thread: thread.into(), server: server.into() },
                makes_sense: |situation, thread| {
                    situation.threads > thread && situation.held < MOST_HELD
                },
                change: nothing,
                argument,
            });
        }
    }
    for (argument, server) in [ONE, CODEX_APPS].into_iter().enumerate() {
        all.push(Letter {
            step: Step::World { server: server.into(), behaviour: Behaviour::Hold },
            makes_sense: |situation, server| situation.holding.get(server) == Some(&false),
            change: |situation, server| set(situation, server, true),
            argument,
        });
        all.push(Letter {
            step: Step::Release { server: server.into() },
            makes_sense: |situation, server| situation.holding.get(server) == Some(&true),
            change: |situation, server| set(situation, server, false),
            argument,
        });
    }
    all
}

fn set(situation: &mut Situation, server: usize, holds: bool) {
    if let Some(holding) = situation.holding.get_mut(server) {
        *holding = holds;
    }
}

fn configs() -> [Value; 3] {
    let of = |servers: Value| json!({"chatgpt_base_url": BASE, "mcp_servers": servers});
    [
        of(json!({"a": {"url": ONE}})),
        of(json!({"a": {"url": TWO}})),
        // Neither a command nor a URL.
        of(json!({"a": {"enabled": true}})),
    ]
}
