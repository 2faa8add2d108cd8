//! Faults of `endpoint.*`; the entries in `endpoint.rs` list them.
//!
//! Each reads or writes a URL as a library that is in wide use does.

use mcp_overlay_model::{Answer, Case, Rule};
use serde_json::Value;

use super::fault::change::{features, with_base, with_rest, with_url, written_base};
use super::fault::{Change, Fault};

/// A fault that writes the base otherwise.
const fn written(
    name: &'static str,
    what: &'static str,
    change: fn(&Case, &Answer) -> Option<Answer>,
) -> Fault {
    Fault::new(name, Rule::EndpointBaseTrimmed, what, Change::Answers(change))
}

/// A fault that takes an invalid base, or refuses a valid one.
const fn read(name: &'static str, what: &'static str, change: fn(&Case) -> Option<Case>) -> Fault {
    Fault::new(name, Rule::EndpointBaseValid, what, Change::Reads(change))
}

pub(super) const DEFAULT_PORT_DROPPED: Fault = written(
    "base-loses-its-default-port",
    "the default port of a base is dropped",
    |case, answer| {
        with_base_written(case, answer, |base| {
            let port = if base.scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
            let authority = base.authority.strip_suffix(port)?;
            Some(format!("{}://{authority}{}", base.scheme, base.path))
        })
    },
);

pub(super) const HOST_LOWERED: Fault =
    written("base-host-lowered", "the host of a base is written in lower case", |case, answer| {
        with_base_written(case, answer, |base| {
            let authority = base.authority.to_ascii_lowercase();
            Some(format!("{}://{authority}{}", base.scheme, base.path))
        })
    });

pub(super) const SLASHES_COLLAPSED: Fault = written(
    "base-slashes-collapsed",
    "several slashes in a row in the path of a base become one",
    |case, answer| {
        with_base_written(case, answer, |base| {
            let segments = base.path.split('/').filter(|segment| !segment.is_empty());
            let path: String = segments.map(|segment| format!("/{segment}")).collect();
            Some(format!("{}://{}{path}", base.scheme, base.authority))
        })
    },
);

pub(super) const DOT_SEGMENTS_RESOLVED: Fault = written(
    "base-dot-segments-resolved",
    "`.` and `..` in the path of a base are resolved",
    |case, answer| {
        with_base_written(case, answer, |base| {
            let path = without_dots(base.path);
            Some(format!("{}://{}{path}", base.scheme, base.authority))
        })
    },
);

pub(super) const PERCENT_DECODED: Fault = written(
    "base-percent-decoded",
    "percent-encodings of letters in the path of a base are decoded",
    |case, answer| {
        with_base_written(case, answer, |base| {
            let mut pieces = base.path.split('%');
            let first = pieces.next().unwrap_or_default().to_string();
            let path = pieces.fold(first, |path, piece| {
                let code = piece.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
                match code.map(char::from).filter(char::is_ascii_alphanumeric) {
                    Some(letter) => format!("{path}{letter}{}", piece.get(2..).unwrap_or_default()),
                    None => format!("{path}%{piece}"),
                }
            });
            Some(format!("{}://{}{path}", base.scheme, base.authority))
        })
    },
);

pub(super) const ONE_SLASH_TRIMMED: Fault = written(
    "base-loses-one-slash-only",
    "of several trailing slashes of a base one is dropped",
    |case, answer| {
        let whole = case.host.get("chatgpt_base_url")?.as_str()?;
        let base = whole.trim_end_matches('/');
        let rest = whole.strip_prefix(base)?.get(1..).filter(|rest| !rest.is_empty())?;
        with_rest(case, answer, base, |path| format!("{rest}{path}"))
    },
);

/// A pattern for host names.
pub(super) const IPV6_REFUSED: Fault =
    read("ipv6-base-refused", "a base whose host is an IPv6 address is refused", |case| {
        refused(case, |base| base.authority.starts_with('['))
    });

/// Java's `URI.getHost` has none for such a name.
pub(super) const UNDERSCORE_REFUSED: Fault = read(
    "base-with-underscore-refused",
    "a base whose host has an underscore is refused",
    |case| refused(case, |base| base.authority.contains('_')),
);

pub(super) const UPPER_CASE_SCHEME_REFUSED: Fault =
    read("upper-case-scheme-refused", "a base whose scheme has capitals is refused", |case| {
        refused(case, |base| base.scheme.bytes().any(|byte| byte.is_ascii_uppercase()))
    });

pub(super) const EMPTY_PORT_REFUSED: Fault =
    read("empty-port-refused", "a base with a colon and no port is refused", |case| {
        refused(case, |base| base.authority.ends_with(':'))
    });

/// Go's `url.Parse` looks at the digits alone.
pub(super) const PORT_RANGE_UNCHECKED: Fault =
    read("port-range-unchecked", "a base may have a port of more than 65535", |case| {
        taken(case, |base| {
            let (host, port) = base.authority.rsplit_once(':')?;
            let is_large = port.bytes().all(|byte| byte.is_ascii_digit())
                && port.trim_start_matches('0').len() > 4
                && port.parse::<u16>().is_err();
            is_large.then(|| format!("{}://{host}{}", base.scheme, base.path))
        })
    });

/// JavaScript's `URL` takes it.
pub(super) const BAD_PERCENT_TAKEN: Fault =
    read("bad-percent-encoding-taken", "a `%` in the path of a base may stand alone", |case| {
        taken(case, |base| {
            let path = base.path.replace('%', "");
            (path != base.path).then(|| format!("{}://{}{path}", base.scheme, base.authority))
        })
    });

/// JavaScript's `URL` maps it, Python's `urlparse` takes it.
pub(super) const UNICODE_HOST_TAKEN: Fault =
    read("letters-outside-ascii-in-host-taken", "the host of a base may be in Unicode", |case| {
        taken(case, |base| {
            let authority = base.authority.replace(|c: char| !c.is_ascii(), "x");
            (authority != base.authority)
                .then(|| format!("{}://{authority}{}", base.scheme, base.path))
        })
    });

pub(super) const SUBDOMAIN_TRUSTED: Fault = Fault::new(
    "subdomain-is-chatgpt",
    Rule::EndpointChatgptHost,
    "a subdomain of chatgpt.com is at ChatGPT",
    Change::Resolves(|case| {
        trusted(case, |base| {
            base.scheme.eq_ignore_ascii_case("https")
                && base.authority.to_ascii_lowercase().ends_with(".chatgpt.com")
        })
    }),
)
.also(&[Rule::EndpointWholeHost]);

pub(super) const PLAIN_HTTP_TRUSTED: Fault = Fault::new(
    "plain-http-is-chatgpt",
    Rule::EndpointChatgptHost,
    "`http://chatgpt.com` is at ChatGPT",
    Change::Resolves(|case| {
        trusted(case, |base| {
            base.scheme.eq_ignore_ascii_case("http")
                && base.authority.eq_ignore_ascii_case("chatgpt.com")
        })
    }),
)
.also(&[Rule::EndpointWholeHost]);

pub(super) const PORT_IS_ANOTHER_HOST: Fault = Fault::new(
    "chatgpt-with-port-is-another-host",
    Rule::EndpointWholeHost,
    "`chatgpt.com` with a port is not at ChatGPT",
    Change::Answers(|case, answer| {
        let base = written_base(case)?;
        let parts = Parts::of(base)?;
        let has_port = parts.authority.to_ascii_lowercase().starts_with("chatgpt.com:");
        has_port.then(|| without_backend_api(case, answer, base, "/api/codex")).flatten()
    }),
)
.also(&[Rule::EndpointChatgptHost]);

pub(super) const API_CODEX_SUFFICES: Fault = Fault::new(
    "api-codex-suffices-at-chatgpt",
    Rule::EndpointChatgptHost,
    "a base at ChatGPT that has api/codex gets no backend-api",
    Change::Answers(|case, answer| {
        let base = written_base(case)?;
        let has_api_codex = format!("{base}/").contains("/api/codex/");
        has_api_codex.then(|| without_backend_api(case, answer, base, "")).flatten()
    }),
);

pub(super) const SEGMENTS_IN_ANY_CASE: Fault = Fault::new(
    "segments-in-any-case",
    Rule::EndpointWholeSegments,
    "`/Backend-API` is the segment `backend-api`",
    Change::Answers(|case, answer| {
        let base = written_base(case)?;
        let mut segments = base.split('/').skip(3);
        let is_meant =
            |segment: &str| segment != "backend-api" && segment.eq_ignore_ascii_case("backend-api");
        segments.any(is_meant).then(|| {
            with_rest(case, answer, base, |rest| match rest.strip_prefix("/api/codex/") {
                Some("apps") => "/wham/apps".into(),
                Some(path) => format!("/{path}"),
                None => rest.strip_prefix("/backend-api").unwrap_or(rest).into(),
            })
        })?
    }),
)
.also(&[Rule::EndpointChatgptHost, Rule::EndpointOtherHost]);

pub(super) const OVERRIDE_RESOLVED: Fault = Fault::new(
    "override-dot-segments-resolved",
    Rule::EndpointOverridePath,
    "`.` and `..` in an override are resolved",
    Change::Answers(|case, answer| with_override_written(case, answer, without_dots)),
);

pub(super) const OVERRIDE_ENCODED: Fault = Fault::new(
    "override-percent-encoded",
    Rule::EndpointOverridePath,
    "blanks and `?` of an override are percent-encoded",
    Change::Answers(|case, answer| {
        with_override_written(case, answer, |path| path.replace(' ', "%20").replace('?', "%3F"))
    }),
);

pub(super) const OVERRIDE_SLASH_TRIMMED: Fault = Fault::new(
    "override-loses-its-last-slash",
    Rule::EndpointOverridePath,
    "trailing slashes of an override are dropped too",
    Change::Answers(|case, answer| {
        with_override_written(case, answer, |path| path.trim_end_matches('/').to_string())
    }),
);

/// A base that has a scheme, taken apart as RFC 3986 does.
struct Parts<'a> {
    scheme: &'a str,
    authority: &'a str,
    path: &'a str,
}

impl<'a> Parts<'a> {
    fn of(base: &'a str) -> Option<Self> {
        let (scheme, rest) = base.split_once("://")?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Some(Parts { scheme, authority, path })
    }
}

/// Writes the base otherwise in the Apps server's URL.
fn with_base_written(
    case: &Case,
    answer: &Answer,
    write: impl FnOnce(&Parts<'_>) -> Option<String>,
) -> Option<Answer> {
    let base = written_base(case)?;
    let other = write(&Parts::of(base)?).filter(|other| other != base)?;
    with_url(case, answer, |url| match url.strip_prefix(base) {
        Some(rest) => format!("{other}{rest}"),
        None => url.into(),
    })
}

/// A case whose base is no URL, where this one is refused.
fn refused(case: &Case, is_refused: impl FnOnce(&Parts<'_>) -> bool) -> Option<Case> {
    let written = case.host.get("chatgpt_base_url")?.as_str()?;
    let is_refused = Parts::of(written).is_some_and(|base| is_refused(&base));
    is_refused.then(|| with_base(case, "refused".into())).flatten()
}

/// A case whose base is without what makes it invalid.
fn taken(case: &Case, mend: impl FnOnce(&Parts<'_>) -> Option<String>) -> Option<Case> {
    let written = case.host.get("chatgpt_base_url")?.as_str()?;
    with_base(case, mend(&Parts::of(written)?)?)
}

/// A case whose base has the segment that it gets at ChatGPT.
fn trusted(case: &Case, is_trusted: impl FnOnce(&Parts<'_>) -> bool) -> Option<Case> {
    let base = written_base(case)?;
    let parts = Parts::of(base)?;
    let has_segment = parts.path.split('/').any(|segment| segment == "backend-api");
    (is_trusted(&parts) && !has_segment)
        .then(|| with_base(case, format!("{base}/backend-api")))
        .flatten()
}

/// The Apps server without the segment that its base gets at ChatGPT.
fn without_backend_api(case: &Case, answer: &Answer, base: &str, instead: &str) -> Option<Answer> {
    with_rest(case, answer, base, |rest| match rest.strip_prefix("/backend-api/") {
        Some("wham/apps") => format!("{instead}/apps"),
        Some(path) => format!("{instead}/{path}"),
        None => rest.into(),
    })
}

/// A path whose `.` and `..` are resolved, as far as they reach.
fn without_dots(path: &str) -> String {
    let mut resolved: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "." => {}
            ".." => drop(resolved.pop()),
            segment => resolved.push(segment),
        }
    }
    resolved.join("/")
}

/// Writes the path of the override otherwise, after its leading slashes.
fn with_override_written(
    case: &Case,
    answer: &Answer,
    write: impl FnOnce(&str) -> String,
) -> Option<Answer> {
    let written = features(case)?.get("apps_mcp_path_override")?;
    let path = written.get("path").and_then(Value::as_str)?.trim_start_matches('/');
    let other = write(path);
    if other == path || path.is_empty() {
        return None;
    }
    with_url(case, answer, |url| match url.strip_suffix(path).filter(|base| base.ends_with('/')) {
        Some(base) => format!("{base}{other}"),
        None => url.into(),
    })
}
