//! Subjects that are broken in one known place each.

use std::collections::BTreeSet;
use std::sync::Arc;

use mcp_overlay::subject::{ProductionSubject, Subject};
use mcp_overlay_model::{
    Answer, Auth, CODEX_APPS, Case, ContributorKind, Outcome, Plugin, ServerView, Views, resolve,
};
use serde_json::{Map, Value, json};

/// The production implementation with one thing broken.
pub(crate) struct Broken {
    name: &'static str,
    answer: fn(&Case) -> Answer,
    /// The rule that it breaks, then others that a minimal case of the same break may show.
    pub(crate) rules: &'static [&'static str],
}

impl Subject for Broken {
    fn name(&self) -> &str {
        self.name
    }

    fn resolve(&self, case: &Case) -> Answer {
        (self.answer)(case)
    }
}

/// The answer to another case than the one that was asked; a rejection stays as it is.
fn asked_otherwise(case: &Case, change: impl FnOnce(&mut Case)) -> Answer {
    let answer = ProductionSubject.resolve(case);
    if matches!(answer, Answer::Rejected { .. }) {
        return answer;
    }
    let mut case = case.clone();
    change(&mut case);
    ProductionSubject.resolve(&case)
}

/// The right answer with its views changed.
fn answered_otherwise(case: &Case, change: impl FnOnce(&mut Views)) -> Answer {
    let mut answer = ProductionSubject.resolve(case);
    if let Answer::Resolved { views, .. } = &mut answer {
        change(views);
    }
    answer
}

/// A server with `change` made to it.
fn changed(server: &Arc<Value>, change: impl FnOnce(&mut Map<String, Value>)) -> Arc<Value> {
    let mut server = server.as_object().cloned().unwrap_or_default();
    change(&mut server);
    Arc::new(Value::Object(server))
}

/// A server of a name that no case has.
fn invent(view: &mut ServerView) {
    view.insert("invented".into(), Arc::new(json!({"command": "srv"})));
}

fn is_disabled(server: &Value) -> bool {
    server["enabled"] == json!(false)
}

/// Puts into `view` what `keep` says of the servers that another view holds.
fn put_back(view: &mut ServerView, from: &ServerView, keep: impl Fn(&str) -> bool) {
    for (name, server) in from {
        if keep(name) && !view.contains_key(name) {
            view.insert(name.clone(), server.clone());
        }
    }
}

pub(crate) const BROKEN: [Broken; 22] = [
    Broken {
        name: "re-adds removed names",
        answer: |case| {
            answered_otherwise(case, |views| {
                let configured = views.configured.clone();
                put_back(&mut views.runtime, &configured, |name| name != CODEX_APPS);
                put_back(&mut views.effective, &configured, |name| name != CODEX_APPS);
            })
        },
        rules: &["overlay.remove-deletes", "overlay.last-wins", "contribution.order"],
    },
    Broken {
        name: "ignores the gate",
        answer: |case| {
            answered_otherwise(case, |views| {
                let runtime = views.runtime.clone();
                put_back(&mut views.effective, &runtime, |name| name == CODEX_APPS);
            })
        },
        rules: &["gate.closed-removes"],
    },
    Broken {
        name: "lets API keys through",
        answer: |case| {
            asked_otherwise(case, |case| {
                if case.auth == Some(Auth::ApiKey) {
                    case.auth = Some(Auth::ChatGpt);
                }
            })
        },
        rules: &["gate.open"],
    },
    Broken {
        name: "knows no agent identity",
        answer: |case| {
            asked_otherwise(case, |case| {
                case.auth = case.auth.filter(|auth| *auth != Auth::AgentIdentity);
            })
        },
        rules: &["gate.open"],
    },
    Broken {
        name: "asks contributors by id",
        answer: |case| {
            asked_otherwise(case, |case| case.contributors.sort_by(|a, b| a.id.cmp(&b.id)))
        },
        rules: &["contribution.order"],
    },
    Broken {
        name: "keeps the first of a list",
        answer: |case| {
            asked_otherwise(case, |case| {
                for contributor in &mut case.contributors {
                    if let ContributorKind::Scripted(list) = &mut contributor.kind {
                        let mut seen = BTreeSet::new();
                        list.retain(|contribution| seen.insert(contribution.name().to_string()));
                    }
                }
            })
        },
        rules: &["overlay.last-wins"],
    },
    Broken {
        name: "merges fields",
        answer: |case| {
            answered_otherwise(case, |views| {
                for (name, before) in &views.configured {
                    for view in [&mut views.runtime, &mut views.effective] {
                        if name != CODEX_APPS
                            && let Some(server) = view.get_mut(name)
                        {
                            *server = changed(server, |server| {
                                for (field, value) in before.as_object().into_iter().flatten() {
                                    server.entry(field.clone()).or_insert(value.clone());
                                }
                            });
                        }
                    }
                }
            })
        },
        rules: &["overlay.set-replaces-whole", "overlay.last-wins", "contribution.order"],
    },
    Broken {
        name: "keeps disabled servers disabled",
        answer: |case| {
            answered_otherwise(case, |views| {
                for (name, before) in &views.configured {
                    if let Some(server) = views.runtime.get_mut(name)
                        && is_disabled(before)
                    {
                        *server = changed(server, |server| {
                            server.insert("enabled".into(), json!(false));
                        });
                    }
                }
            })
        },
        rules: &[
            "overlay.set-replaces-whole",
            "apps-server.shape",
            "overlay.last-wins",
            "contribution.order",
        ],
    },
    Broken {
        name: "drops the SKU header",
        answer: |case| {
            asked_otherwise(case, |case| {
                if let Value::Object(host) = &mut case.host {
                    host.remove("apps_mcp_product_sku");
                }
            })
        },
        rules: &["apps-server.sku-header"],
    },
    Broken {
        name: "takes a blank token for one",
        answer: |case| {
            asked_otherwise(case, |case| {
                let token = case.host.pointer_mut("/env/CODEX_CONNECTORS_TOKEN");
                if let Some(token) = token.filter(|token| token.is_string()) {
                    *token = json!("token");
                }
            })
        },
        rules: &["apps-server.bearer-env"],
    },
    Broken {
        name: "trusts hosts that begin like ChatGPT's",
        answer: |case| {
            asked_otherwise(case, |case| {
                let Some(Value::String(base)) = case.host.get_mut("chatgpt_base_url") else {
                    return;
                };
                if base.starts_with("https://chatgpt.com.") && !base.contains("/backend-api") {
                    *base = format!("{}/backend-api", base.trim_end_matches('/'));
                }
            })
        },
        rules: &["endpoint.chatgpt-host"],
    },
    Broken {
        name: "lets the last plugin win",
        answer: |case| asked_otherwise(case, |case| case.plugins.reverse()),
        rules: &["configured.first-plugin-wins"],
    },
    Broken {
        name: "takes inactive plugins for active",
        answer: |case| {
            asked_otherwise(case, |case| {
                case.plugins.iter_mut().for_each(|plugin| plugin.active = true);
            })
        },
        rules: &["configured.inactive-plugin-ignored", "configured.first-plugin-wins"],
    },
    Broken {
        name: "drops a plugin with an invalid server",
        answer: |case| {
            asked_otherwise(case, |case| {
                let valid = |plugin: &Plugin| {
                    let mut servers = plugin.mcp_servers.values();
                    servers.all(|entry| mcp_overlay_model::server::read(entry).is_ok())
                };
                case.plugins.retain(valid);
            })
        },
        rules: &["configured.invalid-plugin-server-dropped"],
    },
    Broken {
        name: "drops disabled servers from effective",
        answer: |case| {
            answered_otherwise(case, |views| {
                views.effective.retain(|_, server| !is_disabled(server));
            })
        },
        rules: &["effective.others-pass", "gate.never-synthesizes"],
    },
    Broken {
        name: "loads the legacy server into silence that was broken",
        answer: |case| {
            let mut quiet = case.clone();
            quiet.contributors = Vec::new();
            let legacy = ProductionSubject.resolve(&quiet);
            answered_otherwise(case, |views| {
                if let Answer::Resolved { views: legacy, .. } = &legacy {
                    put_back(&mut views.effective, &legacy.effective, |name| name == CODEX_APPS);
                }
            })
        },
        rules: &["legacy.only-when-silent"],
    },
    Broken {
        name: "has the hosted contributor wait for a login",
        answer: |case| {
            asked_otherwise(case, |case| {
                if case.auth.is_none() {
                    case.contributors.retain(|c| c.kind != ContributorKind::HostedApps);
                }
            })
        },
        rules: &["hosted.always-speaks"],
    },
    Broken {
        name: "names the largest invalid place",
        answer: |case| match resolve(case) {
            Outcome::Rejected(mut places) => {
                places.reverse();
                Outcome::Rejected(places).answer()
            }
            resolved => resolved.answer(),
        },
        rules: &["rejection.smallest-path"],
    },
    Broken {
        name: "invents a configured server",
        answer: |case| answered_otherwise(case, |views| invent(&mut views.configured)),
        rules: &["configured.union"],
    },
    Broken {
        name: "invents a running server",
        answer: |case| answered_otherwise(case, |views| invent(&mut views.runtime)),
        rules: &["runtime.is-overlaid-configured"],
    },
    Broken {
        name: "invents an effective server",
        answer: |case| answered_otherwise(case, |views| invent(&mut views.effective)),
        rules: &["effective.others-pass"],
    },
    Broken {
        name: "forgets whose servers it has",
        answer: |case| {
            let mut answer = ProductionSubject.resolve(case);
            if let Answer::Resolved { plugin_owners, .. } = &mut answer {
                plugin_owners.clear();
            }
            answer
        },
        rules: &["configured.owners-exact"],
    },
];
