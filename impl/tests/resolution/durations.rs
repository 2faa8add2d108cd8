//! Rule `server.durations`.

use std::time::Duration;

use mcp_overlay_host::{Environment, HostConfig, Profile, ServerConfig};
use serde_json::{Value, json};

fn server(field: &str, value: &Value) -> Value {
    let mut server = json!({ "url": "x" });
    server[field] = value.clone();
    server
}

/// The time in the field as it is kept, and as a view writes it.
fn read(field: &str, value: &Value) -> Option<(Duration, f64)> {
    let server = ServerConfig::from_json(&server(field, value), Profile::default()).ok()?.value;
    let written = server.to_canonical_json();
    let kept = server.startup_timeout.or(server.tool_timeout)?;
    let field = field.replace("_ms", "_sec");
    Some((kept, written[&field].as_f64()?))
}

fn nanoseconds(seconds: f64) -> Option<u128> {
    read("tool_timeout_sec", &json!(seconds)).map(|(kept, _)| kept.as_nanos())
}

/// A double in nanoseconds, rounded to the nearest with halves to even: exact, for doubles below
/// 2^32 that are 2^-70 or more.
fn exact(seconds: f64) -> u128 {
    let bits = seconds.to_bits();
    let exponent = i32::try_from(bits >> 52).unwrap() - 1075;
    let mantissa = u128::from(bits & ((1 << 52) - 1) | 1 << 52) * 1_000_000_000;
    let Some(shift) = u32::try_from(-exponent).ok().filter(|shift| *shift > 0) else {
        return mantissa << exponent;
    };
    if shift > 100 {
        return 0;
    }
    let (whole, rest, half) =
        (mantissa >> shift, mantissa & ((1 << shift) - 1), 1_u128 << (shift - 1));
    whole + u128::from(rest > half || (rest == half && whole % 2 == 1))
}

#[test]
fn seconds_are_rounded_to_the_nearest_nanosecond_halves_to_even() {
    // Multiples of 2^-10 s are 976562.5 ns each, so every odd one is a half.
    for (seconds, expected) in [
        (1.0 / 1024.0, 976_562),
        (3.0 / 1024.0, 2_929_688),
        (5.0 / 1024.0, 4_882_812),
        (7.0 / 1024.0, 6_835_938),
        (1.0 + 1.0 / 1024.0, 1_000_976_562),
        (1.0 + 3.0 / 1024.0, 1_002_929_688),
        (0.1, 100_000_000),
        (0.1 + 0.2, 300_000_000),
        (1.14, 1_140_000_000),
        (1e-10, 0),
        (4.999_999_9e-10, 0),
        // The doubles of these are a little more or less than a half.
        (5e-10, 1),
        (1.5e-9, 1),
        (2.5e-9, 3),
        (0.999_999_999_4, 999_999_999),
        (0.999_999_999_9, 1_000_000_000),
        (1.999_999_999_9, 2_000_000_000),
        (f64::MIN_POSITIVE, 0),
        (5e-324, 0),
        (0.0, 0),
        (-0.0, 0),
    ] {
        assert_eq!(nanoseconds(seconds), Some(expected), "{seconds}");
    }
}

#[test]
fn the_rounding_is_exact() {
    let mut state = 27191_u64;
    for _ in 0..20_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // Exponents from 2^-40 to 2^31.
        let exponent = 1023 - 40 + (state >> 58) % 64 + (state >> 10) % 8;
        let few = if state.is_multiple_of(2) { u64::MAX << 40 } else { u64::MAX };
        let seconds = f64::from_bits(exponent << 52 | (state >> 12) & few & ((1 << 52) - 1));
        assert_eq!(nanoseconds(seconds), Some(exact(seconds)), "{seconds:e}");
    }
}

#[test]
fn the_limit_is_two_to_the_64th() {
    let limit = 18_446_744_073_709_551_616.0_f64;
    let below = f64::from_bits(limit.to_bits() - 1);
    for field in ["startup_timeout_sec", "tool_timeout_sec"] {
        let (kept, written) = read(field, &json!(below)).unwrap();
        assert_eq!((kept.as_secs(), kept.subsec_nanos()), (u64::MAX - 2047, 0));
        assert_eq!(written, below);
        // The nearest double of the first is `below`, of the second the limit itself.
        assert!(read(field, &json!(u64::MAX - 1024 - 1)).is_some());
        for wrong in [json!(u64::MAX - 1023), json!(u64::MAX), json!(limit), json!(1e300)] {
            assert_eq!(read(field, &wrong), None, "{wrong}");
        }
        for negative in [json!(-1), json!(-5e-324), json!(-1e-20), json!(i64::MIN)] {
            assert_eq!(read(field, &negative), None, "{negative}");
        }
    }
}

#[test]
fn a_time_is_finite() {
    for (text, valid) in
        [("inf", false), ("-inf", false), ("nan", false), ("-0.0", true), ("1e-400", true)]
    {
        let text = format!("mcp_servers.a = {{ url = \"x\", tool_timeout_sec = {text} }}");
        let read = HostConfig::from_toml_str(&text, "config.toml", &[], Environment::default());
        assert_eq!(read.is_ok(), valid, "{text}");
    }
}

#[test]
fn milliseconds_are_exact_up_to_the_largest_integer() {
    for (milliseconds, seconds, nanoseconds) in [
        (0, 0, 0),
        (1, 0, 1_000_000),
        (1500, 1, 500_000_000),
        (u64::MAX, 18_446_744_073_709_551, 615_000_000),
    ] {
        let (kept, _) = read("startup_timeout_ms", &json!(milliseconds)).unwrap();
        assert_eq!((kept.as_secs(), kept.subsec_nanos()), (seconds, nanoseconds));
    }
}

/// Not `Duration::as_secs_f64`, which rounds twice.
#[test]
fn a_view_writes_the_double_that_is_nearest_to_the_nanoseconds() {
    assert!(Duration::from_millis(1140).as_secs_f64() != 1.14);
    for seconds in [1.14, 0.1, 0.3, 4.35, 1.1, 2.3, 33.3, 1e-9, 0.0, 30.0, 123_456_789.123_456_79] {
        let (_, written) = read("startup_timeout_sec", &json!(seconds)).unwrap();
        assert_eq!(written, seconds);
    }
    for milliseconds in (1..5_000).step_by(7) {
        let (_, written) = read("startup_timeout_ms", &json!(milliseconds)).unwrap();
        let nearest: f64 = format!("{milliseconds}e-3").parse().unwrap();
        assert_eq!(written, nearest);
        // What a view writes is read as the same time.
        let again = read("startup_timeout_sec", &json!(written)).unwrap().0;
        assert_eq!(again, Duration::from_millis(milliseconds));
    }
    let (_, written) = read("startup_timeout_sec", &json!(0.1 + 0.2)).unwrap();
    assert_eq!(written, 0.3);
}

#[test]
fn times_are_equal_by_their_nanoseconds() {
    let of = |seconds: f64| {
        let server = server("startup_timeout_sec", &json!(seconds));
        ServerConfig::from_json(&server, Profile::default()).unwrap().value
    };
    assert_eq!(of(1.14), of(1.140_000_000_000_000_1));
    assert_ne!(of(1.14), of(1.140_000_001));
}
