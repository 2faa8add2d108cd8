//! The routes by which a host gets its config. The route must not matter.

use toml::{Table, Value};

use crate::subject::Route;

/// A config, divided between the file and the arguments.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Delivered {
    /// The contents of `config.toml`.
    pub(super) file: Table,
    /// `-c key=value` arguments.
    pub(super) arguments: Vec<String>,
}

/// Divides the config between the file and the arguments, in the ways in which people do it.
///
/// With all keys as arguments, every other server, feature or key goes in one piece, and the others key
/// by key, down to the values of nested tables. If the config is split, the members of these tables
/// take turns: one is in the file, one is an argument, one is spread over both, with keys in the file
/// that an argument overrides.
pub(super) fn deliver(config: &Table, route: Route) -> Delivered {
    let mut delivered = Delivered::default();
    if route == Route::File {
        delivered.file = config.clone();
        return delivered;
    }
    let mut turn = 0;
    for (key, value) in config {
        match value {
            Value::Table(members) if is_opened(key) && has_bare_keys(members) => {
                for (name, member) in members {
                    turn += 1;
                    delivered.add(&[key, name], member, route, turn);
                }
            }
            value => {
                turn += 1;
                delivered.add(&[key], value, route, turn);
            }
        }
    }
    delivered
}

/// `-c` arguments for every value of these settings, each with its whole path.
pub(super) fn each_as_argument(settings: &Table) -> Vec<String> {
    let mut delivered = Delivered::default();
    settings.iter().for_each(|(key, value)| delivered.pass_each(&[key], value));
    delivered.arguments
}

/// Whether the members of a table are passed one by one.
fn is_opened(key: &str) -> bool {
    ["features", "mcp_servers"].contains(&key)
}

fn has_bare_keys(table: &Table) -> bool {
    !table.is_empty() && table.keys().all(|name| is_bare(name))
}

impl Delivered {
    fn add(&mut self, path: &[&str], value: &Value, route: Route, turn: usize) {
        match (route, turn % 3) {
            (Route::Split, 2) => self.put(path, value.clone()),
            (Route::Split, 0) => self.spread(path, value),
            _ if turn.is_multiple_of(2) => self.pass_each(path, value),
            _ => self.pass(path, value),
        }
    }

    /// Writes a value to the file.
    fn put(&mut self, path: &[&str], value: Value) {
        let Some((last, tables)) = path.split_last() else { return };
        let mut table = &mut self.file;
        for key in tables {
            let inner = table.entry(*key).or_insert_with(|| Table::new().into());
            let Value::Table(inner) = inner else { return };
            table = inner;
        }
        table.insert((*last).into(), value);
    }

    /// Passes a value as an argument: a setting as one line of TOML.
    fn pass(&mut self, path: &[&str], value: &Value) {
        self.arguments.extend(["-c".into(), format!("{}={value}", path.join("."))]);
    }

    /// Passes each value of a table, and of the tables in it, as an argument of its own.
    fn pass_each(&mut self, path: &[&str], value: &Value) {
        match value {
            Value::Table(table) if has_bare_keys(table) => {
                for (key, value) in table {
                    self.pass_each(&[path, &[key]].concat(), value);
                }
            }
            value => self.pass(path, value),
        }
    }

    /// Every other value of a table in the file, and the rest as arguments. The file has another
    /// value for those of the arguments that are plain, which the arguments override.
    fn spread(&mut self, path: &[&str], value: &Value) {
        let Value::Table(table) = value else {
            return self.override_in_file(path, value);
        };
        if !has_bare_keys(table) {
            return self.put(path, value.clone());
        }
        for (position, (key, value)) in table.iter().enumerate() {
            let path = [path, &[key]].concat();
            match value {
                Value::Boolean(_) => self.override_in_file(&path, value),
                value if position.is_multiple_of(2) => self.put(&path, value.clone()),
                Value::Table(_) => self.pass_each(&path, value),
                value => self.override_in_file(&path, value),
            }
        }
    }

    fn override_in_file(&mut self, path: &[&str], value: &Value) {
        let another = match value {
            Value::Boolean(is_on) => Some(Value::Boolean(!is_on)),
            Value::Integer(number) => Some(Value::Integer(number ^ 1)),
            Value::Float(number) => Some(Value::Float(number / 2.0)),
            Value::String(text) => Some(Value::String(format!("{text}-overridden"))),
            Value::Array(_) => Some(Value::Array(Vec::new())),
            Value::Datetime(_) | Value::Table(_) => None,
        };
        if let Some(another) = another {
            self.put(path, another);
        }
        self.pass(path, value);
    }
}

fn is_bare(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Table {
        let text = "chatgpt_base_url = \"http://127.0.0.1\"\n[features]\napps = true\n\
             [features.apps_mcp_path_override]\npath = \"p\"\n\
             [mcp_servers.a]\nurl = \"u\"\n[mcp_servers.b]\ncommand = \"c\"\nargs = [\"x y\"]\n\
             [mcp_servers.c]\nurl = \"v\"\nenabled = false\nhttp_headers = { X-A = \"=\" }\n\
             [mcp_servers.d]\nenv = {}\nenabled = false\ncommand = \"c\"\n\
             [mcp_servers.e]\nurl = \"w\"\nhttp_headers = { X-A = \"1\", X-B = \"2\" }\n";
        toml::from_str(text).unwrap()
    }

    /// Combines file and arguments as a host does: an argument replaces what is at its path.
    fn put_together(delivered: &Delivered) -> Table {
        let mut all = Delivered { file: delivered.file.clone(), arguments: Vec::new() };
        for argument in delivered.arguments.iter().skip(1).step_by(2) {
            let (key, value) = argument.split_once('=').unwrap();
            let value = toml::from_str::<Table>(&format!("v={value}")).unwrap()["v"].clone();
            all.put(&key.split('.').collect::<Vec<_>>(), value);
        }
        all.file
    }

    #[test]
    fn every_route_delivers_the_whole_config() {
        for route in [Route::File, Route::Arguments, Route::Split] {
            assert_eq!(put_together(&deliver(&config(), route)), config(), "{route:?}");
        }
        assert!(deliver(&config(), Route::Arguments).file.is_empty());
        let split = deliver(&config(), Route::Split);
        assert!(!split.file.is_empty() && !split.arguments.is_empty());
    }

    #[test]
    fn nested_keys_are_passed_one_by_one() {
        let delivered = deliver(&config(), Route::Arguments);
        for argument in [
            "mcp_servers.e.http_headers.X-B=\"2\"",
            "mcp_servers.b={ args = [\"x y\"], command = \"c\" }",
        ] {
            assert!(delivered.arguments.iter().any(|a| a == argument), "{:?}", delivered.arguments);
        }
    }

    #[test]
    fn an_argument_overrides_a_value_in_the_file() {
        let delivered = deliver(&config(), Route::Split);
        let file = &delivered.file["mcp_servers"]["c"];
        assert_eq!(file["enabled"], Value::Boolean(true));
        assert!(delivered.arguments.contains(&"mcp_servers.c.enabled=false".to_string()));
    }

    #[test]
    fn names_that_need_quotes_stay_together() {
        let config: Table = toml::from_str("[mcp_servers.\"a b\"]\nurl = \"u\"\n").unwrap();
        let delivered = deliver(&config, Route::Arguments);
        assert_eq!(delivered.arguments, ["-c", "mcp_servers={ \"a b\" = { url = \"u\" } }"]);
    }
}
