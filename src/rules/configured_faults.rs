//! Faults of `configured.*` and `owners.*`; the entries in `configured.rs` list them. A comment names
//! the public report in which such a mistake was seen.

use std::collections::{BTreeMap, BTreeSet};

use mcp_overlay_model::{Answer, CODEX_APPS, Case, Plugin, PluginOwners, Rule};
use serde_json::{Value, json};

use super::fault::change::{edited, host_entries, is_disabled, is_valid};
use super::fault::reading::{with_names, without_names};
use super::fault::{Change, Fault};

const fn named(name: &'static str, what: &'static str, change: fn(&Case) -> Option<Case>) -> Fault {
    Fault::new(name, Rule::ConfiguredUnion, what, Change::Resolves(change))
}

pub(super) const NAMES_TRIMMED: Fault =
    named("names-trimmed", "names of configured servers lose blanks around them", |case| {
        with_names(case, |name| name.trim().to_string())
    });

// dyoshikawa/rulesync#2219 lowers them on purpose.
pub(super) const NAMES_LOWERED: Fault =
    named("names-lowered", "names of configured servers are written in lower case", |case| {
        with_names(case, |name| {
            let lower = name.to_lowercase();
            // The reserved name is looked for before.
            if lower == CODEX_APPS { name.to_string() } else { lower }
        })
    });

// danny-avila/LibreChat#7421, zed-industries/codex-acp#174; Hmbown/Codewhale#4729: names collide.
pub(super) const NAMES_SANITISED: Fault = named(
    "names-sanitised",
    "in names of configured servers `_` stands for all but letters, digits, `_` and `-`",
    |case| with_names(case, |name| name.replace(|c| !is_plain(c), "_")),
);

pub(super) const NAMES_COMPOSED: Fault = named(
    "names-composed",
    "names of configured servers are normalised to Unicode's form C",
    |case| with_names(case, composed),
);

/// A limit on the names of tools, which hold the server's.
pub(super) const NAMES_CUT: Fault =
    named("names-cut-at-64", "names of configured servers are cut after 64 characters", |case| {
        with_names(case, |name| name.chars().take(64).collect())
    });

/// A text of 16-bit units, taken apart between two of them.
pub(super) const ASTRAL_CHARACTERS_LOST: Fault = named(
    "astral-characters-lost",
    "in names of configured servers U+FFFD stands for what is beyond U+FFFF",
    |case| with_names(case, |name| name.replace(|c| c > '\u{FFFF}', "\u{FFFD}")),
);

// milady-ai/milady#135 blocks these names; dyoshikawa/rulesync#1653: a parser drops `__proto__`.
pub(super) const PROTO_NAMES_LOST: Fault = named(
    "names-of-prototypes-lost",
    "servers named `__proto__`, `constructor` or `prototype` are dropped",
    |case| without_names(case, |name| ["__proto__", "constructor", "prototype"].contains(&name)),
);

// Gitlawb/openclaude#1983: a name is looked up in the prototype too.
pub(super) const INHERITED_NAMES_TAKEN: Fault = named(
    "inherited-names-taken",
    "a plugin's server named like a method of every object counts as configured already",
    |case| {
        let inherited = ["constructor", "toString", "valueOf", "hasOwnProperty", "__proto__"];
        let is_lost = |name: &String| inherited.contains(&name.as_str());
        without_plugin_servers(case, |_, _, name, _| is_lost(name))
    },
);

// awslabs/cli-agent-orchestrator#426: a dot ends the key, and the server is never found.
pub(super) const DOTTED_NAMES_LOST: Fault = named(
    "names-with-dots-lost",
    "a server of the host config is lost if its name has a dot",
    |case| without_own(case, |name, _| name.contains('.')),
);

pub(super) const EMPTY_NAME_LOST: Fault =
    named("empty-name-lost", "a server with the empty name is dropped", |case| {
        without_names(case, str::is_empty)
    });

// speakeasy-api/gram#3898: names in a plugin's `.mcp.json` must match a pattern.
pub(super) const PLUGIN_NAMES_CHECKED: Fault = named(
    "plugin-names-checked",
    "a plugin's server is dropped if its name has more than letters, digits, `_` and `-`",
    |case| without_plugin_servers(case, |_, _, name, _| !name.chars().all(is_plain)),
);

// anthropics/claude-code#32549 and #85862: env does not count.
pub(super) const SAME_COMMAND_SUPPRESSED: Fault = named(
    "same-command-suppressed",
    "a plugin's server is dropped if the host config starts the same command with the same args",
    |case| {
        let signature = |entry: &Value| {
            let command = entry.get("command")?.as_str()?.to_string();
            Some((command, entry.get("args").cloned().unwrap_or(json!([]))))
        };
        let own: Vec<_> = host_entries(case).filter_map(|(_, entry)| signature(entry)).collect();
        without_plugin_servers(case, |_, _, name, entry| {
            let is_own = host_entries(case).any(|(own, _)| own == name);
            !is_own && signature(entry).is_some_and(|signature| own.contains(&signature))
        })
    },
);

pub(super) const INACTIVE_SILENCES_NAMESAKE: Fault = Fault::new(
    "namesake-of-inactive-plugin-lost",
    Rule::ConfiguredInactivePluginIgnored,
    "a plugin is off if another one of its id is",
    Change::Resolves(|case| {
        let off: BTreeSet<&str> =
            case.plugins.iter().filter(|p| !p.active).map(|p| p.id.as_str()).collect();
        let any = case.plugins.iter().any(|p| p.active && off.contains(p.id.as_str()));
        edited_if(case, any, |edited| {
            edited.plugins.retain(|plugin| !off.contains(plugin.id.as_str()));
        })
    }),
);

/// A map of plugins by id.
pub(super) const NAMESAKE_REPLACED: Fault = named(
    "plugin-replaced-by-its-namesake",
    "of active plugins of one id the last one counts, in the place of the first",
    |case| {
        let active = || case.plugins.iter().filter(|plugin| plugin.active);
        let by_id: BTreeMap<&str, &Plugin> = active().map(|p| (p.id.as_str(), p)).collect();
        let mut seen = BTreeSet::new();
        let firsts = active().filter(|plugin| seen.insert(plugin.id.as_str()));
        let plugins: Vec<Plugin> =
            firsts.filter_map(|p| by_id.get(p.id.as_str()).map(|last| (*last).clone())).collect();
        edited_if(case, plugins.len() < active().count(), |case| case.plugins = plugins)
    },
)
.also(&[Rule::ConfiguredFirstPluginWins]);

pub(super) const PLUGINS_SORTED: Fault = Fault::new(
    "plugins-sorted-by-id",
    Rule::ConfiguredFirstPluginWins,
    "plugins come in the order of their ids, `p10` before `p2`",
    Change::Resolves(|case| {
        let is_sorted = case.plugins.is_sorted_by(|a, b| a.id <= b.id);
        edited_if(case, !is_sorted, |case| case.plugins.sort_by(|a, b| a.id.cmp(&b.id)))
    }),
);

// can1357/oh-my-pi#7101: a disabled entry is dropped before duplicates are.
pub(super) const DISABLED_YIELDS_TO_PLUGIN: Fault = Fault::new(
    "disabled-plugin-server-yields",
    Rule::ConfiguredFirstPluginWins,
    "a later plugin's server replaces one that an earlier plugin disables",
    Change::Resolves(|case| {
        without_plugin_servers(case, |case, index, name, entry| {
            is_disabled(entry) && is_valid(case, entry) && is_brought(case, index + 1, name)
        })
    }),
);

// can1357/oh-my-pi#7101
pub(super) const DISABLED_CONFIG_YIELDS: Fault = Fault::new(
    "disabled-config-yields-to-plugin",
    Rule::ConfiguredConfigOverPlugin,
    "a plugin's server replaces one that the user disabled",
    Change::Resolves(|case| {
        without_own(case, |name, entry| is_disabled(entry) && is_brought(case, 0, name))
    }),
);

// PrefectHQ/fastmcp#4711: one invalid entry, and none of its file is there.
pub(super) const LATER_PLUGIN_DROPPED_WHOLE: Fault = Fault::new(
    "invalid-server-drops-later-plugin",
    Rule::ConfiguredInvalidPluginServerDropped,
    "an invalid server takes its whole plugin along, but for the first plugin",
    Change::Resolves(|case| {
        let is_broken = |plugin: &Plugin| plugin.mcp_servers.values().any(|e| !is_valid(case, e));
        edited_if(case, case.plugins.iter().skip(1).any(is_broken), |edited| {
            for plugin in edited.plugins.iter_mut().skip(1).filter(|plugin| is_broken(plugin)) {
                plugin.mcp_servers.clear();
            }
        })
    }),
);

pub(super) const INVALID_TAKES_THE_NAME: Fault = Fault::new(
    "invalid-server-takes-the-name",
    Rule::ConfiguredInvalidPluginServerDropped,
    "a later plugin's server is dropped where an earlier plugin has an invalid one of its name",
    Change::Resolves(|case| {
        without_plugin_servers(case, |case, index, name, _| {
            let mut earlier = case.plugins.iter().take(index).filter(|plugin| plugin.active);
            let has_valid = |plugin: &Plugin| {
                plugin.mcp_servers.get(name).is_some_and(|entry| is_valid(case, entry))
            };
            let has_one = |plugin: &Plugin| plugin.mcp_servers.contains_key(name);
            !case.plugins.iter().take(index).any(has_valid) && earlier.any(has_one)
        })
    }),
);

pub(super) const INACTIVE_TAKES_THE_NAME: Fault = Fault::new(
    "inactive-plugin-takes-the-name",
    Rule::ConfiguredInactivePluginIgnored,
    "an active plugin's server is dropped where an earlier inactive plugin has one of its name",
    Change::Resolves(|case| {
        without_plugin_servers(case, |case, index, name, _| {
            let earlier = case.plugins.iter().take(index);
            earlier.filter(|plugin| !plugin.active).any(|p| p.mcp_servers.contains_key(name))
        })
    }),
);

pub(super) const OWNER_IS_THE_LAST: Fault = Fault::new(
    "owner-is-the-last-plugin",
    Rule::ConfiguredFirstPluginWins,
    "of several plugins with a server of a name the last one owns it",
    Change::Answers(|case, answer| {
        with_owners(answer, |owners| {
            for plugin in case.plugins.iter().filter(|plugin| plugin.active) {
                for (name, entry) in &plugin.mcp_servers {
                    if let Some(owner) = owners.get_mut(name).filter(|_| is_valid(case, entry)) {
                        owner.clone_from(&plugin.id);
                    }
                }
            }
        })
    }),
)
.also(&[Rule::ConfiguredOwnersExact]);

pub(super) const OVERRIDDEN_STILL_OWNS: Fault = Fault::new(
    "overridden-plugin-still-owns",
    Rule::ConfiguredConfigOverPlugin,
    "a name that the user has too belongs to the plugin that has it",
    Change::Answers(|case, answer| {
        with_owners(answer, |owners| {
            for plugin in case.plugins.iter().filter(|plugin| plugin.active) {
                for (name, entry) in &plugin.mcp_servers {
                    let is_own = host_entries(case).any(|(own, _)| own == name);
                    if is_own && is_valid(case, entry) {
                        owners.entry(name.clone()).or_insert_with(|| plugin.id.clone());
                    }
                }
            }
        })
    }),
)
.also(&[Rule::ConfiguredOwnersExact]);

pub(super) const OWNERS_LOWERED: Fault = Fault::new(
    "owners-by-lowered-name",
    Rule::OwnersOfRuntime,
    "owners are listed by the name in lower case",
    Change::Answers(|_, answer| {
        with_owners(answer, |owners| {
            let named = std::mem::take(owners).into_iter();
            owners.extend(named.map(|(name, plugin)| (name.to_lowercase(), plugin)));
        })
    }),
);

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// A case with a change made to it, if there is one to make.
fn edited_if(case: &Case, any: bool, change: impl FnOnce(&mut Case)) -> Option<Case> {
    any.then(|| edited(case, change)).flatten()
}

/// A case whose host config lacks the servers that `is_lost` speaks for.
fn without_own(case: &Case, is_lost: impl Fn(&str, &Value) -> bool) -> Option<Case> {
    edited_if(case, host_entries(case).any(|(name, entry)| is_lost(name, entry)), |case| {
        let own = case.host.get_mut("mcp_servers").and_then(Value::as_object_mut);
        own.into_iter().for_each(|own| own.retain(|name, entry| !is_lost(name, entry)));
    })
}

/// A case whose active plugins lack the servers that `is_lost` speaks for; it gets the case and the
/// place of the plugin too.
fn without_plugin_servers(
    case: &Case,
    is_lost: impl Fn(&Case, usize, &String, &Value) -> bool,
) -> Option<Case> {
    let active = || case.plugins.iter().enumerate().filter(|(_, plugin)| plugin.active);
    let any = active().any(|(index, plugin)| {
        plugin.mcp_servers.iter().any(|(name, entry)| is_lost(case, index, name, entry))
    });
    edited_if(case, any, |edited| {
        let plugins = edited.plugins.iter_mut().enumerate();
        for (index, plugin) in plugins.filter(|(_, plugin)| plugin.active) {
            plugin.mcp_servers.retain(|name, entry| !is_lost(case, index, name, entry));
        }
    })
}

/// Whether an active plugin, this one or a later one, has a valid server of the name.
fn is_brought(case: &Case, from: usize, name: &str) -> bool {
    let plugins = case.plugins.iter().skip(from).filter(|plugin| plugin.active);
    let mut entries = plugins.filter_map(|plugin| plugin.mcp_servers.get(name));
    entries.any(|entry| is_valid(case, entry))
}

fn with_owners(answer: &Answer, change: impl FnOnce(&mut PluginOwners)) -> Option<Answer> {
    let mut edited = answer.clone();
    if let Answer::Resolved { plugin_owners, .. } = &mut edited {
        change(plugin_owners);
    }
    (edited != *answer).then_some(edited)
}

/// Letters that Unicode composes with a mark, and what they become.
const COMPOSED: [(char, &str, &str); 7] = [
    ('\u{300}', "AEIOUaeiou", "ÀÈÌÒÙàèìòù"),
    ('\u{301}', "AEIOUYaeiouy", "ÁÉÍÓÚÝáéíóúý"),
    ('\u{302}', "AEIOUaeiou", "ÂÊÎÔÛâêîôû"),
    ('\u{303}', "ANOano", "ÃÑÕãñõ"),
    ('\u{308}', "AEIOUaeiouy", "ÄËÏÖÜäëïöüÿ"),
    ('\u{30A}', "Aa", "Åå"),
    ('\u{327}', "Cc", "Çç"),
];

/// The part of Unicode's form C that gives letters of Latin-1.
fn composed(text: &str) -> String {
    let mut composed = String::with_capacity(text.len());
    for c in text.chars() {
        let last = composed.chars().next_back();
        let with_mark = COMPOSED.iter().find(|(mark, ..)| *mark == c).and_then(|(_, from, to)| {
            from.chars().zip(to.chars()).find(|(letter, _)| Some(*letter) == last)
        });
        match with_mark {
            Some((_, letter)) => {
                composed.pop();
                composed.push(letter);
            }
            // The sign of an angstrom and that of a kelvin are letters.
            None => composed.push(match c {
                '\u{212A}' => 'K',
                '\u{212B}' => 'Å',
                c => c,
            }),
        }
    }
    composed
}
