//! What a text of the file is: a secret, a variable that is not replaced, or what a document left to fill in.
//!
//! A text is a secret because of its name (`API_KEY`, `--token`) or because it begins as tokens of a
//! well-known kind do. Other texts are not judged by how random they look: names of packages, workspaces
//! and commits do too.

use url::Url;

use super::words::{Strength, strength_of, words_of};

/// The beginnings of well-known kinds of tokens.
const TOKENS: [&str; 33] = [
    "sk-",
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xapp-",
    "eyJ",
    "AKIA",
    "ASIA",
    "AIza",
    "ya29.",
    "npm_",
    "pypi-",
    "hf_",
    "ATATT",
    "ntn_",
    "lin_api_",
    "figd_",
    "sbp_",
    "dop_v1_",
    "tvly-",
    "nvapi-",
    "gsk_",
    "sntryu_",
    "sntrys_",
];

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    /// Nothing that a rule is about.
    Plain,
    /// It has a variable in it, as a shell writes them.
    Variable,
    /// It stands where a secret belongs, and is none yet.
    Placeholder,
    Secret,
}

/// What the text of something with this name is.
pub(super) fn named(name: &str, text: &str) -> Text {
    let text = text.trim();
    if has_token(text) || has_password(text) || has_credentials(text) {
        return Text::Secret;
    }
    if has_variable(text) {
        return Text::Variable;
    }
    let words = words_of(name);
    let is_pin = words.iter().any(|word| word.starts_with("pass")) && is_number(text);
    if text.is_empty() || (is_setting(text) && !is_pin) {
        return Text::Plain;
    }
    match strength_of(&words) {
        Strength::Strong if is_placeholder(text) => Text::Placeholder,
        Strength::Strong => Text::Secret,
        Strength::Weak if is_random(text) => Text::Secret,
        _ => Text::Plain,
    }
}

/// What a text without a name is.
pub(super) fn alone(text: &str) -> Text {
    named("", text)
}

/// Whether a word is a token of a well-known kind.
pub(super) fn is_token(word: &str) -> bool {
    TOKENS.iter().any(|token| word.starts_with(token) && word.len() > token.len() + 8)
}

/// Whether a text has a token of a well-known kind, also inside JSON or a command line.
fn has_token(text: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let mut words = text.split(|c: char| !part(c));
    words.any(|word| {
        is_token(word) && !is_placeholder(word) && (has_digit(word) || is_access_key(word))
    })
}

/// Whether a word is an access key of AWS, which may have no digit.
fn is_access_key(word: &str) -> bool {
    let is_start = word.starts_with("AKIA") || word.starts_with("ASIA");
    is_start && word.len() == 20 && word.bytes().all(|b| b.is_ascii_uppercase())
}

/// Whether a text is what a header of the name `Authorization` has, whatever name it stands under.
fn has_credentials(text: &str) -> bool {
    let Some((scheme, value)) = text.split_once(' ') else { return false };
    let is_scheme = ["basic", "bearer"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    let value = value.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
    // A word of a sentence has neither.
    let later = value.get(1..).unwrap_or_default();
    let is_drawn = has_digit(value) || later.contains(|c: char| c.is_ascii_uppercase());
    let is_open = value.len() >= 8 && value.chars().all(plain) && is_drawn;
    is_scheme && is_open && !is_placeholder(value)
}

/// Whether a text is a URL or a connection string with a password in it.
fn has_password(text: &str) -> bool {
    let in_url = Url::parse(text).is_ok_and(|url| {
        url.password().is_some_and(|password| {
            let is_example = password == url.username() || is_placeholder(password);
            !is_example && !has_variable(password)
        })
    });
    // `Server=db;User Id=ada;Password=abc`
    let in_pairs = text.contains(';')
        && text.split(';').filter_map(|pair| pair.split_once('=')).any(|(name, value)| {
            let is_strong = strength_of(&words_of(name)) == Strength::Strong;
            is_strong && !value.is_empty() && !is_placeholder(value) && !has_variable(value)
        });
    in_url || in_pairs
}

/// Whether a text has `$NAME`, `${NAME}`, `{env:NAME}` or `%NAME%` in it.
pub(super) fn has_variable(text: &str) -> bool {
    let starts = text.match_indices(['$', '%', '{']);
    starts.map(|(at, _)| text.split_at_checked(at).unwrap_or_default()).any(|(before, from)| {
        let is_apart = !before.ends_with(|c: char| c.is_alphanumeric());
        if let Some(inner) = from.strip_prefix("${") {
            return until(inner, b'}').is_some_and(is_braced);
        }
        if let Some(inner) = from.strip_prefix("{env:") {
            return until(inner, b'}').is_some_and(is_name);
        }
        if let Some(name) = from.strip_prefix("%") {
            // `%E2%82%` is a part of a URL.
            return until(name, b'%').is_some_and(|name| name.len() > 2 && is_upper(name));
        }
        let Some(name) = from.strip_prefix('$') else { return false };
        let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
        let name = name.get(..end).unwrap_or_default();
        is_apart && name.len() > 1 && is_upper(name)
    })
}

/// The text before this character, which is not far: a file may have many beginnings without an end.
fn until(text: &str, end: u8) -> Option<&str> {
    const FAR: usize = 200;
    text.get(..text.bytes().take(FAR).position(|byte| byte == end)?)
}

/// The inside of `${…}`: `NAME`, `env:NAME`, `NAME:-default`.
fn is_braced(inner: &str) -> bool {
    let name = inner.strip_prefix("env:").or_else(|| inner.strip_prefix("input:")).unwrap_or(inner);
    let name = name.split_once(":-").map_or(name, |(name, _)| name);
    is_name(name)
}

/// Whether a text can be the name of a variable.
pub(super) fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && text.chars().all(plain)
}

fn is_upper(name: &str) -> bool {
    is_name(name) && !name.contains(|c: char| c.is_ascii_lowercase() || c == '-')
}

/// Words of documents for what a user has to fill in.
const TO_FILL_IN: [&str; 22] = [
    "your",
    "xxx",
    "...",
    "…",
    "***",
    "replace",
    "changeme",
    "change-me",
    "change_me",
    "example",
    "placeholder",
    "insert",
    "put-",
    "put_",
    "-here",
    "_here",
    "dummy",
    "redacted",
    "token_here",
    "my-api",
    "my_api",
    "<",
];

/// What documents write for a secret, as a whole.
const STANDS_FOR_ONE: [&str; 14] = [
    "token",
    "api-token",
    "api_token",
    "access_token",
    "secret",
    "password",
    "pass",
    "passwd",
    "key",
    "apikey",
    "api-key",
    "api_key",
    "todo",
    "tbd",
];

/// Whether a text is what a document has in the place of a secret.
fn is_placeholder(text: &str) -> bool {
    let small = text.to_lowercase();
    let value =
        ["bearer ", "basic ", "token "].iter().find_map(|scheme| small.strip_prefix(scheme));
    let value = value.unwrap_or(&small).trim();
    TO_FILL_IN.iter().any(|word| value.contains(word))
        || STANDS_FOR_ONE.contains(&value)
        || (value.starts_with(['[', '{']) && value.ends_with([']', '}']) && !value.contains('"'))
}

/// Whether a text is a path, a URL without a password, a number, a switch or a choice, whatever its name says.
fn is_setting(text: &str) -> bool {
    const CHOICES: [&str; 14] = [
        "true", "false", "yes", "no", "on", "off", "none", "null", "auto", "default", "env",
        "file", "keyring", "keychain",
    ];
    let small = text.to_ascii_lowercase();
    let bytes = text.as_bytes();
    let is_drive = bytes.get(1) == Some(&b':') && matches!(bytes.get(2), Some(b'\\' | b'/'));
    let is_path = text.starts_with(['/', '~', '.']) || text.starts_with("\\\\") || is_drive;
    // A reference of a secret manager, such as `op://vault/item/field`, is one too.
    let is_url = text.contains("://");
    CHOICES.contains(&small.as_str()) || is_path || is_url || is_number(text)
}

/// Whether a text is a number that is short enough for an amount.
fn is_number(text: &str) -> bool {
    text.len() <= 6 && text.parse::<f64>().is_ok()
}

/// Whether a text looks as if it was drawn by lot.
fn is_random(text: &str) -> bool {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '+' | '/' | '=');
    let has_letter = text.contains(|c: char| c.is_ascii_alphabetic());
    text.len() >= 16
        && text.chars().all(plain)
        && has_letter
        && has_digit(text)
        && !is_placeholder(text)
}

fn has_digit(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_recognised_by_its_name_or_its_beginning() {
        for (name, text) in [
            ("GITHUB_TOKEN", "abc"),
            ("OPENAI_API_KEY", "8f14e45f-ceea-467f-a1d2-0c1f2e3d4b5a"),
            ("DbPassword", "correct horse battery"),
            ("PASSCODE", "123456"),
            ("SEARCH_KEY", "0c1f2e3d4b5a69788796a5b4"),
            ("OPENAPI_HEADERS", "{\"Authorization\": \"Bearer ntn_0123456789abcdef\"}"),
            ("DATABASE_URL", "postgresql://ada:s3cr3t@db.example/app"),
            ("CONNECTION", "Server=db;User Id=ada;Password=s3cr3t"),
            ("", "ghp_0123456789abcdef"),
            ("Authorization", "Bearer abc"),
            ("X-Upstream", "Basic dXNlcjpwYXNz"),
            ("X-Upstream", "bearer 8f14e45fceea467f"),
            ("AWS_ACCESS_KEY_ID", "AKIAQWERTYUIOPASDFGH"),
        ] {
            assert_eq!(named(name, text), Text::Secret, "{name}");
        }
    }

    #[test]
    fn a_setting_is_no_secret_whatever_its_name_says() {
        for (name, text) in [
            ("GOOGLE_APPLICATION_CREDENTIALS", "/home/ada/key.json"),
            ("MAX_TOKENS", "25000"),
            ("TOKEN_LIMIT", "1000000"),
            ("DEFAULT_MINIMUM_TOKENS", "10000"),
            ("TOKENIZERS_PARALLELISM", "false"),
            ("TOKEN_URL", "https://login.example/token"),
            ("AUTH_MODE", "oauth"),
            ("JIRA_PROJECT_KEY", "DOCS"),
            ("SECRET_STORE", "vault"),
            ("API_KEY", "op://Private/search/credential"),
            ("SSH_KEY", "~/.ssh/id_ed25519"),
            ("PUBLIC_KEY", "MFkwEwYHKoZIzj0CAQYIKoZI"),
            ("WORKSPACE_ID", "8f14e45f-ceea-467f-a1d2-0c1f2e3d4b5a"),
            ("PWD", "work"),
            ("COOKIE_DOMAIN", "docs.acme"),
            ("PASSWORD_MANAGER", "1password"),
            ("PASSWORD_LENGTH", "16"),
            ("NO_AUTH", "1"),
            ("DATABASE_URL", "postgresql://postgres:postgres@localhost:5432/app"),
            ("DATABASE_URL", "postgresql://localhost/app"),
            ("", "@modelcontextprotocol/server-filesystem"),
            ("", "sk-learn-server"),
            ("NOTE", "Basic authentication"),
            ("", "Basic YOUR_TOKEN_HERE"),
            ("", "8f14e45fceea467fa1d20c1f2e3d4b5a"),
        ] {
            assert_eq!(named(name, text), Text::Plain, "{name} {text}");
        }
    }

    #[test]
    fn a_variable_and_a_placeholder_are_no_secrets() {
        for text in ["${TOKEN}", "$TOKEN", "Bearer ${env:TOKEN}", "${T:-x}", "{env:T}", "%TOKEN%"] {
            assert_eq!(named("API_KEY", text), Text::Variable, "{text}");
        }
        for text in ["pa$$w0rd", "5$", "^abc$", "a$B", "%E3%81%82", "$ref", "{}", "100%"] {
            assert!(!has_variable(text), "{text}");
        }
        for text in
            ["YOUR_API_KEY", "<token>", "sk-xxxxxxxxxxxx", "ghp_your_token_here0", "Bearer TOKEN"]
        {
            assert_eq!(named("API_KEY", text), Text::Placeholder, "{text}");
        }
    }
}
