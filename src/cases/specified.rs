//! What the specification leaves open, and so no subject is asked.

use mcp_overlay_model::wide::Policy;
use mcp_overlay_model::{Case, Profile, Rule};

/// The approval modes of every profile.
const MODES: [&str; 3] = ["auto", "prompt", "approve"];

/// Whether the specification says what comes of a case in a profile.
#[must_use]
pub fn is_specified(case: &Case, profile: Profile) -> bool {
    let mut policies = case.plugins.iter().flat_map(|plugin| plugin.policy.values());
    policies.all(|policy| modes(policy).all(|mode| is_mode(mode, profile)))
        && selected_folders(case).all(|(root, folder)| {
            !is_drive_below_the_root(root, folder) && !is_open_uri(root) && !is_open_uri(folder)
        })
}

/// Rule `plugin.user-policy` says nothing of a mode that the profile does not know.
fn modes(policy: &Policy) -> impl Iterator<Item = &str> {
    let of_tools = policy.tools.values().filter_map(|tool| tool.approval_mode.as_deref());
    policy.default_tools_approval_mode.as_deref().into_iter().chain(of_tools)
}

fn is_mode(mode: &str, profile: Profile) -> bool {
    MODES.contains(&mode) || (mode == "writes" && profile.has(Rule::ServerApprovalWrites))
}

/// The roots of the selected plugins, and each with the folders of its servers.
fn selected_folders(case: &Case) -> impl Iterator<Item = (&str, &str)> {
    let selected = case.thread.iter().flat_map(|thread| &thread.selected_plugins);
    selected.flat_map(|plugin| {
        let folders = plugin.mcp_servers.values().filter_map(|entry| entry.get("cwd")?.as_str());
        std::iter::once("").chain(folders).map(|folder| (plugin.root.as_str(), folder))
    })
}

/// A first segment like `c:` below the root `/`: rule `selected.cwd-in-root`.
fn is_drive_below_the_root(root: &str, folder: &str) -> bool {
    let without_fixed = |path: &str| path.trim_start_matches(['/', '.']).to_owned();
    let first = without_fixed(folder);
    let is_drive = matches!(first.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    is_drive && root.starts_with('/') && without_fixed(root).is_empty()
}

/// A `file:` URI with a segment `.` or `..`, with `C|` for a drive, with an unusual host, or with a blank or a
/// control character: the same rule.
fn is_open_uri(text: &str) -> bool {
    let plain: String = text.chars().filter(|c| !c.is_control()).collect();
    let rest = match plain.trim_start().split_once(':') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("file") => rest,
        _ => return false,
    };
    if plain.trim_start() != text || has_open_host(rest) {
        return true;
    }
    let decoded = rest.to_ascii_lowercase().replace("%2e", ".").replace("%7c", "|");
    decoded.split(['/', '\\']).any(|segment| {
        let is_drive = matches!(segment.as_bytes(), [letter, b'|'] if letter.is_ascii_alphabetic());
        is_drive || matches!(segment, "." | "..")
    })
}

/// A host of other characters than lower-case letters, digits, dots and hyphens, and no drive.
fn has_open_host(rest: &str) -> bool {
    let rest = rest.replace('\\', "/");
    let host = rest.strip_prefix("//").and_then(|after| after.split('/').next());
    let host = host.unwrap_or_default();
    let is_drive = matches!(host.as_bytes(), [letter, b':'] if letter.is_ascii_alphabetic());
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    !is_drive && !host.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn case(value: Value) -> Case {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_mode_is_asked_only_where_it_is_one() {
        let [oldest, .., newest] = Profile::ALL;
        let of_mode = |mode: &str| {
            let policy = json!({"a": {"tools": {"t": {"approval_mode": mode}}}});
            case(json!({"plugins": [{"id": "p", "policy": policy}]}))
        };
        for (mode, expected) in
            [("auto", [true, true]), ("writes", [false, true]), ("a", [false, false])]
        {
            let found = [oldest, newest].map(|profile| is_specified(&of_mode(mode), profile));
            assert_eq!(found, expected, "{mode}");
        }
    }

    #[test]
    fn some_folders_are_not_asked() {
        for (root, folder, expected) in [
            ("/", "c:/", false),
            ("/", "/./C:\\x", false),
            ("/", "x/c:", true),
            ("/s", "c:/", true),
            ("C:\\", "c:\\", true),
            ("file:///s", "file:///s/%2E./x", false),
            ("file:///C|/s", "x", false),
            ("file:///s", "../x.", true),
        ] {
            let servers = json!({"a": {"command": "c", "cwd": folder}});
            let selected =
                json!([{"id": "s", "environment_id": "e", "root": root, "mcp_servers": servers}]);
            let asked = case(json!({"thread": {"selected_plugins": selected}}));
            assert_eq!(is_specified(&asked, asked.profile), expected, "{root} {folder}");
        }
    }
}
