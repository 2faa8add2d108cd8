//! Secrets that a run gives to a process, and the detection of leaks in the output of the process.
//!
//! A secret may arrive in pieces, or encoded. So every part of [`PIECE`] characters counts, also in
//! base64, percent-encoding, hexadecimal and Unicode escapes. The output is searched without its
//! punctuation and white space, which separate pieces and belong to the encodings.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;

use super::log::Record;

/// The length of a nonce.
const NONCE: usize = 20;

/// The shortest part of a secret that counts, in characters. Nonces are random, so that no other
/// text has the same ones.
const PIECE: usize = 8;

/// The longest piece: each character as a Unicode escape, without the backslash.
const LONGEST: usize = PIECE * 5;

/// The number of bits in the filter of the first characters of all pieces.
const FILTER_BITS: u32 = 16;

/// A secret of one process, generated for it and unique.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Secret {
    /// A description.
    pub(crate) what: String,
    /// The secret, which ends with a [`nonce`].
    pub(crate) value: String,
}

/// Secrets that come to be while processes run.
#[derive(Debug, Default)]
pub(crate) struct Issued(Mutex<Pieces>);

#[cfg(any(test, feature = "endpoint"))]
impl Issued {
    /// From now on this is a secret too. A process must not have it before.
    pub(crate) fn add(&self, secret: Secret) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(secret);
    }
}

/// Searches the output of a process for secrets.
#[derive(Debug)]
pub(crate) struct Listener {
    pieces: Pieces,
    issued: Arc<Issued>,
    /// How much of each stream to search between two calls of [`resume`](Self::resume).
    most: Option<usize>,
    scan: Mutex<Scan>,
}

#[derive(Debug, Default)]
struct Scan {
    /// The end of each stream's output, because a piece may arrive in two parts.
    ends: Vec<(&'static str, Vec<u8>)>,
    /// How much of each stream was searched.
    searched: BTreeMap<&'static str, usize>,
    /// Descriptions of the leaked secrets and their streams.
    leaks: BTreeSet<String>,
}

impl Listener {
    pub(crate) fn new(secrets: Vec<Secret>) -> Self {
        let mut pieces = Pieces::default();
        secrets.into_iter().for_each(|secret| pieces.push(secret));
        Listener { pieces, issued: Arc::default(), most: None, scan: Mutex::default() }
    }

    /// Searches for these as well.
    #[cfg(any(test, feature = "endpoint"))]
    pub(crate) fn and(self, issued: Arc<Issued>) -> Self {
        Listener { issued, ..self }
    }

    /// Searches only the beginning of what the process writes to a stream, so that a flood costs
    /// nothing.
    pub(crate) fn up_to(most: usize, secrets: Vec<Secret>) -> Self {
        Listener { most: Some(most), ..Listener::new(secrets) }
    }

    /// Searches the next output from its beginning again.
    pub(crate) fn resume(&self) {
        self.scan.lock().unwrap_or_else(PoisonError::into_inner).searched.clear();
    }

    /// Descriptions of the leaks so far, without the secrets themselves.
    pub(crate) fn leaks(&self) -> Vec<String> {
        self.scan.lock().unwrap_or_else(PoisonError::into_inner).leaks.iter().cloned().collect()
    }
}

impl Record for Listener {
    fn record(&self, stream: &'static str, bytes: &[u8]) {
        let mut scan = self.scan.lock().unwrap_or_else(PoisonError::into_inner);
        let scan = &mut *scan;
        let searched = scan.searched.entry(stream).or_default();
        // One line may be longer than what is to be searched.
        let room = self.most.map_or(bytes.len(), |most| most.saturating_sub(*searched));
        let bytes = bytes.get(..room).unwrap_or(bytes);
        *searched += bytes.len();
        if !scan.ends.iter().any(|(known, _)| *known == stream) {
            scan.ends.push((stream, Vec::new()));
        }
        let Some((_, end)) = scan.ends.iter_mut().find(|(known, _)| *known == stream) else {
            return;
        };
        for byte in bytes {
            if byte.is_ascii_alphanumeric() {
                end.push(*byte);
            }
        }
        let issued = self.issued.0.lock().unwrap_or_else(PoisonError::into_inner);
        for what in self.pieces.within(end).into_iter().chain(issued.within(end)) {
            scan.leaks.insert(format!("wrote {what} to its {stream}"));
        }
        let known = end.len().saturating_sub(LONGEST);
        end.drain(..known);
    }
}

/// All pieces of some secrets, as written and encoded.
#[derive(Debug)]
struct Pieces {
    secrets: Vec<Secret>,
    /// By their first [`PIECE`] characters, with the number of the secret.
    by_start: BTreeMap<[u8; PIECE], Vec<(Vec<u8>, usize)>>,
    /// A bit for each hash of the first characters; most text matches none.
    filter: Vec<u64>,
}

impl Default for Pieces {
    fn default() -> Self {
        let filter = vec![0; 1 << (FILTER_BITS - 6)];
        Pieces { secrets: Vec::new(), by_start: BTreeMap::new(), filter }
    }
}

impl Pieces {
    fn push(&mut self, secret: Secret) {
        let start = secret.value.len().saturating_sub(NONCE);
        let unique = secret.value.as_bytes().get(start..).unwrap_or_default();
        for piece in pieces_of(unique) {
            self.add(piece, self.secrets.len());
        }
        self.secrets.push(secret);
    }

    fn add(&mut self, piece: Vec<u8>, number: usize) {
        let Some(start) = piece.first_chunk::<PIECE>() else { return };
        let (word, bit) = place_of(u64::from_le_bytes(*start));
        if let Some(word) = self.filter.get_mut(word) {
            *word |= bit;
        }
        self.by_start.entry(*start).or_default().push((piece, number));
    }

    /// The descriptions of the secrets of which a text has a piece. Processes may write a lot, so this
    /// does little for each character.
    fn within<'a>(&'a self, text: &'a [u8]) -> BTreeSet<&'a str> {
        let mut found = BTreeSet::new();
        if self.secrets.is_empty() {
            return found;
        }
        let mut last = 0_u64;
        for (at, byte) in text.iter().enumerate() {
            last = (last >> 8) | (u64::from(*byte) << 56);
            let (word, bit) = place_of(last);
            if self.filter.get(word).is_some_and(|word| word & bit != 0)
                && let Some(start) = (at + 1).checked_sub(PIECE)
                && let Some(rest) = text.get(start..)
            {
                found.extend(self.at_start_of(rest));
            }
        }
        found
    }

    fn at_start_of<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = &'a str> {
        let start = text.first_chunk::<PIECE>();
        let pieces = start.and_then(|start| self.by_start.get(start)).into_iter().flatten();
        let found = pieces.filter(|(piece, _)| text.starts_with(piece));
        found.filter_map(|(_, number)| Some(self.secrets.get(*number)?.what.as_str()))
    }
}

/// The word and the bit of the filter for the first characters of a piece.
fn place_of(start: u64) -> (usize, u64) {
    let hash = start.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let hash = hash >> (u64::BITS - FILTER_BITS);
    ((hash >> 6) as usize, 1 << (hash & 63))
}

fn pieces_of(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut pieces: Vec<Vec<u8>> = windows(secret, PIECE, 1).collect();
    for aligned in in_base64(secret) {
        pieces.extend(windows(&aligned, PIECE, 1));
    }
    for (escape, length) in [("", 2), ("u00", 5)] {
        let lower: Vec<u8> =
            secret.iter().flat_map(|byte| format!("{escape}{byte:02x}").into_bytes()).collect();
        let upper: Vec<u8> =
            secret.iter().flat_map(|byte| format!("{escape}{byte:02X}").into_bytes()).collect();
        pieces.extend(windows(&lower, PIECE * length, length));
        pieces.extend(windows(&upper, PIECE * length, length));
    }
    pieces
}

fn windows(text: &[u8], length: usize, step: usize) -> impl Iterator<Item = Vec<u8>> {
    text.windows(length).step_by(step).map(<[u8]>::to_vec)
}

/// The characters that stand for nothing but this text in base64, wherever in a longer text it is.
fn in_base64(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..3).map(move |before| {
        let padded: Vec<u8> = std::iter::repeat_n(0, before).chain(text.iter().copied()).collect();
        let encoded = BASE64_STANDARD_NO_PAD.encode(&padded).into_bytes();
        let (start, end) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
        encoded.get(start..end).unwrap_or_default().to_vec()
    })
}

/// Whether a text contains a word, as it is or encoded.
#[cfg(any(test, feature = "endpoint"))]
pub(crate) fn holds(text: &[u8], word: &str) -> bool {
    let word = word.as_bytes();
    let hex: String = word.iter().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = word.iter().map(|byte| format!("%{byte:02x}")).collect();
    let has = |part: &[u8]| text.windows(part.len()).any(|window| window == part);
    let has_hex = |part: &[u8]| text.windows(part.len()).any(|w| w.eq_ignore_ascii_case(part));
    has(word)
        || has_hex(hex.as_bytes())
        || has_hex(percent.as_bytes())
        || in_base64(word).any(|part| has(&part))
}

/// A unique text, for a secret or the mark of a case.
pub(crate) fn nonce() -> String {
    nonce_of(&mut fastrand::Rng::new())
}

/// The unique text for a name in a run, always the same.
#[cfg(any(test, feature = "endpoint"))]
pub(crate) fn nonce_for(run: &str, name: &str) -> String {
    let text = run.bytes().chain([0]).chain(name.bytes());
    // FNV-1a.
    let seed = text.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    nonce_of(&mut fastrand::Rng::with_seed(seed))
}

fn nonce_of(random: &mut fastrand::Rng) -> String {
    std::iter::repeat_with(|| random.alphanumeric()).take(NONCE).collect()
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};

    use super::*;

    const VALUE: &str = "mcp-overlay-host-aZ3kQ9xLm2PwR7tYu5Bc";

    fn listener() -> Listener {
        Listener::new(vec![Secret { what: "the access token".into(), value: VALUE.into() }])
    }

    fn is_found(text: &str) -> bool {
        let listener = listener();
        listener.record("standard error", text.as_bytes());
        !listener.leaks().is_empty()
    }

    #[test]
    fn a_secret_that_arrives_in_two_parts_is_detected() {
        let listener = listener();
        let (one, two) = VALUE.split_at(VALUE.len() - 15);
        listener.record("standard error", one.as_bytes());
        assert!(listener.leaks().is_empty());
        listener.record("standard output", two.get(5..10).unwrap().as_bytes());
        assert!(listener.leaks().is_empty());
        listener.record("standard error", two.as_bytes());
        assert_eq!(listener.leaks(), ["wrote the access token to its standard error"]);
    }

    #[test]
    fn pieces_are_detected() {
        let cut = |length: usize, between: &str| {
            let pieces = VALUE.as_bytes().chunks(length).map(String::from_utf8_lossy);
            pieces.collect::<Vec<_>>().join(between)
        };
        for text in [cut(4, " "), cut(3, "\", \""), cut(1, "\n"), cut(10, " and then ")] {
            assert!(is_found(&text), "{text}");
        }
        assert!(!is_found("mcp-overlay-host-, mcp-overlay, aZ3kQ9x, R7tYu5B"));
    }

    #[test]
    fn encodings_are_detected() {
        let each = |escape: fn(u8) -> String| VALUE.bytes().map(escape).collect::<String>();
        for before in ["", "u:", "Bearer "] {
            let text = format!("{before}{VALUE}");
            assert!(is_found(&BASE64_STANDARD.encode(&text)), "{text}");
            assert!(is_found(&BASE64_URL_SAFE.encode(&text)), "{text}");
            assert!(holds(BASE64_STANDARD.encode(&text).as_bytes(), "mcp-overlay-host-"));
        }
        for text in [
            each(|byte| format!("%{byte:02X}")),
            each(|byte| format!("%{byte:02x}")),
            each(|byte| format!("{byte:02x}")),
            each(|byte| format!("\\u00{byte:02x}")),
            format!("https://a.example/?token={VALUE}%20"),
        ] {
            assert!(is_found(&text), "{text}");
        }
        assert!(holds(each(|byte| format!("%{byte:02X}")).as_bytes(), "mcp-overlay-host-"));
        assert!(!holds(b"mcp-overlay-hos", "mcp-overlay-host-"));
    }

    #[test]
    fn a_flood_is_not_searched_to_its_end() {
        let secret = Secret { what: "the access token".into(), value: VALUE.into() };
        let listener = Listener::up_to(100, vec![secret]);
        listener.record("standard error", &[b'-'; 101]);
        listener.record("standard error", VALUE.as_bytes());
        assert!(listener.leaks().is_empty());
        listener.resume();
        listener.record("standard error", VALUE.as_bytes());
        assert_eq!(listener.leaks().len(), 1);
    }

    #[test]
    fn a_secret_that_comes_later_is_detected() {
        let issued = Arc::<Issued>::default();
        let listener = listener().and(Arc::clone(&issued));
        let secret =
            Secret { what: "a token".into(), value: "of-a-login-Qw8eR5tZ2uI9oP3aS6dF".into() };
        let (one, two) = secret.value.split_at(20);
        let one = one.to_string();
        listener.record("standard error", one.as_bytes());
        issued.add(secret.clone());
        listener.record("standard error", two.as_bytes());
        assert_eq!(listener.leaks(), ["wrote a token to its standard error"]);
    }

    #[test]
    fn a_leak_description_does_not_contain_the_secret() {
        let listener = listener();
        listener.record("standard output", VALUE.as_bytes());
        assert!(!listener.leaks().concat().contains("aZ3kQ9"));
    }

    #[test]
    fn a_name_has_one_nonce_in_a_run() {
        assert_eq!(nonce_for("r", "A"), nonce_for("r", "A"));
        assert_ne!(nonce_for("r", "A"), nonce_for("r", "B"));
        assert_ne!(nonce_for("r", "A"), nonce_for("s", "A"));
    }
}
