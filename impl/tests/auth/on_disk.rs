//! The file `auth.json`: reading, deleting and permissions.

use std::sync::Arc;

use mcp_overlay_host::Auth;
use mcp_overlay_host::connection::authorize::HostCredentialSource as _;
use serde_json::json;

use crate::support::{Home, chatgpt, id_token, owned, sent};

#[test]
fn the_file_is_read_at_every_call() {
    let home = Home::new();
    let store = home.store();
    assert_eq!(store.now().auth, None);
    assert_eq!(store.now().error, None, "a missing file is not a fault");
    home.write(&chatgpt("at-1", "rt-1").to_string());
    let first = store.now();
    assert_eq!(first.auth, Some(Auth::ChatGpt));
    assert!(Arc::ptr_eq(&first, &store.now()), "nothing has changed");
    // The same length and, by the resolution of file systems, perhaps the same time.
    home.write(&chatgpt("at-2", "rt-2").to_string());
    let second = store.now();
    assert_eq!(second.credentials.as_ref().unwrap().access_token, "at-2");
    assert!(first.same_account(&second));
    home.write("{");
    assert_eq!(store.now().auth, None);
    let error = store.now().error.clone().unwrap().to_string();
    assert!(error.starts_with(&format!("{}: not valid JSON", home.file().display())), "{error}");
    home.write(r#"{"OPENAI_API_KEY":"sk-1"}"#);
    assert_eq!(store.now().auth, Some(Auth::ApiKey));
    assert!(!store.now().same_account(&first));
}

#[test]
fn a_path_that_is_not_a_file_is_an_error() {
    let home = Home::new();
    std::fs::create_dir(home.file()).unwrap();
    let now = home.store().now();
    assert_eq!(now.auth, None);
    assert_eq!(now.error.as_ref().unwrap().problem(), "cannot be read: it is not a regular file");
}

#[test]
fn logout_deletes_what_a_killed_host_left() {
    let home = Home::with(&chatgpt("at-1", "rt-1"));
    let left = home.file().with_file_name("auth.json.abc.mcp-overlay-tmp");
    std::fs::write(&left, "secret").unwrap();
    assert_eq!(home.store().logout(), Ok(true));
    assert!(!left.exists());
}

#[test]
fn logout_deletes_the_file() {
    let home = Home::with(&chatgpt("at-1", "rt-1"));
    let store = home.store();
    assert!(store.now().auth.is_some());
    assert_eq!(store.logout(), Ok(true));
    assert!(!home.file().exists());
    assert_eq!(store.now().auth, None);
    assert_eq!(store.logout(), Ok(false), "already signed out");
}

#[test]
fn a_file_that_cannot_be_deleted_is_an_error() {
    let home = Home::new();
    std::fs::create_dir(home.file()).unwrap();
    let error = home.store().logout().unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("{}: cannot be deleted: ", home.file().display())),
        "{error}"
    );
    assert!(error.ends_with("; you are still signed in, so delete it yourself"), "{error}");
}

#[cfg(unix)]
#[test]
fn logout_deletes_the_target_of_a_link() {
    let (home, elsewhere) = (Home::new(), Home::with(&chatgpt("at-1", "rt-1")));
    std::os::unix::fs::symlink(elsewhere.file(), home.file()).unwrap();
    let store = home.store();
    assert_eq!(store.now().auth, Some(Auth::ChatGpt));
    assert_eq!(store.logout(), Ok(true));
    assert!(!elsewhere.file().exists());
    assert!(home.file().symlink_metadata().is_err(), "no link to nothing is left");
    std::os::unix::fs::symlink("nowhere", home.file()).unwrap();
    assert_eq!((store.now().auth, &store.now().error), (None, &None));
}

#[cfg(unix)]
#[test]
fn a_file_readable_by_others_causes_a_warning() {
    let home = Home::with(&chatgpt("at-1", "rt-1"));
    let store = home.store();
    assert_eq!(store.now().warnings, [""; 0]);
    for mode in [0o640, 0o604, 0o660] {
        crate::support::set_mode(&home.file(), mode);
        let expected = format!(
            "{}: other users can read it; run `chmod 600` on it, as the next refresh does",
            home.file().display()
        );
        assert_eq!(store.now().warnings, [expected], "{mode:o}");
        assert_eq!(store.now().auth, Some(Auth::ChatGpt));
    }
}

#[tokio::test]
async fn a_sign_out_or_another_account_ends_the_authorization() {
    let home = Home::with(&chatgpt("at-1", "rt-1"));
    let store = home.store();
    let authorizer = store.authorizer().unwrap();
    assert_eq!(owned(&authorizer.headers().await.unwrap()), sent("at-1"));
    home.write(&chatgpt("at-2", "rt-2").to_string());
    assert_eq!(owned(&authorizer.headers().await.unwrap()), sent("at-2"), "the same account");

    let mut account = chatgpt("at-3", "rt-3");
    account["tokens"]["account_id"] = json!("account-9");
    let mut user = chatgpt("at-3", "rt-3");
    user["tokens"]["id_token"] = json!(id_token("bob", "account-123"));
    let mut keeper = chatgpt("at-3", "rt-3");
    keeper["auth_mode"] = json!("chatgptAuthTokens");
    let key = json!({"OPENAI_API_KEY": "sk-1"});
    let pat = json!({"personal_access_token": "pat-1"});
    let cases =
        [("account", account), ("user", user), ("mode", keeper), ("API key", key), ("PAT", pat)];
    for (what, other) in cases {
        home.write(&other.to_string());
        let refused = authorizer.headers().await.unwrap_err().0;
        assert!(
            refused.starts_with("this connection belongs to another account"),
            "{what}: {refused}"
        );
        assert!(refused.contains("sign in again"), "{what}: {refused}");
    }
    home.write("{");
    let refused = authorizer.headers().await.unwrap_err().0;
    assert!(refused.contains("not valid JSON") && refused.contains("sign in again"), "{refused}");
    store.logout().unwrap();
    let refused = authorizer.headers().await.unwrap_err().0;
    assert_eq!(refused, "you have been signed out of ChatGPT; sign in again");
    home.write(&chatgpt("at-1", "rt-1").to_string());
    assert_eq!(owned(&authorizer.headers().await.unwrap()), sent("at-1"), "back again");
}

#[tokio::test]
async fn another_personal_access_token_is_another_account() {
    let home = Home::with(&json!({"personal_access_token": "pat-1"}));
    let authorizer = home.store().authorizer().unwrap();
    home.write(r#"{"personal_access_token": "pat-2"}"#);
    assert!(authorizer.headers().await.is_err());
}
