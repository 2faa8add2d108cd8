//! Other values of wide cases: apps, policies, orders and originators, each near a limit or near another.

use serde_json::{Map, Value, json};

/// Connectors of which some count as none.
const CONNECTORS: &[&str] = &[
    "", " ", "\t", "\n", "\u{b}", "\u{c}", "\r", "\u{1c}", "\u{1f}", "\u{85}", "\u{a0}",
    "\u{1680}", "\u{180e}", "\u{2000}", "\u{200b}", "\u{2028}", "\u{202f}", "\u{205f}", "\u{2060}",
    "\u{3000}", "\u{feff}", "\u{0}", "0", "false", "null",
];

/// Names of an app and a server that are not the same.
const NAMES: &[(&str, &str)] = &[
    ("a", "A"),
    ("a", " a"),
    ("a", "a "),
    ("\u{e9}", "e\u{301}"),
    ("a.b", "a"),
    ("a-b", "a_b"),
    ("1", "01"),
    ("__proto__", "proto"),
    ("", " "),
    ("k", "\u{212a}"),
    ("a", "a\u{200b}"),
    ("a", "a"),
];

/// Two places in the order of selection, where a type of a language ends.
const ORDERS: &[(u64, u64)] = &[
    (0, 1),
    (1, 0),
    (1, 1),
    (9, 10),
    (127, 128),
    (255, 256),
    (32_767, 32_768),
    (65_535, 65_536),
    ((1 << 31) - 1, 1 << 31),
    ((1 << 32) - 1, 1 << 32),
    (0, 1 << 32),
    (1 << 53, (1 << 53) + 1),
    ((1 << 63) - 1, 1 << 63),
    (u64::MAX - 1, u64::MAX),
    (0, u64::MAX),
    (1, u64::MAX),
];

const ORIGINATORS: &[&str] = &[
    "codex_vscode",
    "",
    " ",
    " a ",
    "a b",
    "a\tb",
    "a\nb",
    "a\r\nX: y",
    "a\u{0}",
    "\u{7f}",
    "\u{e9}",
    "\u{65e5}",
    "Codex Desktop/1.0",
    "a,b",
    "a;b",
    "a:b",
    "\"a\"",
    "A",
];

/// Modes and lists of a policy over those of the entry.
const POLICIES: &[&str] = &[
    "{}",
    r#"{"enabled":true}"#,
    r#"{"enabled":false}"#,
    r#"{"enabled_tools":[]}"#,
    r#"{"enabled_tools":["read"],"disabled_tools":["read"]}"#,
    r#"{"disabled_tools":[]}"#,
    r#"{"default_tools_approval_mode":"prompt"}"#,
    r#"{"tools":{"read":{}}}"#,
    r#"{"tools":{"read":{"approval_mode":"auto"},"Read":{"approval_mode":"prompt"},"":{"approval_mode":"approve"}}}"#,
];

/// How many of something, where a buffer or a page of an implementation ends.
const MANY: usize = 300;

/// All of them, for wide profiles.
pub(super) fn cases() -> Vec<Value> {
    let (c, off) = (json!({"command": "c"}), json!({"features": {"apps": false}}));
    let app = |app: &str, connector: &str, server: &str| {
        let plugin = json!({"id": "p", "apps": {app: connector}, "mcp_servers": {server: c}});
        json!({"auth": "chatgpt", "host": off, "plugins": [plugin]})
    };
    let mut all: Vec<Value> = CONNECTORS.iter().map(|connector| app("a", connector, "a")).collect();
    let pairs = NAMES.iter().flat_map(|(one, other)| [(one, other), (other, one)]);
    all.extend(pairs.map(|(one, other)| app(one, "c", other)));
    for (first, second) in ORDERS {
        all.push(json!({"host": off, "contributors": [{"id": "x", "contributions": [
            offer("p", *first), offer("q", *second), offer("p", *first),
        ]}]}));
    }
    for originator in ORIGINATORS {
        let contributors = json!([{"id": "h", "hosted_apps": {}}]);
        let thread = json!({ "originator": originator });
        all.push(json!({"auth": "chatgpt", "thread": thread, "contributors": contributors}));
    }
    for policy in POLICIES {
        let policy: Value = serde_json::from_str(policy).unwrap_or_default();
        for entry in [r#"{"command":"c"}"#, FULL] {
            let entry: Value = serde_json::from_str(entry).unwrap_or_default();
            for name in ["a", "A", " a"] {
                let plugin =
                    json!({"id": "p", "policy": {name: policy}, "mcp_servers": {"a": entry}});
                all.push(json!({"host": off, "plugins": [plugin]}));
            }
        }
    }
    for login in [
        r#"{"callback_port":1}"#,
        r#"{"callbackport":1}"#,
        r#"{"clientid":"c"}"#,
        r#"{"ClientId":"c"}"#,
    ] {
        let login: Value = serde_json::from_str(login).unwrap_or_default();
        let entry = json!({"url": "https://a.example", "oauth": login});
        all.push(json!({"host": off, "plugins": [{"id": "p", "mcp_servers": {"a": entry}}]}));
    }
    all.extend(large(&off));
    all
}

/// An entry with everything that a policy can replace.
const FULL: &str = r#"{"command":"c","enabled":false,"enabled_tools":["read","x"],"disabled_tools":["y"],
    "default_tools_approval_mode":"approve","tools":{"read":{"approval_mode":"approve"},"z":{"approval_mode":"auto"}}}"#;

fn offer(id: &str, order: u64) -> Value {
    let server = json!({ "command": id });
    json!({"selected_plugin": {"name": "a", "plugin_id": id, "selection_order": order, "server": server}})
}

/// Many of each, of which the last one counts.
fn large(off: &Value) -> Vec<Value> {
    let numbered = |of: &dyn Fn(usize) -> Value| -> Value {
        (0..MANY).map(|number| (format!("s{number}"), of(number))).collect::<Map<_, _>>().into()
    };
    let servers = numbered(&|_| json!({"command": "c"}));
    let identity = |command: &str| json!({"identity": {"command": command}});
    let demanded = numbered(&|_| identity("c"));
    let policies = numbered(&|_| json!({"enabled": false}));
    let apps = numbered(&|_| json!("connector"));
    let selected: Vec<Value> = (0..MANY / 3)
        .map(|number| {
            let servers = json!({format!("s{number}"): {"command": "c"}, "a": {"command": number.to_string()}});
            json!({"id": format!("p{number}"), "environment_id": "e", "root": "/s", "mcp_servers": servers})
        })
        .collect();
    let executors = json!([{"id": "x", "executor_plugins": {}}]);
    let plugin = |more: &str, value: &Value| {
        json!({"auth": "chatgpt", "host": off,
               "plugins": [{"id": "p", more: value, "mcp_servers": servers}]})
    };
    let host = json!({"features": {"apps": false}, "mcp_servers": servers});
    vec![
        plugin("policy", &policies),
        plugin("apps", &apps),
        json!({"host": host, "requirements": {"mcp_servers": demanded}}),
        json!({"host": off, "plugins": [{"id": "p", "mcp_servers": servers}],
               "requirements": {"plugins": {"p": {"mcp_servers": demanded}}}}),
        json!({"host": off, "thread": {"selected_plugins": selected}, "contributors": executors}),
    ]
}
