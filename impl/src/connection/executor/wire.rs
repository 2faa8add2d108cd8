//! The protocol of executors: one JSON object a line, in both directions. See docs/executor.md.

use std::collections::BTreeMap;
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

/// The version of this protocol.
pub(super) const VERSION: u32 = 1;
/// The longest line, in bytes: room for the largest file of a plugin in Base64.
pub(super) const MAX_LINE: usize = 2 * 1024 * 1024;
/// The most bytes of a process in one line.
pub(super) const MAX_CHUNK: usize = 32 * 1024;
/// The most processes of one executor at a time.
pub(super) const MAX_PROCESSES: usize = 256;
/// The most bytes of a process that wait to be read, in each direction.
pub(super) const MAX_UNREAD: usize = 32 * 1024 * 1024;

/// What a host asks. There is no `Debug`: `env` may hold secrets.
#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(super) enum Request {
    /// Starts a process; the answer is `spawned` or `failed`.
    Spawn {
        process: u64,
        command: String,
        #[serde(default)]
        args: Vec<String>,
        cwd: Option<String>,
        /// The variables that the host gives the process.
        #[serde(default)]
        env: BTreeMap<String, String>,
        /// The variables that the process gets from the executor's environment.
        #[serde(default)]
        env_vars: Vec<String>,
    },
    /// Writes to the standard input of a process.
    Stdin { process: u64, data: Data },
    /// Closes that input.
    Close { process: u64 },
    /// Ends a process and its group.
    Kill { process: u64 },
    /// Reads a file of a plugin; the answer is `file`.
    Read { request: u64, root: String, path: String },
}

/// What an executor says.
#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event {
    /// The first line.
    Hello { version: u32 },
    /// The process runs.
    Spawned { process: u64 },
    /// The process could not be started.
    Failed { process: u64, reason: String },
    /// What the process wrote.
    Stdout { process: u64, data: Data },
    /// The process has exited, and its output has been sent.
    Exit { process: u64, status: String },
    /// A file; neither `data` nor `error` if there is none.
    File {
        request: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<Data>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
}

/// Bytes, written in Base64.
#[derive(Clone)]
pub(super) struct Data(pub(super) Vec<u8>);

impl Serialize for Data {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Self).map_err(|_| serde::de::Error::custom("not Base64"))
    }
}

/// A message as its line.
pub(super) fn line(message: &impl Serialize) -> Vec<u8> {
    // Maps have text keys and nothing else can fail.
    let mut line = serde_json::to_vec(message).unwrap_or_default();
    line.push(b'\n');
    line
}

/// Lines of at most [`MAX_LINE`] bytes.
pub(super) struct Lines<R> {
    input: R,
    line: Vec<u8>,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, line: Vec::new() }
    }

    /// The next line; `None` at the end. A call that is dropped loses nothing.
    pub(super) async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let new = self.input.fill_buf().await?;
            if new.is_empty() {
                return Ok(None);
            }
            let end = new.iter().position(|byte| *byte == b'\n');
            let part = new.get(..end.unwrap_or(new.len())).unwrap_or_default();
            if self.line.len() + part.len() > MAX_LINE {
                return Err(io::Error::other("it writes a line that is too long"));
            }
            self.line.extend_from_slice(part);
            let taken = part.len() + usize::from(end.is_some());
            self.input.consume(taken);
            if end.is_some() {
                return Ok(Some(std::mem::take(&mut self.line)));
            }
        }
    }
}
