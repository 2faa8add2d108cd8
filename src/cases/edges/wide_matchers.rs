//! What a requirement demands of a server, held against near ones: every expression against every text, and texts
//! that another way of comparing takes for each other.

use serde_json::{Value, json};

/// Expressions, most of them read in another way, or refused, by the engines of other languages.
const EXPRESSIONS: &[&str] = &[
    "a",
    ".",
    "^.$",
    "a$",
    "(?m)a$",
    "(?m)a$\\nb",
    "(?s).",
    "(?i)k",
    "(?i)\u{e9}",
    "\\w",
    "\\d",
    "\\s",
    "\\S",
    "[\\w-]+",
    "[a-\\d]",
    "[^a]",
    "[a-z&&[b]]",
    "[[:alpha:]]+",
    "[]a]",
    "[]",
    "a+?",
    "a++a",
    "a{2}{2}",
    "a{,2}",
    "a{1,}",
    "a{",
    "{",
    "}",
    "]",
    "**",
    "(a{0,1000}){1000}",
    "(?P<n>a)",
    "(?<n>a)",
    "(a)\\1",
    "a(?=b).",
    "a(?!b)",
    "(?<=a)b",
    "(?>a)",
    "(?#c)a",
    "(?R)a",
    "(?U)a+",
    "(?u)a",
    "(?-u)a",
    "(?s-u:.)",
    "(?x) a # c",
    "(?x)\\ ",
    "\\pL",
    "\\p{L}",
    "\\u{41}",
    "\\u0041",
    "\\x41",
    "\\x{41}",
    "\\U00000041",
    "\\07",
    "\\a",
    "\\e",
    "\\h",
    "\\R",
    "\\Qa\\E",
    "\\A.\\z",
    "a\\Z",
    "\\ba\\b",
    "\\b{start}a",
    "\\<a",
    "\\@",
    "\\_",
    "\\~",
    "\\\"",
    "a|",
    "|a",
    "ab|a",
    "a\\",
    "(",
    "a)|(b",
];

const TEXTS: &[&str] = &[
    "",
    "a",
    "A",
    "aa",
    "aaa",
    "ab",
    "a\n",
    "a\nb",
    "\n",
    "\u{2028}",
    "\u{e9}",
    "\u{c9}",
    "\u{212a}",
    "\u{661}",
    "\u{1f600}",
    "]",
    "{",
    "a{",
    "@",
    "\"",
    "\u{7}",
];

/// Texts that are not the same, whatever some ways of comparing say.
const COMMANDS: &[(&str, &str)] = &[
    ("npx", "npx.cmd"),
    ("npx", "npx.exe"),
    ("npx", "NPX"),
    ("npx", "/usr/bin/npx"),
    ("npx", "./npx"),
    ("npx", "npx "),
    ("npx", "npx\u{0}"),
    ("npx", "npx/"),
    ("/usr/bin/npx", "/usr/bin/../bin/npx"),
    ("/usr/bin/npx", "//usr/bin/npx"),
    ("\u{e9}", "e\u{301}"),
    ("s", "\u{17f}"),
    ("k", "\u{212a}"),
    ("stra\u{df}e", "strasse"),
    ("~/npx", "$HOME/npx"),
    ("10", "1e1"),
];

const URLS: &[(&str, &str)] = &[
    ("https://a.example/", "https://a.example:443/"),
    ("https://a.example/", "https://a.example"),
    ("https://a.example/", "https://A.example/"),
    ("https://a.example/", "HTTPS://a.example/"),
    ("https://a.example/", "http://a.example/"),
    ("https://a.example/", "https://a.example/?"),
    ("https://a.example/", "https://a.example/#"),
    ("https://a.example/", "https://a.example//"),
    ("https://a.example/", "https://a.example/."),
    ("https://a.example/", "https://a.example./"),
    ("https://a.example/", "https://@a.example/"),
    ("https://a.example/%7e", "https://a.example/%7E"),
    ("https://a.example/%7e", "https://a.example/~"),
    ("https://a.example/?a=1&b=2", "https://a.example/?b=2&a=1"),
    ("https://a.example/\u{e9}", "https://a.example/%C3%A9"),
    ("https://b\u{fc}cher.example/", "https://xn--bcher-kva.example/"),
    ("https://127.0.0.1/", "https://127.1/"),
    ("https://[::1]/", "https://[0:0:0:0:0:0:0:1]/"),
];

/// All of them, for wide profiles.
pub(super) fn cases() -> Vec<Value> {
    let expressions = EXPRESSIONS.iter().flat_map(|expression| {
        let matcher = json!({"match": "regex", "expression": expression});
        TEXTS.iter().map(move |text| {
            let demanded = json!({"executable": "s", "args": [matcher]});
            (json!({"command": "s", "args": [text]}), json!({ "command": demanded }))
        })
    });
    let commands = both_ways(COMMANDS).flat_map(|(text, other)| {
        let server = json!({"command": text, "args": [text]});
        let exact = json!({"match": "exact", "value": other});
        let prefix = json!({"match": "prefix", "value": other});
        [
            (server.clone(), json!({ "command": other })),
            (server.clone(), json!({"command": {"executable": text, "args": [exact]}})),
            (server, json!({"command": {"executable": text, "args": [prefix]}})),
        ]
    });
    let urls = both_ways(URLS).flat_map(|(text, other)| {
        let server = json!({ "url": text });
        [
            (server.clone(), json!({ "url": other })),
            (server.clone(), json!({"url": {"match": "exact", "value": other}})),
            (server, json!({"url": {"match": "prefix", "value": other}})),
        ]
    });
    let all = expressions.chain(commands).chain(urls).enumerate();
    all.map(|(number, (server, identity))| case(number, &server, &identity)).collect()
}

fn both_ways<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Iterator<Item = (&'a str, &'a str)> {
    pairs.iter().flat_map(|(one, other)| [(*one, *other), (*other, *one)])
}

/// The server in the config or in a plugin, in turn.
fn case(number: usize, server: &Value, identity: &Value) -> Value {
    let (servers, demanded) = (json!({ "a": server }), json!({"a": {"identity": identity}}));
    let host = json!({"apps": false});
    match number % 2 {
        0 => json!({
            "host": {"features": host, "mcp_servers": servers},
            "requirements": {"mcp_servers": demanded},
        }),
        _ => json!({
            "host": {"features": host}, "plugins": [{"id": "p", "mcp_servers": servers}],
            "requirements": {"plugins": {"p": {"mcp_servers": demanded}}},
        }),
    }
}
