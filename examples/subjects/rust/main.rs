//! A host in Rust as a subject, here the crate `mcp-overlay-host`. Check it with
//! `mcp-overlay check --stdio target/release/examples/rust-subject`.

use std::io::{self, BufWriter};
use std::process::ExitCode;
use std::sync::Arc;

use futures_executor::block_on;
use mcp_overlay::model::{Answer, Case, Views};
use mcp_overlay::subject::HostInputs;
use mcp_overlay::{Subject, protocol};
use mcp_overlay_host::View;

struct Host;

impl Subject for Host {
    fn name(&self) -> &str {
        "mcp-overlay-host"
    }

    fn resolve(&self, case: &Case) -> Answer {
        // Input: convert the case to the host's types. If the host rejects the config, answer with
        // the rejected place.
        let inputs = match HostInputs::from_case(case) {
            Ok(inputs) => inputs,
            Err(rejected) => return Answer::Rejected { rejected },
        };
        let config = block_on(inputs.manager.runtime_config(&inputs.host, &inputs.plugins));
        // Output: the three views, each server in canonical form.
        let view = |view: &View| {
            let server =
                |server: &mcp_overlay_host::ServerConfig| Arc::new(server.to_canonical_json());
            view.iter().map(|(name, it)| (name.to_string(), server(it))).collect()
        };
        let views = Views {
            configured: view(config.configured()),
            runtime: view(config.runtime()),
            effective: view(&config.effective(inputs.auth)),
        };
        let owners = config.plugin_owners().iter();
        let plugin_owners = owners.map(|(name, id)| (name.to_string(), id.to_string())).collect();
        Answer::Resolved { views, plugin_owners, warnings: None }
    }
}

fn main() -> ExitCode {
    match protocol::serve(&Host, io::stdin().lock(), BufWriter::new(io::stdout().lock())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
