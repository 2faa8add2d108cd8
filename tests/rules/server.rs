//! What a server entry must have, and must not.

use mcp_overlay_model::{Profile, Rule};
use serde_json::{Value, json};

use crate::{check, check_with, in_profile, invalid, invalid_with, reads, reads_with, with};

/// Rule `server.transport`: A server MUST have exactly one of `command` and `url`; with neither or
/// both it is invalid.
#[test]
fn a_server_has_exactly_one_transport() {
    reads(json!({"command": "srv"}), json!({"command": "srv"}));
    reads(json!({"url": "https://a.example"}), json!({"url": "https://a.example"}));
    // An empty one is given all the same; a null one is not.
    reads(json!({"command": ""}), json!({"command": ""}));
    reads(json!({"url": ""}), json!({"url": ""}));
    reads(
        json!({"command": null, "url": "https://a.example"}),
        json!({"url": "https://a.example"}),
    );
    for entry in [
        json!({}),
        json!({"enabled": true}),
        json!({"enabled": false, "args": ["x"], "env": {}}),
        json!({"command": null, "url": null}),
        json!({"Command": "srv"}),
        json!({"name": "srv"}),
        json!({"command": "srv", "url": "https://a.example"}),
        json!({"command": "", "url": ""}),
        json!({"command": "srv", "url": "https://a.example", "enabled": false}),
        // No entry at all.
        json!(null),
        json!("srv"),
        json!(["srv"]),
        json!([]),
        json!(true),
    ] {
        invalid(entry);
    }
}

/// Rule `server.foreign-field`: A server that has a field of the other transport, or
/// `bearer_token`, MUST be invalid.
#[test]
fn a_field_of_the_other_transport_is_refused_even_when_empty() {
    let stdio = json!({"command": "srv"});
    let http = json!({"url": "https://a.example"});
    for (field, values) in [
        ("bearer_token_env_var", [json!("TOK"), json!("")]),
        ("http_headers", [json!({"X": "1"}), json!({})]),
        ("env_http_headers", [json!({"X": "E"}), json!({})]),
        ("oauth", [json!({"client_id": "c"}), json!({})]),
        ("oauth_resource", [json!("https://r.example"), json!("")]),
    ] {
        for value in values {
            invalid(with(&stdio, field, &value));
            let own = with(&http, field, value);
            reads(&own, &own);
        }
    }
    for (field, value, empty) in [
        ("args", json!(["x"]), json!([])),
        ("env", json!({"K": "v"}), json!({})),
        ("env_vars", json!(["PATH"]), json!([])),
        ("cwd", json!("/srv"), json!("")),
    ] {
        invalid(with(&http, field, &value));
        invalid(with(&http, field, empty));
        let own = with(&stdio, field, value);
        reads(&own, &own);
    }
    for transport in [&stdio, &http] {
        invalid(with(transport, "bearer_token", json!("secret")));
        invalid(with(transport, "bearer_token", json!("")));
        reads(with(transport, "bearer_token", json!(null)), transport);
    }
}

/// Rule `server.durations`: `startup_timeout_sec` and `tool_timeout_sec` MUST be seconds, finite,
/// not negative and less than 2^64; `startup_timeout_ms` MUST be whole milliseconds and counts only
/// without `startup_timeout_sec`; anything else is invalid; a time is rounded to whole nanoseconds.
#[test]
fn times_are_seconds_and_whole_milliseconds() {
    let srv = json!({"command": "srv"});
    for field in ["startup_timeout_sec", "tool_timeout_sec"] {
        for (written, read) in [
            (json!(0), 0.0),
            (json!(-0.0), 0.0),
            (json!(30), 30.0),
            (json!(30.0), 30.0),
            (json!(0.25), 0.25),
            (json!(1e-9), 1e-9),
            // Kept to the nanosecond.
            (json!(1e-10), 0.0),
            (json!(1.000_000_000_4), 1.0),
            (json!(1e9), 1e9),
            (json!(18_446_744_073_709_549_568.0), 18_446_744_073_709_549_568.0),
        ] {
            reads(with(&srv, field, written), with(&srv, field, json!(read)));
        }
        for wrong in [
            json!(-1),
            json!(-0.001),
            json!("30"),
            json!("30s"),
            json!(true),
            json!([30]),
            json!({"secs": 30}),
            json!(18_446_744_073_709_551_616.0),
            json!(1e300),
        ] {
            invalid(with(&srv, field, wrong));
        }
    }
    let both = |ms: Value, sec: Value| {
        with(&with(&srv, "startup_timeout_ms", ms), "startup_timeout_sec", sec)
    };
    let startup = |seconds: f64| with(&srv, "startup_timeout_sec", json!(seconds));
    for (ms, seconds) in [(0, 0.0), (1, 0.001), (9, 0.009), (1500, 1.5), (86_400_000, 86_400.0)] {
        reads(both(json!(ms), json!(null)), startup(seconds));
        reads(with(&srv, "startup_timeout_ms", json!(ms)), startup(seconds));
        // Seconds count, wherever they are written.
        reads(both(json!(ms), json!(7)), startup(7.0));
        reads(both(json!(ms), json!(0)), startup(0.0));
    }
    invalid(both(json!(9), json!(-1)));
    for wrong in [
        json!(-1),
        json!(1.5),
        json!(1000.0),
        json!(18_446_744_073_709_551_616.0),
        json!("9"),
        json!(true),
        json!([]),
    ] {
        invalid(with(&srv, "startup_timeout_ms", &wrong));
        // Checked even when it does not count.
        invalid(both(wrong, json!(7)));
    }
    let longest = with(&srv, "startup_timeout_ms", json!(u64::MAX));
    reads(longest, startup(18_446_744_073_709_551.615));
    // Milliseconds are of the startup only.
    reads(with(&srv, "tool_timeout_ms", json!(-1)), &srv);
}

/// Rule `server.env-vars`: `env_vars` entries MUST be a name or `{name, source?}` with `source`
/// `local` or `remote`; anything else is invalid.
#[test]
fn env_vars_are_names_with_or_without_a_source() {
    let srv = |env_vars| json!({"command": "srv", "env_vars": env_vars});
    // The form stays as written, and the order too.
    for env_vars in [
        json!(["PATH"]),
        json!(["B", "A", "B"]),
        json!([{"name": "T"}]),
        json!([{"name": "T", "source": "local"}, "T", {"name": "T", "source": "remote"}]),
        json!([""]),
    ] {
        reads(srv(env_vars.clone()), srv(env_vars));
    }
    reads(srv(json!([])), json!({"command": "srv"}));
    for wrong in [
        json!("PATH"),
        json!({"name": "T"}),
        json!(5),
        json!([1]),
        json!([["PATH"]]),
        json!([{}]),
        json!([{"source": "local"}]),
        json!([{"name": 1}]),
        json!([{"name": null}]),
        json!([{"name": "T", "source": "moon"}]),
        json!([{"name": "T", "source": "Local"}]),
        json!([{"name": "T", "source": 1}]),
        json!([{"name": "T", "more": 1}]),
        json!([{"name": "T", "more": null}]),
        json!(["PATH", {"name": "T", "source": "moon"}]),
    ] {
        invalid(srv(wrong));
    }
}

/// Rule `server.remote-stdio-cwd`: A stdio server with `environment_id` other than `local` MUST
/// have an absolute `cwd`.
#[test]
fn a_remote_stdio_server_says_where_absolutely() {
    let rule = Rule::ServerRemoteStdioCwd;
    let at = |environment: &str, cwd| json!({"command": "srv", "environment_id": environment, "cwd": cwd});
    for environment in ["gpu-box", "", "Local", "LOCAL", "local ", "remote"] {
        for cwd in ["/", "/srv", "/srv/../x", "//srv"] {
            reads_with(rule, at(environment, json!(cwd)), at(environment, json!(cwd)));
        }
        for cwd in ["", ".", "rel", "./srv", "~/srv", " /srv", "C:\\srv", "C:/srv", "\\\\h\\srv"] {
            invalid_with(rule, at(environment, json!(cwd)));
        }
        invalid_with(rule, at(environment, json!(null)));
        // Disabled or not.
        let disabled = json!({"command": "srv", "environment_id": environment, "enabled": false});
        invalid_with(rule, disabled);
        // HTTP has no working folder.
        let http = json!({"url": "https://a.example", "environment_id": environment});
        reads(&http, &http);
    }
    for local in [json!("local"), json!(null)] {
        let entry = json!({"command": "srv", "environment_id": local, "cwd": "rel"});
        reads(entry, json!({"command": "srv", "cwd": "rel"}));
    }
}

/// Rule `server.remote-stdio-unchecked`: Resolution MUST NOT require a stdio server in another
/// environment than `local` to have a `cwd`, nor an absolute one.
#[test]
fn a_remote_stdio_server_may_be_anywhere() {
    let rule = Rule::ServerRemoteStdioUnchecked;
    for environment in ["gpu-box", "", "Local", "remote"] {
        let srv = json!({"command": "srv", "environment_id": environment});
        reads_with(rule, &srv, &srv);
        reads_with(rule, with(&srv, "cwd", json!(null)), &srv);
        for cwd in ["/srv", "", ".", "rel", "~/srv", "C:\\srv", "\\\\h\\srv"] {
            let srv = with(&srv, "cwd", json!(cwd));
            reads_with(rule, &srv, &srv);
        }
        // The field still has its type.
        invalid_with(rule, with(&srv, "cwd", json!(5)));
    }
}

/// Rule `server.auth`: An HTTP server's `auth` MUST be `oauth`, the default, or `chatgpt`; anything
/// else is invalid.
#[test]
fn auth_is_oauth_or_chatgpt() {
    let rule = Rule::ServerAuth;
    let http = json!({"url": "https://a.example"});
    let stdio = json!({"command": "srv"});
    // The default is not written.
    reads_with(rule, with(&http, "auth", json!("oauth")), &http);
    reads_with(rule, with(&http, "auth", json!(null)), &http);
    let chatgpt = with(&http, "auth", json!("chatgpt"));
    reads_in_configured(&chatgpt);
    for wrong in [
        json!("bearer"),
        json!("none"),
        json!(""),
        json!("ChatGPT"),
        json!("OAuth"),
        json!(" chatgpt"),
        json!(5),
        json!(true),
        json!(["chatgpt"]),
        json!({"type": "chatgpt"}),
    ] {
        invalid_with(rule, with(&http, "auth", &wrong));
        // Before, it is an unknown field, of whatever type and transport.
        for profile in Profile::ALL.into_iter().filter(|profile| !profile.has(rule)) {
            for server in [&http, &stdio] {
                let host = json!({"mcp_servers": {"a": with(server, "auth", &wrong)}});
                check(
                    in_profile(profile, json!({"host": host})),
                    json!({"configured": {"a": server}}),
                );
            }
        }
    }
    // It is no field of a stdio server.
    for value in ["oauth", "chatgpt"] {
        invalid_with(rule, with(&stdio, "auth", json!(value)));
    }
}

/// Written and read as it is; `effective` may differ.
#[track_caller]
fn reads_in_configured(server: &Value) {
    reads_with(Rule::ServerAuth, server, server);
    check_with(
        Rule::ServerAuth,
        json!({"host": {"features": {"apps": false}, "mcp_servers": {"a": server}}}),
        json!({"configured": {"a": server}, "runtime": {"a": server}}),
    );
}

/// A server with an approval mode of its own, and one with a tool's.
fn with_mode(mode: &Value) -> [Value; 4] {
    let stdio = json!({"command": "srv"});
    let http = json!({"url": "https://a.example"});
    let tools = json!({"t": {"approval_mode": "auto"}, "u": {"approval_mode": mode}});
    [
        with(&stdio, "default_tools_approval_mode", mode),
        with(&http, "default_tools_approval_mode", mode),
        with(&stdio, "tools", &tools),
        with(&http, "tools", tools),
    ]
}

/// Is valid in the profiles with this rule, for a server and for a tool.
#[track_caller]
fn has_modes(rule: Rule, valid: &[&str], invalid: &[&str]) {
    for mode in valid {
        for server in with_mode(&json!(mode)) {
            reads_with(rule, &server, &server);
        }
    }
    let other_types = [json!(1), json!(true), json!(["auto"]), json!({"mode": "auto"})];
    for mode in invalid.iter().map(|mode| json!(mode)).chain(other_types) {
        for server in with_mode(&mode) {
            invalid_with(rule, server);
        }
    }
}

/// Rule `server.approval-modes`: An approval mode, of a server or of a tool, MUST be `auto`,
/// `prompt` or `approve`; anything else is invalid.
#[test]
fn there_are_three_approval_modes() {
    has_modes(
        Rule::ServerApprovalModes,
        &["auto", "prompt", "approve"],
        &["writes", "never", "Auto", "approved", "", " prompt"],
    );
}

/// Rule `server.approval-writes`: An approval mode, of a server or of a tool, MUST be `auto`,
/// `prompt`, `writes` or `approve`; anything else is invalid.
#[test]
fn there_is_an_approval_mode_for_writes() {
    has_modes(
        Rule::ServerApprovalWrites,
        &["auto", "prompt", "writes", "approve"],
        &["write", "Writes", "never", "Auto", "approved", "", "writes "],
    );
}

/// Rule `server.fields-kept`: A view MUST have each valid field of a server as it is written, but
/// for one that equals its default and one that another rule changes.
#[test]
fn fields_are_not_lost_trimmed_sorted_or_expanded() {
    for entry in [
        json!({"command": " srv\n", "args": ["b", "a", "b", "", "${HOME}"], "cwd": "./x/../y"}),
        json!({"command": "srv", "env": {"k": "1", "K": "2", "__proto__": ""}, "scopes": []}),
        json!({"command": "srv", "env_vars": ["B", "A", {"name": "A"}], "tools": {"z": {}, "a": {}}}),
        json!({"url": "HTTPS://A.example:443/../x?#", "http_headers": {"X-a": "1", "x-A": "2"}}),
        json!({"url": "", "oauth": {}, "oauth_resource": "e\u{301}", "enabled_tools": ["b", "a"]}),
    ] {
        reads_with(Rule::ServerFieldsKept, &entry, &entry);
    }
}

/// Rule `server.unknown-field`: An unknown field MUST be ignored with a warning; the legacy `name`
/// field too. A known field of the wrong type is invalid.
#[test]
fn an_unknown_field_is_ignored_and_a_known_one_has_its_type() {
    let stdio = json!({"command": "srv"});
    let http = json!({"url": "https://a.example"});
    for (field, value) in [
        ("colour", json!(1)),
        ("Enabled", json!(false)),
        ("enabled ", json!("no")),
        ("type", json!("stdio")),
        ("transport", json!({"url": "https://evil.example"})),
        ("", json!([])),
        ("Url", json!("https://evil.example")),
        ("name", json!("legacy")),
        ("name", json!("")),
        ("name", json!(null)),
    ] {
        reads(with(&stdio, field, value.clone()), &stdio);
        reads(with(&http, field, value), &http);
    }
    let oauth = |table| with(&http, "oauth", table);
    reads(oauth(json!({"client_id": "c", "more": 1})), oauth(json!({"client_id": "c"})));
    reads(oauth(json!({"Client_Id": 1})), oauth(json!({})));
    let tools = |table| with(&stdio, "tools", table);
    reads(
        tools(json!({"t": {"approval_mode": "auto", "more": [1]}, "u": {"x": 1}})),
        tools(json!({"t": {"approval_mode": "auto"}, "u": {}})),
    );
    for (field, wrong) in [
        ("name", json!(5)),
        ("enabled", json!("yes")),
        ("default_tools_approval_mode", json!("Auto")),
        ("default_tools_approval_mode", json!("")),
        ("default_tools_approval_mode", json!({"auto": null})),
        ("tools", json!({"t": {"approval_mode": "never"}})),
        ("tools", json!({"t": {"approval_mode": 1}})),
        ("tools", json!({"t": "auto"})),
        ("tools", json!({"t": []})),
        ("env", json!({"K": 1})),
        ("args", json!(["x", 1])),
    ] {
        invalid(with(&stdio, field, wrong));
    }
    for (field, wrong) in [
        ("oauth", json!({"client_id": 1})),
        ("oauth", json!(["c"])),
        ("http_headers", json!({"X": 1})),
        ("env_http_headers", json!({"X": ["E"]})),
        ("url", json!(["https://a.example"])),
    ] {
        invalid(with(&http, field, wrong));
    }
    // Ignoring is not dropping: the rest of the host is as it would be.
    let host = json!({"mcp_servers": {"a": with(&stdio, "x", json!(1))}});
    check(json!({"host": host}), json!({"effective": {"a": stdio}}));
}
