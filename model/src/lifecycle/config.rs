//! A configuration on disk, with what a host shows of it.

use std::cell::RefCell;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::signed_in::SignedIn;
use crate::case::{Auth, Case, Contributor, ContributorKind};
use crate::observation::Observed;
use crate::observe::observed;
use crate::outcome::Outcome;
use crate::profile::Profile;
use crate::resolve::resolve;

/// A configuration on disk. Clones share it, because the states of a sequence have many.
#[derive(Clone, Debug)]
pub struct Config(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    profile: Profile,
    written: Value,
    /// What a host shows of it: signed out, and with each kind of sign-in. Nothing if it is refused.
    shown: [OnceLock<Option<Observed>>; 1 + Auth::ALL.len()],
}

/// How many configurations to remember: several states go through one sequence, one after the other.
const MOST: usize = 16;

thread_local! {
    static KNOWN: RefCell<Vec<Config>> = const { RefCell::new(Vec::new()) };
}

impl Config {
    /// What is written on the disk of a host of this profile.
    pub(super) fn new(profile: Profile, written: &Value) -> Self {
        KNOWN.with_borrow_mut(|known| {
            let is_same =
                |config: &&Config| config.0.profile == profile && config.0.written == *written;
            if let Some(config) = known.iter().rev().find(is_same) {
                return config.clone();
            }
            if known.len() == MOST {
                known.clear();
            }
            let (written, shown) = (written.clone(), Default::default());
            let config = Config(Arc::new(Shared { profile, written, shown }));
            known.push(config.clone());
            config
        })
    }

    /// The configuration as it is written.
    pub(super) fn written(&self) -> &Value {
        &self.0.written
    }

    /// What a host shows of it with a sign-in; nothing if the configuration is refused.
    pub(super) fn observed(&self, signed_in: Option<&SignedIn>) -> Option<&Observed> {
        let auth = signed_in.map(|signed_in| signed_in.auth);
        let shown = self.0.shown.get(auth.map_or(0, |auth| 1 + auth as usize))?;
        shown.get_or_init(|| self.observed_anew(auth)).as_ref()
    }

    /// What a host shows of it, signed out and with each kind of sign-in.
    pub(super) fn observed_by_anybody(&self) -> impl Iterator<Item = &Observed> {
        let all = std::iter::once(None).chain(Auth::ALL.into_iter().map(Some));
        let shown = self.0.shown.iter().zip(all);
        shown.filter_map(|(shown, auth)| shown.get_or_init(|| self.observed_anew(auth)).as_ref())
    }

    fn observed_anew(&self, auth: Option<Auth>) -> Option<Observed> {
        let hosted = Contributor { id: "hosted".into(), kind: ContributorKind::HostedApps };
        let case = Case {
            id: String::new(),
            profile: self.0.profile,
            host: self.0.written.clone(),
            plugins: Vec::new(),
            contributors: vec![hosted],
            auth,
            thread: None,
            requirements: None,
        };
        match observed(&case, &resolve(&case)) {
            Outcome::Observed(observed) => Some(observed),
            Outcome::Resolved(_) | Outcome::Rejected(_) => None,
        }
    }
}

impl PartialEq for Config {
    fn eq(&self, other: &Self) -> bool {
        let is_same = self.0.profile == other.0.profile && self.0.written == other.0.written;
        Arc::ptr_eq(&self.0, &other.0) || is_same
    }
}

impl Eq for Config {}

impl Hash for Config {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.0.written.hash(hasher);
    }
}
