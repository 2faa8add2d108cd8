//! Remembers what configurations come to: the steps of a sequence ask about few of them, many times.

use std::cell::RefCell;

use serde_json::Value;

use crate::case::Auth;
use crate::observation::Observed;
use crate::profile::Profile;

/// The most results to remember.
const MOST: usize = 64;

struct Known {
    profile: Profile,
    auth: Option<Auth>,
    config: Value,
    observed: Option<Observed>,
}

thread_local! {
    static KNOWN: RefCell<Vec<Known>> = const { RefCell::new(Vec::new()) };
}

/// The result of `observe` for these inputs, which alone decide it.
pub(super) fn remembered(
    profile: Profile,
    auth: Option<Auth>,
    config: &Value,
    observe: impl FnOnce() -> Option<Observed>,
) -> Option<Observed> {
    KNOWN.with_borrow_mut(|all| {
        let is_same = |known: &&Known| {
            known.profile == profile && known.auth == auth && known.config == *config
        };
        if let Some(known) = all.iter().find(is_same) {
            return known.observed.clone();
        }
        if all.len() == MOST {
            all.clear();
        }
        let observed = observe();
        let config = config.clone();
        all.push(Known { profile, auth, config, observed: observed.clone() });
        observed
    })
}
