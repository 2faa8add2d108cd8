//! Names for settings of a server that people carry over from other hosts, or abbreviate.

use super::spelling::squeezed;

/// Names, without separators and case, and the key of Codex that has the same meaning and form. They win over
/// the key that is spelled most alike: `cmd` is closer to `cwd` than to `command`.
const NAMES: [(&str, &str); 48] = [
    ("bin", "command"),
    ("cmd", "command"),
    ("exe", "command"),
    ("executable", "command"),
    ("program", "command"),
    ("arg", "args"),
    ("argslist", "args"),
    ("arguments", "args"),
    ("argv", "args"),
    ("cmdargs", "args"),
    ("commandargs", "args"),
    ("environment", "env"),
    ("environmentvariables", "env"),
    ("envs", "env"),
    ("envvariables", "env"),
    ("dir", "cwd"),
    ("directory", "cwd"),
    ("workdir", "cwd"),
    ("workingdir", "cwd"),
    ("workingdirectory", "cwd"),
    ("address", "url"),
    ("baseurl", "url"),
    ("endpoint", "url"),
    ("httpurl", "url"),
    ("serverurl", "url"),
    ("uri", "url"),
    ("customheaders", "http_headers"),
    ("header", "http_headers"),
    ("headers", "http_headers"),
    ("requestheaders", "http_headers"),
    ("envheaders", "env_http_headers"),
    ("headersenv", "env_http_headers"),
    ("headersfromenv", "env_http_headers"),
    ("authtokenenvvar", "bearer_token_env_var"),
    ("bearertokenenv", "bearer_token_env_var"),
    ("bearertokenvar", "bearer_token_env_var"),
    ("tokenenv", "bearer_token_env_var"),
    ("tokenenvvar", "bearer_token_env_var"),
    ("active", "enabled"),
    ("isenabled", "enabled"),
    ("allowedtools", "enabled_tools"),
    ("includetools", "enabled_tools"),
    ("blockedtools", "disabled_tools"),
    ("deniedtools", "disabled_tools"),
    ("disallowedtools", "disabled_tools"),
    ("excludetools", "disabled_tools"),
    ("startuptimeout", "startup_timeout_sec"),
    ("tooltimeout", "tool_timeout_sec"),
];

/// The key of a server that has this meaning.
pub(super) fn key(name: &str) -> Option<&'static str> {
    let name = squeezed(name);
    NAMES.iter().find(|(other, _)| *other == name).map(|(_, key)| *key)
}

/// What it means that Codex ignores a setting of a server that it has in another form, and what to write.
pub(super) fn advice(name: &str, text: Option<&str>) -> Option<(&'static str, &'static str)> {
    Some(match squeezed(name).as_str() {
        "disable" | "disabled" | "isdisabled" => {
            ("ignored, so this server is enabled", "to disable the server, write `enabled = false`")
        }
        "timeout" | "timeoutms" | "timeoutsec" | "timeoutsecs" | "timeoutseconds"
        | "requesttimeout" | "requesttimeoutms" => (
            "ignored, so the default timeouts apply",
            "write `startup_timeout_sec` or `tool_timeout_sec`, in seconds",
        ),
        "type" | "transport" | "transporttype" if text == Some("sse") => (
            "ignored: Codex has streamable HTTP alone, no SSE",
            "remove it, and write in `url` where the server speaks streamable HTTP",
        ),
        "type" | "transport" | "transporttype" => (
            "ignored",
            "remove it: a server with `url` is streamable HTTP, one with `command` is stdio",
        ),
        "alwaysallow" | "autoapprove" => (
            "ignored, so the default approval applies",
            "write `approval_mode = \"approve\"` in `[mcp_servers.NAME.tools.TOOL]`",
        ),
        "clientid" | "oauthclientid" => (
            "ignored, so Codex registers a client of its own",
            "write `client_id` below the header `[mcp_servers.NAME.oauth]`",
        ),
        "clientsecret" | "oauthclientsecret" => (
            "ignored",
            "write `client_secret`, beside `client_id`, below the header `[mcp_servers.NAME.oauth]`",
        ),
        "apikey" | "authtoken" | "bearer" | "token" => (
            "ignored, so requests do not carry it",
            "put the token into an environment variable, and name it in `bearer_token_env_var`",
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_listed_twice_or_has_two_meanings() {
        for (at, (name, key)) in NAMES.iter().enumerate() {
            assert_eq!(squeezed(name), *name);
            assert!(!NAMES.iter().skip(at + 1).any(|(other, _)| other == name), "{name}");
            assert!(advice(name, None).is_none() && squeezed(key) != *name, "{name}");
        }
    }
}
