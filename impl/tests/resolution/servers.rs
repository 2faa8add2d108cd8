//! Rules `server.*` and the canonical form.

use mcp_overlay_host::{Environment, HostConfig, Profile, ServerConfig};
use serde_json::{Value, json};

fn canonical(server: &Value) -> Value {
    let read = ServerConfig::from_json(server, Profile::default())
        .unwrap_or_else(|error| panic!("{server}: {error}"));
    read.value.to_canonical_json()
}

/// The key at which this server is invalid.
fn invalid_at(server: &Value) -> String {
    let error = ServerConfig::from_json(server, Profile::default()).expect_err(&server.to_string());
    error.key().to_owned()
}

fn with(transport: &Value, key: &str, value: &Value) -> Value {
    let mut server = transport.clone();
    server[key] = value.clone();
    server
}

#[test]
fn the_canonical_form_has_every_field_that_is_not_default() {
    let stdio = json!({
        "command": "x", "args": ["a"], "env": { "K": "v" }, "cwd": "/w",
        "env_vars": ["A", { "name": "B" }, { "name": "C", "source": "local" }],
        "environment_id": "gpu", "enabled": false, "required": true,
        "supports_parallel_tool_calls": true, "startup_timeout_sec": 1.5, "tool_timeout_sec": 0.0,
        "default_tools_approval_mode": "auto", "enabled_tools": ["a"], "disabled_tools": [],
        "scopes": [], "tools": { "t": {}, "u": { "approval_mode": "approve" } },
    });
    assert_eq!(canonical(&stdio), stdio);
    let http = json!({
        "url": "x", "bearer_token_env_var": "T", "http_headers": {}, "env_http_headers": { "A": "B" },
        "oauth": {}, "oauth_resource": "r", "environment_id": "",
    });
    assert_eq!(canonical(&http), http);
    let client = json!({ "url": "x", "oauth": { "client_id": "c" } });
    assert_eq!(canonical(&client), client);
    let no_client = json!({ "url": "x", "oauth": { "client_id": null } });
    assert_eq!(canonical(&no_client), json!({ "url": "x", "oauth": {} }));
}

#[test]
fn the_canonical_form_leaves_defaults_out() {
    let server = json!({
        "command": "x", "args": [], "env_vars": [], "environment_id": "local", "enabled": true,
        "required": false, "supports_parallel_tool_calls": false, "tools": {}, "cwd": null,
        "url": null, "bearer_token": null, "oauth": null, "enabled_tools": null, "name": null,
    });
    assert_eq!(canonical(&server), json!({ "command": "x" }));
}

#[test]
fn a_server_made_in_code_equals_the_shortest_entry() {
    for (made, entry) in [
        (ServerConfig::stdio("x"), json!({ "command": "x" })),
        (ServerConfig::streamable_http("x"), json!({ "url": "x" })),
    ] {
        assert_eq!(made, ServerConfig::from_json(&entry, Profile::default()).unwrap().value);
    }
}

#[test]
fn an_error_shows_a_word_like_those_expected_and_nothing_that_may_be_a_secret() {
    let error = |mode: &str| {
        let entry = json!({ "url": "x", "tools": { "t": { "approval_mode": mode } } });
        ServerConfig::from_json(&entry, Profile::default()).unwrap_err()
    };
    let expected = "expected \"auto\", \"prompt\" or \"approve\"";
    let short = error("Prompted");
    let message = format!("found \"Prompted\", {expected}");
    assert_eq!((short.key(), short.message()), ("tools.t.approval_mode", &*message));
    assert_eq!(short.to_string(), format!("tools.t.approval_mode: {message}"));
    for secret in ["sk-123", "SECRET", "S3cr3t", "hunter-two-lives", "prompt-hunter-two", "au70"] {
        assert_eq!(error(secret).message(), format!("found a string, {expected}"), "{secret}");
    }
}

#[test]
fn a_server_has_exactly_one_transport() {
    assert_eq!(invalid_at(&json!({})), "");
    assert_eq!(invalid_at(&json!({ "command": "x", "url": "y" })), "");
    assert_eq!(invalid_at(&json!([])), "");
    assert_eq!(invalid_at(&json!({ "command": 1 })), "command");
    assert_eq!(canonical(&json!({ "url": "" })), json!({ "url": "" }));
}

#[test]
fn a_field_of_the_other_transport_is_invalid() {
    let (stdio, http) = (json!({ "command": "x" }), json!({ "url": "x" }));
    let of_http = [
        ("bearer_token_env_var", json!("T")),
        ("http_headers", json!({})),
        ("env_http_headers", json!({})),
        ("oauth", json!({})),
        ("oauth_resource", json!("r")),
        ("bearer_token", json!("hunter2")),
    ];
    for (key, value) in of_http {
        assert_eq!(invalid_at(&with(&stdio, key, &value)), key);
    }
    let of_stdio = [
        ("args", json!([])),
        ("env", json!({})),
        ("env_vars", json!([])),
        ("cwd", json!("/")),
        ("bearer_token", json!(null)),
        ("bearer_token", json!("hunter2")),
    ];
    for (key, value) in of_stdio {
        match value {
            Value::Null => assert_eq!(canonical(&with(&http, key, &value)), http),
            value => assert_eq!(invalid_at(&with(&http, key, &value)), key),
        }
    }
}

#[test]
fn times_are_read_from_seconds_or_milliseconds() {
    let http = json!({ "url": "x" });
    for key in ["startup_timeout_sec", "tool_timeout_sec"] {
        for (written, read) in
            [(json!(30), 30.0), (json!(0), 0.0), (json!(0.5), 0.5), (json!(-0.0), 0.0)]
        {
            assert_eq!(canonical(&with(&http, key, &written))[key].as_f64(), Some(read));
        }
        for wrong in
            [json!(-1), json!(-0.1), json!(1e300), json!(u64::MAX), json!("1"), json!(true)]
        {
            assert_eq!(invalid_at(&with(&http, key, &wrong)), key, "{wrong}");
        }
    }
    let milliseconds = |value: Value| with(&http, "startup_timeout_ms", &value);
    assert_eq!(canonical(&milliseconds(json!(1500)))["startup_timeout_sec"], json!(1.5));
    assert!(canonical(&milliseconds(json!(u64::MAX)))["startup_timeout_sec"].is_f64());
    for wrong in [json!(1000.0), json!(-5), json!("1"), json!([])] {
        assert_eq!(invalid_at(&milliseconds(wrong.clone())), "startup_timeout_ms");
        let both = with(&milliseconds(wrong), "startup_timeout_sec", &json!(1));
        assert_eq!(invalid_at(&both), "startup_timeout_ms");
    }
    let both = with(&milliseconds(json!(7)), "startup_timeout_sec", &json!(2));
    assert_eq!(canonical(&both)["startup_timeout_sec"], json!(2.0));
}

#[test]
fn an_invalid_env_var_names_its_place() {
    let stdio = json!({ "command": "x" });
    let cases = [
        (json!("A"), "env_vars"),
        (json!([1]), "env_vars[0]"),
        (json!(["A", null]), "env_vars[1]"),
        (json!([{ "source": "local" }]), "env_vars[0]"),
        (json!([{ "name": null }]), "env_vars[0].name"),
        (json!([{ "name": "A", "source": "moon" }]), "env_vars[0].source"),
        (json!([{ "name": "A", "source": 1 }]), "env_vars[0].source"),
        (json!([{ "name": "A", "other": 1 }]), "env_vars[0].other"),
    ];
    for (value, key) in cases {
        assert_eq!(invalid_at(&with(&stdio, "env_vars", &value)), key);
    }
    let null_source = with(&stdio, "env_vars", &json!([{ "name": "A", "source": null }]));
    assert_eq!(canonical(&null_source)["env_vars"], json!([{ "name": "A" }]));
}

#[test]
fn a_remote_stdio_server_needs_an_absolute_cwd() {
    let remote = json!({ "command": "x", "environment_id": "gpu" });
    assert_eq!(invalid_at(&remote), "cwd");
    assert_eq!(invalid_at(&with(&remote, "cwd", &json!("rel"))), "cwd");
    assert_eq!(invalid_at(&with(&remote, "environment_id", &json!(""))), "cwd");
    canonical(&with(&remote, "cwd", &json!("/abs")));
    canonical(&with(&remote, "environment_id", &json!("local")));
    canonical(&json!({ "url": "x", "environment_id": "gpu" }));
}

#[test]
fn a_wrong_type_or_null_element_names_its_key() {
    let stdio = json!({ "command": "x" });
    let cases = [
        ("args", json!([null]), "args[0]"),
        ("env", json!({ "A": null }), "env.A"),
        ("env", json!({ "a.b": 1 }), "env.\"a.b\""),
        ("tools", json!({ "t": null }), "tools.t"),
        ("tools", json!({ "t": { "approval_mode": "sometimes" } }), "tools.t.approval_mode"),
        ("tools", json!([]), "tools"),
        ("enabled", json!("yes"), "enabled"),
        ("required", json!(1), "required"),
        ("supports_parallel_tool_calls", json!("no"), "supports_parallel_tool_calls"),
        ("default_tools_approval_mode", json!("sometimes"), "default_tools_approval_mode"),
        ("enabled_tools", json!("a"), "enabled_tools"),
        ("disabled_tools", json!([1]), "disabled_tools[0]"),
        ("scopes", json!({}), "scopes"),
        ("environment_id", json!(1), "environment_id"),
        ("name", json!(1), "name"),
        ("cwd", json!(1), "cwd"),
    ];
    for (key, value, at) in cases {
        assert_eq!(invalid_at(&with(&stdio, key, &value)), at);
    }
    let http = json!({ "url": "x" });
    assert_eq!(invalid_at(&with(&http, "oauth", &json!({ "client_id": 1 }))), "oauth.client_id");
    assert_eq!(invalid_at(&with(&http, "oauth", &json!("c"))), "oauth");
    assert_eq!(invalid_at(&with(&http, "http_headers", &json!({ "A": null }))), "http_headers.A");
}

#[test]
fn an_unknown_field_is_a_warning() {
    let server = json!({
        "url": "x", "name": "n", "comand": 1,
        "oauth": { "x": 1 }, "tools": { "t": { "y": 1, "approval_mode": null } },
    });
    let loaded = ServerConfig::from_json(&server, Profile::default()).unwrap();
    let mut keys: Vec<_> = loaded.warnings.iter().map(|warning| warning.key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["comand", "name", "oauth.x", "tools.t.y"]);
    let expected = json!({ "url": "x", "oauth": {}, "tools": { "t": {} } });
    assert_eq!(loaded.value.to_canonical_json(), expected);
}

#[test]
fn debug_shows_only_the_origin_of_a_url() {
    let shown = |url: &str| {
        let server = json!({ "url": url, "oauth_resource": url });
        format!("{:?}", ServerConfig::from_json(&server, Profile::default()).unwrap().value)
    };
    for (url, origin) in [
        ("https://user:hunter2@a.example:8443/hunter2?k=hunter2#hunter2", "https://a.example:8443"),
        ("http://[::1]/hunter2", "http://[::1]"),
        ("hunter2", "***"),
        ("https://u:hunter2@hunter2@a.example/", "***"),
        ("https://a.example/hunter2 ", "***"),
        ("https:///hunter2", "***"),
        ("mailto:hunter2@a.example", "***"),
    ] {
        let shown = shown(url);
        assert!(!shown.contains("hunter2") && shown.contains(&format!("{origin:?}")), "{shown}");
    }
    let host = json!({ "chatgpt_base_url": "https://a.example/hunter2" });
    let host = HostConfig::from_json(&host, Environment::default()).unwrap().value;
    let shown = format!("{host:?}");
    assert!(!shown.contains("hunter2") && shown.contains("\"https://a.example\""), "{shown}");
}

#[test]
fn debug_and_errors_show_no_secret() {
    let args = ["--key", "hunter2"];
    let stdio = json!({ "command": "x", "args": args, "env": { "KEY": "hunter2" } });
    let http = json!({ "url": "x", "http_headers": { "X-Key": "hunter2" } });
    // Values that are not secret are shown.
    let shown = [
        r#"Stdio { command: "x", args: 2, env: Some({"KEY": <redacted>}), "#,
        r#"http_headers: Some({"X-Key": <redacted>}), "#,
    ];
    for (server, shown) in [stdio, http].into_iter().zip(shown) {
        let read = ServerConfig::from_json(&server, Profile::default()).unwrap().value;
        let debug = format!("{read:?}");
        assert!(debug.contains(shown) && !debug.contains("hunter2"), "{debug}");
        let wrong = ServerConfig::from_json(
            &with(&server, "bearer_token", &json!("hunter2")),
            Profile::default(),
        );
        let error = wrong.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
