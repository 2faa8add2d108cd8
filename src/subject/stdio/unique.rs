//! Finds a member that an object of a line has twice. Most JSON readers keep the last one and say
//! nothing, so that a subject could answer both right and wrong.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

/// The place of the first duplicate member, such as `views.runtime.docs`; `None` without one, or if
/// the line is not JSON.
pub(super) fn duplicate_member(line: &[u8]) -> Option<String> {
    let mut found = None;
    let mut json = serde_json::Deserializer::from_slice(line);
    // An error ends the reading: a duplicate was found, or it is not JSON.
    let _ = Unique { found: &mut found }.deserialize(&mut json);
    found.map(|mut names: Vec<String>| {
        names.reverse();
        names.join(".")
    })
}

/// Reads a value of any kind, up to the first duplicate member.
struct Unique<'a> {
    /// The names that lead to the member, the innermost first.
    found: &'a mut Option<Vec<String>>,
}

impl<'de> DeserializeSeed<'de> for Unique<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut names = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if names.contains(&name) {
                *self.found = Some(vec![name]);
                return Err(A::Error::custom("a duplicate member"));
            }
            if let Err(error) = map.next_value_seed(Unique { found: self.found }) {
                self.found.iter_mut().for_each(|found| found.push(name.clone()));
                return Err(error);
            }
            names.insert(name);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        for position in 0.. {
            match list.next_element_seed(Unique { found: self.found }) {
                Ok(Some(())) => {}
                Ok(None) => break,
                Err(error) => {
                    self.found.iter_mut().for_each(|found| found.push(format!("[{position}]")));
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duplicate_is_found_at_any_depth() {
        for (line, place) in [
            (r#"{"seq":1,"seq":1}"#, Some("seq")),
            (r#"{"views":{"runtime":{"a":{},"b":1,"a":{}}}}"#, Some("views.runtime.a")),
            (r#"{"x":[1,{"y":[{"a":1,"\u0061":2}]}]}"#, Some("x.[1].y.[0].a")),
            (r#"{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}],"c":null,"d":1.5,"e":-1,"f":true}"#, None),
            (r#"{"a":1,"#, None),
            ("nonsense", None),
        ] {
            assert_eq!(duplicate_member(line.as_bytes()).as_deref(), place, "{line}");
        }
    }
}
