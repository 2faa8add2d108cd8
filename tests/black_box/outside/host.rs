//! One app-server in this process, with a home of its own.

use std::path::PathBuf;

use mcp_overlay_host::app_server::{AppServerOptions, DEFAULT_PLACES, Mode, serve};
use mcp_overlay_host::{Environment, McpExtensionRegistryBuilder, hosted_apps};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const BUFFER: usize = 1 << 16;

pub(crate) struct Host {
    pub(crate) home: PathBuf,
    input: DuplexStream,
    ended: JoinHandle<()>,
}

impl Host {
    /// Its messages go to `to_switch` with its number.
    pub(crate) fn start(
        number: usize,
        home: PathBuf,
        profile: Option<&str>,
        to_switch: UnboundedSender<(usize, Value)>,
    ) -> Self {
        let mut extensions = McpExtensionRegistryBuilder::new();
        hosted_apps::install(&mut extensions);
        let profile = profile.map(|profile| profile.parse().unwrap()).unwrap_or_default();
        let options = AppServerOptions {
            mode: Mode::Local { codex_home: home.clone() },
            overrides: Vec::new(),
            environment: Environment::from_process().with_profile(profile),
            extensions: extensions.build(),
            cwd: home.clone(),
            places: DEFAULT_PLACES,
        };
        let (input, from_switch) = duplex(BUFFER);
        let (output, from_server) = duplex(BUFFER);
        tokio::spawn(async move {
            let mut lines = BufReader::new(from_server).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let _ = to_switch.send((number, serde_json::from_str(&line).unwrap()));
            }
        });
        let ended = tokio::spawn(async move {
            let input = BufReader::new(from_switch);
            let _ = serve(options, input, output, CancellationToken::new()).await;
        });
        Host { home, input, ended }
    }

    pub(crate) async fn send(&mut self, message: &Value) {
        self.input.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    /// Ends its input. The handle ends with the app-server.
    pub(crate) fn end(self) -> JoinHandle<()> {
        self.ended
    }
}
