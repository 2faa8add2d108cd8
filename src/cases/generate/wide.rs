//! What only wide cases have: what a plugin, the user and an administrator say besides, and the
//! thread that asks. It is put into a case that was drawn before, because names have to meet.

use arbitrary::{Result, Unstructured};
use mcp_overlay_model::wide::{
    PluginRequirements, Policy, Requirements, SelectedRoot, Thread, ToolPolicy,
};
use mcp_overlay_model::{Auth, Case, Contribution, Contributor, ContributorKind, Plugin};
use serde_json::{Map, Value, json};

use super::draw::{free_text, name, once_in, pick, size, value};
use super::requirement;
use super::server::{entry, servers};

/// The most selected plugins of a thread.
const MOST_SELECTED: usize = 12;

/// Ids of selected plugins, among them those of installed ones.
const SELECTED: [&str; 5] = ["sel-b", "sel-a", "z@market", "b@market", "sel-c"];

const ENVIRONMENTS: [&str; 9] =
    ["local", "local", "local", "gpu-box", "gpu-box", "gpu-box", "executor-1", "Local", ""];

/// Folders of plugins, as more than one convention writes them; those after the first
/// [`ABSOLUTE`] are not absolute.
const ROOTS: [&str; 14] = [
    "/plugins/s",
    "/plugins/s/",
    "/",
    "/srv/my plugin",
    "/a/./b/../c",
    "C:\\plugins\\s",
    "c:/plugins/s",
    "\\\\host\\share\\s",
    "file:///plugins/s",
    "file:///C:/plugins/s",
    "FILE://localhost/plugins/%73",
    "plugins/s",
    "C:plugins",
    "",
];

/// How many of the folders are absolute.
const ABSOLUTE: usize = 11;

/// Working folders near those roots.
const FOLDERS: [&str; 16] = [
    "",
    ".",
    "..",
    "x",
    "x/y/",
    "x/../y",
    "../s/x",
    "./x",
    "x\\y",
    "/plugins/s",
    "/plugins/s2",
    "/plugins/s/x",
    "C:\\plugins\\s\\x",
    "file:///plugins/s/x",
    "~/x",
    "${ROOT}/x",
];

/// Places in the order of selection, and the limits of types, where two of them meet.
const ORDERS: [u64; 18] = [
    0,
    0,
    0,
    1,
    1,
    1,
    2,
    3,
    10,
    (1 << 31) - 1,
    1 << 31,
    (1 << 32) - 1,
    1 << 32,
    1 << 53,
    (1 << 53) + 1,
    (1 << 63) - 1,
    1 << 63,
    u64::MAX,
];

/// Ids of connectors; the first is one, the others may count as none.
const CONNECTORS: [&str; 12] = [
    "connector",
    "connector",
    "connector",
    "",
    " ",
    "\t\u{2003}",
    "\u{200b}",
    "\u{a0}",
    "\u{1c}",
    "\u{85}",
    "\u{feff}",
    " c ",
];

/// Puts what only wide cases have into a case.
///
/// # Errors
/// As those of [`super::case`].
pub(super) fn widen(u: &mut Unstructured<'_>, case: &mut Case) -> Result<()> {
    match u.int_in_range(0..=11)? {
        0 => case.auth = Some(Auth::BedrockApiKey),
        1 | 2 => case.auth = Some(Auth::Headers),
        _ => {}
    }
    for plugin in &mut case.plugins {
        widen_plugin(u, plugin)?;
    }
    if !once_in(u, 3)? {
        case.thread = Some(thread(u)?);
    }
    widen_contributors(u, &mut case.contributors)?;
    if once_in(u, 2)? {
        case.requirements = Some(requirements(u, case)?);
    }
    Ok(())
}

/// A name of these servers, or sometimes any other.
fn name_of(u: &mut Unstructured<'_>, servers: &Map<String, Value>) -> Result<String> {
    let names: Vec<&String> = servers.keys().collect();
    if names.is_empty() || once_in(u, 4)? {
        return name(u);
    }
    u.choose(&names).map(|name| (*name).clone())
}

fn widen_plugin(u: &mut Unstructured<'_>, plugin: &mut Plugin) -> Result<()> {
    if once_in(u, 2)? {
        for _ in 0..size(u, 2, 12)? {
            let connector = pick(u, &CONNECTORS)?.to_string();
            plugin.apps.insert(name_of(u, &plugin.mcp_servers)?, connector);
        }
    }
    if once_in(u, 2)? {
        let root = pick(u, &["/plugins/p", "/plugins/p/", "/", "/srv/my plugin", "plugins/p", ""])?;
        plugin.root = Some(root.to_string());
    }
    if once_in(u, 2)? {
        for _ in 0..size(u, 2, 12)? {
            let policy = policy(u)?;
            plugin.policy.insert(name_of(u, &plugin.mcp_servers)?, policy);
        }
    }
    as_a_plugin_writes(u, &mut plugin.mcp_servers)
}

/// Changes some entries into what only a plugin may write.
fn as_a_plugin_writes(u: &mut Unstructured<'_>, servers: &mut Map<String, Value>) -> Result<()> {
    for entry in servers.values_mut().filter_map(Value::as_object_mut) {
        if once_in(u, 6)? {
            let types = [json!("stdio"), json!("http"), json!("sse"), json!(null), json!(5)];
            entry.insert("type".into(), value(u, &types)?);
        }
        if once_in(u, 6)? {
            let logins = [
                json!({"clientId": "c", "callbackPort": 1}),
                json!({"clientId": "c", "client_id": "own"}),
                json!({"client_id": null, "clientId": "c"}),
                json!({"clientId": 5}),
                json!({"callbackPort": "x"}),
                json!({}),
                json!("no"),
                json!(null),
            ];
            entry.insert("oauth".into(), value(u, &logins)?);
        }
        if entry.contains_key("command") && once_in(u, 3)? {
            entry.insert("cwd".into(), Value::from(pick(u, &FOLDERS)?));
        }
    }
    Ok(())
}

fn policy(u: &mut Unstructured<'_>) -> Result<Policy> {
    // A mode that only some profiles know is none in the others, where nothing says what happens.
    const MODES: [&str; 3] = ["auto", "prompt", "approve"];
    let mode = |u: &mut Unstructured<'_>| -> Result<Option<String>> {
        Ok(if once_in(u, 3)? { Some(pick(u, &MODES)?.to_string()) } else { None })
    };
    let tools = |u: &mut Unstructured<'_>| -> Result<Option<Vec<String>>> {
        let few = [vec![], vec!["read"], vec!["write", "read"], vec!["read", "read"]];
        let chosen = u.choose(&few)?.iter().map(ToString::to_string).collect();
        Ok(once_in(u, 4)?.then_some(chosen))
    };
    let mut policy = Policy {
        enabled: *u.choose(&[None, None, Some(true), Some(false)])?,
        default_tools_approval_mode: mode(u)?,
        enabled_tools: tools(u)?,
        disabled_tools: tools(u)?,
        ..Policy::default()
    };
    for _ in 0..size(u, 1, 6)? {
        let tool = pick(u, &["read", "write", "Read", ""])?.to_string();
        policy.tools.insert(tool, ToolPolicy { approval_mode: mode(u)? });
    }
    Ok(policy)
}

fn thread(u: &mut Unstructured<'_>) -> Result<Thread> {
    let mut thread = Thread::default();
    if once_in(u, 2)? {
        let long = "x".repeat(70);
        let names = [
            "codex_vscode",
            "codex_cli_rs",
            "",
            " ",
            "Codex Desktop/1.0",
            "é",
            "日本",
            "a\nb",
            &long,
        ];
        thread.originator = Some(pick(u, &names)?.to_string());
    }
    if once_in(u, 4)? {
        let ready = [vec![], vec!["local"], vec!["gpu-box"], vec!["executor-1", "local"]];
        let ready = u.choose(&ready)?.iter().map(ToString::to_string).collect();
        thread.environments = Some(ready);
    }
    for _ in 0..size(u, 3, MOST_SELECTED)? {
        // A root that is not absolute rejects, which would hide the rest.
        let roots = if once_in(u, 24)? { ROOTS.len() } else { ABSOLUTE };
        let mut mcp_servers = servers(u, 2)?;
        as_a_plugin_writes(u, &mut mcp_servers)?;
        let root = pick(u, ROOTS.get(..roots).unwrap_or_default())?.to_string();
        for entry in mcp_servers.values_mut().filter_map(Value::as_object_mut) {
            if entry.contains_key("command") && once_in(u, 6)? {
                // Beside the root, which is how its own path begins.
                entry.insert("cwd".into(), Value::from(format!("{root}2")));
            }
        }
        thread.selected_plugins.push(SelectedRoot {
            id: pick(u, &SELECTED)?.to_string(),
            environment_id: pick(u, &ENVIRONMENTS)?.to_string(),
            root,
            mcp_servers,
        });
    }
    Ok(thread)
}

/// Contributions of selected plugins, and the executor-plugins contributor at any place.
fn widen_contributors(u: &mut Unstructured<'_>, all: &mut Vec<Contributor>) -> Result<()> {
    for contributor in all.iter_mut() {
        let ContributorKind::Scripted(list) = &mut contributor.kind else { continue };
        if once_in(u, 2)? {
            for _ in 0..size(u, 2, 12)? {
                let at = u.int_in_range(0..=list.len())?;
                list.insert(at, selected_contribution(u)?);
            }
        }
    }
    let executors = if once_in(u, 24)? { 2 } else { usize::from(!once_in(u, 3)?) };
    for _ in 0..executors {
        let at = u.int_in_range(0..=all.len())?;
        let (id, kind) = ("executor-plugins".to_string(), ContributorKind::ExecutorPlugins);
        all.insert(at, Contributor { id, kind });
    }
    Ok(())
}

fn selected_contribution(u: &mut Unstructured<'_>) -> Result<Contribution> {
    Ok(Contribution::SelectedPlugin {
        name: name(u)?,
        plugin_id: if once_in(u, 12)? { free_text(u)? } else { pick(u, &SELECTED)?.to_string() },
        selection_order: *u.choose(&ORDERS)?,
        server: entry(u)?,
    })
}

fn requirements(u: &mut Unstructured<'_>, case: &Case) -> Result<Requirements> {
    let mut all = Requirements::default();
    let none = Map::new();
    if once_in(u, 2)? {
        let own = case.host.get("mcp_servers").and_then(Value::as_object);
        all.mcp_servers = Some(demanded(u, own.unwrap_or(&none))?);
    }
    if once_in(u, 2)? {
        let installed = case.plugins.iter().map(|plugin| (&plugin.id, &plugin.mcp_servers));
        let selected = case.thread.iter().flat_map(|thread| &thread.selected_plugins);
        let selected = selected.map(|plugin| (&plugin.id, &plugin.mcp_servers));
        let plugins = all.plugins.get_or_insert_default();
        for (id, servers) in installed.chain(selected) {
            if !once_in(u, 3)? {
                let mcp_servers = demanded(u, servers)?;
                plugins.insert(id.clone(), PluginRequirements { mcp_servers });
            }
        }
    }
    if once_in(u, 4)? {
        let feature = pick(u, &["apps", "apps", "apps", "connectors", "other"])?;
        all.features.insert(feature.to_string(), u.arbitrary()?);
    }
    Ok(all)
}

/// What is demanded of these servers: of most of them something, and of some other names.
fn demanded(u: &mut Unstructured<'_>, servers: &Map<String, Value>) -> Result<Map<String, Value>> {
    let mut demanded = Map::new();
    if once_in(u, 8)? {
        return Ok(demanded);
    }
    for (name, entry) in servers {
        if !once_in(u, 5)? {
            demanded.insert(name.clone(), requirement::of(u, entry)?);
        }
    }
    if once_in(u, 3)? {
        demanded.insert(name(u)?, requirement::of(u, &Value::Null)?);
    }
    Ok(demanded)
}
