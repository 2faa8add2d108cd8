//! The committed fuzzing corpora, replayed without a fuzzer.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that panics fails, as it should")]

use std::fs;
use std::path::Path;

use mcp_overlay::fuzz::{check_bytes, check_protocol, check_sequence, check_toml};

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
