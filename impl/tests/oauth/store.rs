//! The token store.

use mcp_overlay_host::oauth::{LoginRequest, OAuth, StoreMode, TokenStore, Tokens};
use serde_json::{Value, json};

use super::provider::{NAME, Provider};

const URL: &str = "https://docs.example/mcp";

fn tokens(token: &str) -> Tokens {
    serde_json::from_value(json!({
        "server_name": NAME,
        "server_url": URL,
        "client_id": "client",
        "access_token": token,
    }))
    .unwrap()
}

fn read(home: &tempfile::TempDir) -> Value {
    let text = std::fs::read(home.path().join(".credentials.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

#[cfg(unix)]
fn mode(home: &tempfile::TempDir) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    let path = home.path().join(".credentials.json");
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().unwrap();
    let store = TokenStore::on_disk(home.path(), StoreMode::Auto);
    store.save(tokens("one")).await.unwrap();
    assert_eq!(mode(&home), 0o600);
    let path = home.path().join(".credentials.json");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(store.load(NAME, URL).await.unwrap().unwrap().access_token, "one");
    assert_eq!(mode(&home), 0o600);
}

#[tokio::test]
async fn other_entries_are_kept_unchanged() {
    let home = tempfile::tempdir().unwrap();
    let other =
        json!({ "server_name": "other", "server_url": URL, "new_field": [1, { "a": null }] });
    let stale = json!({
        "server_name": NAME, "server_url": URL, "client_id": "c", "access_token": "stale",
    });
    let before = json!({ "other|1": other, "old key": stale });
    std::fs::write(home.path().join(".credentials.json"), before.to_string()).unwrap();
    let store = TokenStore::on_disk(home.path(), StoreMode::File);
    store.save(tokens("one")).await.unwrap();
    let after = read(&home);
    assert_eq!(after["other|1"], other);
    assert_eq!(after.as_object().unwrap().len(), 2);
    assert!(store.remove(NAME, URL).await.unwrap());
    assert_eq!(read(&home), json!({ "other|1": other }));
    assert!(!store.remove(NAME, URL).await.unwrap());
}

#[tokio::test]
async fn tokens_belong_to_a_name_and_a_url() {
    let home = tempfile::tempdir().unwrap();
    let store = TokenStore::on_disk(home.path(), StoreMode::File);
    store.save(tokens("one")).await.unwrap();
    for (name, url) in [(NAME, "https://docs.example/other"), ("other", URL)] {
        assert!(store.load(name, url).await.unwrap().is_none());
        assert!(!store.remove(name, url).await.unwrap());
    }
    assert!(store.load(NAME, URL).await.unwrap().is_some());
}

#[tokio::test]
async fn a_corrupt_file_is_neither_quoted_nor_overwritten() {
    for text in ["secret", "[\"secret\"]", "{\"a\": secret}"] {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(".credentials.json");
        std::fs::write(&path, text).unwrap();
        let store = TokenStore::on_disk(home.path(), StoreMode::File);
        for error in
            [store.load(NAME, URL).await.unwrap_err(), store.save(tokens("one")).await.unwrap_err()]
        {
            assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
            assert!(error.to_string().contains(".credentials.json"), "{error}");
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}

#[tokio::test]
async fn concurrent_writers_lose_no_entry() {
    let home = tempfile::tempdir().unwrap();
    let writers = (0..20).map(|at| {
        let store = TokenStore::on_disk(home.path(), StoreMode::File);
        let mut tokens = tokens("one");
        tokens.server_name = format!("server {at}");
        async move { store.save(tokens).await.unwrap() }
    });
    futures_util::future::join_all(writers).await;
    assert_eq!(read(&home).as_object().unwrap().len(), 20);
}

#[tokio::test]
async fn an_in_memory_store_writes_no_file() {
    let provider = Provider::start().await;
    let home = tempfile::tempdir().unwrap();
    let oauth = OAuth::new(TokenStore::in_memory());
    provider.login(&oauth, &provider.server(), LoginRequest::default()).await.unwrap();
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn reading_creates_no_file() {
    let home = tempfile::tempdir().unwrap();
    let store = TokenStore::on_disk(home.path().join("absent"), StoreMode::Auto);
    assert!(store.load(NAME, URL).await.unwrap().is_none());
    assert!(!store.remove(NAME, URL).await.unwrap());
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

/// Without keyring support, whose errors distinguish the modes.
#[cfg(not(feature = "keyring"))]
#[tokio::test]
async fn the_store_follows_a_configuration_change() {
    let home = tempfile::tempdir().unwrap();
    let store = TokenStore::on_disk(home.path(), StoreMode::File);
    let clone = store.clone();
    store.save(tokens("one")).await.unwrap();
    store.set_mode(StoreMode::Keyring);
    for store in [&store, &clone] {
        assert!(store.load(NAME, URL).await.is_err());
        assert!(store.save(tokens("two")).await.is_err());
    }
    clone.set_mode(StoreMode::Auto);
    assert_eq!(store.load(NAME, URL).await.unwrap().unwrap().access_token, "one");
    let memory = TokenStore::in_memory();
    memory.set_mode(StoreMode::Keyring);
    memory.save(tokens("one")).await.unwrap();
    assert_eq!(memory.load(NAME, URL).await.unwrap().unwrap().access_token, "one");
}

#[cfg(not(feature = "keyring"))]
#[tokio::test]
async fn a_build_without_keyring_support_reports_that() {
    let home = tempfile::tempdir().unwrap();
    let store = TokenStore::on_disk(home.path(), StoreMode::Keyring);
    let error = store.save(tokens("one")).await.unwrap_err().to_string();
    assert!(error.contains("feature `keyring`"), "{error}");
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

/// Needs an unlocked keyring, and leaves nothing in it. With gnome-keyring and without a desktop:
/// `HOME=$(mktemp -d) dbus-run-session -- sh -c 'printf pw | gnome-keyring-daemon --daemonize
/// --unlock; TEST keyring --ignored'`, where TEST is this test as a program, built with
/// `cargo test -p mcp-overlay-host --features keyring --test oauth --no-run`.
#[cfg(feature = "keyring")]
#[tokio::test]
#[ignore = "needs a system keyring"]
async fn tokens_in_the_keyring_are_not_in_the_file() {
    for mode in [StoreMode::Keyring, StoreMode::Auto] {
        let home = tempfile::tempdir().unwrap();
        let file = TokenStore::on_disk(home.path(), StoreMode::File);
        file.save(tokens("old")).await.unwrap();
        let store = TokenStore::on_disk(home.path(), mode);
        store.save(tokens("one")).await.unwrap();
        assert_eq!(store.load(NAME, URL).await.unwrap().unwrap().access_token, "one");
        assert!(file.load(NAME, URL).await.unwrap().is_none());
        assert!(store.load(NAME, "https://other.example").await.unwrap().is_none());
        assert!(store.remove(NAME, URL).await.unwrap());
        assert!(store.load(NAME, URL).await.unwrap().is_none());
        assert!(!store.remove(NAME, URL).await.unwrap());
    }
}
