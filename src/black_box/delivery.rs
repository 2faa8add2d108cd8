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

/// Tables with members that are passed one by one.
const OPENED: [&str; 2] = ["features", "mcp_servers"];

/// Divides the config between the file and the arguments.
pub(super) fn deliver(config: &Table, route: Route) -> Delivered {
    let mut delivered = Delivered::default();
    if route == Route::File {
        delivered.file = config.clone();
        return delivered;
    }
    let mut turn = 0;
    for (key, value) in config {
        match value {
            Value::Table(members)
                if OPENED.contains(&key.as_str()) && members.keys().all(|name| is_bare(name)) =>
            {
                for (name, member) in members {
                    turn += 1;
                    if route == Route::Split && turn % 2 == 0 {
                        let table =
                            delivered.file.entry(key).or_insert_with(|| Table::new().into());
                        if let Value::Table(table) = table {
                            table.insert(name.clone(), member.clone());
                        }
                    } else {
                        delivered.arguments.extend(argument(&format!("{key}.{name}"), member));
                    }
                }
            }
            value => {
                turn += 1;
                if route == Route::Split && turn % 2 == 0 {
                    delivered.file.insert(key.clone(), value.clone());
                } else {
                    delivered.arguments.extend(argument(key, value));
                }
            }
        }
    }
    delivered
}

/// A setting as one line of TOML. In a narrowed case no key needs quotes.
fn argument(key: &str, value: &Value) -> [String; 2] {
    ["-c".into(), format!("{key}={value}")]
}

fn is_bare(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Table {
        toml::from_str(
            "chatgpt_base_url = \"http://127.0.0.1\"\n[features]\napps = true\n\
             [mcp_servers.a]\nurl = \"u\"\n[mcp_servers.b]\ncommand = \"c\"\nargs = [\"x y\"]\n",
        )
        .unwrap()
    }

    /// Combines file and arguments as a host does.
    fn put_together(delivered: &Delivered) -> Table {
        let mut all = delivered.file.clone();
        for argument in delivered.arguments.iter().skip(1).step_by(2) {
            let (key, value) = argument.split_once('=').unwrap();
            let value = toml::from_str::<Table>(&format!("v={value}")).unwrap()["v"].clone();
            match key.split_once('.') {
                None => drop(all.insert(key.into(), value)),
                Some((table, name)) => {
                    let table = all.entry(table).or_insert_with(|| Table::new().into());
                    table.as_table_mut().unwrap().insert(name.into(), value);
                }
            }
        }
        all
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
    fn names_that_need_quotes_stay_together() {
        let config: Table = toml::from_str("[mcp_servers.\"a b\"]\nurl = \"u\"\n").unwrap();
        let delivered = deliver(&config, Route::Arguments);
        assert_eq!(delivered.arguments, ["-c", "mcp_servers={ \"a b\" = { url = \"u\" } }"]);
    }
}
