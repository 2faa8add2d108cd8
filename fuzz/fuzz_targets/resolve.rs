//! Generates a case from the bytes; model and production must agree on it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_overlay::fuzz::check_bytes;

fuzz_target!(|bytes: &[u8]| {
    if let Err(found) = check_bytes(bytes) {
        panic!("{found}");
    }
});
