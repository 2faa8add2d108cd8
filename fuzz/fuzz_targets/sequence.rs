//! Generates a sequence from the bytes; the production host in process must follow the specification.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_overlay::fuzz::check_sequence;

fuzz_target!(|bytes: &[u8]| {
    if let Err(found) = check_sequence(bytes) {
        panic!("{found}");
    }
});
