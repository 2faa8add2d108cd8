//! A crate as a subject, the crate being `mcp-overlay-host`: what a host in Rust writes to be
//! checked by `mcp-overlay check --stdio target/release/examples/rust-subject`.

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
        // In: the case becomes what the host works with. A config that the host refuses is answered
        // with the place that it names.
        let inputs = match HostInputs::from_case(case) {
            Ok(inputs) => inputs,
            Err(rejected) => return Answer::Rejected { rejected },
        };
        let config = block_on(inputs.manager.runtime_config(&inputs.host, &inputs.plugins));
        // Out: its three views, each server in canonical form.
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
        Answer::Resolved { views, plugin_owners }
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
