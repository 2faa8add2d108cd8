//! The fields of a server entry, each with sample values: the one table behind the random cases,
//! the phase `edges` and the tests. The model has its own table, so that neither can hide a mistake
//! of the other.

use std::sync::LazyLock;

use serde_json::Value;

use super::json::parsed;

/// A field of a server entry.
#[derive(Debug)]
pub struct Field {
    /// As written in an entry.
    pub name: &'static str,
    /// The transport that has it.
    pub of: Transport,
    /// Values that users write, as JSON.
    valid: &'static [&'static str],
    /// Unusual values that are valid in some profile, as JSON.
    boundary: &'static [&'static str],
    /// Values that are invalid in every profile that knows the field, as JSON; besides those of
    /// another type.
    invalid: &'static [&'static str],
}

/// The transport that has a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// `stdio`, with a `command`.
    Stdio,
    /// Streamable HTTP, with a `url`.
    Http,
    /// Both.
    Both,
    /// Neither: the field is always refused.
    Neither,
}

/// A field with its values parsed.
#[derive(Debug)]
pub struct Samples {
    /// The field.
    pub field: &'static Field,
    /// Values that users write.
    pub valid: Vec<Value>,
    /// Unusual values that are valid in some profile.
    pub boundary: Vec<Value>,
    /// Invalid values.
    pub invalid: Vec<Value>,
}

/// Every field with its samples, in the order of the table.
pub static SAMPLES: LazyLock<Vec<Samples>> = LazyLock::new(|| {
    let samples = |field: &'static Field| Samples {
        field,
        valid: parsed(field.valid),
        boundary: parsed(field.boundary),
        invalid: parsed(field.invalid),
    };
    FIELDS.iter().map(samples).collect()
});

const fn field(
    name: &'static str,
    of: Transport,
    valid: &'static [&'static str],
    boundary: &'static [&'static str],
    invalid: &'static [&'static str],
) -> Field {
    Field { name, of, valid, boundary, invalid }
}

/// Texts as a field's values: words, blanks, and what templates and shells would expand.
const TEXT: &[&str] =
    &[r#""x""#, r#""read""#, r#""a/b""#, r#""--flag""#, r#""日本""#, r#""naïve""#];
const ODD_TEXT: &[&str] = &[
    r#""""#,
    r#"" ""#,
    r#"" x ""#,
    r#""${HOME}""#,
    r#""$(id)""#,
    r#""~/x""#,
    r#""%41""#,
    r#""a\u0000b""#,
    r#""a\nb""#,
    r#""\ufeffx""#,
    r#""e\u0301""#,
    r#""\ud83d\ude00""#,
    r#""null""#,
    r#""1""#,
    r#""\\""#,
];
const TEXTS: &[&str] =
    &[r#"["x"]"#, r#"["read","a/b"]"#, r#"["--flag","日本"]"#, r#"["b","a","c"]"#];
const ODD_TEXTS: &[&str] = &[
    r#"["${HOME}","$HOME","${K}","%PATH%","{{x}}","$(id)","~/x"]"#,
    "[]",
    r#"[""]"#,
    r#"["x","x"]"#,
    r#"["x","X"," x"]"#,
    r#"["a,b","c d"]"#,
    r#"["10","9","1"]"#,
    // Texts that another format or language reads as something else.
    r#"["99999999999999999999","1e3","0x1f","007","true","no","null","2026-01-01",".5"]"#,
    r#"["é","e\u0301"]"#,
    r#"["a","b","c","d","e","f","g","h","i","j","k","l"]"#,
];
const NOT_TEXTS: &[&str] = &[
    "[null]",
    "[1]",
    r#"["x",1]"#,
    r#"["x",null]"#,
    "[[]]",
    r#"{"0":"x"}"#,
    "{}",
    r#""x""#,
    r#""x,y""#,
];
const TABLE: &[&str] = &[r#"{"K":"x"}"#, r#"{"K":"x","L":"y"}"#, r#"{"L":"","K":"日本"}"#];
const ODD_TABLE: &[&str] = &[
    "{}",
    r#"{"":""}"#,
    r#"{"k":"1","K":"2"}"#,
    r#"{"__proto__":"x"}"#,
    r#"{"constructor":"x","toString":"y"}"#,
    r#"{"é":"1","e\u0301":"2"}"#,
    r#"{"10":"a","9":"b","1":"c"}"#,
    r#"{"a b":" c "}"#,
    r#"{"K":"${K}"}"#,
    r#"{"A":"1","B":"2","C":"3","D":"4","E":"5"}"#,
    r#"{"K":"null"}"#,
    r#"{"K":"99999999999999999999","L":"1e3","M":"true","N":"no"}"#,
];
const NOT_TABLE: &[&str] = &[
    r#"{"K":1}"#,
    r#"{"K":null}"#,
    r#"{"K":true}"#,
    r#"{"K":["x"]}"#,
    r#"{"K":{}}"#,
    r#"{"K":"x","L":null}"#,
    "[]",
    r#"["K=x"]"#,
    r#"[["K","x"]]"#,
    r#""K=x""#,
];
const SWITCH: &[&str] = &["true", "false"];
const NOT_SWITCH: &[&str] =
    &["0", "1", "0.0", r#""true""#, r#""false""#, r#""""#, r#""yes""#, "[]", "[true]", "{}"];
const MODES: &[&str] = &[r#""auto""#, r#""prompt""#, r#""approve""#];
const SECONDS: &[&str] = &["7", "30", "30.0", "0.25", "1.5", "120"];
const ODD_SECONDS: &[&str] = &[
    "0",
    "0.0",
    "-0.0",
    "1e-9",
    "4e-10",
    "5e-10",
    "6e-10",
    "1.5e-9",
    "2.5e-9",
    "1e-300",
    "5e-324",
    // Exact halves of a nanosecond, and values that rounding twice gets wrong.
    "0.0009765625",
    "0.0029296875",
    "0.1",
    "1.14",
    "0.3",
    "1.0000000005",
    "4.35",
    "1.005",
    "0.0000000015",
    "8.2",
    "16777215.999999999",
    "1e3",
    "1E+2",
    "2147483.647",
    "2147483.648",
    "4294967.296",
    "4294967296",
    "2147483648",
    "9007199254740991",
    "9007199254740993",
    // Two of the oldest limits: 292 years in nanoseconds, and the largest double below 2^64.
    "9223372036",
    "9223372037",
    "9223372036.854775807",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709549568",
    "1.8446744073709549568e19",
    "86400",
    "31536000",
    "1e18",
];
const NOT_SECONDS: &[&str] = &[
    "-1",
    "-1.0",
    "-0.001",
    "-1e-12",
    "-5e-324",
    "1e20",
    "1e300",
    "18446744073709551615",
    "18446744073709551616",
    "1.8446744073709552e19",
    r#""1""#,
    r#""30s""#,
    r#""""#,
    "true",
    "false",
    "[]",
    "[1]",
    "{}",
    r#"{"secs":1,"nanos":0}"#,
];
const MILLISECONDS: &[&str] = &["9", "1500", "30000"];
const ODD_MILLISECONDS: &[&str] = &[
    "0",
    "1",
    "999",
    "1001",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "9007199254740991",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "9223372036855",
    "1234567890123",
];
const NOT_MILLISECONDS: &[&str] = &[
    "-1",
    "-5",
    "0.0",
    "-0.0",
    "1000.0",
    "1e3",
    "0.5",
    "1500.5",
    "18446744073709551616",
    "1e19",
    "1e300",
    r#""1000""#,
    r#""1s""#,
    r#""""#,
    "true",
    "false",
    "[]",
    "{}",
];
const HEADERS: &[&str] = &[
    r#"{"X-A":"x"}"#,
    r#"{"X-A":"x","X-OpenAI-Product-Sku":"mine"}"#,
    r#"{"X-B":"","X-A":"日本"}"#,
];
const ODD_HEADERS: &[&str] = &[
    r#"{"Authorization":"Bearer x","X-A":"y"}"#,
    "{}",
    r#"{"x-a":"1","X-A":"2"}"#,
    r#"{"X-A":"2","x-A":"1","x-a":"0"}"#,
    r#"{"Authorization":"Bearer x"}"#,
    r#"{"authorization":"x","AUTHORIZATION":"y"}"#,
    r#"{"":"x"}"#,
    r#"{"a b":"c"}"#,
    r#"{"__proto__":"x"}"#,
    r#"{"X-A":"a\r\nX-B: b"}"#,
    r#"{"x-openai-product-sku":"other"}"#,
    r#"{"10":"a","9":"b"}"#,
    r#"{"X-A":" x "}"#,
    r#"{"X-A":"a, b"}"#,
    r#"{"K":"1","\u212a":"2"}"#,
    r#"{"A":"1","B":"2","C":"3","D":"4","E":"5"}"#,
];
const ENV_VARS: &[&str] = &[
    r#"["PATH"]"#,
    r#"["PATH","HOME"]"#,
    r#"[{"name":"T"}]"#,
    r#"["A",{"name":"T","source":"local"}]"#,
    r#"[{"name":"U","source":"remote"}]"#,
];
const ODD_ENV_VARS: &[&str] = &[
    "[]",
    r#"[""]"#,
    r#"[{"name":""}]"#,
    r#"["A","A"]"#,
    r#"["A","a"]"#,
    r#"["Z","A","M"]"#,
    r#"[{"name":"T"},"T"]"#,
    r#"[{"name":"T","source":null}]"#,
    r#"[{"source":"remote","name":"T"},{"name":"T"}]"#,
    r#"["A","B","C","D","E","F"]"#,
    r#"["A=B"]"#,
];
const NOT_ENV_VARS: &[&str] = &[
    r#"[{"name":"X","source":"moon"}]"#,
    r#"[{"name":"X","source":"Local"}]"#,
    r#"[{"name":"X","source":""}]"#,
    r#"[{"name":"X","source":1}]"#,
    r#"[{"source":"local"}]"#,
    r#"[{"name":null}]"#,
    r#"[{"name":1}]"#,
    r#"[{"name":"X","extra":1}]"#,
    r#"[{"name":"X","extra":null}]"#,
    "[{}]",
    "[1]",
    "[null]",
    "[[]]",
    r#"[["X"]]"#,
    r#"["A",1]"#,
    r#"["A",{"name":"X","source":"moon"}]"#,
    r#"{"name":"X"}"#,
    r#"{"X":"local"}"#,
    r#""PATH""#,
    "{}",
];
const OAUTH: &[&str] = &["{}", r#"{"client_id":"cid"}"#];
const ODD_OAUTH: &[&str] = &[
    r#"{"client_id":""}"#,
    r#"{"client_id":null}"#,
    r#"{"client_secret":"x"}"#,
    r#"{"clientId":1}"#,
    r#"{"client_id":"c","scopes":["a"]}"#,
];
const NOT_OAUTH: &[&str] = &[
    r#"{"client_id":1}"#,
    r#"{"client_id":0}"#,
    r#"{"client_id":1.5}"#,
    r#"{"client_id":-7,"client_secret":"x"}"#,
    r#"{"client_id":["c"]}"#,
    r#"{"client_id":{}}"#,
    r#"{"client_id":true}"#,
    r#"["c"]"#,
    "[]",
    r#""cid""#,
    "true",
    "false",
];
const TOOLS: &[&str] = &[
    r#"{"w":{}}"#,
    r#"{"read":{"approval_mode":"approve"}}"#,
    r#"{"read":{"approval_mode":"prompt"},"w":{"approval_mode":"auto"}}"#,
];
const ODD_TOOLS: &[&str] = &[
    "{}",
    r#"{"":{}}"#,
    r#"{"w":{"approval_mode":null}}"#,
    r#"{"w":{"approval_mode":null,"y":1}}"#,
    r#"{"w":{"approval_mode":"writes"}}"#,
    r#"{"w":{"enabled":false}}"#,
    r#"{"__proto__":{"approval_mode":"auto"}}"#,
    r#"{"r":{"approval_mode":"auto"},"R":{"approval_mode":"prompt"}}"#,
    r#"{"approval_mode":{}}"#,
    r#"{"c":{"approval_mode":"approve"},"a":{},"b":{"approval_mode":"prompt"},"d":{"approval_mode":"auto"}}"#,
];
const NOT_TOOLS: &[&str] = &[
    r#"{"x":null}"#,
    r#"{"x":{"approval_mode":"never"}}"#,
    r#"{"x":{"approval_mode":"Auto"}}"#,
    r#"{"x":{"approval_mode":""}}"#,
    r#"{"x":{"approval_mode":1}}"#,
    r#"{"x":{"approval_mode":{"auto":null}}}"#,
    r#"{"x":"approve"}"#,
    r#"{"x":[]}"#,
    r#"{"x":true}"#,
    r#"{"a":{},"x":{"approval_mode":"never"}}"#,
    r#"{"a":{},"x":null}"#,
    "[]",
    r#"["x"]"#,
    r#""x""#,
];

use Transport::{Both, Http, Neither, Stdio};

/// The table. Of `command` and `url` a server has exactly one.
static FIELDS: [Field; 27] = [
    field(
        "command",
        Stdio,
        &[r#""srv""#, r#""npx""#, r#""/usr/bin/srv""#],
        ODD_TEXT,
        &["[]", r#"["npx","-y"]"#, "1", "true", "{}"],
    ),
    field("args", Stdio, TEXTS, ODD_TEXTS, NOT_TEXTS),
    field("env", Stdio, TABLE, ODD_TABLE, NOT_TABLE),
    field("env_vars", Stdio, ENV_VARS, ODD_ENV_VARS, NOT_ENV_VARS),
    field(
        "cwd",
        Stdio,
        &[r#""/srv""#, r#""/""#],
        &[
            r#""rel/dir""#,
            r#""""#,
            r#"".""#,
            r#""..""#,
            r#""~""#,
            r#""C:\\x""#,
            r#"" /srv""#,
            r#""/a/../b/""#,
            r#""//srv""#,
        ],
        &["[]", "1", "true", "{}"],
    ),
    field(
        "url",
        Http,
        &[
            r#""https://a.example/mcp""#,
            r#""https://b.example/mcp""#,
            r#""http://127.0.0.1:9/mcp""#,
            r#""https://evil.example/mcp""#,
            r#""https://chatgpt.com/backend-api/wham/apps""#,
        ],
        &[
            r#""""#,
            r#""a.example""#,
            r#""HTTPS://A.EXAMPLE""#,
            r#""https://a.example:443/""#,
            r#""https://a.example/%7e//x/../y?q=1#f""#,
            r#""https://u:p@a.example""#,
            r#""not a url""#,
            r#""ftp://a.example""#,
            r#"" https://a.example ""#,
            r#""https://日本.example/é""#,
        ],
        &["[]", r#"["https://a.example"]"#, "1", "true", "{}"],
    ),
    field(
        "bearer_token_env_var",
        Http,
        &[r#""TOK""#, r#""CODEX_CONNECTORS_TOKEN""#],
        ODD_TEXT,
        &["[]", r#"["TOK"]"#, "1", "true", "{}"],
    ),
    field("http_headers", Http, HEADERS, ODD_HEADERS, NOT_TABLE),
    field(
        "env_http_headers",
        Http,
        &[r#"{"X-E":"E"}"#, r#"{"X-E":"E","X-F":"F"}"#],
        ODD_HEADERS,
        NOT_TABLE,
    ),
    field(
        "auth",
        Http,
        &[r#""oauth""#, r#""chatgpt""#],
        &[],
        &[
            r#""ChatGPT""#,
            r#""OAuth""#,
            r#""bearer""#,
            r#""none""#,
            r#""""#,
            r#"" chatgpt""#,
            "true",
            "false",
            "0",
            "[]",
            r#"["oauth"]"#,
            "{}",
            r#"{"chatgpt":null}"#,
        ],
    ),
    field("oauth", Http, OAUTH, ODD_OAUTH, NOT_OAUTH),
    field(
        "oauth_resource",
        Http,
        &[r#""https://r.example""#],
        ODD_TEXT,
        &["[]", "1", "true", "{}"],
    ),
    field(
        "environment_id",
        Both,
        &[r#""local""#, r#""remote""#, r#""gpu-box""#],
        &[
            r#""""#,
            r#""Local""#,
            r#""LOCAL""#,
            r#"" local""#,
            r#""local ""#,
            r#""default""#,
            r#""e\u0301""#,
        ],
        &["[]", r#"["local"]"#, "1", "true", "{}"],
    ),
    field("enabled", Both, SWITCH, &[], NOT_SWITCH),
    field("required", Both, SWITCH, &[], NOT_SWITCH),
    field("supports_parallel_tool_calls", Both, SWITCH, &[], NOT_SWITCH),
    field("startup_timeout_sec", Both, SECONDS, ODD_SECONDS, NOT_SECONDS),
    field("startup_timeout_ms", Both, MILLISECONDS, ODD_MILLISECONDS, NOT_MILLISECONDS),
    field("tool_timeout_sec", Both, SECONDS, ODD_SECONDS, NOT_SECONDS),
    field(
        "default_tools_approval_mode",
        Both,
        MODES,
        &[r#""writes""#],
        &[
            r#""Auto""#,
            r#""never""#,
            r#""sometimes""#,
            r#""""#,
            r#"" auto""#,
            r#"{"auto":null}"#,
            "true",
            "0",
            "[]",
            r#"["auto"]"#,
            "{}",
        ],
    ),
    field("enabled_tools", Both, TEXTS, ODD_TEXTS, NOT_TEXTS),
    field("disabled_tools", Both, TEXTS, ODD_TEXTS, NOT_TEXTS),
    field("scopes", Both, TEXTS, ODD_TEXTS, NOT_TEXTS),
    field("tools", Both, TOOLS, ODD_TOOLS, NOT_TOOLS),
    field("name", Both, TEXT, ODD_TEXT, &["5", "true", "[]", "{}"]),
    field("bearer_token", Neither, &[], &[], &[r#""secret""#, r#""""#, "1", "[]", "{}", "false"]),
    // Unknown fields, ignored whatever their value.
    field(
        "unknown_field",
        Both,
        &["1", r#""x""#, "true"],
        &["0", "[]", "[null]", "{}", r#"{"a":{"b":[]}}"#, "-0.0", "1e300"],
        &[],
    ),
];

/// Names that look like fields and are unknown.
pub const UNKNOWN_FIELDS: &[&str] = &[
    "Command",
    "URL",
    "Enabled",
    "enable",
    "disabled",
    "type",
    "transport",
    "headers",
    "timeout",
    "cwd ",
    "args_",
    "environment",
    "env_var",
    "startupTimeoutSec",
    "startup_timeout",
    "__proto__",
    "constructor",
    "",
    "toString",
    "enabledTools",
    "bearerToken",
    "environmentId",
    "http-headers",
    "plugin",
    "id",
    "server",
    "mcpServers",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use mcp_overlay_model::{Profile, server};
    use serde_json::{Map, json};

    use super::*;

    /// A server that has nothing but this field, besides what it needs.
    fn server_with(field: &Field, value: &Value) -> Value {
        let mut entry = Map::new();
        match field.of {
            Http => entry.insert("url".into(), json!("https://a.example")),
            _ => entry.insert("command".into(), json!("c")),
        };
        entry.insert("cwd".into(), json!("/srv"));
        if field.of == Http {
            entry.remove("cwd");
        }
        entry.insert(field.name.into(), value.clone());
        Value::Object(entry)
    }

    fn accepts(profile: Profile, field: &Field, value: &Value) -> bool {
        server::read(&server_with(field, value), profile.rules()).is_ok()
    }

    #[test]
    fn every_sample_is_json() {
        for Samples { field, valid, boundary, invalid } in SAMPLES.iter() {
            let parsed = [valid.len(), boundary.len(), invalid.len()];
            let written = [field.valid.len(), field.boundary.len(), field.invalid.len()];
            assert_eq!(parsed, written, "{}", field.name);
        }
        assert_eq!(parsed(super::super::json::ANY_TYPE).len(), super::super::json::ANY_TYPE.len());
    }

    /// By the model, whose table of fields is another one.
    #[test]
    fn valid_samples_are_valid_and_invalid_ones_are_not() {
        for Samples { field, valid, boundary, invalid } in SAMPLES.iter() {
            for value in valid.iter().chain(boundary) {
                let known = Profile::ALL.into_iter().any(|profile| accepts(profile, field, value));
                assert!(known, "{}: {value} is refused in every profile", field.name);
            }
            for value in valid.iter().filter(|_| field.name != "auth") {
                let known = Profile::ALL.into_iter().all(|profile| accepts(profile, field, value));
                assert!(known, "{}: {value} is refused in some profile", field.name);
            }
            let newest = Profile::ALL.into_iter().next_back().unwrap();
            for value in invalid {
                assert!(!accepts(newest, field, value), "{}: {value} is accepted", field.name);
            }
        }
    }

    /// The page's table of fields, and the unknown field.
    #[test]
    fn the_table_has_the_fields_of_the_page() {
        let page = include_str!("../../../docs/semantics.md");
        let table = page.split_once("\n## Fields\n").unwrap().1.split_once("\n## ").unwrap().0;
        let names = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let mut names: BTreeSet<&str> = names.collect();
        names.insert("unknown_field");
        assert_eq!(names, FIELDS.iter().map(|field| field.name).collect());
        let known = UNKNOWN_FIELDS.iter().filter(|name| names.contains(*name));
        assert_eq!(known.count(), 0);
    }
}
