//! Faults of `server.durations`. A comment names the public report in which such a mistake was seen.

use std::time::Duration;

use mcp_overlay_model::{Case, Rule};
use serde_json::{Value, json};

use crate::rules::fault::change::{Entry as Table, with_entries};
use crate::rules::fault::reading::with_fields;
use crate::rules::fault::{Change, Fault};

const SECONDS: &[&str] = &["startup_timeout_sec", "tool_timeout_sec"];
const MILLISECONDS: &[&str] = &["startup_timeout_ms"];
const TIMES: &[&str] = &["startup_timeout_sec", "startup_timeout_ms", "tool_timeout_sec"];

const fn fault(name: &'static str, what: &'static str, change: Change) -> Fault {
    // A time that is not looked at is not checked.
    Fault::new(name, Rule::ServerDurations, what, change)
        .also(&[Rule::ConfiguredInvalidPluginServerDropped])
}

/// A fault that takes what is invalid.
const fn taken(name: &'static str, what: &'static str, read: fn(&Case) -> Option<Case>) -> Fault {
    fault(name, what, Change::Reads(read))
}

// scrapinghub/dateparser#1386, sepandhaghighi/typio#112: Python's `bool` is an `int`.
pub(in crate::rules) const TRUE_IS_A_SECOND: Fault =
    taken("true-is-a-second", "a boolean counts as a time of 0 or 1", |case| {
        with_fields(case, TIMES, |time| Some(json!(u8::from(time.as_bool()?))))
    });

// openai/openai-agents-python#4017: a truth test, where 0 counts as absent.
pub(in crate::rules) const ZERO_TIMEOUT_LOST: Fault = fault(
    "zero-timeout-lost",
    "a time of 0 seconds counts as absent",
    Change::Resolves(|case| {
        with_fields(case, SECONDS, |time| (time.as_f64()? == 0.0).then_some(Value::Null))
    }),
);

// nodejs/node#3512: a timer of more than 2^31 - 1 ms is set to 1 ms.
pub(in crate::rules) const TIMEOUT_PAST_INT32: Fault = fault(
    "timeout-past-int32",
    "a time of more than 2^31 - 1 ms becomes 1 ms",
    Change::Resolves(|case| with_seconds(case, |s| if s > 2_147_483.647 { 0.001 } else { s })),
);

// HELPMEEADICE/BANDORI-PET-REV#297: `int(timeout_seconds)`.
pub(in crate::rules) const FRACTIONS_CUT_OFF: Fault = fault(
    "fractions-of-seconds-cut-off",
    "a number of seconds loses what comes after the point",
    Change::Resolves(|case| with_seconds(case, f64::trunc)),
);

pub(in crate::rules) const ROUNDED_TO_MILLISECONDS: Fault = fault(
    "timeout-rounded-to-milliseconds",
    "a time is rounded to whole milliseconds",
    Change::Resolves(|case| with_seconds(case, |s| (s * 1e3).round() / 1e3)),
);

pub(in crate::rules) const NANOSECONDS_CUT_OFF: Fault = fault(
    "parts-of-nanoseconds-cut-off",
    "a time is cut to whole nanoseconds, not rounded",
    Change::Resolves(|case| with_seconds(case, |s| (s * 1e9).floor() / 1e9)),
);

/// Go's `time.Duration` and Java's `Duration.toNanos` hold nanoseconds in 63 bits.
pub(in crate::rules) const CAPPED_AT_292_YEARS: Fault = fault(
    "timeout-capped-at-292-years",
    "a time is at most 2^63 - 1 ns",
    Change::Resolves(|case| with_seconds(case, |s| s.min(9_223_372_036.854_775))),
);

pub(in crate::rules) const MILLISECONDS_WIN: Fault = fault(
    "milliseconds-beat-seconds",
    "startup_timeout_ms counts where startup_timeout_sec is there too",
    Change::Resolves(|case| {
        with_entries(case, has_both, |entry| drop(entry.remove("startup_timeout_sec")))
    }),
);

pub(in crate::rules) const TIMES_ADDED: Fault = fault(
    "startup-timeouts-added",
    "startup_timeout_ms is added to startup_timeout_sec",
    Change::Resolves(|case| {
        with_entries(case, has_both, |entry| {
            let time = |field| entry.get(field).and_then(Value::as_f64).unwrap_or_default();
            let sum = time("startup_timeout_sec") + time("startup_timeout_ms") / 1e3;
            entry.insert("startup_timeout_sec".into(), json!(sum));
        })
    }),
);

pub(in crate::rules) const UNUSED_MILLISECONDS_UNCHECKED: Fault = taken(
    "unused-milliseconds-unchecked",
    "startup_timeout_ms may be anything where startup_timeout_sec is there",
    |case| with_entries(case, has_both, |entry| drop(entry.remove("startup_timeout_ms"))),
);

pub(in crate::rules) const WHOLE_FLOAT_TAKEN: Fault =
    taken("whole-float-milliseconds-taken", "startup_timeout_ms may be written `1000.0`", |case| {
        with_fields(case, MILLISECONDS, |time| {
            let time = time.as_f64().filter(|_| time.is_f64())?;
            let is_whole = time.fract() == 0.0 && (0.0..9e15).contains(&time);
            is_whole.then(|| format!("{time}").parse::<u64>().ok().map(Value::from)).flatten()
        })
    });

/// JavaScript's `Number.isSafeInteger`.
pub(in crate::rules) const UNSAFE_MILLISECONDS_REFUSED: Fault = fault(
    "milliseconds-past-2-53-refused",
    "a startup_timeout_ms of 2^53 or more is refused",
    Change::Reads(|case| {
        let refused = |time: &Value| (time.as_u64()? >= 1 << 53).then_some(json!(-1));
        with_fields(case, MILLISECONDS, refused)
    }),
);

// HELPMEEADICE/BANDORI-PET-REV#297 tests that numeric strings are read.
pub(in crate::rules) const TEXT_TIMEOUT_TAKEN: Fault =
    taken("timeout-in-quotes-taken", "a time may be a text that holds a number", |case| {
        let number = |text: &Value| text.as_str()?.trim().parse::<f64>().ok().map(Value::from);
        with_fields(case, SECONDS, number)
    });

// cline/cline#12546: the loader clamps what is out of range and refuses nothing.
pub(in crate::rules) const NEGATIVE_TIMEOUT_CLAMPED: Fault =
    taken("negative-timeout-clamped", "a negative time counts as 0", |case| {
        with_fields(case, TIMES, |time| (time.as_f64()? < 0.0).then_some(json!(0)))
    });

pub(in crate::rules) const MINUS_ZERO_REFUSED: Fault = fault(
    "minus-zero-refused",
    "a time of -0.0 is refused for its sign",
    Change::Reads(|case| {
        let is_refused = |time: f64| time == 0.0 && time.is_sign_negative();
        with_fields(case, SECONDS, |time| is_refused(time.as_f64()?).then_some(json!(-1)))
    }),
);

/// `<=` where `<` is meant: the double nearest to 2^64 - 1 is 2^64.
pub(in crate::rules) const TWO_TO_THE_64_TAKEN: Fault =
    taken("seconds-of-2-64-taken", "2^64 seconds and more count as the longest time", |case| {
        let longest = 18_446_744_073_709_549_568.0;
        with_fields(case, SECONDS, |time| (time.as_f64()? > longest).then_some(json!(longest)))
    });

// github/copilot-cli#1535, cline/cline#2296: a limit of their own overrules a longer tool timeout.
pub(in crate::rules) const TOOL_TIMEOUT_CAPPED: Fault = fault(
    "tool-timeout-capped-at-an-hour",
    "a tool timeout of more than an hour is cut to an hour",
    Change::Resolves(|case| {
        let cut = |time: &Value| (time.as_f64()? > 3600.0).then_some(json!(3600));
        with_fields(case, &["tool_timeout_sec"], cut)
    }),
);

// BaseIntelligence/bounty-challenge#8785: read, and never passed on to the connection.
pub(in crate::rules) const TOOL_TIMEOUT_LOST_OVER_HTTP: Fault = fault(
    "tool-timeout-lost-over-http",
    "an HTTP server has no tool timeout",
    Change::Resolves(|case| {
        let is_http = |entry: &Table| {
            let has = |field: &str| entry.get(field).is_some_and(|value| !value.is_null());
            has("url") && has("tool_timeout_sec")
        };
        with_entries(case, is_http, |entry| drop(entry.remove("tool_timeout_sec")))
    }),
);

/// A reader of durations such as `30s` takes them in place of numbers.
pub(in crate::rules) const UNIT_TAKEN: Fault =
    taken("timeout-with-a-unit-taken", "a time may be a text such as `30s`", |case| {
        with_texts_as_numbers(case, |text| text.strip_suffix('s')?.parse().ok())
    });

fn with_texts_as_numbers(case: &Case, read: fn(&str) -> Option<u32>) -> Option<Case> {
    with_fields(case, SECONDS, |text| read(text.as_str()?).map(Value::from))
}

fn with_seconds(case: &Case, read: fn(f64) -> f64) -> Option<Case> {
    with_fields(case, SECONDS, |time| {
        // What is no time is refused as it is.
        let written = time.as_f64().filter(|s| Duration::try_from_secs_f64(*s).is_ok())?;
        let other = read(written);
        (other.to_bits() != written.to_bits()).then(|| json!(other))
    })
}

fn has_both(entry: &Table) -> bool {
    let has = |field: &str| entry.get(field).is_some_and(|value| !value.is_null());
    has("startup_timeout_sec") && has("startup_timeout_ms")
}
