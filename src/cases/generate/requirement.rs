//! Requirements of single servers: most of them fit the server or nearly do.

use arbitrary::{Result, Unstructured};
use serde_json::{Value, json};

use super::draw::{once_in, pick, value};

/// What an administrator demands of this server.
pub(super) fn of(u: &mut Unstructured<'_>, entry: &Value) -> Result<Value> {
    if once_in(u, 32)? {
        return invalid(u);
    }
    let text = |member: &str| entry.get(member).and_then(Value::as_str);
    let identity = match (text("command"), text("url")) {
        // A requirement for the other transport never matches.
        _ if once_in(u, 12)? => json!({"command": "srv", "url": "https://a.example"}),
        (Some(command), _) => of_command(u, command, entry.get("args"))?,
        (None, Some(url)) if once_in(u, 2)? => json!({"url": near(u, url)?}),
        (None, Some(url)) => json!({"url": matcher(u, url)?}),
        (None, None) => json!({"command": pick(u, &["srv", "npx", ""])?}),
    };
    let mut requirement = json!({"identity": identity});
    if once_in(u, 12)?
        && let Some(members) = requirement.as_object_mut()
    {
        members.insert("description".into(), json!("why"));
    }
    Ok(requirement)
}

fn of_command(u: &mut Unstructured<'_>, command: &str, args: Option<&Value>) -> Result<Value> {
    if once_in(u, 2)? {
        return Ok(json!({"command": near(u, command)?}));
    }
    let args = args.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let texts = args.iter().map(|arg| arg.as_str().unwrap_or_default());
    let mut matchers = texts.map(|arg| matcher(u, arg)).collect::<Result<Vec<Value>>>()?;
    match u.int_in_range(0..=11)? {
        0 => drop(matchers.pop()),
        1 => matchers.push(json!({"match": "prefix", "value": ""})),
        2 => matchers.reverse(),
        _ => {}
    }
    Ok(json!({"command": {"executable": near(u, command)?, "args": matchers}}))
}

/// The text itself, or sometimes one that another way of comparing takes for it.
fn near(u: &mut Unstructured<'_>, text: &str) -> Result<String> {
    Ok(match u.int_in_range(0..=18)? {
        0 => format!("{text}/"),
        1 => text.to_uppercase(),
        2 => format!(" {text}"),
        3 => "other".to_string(),
        4 => format!("{text}?"),
        5 => format!("{text}.exe"),
        6 => text.replacen(".example", ".example:443", 1),
        7 => text.replacen('e', "e\u{301}", 1),
        _ => text.to_string(),
    })
}

/// A matcher of this text, or nearly one.
fn matcher(u: &mut Unstructured<'_>, text: &str) -> Result<Value> {
    let half: String = text.chars().take(text.chars().count() / 2).collect();
    Ok(match u.int_in_range(0..=7)? {
        0 | 1 => json!({"match": "exact", "value": near(u, text)?}),
        2 | 3 => json!({"match": "prefix", "value": near(u, &half)?}),
        4 => json!({"match": "regex", "expression": escaped(text)}),
        // Searched instead of held against the whole, it would match.
        5 => json!({"match": "regex", "expression": escaped(&half)}),
        6 => json!({"match": "regex", "expression": format!("{}.*|other", escaped(&half))}),
        _ => {
            let expressions =
                [".*", "", "^.+$", "a|.*", "(?i)SRV", "[a-z]+", "(?s).*", "https://.*", "\\A.*\\z"];
            json!({"match": "regex", "expression": pick(u, &expressions)?})
        }
    })
}

/// The text as an expression that matches it alone.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// A requirement that rejects, or only looks as if it did.
fn invalid(u: &mut Unstructured<'_>) -> Result<Value> {
    let regex = |expression: &str| json!({"match": "regex", "expression": expression});
    let of_url = |matcher: Value| json!({"identity": {"url": matcher}});
    let invalid = [
        json!({}),
        json!(null),
        json!("srv"),
        json!({"identity": "srv"}),
        json!({"identity": {}}),
        json!({"identity": {"command": 5}}),
        json!({"identity": {"command": "srv", "more": 1}}),
        json!({"identity": {"url": null, "command": "srv"}}),
        json!({"identity": {"command": {"executable": "srv"}}}),
        json!({"identity": {"command": {"executable": "srv", "args": [], "more": 1}}}),
        json!({"identity": {"command": {"executable": "srv", "args": [5]}}}),
        of_url(regex("a)|(?:b")),
        of_url(regex("(?x)a # b")),
        of_url(regex("(")),
        of_url(json!({"match": "exact", "expression": "a"})),
        of_url(json!({"match": "Exact", "value": "a"})),
        of_url(json!({"match": "exact", "value": "a", "more": 1})),
        of_url(json!({"match": "glob", "value": "a"})),
    ];
    value(u, &invalid)
}
