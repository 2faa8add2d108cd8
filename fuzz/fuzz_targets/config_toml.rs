//! Bytes as a config.toml: no panic, and model and production accept and reject alike.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_overlay::fuzz::check_toml;

fuzz_target!(|bytes: &[u8]| {
    if let Err(found) = check_toml(bytes) {
        panic!("{found}");
    }
});
