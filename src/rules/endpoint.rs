//! The URL of the Apps server: `endpoint.*`.

use mcp_overlay_model::endpoint::{DEFAULT_BASE_URL, apps_url, override_path};
use mcp_overlay_model::{Answer, Case, Rule};
use serde_json::{Value, json};

use super::endpoint_faults;
use super::entry::{Entry, Fields, Reached, Rewrite, Step};
use super::fault::change::{features, with_base, with_feature, with_rest, with_url, written_base};
use super::fault::{Change, Fault};
use super::rewriting::{edit_base, path_override, write_override_as_table};

pub(super) const RULES: &[Entry] = &[
    Entry {
        reached: Reached::When(|situation| {
            situation.built(|apps| apps.host.path_override.is_some())
        }),
        rewrite: Some(Rewrite { step: Step::AppsServer, write: write_override_trimmed }),
        faults: &[
            Fault {
                name: "override-joined-with-double-slash",
                rule: Some(Rule::EndpointOverridePath),
                what: "an override's own slash comes after the one that joins",
                also: &[],
                change: Change::Answers(override_joined_with_double_slash),
            },
            endpoint_faults::OVERRIDE_RESOLVED,
            endpoint_faults::OVERRIDE_ENCODED,
            endpoint_faults::OVERRIDE_SLASH_TRIMMED,
        ],
        ..Entry::of(Rule::EndpointOverridePath)
    },
    Entry {
        faults: &[Fault {
            name: "empty-override-is-none",
            rule: Some(Rule::EndpointOverrideNotEmpty),
            what: "an override whose path is empty counts as no override",
            also: &[],
            change: Change::Reads(empty_override_is_none),
        }],
        ..Entry::of(Rule::EndpointOverrideNotEmpty)
    },
    Entry {
        reached: Reached::When(|situation| {
            situation.case.host.is_object() && situation.host("chatgpt_base_url").is_none()
        }),
        rewrite: Some(Rewrite { step: Step::AppsServer, write: write_base }),
        faults: &[Fault {
            name: "old-default-base",
            rule: Some(Rule::EndpointBaseDefault),
            what: "without a base it is that of chat.openai.com",
            also: &[],
            change: Change::Resolves(old_default_base),
        }],
        ..Entry::of(Rule::EndpointBaseDefault)
    },
    Entry {
        reached: Reached::When(|situation| {
            situation.built(|apps| {
                apps.host.base_url.ends_with('/') && apps.host.base_url != DEFAULT_BASE_URL
            })
        }),
        rewrite: Some(Rewrite { step: Step::AppsServer, write: trim_base }),
        faults: &[
            Fault {
                name: "base-keeps-trailing-slash",
                rule: Some(Rule::EndpointBaseTrimmed),
                what: "a written base that ends in a slash gives a URL with two in a row",
                also: &[],
                change: Change::Answers(|case, answer| {
                    let base = written_base(case)?;
                    let slashed = case.host.get("chatgpt_base_url")?.as_str()?.ends_with('/');
                    slashed
                        .then(|| with_rest(case, answer, base, |rest| format!("/{rest}")))
                        .flatten()
                }),
            },
            endpoint_faults::DEFAULT_PORT_DROPPED,
            endpoint_faults::HOST_LOWERED,
            endpoint_faults::SLASHES_COLLAPSED,
            endpoint_faults::DOT_SEGMENTS_RESOLVED,
            endpoint_faults::PERCENT_DECODED,
            endpoint_faults::ONE_SLASH_TRIMMED,
        ],
        ..Entry::of(Rule::EndpointBaseTrimmed)
    },
    Entry {
        reached: Reached::When(|situation| situation.host("chatgpt_base_url").is_some()),
        fields: Fields { of_host: &["host.chatgpt_base_url"], ..Fields::NONE },
        faults: &[
            Fault {
                name: "base-repaired",
                rule: Some(Rule::EndpointBaseValid),
                what: "userinfo, query, fragment and blanks of a base are dropped, not refused",
                also: &[],
                change: Change::Reads(base_repaired),
            },
            endpoint_faults::IPV6_REFUSED,
            endpoint_faults::UNDERSCORE_REFUSED,
            endpoint_faults::UPPER_CASE_SCHEME_REFUSED,
            endpoint_faults::EMPTY_PORT_REFUSED,
            endpoint_faults::PORT_RANGE_UNCHECKED,
            endpoint_faults::BAD_PERCENT_TAKEN,
            endpoint_faults::UNICODE_HOST_TAKEN,
        ],
        ..Entry::of(Rule::EndpointBaseValid)
    },
    Entry {
        reached: Reached::When(|situation| {
            situation.built(|apps| apps.depends_on(Rule::EndpointWholeHost))
        }),
        rewrite: Some(Rewrite {
            step: Step::AppsServer,
            write: |case| append_as_read(case, Rule::EndpointWholeHost),
        }),
        faults: &[
            Fault {
                name: "look-alike-host-trusted",
                rule: Some(Rule::EndpointWholeHost),
                what: "a host that begins like ChatGPT's is taken for it",
                also: &[],
                change: Change::Resolves(|case| {
                    let base = written_base(case)?;
                    let alike =
                        base.starts_with("https://chatgpt.com.") && !base.contains("/backend-api");
                    alike.then(|| with_base(case, format!("{base}/backend-api"))).flatten()
                }),
            },
            endpoint_faults::PORT_IS_ANOTHER_HOST,
        ],
        ..Entry::of(Rule::EndpointWholeHost)
    },
    Entry {
        reached: Reached::When(|situation| {
            situation.built(|apps| apps.depends_on(Rule::EndpointWholeSegments))
        }),
        rewrite: Some(Rewrite {
            step: Step::AppsServer,
            write: |case| append_as_read(case, Rule::EndpointWholeSegments),
        }),
        faults: &[
            Fault {
                name: "segments-compared-as-text",
                rule: Some(Rule::EndpointWholeSegments),
                what: "any path that has the text `/backend-api` in it has that segment",
                also: &[],
                change: Change::Answers(segments_compared_as_text),
            },
            endpoint_faults::SEGMENTS_IN_ANY_CASE,
        ],
        ..Entry::of(Rule::EndpointWholeSegments)
    },
    Entry {
        reached: Reached::When(|situation| {
            situation.built(|apps| apps.after_base.starts_with("/backend-api/"))
        }),
        rewrite: Some(Rewrite { step: Step::AppsServer, write: append_backend_api }),
        faults: &[
            Fault {
                name: "old-host-forgotten",
                rule: Some(Rule::EndpointChatgptHost),
                what: "chat.openai.com is taken for any other host",
                also: &[],
                change: Change::Answers(old_host_forgotten),
            },
            endpoint_faults::API_CODEX_SUFFICES,
            endpoint_faults::SUBDOMAIN_TRUSTED,
            endpoint_faults::PLAIN_HTTP_TRUSTED,
        ],
        ..Entry::of(Rule::EndpointChatgptHost)
    },
    Entry {
        reached: Reached::When(|situation| {
            situation.built(|apps| apps.after_base.starts_with("/api/codex/"))
        }),
        rewrite: Some(Rewrite { step: Step::AppsServer, write: append_api_codex }),
        faults: &[Fault {
            name: "other-host-without-api-codex",
            rule: Some(Rule::EndpointOtherHost),
            what: "a host that is not ChatGPT's gets no /api/codex",
            also: &[],
            change: Change::Answers(|case, answer| {
                with_rest(case, answer, written_base(case)?, |rest| {
                    rest.strip_prefix("/api/codex/").map_or(rest.into(), |path| format!("/{path}"))
                })
            }),
        }],
        ..Entry::of(Rule::EndpointOtherHost)
    },
    Entry {
        reached: Reached::When(|situation| {
            situation.built(|apps| apps.host.path_override.is_none())
        }),
        faults: &[Fault {
            name: "default-path-always-wham",
            rule: Some(Rule::EndpointDefaultPath),
            what: "the default path is wham/apps under /api/codex too",
            also: &[],
            change: Change::Answers(|case, answer| {
                let on = features(case).is_some_and(|f| f.contains_key("apps_mcp_path_override"));
                (!on).then(|| always_wham(case, answer)).flatten()
            }),
        }],
        ..Entry::of(Rule::EndpointDefaultPath)
    },
    Entry {
        succeeds: Some(Rule::EndpointDefaultPath),
        reached: Reached::When(|situation| situation.built(|apps| !apps.hosted)),
        faults: &[Fault {
            name: "legacy-path-always-wham",
            rule: Some(Rule::EndpointLegacyPath),
            what: "the legacy path is wham/apps under /api/codex too",
            also: &[],
            change: Change::Answers(always_wham),
        }],
        ..Entry::of(Rule::EndpointLegacyPath)
    },
];

/// What a URL library that means well makes of a base that is none.
fn base_repaired(case: &Case) -> Option<Case> {
    let written = case.host.get("chatgpt_base_url")?.as_str()?;
    let base = written.trim();
    let (scheme, rest) = base.split_once("://")?;
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    let repaired = format!("{scheme}://{host}{path}");
    (repaired != written).then(|| with_base(case, repaired)).flatten()
}

fn override_joined_with_double_slash(case: &Case, answer: &Answer) -> Option<Answer> {
    let written = features(case)?.get("apps_mcp_path_override")?;
    let path = written.get("path").and_then(Value::as_str).unwrap_or("/ps/mcp");
    let joined = path.trim_start_matches('/');
    if joined == path {
        return None;
    }
    with_url(case, answer, |url| {
        let base = url.strip_suffix(joined).filter(|base| base.ends_with('/'));
        base.map_or(url.into(), |base| format!("{base}{path}"))
    })
}

fn empty_override_is_none(case: &Case) -> Option<Case> {
    let written = features(case)?.get("apps_mcp_path_override")?;
    let is_empty = override_path(written.get("path")?.as_str()?).is_empty();
    let is_on = written.get("enabled").is_none_or(|enabled| *enabled == json!(true));
    let off = || with_feature(case, "apps_mcp_path_override", json!(false));
    (is_empty && is_on).then(off).flatten()
}

fn old_default_base(case: &Case) -> Option<Case> {
    let is_written = case.host.get("chatgpt_base_url").is_some_and(|base| !base.is_null());
    let old = || with_base(case, "https://chat.openai.com/backend-api/".into());
    (!is_written).then(old).flatten()
}

fn old_host_forgotten(case: &Case, answer: &Answer) -> Option<Answer> {
    let base = written_base(case).filter(|base| *base == "https://chat.openai.com")?;
    with_rest(case, answer, base, |rest| match rest.strip_prefix("/backend-api/") {
        Some("wham/apps") => "/api/codex/apps".into(),
        Some(path) => format!("/api/codex/{path}"),
        None => rest.into(),
    })
}

fn segments_compared_as_text(case: &Case, answer: &Answer) -> Option<Answer> {
    let base = written_base(case)?;
    let (_, after) = base.split_once("/backend-api")?;
    if after.is_empty() || after.starts_with('/') {
        return None;
    }
    with_rest(case, answer, base, |rest| match rest.strip_prefix("/api/codex/") {
        Some("apps") => "/wham/apps".into(),
        Some(path) => format!("/{path}"),
        // At ChatGPT the segment is appended as well.
        None => rest.strip_prefix("/backend-api").unwrap_or(rest).into(),
    })
}

fn always_wham(case: &Case, answer: &Answer) -> Option<Answer> {
    with_url(case, answer, |url| {
        let base = url.strip_suffix("/api/codex/apps");
        base.map_or(url.into(), |base| format!("{base}/api/codex/wham/apps"))
    })
}

fn write_override_trimmed(case: &mut Case) {
    write_override_as_table(case);
    if let Some(Value::String(path)) = path_override(case).and_then(|table| table.get_mut("path")) {
        *path = override_path(path).to_string();
    }
}

fn write_base(case: &mut Case) {
    edit_base(case, str::to_string);
}

fn trim_base(case: &mut Case) {
    edit_base(case, |base| base.trim_end_matches('/').to_string());
}

/// Writes the segment that the base gets, where it gets another one without this way of reading it.
fn append_as_read(case: &mut Case, reading: Rule) {
    let rules = case.profile.rules();
    edit_base(case, |base| {
        let trimmed = base.trim_end_matches('/');
        let url = apps_url(base, None, rules);
        let appended = ["/backend-api", "/api/codex"]
            .into_iter()
            .find(|segment| url.starts_with(&format!("{trimmed}{segment}/")));
        match appended {
            Some(segment) if url != apps_url(base, None, rules.without(reading)) => {
                format!("{trimmed}{segment}")
            }
            _ => base.to_string(),
        }
    });
}

fn append_backend_api(case: &mut Case) {
    edit_base(case, |base| format!("{}/backend-api", base.trim_end_matches('/')));
}

fn append_api_codex(case: &mut Case) {
    edit_base(case, |base| format!("{}/api/codex", base.trim_end_matches('/')));
}
