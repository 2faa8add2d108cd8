//! The requests of a sequence whose answers may wait: tool calls, reads, reloads, sign-ins and
//! sign-outs.

use std::time::Instant;

use mcp_overlay_model::lifecycle::{Behaviour, Means, Seen, Step, Tokens};
use serde_json::{Value, json};

use super::held::{Held, Use, Waiting};
use super::player::Player;
use super::shared::{ANSWERS, Origin, RESOURCES, Received, TOOLS, Target};
use crate::subject::{Failure, FailureKind, UsedConnection};

/// A request to the host that is not answered yet.
pub(super) enum Sent {
    /// Nothing was sent, because this was seen at once.
    Nothing(Seen),
    /// Only its success shows.
    Request(u64),
    /// A tool call or a read, which may be on no thread.
    Call(Use),
}

impl Player<'_> {
    /// Sends all of these, and then looks what became of each.
    pub(super) fn together(&mut self, steps: &[Step]) -> Result<Seen, Failure> {
        let mut all = Vec::new();
        for step in steps.iter().filter(|step| step.can_be_together()) {
            let sent = match step {
                Step::Config(config) => Sent::Nothing(self.write_config(config)?),
                other => self.send(other)?,
            };
            all.push(sent);
        }
        let seen: Result<Vec<Seen>, Failure> =
            all.into_iter().map(|sent| self.seen_of(sent)).collect();
        Ok(Seen::Together(seen?))
    }

    /// Sends the request of a step.
    pub(super) fn send(&mut self, step: &Step) -> Result<Sent, Failure> {
        self.asked.request(self.step);
        if matches!(step, Step::Reload) {
            self.asked.reloads();
        }
        Ok(match step {
            Step::Reload => {
                Sent::Request(self.session()?.send("config/mcpServer/reload", &Value::Null))
            }
            Step::SignIn(sign_in) => {
                let params = self.accounts.given(sign_in);
                Sent::Request(self.session()?.send("account/login/start", &params))
            }
            Step::SignOut { by: Means::Protocol } => {
                Sent::Request(self.session()?.send("account/logout", &Value::Null))
            }
            Step::Call { thread, server } => {
                let (thread, name) = match self.threads.get(thread) {
                    Some(id) => (id, thread.clone()),
                    None => {
                        // The specification has a host from here on.
                        self.session()?;
                        return Ok(Sent::Nothing(Seen::Refused));
                    }
                };
                let call = self.calls.len() as u64;
                let arguments = json!({"call": call});
                let params = json!({"threadId": thread, "server": server, "tool": TOOLS[0],
                    "arguments": arguments});
                self.calls.push(self.step);
                let before = self.stage.servers.requests(&self.mark);
                let id = self.session_of(&name)?.send("mcpServer/tool/call", &params);
                Sent::Call(Use { id, call, before, thread: name, server: server.clone() })
            }
            Step::Read { thread, server } => self.read(thread.as_deref(), server)?,
            _ => Sent::Nothing(Seen::Done),
        })
    }

    /// Reads the resource of a server: always the same one, as its answer may be remembered.
    fn read(&mut self, thread: Option<&str>, server: &str) -> Result<Sent, Failure> {
        let name = thread.unwrap_or_default();
        let id = self.threads.get(name);
        if thread.is_some() && id.is_none() {
            // The specification has a host from here on.
            self.session()?;
            return Ok(Sent::Nothing(Seen::Refused));
        }
        let next = self.calls.len() as u64;
        let call = *self.reads.entry(server.into()).or_insert(next);
        let uri = format!("{RESOURCES}{call}");
        let params = json!({"threadId": id, "server": server, "uri": uri});
        let before = self.stage.servers.requests(&self.mark);
        match call == next {
            true => self.calls.push(self.step),
            false => self.again.push((call, before, self.step)),
        }
        let id = self.session_of(name)?.send("mcpServer/resource/read", &params);
        Ok(Sent::Call(Use { id, call, before, thread: name.into(), server: server.into() }))
    }

    /// Waits until a request is answered, or a server holds it.
    pub(super) fn seen_of(&mut self, sent: Sent) -> Result<Seen, Failure> {
        match sent {
            Sent::Nothing(seen) => Ok(seen),
            Sent::Request(id) => {
                Ok(match self.answer_to(id, "")? {
                    // A host may wait for the handshake.
                    None if self.state.holds_a_start() => Seen::Unanswered,
                    // As every request without an answer, but for calls, which servers may hold.
                    None => return Err(self.hung()),
                    Some(Ok(_)) => Seen::Done,
                    Some(Err(_)) => Seen::Refused,
                })
            }
            Sent::Call(used) => self.seen_of_call(used),
        }
    }

    pub(super) fn seen_of_call(&mut self, used: Use) -> Result<Seen, Failure> {
        let Use { id, call, before, ref thread, .. } = used;
        let patience = self.stage.patience.case;
        let deadline = Instant::now() + patience;
        loop {
            let answered = match self.session_of(thread)?.answer(id, deadline, patience) {
                Err(failure) if failure.kind == FailureKind::Hung => return Ok(Seen::Unanswered),
                answered => answered?,
            };
            let got = self.stage.servers.of_call(&self.mark, call, before);
            let Some((request, received)) = got else {
                match answered {
                    None => match self.waits(&used) {
                        Some((at, target)) => {
                            self.waiting.push(Waiting { used, target });
                            return Ok(Seen::Refreshing { at });
                        }
                        None => continue,
                    },
                    Some(Ok(result)) if !is_error(&result) => {
                        return Ok(self.answered(&result, None));
                    }
                    Some(_) => return Ok(Seen::Refused),
                }
            };
            let (at, account) =
                (self.addresses.url_of(&received.target), self.account_of(&received));
            return Ok(match answered {
                None if self.is_held(&received.target) => {
                    let (target, thread) = (received.target, thread.to_string());
                    let held = Held { id, request, target, account: account.clone(), thread };
                    self.held.push(held);
                    Seen::Held { at, account }
                }
                None => continue,
                Some(Ok(result)) if !is_error(&result) => {
                    self.stage.servers.was_answered(&self.mark, &received);
                    self.asked.was_answered(thread, &received.target);
                    self.note_connection(thread, at, &received);
                    self.answered(&result, None)
                }
                Some(_) => Seen::Failed { at, account },
            });
        }
    }

    /// Notes on which connection a use of a thread was answered.
    fn note_connection(&mut self, thread: &str, at: String, received: &Received) {
        if let (Some(number), false) = (received.connection, thread.is_empty()) {
            self.connections.push(UsedConnection { step: self.step, at, number });
        }
    }

    /// Lets a server answer what it holds.
    pub(super) fn release(&mut self, server: &str) -> Result<Seen, Failure> {
        self.behave(server, Behaviour::Well);
        self.tokens_behave(server, Tokens::Well);
        let targets = self.addresses.targets_of(server);
        let (released, held): (Vec<_>, Vec<_>) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|held| targets.iter().any(|target| is_same(target, &held.target)));
        self.held = held;
        let mut outcomes = Vec::new();
        for Held { id, request, target, account, thread } in released {
            let at = self.addresses.url_of(&target);
            outcomes.push(match self.answer_to(id, &thread)? {
                None => Seen::Unanswered,
                Some(Ok(result)) if !is_error(&result) => self.answered(&result, Some(request)),
                Some(_) => Seen::Failed { at, account },
            });
        }
        outcomes.extend(self.refreshed(&targets)?);
        Ok(Seen::Released(outcomes))
    }

    /// The answer to a request of a thread, or of none; `None` if there is none in time.
    fn answer_to(
        &mut self,
        id: u64,
        thread: &str,
    ) -> Result<Option<Result<Value, Value>>, Failure> {
        let patience = self.stage.patience.case;
        let deadline = Instant::now() + patience;
        loop {
            match self.session_of(thread)?.answer(id, deadline, patience) {
                Err(failure) if failure.kind == FailureKind::Hung => return Ok(None),
                Err(failure) => return Err(failure),
                Ok(Some(answered)) => return Ok(Some(answered)),
                Ok(None) => {}
            }
        }
    }

    fn hung(&self) -> Failure {
        let seconds = self.stage.patience.case.as_secs_f64();
        let message =
            format!("gave no answer within {seconds} s to a request that needs no server");
        Failure { kind: FailureKind::Hung, message, certain: false }
    }

    /// The server that gave this result, which says so. `expected` is the number of the only request
    /// that it may answer.
    fn answered(&self, result: &Value, expected: Option<usize>) -> Seen {
        let all = self.stage.servers.received(&self.mark);
        let number = number_in(result);
        let Some(received) = number.and_then(|number| all.get(number)) else {
            return Seen::Answered { by: "no server".into(), account: None };
        };
        let (url, account) = (self.addresses.url_of(&received.target), self.account_of(received));
        let is_another = expected.is_some_and(|expected| Some(expected) != number);
        let by = if is_another { format!("a second request to {url}") } else { url };
        Seen::Answered { by, account }
    }

    fn is_held(&self, target: &Target) -> bool {
        self.holding.iter().any(|held| is_same(held, target))
    }
}

/// Whether two addresses are of one server: all paths of the Apps origin are.
fn is_same((origin, path): &Target, (other, at): &Target) -> bool {
    origin == other && (*origin == Origin::Apps || path == at)
}

/// The number of the request that a result of a tool, or the text of a resource, answers.
fn number_in(result: &Value) -> Option<usize> {
    let texts = ["/content/0/text", "/contents/0/text"].map(|place| result.pointer(place));
    let text = texts.into_iter().flatten().find_map(Value::as_str)?;
    text.strip_prefix(ANSWERS)?.parse().ok()
}

/// Whether a tool result is an error.
fn is_error(result: &Value) -> bool {
    result.get("isError").and_then(Value::as_bool) == Some(true)
}
