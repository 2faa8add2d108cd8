//! The client side of MCP: capabilities, and answers to requests of a server.

use std::future::{Future, ready};

use rmcp::ClientHandler;
use rmcp::model::{
    ClientCapabilities, ClientConfig, ElicitRequestParams, ElicitResult, ElicitationAction,
    ElicitationCapability, ElicitationSchema, ErrorData, FormElicitationCapability, Implementation,
    InitializeRequestParams, JsonObject, ProtocolVersion,
};
use rmcp::service::{RequestContext, RoleClient};

use super::options::{ConnectOptions, Elicitation};

/// Answers the requests of a server. Requests without an announced capability are refused.
pub(super) struct Host {
    info: ClientConfig,
    elicitation: Elicitation,
}

impl Host {
    pub(super) fn new(options: &ConnectOptions) -> Self {
        let mut capabilities = ClientCapabilities::default();
        if options.elicitation == Elicitation::AcceptDefaults {
            let forms = FormElicitationCapability::new();
            capabilities.elicitation = Some(ElicitationCapability::new().with_form(forms));
        }
        let identity = Implementation::new(&options.client_name, &options.client_version);
        let mut info = InitializeRequestParams::new(capabilities, identity);
        // rmcp defaults to its latest version, which has no `initialize`.
        info.protocol_version = ProtocolVersion::LATEST_WITH_INITIALIZE;
        Self { info, elicitation: options.elicitation }
    }
}

impl ClientHandler for Host {
    fn get_info(&self) -> ClientConfig {
        self.info.clone()
    }

    // rmcp would answer with an empty list, as if the host had the capability.
    #[allow(deprecated, reason = "a server may still ask")]
    fn list_roots(
        &self,
        _: RequestContext<RoleClient>,
    ) -> impl Future<Output = Result<rmcp::model::ListRootsResult, ErrorData>> + Send + '_ {
        ready(Err(ErrorData::method_not_found::<rmcp::model::ListRootsRequestMethod>()))
    }

    fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> impl Future<Output = Result<ElicitResult, ErrorData>> + Send + '_ {
        let content = match (self.elicitation, request) {
            (
                Elicitation::AcceptDefaults,
                ElicitRequestParams::FormElicitationParams { requested_schema, .. },
            ) => defaults(&requested_schema),
            _ => None,
        };
        ready(Ok(match content {
            Some(content) => {
                ElicitResult::new(ElicitationAction::Accept).with_content(content.into())
            }
            None => ElicitResult::new(ElicitationAction::Decline),
        }))
    }
}

/// The defaults of the properties; `None` if a required property has none.
fn defaults(schema: &ElicitationSchema) -> Option<JsonObject> {
    let mut content = JsonObject::new();
    for (name, property) in &schema.properties {
        let property = serde_json::to_value(property).ok()?;
        if let Some(default) = property.get("default").filter(|default| !default.is_null()) {
            content.insert(name.clone(), default.clone());
        }
    }
    let given = |name: &String| content.contains_key(name);
    schema.required.iter().flatten().all(given).then_some(content)
}
