//! Generates cases from random bytes: the one generator for `check`, proptest, quickcheck and
//! libFuzzer.
//!
//! The alphabets are small on purpose: most rules act only when names, plugins and contributors
//! collide. [`labels`](crate::cases::labels) counts the collisions.

mod draw;
mod host;
mod server;
mod wild;

use arbitrary::{Result, Unstructured};
use mcp_overlay_model::{Auth, Case, Contribution, Contributor, ContributorKind, Plugin, Profile};
use serde_json::{Map, Value};

use self::draw::{name, once_in};
use self::server::servers;

/// Bytes for one random case. If they run out, the rest of the case is simple.
pub const BYTES_PER_CASE: usize = 384;

/// Generates a case from `bytes`, deterministically.
pub fn case_from_bytes(bytes: &[u8]) -> Case {
    case(&mut Unstructured::new(bytes)).unwrap_or_else(|_| empty_case())
}

/// The random case number `index` of this seed.
pub fn random_case(seed: u64, index: u64) -> Case {
    let mut bytes = [0; BYTES_PER_CASE];
    // The multiplier spreads neighbouring indices over the whole state space of the generator.
    let stream = seed ^ index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    fastrand::Rng::with_seed(stream).fill(&mut bytes);
    case_from_bytes(&bytes)
}

fn empty_case() -> Case {
    Case {
        id: String::new(),
        profile: Profile::default(),
        host: Value::Object(Map::new()),
        plugins: Vec::new(),
        contributors: Vec::new(),
        auth: None,
    }
}

/// How invalid a case may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Valid.
    WellFormed,
    /// Valid except for one small mistake.
    Perturbed,
    /// Any JSON wherever the format of a case allows it.
    Wild,
}

/// Draws a case. The contents have the same distribution in every profile: a value that only some
/// profiles know is unknown or invalid in the others.
///
/// # Errors
/// None in practice: `Unstructured` returns the simplest choice when it runs out of bytes.
pub fn case(u: &mut Unstructured<'_>) -> Result<Case> {
    let mode = match u.int_in_range(0..=19)? {
        0..=15 => Mode::WellFormed,
        16..=18 => Mode::Perturbed,
        _ => Mode::Wild,
    };
    let mut case = empty_case();
    case.profile = *u.choose(&Profile::ALL)?;
    case.auth = auth(u)?;
    case.host = Value::Object(host::host(u)?);
    case.plugins = plugins(u)?;
    case.contributors = contributors(u)?;
    match mode {
        Mode::WellFormed => {}
        Mode::Perturbed => wild::perturb(u, &mut case)?,
        Mode::Wild => wild::scatter(u, &mut case)?,
    }
    Ok(case)
}

/// Auth, ChatGPT in half of the cases: a closed gate hides other differences.
fn auth(u: &mut Unstructured<'_>) -> Result<Option<Auth>> {
    Ok(match u.int_in_range(0..=9)? {
        0 => None,
        1 | 2 => Some(Auth::ApiKey),
        3 => Some(Auth::ChatGptAuthTokens),
        4 => Some(Auth::AgentIdentity),
        5 => Some(Auth::PersonalAccessToken),
        _ => Some(Auth::ChatGpt),
    })
}

fn plugins(u: &mut Unstructured<'_>) -> Result<Vec<Plugin>> {
    let ids = ["z@market", "b@market", "a@market"];
    let count = *u.choose(&[0, 0, 1, 1, 2, 3])?;
    ids.iter()
        .take(count)
        .map(|id| {
            Ok(Plugin {
                id: (*id).to_string(),
                active: !once_in(u, 5)?,
                mcp_servers: servers(u, 2)?,
            })
        })
        .collect()
}

/// Contributors, the hosted-apps one in two of three cases, at any position. Their ids are not in
/// registration order, so that sorting by id causes a failure.
fn contributors(u: &mut Unstructured<'_>) -> Result<Vec<Contributor>> {
    let ids = ["ext-c", "ext-a", "ext-b"];
    let count = *u.choose(&[0, 0, 1, 1, 2, 3])?;
    let mut contributors = Vec::with_capacity(count + 1);
    for id in ids.iter().take(count) {
        let mut contributions = Vec::new();
        for _ in 0..u.int_in_range(0..=3)? {
            contributions.push(contribution(u)?);
        }
        let kind = ContributorKind::Scripted(contributions);
        contributors.push(Contributor { id: (*id).to_string(), kind });
    }
    if !once_in(u, 3)? {
        let position = u.int_in_range(0..=contributors.len())?;
        let hosted =
            Contributor { id: "hosted-apps".to_string(), kind: ContributorKind::HostedApps };
        contributors.insert(position, hosted);
    }
    Ok(contributors)
}

fn contribution(u: &mut Unstructured<'_>) -> Result<Contribution> {
    let name = name(u)?;
    Ok(if once_in(u, 3)? {
        Contribution::Remove { name }
    } else {
        Contribution::Set { name, server: server::entry(u)? }
    })
}
