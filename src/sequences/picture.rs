//! Draws a failed sequence: the lanes of the client, the host and each server.

use mcp_overlay_model::CODEX_APPS;
use mcp_overlay_model::lifecycle::{BASE, Seen, Sequence, Step};

use super::broken::{Actual, Broken};
use super::carried_words::carried_words;
use super::drawing::{Picture, PictureEvent};
use super::story::{carrying, seen_words, sentence, server_words};
use crate::subject::Trace;

const CLIENT: usize = 0;
const HOST: usize = 1;

/// What happened up to the step that broke a rule.
#[must_use]
pub fn picture(sequence: &Sequence, trace: &Trace, broken: &Broken) -> Picture {
    let mut drawing = Drawing {
        picture: Picture { lanes: vec!["client".into(), "host".into()], events: Vec::new() },
        step: 0,
    };
    let played = sequence.steps.iter().zip(&trace.steps).take(broken.step + 1);
    for (at, (step, observed)) in played.enumerate() {
        drawing.step = at + 1;
        let is_wrong = at == broken.step && matches!(broken.actual, Actual::Seen(_));
        drawing.step(step, &observed.seen, is_wrong);
    }
    drawing.wrong_message(&broken.actual);
    drawing.picture
}

struct Drawing {
    picture: Picture,
    step: usize,
}

impl Drawing {
    fn step(&mut self, step: &Step, seen: &Seen, is_wrong: bool) {
        if let Step::Together(steps) = step
            && let Seen::Together(all) = seen
        {
            // All requests come before the first answer.
            steps.iter().for_each(|step| self.request(step));
            for (step, seen) in steps.iter().zip(all) {
                self.outcome(step, seen, is_wrong);
            }
            return;
        }
        self.request(step);
        self.outcome(step, seen, is_wrong);
    }

    fn request(&mut self, step: &Step) {
        let (from, to) = match step {
            Step::World { server, .. }
            | Step::Release { server }
            | Step::KillServer { server }
            | Step::Expire { server }
            | Step::Tokens { server, .. } => {
                let lane = self.lane(server);
                (lane, lane)
            }
            step if step.needs_host() => (CLIENT, HOST),
            _ => (CLIENT, CLIENT),
        };
        self.event(from, to, sentence(step), false);
    }

    fn outcome(&mut self, step: &Step, seen: &Seen, is_wrong: bool) {
        self.requests_to_servers(seen);
        let says_nothing = matches!(seen, Seen::Done) && !step.needs_host();
        if !says_nothing || is_wrong {
            self.event(HOST, CLIENT, seen_words(seen), is_wrong);
        }
    }

    /// The requests of the host that an observation tells of.
    fn requests_to_servers(&mut self, seen: &Seen) {
        match seen {
            Seen::Answered { by: at, account }
            | Seen::Failed { at, account }
            | Seen::Held { at, account } => {
                let lane = self.lane(at);
                self.event(HOST, lane, format!("the call{}", carrying(account)), false);
                if matches!(seen, Seen::Answered { .. }) {
                    self.event(lane, HOST, "its answer".into(), false);
                }
            }
            Seen::Together(all) => all.iter().for_each(|seen| self.requests_to_servers(seen)),
            _ => {}
        }
    }

    fn wrong_message(&mut self, actual: &Actual) {
        let (at, text) = match actual {
            Actual::Seen(_) => return,
            Actual::Credentials { url, account, .. } => {
                (url, format!("a request with the credentials of {account}"))
            }
            Actual::Carried { url, what, carried, .. } => {
                (url, format!("{what} {}", carried_words(carried)))
            }
            Actual::Address { url, what, .. } => (url, format!("{what}, where no server is")),
            Actual::ListedFor(account) => {
                let text = format!("the tools of {CODEX_APPS} are those of {account}");
                return self.event(HOST, CLIENT, text, true);
            }
            Actual::Moved(at) => (at, "the call, on another connection than before".to_string()),
            Actual::NotKept(url) => (url, "an old refresh token is stored".to_string()),
            Actual::LoginLost(url) => (url, "the login is not stored any more".to_string()),
            Actual::Reused { url, when } => (url, format!("one refresh token again: {when}")),
            Actual::Repeated { at, times } => (at, format!("the same call, {times} times in all")),
        };
        let lane = self.lane(at);
        self.event(HOST, lane, text, true);
    }

    fn event(&mut self, from: usize, to: usize, text: String, is_wrong: bool) {
        let step = self.step;
        self.picture.events.push(PictureEvent { step, from, to, text, is_wrong });
    }

    /// The lane of a server, by its address or name.
    fn lane(&mut self, server: &str) -> usize {
        let server = if server.starts_with(BASE) { CODEX_APPS } else { server };
        let name = server_words(server);
        let lanes = &mut self.picture.lanes;
        lanes.iter().position(|lane| *lane == name).unwrap_or_else(|| {
            lanes.push(name);
            lanes.len() - 1
        })
    }
}
