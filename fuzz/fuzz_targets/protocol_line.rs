//! Feeds the bytes to the subject's side of the protocol: no panic, and only complete lines as
//! output.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_overlay::fuzz::check_protocol;

fuzz_target!(|bytes: &[u8]| {
    if let Err(found) = check_protocol(bytes) {
        panic!("{found}");
    }
});
