//! The kinds of test servers: most answer MCP, some redirect to another origin, some offer OAuth.
//!
//! The kind depends on the case alone, so that a finding fails again when it is replayed and made
//! smaller. The URL of a server says its kind, because one server program plays them all.

use serde_json::{Value, json};

/// What a test server does besides answering MCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerKind {
    /// Nothing.
    Plain,
    /// It redirects each MCP request to another origin.
    Redirects,
    /// It has the metadata of an authorization server, which is at another origin.
    OffersOauth,
}

impl ServerKind {
    /// The kind of the Apps endpoint in a case with so many server entries.
    pub(super) fn of_apps(entries: usize) -> Self {
        match entries % 4 {
            1 => ServerKind::Redirects,
            2 => ServerKind::OffersOauth,
            _ => ServerKind::Plain,
        }
    }

    /// The kind of the server of an entry, by its number.
    pub(super) fn of_entry(number: usize) -> Self {
        match number % 4 {
            1 => ServerKind::OffersOauth,
            2 => ServerKind::Redirects,
            _ => ServerKind::Plain,
        }
    }

    /// The letter in the mark of a case that stands for the kind of its Apps endpoint.
    pub(super) fn letter(self) -> char {
        match self {
            ServerKind::Plain => 'p',
            ServerKind::Redirects => 'r',
            ServerKind::OffersOauth => 'o',
        }
    }

    pub(super) fn of_letter(letter: char) -> Self {
        let kinds = [ServerKind::Redirects, ServerKind::OffersOauth];
        kinds.into_iter().find(|kind| kind.letter() == letter).unwrap_or(ServerKind::Plain)
    }
}

/// A server of a case whose redirect or authorization server is at the other origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Apps,
    Entry(usize),
}

/// Why a host sent a request to the other origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Elsewhere {
    /// It followed the redirect of this server.
    Redirect(Owner),
    /// It asked the authorization server of this server.
    AuthorizationServer(Owner),
}

impl Elsewhere {
    /// The path after the mark of the case.
    pub(super) fn path(self) -> String {
        let (word, owner) = match self {
            Elsewhere::Redirect(owner) => ("redirect", owner),
            Elsewhere::AuthorizationServer(owner) => ("oauth", owner),
        };
        match owner {
            Owner::Apps => format!("/{word}/apps"),
            Owner::Entry(number) => format!("/{word}/{number}"),
        }
    }

    /// The reverse of [`path`](Self::path); there may be more after it.
    pub(super) fn of_path(path: &str) -> Option<Self> {
        let mut segments = path.strip_prefix('/')?.split(['/', '?']);
        let (word, owner) = (segments.next()?, segments.next()?);
        let owner = match owner {
            "apps" => Owner::Apps,
            number => Owner::Entry(number.parse().ok()?),
        };
        match word {
            "redirect" => Some(Elsewhere::Redirect(owner)),
            "oauth" => Some(Elsewhere::AuthorizationServer(owner)),
            _ => None,
        }
    }

    pub(super) fn owner(self) -> Owner {
        match self {
            Elsewhere::Redirect(owner) | Elsewhere::AuthorizationServer(owner) => owner,
        }
    }
}

/// The metadata of an authorization server (RFC 8414) that has all of its endpoints at `base`.
pub(super) fn metadata(issuer: &str, base: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "registration_endpoint": format!("{base}/register"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_whose_redirect_or_authorization_server_it_is() {
        for owner in [Owner::Apps, Owner::Entry(0), Owner::Entry(12)] {
            for why in [Elsewhere::Redirect(owner), Elsewhere::AuthorizationServer(owner)] {
                assert_eq!(Elsewhere::of_path(&why.path()), Some(why));
                assert_eq!(Elsewhere::of_path(&format!("{}/token?x", why.path())), Some(why));
            }
        }
        assert_eq!(Elsewhere::of_path("/"), None);
    }

    #[test]
    fn a_letter_stands_for_a_kind() {
        for kind in [ServerKind::Plain, ServerKind::Redirects, ServerKind::OffersOauth] {
            assert_eq!(ServerKind::of_letter(kind.letter()), kind);
        }
    }
}
