//! A new `CODEX_HOME`: config, credentials and plugins as a user has them on disk.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD;
use mcp_overlay_model::Auth;
use serde_json::{Map, Value, json};
use toml::Table;

use super::local_case::LocalPlugin;
use crate::files::write_whole;
use crate::subject::process::secrets::{Issued, Secret, nonce};
use crate::temporary::Folder;

/// Settings of every config besides the case's own keys; they keep the host off the network and the
/// keyring.
const QUIET: &str = r#"
cli_auth_credentials_store = "file"
mcp_oauth_credentials_store = "file"
check_for_update_on_startup = false
[analytics]
enabled = false
"#;

/// A marker in every token of a login, to recognise it anywhere.
pub(super) const LOGIN: &str = "mcp-overlay-login-";

/// A marker in every id of an account, to recognise the id anywhere.
pub(super) const ACCOUNT_ID: &str = "mcp-overlay-account-";

/// The account of all credentials of cases.
pub(super) const ACCOUNT: &str = "mcp-overlay-account-of-the-check";

/// When the tokens were last refreshed: recently, so that no host tries to refresh them.
pub(super) const FRESH: &str = "2099-01-01T00:00:00Z";

/// A marker in every secret of a sign-in, to recognise the secret anywhere.
pub(super) const HOST_BEARER: &str = "mcp-overlay-host-";

/// A host's home; dropping the last of those that share it removes the folder.
#[derive(Debug)]
pub(super) struct Home {
    folder: Arc<Folder>,
    /// The credentials in `auth.json`.
    pub(super) secrets: Vec<Secret>,
    /// Tokens that come to be while the host runs.
    pub(super) issued: Arc<Issued>,
}

impl Home {
    /// Creates a home, with or without a signed-in user.
    pub(super) fn new(auth: Option<Auth>) -> io::Result<Self> {
        let folder = Arc::new(Folder::new("mcp-overlay-home-")?);
        let mut home = Home { folder, secrets: Vec::new(), issued: Arc::default() };
        if let Some(auth) = auth {
            let written = home.credentials(auth);
            write_private(&home.path().join("auth.json"), written.to_string().as_bytes())?;
        }
        Ok(home)
    }

    /// The same home, for another host.
    pub(super) fn shared(&self) -> Self {
        let (secrets, issued) = (self.secrets.clone(), Arc::clone(&self.issued));
        Home { folder: Arc::clone(&self.folder), secrets, issued }
    }

    /// Writes `auth.json` whole, as another program would.
    pub(super) fn sign_in(&self, text: &str) -> io::Result<()> {
        let beside = self.path().join("auth.json.new");
        write_private(&beside, text.as_bytes())?;
        fs::rename(beside, self.path().join("auth.json"))
    }

    /// Deletes `auth.json`, if it is there.
    pub(super) fn sign_out(&self) -> io::Result<()> {
        match fs::remove_file(self.path().join("auth.json")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The folder.
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a new config and its plugins, and removes the host's caches: released Codex answers
    /// with the tools of a cached Apps server instead of asking the server.
    pub(super) fn write(&self, config: &Table, plugins: &[LocalPlugin]) -> io::Result<()> {
        self.write_plugins(plugins)?;
        let cache = self.path().join("cache");
        if cache.exists() {
            fs::remove_dir_all(&cache)?;
        }
        self.write_config(config, plugins)
    }

    /// Writes a new config, and nothing else.
    pub(super) fn write_config(&self, config: &Table, plugins: &[LocalPlugin]) -> io::Result<()> {
        let text = toml::to_string(&with_settings(config, plugins)).map_err(io::Error::other)?;
        write_whole(&self.path().join("config.toml"), text.as_bytes())
    }

    fn write_plugins(&self, plugins: &[LocalPlugin]) -> io::Result<()> {
        let folder = self.path().join("plugins");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        plugins.iter().try_for_each(|plugin| self.write_plugin(plugin))
    }

    fn write_plugin(&self, plugin: &LocalPlugin) -> io::Result<()> {
        let LocalPlugin { name, market, servers, apps, .. } = plugin;
        let folder = self.path().join("plugins/cache").join(market).join(name).join("local");
        fs::create_dir_all(folder.join(".codex-plugin"))?;
        let manifest = json!({"name": name, "version": "1.0.0", "mcpServers": "./.mcp.json"});
        fs::write(folder.join(".codex-plugin/plugin.json"), manifest.to_string())?;
        fs::write(folder.join(".mcp.json"), json!({"mcpServers": servers}).to_string())?;
        if apps.is_empty() {
            return Ok(());
        }
        let app = |(name, id): (&String, &String)| (name.clone(), json!({"id": id}));
        let apps: Map<String, Value> = apps.iter().map(app).collect();
        fs::write(folder.join(".app.json"), json!({"apps": apps}).to_string())
    }

    fn credentials(&mut self, auth: Auth) -> Value {
        let mut secret = |what: &str, value: String| {
            self.secrets.push(Secret { what: what.into(), value: value.clone() });
            value
        };
        if auth == Auth::ApiKey {
            return json!({"OPENAI_API_KEY": secret("the API key", format!("sk-{HOST_BEARER}{}", nonce()))});
        }
        let claims = json!({
            "email": "check@example.com",
            "exp": 4_102_444_800_u64,
            "https://api.openai.com/auth": {
                "chatgpt_plan_type": "pro",
                "chatgpt_user_id": "user-of-the-check",
                "chatgpt_account_id": ACCOUNT,
            },
        });
        let header = json!({"alg": "none", "typ": "JWT"});
        let part = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let token = format!("{}.{}.{HOST_BEARER}{}", part(&header), part(&claims), nonce());
        json!({
            "OPENAI_API_KEY": null,
            "tokens": {
                "id_token": secret("the id token", token),
                "access_token": secret("the access token", format!("{HOST_BEARER}{}", nonce())),
                "refresh_token": secret("the refresh token", format!("refresh-{HOST_BEARER}{}", nonce())),
                "account_id": ACCOUNT,
            },
            "last_refresh": FRESH,
        })
    }
}

/// The case's config with the common settings, and with what the user says of each plugin.
pub(super) fn with_settings(config: &Table, plugins: &[LocalPlugin]) -> Table {
    let mut all: Table = toml::from_str(QUIET).unwrap_or_default();
    all.extend(config.clone());
    let features = all.entry("features").or_insert_with(|| Table::new().into());
    if let Some(features) = features.as_table_mut() {
        features.insert("plugins".into(), (!plugins.is_empty()).into());
    }
    let switches: Map<String, Value> = plugins
        .iter()
        .map(|plugin| {
            let id = format!("{}@{}", plugin.name, plugin.market);
            let mut switch = json!({"enabled": plugin.active});
            if !plugin.policy.is_empty()
                && let Some(switch) = switch.as_object_mut()
            {
                switch.insert("mcp_servers".into(), json!(plugin.policy));
            }
            (id, switch)
        })
        .collect();
    if !switches.is_empty()
        && let Ok(switches) = Table::try_from(switches)
    {
        all.insert("plugins".into(), switches.into());
    }
    all
}

/// Makes credentials readable for the user only.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new();
    file.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    io::Write::write_all(&mut file.open(path)?, bytes)
}
