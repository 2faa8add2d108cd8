//! The names of the kinds of auth.

use mcp_overlay_host::{Auth, UnknownAuth};

#[test]
fn every_auth_parses_from_its_word_only() {
    let words: Vec<&str> = Auth::ALL.into_iter().map(Auth::as_str).collect();
    let expected = [
        "api_key",
        "chatgpt",
        "chatgpt_auth_tokens",
        "agent_identity",
        "personal_access_token",
        "bedrock_api_key",
        "headers",
    ];
    assert_eq!(words, expected);
    for auth in Auth::ALL {
        assert_eq!(auth.as_str().parse(), Ok(auth));
    }
    for text in ["", "none", "API_KEY", "chatgpt "] {
        assert_eq!(text.parse::<Auth>(), Err(UnknownAuth), "{text:?}");
    }
}
