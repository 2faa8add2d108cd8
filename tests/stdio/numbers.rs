//! Subjects whose language reads `1000.0` as `1000`.

use std::process::Command;

use mcp_overlay::judge::ask;
use mcp_overlay::judge::verdict::Verdict;
use mcp_overlay::subject::Driver;
use serde_json::json;

use super::{Processes, case};

/// What the report says if the difference is not asked.
const NOT_SHOWN: &str = "not shown: whether 1000.0 counts as an integer";

#[test]
fn a_language_without_the_difference_is_not_blamed_for_it() {
    let processes = Processes::new();
    let server = json!({"command": "srv", "startup_timeout_ms": 1000.0});
    let written = case(json!({"host": {"mcp_servers": {"a": server}}}));
    for (way, is_asked) in [
        ("reads-whole-numbers-in-JavaScript", false),
        ("reads-whole-numbers-in-typescript", false),
        ("reads-whole-numbers-in-Rust", true),
        ("declares-exact-numbers-in-JavaScript", true),
    ] {
        let subject = processes.start(way);
        assert_eq!(subject.tells_numbers_apart(), is_asked, "{way}");
        let verdict = ask(&subject, &subject.narrow(written.clone())).verdict;
        assert_eq!(verdict == Verdict::Agree, !is_asked, "{way}: {verdict:?}");
        let output = Command::new(env!("CARGO_BIN_EXE_mcp-overlay"))
            .args(["check", "--stdio", &processes.command(way).join(" "), "--only", "vectors"])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.contains(NOT_SHOWN), !is_asked, "{way}: {text}");
    }
}
