//! Turns of threads between the steps of a sequence.

use std::collections::BTreeSet;

use arbitrary::Unstructured;
use mcp_overlay_model::lifecycle::{Behaviour, Sequence, State, Step, Tokens};
use mcp_overlay_model::{Profile, Rule};

/// The steps with turns among them: most after reloads, where older releases need one, and some where a
/// turn must change nothing. The steps that are there do not depend on them.
pub(super) fn with_turns(profile: Profile, steps: Vec<Step>, bytes: &[u8]) -> Vec<Step> {
    // Other choices than those of reads.
    let mixed: Vec<u8> = bytes.iter().rev().map(|byte| byte.rotate_left(3) ^ 0x55).collect();
    let mut bytes = Unstructured::new(&mixed);
    let mut state = State::before(&Sequence { profile, ..Sequence::default() }, true);
    let mut holding = BTreeSet::new();
    let mut all = Vec::with_capacity(steps.len());
    for step in steps {
        state.step(&step);
        note_holding(&step, &mut holding);
        let one_in = one_in(profile, &step);
        all.push(step);
        // Released hosts do not end a turn before what a server holds.
        if holding.is_empty() && one_in.is_some_and(|one_in| bytes.ratio(1, one_in) == Ok(true)) {
            all.extend(turns(&state, &mut bytes).unwrap_or_default());
        }
    }
    all
}

/// How seldom there is a turn after this step; `None`: never.
fn one_in(profile: Profile, step: &Step) -> Option<u8> {
    let is_late = profile.has(Rule::LifecycleReloadNextTurn);
    match step {
        Step::Reload if is_late => Some(2),
        Step::Together(_) if is_late => Some(4),
        Step::Reload | Step::Config(_) | Step::SignIn(_) | Step::SignOut { .. } => Some(8),
        Step::Call { .. } | Step::Together(_) => Some(32),
        _ => None,
    }
}

fn note_holding(step: &Step, holding: &mut BTreeSet<String>) {
    match step {
        Step::World { server, behaviour: Behaviour::Hold | Behaviour::HoldStart }
        | Step::Tokens { server, behaviour: Tokens::Hold } => {
            holding.insert(server.clone());
        }
        Step::Release { server } => {
            holding.remove(server);
        }
        _ => {}
    }
}

/// A turn of a thread, or of each: what goes wrong on the others needs one alone.
fn turns(state: &State, bytes: &mut Unstructured<'_>) -> arbitrary::Result<Vec<Step>> {
    let mut threads: Vec<&str> = state.threads().collect();
    if threads.len() > 1 && !bytes.ratio(1, 4)? {
        threads = vec![*bytes.choose(&threads)?];
    }
    Ok(threads.into_iter().map(|thread| Step::Turn { thread: thread.into() }).collect())
}
