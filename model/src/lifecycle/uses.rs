//! What a use of a server on a thread must come to, and what other outcomes tell.

use serde_json::Value;

use super::seen::{Expected, Seen};
use super::sequence::Behaviour;
use super::thread::{SignedIn, Thread};
use crate::observation::Observed;
use crate::rule::{Rule, RuleSet};

/// What decides a use.
pub(super) struct Users<'a> {
    pub(super) thread: &'a Thread,
    /// The configuration on disk.
    pub(super) on_disk: &'a Value,
    pub(super) rules: RuleSet,
    /// What a host shows of a configuration and a sign-in.
    pub(super) observe: &'a dyn Fn(&Value, Option<&SignedIn>) -> Option<Observed>,
}

/// The servers.
pub(super) trait World {
    /// How the server at a URL behaves.
    fn behaviour(&self, at: &str) -> Behaviour;

    /// The rule that a failed call to this server breaks, which is well, if other servers are not or
    /// this one was not.
    fn rule_of_failure(&self, at: &str) -> Option<Rule>;
}

/// A server's URL, and the account whose credentials it gets.
type Target = (String, Option<String>);

/// Rule `lifecycle.thread-keeps`: A thread MUST use the configuration that it started with until a
/// reload or a change of the account.
///
/// Rule `lifecycle.reload-applies`: After a reload was answered, every use by every thread MUST be of
/// the configuration that was then in force, or of a later one.
///
/// Rule `lifecycle.reload-next-turn`: After a reload was answered, a use by a thread that had no turn
/// since MUST be of the configuration that was then in force, or of one that the thread had before.
///
/// Rule `lifecycle.signed-out`: A request that begins after sign-out MUST carry no host credentials, on
/// whatever thread or connection, and a server that only the sign-in gave MUST be gone.
///
/// Rule `lifecycle.other-account`: After another account signed in, a request MUST NOT carry the
/// former's credentials.
///
/// Rule `lifecycle.sign-in-restores`: After a sign-in, threads that live MUST reach the Apps server
/// without a reload.
///
/// Rule `lifecycle.apart`: A server that refuses or holds its calls MUST change no answer about
/// another.
///
/// Rule `lifecycle.recovers`: Once a server is well again, a call to it MUST be answered.
pub(super) fn use_of(users: &Users<'_>, name: &str, world: &dyn World) -> Expected {
    let Users { thread, on_disk, rules, observe } = users;
    let (now, former) = match thread.accounts.split_last() {
        Some((now, former)) => (now.as_ref(), former),
        None => (None, Default::default()),
    };
    let target = |config: &Value, account: Option<&SignedIn>| {
        let observed = observe(config, account)?;
        let seen = observed.present().remove(name).filter(|seen| seen.enabled)?;
        let carried = seen.has_host_credentials().then(|| account.map(|a| a.account.clone()));
        Some((seen.url?, carried.flatten()))
    };
    let seen = |target: Option<Target>| match target {
        None => Seen::Refused,
        Some((at, account)) => match world.behaviour(&at) {
            Behaviour::Well => Seen::Answered { by: at, account },
            Behaviour::Hold => Seen::Held { at, account },
            Behaviour::Refuse => Seen::Failed { at, account },
        },
    };
    let expected = target(&thread.config, now);
    let mut allowed = vec![seen(expected.clone())];
    let mut wrong = Vec::new();
    let mut unreached = None;
    if let Some((at, account)) = expected {
        match (world.behaviour(&at), world.rule_of_failure(&at)) {
            (Behaviour::Well, Some(rule)) => {
                wrong.push((Seen::Failed { at, account }, rule));
                wrong.push((Seen::Unanswered, rule));
                unreached = Some((Seen::Refused, rule));
            }
            // A host need not ask a server again that has just failed.
            (Behaviour::Refuse, _) => allowed.push(Seen::Refused),
            _ => {}
        }
    }
    allowed.extend(thread.perhaps.iter().map(|config| seen(target(config, now))));
    let is_late = rules.has(Rule::LifecycleReloadNextTurn);
    for before in &thread.before {
        let before = seen(target(before, now));
        if is_late {
            allowed.push(before);
        } else {
            wrong.push((before, Rule::LifecycleReloadApplies));
        }
    }
    let of_account = |account: &Option<SignedIn>| match (now, account) {
        (None, _) => Rule::LifecycleSignedOut,
        (Some(_), None) => Rule::LifecycleSignInRestores,
        (Some(_), Some(_)) => Rule::LifecycleOtherAccount,
    };
    for account in former.iter().rev() {
        let rule = of_account(account);
        for config in std::iter::once(&thread.config).chain(&thread.before) {
            wrong.push((seen(target(config, account.as_ref())), rule));
        }
    }
    wrong.push((seen(target(on_disk, now)), Rule::LifecycleThreadKeeps));
    wrong.extend(unreached);
    let rule = match thread.before.is_empty() {
        true => Rule::LifecycleThreadKeeps,
        false if is_late => Rule::LifecycleReloadNextTurn,
        false => Rule::LifecycleReloadApplies,
    };
    Expected { allowed, rule, wrong }
}
