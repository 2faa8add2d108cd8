//! All sequences over a small alphabet, as a graph: the nodes are the states of the model, and each
//! transition is a step.
//!
//! The state of a host cannot be read, so the search is over the states of the model. Every state is
//! reached on its shortest path, and every transition is played on a real host at least once.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicU32, Ordering};

use mcp_overlay_model::Profile;
use mcp_overlay_model::lifecycle::{Seen, Sequence, State, Step};

use crate::parallel::{Numbers, on_all_cores};

use super::alphabet::{Letter, Situation, beginning, letters};

/// The most steps of one play; then another host starts.
const LONGEST: usize = 40;

/// The states within a number of steps, with all transitions from those that are nearer.
pub struct Graph {
    profile: Profile,
    letters: Vec<Letter>,
    /// The steps before the first node.
    beginning: Vec<Step>,
    nodes: Vec<Node>,
    transitions: u64,
}

struct Node {
    /// The node before it on the shortest path, and the letter; the first node has none.
    from: Option<(u32, u8)>,
    /// The letters that make sense here, and where they lead.
    next: Vec<(u8, u32)>,
    /// A bit for each letter that no play has taken yet.
    open: AtomicU32,
}

impl Graph {
    /// The graph of all sequences of at most `length` steps after the beginning.
    #[must_use]
    pub fn of(profile: Profile, length: u32) -> Self {
        let mut graph = Graph {
            profile,
            letters: letters(),
            beginning: Vec::new(),
            nodes: Vec::new(),
            transitions: 0,
        };
        let (steps, situation) = beginning();
        let start = Sequence { profile, steps, ..Sequence::default() };
        let mut state = State::before(&start, true);
        for step in &start.steps {
            state.step(step);
        }
        graph.beginning = start.steps;
        let mut known: BTreeMap<u64, u32> = BTreeMap::new();
        let first = graph.add(None);
        known.insert(digest(&state), first);
        let mut level = vec![(first, state, situation)];
        for _ in 0..length {
            let mut next_level = Vec::new();
            for (node, state, situation) in level {
                for (letter, state, situation) in graph.next(&state, &situation) {
                    let digest = digest(&state);
                    let target = known.get(&digest).copied().unwrap_or_else(|| {
                        let target = graph.add(Some((node, letter)));
                        known.insert(digest, target);
                        next_level.push((target, state, situation));
                        target
                    });
                    graph.connect(node, letter, target);
                }
            }
            level = next_level;
        }
        graph.close(&level, &known);
        graph
    }

    /// From the last states, only what leads back to a known one: that costs a play one step more.
    fn close(&mut self, last: &[(u32, State, Situation)], known: &BTreeMap<u64, u32>) {
        let numbers = Numbers::up_to(last.len() as u64);
        let found = on_all_cores(|| {
            let mut found = Vec::new();
            while let Some(range) = numbers.take(64) {
                let some = last.get(range.start as usize..range.end as usize);
                for (node, state, situation) in some.unwrap_or_default() {
                    for (letter, state, _) in self.next(state, situation) {
                        let target = known.get(&digest(&state));
                        found.extend(target.map(|target| (*node, letter, *target)));
                    }
                }
            }
            found
        });
        for (node, letter, target) in found.into_iter().flatten() {
            self.connect(node, letter, target);
        }
    }

    /// Every letter that makes sense after a state, and what comes of it.
    fn next(&self, state: &State, situation: &Situation) -> Vec<(u8, State, Situation)> {
        let letters = (0..).zip(&self.letters).filter(|(_, letter)| letter.makes_sense(situation));
        let next = letters.map(|(number, letter)| {
            let (state, situation) = after(letter, state, situation);
            (number, state, situation)
        });
        next.collect()
    }

    fn add(&mut self, from: Option<(u32, u8)>) -> u32 {
        let number = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        self.nodes.push(Node { from, next: Vec::new(), open: AtomicU32::new(0) });
        number
    }

    fn connect(&mut self, node: u32, letter: u8, target: u32) {
        if let Some(node) = self.nodes.get_mut(node as usize) {
            node.next.push((letter, target));
            *node.open.get_mut() |= 1 << letter;
            self.transitions += 1;
        }
    }

    /// The number of states.
    #[must_use]
    pub fn states(&self) -> u64 {
        self.nodes.len() as u64
    }

    /// The number of transitions.
    #[must_use]
    pub fn transitions(&self) -> u64 {
        self.transitions
    }

    /// A sequence that begins with the shortest path to this state and takes transitions that no
    /// earlier one took, and how many those are; `None` if this state has none left.
    #[must_use]
    pub fn play_from(&self, node: u64) -> Option<(Sequence, u64)> {
        let mut at = u32::try_from(node).ok()?;
        let mut path = self.path(at);
        let mut new = 0;
        while (new == 0 || path.len() < LONGEST)
            && let Some((letter, target)) = self.claim(at)
        {
            path.push(letter);
            new += 1;
            at = target;
        }
        if new == 0 {
            return None;
        }
        let step = |letter: u8| -> Option<Step> {
            Some(self.letters.get(usize::from(letter))?.step.clone())
        };
        let steps =
            self.beginning.iter().cloned().chain(path.into_iter().filter_map(step)).collect();
        Some((Sequence { id: String::new(), profile: self.profile, steps }, new))
    }

    /// A transition from here that is now taken.
    fn claim(&self, node: u32) -> Option<(u8, u32)> {
        let node = self.nodes.get(node as usize)?;
        node.next.iter().copied().find(|(letter, _)| {
            let bit = 1 << letter;
            node.open.fetch_and(!bit, Ordering::Relaxed) & bit != 0
        })
    }

    /// The letters of the shortest path to a node.
    fn path(&self, node: u32) -> Vec<u8> {
        let mut letters = Vec::new();
        let mut at = self.nodes.get(node as usize);
        while let Some((before, letter)) = at.and_then(|node| node.from) {
            letters.push(letter);
            at = self.nodes.get(before as usize);
        }
        letters.reverse();
        letters
    }
}

/// The state after a step. Where a host has a choice, the first of what is allowed.
fn after(letter: &Letter, state: &State, situation: &Situation) -> (State, Situation) {
    let (mut state, mut situation) = (state.clone(), letter.after(situation));
    let expected = state.step(&letter.step);
    if let Some(seen) = expected.allowed.first() {
        state.took(&letter.step, seen);
        match seen {
            Seen::Held { .. } => situation.held += 1,
            Seen::Released(released) => situation.held -= released.len().min(situation.held),
            _ => {}
        }
    }
    situation.threads = state.threads().count();
    (state, situation)
}

/// Two states of the same digest are taken for the same. Of a million states, two collide in one of
/// thirty million graphs.
fn digest(state: &State) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}
