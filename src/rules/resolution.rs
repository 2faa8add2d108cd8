//! What resolution is: `resolution.pure`. Its faults depend on more than the case.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mcp_overlay_model::{Answer, Case, Rule, ServerView, Views};
use serde_json::Value;

use super::entry::{Entry, Reached, Shows};
use super::fault::change::with_views;
use super::fault::{Change, Fault};
use crate::subject::{ProductionSubject, Subject};

pub(super) const RULES: &[Entry] = &[Entry {
    reached: Reached::ByAsking,
    shows: Shows::InViews,
    faults: &[
        Fault {
            name: "unavailable-executor-hides-server",
            rule: Some(Rule::ResolutionPure),
            what: "servers of another environment come and go",
            also: &[],
            change: Change::Remembers(|| Box::<Flickering>::default()),
        },
        Fault {
            name: "stale-effective-after-logout",
            rule: Some(Rule::ResolutionPure),
            what: "the effective view is remembered by everything but auth",
            also: &[],
            change: Change::Remembers(|| Box::<Remembering>::default()),
        },
    ],
    ..Entry::of(Rule::ResolutionPure)
}];

/// The executor answers every other time, and a server that runs there is taken for gone.
#[derive(Default)]
struct Flickering {
    asked: AtomicU64,
}

impl Subject for Flickering {
    fn name(&self) -> &str {
        "unavailable-executor-hides-server"
    }

    fn resolve(&self, case: &Case) -> Answer {
        let answer = ProductionSubject.resolve(case);
        if self.asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            return answer;
        }
        let is_here = |server: &Value| server.get("environment_id").is_none();
        let without = with_views(&answer, |Views { configured, runtime, effective }| {
            for view in [configured, runtime, effective] {
                view.retain(|_, server| is_here(server));
            }
        });
        without.unwrap_or(answer)
    }
}

/// Views that are remembered before all are forgotten.
const REMEMBERED: usize = 1_000;

/// Effective views by the case that they came of, without auth and id.
#[derive(Default)]
struct Remembering {
    views: Mutex<BTreeMap<String, ServerView>>,
}

impl Remembering {
    fn views(&self) -> MutexGuard<'_, BTreeMap<String, ServerView>> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subject for Remembering {
    fn name(&self) -> &str {
        "stale-effective-after-logout"
    }

    fn resolve(&self, case: &Case) -> Answer {
        let mut answer = ProductionSubject.resolve(case);
        let key = Case { auth: None, id: String::new(), ..case.clone() };
        if let Answer::Resolved { views, .. } = &mut answer
            && let Ok(key) = serde_json::to_string(&key)
        {
            let mut remembered = self.views();
            if remembered.len() >= REMEMBERED {
                remembered.clear();
            }
            let effective = remembered.entry(key).or_insert_with(|| views.effective.clone());
            views.effective = effective.clone();
        }
        answer
    }
}
