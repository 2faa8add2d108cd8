//! The scenarios.

use mcp_overlay_model::{Auth, Rule};
use serde_json::json;

use super::scenario::{AppsFrom, Credentials, Endpoint, Expect, Scenario, Setting, TOKEN, write};

const DEFAULT: Setting = Setting {
    base_path: "/backend-api",
    apps: true,
    path_override: true,
    connectors_token: None,
    auth: Some(Auth::ChatGpt),
    auth_before: None,
    apps_from: AppsFrom::Extension,
    endpoint: Endpoint::Json,
    rewrite: |_, _| {},
};

const PS_MCP: Expect =
    Expect::Tools { path: "/backend-api/ps/mcp", credentials: Credentials::Host };

/// All scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "the default override is at /backend-api/ps/mcp",
        rule: Rule::EndpointOverridePath,
        setting: DEFAULT,
        expect: PS_MCP,
    },
    Scenario {
        name: "without an override it is at /backend-api/wham/apps",
        rule: Rule::EndpointDefaultPath,
        setting: Setting { path_override: false, ..DEFAULT },
        expect: Expect::Tools { path: "/backend-api/wham/apps", credentials: Credentials::Host },
    },
    Scenario {
        name: "another host gets /api/codex",
        rule: Rule::EndpointOtherHost,
        setting: Setting { base_path: "/", ..DEFAULT },
        expect: Expect::Tools { path: "/api/codex/ps/mcp", credentials: Credentials::Host },
    },
    Scenario {
        name: "the legacy loader reaches the same endpoint",
        rule: Rule::LegacySynthesizesInEffective,
        setting: Setting { apps_from: AppsFrom::LegacyLoader, ..DEFAULT },
        expect: PS_MCP,
    },
    Scenario {
        name: "externally supplied ChatGPT tokens open the gate",
        rule: Rule::GateOpen,
        setting: Setting { auth: Some(Auth::ChatGptAuthTokens), ..DEFAULT },
        expect: PS_MCP,
    },
    Scenario {
        name: "an agent identity opens the gate",
        rule: Rule::GateOpen,
        setting: Setting { auth: Some(Auth::AgentIdentity), ..DEFAULT },
        expect: PS_MCP,
    },
    Scenario {
        name: "a personal access token opens the gate",
        rule: Rule::GateOpen,
        setting: Setting { auth: Some(Auth::PersonalAccessToken), ..DEFAULT },
        expect: PS_MCP,
    },
    Scenario {
        name: "answers may be server-sent events",
        rule: Rule::CredentialsAppsOnly,
        setting: Setting { endpoint: Endpoint::Events, ..DEFAULT },
        expect: PS_MCP,
    },
    Scenario {
        name: "an API key sends nothing",
        rule: Rule::GateClosedRemoves,
        setting: Setting { auth: Some(Auth::ApiKey), ..DEFAULT },
        expect: Expect::Nothing,
    },
    Scenario {
        name: "no auth sends nothing",
        rule: Rule::GateClosedRemoves,
        setting: Setting { auth: None, ..DEFAULT },
        expect: Expect::Nothing,
    },
    Scenario {
        name: "no auth sends nothing, by a contribution either",
        rule: Rule::GateClosedRemoves,
        setting: Setting { auth: None, apps_from: AppsFrom::Contribution, ..DEFAULT },
        expect: Expect::Nothing,
    },
    Scenario {
        name: "after a logout nothing is sent",
        rule: Rule::ResolutionPure,
        setting: Setting { auth: None, auth_before: Some(Auth::ChatGpt), ..DEFAULT },
        expect: Expect::Nothing,
    },
    Scenario {
        name: "Apps off sends nothing",
        rule: Rule::HostedDisabledRemoves,
        setting: Setting { apps: false, ..DEFAULT },
        expect: Expect::Nothing,
    },
    Scenario {
        name: "Apps off sends nothing, by the legacy loader either",
        rule: Rule::GateOpen,
        setting: Setting { apps: false, apps_from: AppsFrom::LegacyLoader, ..DEFAULT },
        expect: Expect::Nothing,
    },
    Scenario {
        name: "the environment's token replaces the host's credentials",
        rule: Rule::AppsServerBearerEnv,
        setting: Setting { connectors_token: Some(TOKEN), ..DEFAULT },
        expect: Expect::Tools {
            path: "/backend-api/ps/mcp",
            credentials: Credentials::Environment,
        },
    },
    Scenario {
        name: "a blank token in the environment replaces nothing",
        rule: Rule::AppsServerBearerEnv,
        setting: Setting { connectors_token: Some(" \t"), ..DEFAULT },
        expect: PS_MCP,
    },
    Scenario {
        name: "the environment's token goes to the host's own Apps server only",
        rule: Rule::OverlaySetReplacesWhole,
        setting: Setting {
            connectors_token: Some(TOKEN),
            apps_from: AppsFrom::Contribution,
            ..DEFAULT
        },
        expect: PS_MCP,
    },
    Scenario {
        name: "a host that begins like ChatGPT's is another host",
        rule: Rule::EndpointChatgptHost,
        setting: Setting {
            rewrite: |host, _| write(host, "chatgpt_base_url", "https://chatgpt.com.example.net"),
            ..DEFAULT
        },
        expect: Expect::Url { url: "https://chatgpt.com.example.net/api/codex/ps/mcp" },
    },
    Scenario {
        name: "a base with userinfo is refused",
        rule: Rule::EndpointBaseValid,
        setting: Setting {
            rewrite: |host, origin| {
                let base = origin.replace("://", "://chatgpt.com@");
                write(host, "chatgpt_base_url", base);
            },
            ..DEFAULT
        },
        expect: Expect::Refused { path: "host.chatgpt_base_url" },
    },
    Scenario {
        name: "Apps is on by default",
        rule: Rule::FeaturesAppsDefaultOn,
        setting: Setting {
            rewrite: |host, _| write(host, "features", json!({"apps_mcp_path_override": true})),
            ..DEFAULT
        },
        expect: PS_MCP,
    },
    Scenario {
        name: "a null means an absent value",
        rule: Rule::ValueNullIsAbsent,
        setting: Setting {
            rewrite: |host, _| {
                write(host, "features", json!({"apps": null, "apps_mcp_path_override": true}));
                write(host, "mcp_servers", json!({"docs": {"command": "srv", "url": null}}));
            },
            ..DEFAULT
        },
        expect: PS_MCP,
    },
    Scenario {
        name: "an Apps feature that is not a boolean is rejected",
        rule: Rule::HostWrongType,
        setting: Setting {
            rewrite: |host, _| write(host, "features", json!({"apps": "no"})),
            ..DEFAULT
        },
        expect: Expect::Refused { path: "host.features.apps" },
    },
    Scenario {
        name: "of two mistakes the one with the smallest path is reported",
        rule: Rule::RejectionSmallestPath,
        setting: Setting {
            rewrite: |host, _| {
                write(host, "apps_mcp_product_sku", 1);
                write(host, "mcp_servers", json!({"docs": {}}));
            },
            ..DEFAULT
        },
        expect: Expect::Refused { path: "host.apps_mcp_product_sku" },
    },
    Scenario {
        name: "a redirect to another origin is not followed",
        rule: Rule::CredentialsAppsOnly,
        setting: Setting { endpoint: Endpoint::RedirectElsewhere, ..DEFAULT },
        expect: Expect::Error { word: "redirect" },
    },
    Scenario {
        name: "401 says to sign in again",
        rule: Rule::CredentialsNeverShown,
        setting: Setting { endpoint: Endpoint::Status(401), ..DEFAULT },
        expect: Expect::Error { word: "sign in again" },
    },
    Scenario {
        name: "500 is an error with the status",
        rule: Rule::CredentialsNeverShown,
        setting: Setting { endpoint: Endpoint::Status(500), ..DEFAULT },
        expect: Expect::Error { word: "500" },
    },
    Scenario {
        name: "an answer that is not JSON is an error",
        rule: Rule::CredentialsNeverShown,
        setting: Setting { endpoint: Endpoint::Garbage, ..DEFAULT },
        expect: Expect::Error { word: "not a valid MCP response" },
    },
    Scenario {
        name: "a hang ends with the startup timeout",
        rule: Rule::CredentialsNeverShown,
        setting: Setting { endpoint: Endpoint::Hang, apps_from: AppsFrom::Contribution, ..DEFAULT },
        expect: Expect::Error { word: "not ready after 1 seconds" },
    },
];
