//! A host with one app-server for each thread and one for lists, and a fault over time:
//! `outside-host FAULT app-server [--profile P]`. Between its app-servers and the client, the files
//! and the servers it can go wrong at each. `faults.tsv` lists the faults; `none` is sound.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a process for tests; that it misbehaves is its purpose"
)]

mod answers;
mod entries;
mod files;
mod groups;
mod homes;
mod host;
mod http;
mod processes;
mod redirects;
mod shared;
mod sign_ins;
mod slow_reloads;
mod switch;
mod turns;

use std::path::PathBuf;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::mpsc;

use crate::shared::Shared;
use crate::switch::Switch;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments[0] == "stdio" {
        return processes::stand_in(&arguments[1..]);
    }
    let profile = arguments.iter().position(|word| word == "--profile");
    let profile = profile.map(|at| arguments[at + 1].clone());
    let home = PathBuf::from(std::env::var_os("CODEX_HOME").unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run(arguments[0].clone(), profile, home));
    runtime.shutdown_background();
}

async fn run(fault: String, profile: Option<String>, home: PathBuf) {
    let shared = Shared::new(fault, home);
    let (to_switch, mut from_hosts) = mpsc::unbounded_channel();
    let mut switch = Switch::new(shared, profile, to_switch);
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut open = true;
    loop {
        tokio::select! {
            biased;
            Some((host, message)) = from_hosts.recv() => switch.host_says(host, message).await,
            line = lines.next_line(), if open => match line {
                Ok(Some(line)) => switch.client_says(&serde_json::from_str(&line).unwrap()).await,
                _ => open = false,
            },
        }
        if !open && !switch.stays() {
            break;
        }
    }
    switch.end(&mut from_hosts).await;
}
