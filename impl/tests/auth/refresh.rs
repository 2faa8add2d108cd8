//! Refreshing tokens.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mcp_overlay_host::Environment;
use mcp_overlay_host::auth::AuthStore;
use mcp_overlay_host::connection::authorize::HostCredentialSource as _;
use serde_json::{Value, json};
use wiremock::matchers::{body_json, header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::support::{Home, after_refusal, chatgpt, env, id_token, owned, refusal, sent};

fn new_tokens() -> Value {
    json!({
        "access_token": "at-2",
        "refresh_token": "rt-2",
        "id_token": id_token("ada", "account-123"),
    })
}

/// A token endpoint that gives this response to every request.
async fn endpoint(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).and(path("/oauth/token")).respond_with(answer).mount(&server).await;
    server
}

fn ok() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(new_tokens())
}

fn url(server: &MockServer) -> String {
    format!("{}/oauth/token", server.uri())
}

async fn requests(server: &MockServer) -> Vec<Request> {
    server.received_requests().await.unwrap()
}

#[tokio::test]
async fn a_refusal_refreshes_the_tokens_and_keeps_the_rest() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/oauth/token"))
        .and(header("content-type", "application/json"))
        .and(body_json(json!({
            "client_id": "app_EMoamEEZ73f0CkXaXp7hrann",
            "grant_type": "refresh_token",
            "refresh_token": "rt-1",
            "scope": "openid profile email",
        })))
        .respond_with(ok())
        .expect(1)
        .mount(&server)
        .await;
    let mut auth = chatgpt("at-1", "rt-1");
    auth["from_the_future"] = json!({"kept": [1, 2.50]});
    auth["tokens"]["also"] = json!("kept");
    let home = Home::with(&auth);
    let store = home.store_with(&url(&server));
    let authorizer = store.authorizer().unwrap();
    assert_eq!(after_refusal(&authorizer).await, Some(sent("at-2")));
    assert_eq!(owned(&authorizer.headers().await.unwrap()), sent("at-2"));
    let now = home.json();
    let tokens = [&now["tokens"]["access_token"], &now["tokens"]["refresh_token"]];
    assert_eq!(tokens, ["at-2", "rt-2"]);
    assert_eq!(now["tokens"]["also"], "kept");
    assert_eq!(now["from_the_future"], auth["from_the_future"]);
    assert_eq!(now["OPENAI_API_KEY"], Value::Null);
    let refreshed = now["last_refresh"].as_str().unwrap();
    assert!(refreshed > "2026-06-09T20:44:16Z" && refreshed.ends_with('Z'), "{refreshed}");
    assert_eq!(authorizer.advice(), "sign in again");
}

#[cfg(unix)]
#[tokio::test]
async fn a_written_file_is_private_and_a_link_stays_one() {
    use crate::support::{mode, set_mode};
    let server = endpoint(ok()).await;
    let (home, elsewhere) = (Home::new(), Home::with(&chatgpt("at-1", "rt-1")));
    set_mode(&elsewhere.file(), 0o644);
    std::os::unix::fs::symlink(elsewhere.file(), home.file()).unwrap();
    let store = home.store_with(&url(&server));
    assert_eq!(store.now().warnings.len(), 1);
    assert!(after_refusal(&store.authorizer().unwrap()).await.is_some());
    assert!(home.file().symlink_metadata().unwrap().is_symlink());
    assert_eq!(elsewhere.json()["tokens"]["access_token"], "at-2");
    assert_eq!(mode(&elsewhere.file()), 0o600);
    assert_eq!(store.now().warnings, [""; 0]);
    let left: Vec<_> = elsewhere.path().read_dir().unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[tokio::test]
async fn tokens_missing_from_the_response_are_kept() {
    let answer = json!({"access_token": "at-2", "id_token": "not-a-JWT"});
    let server = endpoint(ResponseTemplate::new(200).set_body_json(answer)).await;
    let home = Home::with(&chatgpt("at-1", "rt-1"));
    let store = home.store_with(&url(&server));
    assert!(after_refusal(&store.authorizer().unwrap()).await.is_some());
    let tokens = &home.json()["tokens"];
    assert_eq!(tokens["refresh_token"], "rt-1");
    assert_eq!(tokens["id_token"], id_token("ada", "account-123"));
}

#[tokio::test]
async fn a_sign_in_in_memory_is_refreshed_in_memory() {
    let server = endpoint(ok()).await;
    let auth = chatgpt("at-1", "rt-1").to_string();
    let store = AuthStore::fixed(Some(&auth), &env(&url(&server)));
    let authorizer = store.authorizer().unwrap();
    assert_eq!(after_refusal(&authorizer).await, Some(sent("at-2")));
    assert_eq!(owned(&authorizer.headers().await.unwrap()), sent("at-2"));
    assert_eq!(store.logout(), Ok(true));
    assert!(authorizer.headers().await.is_err());
}

/// Many connections are refused concurrently, and the refresh token is spent once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_refusals_refresh_once() {
    let server = endpoint(ok().set_delay(Duration::from_millis(100))).await;
    let home = Home::with(&chatgpt("at-1", "rt-1"));
    // For file locks, two stores are like two processes.
    let stores = [home.store_with(&url(&server)), home.store_with(&url(&server))];
    let mut tasks = Vec::new();
    for turn in 0..16 {
        let authorizer = stores[turn % 2].authorizer().unwrap();
        let first = authorizer.headers().await.unwrap();
        tasks.push(tokio::spawn(async move {
            authorizer.refused(refusal(first)).await.as_ref().map(owned)
        }));
    }
    for task in tasks {
        assert_eq!(task.await.unwrap(), Some(sent("at-2")));
    }
    assert_eq!(requests(&server).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_refusals_share_a_failure() {
    let busy = ResponseTemplate::new(503).set_delay(Duration::from_millis(600));
    let server = endpoint(busy).await;
    let home = Home::with(&chatgpt("at-1", "rt-1"));
    let store = home.store_with(&url(&server));
    let authorizer = store.authorizer().unwrap();
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let authorizer = authorizer.clone();
        tasks.push(tokio::spawn(async move { after_refusal(&authorizer).await }));
    }
    for task in tasks {
        assert_eq!(task.await.unwrap(), None);
    }
    assert_eq!(requests(&server).await.len(), 1);
    assert_eq!(after_refusal(&authorizer).await, None);
    assert_eq!(requests(&server).await.len(), 2, "later it may be well again");
}

#[tokio::test]
async fn a_newer_token_on_disk_is_used_instead() {
    let server = endpoint(ok()).await;
    let home = Home::with(&chatgpt("at-1", "rt-1"));
    let store = home.store_with(&url(&server));
    let authorizer = store.authorizer().unwrap();
    let first = authorizer.headers().await.unwrap();
    home.write(&chatgpt("at-7", "rt-7").to_string());
    let next = authorizer.refused(refusal(first)).await.unwrap();
    assert_eq!(owned(&next), sent("at-7"));
    assert_eq!(requests(&server).await.len(), 0);
}

#[tokio::test]
async fn only_a_401_of_tokens_kept_here_is_answered_with_a_refresh() {
    let server = endpoint(ok()).await;
    let mut keeper = chatgpt("at-1", "rt-1");
    keeper["auth_mode"] = json!("chatgptAuthTokens");
    let forms = [
        (keeper, "sign in again in the application that supplies this host's sign-in"),
        (
            json!({"personal_access_token": "at-1"}),
            "sign in again with a new personal access token",
        ),
    ];
    for (auth, advice) in forms {
        let store = AuthStore::fixed(Some(&auth.to_string()), &env(&url(&server)));
        let authorizer = store.authorizer().unwrap();
        assert_eq!(after_refusal(&authorizer).await, None);
        assert_eq!(authorizer.advice(), advice);
    }
    let auth = chatgpt("at-1", "rt-1").to_string();
    let store = AuthStore::fixed(Some(&auth), &env(&url(&server)));
    let authorizer = store.authorizer().unwrap();
    let mut forbidden = refusal(authorizer.headers().await.unwrap());
    forbidden.status = 403;
    assert!(authorizer.refused(forbidden).await.is_none());
    assert_eq!(requests(&server).await.len(), 0);
    let store = AuthStore::fixed(Some(&chatgpt("at-1", "").to_string()), &env(&url(&server)));
    let authorizer = store.authorizer().unwrap();
    assert_eq!(after_refusal(&authorizer).await, None);
    let advice = "sign in again (there is no refresh token)";
    assert_eq!(authorizer.advice(), advice);
    assert_eq!(requests(&server).await.len(), 0);
}

#[tokio::test]
async fn a_refused_refresh_is_not_repeated_and_changes_nothing() {
    let error = json!({"error": {"code": "refresh_token_reused", "message": "rt-1 was used"}});
    let server = endpoint(ResponseTemplate::new(401).set_body_json(error)).await;
    let home = Home::with(&chatgpt("at-1", "rt-1"));
    let before = std::fs::read(home.file()).unwrap();
    let store = home.store_with(&url(&server));
    let authorizer = store.authorizer().unwrap();
    let advice = format!(
        "sign in again ({} refused to refresh the tokens: HTTP status 401 (refresh_token_reused))",
        server.uri()
    );
    for _ in 0..2 {
        assert_eq!(after_refusal(&authorizer).await, None);
        assert_eq!(authorizer.advice(), advice);
    }
    assert_eq!(requests(&server).await.len(), 1, "the token is refused for good");
    assert_eq!(std::fs::read(home.file()).unwrap(), before);
    home.write(&chatgpt("at-1", "rt-9").to_string());
    after_refusal(&authorizer).await;
    assert_eq!(requests(&server).await.len(), 2, "another token may be better");
}

/// A captive portal, a proxy or a firewall may respond with such a status without knowing the refresh
/// token.
#[tokio::test]
async fn only_a_known_error_code_is_permanent() {
    let page = |status| ResponseTemplate::new(status).set_body_string("<html>Log in</html>");
    let error =
        |status, code: &str| ResponseTemplate::new(status).set_body_json(json!({ "error": code }));
    let cases = [
        (page(400), 2),
        (page(401), 2),
        (page(403), 2),
        (error(401, "unheard_of"), 2),
        (error(400, "invalid_grant"), 1),
        (error(403, "refresh_token_expired"), 1),
        (error(500, "invalid_grant"), 2),
    ];
    for (number, (answer, asked)) in cases.into_iter().enumerate() {
        let server = endpoint(answer).await;
        let auth = chatgpt("at-1", "rt-1").to_string();
        let store = AuthStore::fixed(Some(&auth), &env(&url(&server)));
        let authorizer = store.authorizer().unwrap();
        for _ in 0..2 {
            assert_eq!(after_refusal(&authorizer).await, None);
        }
        assert_eq!(requests(&server).await.len(), asked, "case {number}");
    }
}

#[tokio::test]
async fn invalid_responses_change_nothing() {
    let large = format!(r#"{{"access_token":"at-2","x":"{}"}}"#, "x".repeat(1024 * 1024));
    let answers = [
        (ResponseTemplate::new(200).set_body_string("{"), "sent no access token"),
        (ResponseTemplate::new(200).set_body_json(json!({})), "sent no access token"),
        (
            ResponseTemplate::new(200).set_body_json(json!({"access_token": "a\nb"})),
            "sent no access token",
        ),
        (ResponseTemplate::new(200).set_body_string(large), "sent more than 1048576 bytes"),
        (
            ResponseTemplate::new(400).set_body_json(json!({"error": "secret words"})),
            "refused to refresh the tokens: HTTP status 400",
        ),
        (
            ResponseTemplate::new(400).set_body_json(json!({"error": "invalid_grant"})),
            "refused to refresh the tokens: HTTP status 400 (invalid_grant)",
        ),
    ];
    for (answer, reason) in answers {
        let server = endpoint(answer).await;
        let home = Home::with(&chatgpt("at-1", "rt-1"));
        let before = std::fs::read(home.file()).unwrap();
        let store = home.store_with(&url(&server));
        let authorizer = store.authorizer().unwrap();
        assert_eq!(after_refusal(&authorizer).await, None, "{reason}");
        let advice = format!("sign in again ({} {reason})", server.uri());
        assert_eq!(authorizer.advice(), advice);
        assert_eq!(std::fs::read(home.file()).unwrap(), before);
    }
}

#[tokio::test]
async fn the_refresh_token_is_not_sent_after_a_redirect() {
    let elsewhere = endpoint(ok()).await;
    let to = ResponseTemplate::new(307).insert_header("location", url(&elsewhere));
    let server = endpoint(to).await;
    let home = Home::with(&chatgpt("at-1", "rt-1"));
    let store = home.store_with(&url(&server));
    assert_eq!(after_refusal(&store.authorizer().unwrap()).await, None);
    assert_eq!(requests(&server).await.len(), 1);
    assert_eq!(requests(&elsewhere).await.len(), 0);
}

#[tokio::test]
async fn a_remote_token_endpoint_without_tls_is_refused() {
    let urls = [
        "http://auth.example/oauth/token",
        "ftp://127.0.0.1/",
        "not a url",
        "https://user:pass@auth.example/",
        "http://127.0.0.1.auth.example/",
    ];
    for url in urls {
        let auth = chatgpt("at-1", "rt-1").to_string();
        let store = AuthStore::fixed(Some(&auth), &env(url));
        let problem = "CODEX_REFRESH_TOKEN_URL_OVERRIDE is not a URL with https, or with http on \
                       this machine; tokens are not refreshed until it is corrected or unset";
        assert_eq!(store.now().warnings, [problem], "{url}");
        let authorizer = store.authorizer().unwrap();
        assert_eq!(after_refusal(&authorizer).await, None, "{url}");
        assert_eq!(authorizer.advice(), format!("sign in again ({problem})"), "{url}");
    }
    for url in ["https://auth.example/x", "http://[::1]:1/", "http://localhost:1/", " "] {
        let store = AuthStore::fixed(None, &env(url));
        assert_eq!(store.now().warnings, [""; 0], "{url}");
    }
    let store = AuthStore::fixed(None, &Environment::default());
    assert_eq!(store.now().warnings, [""; 0]);
}

/// During the refresh the user signs out, signs in as another user, or signs in again.
#[tokio::test]
async fn a_file_changed_during_a_refresh_is_not_overwritten() {
    let mut bob = chatgpt("at-b", "rt-b");
    bob["tokens"]["id_token"] = json!(id_token("bob", "account-123"));
    let cases = [(None, None), (Some(bob), None), (Some(chatgpt("at-9", "rt-9")), Some("at-9"))];
    for (change, expected) in cases {
        let server = endpoint(ok().set_delay(Duration::from_millis(300))).await;
        let home = Home::with(&chatgpt("at-1", "rt-1"));
        let store = home.store_with(&url(&server));
        let authorizer = store.authorizer().unwrap();
        let refreshing = tokio::spawn(async move { after_refusal(&authorizer).await });
        while requests(&server).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        match &change {
            Some(auth) => home.write(&auth.to_string()),
            None => assert_eq!(store.logout(), Ok(true)),
        }
        assert_eq!(refreshing.await.unwrap(), expected.map(sent), "{change:?}");
        assert_eq!(home.file().exists(), change.is_some());
        if let Some(auth) = change {
            assert_eq!(home.json(), auth);
        }
    }
}

/// A logout while the temporary file with the new tokens is written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_during_a_refresh_is_not_undone() {
    let server = endpoint(ok()).await;
    for _ in 0..20 {
        let mut auth = chatgpt("at-1", "rt-1");
        // Slow to write.
        auth["padding"] = json!("x".repeat(900 * 1024));
        let home = Home::with(&auth);
        let store = home.store_with(&url(&server));
        let authorizer = store.authorizer().unwrap();
        let folder = home.path().to_owned();
        let done = Arc::new(AtomicBool::new(false));
        let logout = tokio::task::spawn_blocking({
            let done = Arc::clone(&done);
            move || {
                while !is_being_written(&folder) && !done.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
                store.logout()
            }
        });
        after_refusal(&authorizer).await;
        done.store(true, Ordering::Relaxed);
        assert_eq!(logout.await.unwrap(), Ok(true));
        assert!(!home.file().exists(), "the credentials are back");
        assert!(authorizer.headers().await.is_err());
    }
}

/// Whether there is a non-empty file beside `auth.json`.
fn is_being_written(folder: &std::path::Path) -> bool {
    folder.read_dir().unwrap().flatten().any(|entry| {
        entry.file_name() != "auth.json" && entry.metadata().is_ok_and(|data| data.len() > 0)
    })
}

/// Without a disk, the application replaces the sign-in.
#[tokio::test]
async fn a_sign_in_replaced_during_a_refresh_is_not_overwritten() {
    let mut bob = chatgpt("at-b", "rt-b");
    bob["tokens"]["id_token"] = json!(id_token("bob", "account-123"));
    for change in [None, Some(bob.to_string())] {
        let server = endpoint(ok().set_delay(Duration::from_millis(200))).await;
        let auth = chatgpt("at-1", "rt-1").to_string();
        let store = AuthStore::fixed(Some(&auth), &env(&url(&server)));
        let authorizer = store.authorizer().unwrap();
        let refreshing = tokio::spawn(async move { after_refusal(&authorizer).await });
        while requests(&server).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        store.replace(change.clone());
        assert_eq!(refreshing.await.unwrap(), None);
        assert_eq!(*store.now(), *AuthStore::fixed(change.as_deref(), &env(&url(&server))).now());
    }
}

/// The request is cancelled, and the tokens are stored nevertheless.
#[tokio::test]
async fn a_cancelled_request_does_not_lose_the_new_tokens() {
    let server = endpoint(ok().set_delay(Duration::from_millis(200))).await;
    let home = Home::with(&chatgpt("at-1", "rt-1"));
    let authorizer = home.store_with(&url(&server)).authorizer().unwrap();
    let asking = after_refusal(&authorizer);
    assert!(tokio::time::timeout(Duration::from_millis(100), asking).await.is_err());
    assert_eq!(requests(&server).await.len(), 1);
    for _ in 0..200 {
        if home.json()["tokens"]["refresh_token"] == "rt-2" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the new tokens were lost");
}

#[cfg(unix)]
#[tokio::test]
async fn a_refresh_token_is_not_spent_if_the_file_cannot_be_written() {
    use crate::support::set_mode;
    let server = endpoint(ok()).await;
    let home = Home::with(&chatgpt("at-1", "rt-1"));
    let store = home.store_with(&url(&server));
    let authorizer = store.authorizer().unwrap();
    set_mode(home.path(), 0o500);
    if std::fs::write(home.path().join("probe"), "").is_ok() {
        // A missing folder, because root can write to every existing one.
        set_mode(home.path(), 0o700);
        return;
    }
    let next = after_refusal(&authorizer).await;
    set_mode(home.path(), 0o700);
    assert_eq!(next, None);
    assert!(authorizer.advice().contains("auth.json"), "{}", authorizer.advice());
    assert_eq!(requests(&server).await.len(), 0);
}
