//! Holds what a sequence came to against the specification.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use mcp_overlay_model::lifecycle::{
    BASE, Behaviour, Ending, Entries, Expected, Seen, Sequence, State, Stays, Step, Wrong,
    account_of,
};
use mcp_overlay_model::{CODEX_APPS, Rule, RuleSet};

pub use super::broken::{Actual, Broken};
use super::judge_requests::{broken_by_requests, broken_by_use, rules_of_use};
use super::stored_logins::{NotKept, not_kept};
use crate::rules::holding;
use crate::subject::{Credentials, ListedFor, MODEL_PROVIDER, Reused, Trace};

/// A request that was sent before an account changed can arrive a little later, if the machine is not
/// late with other things.
const IN_FLIGHT: Duration = Duration::from_millis(50);

/// The verdict on a sequence.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// All that was observed is allowed.
    Agree,
    /// It is allowed without this SHOULD rule.
    Advisory(Broken),
    /// It is not allowed.
    Disagree(Broken),
}

impl Verdict {
    /// What was wrong, if anything was.
    #[must_use]
    pub fn broken(&self) -> Option<&Broken> {
        match self {
            Verdict::Agree => None,
            Verdict::Advisory(broken) | Verdict::Disagree(broken) => Some(broken),
        }
    }
}

/// Whether a sign-in or sign-out by file counts (`lifecycle.file-counts`).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// From the next request on.
    AtOnce,
    /// When the host starts again.
    AtStart,
    /// The host, on which nobody was signed in, notices a sign-in once, at the request of this step.
    Late(usize),
}

/// Judges what a sequence came to, by the reading that explains more of it.
#[must_use]
pub fn judge(sequence: &Sequence, trace: &Trace) -> Verdict {
    let (strict, discouraged) = all_broken(sequence, trace, Reading::AtOnce);
    let Some(first) = strict.first() else {
        return discouraged.map_or(Verdict::Agree, Verdict::Advisory);
    };
    let rule = Rule::LifecycleFileCounts;
    if !sequence.profile.has(rule) {
        return Verdict::Disagree(first.clone());
    }
    let lenient = fewest_broken(sequence, trace);
    match lenient.first() {
        None => Verdict::Advisory(Broken { rule, ..first.clone() }),
        Some(other) if lenient.len() < strict.len() => Verdict::Disagree(other.clone()),
        // Nobody is signed out if the file does not count, and another rule is broken all the same.
        Some(other)
            if lenient.len() == strict.len()
                && first.rule == Rule::LifecycleSignedOut
                && other.rule != first.rule =>
        {
            Verdict::Disagree(other.clone())
        }
        Some(_) => Verdict::Disagree(first.clone()),
    }
}

/// What is broken in the reading that explains most, of those in which the file does not count at once.
/// Released Codex was seen to notice a sign-in by file at a moment of its own, at or after a turn.
fn fewest_broken(sequence: &Sequence, trace: &Trace) -> Vec<Broken> {
    let (mut fewest, _) = all_broken(sequence, trace, Reading::AtStart);
    let steps = || sequence.steps.iter().enumerate();
    let changed = steps().find(|(_, step)| step.changes_file()).map_or(usize::MAX, |(at, _)| at);
    let is_turn = |(_, step): &(usize, &Step)| matches!(step, Step::Turn { .. });
    let turn = steps().skip(changed).find(is_turn).map_or(usize::MAX, |(at, _)| at);
    for (at, step) in steps().skip(turn) {
        if fewest.is_empty() {
            break;
        }
        if step.needs_host() {
            let (broken, _) = all_broken(sequence, trace, Reading::Late(at));
            if broken.len() < fewest.len() {
                fewest = broken;
            }
        }
    }
    fewest
}

/// The rules that a sequence is about: those that it could show to be broken.
#[must_use]
pub fn reached(sequence: &Sequence) -> RuleSet {
    reached_if(sequence, true)
}

/// The same where the observations of the steps are all there is, and not every request to a server is
/// seen.
#[must_use]
pub fn reached_by_observations(sequence: &Sequence) -> RuleSet {
    reached_if(sequence, false)
}

fn reached_if(sequence: &Sequence, requests_show: bool) -> RuleSet {
    let mut state = State::before(sequence, true);
    let (mut unnoticed, mut unlucky) = (Other::default(), Other::default());
    let mut may_run = false;
    let mut reached = RuleSet::EMPTY;
    let mut stays = Stays::default();
    // Whether the Apps server, which gets credentials, sends callers elsewhere.
    let mut redirects = false;
    let mut accounts = BTreeSet::new();
    let mut sign_ins: Vec<&Step> = Vec::new();
    for step in &sequence.steps {
        may_run |= step.needs_host();
        if may_run && step.changes_file() {
            unnoticed.differs(|| state.unnoticing());
        }
        let expected = state.step(step);
        match step {
            Step::World { server, behaviour } if server == CODEX_APPS => {
                redirects = *behaviour == Behaviour::Redirect;
            }
            Step::Release { server } if server == CODEX_APPS => redirects = false,
            _ => {}
        }
        let now = state.account().map(str::to_string);
        // Credentials of a former account show in any request, also where those of the current one
        // are not for a server.
        let former = accounts.iter().any(|account| Some(account) != now.as_ref());
        let shows = matches!(step, Step::Call { .. } | Step::Read { .. } | Step::View);
        if requests_show && former && shows {
            reached.extend([match now {
                None => Rule::LifecycleSignedOut,
                Some(_) => Rule::LifecycleOtherAccount,
            }]);
        }
        accounts.extend(now);
        // A sign-out of nobody may be refused, so its observation shows nothing.
        if requests_show || !matches!(step, Step::SignOut { .. }) {
            reached.extend(shown_by(&expected));
        }
        if matches!(step, Step::View) {
            let former = lists_of_former(&state, &sign_ins);
            let others = former.iter().filter(|(list, _)| !expected.allowed.contains(list));
            reached.extend(others.map(|(_, rule)| *rule));
        }
        sign_ins.extend(Some(step).filter(|step| matches!(step, Step::SignIn(_))));
        if let Some(carries) = state.use_carries(step).filter(|_| requests_show) {
            reached.extend(rules_of_use(sequence.profile.rules(), &carries));
        }
        if requests_show && matches!(step, Step::Call { .. }) {
            reached.extend([Rule::LifecycleAtMostOnce]);
        }
        if step.needs_host() && state.has_expired_login() {
            reached.extend([Rule::LifecycleRefreshOnce]);
        }
        let likely = expected.likely();
        if unnoticed.step(step, &expected).allowed != expected.allowed {
            reached.extend([Rule::LifecycleFileCounts]);
        }
        unnoticed.took(step, likely.as_ref());
        // On a host that fails wherever it may.
        let of_unlucky = unlucky.step(step, &expected);
        reached.extend(of_unlucky.discouraged.iter().map(|(_, rule)| *rule));
        let may_fail = of_unlucky.allowed.contains(&Seen::Refused);
        let seen = if may_fail { Some(Seen::Refused) } else { of_unlucky.likely() };
        if seen != likely {
            unlucky.differs(|| state.clone());
        }
        unlucky.took(step, seen.as_ref());
        let Some(seen) = likely else { continue };
        state.took(step, &seen);
        stays.took(step, &seen, &state);
        let is_answered = matches!(seen, Seen::Answered { .. });
        if requests_show && is_answered && stays.used(step, 0, &state).is_some() {
            reached.extend([Rule::LifecycleSameStays]);
        }
        if requests_show && redirects && matches!(seen, Seen::Failed { account: Some(_), .. }) {
            reached.extend([holding(sequence.profile.rules(), Rule::CredentialsAppsOnly)]);
        }
    }
    reached.and(sequence.profile.rules())
}

/// The state of another host, once it differs from that of the likely one.
#[derive(Default)]
struct Other(Option<State>);

impl Other {
    /// From now on it may differ; `state` is what it is now.
    fn differs(&mut self, state: impl FnOnce() -> State) {
        self.0.get_or_insert_with(state);
    }

    /// Takes a step, of which `likely` may be observed on the likely host.
    fn step<'a>(&mut self, step: &Step, likely: &'a Expected) -> Cow<'a, Expected> {
        match &mut self.0 {
            Some(state) => Cow::Owned(state.step(step)),
            None => Cow::Borrowed(likely),
        }
    }

    fn took(&mut self, step: &Step, seen: Option<&Seen>) {
        if let (Some(state), Some(seen)) = (&mut self.0, seen) {
            state.took(step, seen);
        }
    }
}

/// The lists of a host that still has the account of one of these sign-ins, with the rule that they
/// break. The model of a host knows former accounts only by its threads.
fn lists_of_former(state: &State, sign_ins: &[&Step]) -> Vec<(Seen, Rule)> {
    let rule = match state.account() {
        None => Rule::LifecycleSignedOut,
        Some(_) => Rule::LifecycleOtherAccount,
    };
    let is_former = |step: &&&Step| match step {
        Step::SignIn(sign_in) => state.account() != Some(&sign_in.credentials()),
        _ => false,
    };
    let lists = sign_ins.iter().filter(is_former).flat_map(|sign_in| {
        // On a new host the file counts in both readings.
        let mut former = state.clone();
        former.step(&Step::EndHost { by: Ending::Kill });
        former.step(sign_in);
        former.step(&Step::View).allowed
    });
    lists.map(|list| (list, rule)).collect()
}

/// The rules that an observation could break.
fn shown_by(expected: &Expected) -> Vec<Rule> {
    if expected.anything {
        return Vec::new();
    }
    let mut rules: Vec<Rule> = expected.parts.iter().flat_map(shown_by).collect();
    let shows_nothing = match expected.allowed.as_slice() {
        [] | [Seen::Done] | [Seen::Done, Seen::Unanswered] => true,
        [Seen::Released(all)] => all.is_empty(),
        _ => false,
    };
    if !shows_nothing {
        rules.push(expected.rule);
    }
    let telling = expected.wrong.iter().filter(|(seen, _)| !expected.allowed.contains(seen));
    rules.extend(telling.map(|(_, rule)| *rule));
    rules
}

/// Whether the Apps server is at this URL, and gets credentials at all: it is on loopback, where later
/// profiles send none.
fn may_get_credentials(sequence: &Sequence, url: &str) -> bool {
    url.starts_with(BASE) && !sequence.profile.has(Rule::CredentialsWhereAuthSays)
}

/// Every observation that is not allowed, at most one a step and kind, and the first that is allowed
/// and does not follow a SHOULD rule.
fn all_broken(
    sequence: &Sequence,
    trace: &Trace,
    reading: Reading,
) -> (Vec<Broken>, Option<Broken>) {
    let mut all = Vec::new();
    let not_kept = not_kept(&trace.stored);
    let mut discouraged = None;
    let mut state = State::before(sequence, reading == Reading::AtOnce);
    let mut changed = Duration::ZERO;
    let mut began = Duration::ZERO;
    let mut sign_ins: Vec<&Step> = Vec::new();
    let mut stays = Stays::default();
    let mut entries = Entries::default();
    for (at, (step, observed)) in sequence.steps.iter().zip(&trace.steps).enumerate() {
        let before = state.account().map(str::to_string);
        if reading == Reading::Late(at) {
            state.notices_file();
        }
        let expected = state.step(step);
        entries.took(step, &state);
        let broken = |Wrong { rule, allowed, seen }: Wrong<'_>| {
            let (allowed, actual) = (allowed.to_vec(), Actual::Seen(seen.clone()));
            Broken { step: at, rule, allowed, actual }
        };
        // A spent token explains what comes of it, so it comes first.
        all.extend(broken_by_tokens(trace, &not_kept, at, began));
        // What no configuration says is wrong whatever came of it.
        all.extend(broken_by_requests(sequence, trace, &entries, (at, began)));
        all.extend(expected.broken_by(&observed.seen).map(|wrong| {
            let is_former = |(list, _): &&(Seen, Rule)| list == wrong.seen;
            let rule = match wrong.rule {
                Rule::LifecycleViewNow => {
                    let former = lists_of_former(&state, &sign_ins);
                    former.iter().find(is_former).map_or(wrong.rule, |(_, rule)| *rule)
                }
                rule => rule,
            };
            broken(Wrong { rule, ..wrong })
        }));
        let carries = state.use_carries(step).filter(|_| !expected.anything);
        let of_use = |carries| broken_by_use(sequence, trace, &entries, (at, &carries));
        all.extend(carries.and_then(of_use));
        sign_ins.extend(Some(step).filter(|step| matches!(step, Step::SignIn { .. })));
        all.extend(trace.repeated.iter().filter(|call| call.step == at).map(|call| {
            let actual = Actual::Repeated { at: call.at.clone(), times: call.times };
            Broken { step: at, rule: Rule::LifecycleAtMostOnce, allowed: Vec::new(), actual }
        }));
        let now = state.account();
        let is_former = |listed: &&ListedFor| {
            let of = account_of(&listed.account);
            listed.step == at && now.is_some_and(|now| account_of(now) != of)
        };
        all.extend(trace.listed.iter().filter(is_former).map(|listed| Broken {
            step: at,
            rule: Rule::LifecycleOtherAccount,
            allowed: Vec::new(),
            actual: Actual::ListedFor(listed.account.clone()),
        }));
        let advice = || {
            let mut broken = expected.discouraged_by(&observed.seen).map(broken)?;
            // What happened is allowed, but not asked for.
            broken.allowed.retain(|seen| broken.actual != Actual::Seen(seen.clone()));
            Some(broken)
        };
        discouraged = discouraged.or_else(advice);
        state.took(step, &observed.seen);
        stays.took(step, &observed.seen, &state);
        let moved = broken_by_connections(trace, at, step, &mut stays, &state);
        discouraged = discouraged.or(moved);
        let now = state.account();
        // A change by another program counts from the next request of the client on, which is
        // later than this.
        if before.as_deref() != now {
            changed = observed.ended;
        }
        let meanwhile = Meanwhile { at, began, changed, before: before.as_deref() };
        all.extend(broken_by_credentials(sequence, trace, &state, &meanwhile));
        began = observed.ended;
    }
    // It explains nothing else, so it comes last.
    all.extend(credentials_for_the_model(sequence, trace));
    (all, discouraged)
}

/// The use of another connection than the one that had to stay.
fn broken_by_connections(
    trace: &Trace,
    at: usize,
    step: &Step,
    stays: &mut Stays,
    state: &State,
) -> Option<Broken> {
    let used = trace.connections.iter().find(|used| used.step == at)?;
    let before = stays.used(step, used.number, state)?;
    let (rule, actual) = (Rule::LifecycleSameStays, Actual::Moved(used.at.clone()));
    let broken = Broken { step: at, rule, allowed: Vec::new(), actual };
    (before != used.number).then_some(broken)
}

/// The first turn whose request to the model provider carried the credentials of backend auth. The
/// config of every sequence names a provider that needs none.
fn credentials_for_the_model(sequence: &Sequence, trace: &Trace) -> Option<Broken> {
    let is_of = |step: &Step, account: &str| match step {
        Step::SignIn(sign_in) => sign_in.auth.is_backend() && sign_in.credentials() == account,
        _ => false,
    };
    let is_wrong = |request: &&Credentials| {
        request.url == MODEL_PROVIDER
            && sequence.steps.iter().any(|step| is_of(step, &request.account))
    };
    let request = trace.credentials.iter().find(is_wrong)?;
    let step = trace.steps.iter().position(|observed| request.at < observed.ended)?;
    let rule = holding(sequence.profile.rules(), Rule::CredentialsAppsOnly);
    let (url, account) = (request.url.clone(), request.account.clone());
    let actual = Actual::Credentials { url, account, lacks_id: false };
    Some(Broken { step, rule, allowed: Vec::new(), actual })
}

/// A refresh token that came again during this step, and tokens that were not stored at its end.
fn broken_by_tokens(
    trace: &Trace,
    not_kept: &[NotKept],
    at: usize,
    began: Duration,
) -> impl Iterator<Item = Broken> {
    let broken = move |actual| {
        let rule = Rule::LifecycleRefreshOnce;
        Broken { step: at, rule, allowed: Vec::new(), actual }
    };
    let end_of = |at: usize| trace.steps.get(at).map(|observed| observed.ended);
    let next = end_of(at + 1);
    // Nothing comes after the last step that could be about it.
    let until = next.and(end_of(at)).unwrap_or(Duration::MAX);
    let reused = trace.reused.iter().find(|again| again.at >= began && again.at < until);
    let reused = reused
        .map(|Reused { url, when, .. }| Actual::Reused { url: url.clone(), when: when.clone() });
    let (from, until) = (end_of(at).unwrap_or_default(), next.unwrap_or(Duration::MAX));
    let lost = not_kept.iter().find(|lost| lost.at >= from && lost.at < until);
    let lost = lost.map(|lost| match lost.is_missing {
        true => Actual::LoginLost(lost.url.clone()),
        false => Actual::NotKept(lost.url.clone()),
    });
    reused.into_iter().chain(lost).map(broken)
}

/// A step, and the account.
struct Meanwhile<'a> {
    at: usize,
    /// When the step before it ended.
    began: Duration,
    /// When the account changed last.
    changed: Duration,
    /// The account before the step.
    before: Option<&'a str>,
}

/// The first request of a step with credentials that it must not carry.
fn broken_by_credentials(
    sequence: &Sequence,
    trace: &Trace,
    state: &State,
    meanwhile: &Meanwhile<'_>,
) -> Option<Broken> {
    let Meanwhile { at, began, changed, before } = *meanwhile;
    let ended = trace.steps.get(at)?.ended;
    let now = state.account();
    let of_servers = trace.credentials.iter().filter(|request| request.url != MODEL_PROVIDER);
    of_servers.into_iter().find_map(|request| {
        let is_stray = !may_get_credentials(sequence, &request.url);
        // Credentials of two accounts, or half of one's, are never right.
        let is_certain = is_stray || request.lacks_id;
        let is_settled = is_certain || request.at >= changed + IN_FLIGHT + 2 * trace.lag;
        if !(began..ended).contains(&request.at) || !is_settled {
            return None;
        }
        // The account in force, or until this step's end the one before it.
        let is_known = [now, before].contains(&Some(&request.account));
        let rule = match now {
            _ if is_certain => holding(sequence.profile.rules(), Rule::CredentialsAppsOnly),
            _ if is_known => return None,
            _ if state.lost_account() == Some(&request.account) => Rule::LifecycleDurable,
            None => Rule::LifecycleSignedOut,
            Some(_) => Rule::LifecycleOtherAccount,
        };
        let (url, account) = (request.url.clone(), request.account.clone());
        let actual = Actual::Credentials { url, account, lacks_id: request.lacks_id };
        Some(Broken { step: at, rule, allowed: Vec::new(), actual })
    })
}
