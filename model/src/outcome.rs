//! What the specification says about a case.

use crate::answer::{Answer, PluginOwners, Rejected, ServerView, Views};
use crate::decision::{Overlay, Rejection, View};
use crate::host::Host;
use crate::observation::Observed;
use crate::selected::Selected;
use crate::warning::Warning;

/// What the specification says about a case.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The views and their reasons.
    Resolved(Box<Resolution>),
    /// What a running host shows of its `effective` view.
    Observed(Observed),
    /// Every invalid place, smallest path first; the first is the answer.
    Rejected(Vec<Rejection>),
}

/// A resolved case.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolution {
    /// Config and plugins.
    pub configured: View,
    /// `configured` with all contributions applied.
    pub runtime: View,
    /// `runtime` after the gate and the legacy loader.
    pub effective: View,
    /// Names that come from a plugin, with the plugin's id.
    pub plugin_owners: PluginOwners,
    /// The host config as it was read.
    pub host: Host,
    /// Every `Set` and `Remove` in order.
    pub overlays: Vec<Overlay>,
    /// What selected plugins offer, in the order of the contributions.
    pub selected: Vec<Selected>,
    /// What the host must warn about.
    pub warnings: Vec<Warning>,
}

impl Outcome {
    /// The outcome as an implementation would answer it that says nothing about warnings.
    pub fn answer(&self) -> Answer {
        match self {
            Outcome::Resolved(resolution) => Answer::Resolved {
                views: Views {
                    configured: present(&resolution.configured),
                    runtime: present(&resolution.runtime),
                    effective: present(&resolution.effective),
                },
                plugin_owners: resolution.plugin_owners.clone(),
                warnings: None,
            },
            Outcome::Observed(observed) => Answer::Observed { seen: observed.present() },
            Outcome::Rejected(rejections) => {
                let first = rejections.first();
                Answer::Rejected {
                    rejected: Rejected {
                        path: first.map(|r| r.path.clone()).unwrap_or_default(),
                        reason: first.map(|r| r.reason.clone()).unwrap_or_default(),
                    },
                }
            }
        }
    }
}

/// The names that a view holds, without the absent ones.
pub fn present(view: &View) -> ServerView {
    view.iter()
        .filter_map(|(name, decided)| Some((name.clone(), decided.server.clone()?)))
        .collect()
}
