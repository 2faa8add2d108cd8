//! The folders of selected plugins: every root with every working folder near it, in the ways in which systems
//! and URIs write them.

use serde_json::{Value, json};

const ROOTS: &[&str] = &[
    "/",
    "/s",
    "/s/",
    "//s",
    "/a/./b/../c",
    "/\u{e9}",
    "C:\\",
    "C:\\s",
    "c:/s",
    "C:/s\\t",
    "1:\\x",
    "CC:\\x",
    "\u{e9}:\\x",
    "C:",
    "C:s",
    "\\\\h\\s\\x",
    "\\\\h\\s",
    "\\\\h",
    "\\s",
    "//h/s/x",
    "file:///s",
    "file:/s",
    "file:s",
    "file://localhost/s",
    "file://h/s",
    "FILE:///s",
    "file:///s?q",
    "file:///s#f",
    "file:///C:/s",
    "file:///C|/s",
    "file:///s%2Ft",
    "file:///s%5Ct",
    "file:///%C3%A9",
    "file:///%E9",
    "file:///s%00",
    "https://a.example/s",
    "s",
    "./s",
    "~",
    "",
];

/// Working folders that do not depend on the root.
const FOLDERS: &[&str] = &[
    "",
    ".",
    "..",
    "../..",
    "../../s",
    "x",
    "x/",
    "x\\y",
    "./x//y/.",
    "x/../y",
    "x/../../s/y",
    "/s",
    "/s/x",
    "/S/x",
    "\\s\\x",
    "C:\\s\\x",
    "c:\\s\\x",
    "D:x",
    "\\\\h\\s\\x\\y",
    "file:///s/x",
    "file:///s/%C3%A9",
    "file:///s/%E9",
    "file://localhost/s/x",
    "file:///C:/s/x",
    "~/x",
    "x\u{0}y",
    "%2e%2e/x",
];

/// What follows the root in a working folder below it, beside it and above it.
const BELOW: &[&str] = &["", "/", "/x", "\\x", "2", "/../s", "/x/..", "/./x/"];

const ENVIRONMENTS: &[&str] = &["local", "gpu-box", "", "Local", " local", "localhost"];

/// All of them, for wide profiles.
pub(super) fn cases() -> Vec<Value> {
    let folders = ROOTS.iter().flat_map(|root| {
        let near = BELOW.iter().map(move |below| format!("{root}{below}"));
        let folders = FOLDERS.iter().map(ToString::to_string).chain(near);
        folders.map(move |folder| case(root, "gpu-box", &json!({"command": "c", "cwd": folder})))
    });
    let environments = ENVIRONMENTS.iter().flat_map(|environment| {
        let servers = [
            json!({"command": "c"}),
            json!({"command": "c", "cwd": "x"}),
            json!({"command": "c", "environment_id": environment}),
            json!({"command": "c", "environment_id": "other"}),
            json!({"url": "https://a.example"}),
        ];
        servers.into_iter().map(move |server| case("/s", environment, &server))
    });
    folders.chain(environments).collect()
}

fn case(root: &str, environment: &str, server: &Value) -> Value {
    json!({
        "host": {"features": {"apps": false}},
        "thread": {"selected_plugins": [
            {"id": "s", "environment_id": environment, "root": root, "mcp_servers": {"a": server}},
        ]},
        "contributors": [{"id": "executor-plugins", "executor_plugins": {}}],
    })
}
