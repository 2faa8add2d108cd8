//! Reads the bytes as a config.toml: no panic, and model and production agree.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_overlay::fuzz::check_toml;

fuzz_target!(|bytes: &[u8]| {
    if let Err(found) = check_toml(bytes) {
        panic!("{found}");
    }
});
