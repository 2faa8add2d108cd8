//! The words of a name, and whether they say that its value is a secret.

/// How sure a name makes that its value is a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strength {
    /// It says nothing of the kind.
    None,
    /// The value is one if it looks as if it was drawn by lot.
    Weak,
    /// Whatever the value is.
    Strong,
}

/// The words of `API_KEY`, `--api-key` or `apiKey`, in small letters.
pub(super) fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for c in name.chars() {
        let is_upper = c.is_ascii_uppercase();
        if !c.is_alphanumeric() || (is_upper && was_small) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
        was_small = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Words that name a secret, wherever they are.
const SECRETS: [&str; 16] = [
    "apikey",
    "apitoken",
    "accesskey",
    "accesstoken",
    "authtoken",
    "authorization",
    "bearer",
    "cookie",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "secretkey",
    "token",
];

/// What a key is that is a secret.
const KEYS: [&str; 15] = [
    "access",
    "account",
    "admin",
    "api",
    "app",
    "auth",
    "encryption",
    "license",
    "master",
    "private",
    "secret",
    "service",
    "signing",
    "subscription",
    "x",
];

/// Last words of names of what belongs to a secret, and is none.
const ABOUT_ONE: [&str; 65] = [
    "address",
    "age",
    "algorithm",
    "audience",
    "budget",
    "cache",
    "command",
    "count",
    "dir",
    "directory",
    "disabled",
    "domain",
    "email",
    "enabled",
    "endpoint",
    "env",
    "expires",
    "expiry",
    "field",
    "file",
    "folder",
    "format",
    "header",
    "helper",
    "host",
    "id",
    "ids",
    "issuer",
    "jar",
    "kind",
    "label",
    "length",
    "lifetime",
    "limit",
    "location",
    "manager",
    "method",
    "mode",
    "name",
    "param",
    "path",
    "pattern",
    "period",
    "policy",
    "port",
    "prefix",
    "provider",
    "region",
    "scope",
    "scopes",
    "size",
    "source",
    "storage",
    "store",
    "suffix",
    "symbol",
    "timeout",
    "ttl",
    "type",
    "uri",
    "url",
    "user",
    "username",
    "var",
    "version",
];

/// First words of names of switches and limits.
const SWITCHES: [&str; 10] =
    ["allow", "disable", "enable", "has", "is", "max", "min", "no", "require", "skip"];

/// How sure these words make that a value is a secret.
pub(super) fn strength_of(words: &[String]) -> Strength {
    let [.., last] = words else { return Strength::None };
    let last = last.as_str();
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
    let is_switch = words.first().is_some_and(|first| SWITCHES.contains(&first.as_str()));
    if ABOUT_ONE.contains(&last) {
        return Strength::None;
    }
    if (is_switch && words.len() > 1) || has(&["public", "publishable"]) {
        return Strength::None;
    }
    let before_last = words.len().checked_sub(2).and_then(|at| words.get(at));
    let is_key = last == "key" && before_last.is_some_and(|word| KEYS.contains(&word.as_str()));
    let is_short = words.len() > 1 && matches!(last, "pwd" | "pw" | "pat" | "pass");
    if has(&SECRETS) || is_key || is_short || last == "secrets" {
        return Strength::Strong;
    }
    if matches!(last, "key" | "auth" | "credential" | "credentials" | "jwt" | "pass" | "pat") {
        Strength::Weak
    } else {
        Strength::None
    }
}
