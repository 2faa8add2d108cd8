//! URLs that are at ChatGPT's origin for the WHATWG URL standard, and URLs that only look so.

use mcp_overlay_model::origin::is_chatgpt_origin;

#[test]
fn these_are_at_chatgpts_origin() {
    for url in [
        "https://chatgpt.com",
        "https://chatgpt.com/",
        "HTTPS://ChatGPT.com:443/x",
        "https://chatgpt.com:0443/x",
        "https://chatgpt.com:/x",
        "https://user:pw@chatgpt.com?q#f",
        "https://a@b@chatgpt.com",
        "https:chatgpt.com",
        "https:/chatgpt.com",
        "https:\\\\chatgpt.com\\x",
        "https:////chatgpt.com",
        "https://chatgpt.com\\@evil.example/",
        " \thttps://chat\ngpt.com \u{1f}",
        "https://chatgpt%2Ecom",
        "https://\u{ff43}hatgpt.com",
        "https://chatgpt\u{3002}com",
        "https://chat\u{ad}gpt.com",
    ] {
        assert!(is_chatgpt_origin(url), "{url:?}");
    }
}

#[test]
fn these_are_not() {
    for url in [
        "",
        "chatgpt.com",
        "//chatgpt.com",
        "http://chatgpt.com",
        "http://chatgpt.com:443",
        "wss://chatgpt.com",
        "https://chatgpt.com:8443",
        "https://chatgpt.com:4430",
        "https://chatgpt.com:+443",
        "https://chatgpt.com:443x",
        "https://chatgpt.com.",
        "https://chatgpt.com.example.net",
        "https://chatgpt.com@evil.example/",
        "https://evil.example/chatgpt.com",
        "https://evil.example\\@chatgpt.com",
        "https://evil.example#@chatgpt.com",
        "https://chat.openai.com",
        "https://[chatgpt.com]",
        "https://chatgpt%252Ecom",
        "https://chatgpt.com%00",
        "https://ch\u{430}tgpt.com",
        "h ttps://chatgpt.com",
        "\u{a0}https://chatgpt.com",
    ] {
        assert!(!is_chatgpt_origin(url), "{url:?}");
    }
}
