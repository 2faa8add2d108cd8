//! Generates cases from random bytes: the one generator for `check`, proptest, quickcheck and
//! libFuzzer.
//!
//! Most draws come from small alphabets, because most rules act only when names, plugins and
//! contributors collide; the rest comes from the unusual samples, from free text and from the long
//! tail of sizes. [`labels`](crate::cases::labels) counts the collisions.

mod draw;
mod host;
mod requirement;
mod server;
mod wide;
mod wild;

use arbitrary::{Result, Unstructured};
use mcp_overlay_model::{Auth, Case, Contribution, Contributor, ContributorKind, Plugin, Profile};
use serde_json::{Map, Value};

use self::draw::{free_text, name, once_in, size};
use self::server::servers;
use super::edges::has_wide;
use super::samples::names::IDS;
use super::specified::is_specified;

/// Bytes for one random case. If they run out, the rest of the case is simple.
pub const BYTES_PER_CASE: usize = 1024;

/// Generates a case from `bytes`, deterministically.
pub fn case_from_bytes(bytes: &[u8]) -> Case {
    case(&mut Unstructured::new(bytes)).unwrap_or_else(|_| empty_case())
}

/// The random case number `index` of this seed.
pub fn random_case(seed: u64, index: u64) -> Case {
    let mut bytes = [0; BYTES_PER_CASE];
    bytes_of(seed, index, &mut bytes);
    case_from_bytes(&bytes)
}

fn bytes_of(seed: u64, index: u64, bytes: &mut [u8]) {
    // The multiplier spreads neighbouring indices over the whole state space of the generator.
    let stream = seed ^ index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    fastrand::Rng::with_seed(stream).fill(bytes);
}

/// The random case number `index` of this seed, and in two of three cases with what only wide cases
/// have. The rest is that of [`random_case`], so that every profile is asked the same.
pub fn random_wide_case(seed: u64, index: u64) -> Case {
    let mut bytes = [0; 2 * BYTES_PER_CASE];
    bytes_of(!seed, index, &mut bytes);
    let mut case = random_case(seed, index);
    let mut u = Unstructured::new(&bytes);
    if let Ok(false) = once_in(&mut u, 3) {
        // A draw that fails leaves the case as far as it is.
        let _ = wide::widen(&mut u, &mut case);
        if !is_specified(&case, case.profile) {
            case.thread = None;
        }
    }
    case
}

/// How random cases are drawn for a profile, if the subject knows wide ones.
pub fn random_of(profile: Profile) -> fn(u64, u64) -> Case {
    if has_wide(profile) { random_wide_case } else { random_case }
}

fn empty_case() -> Case {
    Case {
        id: String::new(),
        profile: Profile::default(),
        host: Value::Object(Map::new()),
        plugins: Vec::new(),
        contributors: Vec::new(),
        auth: None,
        thread: None,
        requirements: None,
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
        0..=14 => Mode::WellFormed,
        15..=18 => Mode::Perturbed,
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

/// The most plugins and contributors, and the most contributions of one.
const MOST: usize = 24;

/// An id: in an order that no sorting gives, and sometimes one that was drawn before.
fn id(u: &mut Unstructured<'_>, number: usize, first: &[&str]) -> Result<String> {
    if number > 0 && once_in(u, 12)? {
        return Ok((*u.choose(first)?).to_string());
    }
    Ok(match first.get(number) {
        Some(id) => (*id).to_string(),
        None if once_in(u, 8)? => free_text(u)?,
        None => u.choose(&IDS)?.to_string(),
    })
}

fn plugins(u: &mut Unstructured<'_>) -> Result<Vec<Plugin>> {
    let usual = *u.choose(&[0, 0, 1, 1, 2, 3])?;
    let count = if once_in(u, 24)? { size(u, 6, MOST)? } else { usual };
    (0..count)
        .map(|number| {
            let id = id(u, number, &["z@market", "b@market", "a@market"])?;
            let active = !once_in(u, 5)?;
            Ok(Plugin { active, ..Plugin::new(id, servers(u, 2)?) })
        })
        .collect()
}

/// Contributors, the hosted-apps one in two of three cases, at any position, rarely several. Their
/// ids are not in registration order, so that sorting by id causes a failure.
fn contributors(u: &mut Unstructured<'_>) -> Result<Vec<Contributor>> {
    let usual = *u.choose(&[0, 0, 1, 1, 2, 3])?;
    let count = if once_in(u, 24)? { size(u, 6, MOST)? } else { usual };
    let mut contributors = Vec::with_capacity(count + 1);
    for number in 0..count {
        let mut contributions = Vec::new();
        for _ in 0..size(u, 3, MOST)? {
            contributions.push(contribution(u)?);
        }
        let kind = ContributorKind::Scripted(contributions);
        contributors.push(Contributor { id: id(u, number, &["ext-c", "ext-a", "ext-b"])?, kind });
    }
    let hosted = if once_in(u, 32)? { 2 } else { usize::from(!once_in(u, 3)?) };
    for _ in 0..hosted {
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
