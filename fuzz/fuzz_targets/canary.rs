//! As `resolve`, with a fault planted in the production implementation. A campaign that does not find it
//! finds nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_overlay::fuzz::check_canary;

fuzz_target!(|bytes: &[u8]| {
    if let Err(found) = check_canary(bytes) {
        panic!("{found}");
    }
});
