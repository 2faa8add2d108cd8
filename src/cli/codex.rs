//! Which profile a release of Codex follows.

use mcp_overlay_model::Profile;

use super::console::complain;

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

/// The newest release that was looked at: the data of the linter is from it.
fn newest_seen() -> [u32; 3] {
    mcp_overlay_host::lint::newest_release().0
}

/// A release of Codex that a user names, and the profile that it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Release {
    pub(super) version: [u32; 3],
    pub(super) profile: Profile,
}

impl Release {
    /// Reads a version, such as `0.140.0`.
    pub(super) fn read(version: &str) -> Result<Self, String> {
        let version = numbers(version).ok_or("expected a version of Codex, such as 0.140.0")?;
        let since = |(first, _): &&([u32; 3], Profile)| *first <= version;
        let [(oldest, _), ..] = FIRST_SEEN;
        match FIRST_SEEN.iter().rfind(since) {
            Some((_, profile)) => Ok(Self { version, profile: *profile }),
            None => Err(format!("the oldest release that was looked at is {}", shown(oldest))),
        }
    }

    /// What to say of a release that is newer than those that were looked at.
    pub(super) fn note(self) -> Option<String> {
        (self.version > newest_seen()).then(|| {
            format!(
                "Codex {} is newer than any release that was looked at (the newest is {}); its rules are \
                 taken to be those of {}",
                shown(self.version),
                shown(newest_seen()),
                self.profile.name()
            )
        })
    }
}

/// The profile that `--profile` or `--codex` selects, else that of the newest release. Says so if the
/// release is not known.
pub(super) fn selected(profile: Option<Profile>, release: Option<Release>) -> Profile {
    if let Some(note) = release.and_then(Release::note) {
        complain("note", &note);
    }
    profile.or(release.map(|release| release.profile)).unwrap_or_else(newest)
}

/// The releases that follow a profile, such as `Codex 0.140.0 to 0.142`; `None` if no release does.
pub(super) fn releases_of(profile: Profile) -> Option<String> {
    let position = FIRST_SEEN.iter().position(|(_, known)| *known == profile)?;
    let (first, _) = FIRST_SEEN.get(position)?;
    Some(match FIRST_SEEN.get(position + 1) {
        Some((next, _)) => {
            format!("releases of Codex from {} to before {}", shown(*first), shown(*next))
        }
        None => format!("Codex {} and newer releases", shown(*first)),
    })
}

/// The first release that follows a profile, unless the newest does: then releases to come do too.
pub(super) fn first_of(profile: Profile) -> Option<[u32; 3]> {
    let position = FIRST_SEEN.iter().position(|(_, known)| *known == profile)?;
    let (first, _) = FIRST_SEEN.get(position)?;
    FIRST_SEEN.get(position + 1).map(|_| *first)
}

fn shown([major, minor, patch]: [u32; 3]) -> String {
    format!("{major}.{minor}.{patch}")
}

fn numbers(version: &str) -> Option<[u32; 3]> {
    let version = version.strip_prefix("rust-").unwrap_or(version);
    let version = version.strip_prefix('v').unwrap_or(version);
    let mut parts = version.split('.').map(|part| part.parse().ok());
    let numbers = [parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?];
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use mcp_overlay::rules::SEMANTICS;

    use super::*;

    fn of(version: &str) -> Result<Profile, String> {
        Release::read(version).map(|release| release.profile)
    }

    #[test]
    fn the_table_is_that_of_the_page() {
        let rows = SEMANTICS.lines().filter(|line| line.starts_with("| `codex-pr-"));
        let mut seen = Vec::new();
        for row in rows {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            let [profile, _, _, release] = cells[..] else { continue };
            if !release.is_empty() {
                let profile = profile.trim_matches('`');
                assert_eq!(of(release).map(Profile::name), Ok(profile));
                seen.push(profile);
            }
        }
        assert_eq!(seen, FIRST_SEEN.map(|(_, profile)| profile.name()));
        assert_eq!(newest(), Profile::NEWEST_RELEASED);
    }

    #[test]
    fn releases_between_follow_the_one_before() {
        assert_eq!(of("0.139.0"), Ok(Profile::CodexPr27191));
        assert_eq!(of("0.142.5"), Ok(Profile::CodexPr27414));
        assert_eq!(of("1.0"), Ok(newest()));
        assert_eq!(of("v0.139.0"), of("0.139.0"));
        assert_eq!(of("rust-v0.145.0"), Ok(Profile::CodexPr31803));
        assert!(of("0.137.9").is_err_and(|error| error.contains("0.138.0")));
        for wrong in ["", "0", "newest", "0.1.2.3", "0.-1"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_release_that_is_not_known_is_said_to_be() {
        let note = |version| Release::read(version).ok().and_then(Release::note);
        assert!(note("9.9.9").is_some_and(|note| note.contains("9.9.9 is newer")));
        assert_eq!(note("0.171.0"), None);
    }
}
