//! What the checker knows about one rule.

use mcp_overlay_model::observation::Observations;
use mcp_overlay_model::{Case, Rule};

use super::fault::Fault;
use super::situation::Situation;

/// What the checker knows about one rule.
#[derive(Debug)]
pub struct Entry {
    /// The rule.
    pub rule: Rule,
    /// The rule that this one took the place of, in the profile that brought it.
    pub succeeds: Option<Rule>,
    /// Which cases reach it.
    pub reached: Reached,
    /// Where an answer shows whether it is kept.
    pub shows: Shows,
    /// Another way to write a case, which this rule says means the same.
    pub rewrite: Option<Rewrite>,
    /// What of a case, or of an answer, it decides about.
    pub fields: Fields,
    /// Implementations that break it.
    pub faults: &'static [Fault],
}

impl Entry {
    /// A rule that only the model's reasons speak of.
    pub(super) const fn of(rule: Rule) -> Entry {
        Entry {
            rule,
            succeeds: None,
            reached: Reached::ByReason,
            shows: Shows::Everywhere,
            rewrite: None,
            fields: Fields::NONE,
            faults: &[],
        }
    }
}

/// Which cases reach a rule, besides those for which the model names it as a reason: of a view, of
/// a contribution or of a rejection.
#[derive(Clone, Copy, Debug)]
pub enum Reached {
    /// No others.
    ByReason,
    /// Those with a server that has one of the fields [`Fields::refused`].
    ByField,
    /// Those in such a situation.
    When(fn(&Situation<'_>) -> bool),
    /// Those of which a running host shows this.
    WhenSeen(fn(&Case, &Observations) -> bool),
    /// Those that are asked in a particular way. The campaign counts them.
    ByAsking,
}

impl Reached {
    /// Whether a situation is one in which the rule has something to say.
    pub fn is_met_in(self, situation: &Situation<'_>) -> bool {
        match self {
            Reached::When(is_met) => is_met(situation),
            _ => false,
        }
    }
}

/// Where an answer shows whether a rule is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// In the views, and in what a running host does.
    Everywhere,
    /// In the views alone.
    InViews,
    /// In what a running host does alone.
    Outside,
}

/// Another way to write a case. If a subject is wrong before and right after, and the specification
/// says the same of both, this is the rule that the subject breaks.
#[derive(Clone, Copy, Debug)]
pub struct Rewrite {
    /// How plain an explanation this is.
    pub step: Step,
    /// Rewrites a case.
    pub write: fn(&mut Case),
}

/// The steps of resolution, in their order. A failure is explained by the earliest step that does;
/// within a step the first entry of a file counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// How one value is written.
    Value,
    /// Which plugin's servers count.
    Plugins,
    /// Which contributions count.
    Contributions,
    /// The Apps server and its URL.
    AppsServer,
    /// Who is signed in.
    Auth,
}

/// What a rule decides about, by name.
#[derive(Clone, Copy, Debug)]
pub struct Fields {
    /// Keys of a host config: a valid one that is refused breaks the rule.
    pub of_host: &'static [&'static str],
    /// Fields of a server entry: a valid one that is refused breaks the rule.
    pub refused: &'static [&'static str],
    /// Fields of a server: one with another value in a view breaks the rule.
    pub in_views: &'static [&'static str],
    /// Fields of the Apps server that the host builds. The rule must be reached, too.
    pub of_apps_server: &'static [&'static str],
    /// Fields of an observation.
    pub seen: &'static [&'static str],
}

impl Fields {
    /// About nothing that has a name.
    pub(super) const NONE: Fields =
        Fields { of_host: &[], refused: &[], in_views: &[], of_apps_server: &[], seen: &[] };
}
