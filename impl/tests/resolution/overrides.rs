//! `-c key=value`.

use mcp_overlay_host::{ConfigError, Environment, HostConfig, Override, OverrideError};

fn load(text: &str, overrides: &[&str]) -> Result<HostConfig, ConfigError> {
    let overrides: Vec<Override> = overrides.iter().map(|o| o.parse().unwrap()).collect();
    let env = Environment::default();
    HostConfig::from_toml_str(text, "config.toml", &overrides, env).map(|loaded| loaded.value)
}

#[test]
fn a_value_that_is_not_toml_is_a_string() {
    let host = load("features.apps = true", &["features.apps=false"]).unwrap();
    assert!(!host.features().apps);
    for written in
        ["chatgpt_base_url=https://x.example", " chatgpt_base_url = \"https://x.example\" "]
    {
        assert_eq!(load("", &[written]).unwrap().chatgpt_base_url(), "https://x.example");
    }
    assert_eq!(load("", &["apps_mcp_product_sku="]).unwrap().apps_mcp_product_sku(), Some(""));
    assert_eq!(
        load("", &["apps_mcp_product_sku=a=b"]).unwrap().apps_mcp_product_sku(),
        Some("a=b")
    );
    let host = load("", &["features.apps_mcp_path_override={path=\"/p\"}"]).unwrap();
    assert_eq!(host.features().apps_mcp_path_override.as_deref(), Some("p"));
}

#[test]
fn an_override_sets_one_field_of_a_server() {
    let text = "[mcp_servers.\"a.b\"]\nurl = \"https://x.example\"";
    let host = load(text, &["mcp_servers.\"a.b\".enabled=false"]).unwrap();
    let server = &host.mcp_servers()["a.b"];
    assert!(!server.enabled);
    let host = load("", &["mcp_servers.'a=b'.url=https://x.example"]).unwrap();
    assert!(host.mcp_servers().contains_key("a=b"));
}

#[test]
fn the_last_override_wins_and_replaces_values_on_its_way() {
    let host = load("", &["features.apps=false", "features.apps=true"]).unwrap();
    assert!(host.features().apps);
    let host = load("features = 3", &["features.apps=false"]).unwrap();
    assert!(!host.features().apps);
    let servers = "mcp_servers.a.url = \"https://x.example\"";
    assert!(load(servers, &["mcp_servers={}"]).unwrap().mcp_servers().is_empty());
}

#[test]
fn an_error_names_the_override_and_not_its_value() {
    let error = load("", &["mcp_servers.a.bearer_token=hunter2"]).unwrap_err();
    assert_eq!(error.path(), "host.mcp_servers.a");
    let message = error.to_string();
    assert!(
        message.starts_with("override mcp_servers.a.bearer_token: mcp_servers.a.bearer_token: "),
        "{message}"
    );
    assert!(!message.contains("hunter2"));
    let setting: Override = "a.b=hunter2".parse().unwrap();
    assert_eq!(format!("{setting:?}"), r#"Override { key: "a.b", .. }"#);
}

#[test]
fn a_malformed_override_is_an_error() {
    let parse = |text: &str| text.parse::<Override>().map(|_| ());
    for text in ["", "features", "\"a=b\"", "'a=b", "\"a\\\"=b\""] {
        assert_eq!(parse(text), Err(OverrideError::NoEquals), "{text}");
    }
    for text in ["=1", " =1", "a..b=1", ".a=1", "a b=1", "a#=1", "[a]\nb=1", "a\"=\"b=1", "é=1"] {
        assert_eq!(parse(text), Err(OverrideError::InvalidKey), "{text}");
    }
    assert!(parse(&format!("{}a=1", "a.".repeat(100_000))).is_err());
}
