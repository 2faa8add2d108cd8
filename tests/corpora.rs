//! The committed fuzzing corpora, and the cases that were kept as text, replayed without a fuzzer.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that panics fails, as it should")]

use std::fs;
use std::path::Path;

use mcp_overlay::cases::vectors;
use mcp_overlay::finding::investigate::investigate;
use mcp_overlay::finding::of_vector::against_model;
use mcp_overlay::fuzz::{
    check_bytes, check_canary, check_played, check_protocol, check_sequence, check_toml,
};
use mcp_overlay::sequences::saved::SavedSequence;
use mcp_overlay::subject::{InProcess, ProductionSubject};

/// Runs the target's oracle on every file of a corpus.
fn replay(target: &str, oracle: fn(&[u8]) -> Result<(), String>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut replayed = 0;
    for file in fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        if let Err(found) = oracle(&fs::read(&path).unwrap()) {
            panic!("{}: {found}", path.display());
        }
        replayed += 1;
    }
    assert!(replayed >= 10, "{target}: only {replayed} files were replayed");
}

#[test]
fn the_resolve_corpus_passes() {
    replay("resolve", check_bytes);
}

#[test]
fn the_config_toml_corpus_passes() {
    replay("config_toml", check_toml);
}

#[test]
fn the_protocol_line_corpus_passes() {
    replay("protocol_line", check_protocol);
}

#[test]
fn the_sequence_corpus_passes() {
    replay("sequence", check_sequence);
}

/// Cases and sequences that `mcp-overlay fuzz-case` wrote: they stay what they were when the generator
/// makes something else of the bytes.
#[test]
fn kept_cases_pass() {
    let (mut cases, mut sequences) = (0, 0);
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/cases")).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        if path.extension().is_some_and(|extension| extension == "json") {
            let saved: SavedSequence = serde_json::from_str(&text).unwrap();
            check_played(&saved.sequence)
                .unwrap_or_else(|found| panic!("{}: {found}", path.display()));
            sequences += 1;
            continue;
        }
        for vector in vectors::parse(&text, &path).unwrap() {
            let found = investigate(&InProcess(ProductionSubject), &vector.case);
            let found = found.or_else(|| against_model(&vector));
            assert!(found.is_none(), "{}: {}", vector.case.id, found.unwrap());
            cases += 1;
        }
    }
    assert!(cases >= 30 && sequences >= 1, "only {cases} cases and {sequences} sequences");
}

/// The planted fault is found by some inputs, and not by every one.
#[test]
fn the_canary_fails_over_some_inputs() {
    let bytes = |seed: u64| -> Vec<u8> {
        let mut random = fastrand::Rng::with_seed(seed);
        (0..600).map(|_| random.u8(..)).collect()
    };
    assert!(check_canary(&[]).is_ok());
    let failing = (0..40_000).find(|seed| check_canary(&bytes(*seed)).is_err());
    assert!(failing.is_some_and(|first| first > 0), "{failing:?}");
}
