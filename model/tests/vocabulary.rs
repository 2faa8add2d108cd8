//! The words of cases: what is read, what is refused, and that each kind has one name.

#![allow(clippy::unwrap_used, reason = "a test that panics fails, as it should")]

use mcp_overlay_model::{Auth, Contribution, Contributor, ContributorKind, Profile};
use serde_json::{Value, json};

#[test]
fn a_profile_and_an_auth_are_read_and_written_as_one_word() {
    let names = ["codex-pr-27191", "codex-pr-27198", "codex-pr-27414"];
    assert!(Profile::ALL.map(Profile::name).starts_with(&names));
    for profile in Profile::ALL {
        assert_eq!(serde_json::to_value(profile).unwrap(), profile.name());
        assert_eq!(serde_json::from_value::<Profile>(profile.name().into()).unwrap(), profile);
    }
    let words = [
        "api_key",
        "chatgpt",
        "chatgpt_auth_tokens",
        "agent_identity",
        "personal_access_token",
        "bedrock_api_key",
        "headers",
    ];
    assert_eq!(Auth::ALL.map(Auth::word), words);
    for auth in Auth::ALL {
        assert_eq!(serde_json::to_value(auth).unwrap(), auth.word());
        assert_eq!(serde_json::from_value::<Auth>(auth.word().into()).unwrap(), auth);
    }
}

#[test]
fn another_word_is_refused_and_the_known_ones_are_named() {
    let profile = serde_json::from_value::<Profile>(json!("codex")).unwrap_err().to_string();
    assert!(profile.contains("\"codex\", expected one of: codex-pr-27191"), "{profile}");
    let auth = serde_json::from_value::<Auth>(json!("none")).unwrap_err().to_string();
    assert!(auth.contains("\"none\", expected one of: api_key, chatgpt, "), "{auth}");
}

#[test]
fn a_contribution_decides_the_name_that_it_names() {
    for written in [
        json!({"set": {"name": "a", "server": {"command": "srv"}}}),
        json!({"remove": {"name": "a"}}),
        json!({"selected_plugin": {"name": "a", "plugin_id": "p", "selection_order": 0, "server": {}}}),
    ] {
        let contribution: Contribution = serde_json::from_value(written).unwrap();
        assert_eq!(contribution.name(), "a");
    }
}

#[test]
fn a_contributor_is_hosted_or_has_a_list_and_not_both() {
    let read = |written: &Value| serde_json::from_value::<Contributor>(written.clone());
    let hosted = json!({"id": "h", "hosted_apps": {}});
    assert_eq!(read(&hosted).unwrap().kind, ContributorKind::HostedApps);
    let scripted = json!({"id": "x", "contributions": []});
    assert_eq!(read(&scripted).unwrap().kind, ContributorKind::Scripted(Vec::new()));
    let executor = json!({"id": "e", "executor_plugins": {}});
    assert_eq!(read(&executor).unwrap().kind, ContributorKind::ExecutorPlugins);
    for written in [hosted, scripted, executor] {
        assert_eq!(serde_json::to_value(read(&written).unwrap()).unwrap(), written);
    }
    for refused in [
        json!({"id": "x"}),
        json!({"id": "x", "hosted_apps": {}, "contributions": []}),
        json!({"id": "x", "hosted_apps": {"apps": true}}),
        json!({"id": "x", "hosted_apps": null}),
        json!({"id": "x", "executor_plugins": {"a": 1}}),
        json!({"id": "x", "executor_plugins": {}, "hosted_apps": {}}),
        json!({"id": "x", "contributions": [], "other": 1}),
    ] {
        assert!(read(&refused).is_err(), "{refused}");
    }
}
