//! The cases that the subject skipped, by the reason that it gave.

use serde::{Deserialize, Serialize};

use crate::display::clipped;
use crate::finding::expected::{Expected, Skip};

/// The most reasons to distinguish that no entry allows.
const MOST: usize = 20;

/// The most characters of a reason.
const REASON: usize = 300;

/// What the reasons beyond [`MOST`] are called.
const OTHERS: &str = "(other reasons)";

/// Skipped cases with one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// How the reason that the subject gave begins, as an entry has it; without an entry, the
    /// reason.
    pub skipped: String,
    /// The reason of the entry that allows it.
    pub allowed: Option<String>,
    /// The number of cases.
    pub cases: u64,
}

/// The skipped cases of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skips {
    /// One for each entry, in the order of the file.
    allowed: Vec<Skipped>,
    /// The others, by reason.
    others: Vec<Skipped>,
}

impl Skips {
    /// None yet.
    pub fn new(expected: &Expected) -> Self {
        let entry = |skip: &Skip| Skipped {
            skipped: skip.skipped.clone(),
            allowed: Some(skip.reason.clone()),
            cases: 0,
        };
        Skips { allowed: expected.skips().iter().map(entry).collect(), others: Vec::new() }
    }

    /// Counts a case that the subject skipped for this reason.
    pub(crate) fn record(&mut self, given: &str) {
        let allows = |known: &&mut Skipped| given.starts_with(&known.skipped);
        match self.allowed.iter_mut().find(allows) {
            Some(known) => known.cases += 1,
            None => {
                self.add_other(Skipped { skipped: clipped(given, REASON), allowed: None, cases: 1 })
            }
        }
    }

    /// Adds skipped cases.
    pub fn add(&mut self, skipped: Skipped) {
        match &skipped.allowed {
            None => self.add_other(skipped),
            Some(_) => match self.allowed.iter_mut().find(|k| k.skipped == skipped.skipped) {
                Some(known) => known.cases += skipped.cases,
                None => self.allowed.push(skipped),
            },
        }
    }

    /// Keeps the first reasons by their text, so that the counts do not depend on the order.
    fn add_other(&mut self, skipped: Skipped) {
        let key = |reason: &str| (reason == OTHERS, reason.to_string());
        let at = self.others.binary_search_by_key(&key(&skipped.skipped), |k| key(&k.skipped));
        match at.map(|at| self.others.get_mut(at)) {
            Ok(Some(known)) => known.cases += skipped.cases,
            Ok(None) => {}
            Err(at) => self.others.insert(at, skipped),
        }
        let named = self.others.iter().filter(|known| known.skipped != OTHERS).count();
        if named > MOST {
            let surplus = self.others.remove(MOST);
            self.add_other(Skipped { skipped: OTHERS.into(), ..surplus });
        }
    }

    /// Adds the skipped cases of another part of the run.
    pub(crate) fn merge(&mut self, other: &Skips) {
        other.all().for_each(|skipped| self.add(skipped.clone()));
    }

    /// All, those with an entry first.
    pub fn all(&self) -> impl Iterator<Item = &Skipped> {
        self.allowed.iter().chain(&self.others)
    }

    /// Those that an entry allows; one with no case was not met.
    pub fn allowed(&self) -> &[Skipped] {
        &self.allowed
    }

    /// Those that no entry allows.
    pub fn others(&self) -> &[Skipped] {
        &self.others
    }

    /// The number of cases.
    pub fn count(&self) -> u64 {
        self.all().map(|skipped| skipped.cases).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reasons_that_are_kept_do_not_depend_on_the_order() {
        let expected = "[[skip]]\nskipped = \"reason 7\"\nreason = \"known\"";
        let expected = Expected::parse(expected, "known.toml").unwrap();
        let counted = |numbers: &mut dyn Iterator<Item = u32>| {
            let (mut one, mut other) = (Skips::new(&expected), Skips::new(&expected));
            for number in numbers {
                let skips = if number % 3 == 0 { &mut one } else { &mut other };
                skips.record(&format!("reason {number}"));
            }
            one.merge(&other);
            one
        };
        let skips = counted(&mut (0..100));
        assert_eq!(skips, counted(&mut (0..100).rev()));
        assert_eq!((skips.count(), skips.others().len()), (100, MOST + 1));
        assert_eq!(skips.allowed().iter().map(|known| known.cases).collect::<Vec<_>>(), [11]);
        let last = skips.others().last().map(|known| (known.skipped.as_str(), known.cases));
        assert_eq!(last, Some((OTHERS, 69)));
    }
}
