//! Reads settings into the types that describe them, by serde.
//!
//! The reader of `serde_json` reports one text in the words of JSON (`invalid type: sequence, expected a string`), to
//! which `serde_path_to_error` could add the key. An [`Invalid`] has the key, the known one that was meant, and the hint.
//! A known key whose value is null counts as absent.

use std::iter::Enumerate;
use std::slice;

use serde::de::{DeserializeSeed, Error, IntoDeserializer, MapAccess, SeqAccess, Unexpected};
use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::{Map, Value, map};

use crate::settings::invalid::Invalid;

/// Reads the value of `key`.
pub(crate) fn setting<'a, T: Deserialize<'a>>(key: &str, value: &'a Value) -> Result<T, Invalid> {
    T::deserialize(Setting(value)).map_err(|invalid| invalid.below(key))
}

/// A value of the settings.
#[derive(Clone, Copy)]
struct Setting<'a>(&'a Value);

impl<'de> Deserializer<'de> for Setting<'de> {
    type Error = Invalid;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Invalid> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(flag) => visitor.visit_bool(*flag),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (None, Some(number)) => visitor.visit_i64(number),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(list) => visitor.visit_seq(Items(list.iter().enumerate())),
            Value::Object(map) => visitor.visit_map(Entries::of(map, &[])),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Invalid> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Invalid> {
        match self.0 {
            Value::Object(map) => visitor.visit_map(Entries::of(map, fields)),
            // serde would take the values of a list for the fields, one after the other.
            Value::Array(_) => Err(Invalid::invalid_type(Unexpected::Seq, &visitor)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Invalid> {
        match self.0 {
            Value::String(word) => visitor.visit_enum(word.as_str().into_deserializer()),
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map identifier ignored_any
    }
}

/// The entries of a map.
struct Entries<'a> {
    rest: map::Iter<'a>,
    /// The keys that are absent if their value is null.
    optional: &'static [&'static str],
    value: Option<(&'a str, &'a Value)>,
}

impl<'a> Entries<'a> {
    fn of(map: &'a Map<String, Value>, optional: &'static [&'static str]) -> Self {
        Self { rest: map.iter(), optional, value: None }
    }
}

impl<'a> MapAccess<'a> for Entries<'a> {
    type Error = Invalid;

    fn next_key_seed<K: DeserializeSeed<'a>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Invalid> {
        let optional = self.optional;
        let next =
            self.rest.find(|(key, value)| !value.is_null() || !optional.contains(&key.as_str()));
        self.value = next.map(|(key, value)| (key.as_str(), value));
        self.value.map(|(key, _)| seed.deserialize(key.into_deserializer())).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, Invalid> {
        let (key, value) = self.value.take().unwrap_or(("", &Value::Null));
        seed.deserialize(Setting(value)).map_err(|invalid| invalid.below(key))
    }
}

/// The items of a list.
struct Items<'a>(Enumerate<slice::Iter<'a, Value>>);

impl<'a> SeqAccess<'a> for Items<'a> {
    type Error = Invalid;

    fn next_element_seed<T: DeserializeSeed<'a>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Invalid> {
        let Some((index, value)) = self.0.next() else { return Ok(None) };
        let item = seed.deserialize(Setting(value));
        item.map(Some).map_err(|invalid| invalid.below(&format!("[{index}]")))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::settings::names::User;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, expecting = "a map")]
    struct Section {
        #[serde(default)]
        flag: bool,
        names: Option<Vec<String>>,
        inner: Option<Box<Section>>,
        user: Option<User>,
        map: Option<BTreeMap<String, String>>,
    }

    fn read(value: &Value) -> Result<Section, Invalid> {
        setting("top", value)
    }

    #[test]
    fn an_error_has_the_whole_key() {
        for (value, message) in [
            (json!([true]), "top: wants a map, and has a list"),
            (json!({"flag": "x"}), "top.flag: wants true or false, and has text"),
            (json!({"names": "x"}), "top.names: wants a list like [a, b], and has text"),
            (json!({"names": ["x", 1]}), "top.names[1]: wants text, and has a number"),
            (json!({"map": {"a": null}}), "top.map.a: wants text, and has nothing"),
            (json!({"inner": {"inner": {"user": "-x"}}}), "top.inner.inner.user: the user '-x' "),
            (json!({"inner": {"falg": null}}), "top.inner.falg: unknown key; known are flag, "),
        ] {
            let told = read(&value).unwrap_err().to_string();
            assert!(told.starts_with(message), "{told}");
        }
    }

    #[test]
    fn an_error_keeps_its_hint_and_the_key_that_was_meant() {
        let unknown = read(&json!({"inner": {"falg": true}})).unwrap_err();
        assert!(unknown.is_unknown);
        assert_eq!(unknown.meant.as_deref(), Some("top.inner.flag"));
        let hinted = read(&json!({"user": "a;b"})).unwrap_err();
        assert!(hinted.hint.is_some(), "{hinted:?}");
        assert!(!hinted.to_string().contains(&hinted.hint.unwrap()));
    }

    #[test]
    fn null_counts_as_absent() {
        let null = json!({"flag": null, "names": null, "inner": null, "user": null, "map": null});
        assert_eq!(read(&null), read(&json!({})));
    }
}
