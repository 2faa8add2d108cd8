//! Whether a history of operations that overlap could have happened one after the other: the search of
//! Wing and Gong, with the memory of Lowe.
//!
//! Pure: it knows neither hosts nor time, only intervals and a sequential specification. A history is
//! partitioned by the caller, one part for each object ([`by_object`]): a history is linearizable if and
//! only if each part is.

use std::collections::{BTreeMap, BTreeSet};

/// What operations do if they happen one after the other.
pub trait Specification {
    /// The state of an object.
    type State: Clone + Ord;
    /// An operation, with its outcome if that is known.
    type Operation;

    /// The state before all operations.
    fn initial(&self) -> Self::State;

    /// The states that an operation may lead to; none if it cannot have its outcome in this state.
    fn after(&self, state: &Self::State, operation: &Self::Operation) -> Vec<Self::State>;
}

/// An operation, and the time in which it took effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interval<T, O> {
    /// Not before this.
    pub start: T,
    /// Not after this. `None` if that is unknown, as after a crash: it takes effect at any time, or
    /// never.
    pub end: Option<T>,
    /// The operation.
    pub operation: O,
}

/// The order in which operations may have happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Linearized {
    /// In this order, by their positions in the history. Operations without an end may be missing.
    In(Vec<usize>),
    /// In no order. The longest one that was found, and the operations of which none can follow.
    Not {
        /// The longest order.
        longest: Vec<usize>,
        /// The operations that may come next in time, and have another outcome.
        stuck: Vec<usize>,
    },
}

/// The parts of a history, one for each object.
pub fn by_object<K: Ord, T, O>(
    history: impl IntoIterator<Item = (K, Interval<T, O>)>,
) -> BTreeMap<K, Vec<Interval<T, O>>> {
    let mut parts: BTreeMap<K, Vec<Interval<T, O>>> = BTreeMap::new();
    for (object, interval) in history {
        parts.entry(object).or_default().push(interval);
    }
    parts
}

/// An order of a history, if there is one.
pub fn linearize<S: Specification, T: Ord>(
    specification: &S,
    history: &[Interval<T, S::Operation>],
) -> Linearized {
    let mut search = Search {
        specification,
        history,
        order: Vec::new(),
        seen: BTreeSet::new(),
        longest: Vec::new(),
        stuck: Vec::new(),
    };
    let none = Done(vec![0; history.len().div_ceil(BITS)]);
    match search.from(&none, &specification.initial()) {
        true => Linearized::In(search.order),
        false => Linearized::Not { longest: search.longest, stuck: search.stuck },
    }
}

const BITS: usize = u64::BITS as usize;

/// A set of positions.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Done(Vec<u64>);

impl Done {
    fn has(&self, position: usize) -> bool {
        self.0.get(position / BITS).is_some_and(|bits| bits >> (position % BITS) & 1 == 1)
    }

    fn and(&self, position: usize) -> Self {
        let mut more = self.clone();
        if let Some(bits) = more.0.get_mut(position / BITS) {
            *bits |= 1 << (position % BITS);
        }
        more
    }
}

struct Search<'a, S: Specification, T> {
    specification: &'a S,
    history: &'a [Interval<T, S::Operation>],
    order: Vec<usize>,
    /// The operations and states from which there is no way on. Another order of the same
    /// operations that comes to the same state has none either.
    seen: BTreeSet<(Done, S::State)>,
    longest: Vec<usize>,
    stuck: Vec<usize>,
}

impl<S: Specification, T: Ord> Search<'_, S, T> {
    /// Whether there is an order of the operations that are not done.
    fn from(&mut self, done: &Done, state: &S::State) -> bool {
        let left = |(at, _): &(usize, &Interval<T, S::Operation>)| !done.has(*at);
        let mut remaining = self.history.iter().enumerate().filter(left);
        if remaining.all(|(_, interval)| interval.end.is_none()) {
            return true;
        }
        if !self.seen.insert((done.clone(), state.clone())) {
            return false;
        }
        let history = self.history;
        let remaining = || history.iter().enumerate().filter(left);
        // An operation may come next if no other one had ended before it began.
        let first_end = remaining().filter_map(|(_, interval)| interval.end.as_ref()).min();
        let next: Vec<usize> = remaining()
            .filter(|(_, interval)| first_end.is_none_or(|end| interval.start <= *end))
            .map(|(at, _)| at)
            .collect();
        for at in &next {
            let Some(interval) = history.get(*at) else { continue };
            let done = done.and(*at);
            self.order.push(*at);
            let mut after = self.specification.after(state, &interval.operation).into_iter();
            if after.any(|after| self.from(&done, &after)) {
                return true;
            }
            self.order.pop();
        }
        if self.stuck.is_empty() || self.order.len() > self.longest.len() {
            self.longest.clone_from(&self.order);
            self.stuck = next;
        }
        false
    }
}
