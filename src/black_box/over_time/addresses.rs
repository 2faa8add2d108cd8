//! The addresses of a sequence's servers: a URL of the sequence becomes one of the checker, with the
//! same slashes at the end of its path and the same query.

use std::collections::BTreeSet;

use mcp_overlay_model::CODEX_APPS;

use super::model_provider::MODEL;
use super::target::{ELSEWHERE, Origin, Target};
use crate::black_box::narrow::LOOPBACK;
use crate::subject::MODEL_PROVIDER;

/// The servers of the configs so far.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    /// The URLs without what follows the path, and the commands. An address has its position.
    bases: Vec<String>,
    /// The URLs and commands, whole.
    known: BTreeSet<String>,
}

impl Addresses {
    /// The path of the server at this URL or of this command, which the sequence may name later.
    pub(super) fn path_of(&mut self, server: &str) -> String {
        let (base, rest) = parts(server);
        self.known.insert(server.into());
        let known = self.bases.iter().position(|known| known == base);
        let number = known.unwrap_or_else(|| {
            self.bases.push(base.into());
            self.bases.len() - 1
        });
        format!("/{number}{rest}")
    }

    /// The addresses of a server: `codex_apps`, or a URL of the sequence. The path of the Apps server
    /// is the host's, so every path of that origin is its address.
    pub(super) fn targets_of(&self, server: &str) -> Vec<Target> {
        if server == CODEX_APPS {
            return vec![(Origin::Apps, String::new())];
        }
        let (base, rest) = parts(server);
        let number = self.bases.iter().position(|known| known == base);
        let path = number.map(|number| format!("/{number}{rest}"));
        path.map(|path| (Origin::Servers, path)).into_iter().collect()
    }

    /// The URL or command of the server at this address.
    pub(super) fn url_of(&self, (origin, path): &Target) -> String {
        match origin {
            // Not the query, which could hold a secret.
            Origin::Elsewhere => ELSEWHERE.into(),
            _ if path.starts_with(MODEL) => MODEL_PROVIDER.into(),
            Origin::Apps => format!("{LOOPBACK}{}", path.split('?').next().unwrap_or_default()),
            Origin::Servers => {
                let after = path.trim_start_matches('/');
                let end = after.find(['/', '?']).unwrap_or(after.len());
                let (number, rest) = after.split_at_checked(end).unwrap_or((after, ""));
                let number = number.parse::<usize>().ok();
                match number.and_then(|number| self.bases.get(number)) {
                    Some(base) => self.below(base, rest),
                    None => "an unknown address".into(),
                }
            }
        }
    }

    fn below(&self, base: &str, rest: &str) -> String {
        let whole = format!("{base}{rest}");
        let has_base = |known: &&String| parts(known).0 == base;
        if self.known.contains(&whole) {
            return whole;
        }
        match rest.starts_with("/.well-known") || rest.starts_with("/token") {
            // What a server says about itself is below its URL.
            true => self.known.iter().find(has_base).cloned().unwrap_or(whole),
            false => format!("{base}{}", rest.split('?').next().unwrap_or_default()),
        }
    }
}

/// A URL up to the slashes at the end of its path, and the rest; a command is whole.
fn parts(server: &str) -> (&str, &str) {
    // No client sends a fragment, so such a URL has a number of its own.
    if !server.contains("://") || server.contains('#') {
        return (server, "");
    }
    let path = server.find('?').unwrap_or(server.len());
    let before = server.get(..path).unwrap_or(server);
    let end = before.trim_end_matches('/').len();
    server.split_at_checked(end).unwrap_or((server, ""))
}

#[cfg(test)]
mod tests {
    use super::{Addresses, Origin};

    #[test]
    fn an_address_keeps_what_follows_the_path() {
        let mut addresses = Addresses::default();
        for (url, path) in [
            ("https://one.example/mcp", "/0"),
            ("https://one.example/mcp/", "/0/"),
            ("https://one.example/mcp?v=2", "/0?v=2"),
            ("https://two.example", "/1"),
            ("a-command", "/2"),
        ] {
            assert_eq!(addresses.path_of(url), path);
            assert_eq!(addresses.url_of(&(Origin::Servers, path.into())), url);
        }
        let known = |path: &str| addresses.url_of(&(Origin::Servers, path.into()));
        assert_eq!(known("/1/"), "https://two.example/");
        assert_eq!(known("/1?token=t"), "https://two.example");
        assert_eq!(known("/7"), "an unknown address");
    }
}
