//! What a use of a server on a thread must come to, and what other outcomes tell.

use super::address::server_at;
use super::config::Config;
use super::logins::Access;
use super::seen::{Expected, Seen};
use super::sequence::Behaviour;
use super::signed_in::SignedIn;
use super::thread::Thread;
use crate::observation::Observed;
use crate::rule::{Rule, RuleSet};

/// What decides a use.
pub(super) struct Users<'a> {
    pub(super) thread: &'a Thread,
    /// The configuration on disk.
    pub(super) on_disk: &'a Config,
    pub(super) rules: RuleSet,
    /// Whether another host ran before.
    pub(super) was_ended: bool,
    /// With tokens that a client supplied to that host.
    pub(super) lost: Option<&'a SignedIn>,
}

/// The servers.
pub(super) trait World {
    /// How the server at a URL, or of a command, behaves.
    fn behaviour(&self, at: &str) -> Behaviour;

    /// What the server at this URL makes of a request by the server of this name.
    fn access(&self, name: &str, at: &str) -> Access;

    /// Whether the token endpoint of the server at this URL holds refreshes.
    fn holds_refresh(&self, at: &str) -> bool;

    /// The rule that a failed call to this server breaks, which is well, if other servers are not or
    /// this one was not.
    fn rule_of_failure(&self, at: &str) -> Option<Rule>;
}

/// A server's URL or command, and the account whose credentials it gets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    name: &'a str,
    pub(super) at: &'a str,
    account: Option<&'a str>,
}

impl Target<'_> {
    fn failed(self) -> Seen {
        Seen::Failed { at: self.at.into(), account: self.account.map(str::to_string) }
    }
}

/// Where the server of this name is, if it is enabled in what a host shows.
pub(super) fn target<'a>(
    observed: &'a Observed,
    name: &'a str,
    signed_in: Option<&'a SignedIn>,
) -> Option<Target<'a>> {
    let seen = observed.get(name).filter(|seen| seen.enabled)?;
    let carried = signed_in.filter(|_| seen.has_host_credentials());
    let at = seen.url.as_ref().or(seen.command.as_ref())?;
    Some(Target { name, at, account: carried.map(|signed_in| signed_in.account.as_str()) })
}

/// What a use comes to.
pub(super) fn outcome(target: Option<Target<'_>>, world: &dyn World) -> Seen {
    let Some(target) = target else { return Seen::Refused };
    let Target { name, at, account } = target;
    match world.access(name, at) {
        Access::NoLogin | Access::Fails | Access::Ended => return Seen::Refused,
        Access::Waits if world.behaviour(at) != Behaviour::Down => {
            return Seen::Refreshing { at: at.into() };
        }
        Access::Waits | Access::Open | Access::Refreshed | Access::Unsure => {}
    }
    let account = || account.map(str::to_string);
    match world.behaviour(at) {
        Behaviour::Hold => Seen::Held { at: at.into(), account: account() },
        Behaviour::Down => Seen::Refused,
        Behaviour::HoldStart => Seen::Unanswered,
        behaviour if behaviour.fails_calls() => target.failed(),
        _ => Seen::Answered { by: at.into(), account: account() },
    }
}

/// Where the server of this name is for a thread with this configuration.
fn target_of<'a>(
    config: &'a Config,
    signed_in: Option<&'a SignedIn>,
    name: &'a str,
) -> Option<Target<'a>> {
    target(config.observed(signed_in)?, name, signed_in)
}

/// Rule `lifecycle.thread-keeps`: A thread MUST use the configuration that it started with until a
/// reload or a change of the account.
///
/// Rule `lifecycle.reload-applies`: After a reload was answered, every use by every thread MUST be of
/// the configuration that was then in force, or of a later one.
///
/// Rule `lifecycle.reload-next-turn`: After a reload was answered, a use by a thread MUST be of the
/// configuration that was then in force, or of a later one, or, until the thread has made a turn since,
/// of one that it had before.
///
/// Rule `lifecycle.latest-wins`: Of several reloads the last one MUST count, also when an earlier one is
/// slower.
///
/// Rule `lifecycle.signed-out`: A request that begins after sign-out MUST carry no host credentials, on
/// whatever thread or connection, and a server that only the sign-in gave MUST be gone.
///
/// Rule `lifecycle.other-account`: After another sign-in, a request MUST NOT carry the former
/// credentials, and a list MUST NOT show tools that were learned with those of another account.
///
/// Rule `lifecycle.sign-in-restores`: After a sign-in, threads that live MUST reach the Apps server
/// without a reload.
///
/// Rule `lifecycle.apart`: A server that refuses or holds its calls, is down or dies MUST change no
/// answer about another.
pub(super) fn use_of(users: &Users<'_>, name: &str, world: &dyn World) -> Expected {
    let Users { thread, on_disk, rules, was_ended, lost } = users;
    let (now, former) = match thread.accounts.split_last() {
        Some((now, former)) => (now.as_ref(), former),
        None => (None, Default::default()),
    };
    let seen = |config: &Config, account: Option<&SignedIn>| {
        outcome(target_of(config, account, name), world)
    };
    let is_late = rules.has(Rule::LifecycleReloadNextTurn);
    let has_answered = thread.answered.contains(name);
    let of_reload = rule_of_reload(thread);
    let rule = rule_of_use(thread, name, is_late);
    let mut expected = Expected::any_of(Vec::new(), rule);
    of_server(thread, target_of(&thread.config, now, name), world, &mut expected);
    // Another configuration may explain this better, but not where the thread used the server.
    let unreached = expected.wrong.pop_if(|(seen, _)| *seen == Seen::Refused && !has_answered);
    if thread.was_refused {
        expected.wrong.push((Seen::Refused, Rule::LifecycleBrokenKeeps));
    }
    let mut others: Vec<&Config> = thread.perhaps.iter().collect();
    match is_late && !thread.has_turned {
        true => others.extend(&thread.before),
        false => {
            let rule = if is_late { Rule::LifecycleReloadNextTurn } else { of_reload };
            let of_slow = |slow| (seen(slow, now), Rule::LifecycleLatestWins);
            expected.wrong.extend(thread.slow.iter().filter(|_| !is_late).map(of_slow));
            expected.wrong.extend(thread.before.iter().map(|before| (seen(before, now), rule)));
        }
    }
    for other in others {
        let mut of_other = Expected::any_of(Vec::new(), rule);
        of_server(thread, target_of(other, now, name), world, &mut of_other);
        expected.allowed.append(&mut of_other.allowed);
        expected.anything |= of_other.anything;
    }
    let of_account = |seen: &Seen| match (now, seen) {
        (None, _) => Rule::LifecycleSignedOut,
        (Some(_), Seen::Refused) => Rule::LifecycleSignInRestores,
        (Some(_), _) => Rule::LifecycleOtherAccount,
    };
    for account in former.iter().rev() {
        for config in std::iter::once(&thread.config).chain(&thread.before) {
            let of_former = seen(config, account.as_ref());
            let rule = of_account(&of_former);
            if rule == Rule::LifecycleSignInRestores && !rules.has(rule) {
                expected.allowed.push(of_former);
            } else {
                expected.wrong.push((of_former, rule));
            }
        }
    }
    if lost.is_some() {
        expected.wrong.push((seen(&thread.config, *lost), Rule::LifecycleDurable));
    }
    if *was_ended && now.is_some() && former.is_empty() {
        expected.wrong.push((seen(&thread.config, None), Rule::LifecycleDurable));
    }
    expected.wrong.push((seen(on_disk, now), Rule::LifecycleThreadKeeps));
    expected.wrong.extend(unreached);
    expected
}

/// The rule that a use breaks if it is not of the configuration of its thread.
pub(super) fn rule_of_use(thread: &Thread, name: &str, is_late: bool) -> Rule {
    match thread.before.is_empty() {
        _ if thread.was_refused => Rule::LifecycleBrokenKeeps,
        true if thread.answered.contains(name) => Rule::LifecycleThreadKeeps,
        true => Rule::LifecycleThreadStarts,
        false if is_late => Rule::LifecycleReloadNextTurn,
        false => rule_of_reload(thread),
    }
}

/// The rule that a thread breaks which does not follow the last reload.
fn rule_of_reload(thread: &Thread) -> Rule {
    match thread.is_after_refused {
        true => Rule::LifecycleBrokenKeeps,
        false => Rule::LifecycleReloadApplies,
    }
}

/// What a use of this server may come to, and which rule a failure breaks.
///
/// Rule `lifecycle.recovers`: Once a server is well again, a call to it MUST be answered: if it could not
/// be reached, at the latest after a reload; if its process ended, at the latest after a use that failed
/// and then a reload.
///
/// Rule `lifecycle.restarts`: A server whose process ended, or which could not be reached, SHOULD be
/// started again at the next use after one that failed.
fn of_server(
    thread: &Thread,
    target: Option<Target<'_>>,
    world: &dyn World,
    expected: &mut Expected,
) {
    expected.allowed.push(outcome(target, world));
    let Some(target) = target else { return };
    let Target { name, at, .. } = target;
    let behaviour = world.behaviour(at);
    // Whether there is a connection already is the host's affair.
    expected.anything = behaviour == Behaviour::HoldStart;
    let access = world.access(name, at);
    if matches!(access, Access::Unsure | Access::Waits) && world.holds_refresh(at) {
        expected.allowed.push(Seen::Refreshing { at: at.into() });
    }
    match access {
        Access::Open | Access::Refreshed | Access::Waits => {}
        Access::Unsure => {
            expected.allowed.extend([Seen::Refused, target.failed()]);
            return;
        }
        Access::NoLogin | Access::Fails | Access::Ended => return,
    }
    if behaviour == Behaviour::Down {
        expected.allowed.push(target.failed());
    } else if let Some(noticed) = thread.gone.get(server_at(at)) {
        expected.allowed.extend([Seen::Refused, target.failed()]);
        if noticed.contains(name) && behaviour == Behaviour::Well {
            expected.discouraged.push((Seen::Refused, Rule::LifecycleRestarts));
        }
    } else if behaviour.fails_calls() {
        // A host need not ask a server again that has just failed.
        expected.allowed.push(Seen::Refused);
    } else if let (Behaviour::Well, Some(rule)) = (behaviour, world.rule_of_failure(at)) {
        expected.wrong.extend([
            (target.failed(), rule),
            (Seen::Unanswered, rule),
            (Seen::Refused, rule),
        ]);
    }
}
