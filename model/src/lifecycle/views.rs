//! What a list of the servers must show.

use std::collections::BTreeMap;

use super::logins::Access;
use super::seen::{Expected, Listed, Seen};
use super::sequence::Behaviour;
use super::signed_in::SignedIn;
use super::state::State;
use crate::case::CODEX_APPS;
use crate::observation::Observed;
use crate::rule::Rule;

impl State {
    /// Rule `lifecycle.view-now`: A list of servers MUST be that of the configuration and sign-in in
    /// force at some moment between request and answer, whatever threads there are.
    ///
    /// Rule `lifecycle.list-changed`: A list of servers MUST have the tools that a server has, also if
    /// it changed them since.
    ///
    /// Rule `lifecycle.durable`: A host that ended at any moment and starts again MUST show what is on
    /// disk.
    pub(super) fn view(&self) -> Expected {
        let rule = match self.was_ended {
            true => Rule::LifecycleDurable,
            false => Rule::LifecycleViewNow,
        };
        let Some(observed) = self.config.observed(self.known.as_ref()) else {
            return Expected::only(Seen::Refused, rule);
        };
        let mut expected = Expected::any_of(self.lists(observed), rule);
        // A list waits for a handshake that is held, at most until the host gives it up.
        expected.anything = self.holds_a_start();
        for (name, seen) in observed.iter() {
            match seen.url.as_ref().filter(|_| seen.enabled).map(|at| self.access(name, at)) {
                Some(Access::Refreshed) => expected.rule = Rule::LifecycleRefreshes,
                Some(Access::Ended) => expected.rule = Rule::LifecycleLoginEnded,
                _ => {}
            }
        }
        expected.wrong = self.wrong_views();
        if !self.new_tools.is_empty() {
            let stale =
                self.lists_with(observed, |_, _| &[Listed::WithTools, Listed::WithNewTools]);
            expected.wrong.extend(stale.into_iter().map(|list| (list, Rule::LifecycleListChanged)));
        }
        if self.behaviours.values().any(|behaves| *behaves != Behaviour::Well) {
            let is_open = |at: &str| !self.is_perhaps_away(at) && !self.logins.is_guarded(at);
            let short = self.lists_with(observed, |name, at| match is_open(at) {
                false => self.tools_of(name, at),
                true => &[Listed::WithTools, Listed::WithNewTools, Listed::WithoutTools],
            });
            expected.wrong.extend(short.into_iter().map(|list| (list, Rule::LifecycleApart)));
        }
        expected
    }

    /// The lists of earlier configurations and accounts.
    fn wrong_views(&self) -> Vec<(Seen, Rule)> {
        let restores = Rule::LifecycleSignInRestores;
        let has_apps = |account: &Option<SignedIn>| {
            account.as_ref().is_some_and(|account| account.auth.is_backend())
        };
        let mut accounts: Vec<&Option<SignedIn>> = Vec::new();
        for account in self.threads.values().flat_map(|thread| &thread.accounts) {
            // Threads have met the same ones.
            if !accounts.contains(&account) {
                accounts.push(account);
            }
        }
        let former = accounts.into_iter().filter_map(|account| {
            let observed = self.config.observed(account.as_ref())?;
            let rule = match &self.known {
                None => Rule::LifecycleSignedOut,
                Some(_) if !has_apps(account) && self.profile.has(restores) => restores,
                Some(_) if !has_apps(account) => Rule::LifecycleViewNow,
                Some(_) => Rule::LifecycleOtherAccount,
            };
            Some(self.lists(observed).into_iter().map(move |list| (list, rule)))
        });
        former.flatten().collect()
    }

    /// The lists that a host may show of this: one, unless a server can be reached only perhaps. The
    /// tools of the Apps server may come from a cache, so it has tools if it is enabled.
    fn lists(&self, observed: &Observed) -> Vec<Seen> {
        self.lists_with(observed, |name, at| self.tools_of(name, at))
    }

    /// The lists of which each enabled server shows one of the choices for its name, and its URL or command.
    fn lists_with(
        &self,
        observed: &Observed,
        tools_of: impl Fn(&str, &str) -> &'static [Listed],
    ) -> Vec<Seen> {
        let mut lists = vec![BTreeMap::new()];
        for (name, seen) in observed.iter() {
            let at = seen.url.as_deref().or(seen.command.as_deref()).unwrap_or_default();
            let choices: &[Listed] = if name == CODEX_APPS {
                match seen.url.is_some() {
                    true => &[Listed::WithTools],
                    false => &[Listed::WithoutTools],
                }
            } else if !seen.enabled {
                match self.logins.is_guarded(at) {
                    true => &[Listed::WithoutTools, Listed::NotLoggedIn],
                    false => &[Listed::WithoutTools],
                }
            } else {
                tools_of(name, at)
            };
            lists = choices
                .iter()
                .flat_map(|choice| {
                    lists.iter().map(move |list: &BTreeMap<String, Listed>| {
                        let mut list = list.clone();
                        list.insert(name.clone(), *choice);
                        list
                    })
                })
                .collect();
        }
        lists.into_iter().map(Seen::Servers).collect()
    }

    /// Whether a server is down, or may not be there for some thread.
    fn is_perhaps_away(&self, at: &str) -> bool {
        let is_gone = self.threads.values().any(|thread| thread.gone.contains_key(at));
        is_gone || self.behaviours.get(at) == Some(&Behaviour::Down)
    }

    /// What a list may show of the tools of an enabled server.
    fn tools_of(&self, name: &str, at: &str) -> &'static [Listed] {
        use Listed::{NotLoggedIn, WithNewTools, WithTools, WithoutTools};
        let is_down = self.behaviours.get(at) == Some(&Behaviour::Down);
        match self.access(name, at) {
            Access::Open | Access::Refreshed => {}
            Access::Ended if !is_down => return &[NotLoggedIn],
            Access::NoLogin => return &[NotLoggedIn, WithoutTools],
            _ => return &[WithoutTools, NotLoggedIn, WithTools, WithNewTools],
        }
        match (self.new_tools.contains(at), self.is_perhaps_away(at)) {
            (false, false) => &[WithTools],
            (true, false) => &[WithNewTools],
            // Its tools may be those that the host learned before.
            (false, true) => &[WithTools, WithoutTools],
            (true, true) => &[WithNewTools, WithTools, WithoutTools],
        }
    }
}
