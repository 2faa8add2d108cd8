//! The rules about what keeps a server from starting: its command, its URL, and texts that are not what they
//! look like in the file.

use toml::de::DeValue;
use url::Url;

use super::finding::{Finding, Found};
use super::parsed::{Value, entries_of};
use super::recognised::has_variable;
use super::rule::Rule;
use super::server::Server;
use super::surroundings::Release;

const URL_FORM: &str = "write the whole URL, as in `https://docs.example/mcp`";
const NO_VARIABLES: &str = "write the whole URL: Codex replaces no variables in it";
const SPLIT: &str = "write the program in `command` and each argument in `args`, as in `command = \"npx\"`, \
                     `args = [\"-y\", \"docs-server\"]`";
const SINGLE_QUOTES: &str = "write the path in single quotes, as in 'C:\\tools\\node.exe'";

/// From here on, in seconds, a point in time is too late for the clock of the system.
const TOO_LATE: f64 = 9e18;

/// The first of the releases looked at that adds the timeout to the time of day, up to the newest.
const ADDS_TIMEOUT: Release = Release([0, 143, 0]);

/// Programs that start others, which documents of other hosts write with their arguments.
const STARTERS: [&str; 22] = [
    "bun", "bunx", "cargo", "cmd", "deno", "docker", "dotnet", "env", "go", "java", "node", "npm",
    "npx", "php", "pipx", "pnpm", "podman", "python", "python3", "ruby", "uv", "uvx",
];

/// The findings about the start of a server; `text` is that of the file.
pub(super) fn check(
    server: &Server<'_, '_>,
    text: &str,
    release: Option<Release>,
    found: &mut Found,
) {
    if !server.is_enabled() {
        return;
    }
    url(server, found);
    command(server, found);
    escapes(server, text, found);
    headers(server, found);
    timeout(server, release, found);
}

/// Whether Codex can connect to this URL.
pub(super) fn is_http(text: &str) -> bool {
    parsed(text).is_some()
}

fn parsed(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

fn url(server: &Server<'_, '_>, found: &mut Found) {
    let Some(entry) = server.get("url") else { return };
    let Some(text) = entry.text() else { return };
    let Some(url) = parsed(text) else {
        let message = "`url` is not an `http://` or `https://` URL".to_owned();
        let finding = server.about(Rule::UrlNotHttp, &entry, message);
        let help = if has_variable(text) { NO_VARIABLES } else { URL_FORM };
        found.push(finding.meaning("Codex cannot connect to this server").help(help));
        return;
    };
    if url.path().trim_end_matches('/').ends_with("/sse") {
        let finding = server.about(Rule::SseUrl, &entry, "`url` looks like that of SSE".to_owned());
        let meaning = "Codex sends streamable HTTP requests to it";
        let help = "write the URL that the server has for streamable HTTP, often with `/mcp` instead of `/sse`";
        found.push(finding.meaning(meaning).help(help));
    }
}

fn command(server: &Server<'_, '_>, found: &mut Found) {
    let Some(entry) = server.get("command") else { return };
    let Some(text) = entry.text() else { return };
    if text.trim().is_empty() {
        let finding = server.about(Rule::CommandLine, &entry, "`command` is empty".to_owned());
        found.push(finding.meaning("this server never starts").help("write the name of a program"));
        return;
    }
    let mut words = text.split_whitespace();
    let program = words.next().unwrap_or_default().rsplit(['/', '\\']).next().unwrap_or_default();
    let program =
        program.strip_suffix(".exe").or_else(|| program.strip_suffix(".cmd")).unwrap_or(program);
    let mut arguments = words.peekable();
    let has_arguments = arguments.peek().is_some();
    if has_arguments && (STARTERS.contains(&program) || arguments.any(|word| word.starts_with('-')))
    {
        let message = "`command` has a program and its arguments".to_owned();
        let finding = server.about(Rule::CommandLine, &entry, message);
        let meaning = "Codex looks for a program with this whole text as its name";
        found.push(finding.meaning(meaning).help(SPLIT));
    }
}

/// A Windows path whose backslashes made other characters, as `\t` makes a tab.
fn escapes(server: &Server<'_, '_>, text: &str, found: &mut Found) {
    let mut check = |value: &Value<'_>, key: String| {
        let Some(decoded) = value.get_ref().as_str() else { return };
        let raw = text.get(value.span()).unwrap_or_default();
        let is_path = raw.starts_with('"')
            && !raw.starts_with("\"\"\"")
            && raw
                .match_indices(":\\")
                .any(|(at, _)| !raw.get(at..).unwrap_or_default().starts_with(":\\\\"));
        if is_path && decoded.contains(char::is_control) {
            let message = "a backslash of this path makes another character".to_owned();
            let finding = Finding::new(Rule::EscapedPath, value.span(), message).at(key);
            let meaning = "Codex uses a path with a tab or a line break in it";
            found.push(finding.meaning(meaning).help(SINGLE_QUOTES));
        }
    };
    for key in ["command", "cwd"] {
        if let Some(entry) = server.get(key) {
            check(entry.value, server.path.with(key).to_string());
        }
    }
    if let Some(args) = server.get("args").and_then(|entry| entry.value.get_ref().as_array()) {
        let key = server.path.with("args").to_string();
        args.iter().for_each(|value| check(value, key.clone()));
    }
    for variable in entries_of(server.table, "env") {
        check(variable.value, server.path.with("env").with(variable.key).to_string());
    }
}

/// A name that no header can have. It is not shown: it may be a whole header with its value.
fn headers(server: &Server<'_, '_>, found: &mut Found) {
    for key in ["http_headers", "env_http_headers"] {
        for header in entries_of(server.table, key).filter(|header| !is_header_name(header.key)) {
            let message = format!("a name in `{key}` has a character that no header can have");
            let finding = Finding::new(Rule::HeaderName, header.key_span, message);
            let help = "write the name alone before the `=`: letters, digits and `-`";
            let finding = finding.at(server.path.with(key).to_string());
            found.push(finding.meaning("Codex does not send this header").help(help));
        }
    }
}

/// Whether the name of a header may be a whole header, with its value.
pub(super) fn is_whole_header(name: &str) -> bool {
    name.contains([':', '='])
}

/// Whether HTTP has headers of this name.
fn is_header_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(plain)
}

fn timeout(server: &Server<'_, '_>, release: Option<Release>, found: &mut Found) {
    for (key, unit) in [("startup_timeout_sec", 1.0), ("startup_timeout_ms", 1e-3)] {
        let Some(entry) = server.get(key) else { continue };
        let Some(number) = number(entry.value.get_ref()) else { continue };
        let help = "write how long the server may take to start, or remove the key";
        if number == 0.0 {
            let finding = server.about(Rule::UnusableTimeout, &entry, format!("`{key}` is 0"));
            found.push(finding.meaning("this server times out at once").help(help));
        }
        let adds = release.is_none_or(|release| release >= ADDS_TIMEOUT);
        if number * unit >= TOO_LATE && adds && server.get("url").is_some() {
            let message = format!("`{key}` is longer than the clock goes");
            let finding = server.about(Rule::UnusableTimeout, &entry, message);
            let meaning = "Codex stops with a panic when it connects, and does not answer";
            found.push(finding.meaning(meaning).help(help));
        }
    }
}

fn number(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Integer(number) => {
            Some(i64::from_str_radix(number.as_str(), number.radix()).ok()? as f64)
        }
        DeValue::Float(number) => number.as_str().parse().ok(),
        _ => None,
    }
}
