//! Wide cases, and the nearest cases that are none.

use crate::case::{Auth, Case, Contribution, ContributorKind};

/// The same case without anything that only a wide case has.
#[must_use]
pub fn narrowed(mut case: Case) -> Case {
    case.thread = None;
    case.requirements = None;
    case.auth = case.auth.map(|auth| match auth {
        Auth::BedrockApiKey => Auth::ApiKey,
        Auth::Headers => Auth::ChatGptAuthTokens,
        plain => plain,
    });
    for plugin in &mut case.plugins {
        plugin.apps.clear();
        plugin.policy.clear();
        plugin.root = None;
    }
    case.contributors.retain(|contributor| contributor.kind != ContributorKind::ExecutorPlugins);
    for contributor in &mut case.contributors {
        if let ContributorKind::Scripted(list) = &mut contributor.kind {
            list.retain(|said| !matches!(said, Contribution::SelectedPlugin { .. }));
        }
    }
    case
}

/// Whether a case has a part that only some subjects know.
pub fn is_wide(case: &Case) -> bool {
    narrowed(case.clone()) != *case
}
