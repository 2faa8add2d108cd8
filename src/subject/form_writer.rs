//! Writes a request in each form.

use mcp_overlay_model::{Case, Profile};
use serde_json::{Map, Number, Value};

use super::form::Form;
use super::process::MAX_LINE;

/// The nesting depth of a case that every subject reads.
const DEPTH: usize = 120;

/// Names that no profile has, some close to one that is known.
const UNKNOWN_PROFILES: [&str; 4] = ["unknown", "codex-pr-2719", "Codex-PR-27191", ""];

impl Form {
    /// Writes a request.
    pub(super) fn write(self, seq: u64, case: &Case, bytes: &mut Vec<u8>) {
        // A case has maps with text keys and plain data, all of which JSON can represent.
        let mut case = serde_json::to_value(case).unwrap_or_default();
        self.rewrite_case(&mut case);
        if self == Form::BlankLines {
            bytes.extend_from_slice(b"\n \n\t \t\n\r\n");
        }
        let mut writer = Writer { form: self, in_case: false, numbers: 0, bytes };
        if self == Form::LongLine {
            let line = writer.length_of_request(seq, &case);
            if let Some(case) = case.as_object_mut() {
                case.insert("id".into(), "x".repeat(MAX_LINE.saturating_sub(line)).into());
            }
        }
        writer.request(seq, &case);
        writer.bytes.push(b'\n');
    }

    /// Writes a request of a profile that no subject knows, and that writes a case in another form.
    pub(super) fn write_unknown(seq: u64, case: &Case, bytes: &mut Vec<u8>) {
        let mut case = serde_json::to_value(case).unwrap_or_default();
        let names = UNKNOWN_PROFILES;
        let name = names.get(seq as usize % names.len()).copied().unwrap_or_default();
        let later = serde_json::json!({
            "profile": name, "plugins": {"p1": 0}, "auth": ["later"], "later": null,
        });
        if let (Some(members), Value::Object(later)) = (case.as_object_mut(), later) {
            members.extend(later);
        }
        Writer { form: Form::UnknownProfile, in_case: false, numbers: 0, bytes }
            .request(seq, &case);
        bytes.push(b'\n');
    }

    fn rewrite_case(self, case: &mut Value) {
        let Some(members) = case.as_object_mut() else { return };
        match self {
            Form::AbsentMembers | Form::NullMembers => defaults(members, self),
            Form::DeepCase => {
                if let Some(host) = members.get_mut("host").and_then(Value::as_object_mut) {
                    // The case and the host are two levels.
                    let deep = (2..DEPTH).fold(Value::Null, |deep, _| Value::Array(vec![deep]));
                    host.insert("mcp_overlay_unknown".into(), deep);
                }
            }
            Form::LongLine => drop(members.insert("id".into(), "".into())),
            _ => {}
        }
    }
}

/// Leaves out a member if it has its default, or writes null for it.
fn default_member(form: Form, members: &mut Map<String, Value>, name: &str, is_default: &Value) {
    if members.get(name).is_none_or(|value| value == is_default || value.is_null()) {
        match form {
            Form::NullMembers => drop(members.insert(name.into(), Value::Null)),
            _ => drop(members.remove(name)),
        }
    }
}

/// Leaves out the optional members that have their default, or writes null for them.
fn defaults(case: &mut Map<String, Value>, form: Form) {
    let default = |members: &mut Map<String, Value>, name: &str, is_default: &Value| {
        default_member(form, members, name, is_default);
    };
    let empty = Value::Object(Map::new());
    default(case, "profile", &Profile::default().name().into());
    for name in ["id", "plugins", "contributors", "auth"] {
        default(case, name, &Value::Null);
    }
    // Null is a host config that is not a table.
    if form == Form::AbsentMembers && case.get("host") == Some(&empty) {
        case.remove("host");
    }
    let mut of_list = |list: &str, names: &[(&str, &Value)]| {
        let list = case.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten();
        for element in list.filter_map(Value::as_object_mut) {
            names.iter().for_each(|(name, is_default)| default(element, name, is_default));
        }
    };
    of_list("plugins", &[("active", &true.into()), ("mcp_servers", &empty)]);
    of_list("contributors", &[("hosted_apps", &Value::Null), ("contributions", &Value::Null)]);
    if is_wide(case) {
        wide_defaults(case, form);
    }
}

/// Whether a case has a part that only wide ones have, so that the subject knows the others.
fn is_wide(case: &Map<String, Value>) -> bool {
    let plugins = case.get("plugins").and_then(Value::as_array).into_iter().flatten();
    let mut of_plugins = plugins.filter_map(Value::as_object);
    let has = |members: &Map<String, Value>, names: &[&str]| {
        names.iter().any(|name| members.get(*name).is_some_and(|value| !value.is_null()))
    };
    has(case, &["thread", "requirements"])
        || of_plugins.any(|one| has(one, &["apps", "policy", "root"]))
}

/// The same for the members of a wide case.
fn wide_defaults(case: &mut Map<String, Value>, form: Form) {
    let (none, empty) = (Value::Null, Value::Object(Map::new()));
    let optional = |table: Option<&mut Value>, names: &[(&str, &Value)]| {
        if let Some(table) = table.and_then(Value::as_object_mut) {
            names
                .iter()
                .for_each(|(name, is_default)| default_member(form, table, name, is_default));
        }
    };
    for plugin in case.get_mut("plugins").and_then(Value::as_array_mut).into_iter().flatten() {
        let policies = plugin.get_mut("policy").and_then(Value::as_object_mut);
        for policy in policies.into_iter().flat_map(Map::values_mut) {
            let tools = policy.get_mut("tools").and_then(Value::as_object_mut);
            for tool in tools.into_iter().flat_map(Map::values_mut) {
                optional(Some(tool), &[("approval_mode", &none)]);
            }
            let texts =
                ["enabled", "default_tools_approval_mode", "enabled_tools", "disabled_tools"];
            optional(Some(policy), &texts.map(|name| (name, &none)));
            optional(Some(policy), &[("tools", &empty)]);
        }
        optional(Some(plugin), &[("apps", &empty), ("policy", &empty), ("root", &none)]);
    }
    if let Some(thread) = case.get_mut("thread") {
        let selected = thread.get_mut("selected_plugins").and_then(Value::as_array_mut);
        for plugin in selected.into_iter().flatten() {
            optional(Some(plugin), &[("mcp_servers", &empty)]);
        }
        let no_list = Value::Array(Vec::new());
        let names =
            [("originator", &none), ("environments", &none), ("selected_plugins", &no_list)];
        optional(Some(thread), &names);
    }
    if let Some(requirements) = case.get_mut("requirements") {
        let plugins = requirements.get_mut("plugins").and_then(Value::as_object_mut);
        for plugin in plugins.into_iter().flat_map(Map::values_mut) {
            optional(Some(plugin), &[("mcp_servers", &empty)]);
        }
        let names = [("mcp_servers", &none), ("plugins", &none), ("features", &empty)];
        optional(Some(requirements), &names);
    }
    default_member(form, case, "thread", &none);
    default_member(form, case, "requirements", &none);
}

/// Writes JSON in a form.
struct Writer<'a> {
    form: Form,
    in_case: bool,
    numbers: usize,
    bytes: &'a mut Vec<u8>,
}

impl Writer<'_> {
    fn length_of_request(&self, seq: u64, case: &Value) -> usize {
        let mut bytes = Vec::new();
        Writer { form: self.form, in_case: false, numbers: 0, bytes: &mut bytes }
            .request(seq, case);
        bytes.len()
    }

    fn request(&mut self, seq: u64, case: &Value) {
        let (cmd, seq) = (Value::from("resolve"), Value::from(seq));
        let mut members = vec![("cmd", &cmd), ("seq", &seq), ("case", case)];
        let later = serde_json::json!({"seq": 0, "case": [null, {"cmd": "stop"}]});
        let decoys = [Value::from("stop"), Value::from(0), Value::Object(Map::new())];
        match self.form {
            Form::UnknownMembers => {
                members.insert(0, ("aaa_later", &later));
                members.push(("zzz_later", &later));
            }
            Form::DuplicateMembers => {
                let names = ["cmd", "seq", "case"];
                let doubled: Vec<_> = names.into_iter().zip(&decoys).collect();
                members.splice(0..0, doubled);
            }
            _ => {}
        }
        self.object(members);
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                let members: Vec<(&str, &Value)> =
                    members.iter().map(|(name, value)| (name.as_str(), value)).collect();
                let decoys: Vec<Value> = members.iter().map(|(_, value)| decoy(value)).collect();
                let names = members.iter().map(|(name, _)| *name);
                let mut all = Vec::new();
                if self.in_case && self.form == Form::DuplicateMembersOfCase {
                    all.extend(names.zip(&decoys));
                }
                all.extend(members.iter().copied());
                self.object(all);
            }
            Value::Array(elements) => {
                self.bytes.push(b'[');
                for (position, element) in elements.iter().enumerate() {
                    if position > 0 {
                        self.bytes.push(b',');
                    }
                    self.space();
                    self.value(element);
                }
                self.space();
                self.bytes.push(b']');
            }
            Value::String(text) => self.text(text),
            Value::Number(number) if self.form == Form::Exponents => {
                self.numbers += 1;
                self.bytes.extend(spelled(number, self.numbers).bytes());
            }
            plain => self.bytes.extend(plain.to_string().bytes()),
        }
    }

    fn object(&mut self, mut members: Vec<(&str, &Value)>) {
        if self.form == Form::MemberOrder {
            members.reverse();
        }
        self.bytes.push(b'{');
        for (position, (name, value)) in members.into_iter().enumerate() {
            if position > 0 {
                self.bytes.push(b',');
            }
            self.space();
            self.text(name);
            self.space();
            self.bytes.push(b':');
            self.space();
            let outside = !self.in_case;
            self.in_case |= name == "case";
            self.value(value);
            self.in_case &= !outside;
        }
        self.space();
        self.bytes.push(b'}');
    }

    fn space(&mut self) {
        if self.form == Form::WhiteSpace {
            self.bytes.extend_from_slice(b" \t\r ");
        }
    }

    fn text(&mut self, text: &str) {
        if self.form != Form::Escapes {
            self.bytes.extend(Value::from(text).to_string().bytes());
            return;
        }
        self.bytes.push(b'"');
        for (position, unit) in text.encode_utf16().enumerate() {
            let escaped = match position % 2 {
                _ if unit == u16::from(b'/') => "\\/".to_owned(),
                0 => format!("\\u{unit:04x}"),
                _ => format!("\\u{unit:04X}"),
            };
            self.bytes.extend(escaped.bytes());
        }
        self.bytes.push(b'"');
    }
}

/// A valid value that is not the same.
fn decoy(value: &Value) -> Value {
    match value {
        Value::Null => "decoy".into(),
        Value::Bool(value) => (!value).into(),
        Value::Number(_) => 0.into(),
        Value::String(_) => "decoy".into(),
        Value::Array(_) => Value::Array(Vec::new()),
        Value::Object(_) => Value::Object(Map::new()),
    }
}

/// A number that is no integer with an exponent, written in one way or the other; beyond 64 bits with all its digits.
fn spelled(number: &Number, way: usize) -> String {
    const BEYOND_64_BITS: std::ops::Range<f64> = 18_446_744_073_709_551_616.0..1e38;
    match number.as_f64().filter(|_| number.is_f64()) {
        // `Display` gives no more digits than tell a double from the next one.
        Some(float) if BEYOND_64_BITS.contains(&float) => (float as u128).to_string(),
        Some(float) if way % 3 == 1 => format!("{float:E}").replace('E', "E+").replace("E+-", "E-"),
        Some(float) if way % 3 == 2 => format!("{float:E}"),
        Some(float) => format!("{float:e}"),
        None => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::form::Numbering;
    use super::*;

    fn case() -> Case {
        let written = serde_json::json!({
            "host": {"mcp_servers": {"\u{1f980}": {"command": "c", "enabled": true}}},
            "plugins": [{"id": "p"}], "auth": "chatgpt",
        });
        serde_json::from_value(written).unwrap()
    }

    fn wide_case() -> Case {
        let written = serde_json::json!({
            "thread": {"selected_plugins": [{"id": "s", "environment_id": "e", "root": "/s"}]},
            "plugins": [{"id": "p", "policy": {"a": {"tools": {"t": {}}}}}],
            "requirements": {"plugins": {"p": {}}},
        });
        serde_json::from_value(written).unwrap()
    }

    #[test]
    fn null_is_written_for_every_optional_member_of_a_wide_case() {
        let mut bytes = Vec::new();
        Form::NullMembers.write(1, &wide_case(), &mut bytes);
        let request: Value = serde_json::from_slice(&bytes).unwrap();
        for place in [
            "thread/originator",
            "thread/environments",
            "thread/selected_plugins/0/mcp_servers",
            "plugins/0/apps",
            "plugins/0/root",
            "plugins/0/policy/a/enabled_tools",
            "plugins/0/policy/a/tools/t/approval_mode",
            "requirements/mcp_servers",
            "requirements/features",
            "requirements/plugins/p/mcp_servers",
        ] {
            assert_eq!(request.pointer(&format!("/case/{place}")), Some(&Value::Null), "{place}");
        }
        let read: Case = serde_json::from_value(request["case"].clone()).unwrap();
        assert_eq!(read, wide_case());
    }

    /// A reader that keeps the last of two members reads the same request in every form.
    #[test]
    fn every_form_is_the_same_request() {
        for form in Form::ALL {
            let mut bytes = Vec::new();
            form.write(7, &case(), &mut bytes);
            let line = bytes.strip_suffix(b"\n").unwrap();
            let line = line.split(|byte| *byte == b'\n').next_back().unwrap();
            let mut request: Value = serde_json::from_slice(line).unwrap();
            assert_eq!((&request["cmd"], &request["seq"]), (&"resolve".into(), &7.into()));
            let mut read: Case = serde_json::from_value(request["case"].take()).unwrap();
            read.id.clear();
            read.host.as_object_mut().unwrap().remove("mcp_overlay_unknown");
            assert_eq!(read, case(), "{form}");
            assert_eq!(form == Form::LongLine, line.len() == MAX_LINE, "{form}: {}", line.len());
        }
    }

    #[test]
    fn a_deep_case_has_120_levels() {
        let mut bytes = Vec::new();
        Form::DeepCase.write(1, &case(), &mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        // The request is one more level.
        assert_eq!(text.matches("[").count(), DEPTH - 2 + 1, "{text}");
    }

    #[test]
    fn an_unknown_profile_is_not_a_case() {
        for seq in 0..4 {
            let mut bytes = Vec::new();
            Form::write_unknown(seq, &case(), &mut bytes);
            let request: Value = serde_json::from_slice(&bytes).unwrap();
            let name = request["case"]["profile"].as_str().unwrap();
            assert!(Profile::ALL.iter().all(|profile| profile.name() != name), "{name}");
            assert!(serde_json::from_value::<Case>(request["case"].clone()).is_err());
        }
        let numbering = Numbering::new(Some(Form::UnknownProfile), 1, 6);
        assert_eq!([2, 3].map(|position| numbering.is_unknown(position)), [false, true]);
    }
}
