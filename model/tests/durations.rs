//! Times are whole nanoseconds, whatever decimal a user writes.

#![allow(clippy::unwrap_used, reason = "a test that panics fails, as it should")]

use std::time::Duration;

use mcp_overlay_model::duration::{from_seconds, in_seconds};
use serde_json::{Value, json};

fn read(written: &str) -> Option<Duration> {
    from_seconds(&serde_json::from_str::<Value>(written).unwrap())
}

#[test]
fn a_decimal_is_the_nearest_nanosecond() {
    for (written, seconds, nanoseconds) in [
        ("1.14", 1, 140_000_000),
        ("1.1400000000000001", 1, 140_000_000),
        ("0.1", 0, 100_000_000),
        ("-0.0", 0, 0),
        ("1e-9", 0, 1),
        ("4e-10", 0, 0),
        ("1e-300", 0, 0),
        ("2.5e-9", 0, 3),
        // Exact halves of a nanosecond, to even.
        ("0.0009765625", 0, 976_562),
        ("0.0029296875", 0, 2_929_688),
        // The nearest double is 16777215.999999998137….
        ("16777215.999999999", 16_777_215, 999_999_998),
        ("18446744073709549568", 18_446_744_073_709_549_568, 0),
    ] {
        assert_eq!(read(written), Some(Duration::new(seconds, nanoseconds)), "{written}");
    }
    for refused in ["-1e-300", "-1", "18446744073709551615", "1e300", "\"1\"", "true"] {
        assert_eq!(read(refused), None, "{refused}");
    }
}

#[test]
fn what_is_written_back_means_the_same_time() {
    for nanoseconds in [0, 1, 999_999_999, 140_000_000, 100_000_001] {
        for seconds in [0, 1, 86_400, 8_388_607, 4_294_967_296, 1 << 53] {
            let duration = Duration::new(seconds, nanoseconds);
            let written = in_seconds(duration);
            let again = from_seconds(&written).unwrap();
            // Beyond 2^23 seconds a double cannot say every nanosecond.
            if seconds <= 8_388_607 {
                assert_eq!(again, duration, "{written}");
            }
            assert_eq!(in_seconds(again), written);
        }
    }
    assert_eq!(in_seconds(Duration::new(1, 140_000_000)), json!(1.14));
}
