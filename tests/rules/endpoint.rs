//! Where the Apps server is, by the base URL and the path override.

use mcp_overlay::rules::profiles;
use mcp_overlay_model::Rule;
use serde_json::{Value, json};

use crate::{apps_server_at, apps_server_in, check, check_with, hosted, in_profile, rejected_with};

/// The Apps server of `host` that the legacy loader makes is at `url`, in every profile with the rule.
#[track_caller]
fn apps_at(rule: Rule, host: &Value, url: &str) {
    for profile in profiles(rule) {
        let view = if profile.has(Rule::LegacyFirstInRuntime) { "runtime" } else { "effective" };
        check(
            in_profile(profile, json!({"auth": "chatgpt", "host": host})),
            json!({view: {"codex_apps": apps_server_in(profile, url)}}),
        );
    }
}

#[track_caller]
fn base_gives(base: &str, url: &str) {
    apps_at(Rule::EndpointBaseTrimmed, &json!({"chatgpt_base_url": base}), url);
}

/// Rule `endpoint.base-default`: An absent `chatgpt_base_url` MUST mean
/// `https://chatgpt.com/backend-api/`.
#[test]
fn without_a_base_the_apps_server_is_at_chatgpt() {
    let rule = Rule::EndpointBaseDefault;
    let default = "https://chatgpt.com/backend-api";
    for host in [
        json!({}),
        json!({"chatgpt_base_url": null}),
        // Another key, and a variable of that name, say nothing about the base.
        json!({"Chatgpt_Base_Url": "https://h", "base_url": "https://h"}),
        json!({"env": {"chatgpt_base_url": "https://h", "CHATGPT_BASE_URL": "https://h"}}),
    ] {
        apps_at(rule, &host, &format!("{default}/wham/apps"));
        for profile in profiles(rule) {
            let path = if profile.has(Rule::HostedAtPsMcp) { "ps/mcp" } else { "wham/apps" };
            let server = apps_server_in(profile, &format!("{default}/{path}"));
            check(
                in_profile(profile, json!({"host": host, "contributors": [hosted()]})),
                json!({"runtime": {"codex_apps": server}}),
            );
        }
    }
    // An empty one is not absent.
    rejected_with(rule, json!({"host": {"chatgpt_base_url": ""}}), "host.chatgpt_base_url");
}

/// Rule `endpoint.base-valid`: A `chatgpt_base_url` that is not an absolute `http` or `https` URL
/// without userinfo, query or fragment SHOULD reject the host config at `host.chatgpt_base_url`.
#[test]
fn a_base_is_an_absolute_http_url_and_nothing_more() {
    let invalid = [
        // not absolute, or of another scheme
        "",
        "chatgpt.com",
        "/backend-api",
        "//chatgpt.com",
        "https",
        "https:",
        "https:chatgpt.com",
        "https:/chatgpt.com",
        "://chatgpt.com",
        "ftp://chatgpt.com",
        "file:///x",
        "wss://h",
        "httpss://h",
        "https+x://h",
        " https://chatgpt.com",
        "https ://h",
        // no host, or none that is meant as written
        "https://",
        "https:///path",
        "https://:443",
        "https://%63hatgpt.com",
        "https://h%2ex",
        "https://::1",
        "http://[::1",
        "https://[]",
        "https://[::1]x",
        "https://[v1.x]",
        "https://[127.0.0.1]",
        "https://[::1%25eth0]",
        "https://[h]",
        "https://h]",
        // userinfo, an empty one too
        "https://user@h",
        "https://user:pw@h",
        "https://@h",
        "https://:@h",
        "https://h@/",
        "https://chatgpt.com@evil.example",
        "https://chatgpt.com:443@evil.example",
        // query and fragment, empty ones too
        "https://h?",
        "https://h?q=1",
        "https://h/x?",
        "https://h#",
        "https://h/#f",
        "https://h/backend-api#",
        // ports
        "https://h:65536",
        "https://h:99999999999999999999",
        "https://h:-1",
        "https://h:+80",
        "https://h:8o",
        "https://h:80:80",
        "https://h: 80",
        // what RFC 3986 does not allow, which others repair
        "https://chatgpt.com\\@evil.example",
        "https:\\\\h",
        "https://h\\x",
        "https://h x",
        "https://h/a b",
        "https://h ",
        "https://h\n",
        "https://h/\t",
        "https://h/\u{0}",
        "https://h/é",
        "https://日本.example",
        "https://chatgpt。com",
        "https://h/%",
        "https://h/%2",
        "https://h/%z1",
        "https://h/<x>",
        "https://h/\"",
        "https://h/[x]",
        "https://h/^",
        "https://h/`",
        "https://h/{x}",
        "https://h/|",
    ];
    for base in invalid {
        // Used or not: no auth, Apps off.
        for features in [json!({}), json!({"apps": false})] {
            rejected_with(
                Rule::EndpointBaseValid,
                json!({"host": {"chatgpt_base_url": base, "features": features}}),
                "host.chatgpt_base_url",
            );
        }
    }
    let valid = [
        "http://h",
        "HTTP://h",
        "hTTps://h",
        "https://h:",
        "https://h:0",
        "https://h:65535",
        "https://h:00080",
        "https://127.0.0.1",
        "http://[::1]",
        "https://[2001:DB8::1]:8080",
        "https://[::ffff:1.2.3.4]",
        "https://h_under-score.~x",
        "https://h!$&'()*+,;=",
        "https://h/%7Euser//x",
        "https://h/a:b@c",
        "https://h/a;b=c,d",
        "https://h/(x)'!*",
        "https://h/..",
        "https://h.",
    ];
    for base in valid {
        base_gives(base, &format!("{base}/api/codex/apps"));
    }
}

/// Rule `endpoint.base-trimmed`: Trailing slashes of the base MUST be dropped; the rest is kept as
/// written, never re-serialised.
#[test]
fn only_trailing_slashes_of_the_base_go() {
    for (base, url) in [
        ("https://h/", "https://h/api/codex/apps"),
        ("https://h/////", "https://h/api/codex/apps"),
        ("https://h:/", "https://h:/api/codex/apps"),
        ("https://chatgpt.com//", "https://chatgpt.com/backend-api/wham/apps"),
        ("https://h/backend-api///", "https://h/backend-api/wham/apps"),
        // Nothing is normalised: case, default port, double slashes, dots, percent-encoding.
        ("HTTPS://ChatGPT.com:443/", "HTTPS://ChatGPT.com:443/backend-api/wham/apps"),
        ("http://H:80/x/", "http://H:80/x/api/codex/apps"),
        ("https://h//x//y//", "https://h//x//y/api/codex/apps"),
        ("https://h/a/../b/./", "https://h/a/../b/./api/codex/apps"),
        ("https://h/%7euser%2F/", "https://h/%7euser%2F/api/codex/apps"),
    ] {
        base_gives(base, url);
    }
}

/// Rule `endpoint.chatgpt-host`: A base that is at ChatGPT and has no `backend-api` MUST get
/// `/backend-api` appended.
#[test]
fn chatgpt_gets_backend_api_unless_it_has_it() {
    for (base, url) in [
        ("https://chatgpt.com", "https://chatgpt.com/backend-api/wham/apps"),
        ("https://chat.openai.com", "https://chat.openai.com/backend-api/wham/apps"),
        ("https://chatgpt.com:1/x", "https://chatgpt.com:1/x/backend-api/wham/apps"),
        // The segment is there already, anywhere in the path.
        ("https://chatgpt.com/backend-api", "https://chatgpt.com/backend-api/wham/apps"),
        ("https://chatgpt.com/x/backend-api/y", "https://chatgpt.com/x/backend-api/y/wham/apps"),
    ] {
        base_gives(base, url);
    }
}

/// Rule `endpoint.whole-host`: Whether a base is at ChatGPT SHOULD be decided by its scheme, which
/// is `https`, and its whole host, which is `chatgpt.com` or `chat.openai.com` without regard to
/// case and whatever the port, and not by how its text begins.
#[test]
fn a_look_alike_of_chatgpt_is_another_host() {
    for base in [
        "https://CHATGPT.COM",
        "https://Chat.OpenAI.com:8443",
        "HTTPS://chatgpt.com",
        "hTtPs://chat.openai.com:0443",
        "https://chatgpt.com:",
    ] {
        base_gives(base, &format!("{base}/backend-api/wham/apps"));
    }
    let look_alikes = [
        "http://chatgpt.com",
        "http://chatgpt.com:443",
        "HTTP://chat.openai.com",
        "https://chatgpt.com.example.net",
        "https://chat.openai.com.example.net:443",
        "https://chatgpt.com-evil.example",
        "https://evilchatgpt.com",
        "https://www.chatgpt.com",
        "https://xchat.openai.com",
        "https://openai.com",
        "https://chatgpt.co",
        "https://chatgpt.comm",
        "https://chatgpt.com.",
        "https://chatgpt_com",
        "https://evil.example/chatgpt.com",
        "https://evil.example/https://chatgpt.com",
    ];
    for base in look_alikes {
        base_gives(base, &format!("{base}/api/codex/apps"));
    }
}

/// Rule `endpoint.whole-segments`: `backend-api` and `api/codex` SHOULD be looked for as whole
/// segments of the base's path, not as text.
#[test]
fn only_whole_segments_of_the_path_count() {
    for (base, url) in [
        ("https://chatgpt.com/backend-api-v2", {
            "https://chatgpt.com/backend-api-v2/backend-api/wham/apps"
        }),
        ("https://chatgpt.com/my-backend-api", {
            "https://chatgpt.com/my-backend-api/backend-api/wham/apps"
        }),
        ("https://chatgpt.com/Backend-API", {
            "https://chatgpt.com/Backend-API/backend-api/wham/apps"
        }),
        ("https://chatgpt.com/backend%2Dapi", {
            "https://chatgpt.com/backend%2Dapi/backend-api/wham/apps"
        }),
        ("https://chatgpt.com/api/codex", "https://chatgpt.com/api/codex/backend-api/wham/apps"),
        ("https://corp.example/backend-api-v2", {
            "https://corp.example/backend-api-v2/api/codex/apps"
        }),
        ("https://corp.example/api/codex-2", "https://corp.example/api/codex-2/api/codex/apps"),
        ("https://corp.example/my-api/codex", "https://corp.example/my-api/codex/api/codex/apps"),
        // Segments of the path, not of the host.
        ("https://backend-api", "https://backend-api/api/codex/apps"),
        ("https://api/codex", "https://api/codex/api/codex/apps"),
        // Whole ones, wherever they are.
        ("https://corp.example/x/backend-api/y", {
            "https://corp.example/x/backend-api/y/wham/apps"
        }),
        ("https://corp.example/x/api/codex/y", "https://corp.example/x/api/codex/y/apps"),
    ] {
        base_gives(base, url);
    }
}

/// Rule `endpoint.other-host`: A base then without `backend-api` and without `api/codex` MUST get
/// `/api/codex` appended.
#[test]
fn another_base_gets_api_codex_unless_it_has_it() {
    for base in [
        "http://localhost:8080",
        "https://corp.example/base/path",
        "https://corp.example/api",
        "https://corp.example/codex",
        "https://corp.example/codex/api",
        "https://corp.example/api/x/codex",
        "https://corp.example/api//codex",
        "https://corp.example/API/codex",
        "https://corp.example/BACKEND-API",
    ] {
        base_gives(base, &format!("{base}/api/codex/apps"));
    }
    for base in [
        "https://corp.example/api/codex",
        "https://corp.example/x/api/codex/y",
        "http://[::1]:8080/api/codex",
        "http://chatgpt.com/api/codex",
    ] {
        base_gives(base, &format!("{base}/apps"));
    }
}

/// Rule `endpoint.default-path`: Without an override the path MUST be `wham/apps` if the base has
/// `backend-api`, else `apps`.
#[test]
fn the_default_path_is_wham_apps_under_backend_api() {
    for (base, path) in PATHS {
        let host = json!({"chatgpt_base_url": base});
        apps_at(Rule::EndpointDefaultPath, &host, &format!("{base}/{path}"));
        // By the hosted contributor too.
        check_with(
            Rule::EndpointDefaultPath,
            json!({"host": host, "contributors": [hosted()]}),
            json!({"runtime": {"codex_apps": apps_server_at(&format!("{base}/{path}"))}}),
        );
    }
}

/// Bases that get nothing appended, and the path that follows.
const PATHS: [(&str, &str); 7] = [
    ("https://corp.example/backend-api", "wham/apps"),
    ("https://corp.example/x/backend-api/y", "wham/apps"),
    ("https://corp.example/api/codex/backend-api", "wham/apps"),
    ("https://corp.example/backend-api/api/codex", "wham/apps"),
    ("http://chatgpt.com/backend-api", "wham/apps"),
    ("https://corp.example/api/codex", "apps"),
    ("https://corp.example/api/codex/backend-api-v2", "apps"),
];

/// Rule `endpoint.legacy-path`: The legacy Apps loader MUST set the Apps server at the path
/// `wham/apps` if the base has `backend-api`, else `apps`.
#[test]
fn the_legacy_server_is_at_wham_apps_under_backend_api() {
    for (base, path) in PATHS {
        for features in [
            json!({}),
            json!({"apps_mcp_path_override": true}),
            json!({"apps_mcp_path_override": {"path": "/x"}}),
        ] {
            let host = json!({"chatgpt_base_url": base, "features": features});
            apps_at(Rule::EndpointLegacyPath, &host, &format!("{base}/{path}"));
        }
    }
}

/// Rule `endpoint.override-path`: With an override its leading slashes MUST be dropped and the rest
/// used as the path.
#[test]
fn an_override_is_the_path_without_its_leading_slashes() {
    let rule = Rule::EndpointOverridePath;
    let with_override = |base: &str, path_override: Value| {
        json!({
            "chatgpt_base_url": base,
            "features": {"apps_mcp_path_override": path_override},
        })
    };
    for (base, url) in [
        ("https://chatgpt.com", "https://chatgpt.com/backend-api/ps/mcp"),
        ("https://chatgpt.com/backend-api/", "https://chatgpt.com/backend-api/ps/mcp"),
        ("http://localhost:8080", "http://localhost:8080/api/codex/ps/mcp"),
        ("https://h/api/codex", "https://h/api/codex/ps/mcp"),
    ] {
        apps_at(rule, &with_override(base, json!(true)), url);
    }
    for (path, end) in [
        ("custom/mcp", "custom/mcp"),
        ("/custom/mcp", "custom/mcp"),
        ("///custom//mcp/", "custom//mcp/"),
        ("/ps/mcp/", "ps/mcp/"),
        ("?q=1", "?q=1"),
        ("/../up", "../up"),
        ("/ ", " "),
        ("https://evil.example", "https://evil.example"),
        ("//evil.example", "evil.example"),
        ("backend-api", "backend-api"),
    ] {
        let url = format!("https://h/api/codex/{end}");
        apps_at(rule, &with_override("https://h", json!({"path": path})), &url);
    }
}

/// Rule `endpoint.override-not-empty`: An override that is on and whose path is empty after its
/// leading slashes SHOULD reject the host config at `host.features.apps_mcp_path_override`.
#[test]
fn an_override_that_is_on_has_a_path() {
    let rule = Rule::EndpointOverrideNotEmpty;
    for path in ["", "/", "///"] {
        let empty = |enabled: Value| json!({"enabled": enabled, "path": path});
        for (apps, enabled) in [(true, json!(null)), (true, json!(true)), (false, json!(true))] {
            let features = json!({"apps": apps, "apps_mcp_path_override": empty(enabled)});
            let case = json!({"host": {"features": features}});
            rejected_with(rule, &case, "host.features.apps_mcp_path_override");
            // Where the override has no effect an empty one does no harm.
            check_with(Rule::FeaturesOverrideIgnored, case, json!({"configured": {}}));
        }
        // One that is off is none, whatever its path.
        let host = json!({"features": {"apps_mcp_path_override": empty(json!(false))}});
        apps_at(rule, &host, "https://chatgpt.com/backend-api/wham/apps");
    }
    // Anything but slashes is a path.
    for (path, end) in [(" ", " "), ("/.", "."), ("?", "?")] {
        let features = json!({"apps_mcp_path_override": {"path": path}});
        let url = format!("https://chatgpt.com/backend-api/{end}");
        apps_at(rule, &json!({"features": features}), &url);
    }
}
