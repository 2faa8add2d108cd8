//! Faults seeded on purpose: the production implementation with one thing wrong.
//!
//! A fault changes the question before the production implementation sees it, or the answer
//! before anybody else does. None of them is wrong everywhere: each errs where a real
//! implementation has erred, or easily could. It stands in the entry of the rule that it breaks.

pub(super) mod change;
pub(super) mod reading;
mod restarted;

use mcp_overlay_model::{Answer, Case, Profile, Rule};

use self::restarted::{Make, Restarted};
use crate::subject::{Driver, InProcess, ProductionSubject, Subject};

/// One thing that is wrong.
#[derive(Debug)]
pub struct Fault {
    /// In kebab-case, such as `api-key-passes-gate`.
    pub name: &'static str,
    /// The rule that it breaks; `None` for a crash, which no rule has to forbid.
    pub rule: Option<Rule>,
    /// What is wrong, in a few words.
    pub what: &'static str,
    /// Rules that a minimal case of this fault may show as well: those which it goes through.
    pub also: &'static [Rule],
    pub(super) change: Change,
}

/// What a fault does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    /// Reads what is written as something else, which may be valid where that is not.
    Reads(fn(&Case) -> Option<Case>),
    /// Resolves a valid case as if it were another.
    Resolves(fn(&Case) -> Option<Case>),
    /// Says something else than what came out.
    Answers(fn(&Case, &Answer) -> Option<Answer>),
    /// Crashes over some cases.
    Crashes(fn(&Case, &Answer) -> bool),
    /// Remembers something from case to case.
    Remembers(Make),
}

impl Fault {
    /// A fault whose minimal cases show its own rule alone.
    pub(super) const fn new(
        name: &'static str,
        rule: Rule,
        what: &'static str,
        change: Change,
    ) -> Fault {
        Fault { name, rule: Some(rule), what, also: &[], change }
    }

    /// The same fault, whose minimal cases may show these rules as well.
    pub(super) const fn also(self, also: &'static [Rule]) -> Fault {
        Fault { also, ..self }
    }

    /// A profile in which the fault shows: the seed if its rule holds there, or else the newest one
    /// in which it does.
    pub fn profile(&self) -> Profile {
        let seed = Profile::default();
        let holds = |profile: &Profile| self.rule.is_none_or(|rule| profile.has(rule));
        let newest = || Profile::ALL.into_iter().rev().find(holds);
        Some(seed).filter(holds).or_else(newest).unwrap_or(seed)
    }

    /// The production implementation with this fault.
    pub fn subject(&'static self) -> Box<dyn Subject> {
        match self.change {
            Change::Remembers(make) => make(),
            _ => Box::new(Faulty(self)),
        }
    }

    /// Asks the production implementation with this fault.
    pub fn driver(&'static self) -> Box<dyn Driver> {
        match self.change {
            Change::Remembers(make) => Box::new(Restarted::new(self.name, make)),
            _ => Box::new(InProcess(Faulty(self))),
        }
    }

    /// Whether the answer to a case depends on nothing but the case.
    pub(crate) fn is_stateless(&self) -> bool {
        !matches!(self.change, Change::Remembers(_))
    }

    /// Whether the fault may show in this case, to which the sound implementation answers `sound`;
    /// far cheaper than asking. "No" is certain.
    pub(crate) fn may_show(&self, case: &Case, sound: &Answer) -> bool {
        match self.change {
            Change::Reads(change) | Change::Resolves(change) => change(case).is_some(),
            Change::Answers(change) => change(case, sound).is_some(),
            Change::Crashes(crashes) => crashes(case, sound),
            Change::Remembers(_) => true,
        }
    }

    fn answer(&self, case: &Case) -> Answer {
        let sound = || ProductionSubject.resolve(case);
        match self.change {
            Change::Reads(change) => change(case)
                .map_or_else(sound, |read| warned(ProductionSubject.resolve(&read), sound())),
            Change::Resolves(change) => match (change(case), sound()) {
                (Some(other), sound @ Answer::Resolved { .. }) => {
                    warned(ProductionSubject.resolve(&other), sound)
                }
                (_, answer) => answer,
            },
            Change::Answers(change) => {
                let answer = sound();
                change(case, &answer).unwrap_or(answer)
            }
            Change::Crashes(crashes) => match sound() {
                // Unwinds like a panic, without the message of one.
                answer if crashes(case, &answer) => {
                    std::panic::resume_unwind(Box::new("out of bounds"))
                }
                answer => answer,
            },
            Change::Remembers(make) => make().resolve(case),
        }
    }
}

/// An answer with the warnings of the sound one: what a fault reads or resolves otherwise is still
/// what was written.
fn warned(mut answer: Answer, sound: Answer) -> Answer {
    if let (Answer::Resolved { warnings, .. }, Answer::Resolved { warnings: sound, .. }) =
        (&mut answer, sound)
    {
        *warnings = sound;
    }
    answer
}

/// The production implementation with a fault that keeps no state.
struct Faulty(&'static Fault);

impl Subject for Faulty {
    fn name(&self) -> &str {
        self.0.name
    }

    fn warns(&self) -> bool {
        true
    }

    fn knows_wide_cases(&self) -> bool {
        true
    }

    fn resolve(&self, case: &Case) -> Answer {
        self.0.answer(case)
    }
}
