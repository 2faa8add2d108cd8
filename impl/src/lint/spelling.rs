//! Which of several names a misspelled one was meant to be.

/// Longer names are not compared.
pub(super) const MAX_COMPARED: usize = 64;

/// The known name that is closest to this one, and the number of mistakes between them.
pub(super) fn closest<'a>(
    name: &str,
    known: impl Iterator<Item = &'a str>,
) -> Option<(usize, &'a str)> {
    if name.len() > MAX_COMPARED {
        return None;
    }
    // As rustc: one mistake for every three characters.
    let most = (name.chars().count() / 3).clamp(1, 3);
    let distance = |known: &'a str| (strsim::osa_distance(name, known), known);
    known.map(distance).min().filter(|(nearest, _)| *nearest <= most)
}

/// A name without separators and case: `mcpServers` and `mcp-servers` are `mcp_servers`.
pub(super) fn squeezed(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}

/// The known name that was most likely meant, case aside.
#[must_use]
pub fn did_you_mean<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let small = name.to_lowercase();
    let known: Vec<&str> = known.collect();
    let same = known.iter().find(|known| known.to_lowercase() == small).copied();
    same.or_else(|| Some(closest(name, known.into_iter())?.1))
}
