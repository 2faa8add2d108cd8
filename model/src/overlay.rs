//! Ordered overlays: the contributions, and how they turn `configured` into `runtime`.
//!
//! Twice: [`fold`] applies one contribution after the other, [`last_word`] asks for each name who
//! named it last. A test holds the two together.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::RuleId;
use crate::apps::{hosted_contribution, load_first};
use crate::case::{Contribution, Contributor, ContributorKind, Profile};
use crate::host::Host;
use crate::resolution::{By, Decided, Reason, Rejection, View};
use crate::server::{self, Server};

/// A contribution, read: `server` is what a `Set` sets, `None` is a `Remove`.
#[derive(Clone, Debug, PartialEq)]
pub struct Overlay {
    /// The name it decides.
    pub name: String,
    /// The server to set, or `None` to remove.
    pub server: Option<Server>,
    /// The rule behind its result.
    pub rule: RuleId,
    /// Which contribution it is.
    pub by: By,
}

/// The contributed servers as written, read into overlays that lack the hosted one.
///
/// # Errors
/// Every contribution whose server is invalid.
pub fn read_servers(contributors: &[Contributor]) -> Result<Vec<Vec<Overlay>>, Vec<Rejection>> {
    let mut rejections = Vec::new();
    let mut lists = Vec::with_capacity(contributors.len());
    for (contributor, written) in contributors.iter().enumerate() {
        let mut list = Vec::new();
        if let ContributorKind::Scripted(contributions) = &written.kind {
            for (index, contribution) in contributions.iter().enumerate() {
                let by = By::Contribution { contributor, index };
                match read_contribution(contribution, by) {
                    Ok(overlay) => list.push(overlay),
                    Err(invalid) => rejections.push(Rejection::new(
                        format!("contributors[{contributor}].contributions[{index}]"),
                        invalid.rule,
                        invalid.reason,
                    )),
                }
            }
        }
        lists.push(list);
    }
    if rejections.is_empty() { Ok(lists) } else { Err(rejections) }
}

fn read_contribution(written: &Contribution, by: By) -> Result<Overlay, server::Invalid> {
    match written {
        // Rule `overlay.set-replaces-whole`: `Set` MUST insert or replace the named server as a
        // whole; no field of the earlier server survives, `enabled` included.
        Contribution::Set { name, server } => Ok(Overlay {
            name: name.clone(),
            server: Some(server::read(server)?),
            rule: "overlay.set-replaces-whole",
            by,
        }),
        // Rule `overlay.remove-deletes`: `Remove` MUST delete the named server, and MUST be a no-op
        // for an absent name.
        Contribution::Remove { name } => {
            Ok(Overlay { name: name.clone(), server: None, rule: "overlay.remove-deletes", by })
        }
    }
}

/// Rule `contribution.order`: Contributions MUST be taken in registration order of contributors,
/// and in list order within one contributor.
pub fn in_order(
    contributors: &[Contributor],
    read: Vec<Vec<Overlay>>,
    host: &Host,
) -> Vec<Overlay> {
    let mut overlays = Vec::new();
    for (contributor, (written, list)) in contributors.iter().zip(read).enumerate() {
        match written.kind {
            ContributorKind::HostedApps => {
                let by = By::Contribution { contributor, index: 0 };
                overlays.push(hosted_contribution(host, by));
            }
            ContributorKind::Scripted(_) => overlays.extend(list),
        }
    }
    overlays
}

/// Rule `runtime.is-overlaid-configured`: `runtime` MUST be `configured` with all contributions
/// applied; auth MUST NOT matter to it.
pub fn fold(host: &Host, configured: &View, overlays: &[Overlay]) -> View {
    let mut runtime = before_contributions(host, configured);
    for overlay in overlays {
        apply(&mut runtime, overlay);
    }
    keep_disabled(host, configured, &mut runtime);
    runtime
}

/// Rule `overlay.untouched-stays`: A name that no contribution names MUST pass through unchanged.
fn before_contributions(host: &Host, configured: &View) -> View {
    let mut runtime: View = configured
        .iter()
        .map(|(name, decided)| (name.clone(), decided.passed_on("overlay.untouched-stays")))
        .collect();
    load_first(host, &mut runtime);
    runtime
}

/// Rule `overlay.disabled-stays`: A name that is disabled in `configured` MUST be disabled in
/// `runtime` too if it is there, whoever set it last; its other fields are those that were set, and
/// `Remove` still deletes it.
fn keep_disabled(host: &Host, configured: &View, runtime: &mut View) {
    if host.profile < Profile::CodexPr27414 {
        return;
    }
    let disabled = |server: &Server| server.get("enabled") == Some(&Value::Bool(false));
    for (name, _) in configured.iter().filter(|(_, d)| d.server.as_ref().is_some_and(disabled)) {
        let Some(decided) = runtime.get_mut(name) else { continue };
        if let Some(server) = decided.server.as_mut().filter(|server| !disabled(server)) {
            let mut fields = server.as_object().cloned().unwrap_or_default();
            fields.insert("enabled".into(), Value::Bool(false));
            *server = Server::new(Value::Object(fields));
            decided.reason.rule = "overlay.disabled-stays";
        }
    }
}

fn apply(runtime: &mut View, overlay: &Overlay) {
    let earlier = runtime.get(&overlay.name).map(|decided| decided.reason.by);
    let reason = Reason { rule: deciding_rule(overlay, earlier), by: overlay.by };
    runtime.insert(overlay.name.clone(), Decided { server: overlay.server.clone(), reason });
}

/// Order is what decided when an earlier contribution named the same name.
fn deciding_rule(overlay: &Overlay, earlier: Option<By>) -> RuleId {
    match (earlier, overlay.by) {
        (
            Some(By::Contribution { contributor: earlier, .. }),
            By::Contribution { contributor: later, .. },
        ) => {
            if earlier == later {
                "overlay.last-wins"
            } else {
                "contribution.order"
            }
        }
        _ => overlay.rule,
    }
}

/// Rule `overlay.last-wins`: For every name, the last contribution that names it MUST decide, a
/// `Set` after a `Remove` included.
///
/// The declarative formulation of [`fold`]: no order of application, only "who spoke last".
pub fn last_word(host: &Host, configured: &View, overlays: &[Overlay]) -> View {
    let before = before_contributions(host, configured);
    let named = overlays.iter().map(|overlay| &overlay.name);
    let names: BTreeSet<&String> = before.keys().chain(named).collect();
    let mut runtime = View::new();
    for name in names {
        let mut speakers = overlays.iter().rev().filter(|overlay| overlay.name == *name);
        let decided = match (speakers.next(), before.get(name)) {
            (Some(last), _) => {
                let earlier = speakers.next().map(|overlay| overlay.by);
                let reason = Reason { rule: deciding_rule(last, earlier), by: last.by };
                Decided { server: last.server.clone(), reason }
            }
            (None, Some(decided)) => decided.clone(),
            (None, None) => continue,
        };
        runtime.insert(name.clone(), decided);
    }
    keep_disabled(host, configured, &mut runtime);
    runtime
}
