//! `config.toml`: it means the same as equal JSON, `-c` means the same as the file, and no text
//! crashes the host.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics fails, as it should"
)]

use std::fs;
use std::sync::Arc;

use futures_executor::block_on;
use mcp_overlay::cases::generate::random_case;
use mcp_overlay_host::{
    Auth, ConfigError, Environment, HostConfig, Loaded, McpExtensionRegistryBuilder, McpManager,
    Origin, Override, hosted_apps,
};
use serde_json::{Map, Value, json};

const SEED: u64 = 20_260_402;

type Read = Result<Loaded<HostConfig>, ConfigError>;

fn read_toml(text: &str, overrides: &[Override]) -> Read {
    HostConfig::from_toml_str(text, "config.toml", overrides, Environment::default())
}

/// The visible result of reading a config: all views, or the rejected place.
fn seen(read: Read) -> Result<Value, String> {
    let host = Arc::new(read.map_err(|error| error.path().to_string())?.value);
    let mut extensions = McpExtensionRegistryBuilder::new();
    hosted_apps::install(&mut extensions);
    let manager = McpManager::new(extensions.build());
    let config = block_on(manager.runtime_config(&host, &Arc::default()));
    let effective = config.effective(Some(Auth::ChatGpt));
    let view = |view: &mcp_overlay_host::View| -> Value {
        view.iter()
            .map(|(name, server)| (name.to_string(), server.to_canonical_json()))
            .collect::<Map<_, _>>()
            .into()
    };
    Ok(json!([view(config.configured()), view(config.runtime()), view(&effective)]))
}

/// The JSON value without what TOML cannot represent: nulls, and integers beyond signed 64 bits.
fn without_what_toml_lacks(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Number(number) if number.is_u64() && !number.is_i64() => None,
        Value::Array(list) => Some(list.iter().filter_map(without_what_toml_lacks).collect()),
        Value::Object(table) => {
            let kept = |(key, value): (&String, &Value)| {
                Some((key.clone(), without_what_toml_lacks(value)?))
            };
            Some(table.iter().filter_map(kept).collect::<Map<_, _>>().into())
        }
        other => Some(other.clone()),
    }
}

/// Random host configs as JSON tables that TOML can represent, without the environment.
fn hosts(count: u64) -> impl Iterator<Item = Value> {
    (0..count).filter_map(|index| {
        let mut host = without_what_toml_lacks(&random_case(SEED, index).host)?;
        host.as_object_mut()?.remove("env");
        Some(host)
    })
}

fn to_toml(host: &Value) -> String {
    toml::to_string(host).unwrap_or_else(|error| panic!("{error}: {host}"))
}

#[test]
fn toml_means_what_the_same_json_means() {
    let (mut valid, mut invalid) = (0, 0);
    for host in hosts(6_000) {
        let text = to_toml(&host);
        let from_json = seen(HostConfig::from_json(&host, Environment::default()));
        match &from_json {
            Ok(_) => valid += 1,
            Err(_) => invalid += 1,
        }
        assert_eq!(seen(read_toml(&text, &[])), from_json, "{host}\n{text}");
    }
    assert!(valid > 3_000 && invalid > 300, "{valid} were valid, {invalid} not");
}

/// A dotted TOML key with each part quoted.
fn dotted(path: &[String]) -> String {
    // JSON and TOML quote alike, except for one control character.
    let quoted = path.iter().map(|step| json!(step).to_string().replace('\u{7f}', "\\u007f"));
    quoted.collect::<Vec<_>>().join(".")
}

/// Every value that is not a table, or is an empty one, with its path.
fn leaves(table: &toml::Table, path: &mut Vec<String>, leaves: &mut Vec<Override>) {
    for (key, value) in table {
        path.push(key.clone());
        match value {
            toml::Value::Table(inner) if !inner.is_empty() => self::leaves(inner, path, leaves),
            value => {
                let setting = format!("{} = {value}", dotted(path));
                leaves.push(setting.parse().unwrap_or_else(|error| panic!("{setting}: {error}")));
            }
        }
        path.pop();
    }
}

#[test]
fn an_override_means_what_the_same_key_means_in_the_file() {
    let mut settings = 0;
    for host in hosts(2_000) {
        let text = to_toml(&host);
        let mut overrides = Vec::new();
        leaves(&text.parse().unwrap(), &mut Vec::new(), &mut overrides);
        settings += overrides.len();
        let in_the_file = seen(read_toml(&text, &[]));
        // All of the file as overrides, and once more over the file itself.
        assert_eq!(seen(read_toml("", &overrides)), in_the_file, "{text}");
        assert_eq!(seen(read_toml(&text, &overrides)), in_the_file, "{text}");
    }
    assert!(settings > 5_000, "only {settings} settings were tried");
}

#[test]
fn a_later_override_wins_and_quotes_may_be_left_out() {
    let read = |file: &str, overrides: &[&str]| {
        let overrides: Vec<Override> = overrides.iter().map(|o| o.parse().unwrap()).collect();
        seen(read_toml(file, &overrides)).unwrap()
    };
    let file = "mcp_servers.a = {command = \"file\", args = [\"x\"]}";
    let expected = read("mcp_servers.a = {command = \"last\", args = [\"x\"]}", &[]);
    for overrides in [
        &["mcp_servers.a.command=\"last\""][..],
        &["mcp_servers.a.command=last"],
        &["  mcp_servers . a.command = last  "],
        &["mcp_servers.a.command=first", "mcp_servers.a.command=last"],
        &["mcp_servers.a={url='https://x'}", "mcp_servers.a={command='last', args=['x']}"],
    ] {
        assert_eq!(read(file, overrides), expected, "{overrides:?}");
    }
    assert_ne!(read(file, &[]), expected);
    let no_override = ["", "a", "=1", "a b=1", "a..b=1", "a.=1", "\"a=1", "a\nb=1"];
    for text in no_override {
        assert!(text.parse::<Override>().is_err(), "{text:?}");
    }
}

/// Reads a text; a rejection must say where.
fn survives(text: &str) -> bool {
    match read_toml(text, &[]) {
        Ok(_) => true,
        Err(error) => {
            assert!(error.path().starts_with("host"), "{error}: {text:?}");
            assert!(!error.message().is_empty(), "{text:?}");
            match error.origin() {
                Origin::Position { file, line, column } => {
                    let lines = text.split('\n').count();
                    assert_eq!(&**file, "config.toml");
                    assert!((1..=lines).contains(&(*line as usize)), "{error}: {text:?}");
                    assert!(*column >= 1, "{error}: {text:?}");
                }
                origin => panic!("no place in the file, but {origin:?}: {text:?}"),
            }
            false
        }
    }
}

/// One change that an editor, a merge or a broken disk makes.
fn mutate(rng: &mut fastrand::Rng, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    let at = rng.usize(0..bytes.len());
    match rng.u8(0..6) {
        0 => bytes[at] ^= 1 << rng.u8(0..8),
        1 => bytes.truncate(at),
        2 => bytes[at] = *rng.choice(b"\"'[]{}=.,#\n\r\0\\ ").unwrap(),
        3 => drop(bytes.remove(at)),
        4 => {
            let lines: Vec<Vec<u8>> = bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
            let line = rng.usize(0..lines.len());
            let mut doubled = lines.clone();
            doubled.insert(line, lines[line].clone());
            *bytes = doubled.join(&b'\n');
        }
        _ => {
            let words: [&[u8]; 9] = [
                b"nan",
                b"-inf",
                b"1979-05-27T07:32:00Z",
                b"99999999999999999999",
                b"1e400",
                b"\"\"\"",
                b"\xff",
                b"[[mcp_servers]]\n",
                "\u{feff}".as_bytes(),
            ];
            let word = *rng.choice(words.iter()).unwrap();
            bytes.splice(at..at, word.iter().copied());
        }
    }
}

#[test]
fn a_damaged_file_is_read_or_refused_with_its_place() {
    let mut rng = fastrand::Rng::with_seed(SEED);
    let (mut read, mut refused) = (0, 0);
    for host in hosts(3_000) {
        let mut bytes = to_toml(&host).into_bytes();
        for _ in 0..rng.u8(1..4) {
            mutate(&mut rng, &mut bytes);
        }
        match survives(&String::from_utf8_lossy(&bytes)) {
            true => read += 1,
            false => refused += 1,
        }
    }
    assert!(read > 200 && refused > 200, "{read} were read, {refused} refused");
}

#[test]
fn values_without_a_json_type_are_refused_at_known_keys() {
    for value in ["1979-05-27", "07:32:00", "1979-05-27T07:32:00Z", "nan", "inf", "-inf"] {
        for key in ["chatgpt_base_url", "features.apps", "mcp_servers.a", "mcp_servers.a.url"] {
            assert!(!survives(&format!("{key} = {value}\n")), "{key} = {value}");
        }
        let server = format!("[mcp_servers.a]\ncommand = \"srv\"\ntool_timeout_sec = {value}\n");
        assert!(!survives(&server), "{server}");
        assert!(!survives(&format!("[features]\nother = {value}\n")), "{value}");
        assert!(survives(&format!("unknown = {value}\n[features.other]\nx = {value}\n")));
    }
    for number in ["99999999999999999999", "-1", "0xffffffffffffffffffffffff", "1e400"] {
        let server = format!("[mcp_servers.a]\ncommand = \"srv\"\nstartup_timeout_ms = {number}\n");
        assert!(!survives(&server), "{server}");
    }
}

#[test]
fn a_syntax_error_is_reported_with_line_and_column() {
    for (text, at) in [
        ("model = \"x\"\nfeatures = = 1\n", (2, 12)),
        ("a = 1\na = 2\n", (2, 1)),
        ("[mcp_servers.a]\ncommand = \"srv\"\nurl = \"https://a\"\n", (1, 1)),
    ] {
        let error = read_toml(text, &[]).unwrap_err();
        let place = Origin::Position { file: "config.toml".into(), line: at.0, column: at.1 };
        assert_eq!(error.origin(), &place, "{error}");
    }
}

#[test]
fn deep_nesting_is_refused_not_a_stack_overflow() {
    for depth in [200, 10_000, 200_000] {
        for text in [
            format!("a = {}{}", "[".repeat(depth), "]".repeat(depth)),
            format!("a = {}", "[".repeat(depth)),
            format!("a = {}1{}", "{a=".repeat(depth), "}".repeat(depth)),
            format!("{}a = 1", "a.".repeat(depth)),
            format!("[{}a]", "a.".repeat(depth)),
        ] {
            assert!(!survives(&text), "depth {depth}");
        }
        // Also through overrides.
        let setting: Result<Override, _> = format!("{}a=1", "a.".repeat(depth)).parse();
        if let Ok(setting) = setting {
            drop(read_toml("", &[setting]));
        }
        let value = format!("a={}{}", "[".repeat(depth), "]".repeat(depth));
        if let Ok(setting) = value.parse() {
            drop(read_toml("", &[setting]));
        }
    }
    assert!(survives("a = [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]"));
}

/// A file on disk may contain any bytes.
#[test]
fn a_file_that_is_not_utf_8_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let load = |bytes: &[u8]| {
        fs::write(folder.path().join("config.toml"), bytes).unwrap();
        HostConfig::load(folder.path(), &[], Environment::default())
    };
    for bytes in [&b"\xff\xfea\0"[..], b"model = \"\xff\"", b"a = 1\n# \xc3", b"\xed\xa0\x80 = 1"] {
        let error = load(bytes).unwrap_err();
        assert_eq!(error.path(), "host");
        assert!(error.to_string().contains("config.toml"), "{error}");
    }
    let mut rng = fastrand::Rng::with_seed(SEED);
    for host in hosts(200) {
        let mut bytes = to_toml(&host).into_bytes();
        mutate(&mut rng, &mut bytes);
        let from_disk = seen(load(&bytes));
        match std::str::from_utf8(&bytes) {
            Ok(text) => assert_eq!(from_disk, seen(read_toml(text, &[]))),
            Err(_) => assert_eq!(from_disk, Err("host".into())),
        }
    }
    fs::remove_file(folder.path().join("config.toml")).unwrap();
    let absent = HostConfig::load(folder.path(), &[], Environment::default());
    assert_eq!(seen(absent), seen(read_toml("", &[])));
}
