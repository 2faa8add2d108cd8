//! Contributions, and what they make of `configured`.

use mcp_overlay::rules::profiles;
use mcp_overlay_model::Rule;
use serde_json::{Value, json};

use crate::{
    AUTHS, apps_server, apps_server_in, check, check_with, contributor, hosted, in_profile, remove,
    set, with,
};

fn server(command: &str) -> Value {
    json!({"command": command})
}

/// Rule `contribution.order`: Each `Set` and `Remove` MUST be taken in registration order of
/// contributors, and in list order within one contributor.
#[test]
fn contributors_speak_in_registration_order() {
    // Ids that sort the other way round, and one id twice.
    let say = |id: &str| contributor(id, json!([set("a", server(id))]));
    check(
        json!({"contributors": [say("z"), say("m"), say("b")]}),
        json!({"runtime": {"a": server("b")}}),
    );
    check(
        json!({"contributors": [say("b"), say("m"), say("z")]}),
        json!({"runtime": {"a": server("z")}}),
    );
    let again = contributor("x", json!([set("a", server("second"))]));
    check(json!({"contributors": [say("x"), again]}), json!({"runtime": {"a": server("second")}}));
    // Sets do not go before removes, nor removes before sets.
    let removes = contributor("r", json!([remove("a")]));
    check(json!({"contributors": [say("s"), removes]}), json!({"runtime": {}}));
    check(json!({"contributors": [removes, say("s")]}), json!({"runtime": {"a": server("s")}}));
    // The hosted-apps contributor takes its turn like any other.
    let mine = contributor("x", json!([set("codex_apps", server("mine"))]));
    check(
        json!({"contributors": [hosted(), mine], "auth": "chatgpt"}),
        json!({"effective": {"codex_apps": server("mine")}}),
    );
    check(
        json!({"contributors": [mine, hosted()], "auth": "chatgpt"}),
        json!({"effective": {"codex_apps": apps_server()}}),
    );
}

/// Rule `overlay.set-replaces-whole`: `Set` MUST insert or replace the named server as a whole; no
/// field of the earlier server survives, `enabled` included.
#[test]
fn set_replaces_the_server_as_a_whole() {
    let old = json!({
        "url": "https://old.example", "enabled": false, "required": true,
        "http_headers": {"X-A": "1"}, "bearer_token_env_var": "TOK", "startup_timeout_sec": 5,
        "tools": {"t": {"approval_mode": "approve"}}, "enabled_tools": ["t"],
        "environment_id": "gpu-box", "oauth": {"client_id": "c"},
    });
    for new in [
        json!({"url": "https://new.example"}),
        json!({"command": "srv"}),
        json!({"url": "https://new.example", "enabled": false}),
        json!({"url": "https://new.example", "http_headers": {"X-B": "2"}}),
    ] {
        let contributors = json!([contributor("x", json!([set("a", &new)]))]);
        // Over the config's server, over a plugin's, over an earlier contribution's.
        check(
            json!({"host": {"mcp_servers": {"a": old}}, "contributors": contributors}),
            json!({"configured": {"a": old}, "runtime": {"a": new}, "effective": {"a": new}}),
        );
        let plugins = json!([{"id": "p", "mcp_servers": {"a": old}}]);
        check(
            json!({"plugins": plugins, "contributors": contributors}),
            json!({"configured": {"a": old}, "runtime": {"a": new}}),
        );
        let list = json!([set("a", &old), set("a", &new)]);
        check(
            json!({"contributors": [contributor("x", list)]}),
            json!({"configured": {}, "runtime": {"a": new}}),
        );
    }
}

/// Rule `overlay.set-replaces-but-disabled`: `Set` MUST insert or replace the named server as a
/// whole; no field of the earlier server survives, except that a disabled name stays disabled.
#[test]
fn set_replaces_all_of_the_server_but_that_it_is_disabled() {
    let rule = Rule::OverlaySetReplacesButDisabled;
    let old = json!({
        "url": "https://old.example", "required": true, "http_headers": {"X-A": "1"},
        "bearer_token_env_var": "TOK", "startup_timeout_sec": 5, "enabled_tools": ["t"],
        "tools": {"t": {"approval_mode": "approve"}}, "environment_id": "gpu-box",
    });
    let old_off = with(&old, "enabled", json!(false));
    for new in [
        json!({"url": "https://new.example"}),
        json!({"command": "srv"}),
        json!({"url": "https://new.example", "http_headers": {"X-B": "2"}}),
    ] {
        let new_off = with(&new, "enabled", json!(false));
        for (configured, contributed, runtime) in [
            (&old, &new, &new),
            (&old, &new_off, &new_off),
            (&old_off, &new, &new_off),
            (&old_off, &new_off, &new_off),
        ] {
            let contributors = json!([contributor("x", json!([set("a", contributed)]))]);
            let expect = json!({"configured": {"a": configured}, "runtime": {"a": runtime}});
            let mut host = json!({"features": {"apps": false}, "mcp_servers": {"a": configured}});
            check_with(rule, json!({"host": host, "contributors": contributors}), &expect);
            host["mcp_servers"] = json!({});
            let plugins = json!([{"id": "p", "mcp_servers": {"a": configured}}]);
            check_with(
                rule,
                json!({"host": host, "plugins": plugins, "contributors": contributors}),
                &expect,
            );
        }
        // Disabled by a contribution is not disabled in `configured`; another name's does not count.
        let list = json!([set("a", &old_off), set("a", &new)]);
        let host = json!({"features": {"apps": false}, "mcp_servers": {"A": old_off}});
        check_with(
            rule,
            json!({"host": host, "contributors": [contributor("x", list)]}),
            json!({"runtime": {"a": new, "A": old_off}}),
        );
    }
}

/// Rule `overlay.remove-deletes`: `Remove` MUST delete the named server, and MUST be a no-op for an
/// absent name.
#[test]
fn remove_deletes_exactly_that_name() {
    let servers = json!({"a": server("a"), "A": server("A"), "a ": server("a "), "b": server("b")});
    check(
        json!({
            "host": {"mcp_servers": servers},
            "plugins": [{"id": "p", "mcp_servers": {"c": server("c"), "d": server("d")}}],
            "contributors": [contributor("x", json!([
                remove("a"), remove("c"), remove("absent"), remove(""), remove("absent"),
            ]))],
        }),
        json!({
            "configured": {
                "a": server("a"), "A": server("A"), "a ": server("a "), "b": server("b"),
                "c": server("c"), "d": server("d"),
            },
            "runtime": {
                "A": server("A"), "a ": server("a "), "b": server("b"), "d": server("d"),
            },
        }),
    );
    // A disabled server is deleted, not kept as a disabled one; what a Set put there goes too.
    check(
        json!({
            "host": {"mcp_servers": {"a": {"command": "a", "enabled": false}}},
            "contributors": [contributor("x", json!([
                remove("a"), set("b", server("b")), remove("b"),
            ]))],
        }),
        json!({"runtime": {}, "effective": {}}),
    );
}

/// Rule `overlay.last-wins`: For every name, the last `Set` or `Remove` that names it MUST decide
/// whether it is in `runtime` and with which server, a `Set` after a `Remove` included.
#[test]
fn the_last_contribution_that_names_a_name_decides() {
    let choices = [
        (set("a", server("one")), json!({"a": server("one")})),
        (set("a", json!({"command": "two", "enabled": false})), {
            json!({"a": {"command": "two", "enabled": false}})
        }),
        (remove("a"), json!({})),
    ];
    // Every sequence of three, in one list and each by a contributor of its own.
    for (first, _) in &choices {
        for (second, _) in &choices {
            for (third, runtime) in &choices {
                let host = json!({"mcp_servers": {"a": server("configured")}});
                let list = contributor("x", json!([first, second, third]));
                check(
                    json!({"host": host, "contributors": [list]}),
                    json!({"runtime": runtime, "effective": runtime}),
                );
                let one_each = [("z", first), ("y", second), ("x", third)]
                    .map(|(id, contribution)| contributor(id, json!([contribution])));
                check(json!({"contributors": one_each}), json!({"runtime": runtime}));
            }
        }
    }
    // Other names in between do not matter.
    check(
        json!({"contributors": [contributor("x", json!([
            set("a", server("one")), remove("b"), remove("a"), set("A", server("A")),
            set("b", server("b")),
        ]))]}),
        json!({"runtime": {"A": server("A"), "b": server("b")}}),
    );
}

/// Rule `overlay.untouched-stays`: A name that no contribution names MUST pass through unchanged.
#[test]
fn an_unnamed_server_passes_through_unchanged() {
    let servers = json!({
        "off": {"command": "srv", "enabled": false, "required": true},
        "full": {
            "url": "https://a.example", "http_headers": {}, "enabled_tools": [],
            "tool_timeout_sec": 1.5, "scopes": ["s"], "oauth": {},
        },
        "Docs": server("Docs"),
        "": server("empty"),
    });
    let touched = json!([remove("docs"), remove(" "), remove("Off"), set("of", server("of"))]);
    let mut runtime = servers.clone();
    runtime["of"] = server("of");
    runtime["p"] = json!({"command": "p", "enabled": false});
    check(
        json!({
            "host": {"mcp_servers": servers},
            "plugins": [{"id": "q", "mcp_servers": {"p": {"command": "p", "enabled": false}}}],
            "contributors": [contributor("x", touched)],
        }),
        json!({"runtime": runtime, "effective": runtime}),
    );
}

/// Rule `overlay.others-untouched-stay`: A name other than `codex_apps` that no contribution names
/// MUST pass through unchanged.
#[test]
fn an_unnamed_server_but_codex_apps_passes_through_unchanged() {
    let servers = json!({
        "off": {"command": "srv", "enabled": false, "required": true},
        "full": {
            "url": "https://a.example", "http_headers": {}, "enabled_tools": [],
            "tool_timeout_sec": 1.5, "scopes": ["s"], "oauth": {},
        },
        "Docs": server("Docs"), "": server("empty"),
        "Codex_Apps": server("C"), "codex-apps": server("c"), "codex_apps ": server("s"),
    });
    let touched = json!([
        remove("docs"),
        remove(" "),
        remove("Off"),
        set("of", server("of")),
        remove("codex_apps"),
    ]);
    let mut runtime = servers.clone();
    runtime["of"] = server("of");
    runtime["p"] = json!({"command": "p", "enabled": false});
    for apps in [true, false] {
        let mut configured = servers.clone();
        configured["codex_apps"] = server("mine");
        check_with(
            Rule::OverlayOthersUntouchedStay,
            json!({
                "host": {"features": {"apps": apps}, "mcp_servers": configured},
                "plugins": [{"id": "q", "mcp_servers": {"p": {"command": "p", "enabled": false}}}],
                "contributors": [contributor("x", &touched)],
            }),
            json!({"runtime": runtime}),
        );
    }
}

/// Rule `runtime.three-phases`: `runtime` MUST be `configured` with the servers of selected
/// plugins, then what the legacy Apps loader makes of it, then each `Set` and `Remove` applied.
#[test]
fn the_loader_comes_after_the_config_and_before_the_contributions() {
    let legacy = "https://chatgpt.com/backend-api/wham/apps";
    let hosted_at = "https://chatgpt.com/backend-api/ps/mcp";
    for profile in profiles(Rule::RuntimeThreePhases) {
        let loaded = apps_server_in(profile, legacy);
        for (apps, contributors, codex_apps) in [
            // The loader is after the config ...
            (true, json!([]), Some(loaded.clone())),
            (false, json!([]), None),
            (true, json!([contributor("x", json!([set("a", server("a"))]))]), Some(loaded)),
            // ... and every contribution after the loader.
            (true, json!([contributor("x", json!([remove("codex_apps")]))]), None),
            (true, json!([contributor("x", json!([set("codex_apps", server("x"))]))]), {
                Some(server("x"))
            }),
            (false, json!([contributor("x", json!([set("codex_apps", server("x"))]))]), {
                Some(server("x"))
            }),
            (true, json!([hosted()]), Some(apps_server_in(profile, hosted_at))),
            (true, json!([hosted(), contributor("x", json!([remove("codex_apps")]))]), None),
        ] {
            let configured = json!({"codex_apps": server("mine"), "a": server("a")});
            let mut runtime = json!({"a": server("a")});
            if let Some(codex_apps) = codex_apps {
                runtime["codex_apps"] = codex_apps;
            }
            let host = json!({"features": {"apps": apps}, "mcp_servers": configured});
            check(
                in_profile(profile, json!({"host": host, "contributors": contributors})),
                json!({"configured": configured, "runtime": runtime}),
            );
        }
    }
}

/// Rule `runtime.auth-blind`: Auth MUST NOT matter to `configured` and `runtime`, but for the
/// servers that an app hides.
#[test]
fn configured_and_runtime_are_the_same_whatever_the_auth() {
    let servers = json!({"codex_apps": server("mine"), "a": {"url": "https://chatgpt.com"}});
    for profile in profiles(Rule::RuntimeAuthBlind) {
        let hosted_path = if profile.has(Rule::HostedAtPsMcp) { "ps/mcp" } else { "wham/apps" };
        let at = |path: &str| {
            apps_server_in(profile, &format!("https://chatgpt.com/backend-api/{path}"))
        };
        let untouched =
            if profile.has(Rule::LegacyFirstInRuntime) { at("wham/apps") } else { server("mine") };
        for (contributors, codex_apps) in [
            (json!([]), untouched),
            (json!([hosted()]), at(hosted_path)),
            (json!([contributor("x", json!([set("codex_apps", server("x"))]))]), server("x")),
        ] {
            for auth in AUTHS {
                let case = json!({
                    "auth": auth, "host": {"mcp_servers": servers}, "contributors": contributors,
                });
                let runtime = with(&servers, "codex_apps", &codex_apps);
                check(
                    in_profile(profile, case),
                    json!({"configured": servers, "runtime": runtime}),
                );
            }
        }
    }
}

/// Rule `runtime.is-overlaid-configured`: `runtime` MUST be `configured` with all contributions
/// applied.
#[test]
fn runtime_does_not_know_who_is_signed_in() {
    for auth in AUTHS {
        for apps in [true, false] {
            let host = json!({
                "features": {"apps": apps},
                "mcp_servers": {"codex_apps": server("mine"), "a": server("a"), "b": server("b")},
            });
            // Nobody speaks of codex_apps: neither the gate nor the legacy loader touches it here.
            let list = json!([remove("a"), set("c", server("c"))]);
            check(
                json!({"host": host, "auth": auth, "contributors": [contributor("x", list)]}),
                json!({"runtime": {
                    "codex_apps": server("mine"), "b": server("b"), "c": server("c"),
                }}),
            );
            check(
                json!({"host": {"features": {"apps": apps}}, "auth": auth}),
                json!({"runtime": {}}),
            );
            // Somebody does: it stays in runtime behind a closed gate too.
            let list = json!([set("codex_apps", server("x"))]);
            check(
                json!({"host": host, "auth": auth, "contributors": [contributor("x", list)]}),
                json!({"runtime": {
                    "codex_apps": server("x"), "a": server("a"), "b": server("b"),
                }}),
            );
        }
    }
}
