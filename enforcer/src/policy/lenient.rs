//! Reading without failing on shapes: the leaves, lists and mappings that the
//! raw policy is made of. Works through serde, from whatever format; knows no
//! key of the policy language.

use std::collections::BTreeSet;
use std::marker::PhantomData;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IgnoredAny, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};

/// Reads a `T` from any serde source without failing on shapes.
pub(super) struct Seed<T>(PhantomData<T>);

pub(super) fn seed<T>() -> Seed<T> {
    Seed(PhantomData)
}

/// What can be made of any shape of input, if only a note of what was found.
pub(super) trait Lenient: Sized {
    /// From a single value, or from the mere mark of a shape that does not fit.
    fn from_scalar(found: Scalar) -> Self;

    fn from_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::from_scalar(Scalar::List))
    }

    fn from_mapping<'de, A: MapAccess<'de>>(mut mapping: A) -> Result<Self, A::Error> {
        while mapping.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::from_scalar(Scalar::Mapping))
    }
}

/// A leaf, or what stood where a leaf belongs.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    /// Also integers beyond 64 bits.
    Float(f64),
    Text(String),
    List,
    Mapping,
    /// A value with a YAML tag of its own.
    Tagged,
}

impl Scalar {
    /// What this is, for "expected …, found …".
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) => "text",
            Self::List => "a list",
            Self::Mapping => "a mapping",
            Self::Tagged => "a tagged value",
        }
    }

    /// As the key of a mapping, or as part of a name.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Float(value) => value.to_string(),
            Self::Text(text) => text.clone(),
            Self::Null | Self::List | Self::Mapping | Self::Tagged => self.kind().to_owned(),
        }
    }
}

/// A leaf, or a list of leaves.
#[derive(Debug)]
pub(super) enum OneOrMany {
    One(Scalar),
    Many(Vec<Scalar>),
}

/// A mapping, or one value that stands for it.
#[derive(Debug)]
pub(super) enum Either<T> {
    Scalar(Scalar),
    Mapping(T),
}

/// A mapping, or a list of them.
#[derive(Debug)]
pub(super) enum Several<T> {
    One(T),
    Many(Vec<T>),
}

/// A list; `found` is what stood in its place.
#[derive(Debug)]
pub(super) struct List<T> {
    pub(super) items: Vec<T>,
    pub(super) found: Option<Scalar>,
}

/// A mapping with keys of the author's choice, in order.
#[derive(Debug)]
pub(super) struct Named<T> {
    pub(super) entries: Vec<(String, T)>,
    pub(super) odd: Vec<Oddity>,
}

/// What does not belong into a mapping.
#[derive(Debug)]
pub(super) enum Oddity {
    /// Not a mapping at all.
    Shape(Scalar),
    Unknown(String),
    /// A key written before; its value is ignored here.
    Repeated(String),
}

/// The key of an entry, as text whatever its shape.
pub(super) struct Key(pub(super) String);

impl Lenient for Key {
    fn from_scalar(found: Scalar) -> Self {
        match found {
            Scalar::Text(text) => Self(text),
            other => Self(other.to_text()),
        }
    }
}

impl Lenient for Scalar {
    fn from_scalar(found: Scalar) -> Self {
        found
    }
}

impl Lenient for OneOrMany {
    fn from_scalar(found: Scalar) -> Self {
        Self::One(found)
    }

    fn from_list<'de, A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        elements(list).map(Self::Many)
    }
}

impl<T: Lenient> Lenient for Either<T> {
    fn from_scalar(found: Scalar) -> Self {
        Self::Scalar(found)
    }

    fn from_mapping<'de, A: MapAccess<'de>>(mapping: A) -> Result<Self, A::Error> {
        T::from_mapping(mapping).map(Self::Mapping)
    }
}

impl<T: Lenient> Lenient for Several<T> {
    fn from_scalar(found: Scalar) -> Self {
        Self::One(T::from_scalar(found))
    }

    fn from_list<'de, A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        elements(list).map(Self::Many)
    }

    fn from_mapping<'de, A: MapAccess<'de>>(mapping: A) -> Result<Self, A::Error> {
        T::from_mapping(mapping).map(Self::One)
    }
}

impl<T: Lenient> Lenient for List<T> {
    /// Nothing at all counts as an empty list: `devices:` with all its entries
    /// commented out is no mistake.
    fn from_scalar(found: Scalar) -> Self {
        Self {
            items: Vec::new(),
            found: (found != Scalar::Null).then_some(found),
        }
    }

    fn from_list<'de, A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        Ok(Self {
            items: elements(list)?,
            found: None,
        })
    }
}

impl<T: Lenient> Lenient for Named<T> {
    /// Nothing at all counts as an empty mapping.
    fn from_scalar(found: Scalar) -> Self {
        let odd = if found == Scalar::Null {
            Vec::new()
        } else {
            vec![Oddity::Shape(found)]
        };
        Self {
            entries: Vec::new(),
            odd,
        }
    }

    fn from_mapping<'de, A: MapAccess<'de>>(mut mapping: A) -> Result<Self, A::Error> {
        let mut raw = Self {
            entries: Vec::new(),
            odd: Vec::new(),
        };
        let mut seen = BTreeSet::new();
        while let Some(key) = mapping.next_key_seed(seed::<Key>())? {
            if seen.insert(key.0.clone()) {
                raw.entries.push((key.0, mapping.next_value_seed(seed())?));
                continue;
            }
            raw.odd.push(Oddity::Repeated(key.0));
            mapping.next_value::<IgnoredAny>()?;
        }
        Ok(raw)
    }
}

fn elements<'de, T: Lenient, A: SeqAccess<'de>>(mut list: A) -> Result<Vec<T>, A::Error> {
    let mut items = Vec::new();
    while let Some(item) = list.next_element_seed(seed())? {
        items.push(item);
    }
    Ok(items)
}

impl<'de, T: Lenient> DeserializeSeed<'de> for Seed<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Lenient> Visitor<'de> for Seed<T> {
    type Value = T;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::from_scalar(Scalar::Null))
    }

    /// A document without content.
    fn visit_none<E>(self) -> Result<T, E> {
        Ok(T::from_scalar(Scalar::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<T, E> {
        Ok(T::from_scalar(Scalar::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<T, E> {
        Ok(T::from_scalar(Scalar::Int(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<T, E> {
        Ok(T::from_scalar(
            i64::try_from(value).map_or(Scalar::Float(value as f64), Scalar::Int),
        ))
    }

    fn visit_i128<E>(self, value: i128) -> Result<T, E> {
        Ok(T::from_scalar(Scalar::Float(value as f64)))
    }

    fn visit_u128<E>(self, value: u128) -> Result<T, E> {
        Ok(T::from_scalar(Scalar::Float(value as f64)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<T, E> {
        Ok(T::from_scalar(Scalar::Float(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<T, E> {
        Ok(T::from_scalar(Scalar::Text(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<T, E> {
        Ok(T::from_scalar(Scalar::Text(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        T::from_list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, mapping: A) -> Result<T, A::Error> {
        T::from_mapping(mapping)
    }

    /// serde_yaml presents a value with a tag of its own as an enum.
    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<T, A::Error> {
        let (_, value) = tagged.variant::<IgnoredAny>()?;
        value.newtype_variant::<IgnoredAny>()?;
        Ok(T::from_scalar(Scalar::Tagged))
    }
}
