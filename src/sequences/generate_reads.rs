//! Reads of resources between the steps of a sequence.

use arbitrary::Unstructured;
use mcp_overlay_model::lifecycle::{Sequence, State, Step};
use mcp_overlay_model::{CODEX_APPS, Profile};

use super::configs::NAMES;

/// The steps with reads among them. They come from the other end of the bytes, so the steps that are
/// there do not depend on them.
pub(super) fn with_reads(profile: Profile, steps: Vec<Step>, bytes: &[u8]) -> Vec<Step> {
    let reversed: Vec<u8> = bytes.iter().rev().copied().collect();
    let mut bytes = Unstructured::new(&reversed);
    let mut state = State::before(&Sequence { profile, ..Sequence::default() }, true);
    let mut all = Vec::with_capacity(steps.len());
    let mut last: Option<Step> = None;
    for step in steps {
        state.step(&step);
        let is_change = matches!(
            step,
            Step::Config(_)
                | Step::SignIn { .. }
                | Step::SignOut { .. }
                | Step::Thread { .. }
                | Step::Reload
                | Step::View
        );
        all.push(step);
        let one_in = if last.is_some() { 2 } else { 4 };
        if is_change && bytes.ratio(1, one_in).unwrap_or_default() {
            // A host may remember the answer to the last one.
            let again = last.clone().filter(|last| shows(&state, last));
            let again = again.filter(|_| bytes.ratio(2, 3).unwrap_or_default());
            let read = again.or_else(|| read(&state, &mut bytes).ok().flatten());
            all.extend(read.clone());
            last = read.or(last);
        }
    }
    all
}

/// A read that shows something here.
fn read(state: &State, bytes: &mut Unstructured<'_>) -> arbitrary::Result<Option<Step>> {
    let threads: Vec<Option<&str>> =
        std::iter::once(None).chain(state.threads().map(Some)).collect();
    let thread = bytes.choose(&threads)?.map(str::to_string);
    let mut servers = NAMES.to_vec();
    servers.push(CODEX_APPS);
    let server = (*bytes.choose(&servers)?).to_string();
    let read = Step::Read { thread, server };
    Ok(Some(read).filter(|read| shows(state, read)))
}

/// Whether not everything may be observed of a step.
fn shows(state: &State, step: &Step) -> bool {
    !state.clone().step(step).anything
}
