//! Which profile a release of Codex follows.

use mcp_overlay_model::Profile;

/// The first release seen with each profile, oldest first; the table in `docs/semantics.md`.
const FIRST_SEEN: [([u32; 3], Profile); 4] = [
    ([0, 138, 0], Profile::CodexPr27191),
    ([0, 140, 0], Profile::CodexPr27414),
    ([0, 143, 0], Profile::CodexPr29924),
    ([0, 145, 0], Profile::CodexPr31803),
];

/// The profile of the newest release.
pub(super) fn newest() -> Profile {
    let [.., (_, newest)] = FIRST_SEEN;
    newest
}

/// The profile that a release follows, by its version, such as `0.140.0`.
pub(super) fn profile_of(version: &str) -> Result<Profile, String> {
    let version = numbers(version).ok_or("expected a version of Codex, such as 0.140.0")?;
    let since = |(first, _): &&([u32; 3], Profile)| *first <= version;
    let [([major, minor, patch], _), ..] = FIRST_SEEN;
    FIRST_SEEN
        .iter()
        .rfind(since)
        .map(|(_, profile)| *profile)
        .ok_or_else(|| format!("the oldest release that was looked at is {major}.{minor}.{patch}"))
}

fn numbers(version: &str) -> Option<[u32; 3]> {
    let mut parts = version.trim_start_matches("rust-v").split('.').map(|part| part.parse().ok());
    let numbers = [parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?];
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use mcp_overlay::rules::SEMANTICS;

    use super::*;

    #[test]
    fn the_table_is_that_of_the_page() {
        let rows = SEMANTICS.lines().filter(|line| line.starts_with("| `codex-pr-"));
        let mut seen = Vec::new();
        for row in rows {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            let [profile, _, _, release] = cells[..] else { continue };
            if !release.is_empty() {
                let profile = profile.trim_matches('`');
                assert_eq!(profile_of(release).map(Profile::name), Ok(profile));
                seen.push(profile);
            }
        }
        assert_eq!(seen, FIRST_SEEN.map(|(_, profile)| profile.name()));
    }

    #[test]
    fn releases_between_follow_the_one_before() {
        assert_eq!(profile_of("0.139.0"), Ok(Profile::CodexPr27191));
        assert_eq!(profile_of("0.142.5"), Ok(Profile::CodexPr27414));
        assert_eq!(profile_of("1.0"), Ok(newest()));
        assert!(profile_of("0.137.9").is_err_and(|error| error.contains("0.138.0")));
        for wrong in ["", "0", "newest", "0.1.2.3", "0.-1"] {
            assert!(profile_of(wrong).is_err(), "{wrong}");
        }
    }
}
