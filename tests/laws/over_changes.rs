//! A manager that lives through changes answers after each of them as one that has just been made. It
//! remembers what each contributor contributed, and this is what shows that it forgets in time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures_executor::block_on;
use mcp_overlay_host::{
    Auth, BoxFuture, Environment, HostConfig, McpExtensionRegistry, McpExtensionRegistryBuilder,
    McpManager, McpServerContribution, McpServerContributor, Plugin, Profile, ServerConfig, View,
    WrittenPlugin, hosted_apps,
};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::sample::select;
use serde_json::{Value, json};

use crate::by_proptest::runner;

/// Names that are alike for longer than what is compared first, and one that is like another with
/// zeros after it.
const NAMES: [&str; 7] =
    ["", "a", "a\0", "b", "codex_apps", "a-name-of-a-server", "a-name-of-a-server-2"];

/// The auths that differ.
const AUTHS: [Option<Auth>; 3] = [None, Some(Auth::ApiKey), Some(Auth::ChatGpt)];

/// What changes before the host is asked again.
#[derive(Debug, Clone)]
enum Step {
    Nothing,
    /// The host config becomes this one of `hosts`.
    Host(usize),
    /// The plugins become these of `plugins`.
    Plugins(usize),
    /// What a contributor contributes.
    Contributor(usize, Vec<(usize, Contribution)>),
}

/// A contribution to a name.
#[derive(Debug, Clone)]
enum Contribution {
    Set(usize),
    Remove,
    Selected(u64, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let contribution = prop_oneof![
        4 => (0..SERVERS).prop_map(Contribution::Set),
        2 => Just(Contribution::Remove),
        1 => (0..3_u64, 0..SERVERS).prop_map(|(order, server)| Contribution::Selected(order, server)),
    ];
    let step = prop_oneof![
        1 => Just(Step::Nothing),
        1 => (0..3_usize).prop_map(Step::Host),
        1 => (0..3_usize).prop_map(Step::Plugins),
        5 => (0..4_usize, vec((0..NAMES.len(), contribution), 0..5))
            .prop_map(|(who, list)| Step::Contributor(who, list)),
    ];
    vec(step, 1..24)
}

/// How many servers `server` knows.
const SERVERS: usize = 5;

fn server(index: usize) -> Value {
    match index {
        0 => json!({ "url": "https://one.example" }),
        1 => json!({ "url": "https://two.example", "auth": "chatgpt" }),
        2 => json!({ "url": "https://chatgpt.com/mcp", "auth": "chatgpt" }),
        3 => json!({ "command": "three", "enabled": false }),
        _ => json!({ "command": "four" }),
    }
}

fn read(index: usize, profile: Profile) -> Arc<ServerConfig> {
    Arc::new(ServerConfig::from_json(&server(index), profile).unwrap().value)
}

fn hosts(profile: Profile) -> Vec<Arc<HostConfig>> {
    let host = |value: Value| {
        let environment = Environment::default().with_profile(profile);
        Arc::new(HostConfig::from_json(&value, environment).unwrap().value)
    };
    vec![
        host(json!({ "mcp_servers": { "a": server(3), "a\0": server(1), "b": server(0) } })),
        host(json!({ "features": { "apps": false }, "mcp_servers": { "codex_apps": server(0) } })),
        host(json!({ "mcp_servers": { "a-name-of-a-server": server(4) } })),
    ]
}

fn plugins(profile: Profile) -> Vec<Arc<[Plugin]>> {
    let plugin = |id: &str, servers: Value| {
        let apps = BTreeMap::from([("b".to_owned(), "connector".to_owned())]);
        let servers = servers.as_object().unwrap();
        let policies = &BTreeMap::new();
        let written =
            WrittenPlugin { id, active: true, servers, apps: &apps, root: None, policies };
        Plugin::from_written(written, profile).value
    };
    let first = plugin("first", json!({ "": server(0), "b": server(3), "codex_apps": server(4) }));
    let second = plugin("second", json!({ "": server(1), "a-name-of-a-server-2": server(3) }));
    vec![[].into(), [first.clone(), second.clone()].into(), [second, first].into()]
}

/// Contributes what it is told to.
#[derive(Default)]
struct Told(Mutex<(u64, Vec<McpServerContribution>)>);

impl Told {
    fn tell(&self, list: Vec<McpServerContribution>) {
        let mut told = self.0.lock().unwrap();
        *told = (told.0 + 1, list);
    }
}

impl McpServerContributor for Told {
    fn id(&self) -> &str {
        "told"
    }

    fn contribute<'a>(&'a self, _: &'a HostConfig) -> BoxFuture<'a, Vec<McpServerContribution>> {
        let list = self.0.lock().unwrap().1.clone();
        Box::pin(async { list })
    }

    fn revision(&self) -> u64 {
        self.0.lock().unwrap().0
    }
}

fn contributions(list: &[(usize, Contribution)], profile: Profile) -> Vec<McpServerContribution> {
    let contribution = |(name, what): &(usize, Contribution)| {
        let name = Arc::from(NAMES[*name]);
        match what {
            Contribution::Set(index) => {
                McpServerContribution::Set { name, server: read(*index, profile) }
            }
            Contribution::Remove => McpServerContribution::Remove { name },
            Contribution::Selected(selection_order, index) => {
                let (plugin_id, server) = ("selected".into(), read(*index, profile));
                let selection_order = *selection_order;
                McpServerContribution::SelectedPlugin { name, plugin_id, selection_order, server }
            }
        }
    };
    list.iter().map(contribution).collect()
}

/// A view's servers. Each is found by its name as it is listed, before all are listed and after it.
fn servers(view: &View) -> Vec<(Arc<str>, Arc<ServerConfig>)> {
    let found = || NAMES.map(|name| view.get(name).cloned());
    let first = found();
    let all = view.iter().map(|(name, server)| (Arc::clone(name), Arc::clone(server)));
    let all: Vec<_> = all.collect();
    let listed = |name: &str| all.iter().find(|(other, _)| **other == *name);
    let listed = NAMES.map(|name| listed(name).map(|(_, server)| Arc::clone(server)));
    assert_eq!(first, listed);
    assert_eq!(found(), listed);
    assert_eq!(view.len(), all.len());
    assert!(all.is_sorted_by(|(a, _), (b, _)| a < b));
    all
}

/// Compares a manager with a new one.
fn agree(
    lived: &McpManager,
    registry: &McpExtensionRegistry,
    host: &Arc<HostConfig>,
    plugins: &Arc<[Plugin]>,
) {
    let new = McpManager::new(registry.clone());
    let [lived, new] = [lived, &new].map(|manager| block_on(manager.runtime_config(host, plugins)));
    for auth in AUTHS {
        let [lived, new] = [&lived, &new].map(|config| {
            let of_auth = config.for_auth(auth);
            (
                servers(of_auth.configured()),
                servers(of_auth.runtime()),
                servers(&config.effective(auth)),
                of_auth.plugin_owners().clone(),
                of_auth.legacy_loader_active(),
            )
        });
        assert_eq!(lived, new, "{auth:?}");
    }
}

#[test]
fn after_each_change_the_views_are_those_of_a_new_manager() {
    let profiles = select(&Profile::ALL[..]);
    let played = runner(300).run(&(profiles, steps()), |(profile, steps)| {
        let (hosts, plugins) = (hosts(profile), plugins(profile));
        let told: [Arc<Told>; 4] = Default::default();
        let mut builder = McpExtensionRegistryBuilder::new();
        for (index, contributor) in told.iter().enumerate() {
            // Some sequences are of a host with the legacy loader.
            if index == 2 && steps.len() % 2 == 0 {
                hosted_apps::install(&mut builder);
            }
            let contributor: Arc<dyn McpServerContributor> = contributor.clone();
            builder.contributor(contributor);
        }
        let registry = builder.build();
        let lived = McpManager::new(registry.clone());
        let (mut host, mut chosen) = (&hosts[0], &plugins[0]);
        for step in &steps {
            match step {
                Step::Nothing => {}
                Step::Host(index) => host = &hosts[*index],
                Step::Plugins(index) => chosen = &plugins[*index],
                Step::Contributor(who, list) => told[*who].tell(contributions(list, profile)),
            }
            agree(&lived, &registry, host, chosen);
        }
        Ok(())
    });
    played.unwrap();
}
