//! What is wrong with `config.toml`, shown as `mcp-overlay lint` shows it.

use std::io::Write as _;
use std::path::Path;

use mcp_overlay_host::files::read_text;
use mcp_overlay_host::host::CONFIG_FILE;
use mcp_overlay_host::lint::{Rule, Surroundings, lint};
use mcp_overlay_host::{Environment, MAX_CONFIG_BYTES, Profile};

use crate::cli::options::NEWEST_RELEASED;

/// Prints the findings about reading the file in this home. With overrides, which may repair a value,
/// those about keys alone. Returns whether Codex refuses the file because of one.
pub(super) fn print(home: &Path, env: &Environment, overridden: bool) -> bool {
    let path = home.join(CONFIG_FILE);
    // Whoever resolves the file says why it cannot be read.
    let Ok(text) = read_text(&path, MAX_CONFIG_BYTES) else { return false };
    let given = Surroundings { environment: env.clone(), ..Surroundings::default() };
    let is_value = |rule| matches!(rule, Rule::InvalidValue | Rule::AppsTimeoutOnly);
    let report = lint(&text, &given).only(|finding| {
        let rule = finding.rule;
        // An unknown setting of something else than servers is not this host's concern.
        let is_foreign = rule == Rule::UnknownKey && !is_of_servers(&finding.key);
        rule.is_about_reading() && !is_foreign && !(overridden && is_value(rule))
    });
    let file = path.display().to_string();
    // A closed standard error is no failure.
    let _ = write!(anstream::stderr(), "{}", report.in_terminal(&file));
    // Which words an older release refuses is not known here.
    let mut newer = Profile::ALL.into_iter().skip_while(|profile| *profile != NEWEST_RELEASED);
    newer.any(|profile| profile == env.profile())
        && report.findings().iter().any(|finding| finding.rule.refuses_the_file())
}

/// Whether a warning is about the text of the file in this home, so that a finding says the same.
pub(super) fn says(home: &Path, warning: &str) -> bool {
    let path = home.join(CONFIG_FILE).display().to_string();
    let placed = warning.strip_prefix(&path).or_else(|| warning.strip_prefix(CONFIG_FILE));
    // A place is `:LINE:COLUMN: `.
    let key = placed.and_then(|rest| rest.strip_prefix(':')?.split_once(": ")).map(|(_, key)| key);
    key.is_some_and(is_of_servers)
}

/// Whether a key is about servers, plugins or apps.
fn is_of_servers(key: &str) -> bool {
    ["mcp_servers", "plugins", "apps"].iter().any(|table| key.starts_with(table))
}
