//! Rule `contribution.order`, contributors asked at the same time, and revisions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use futures_executor::block_on;
use mcp_overlay_host::{
    BoxFuture, HostConfig, McpExtensionRegistryBuilder, McpManager, McpServerContribution,
    McpServerContributor,
};
use serde_json::json;
use tokio::sync::Barrier;

use crate::support::{host, set, url};

/// Answers once all contributors with the same barrier were asked, in the order of their ranks.
struct Meets {
    rank: usize,
    barrier: Arc<Barrier>,
    answered: Arc<AtomicUsize>,
}

impl McpServerContributor for Meets {
    fn id(&self) -> &str {
        "meets"
    }

    fn contribute<'a>(&'a self, _: &'a HostConfig) -> BoxFuture<'a, Vec<McpServerContribution>> {
        Box::pin(async move {
            self.barrier.wait().await;
            // The contributor that was registered last has rank 0 and answers first.
            while self.answered.load(Ordering::SeqCst) != self.rank {
                tokio::task::yield_now().await;
            }
            self.answered.fetch_add(1, Ordering::SeqCst);
            vec![set("same", &url(&format!("rank{}", self.rank)))]
        })
    }
}

#[test]
fn contributors_are_asked_at_once_and_apply_in_registration_order() {
    for count in [2, 3, 50] {
        let barrier = Arc::new(Barrier::new(count));
        let answered = Arc::new(AtomicUsize::new(0));
        let mut extensions = McpExtensionRegistryBuilder::new();
        for rank in (0..count).rev() {
            let (barrier, answered) = (Arc::clone(&barrier), Arc::clone(&answered));
            extensions.contributor(Arc::new(Meets { rank, barrier, answered }));
        }
        let manager = McpManager::new(extensions.build());
        let (send, receive) = std::sync::mpsc::channel();
        // On another thread: asking one contributor after the other would never end.
        std::thread::spawn(move || {
            let host = host(json!({}));
            send.send(block_on(manager.runtime_servers(&host, &Arc::default())))
        });
        let view = receive.recv_timeout(std::time::Duration::from_secs(10)).unwrap();
        let server = view.get("same").unwrap().to_canonical_json();
        assert_eq!(
            server,
            url("rank0"),
            "the contributor registered last answered first and still decides"
        );
    }
}

/// Counts how often it was asked. Its revision may change meanwhile.
#[derive(Default)]
struct Counts {
    asked: AtomicU64,
    revision: AtomicU64,
    changes_while_asked: bool,
}

impl McpServerContributor for Counts {
    fn id(&self) -> &str {
        "counts"
    }

    fn contribute<'a>(&'a self, _: &'a HostConfig) -> BoxFuture<'a, Vec<McpServerContribution>> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        if self.changes_while_asked && asked == 0 {
            self.revision.fetch_add(1, Ordering::SeqCst);
        }
        Box::pin(async move { vec![set("n", &url(&format!("answer{asked}")))] })
    }

    fn revision(&self) -> u64 {
        self.revision.load(Ordering::SeqCst)
    }
}

fn manager_of(contributor: &Arc<Counts>) -> McpManager {
    let mut extensions = McpExtensionRegistryBuilder::new();
    let contributor: Arc<dyn McpServerContributor> = contributor.clone();
    extensions.contributor(contributor);
    McpManager::new(extensions.build())
}

#[test]
fn a_contributor_is_asked_again_only_when_its_revision_changes() {
    let counts = Arc::new(Counts::default());
    let manager = manager_of(&counts);
    let host = host(json!({}));
    let read = || block_on(manager.runtime_config(&host, &Arc::default()));

    let first = read();
    assert!(Arc::ptr_eq(&first, &read()));
    assert_eq!(counts.asked.load(Ordering::SeqCst), 1);

    counts.revision.store(7, Ordering::SeqCst);
    let second = read();
    assert!(!Arc::ptr_eq(&first, &second));
    assert_eq!(second.runtime().get("n").unwrap().to_canonical_json(), url("answer1"));
    assert!(second.configured().ptr_eq(first.configured()));
    read();
    assert_eq!(counts.asked.load(Ordering::SeqCst), 2);
}

#[test]
fn a_revision_that_changes_during_the_call_is_asked_again() {
    let counts = Arc::new(Counts { changes_while_asked: true, ..Counts::default() });
    let manager = manager_of(&counts);
    let host = host(json!({}));
    let read = || block_on(manager.runtime_config(&host, &Arc::default()));
    read();
    let second = read();
    assert_eq!(second.runtime().get("n").unwrap().to_canonical_json(), url("answer1"));
    assert!(Arc::ptr_eq(&second, &read()));
}

#[test]
fn a_manager_can_be_shared_by_threads() {
    let manager = Arc::new(manager_of(&Arc::new(Counts::default())));
    let hosts = [host(json!({})), host(json!({ "mcp_servers": { "a": url("a") } }))];
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (manager, hosts) = (&manager, &hosts);
            scope.spawn(move || {
                for round in 0..500 {
                    let index = (thread + round) % 2;
                    let config = block_on(manager.runtime_config(&hosts[index], &Arc::default()));
                    assert!(Arc::ptr_eq(config.host(), &hosts[index]));
                    assert_eq!(config.runtime().contains("a"), index == 1);
                }
            });
        }
    });
}

#[test]
fn a_registry_lists_its_contributors_in_order() {
    let mut extensions = McpExtensionRegistryBuilder::new();
    mcp_overlay_host::hosted_apps::install(&mut extensions);
    extensions.contributor(Arc::new(Counts::default()));
    let manager = McpManager::new(extensions.build());
    let ids: Vec<&str> = manager.registry().contributors().iter().map(|c| c.id()).collect();
    assert_eq!(ids, ["hosted-apps", "counts"]);
    assert_eq!(format!("{:?}", manager.registry()), r#"["hosted-apps", "counts"]"#);
}
