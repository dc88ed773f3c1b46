//! The policy language as a JSON Schema, for editors. Says what has which form;
//! what names mean, and what goes together, only validation knows. Made from the
//! tables that validation reads.

use serde_json::{Map, Value, json};

mod application;
mod parts;
mod signature;
#[cfg(test)]
mod tests;
mod values;

use parts::{defaults, device, expectation, port, profile, rule};
use signature::{part, signature};
use values::{name, one_or_many, reference};

/// The JSON Schema (draft 2020-12) of a policy's main file and of included ones.
pub fn schema() -> Value {
    let mut schema = object(
        "A policy of the enforcer, version 1",
        [
            (
                "version",
                json!({"const": 1, "description": "Version of the policy language"}),
            ),
            ("defaults", reference("defaults")),
            ("ports", section("What each port may carry", "port")),
            ("peers", peers()),
            (
                "profiles",
                section("Kinds of devices and their rules", "profile"),
            ),
            ("devices", list("The devices", "device")),
            (
                "include",
                one_or_many(
                    json!({"type": "string", "pattern": r"\.([yY][aA]?[mM][lL]|[cC][sS][vV])$"}),
                    "Files with more devices, beside this one",
                ),
            ),
            (
                "signatures",
                list("What of payloads is looked for", "signature"),
            ),
            ("tests", list("What must become of first packets", "test")),
        ],
    );
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("Enforcer policy");
    schema["type"] = json!("object");
    // An included file holds devices and signatures alone.
    schema["if"] =
        json!({"propertyNames": {"enum": ["devices", "signatures"]}, "minProperties": 1});
    schema["else"] = json!({"required": ["version"]});
    schema["$defs"] = definitions();
    schema
}

fn definitions() -> Value {
    let all = parts::settings()
        .into_iter()
        .chain(application::applications())
        .chain([
            ("defaults", defaults()),
            ("port", port()),
            ("profile", profile()),
            ("rule", rule()),
            ("device", device()),
            ("signature", signature()),
            ("part", part()),
            ("test", expectation()),
        ]);
    let named = all.map(|(name, definition)| (name.to_owned(), definition));
    Value::Object(named.collect())
}

/// A mapping with these keys and no others; nothing below it counts as empty.
fn object<const N: usize>(description: &str, properties: [(&str, Value); N]) -> Value {
    let properties: Map<String, Value> = properties
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
    json!({
        "description": description,
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": false,
    })
}

/// As [`object`], where something is needed.
fn entry<const N: usize>(
    description: &str,
    required: &[&str],
    properties: [(&str, Value); N],
) -> Value {
    let mut entry = object(description, properties);
    entry["type"] = json!("object");
    entry["required"] = json!(required);
    entry
}

/// A mapping from names to definitions.
fn section(description: &str, definition: &str) -> Value {
    let names = match definition {
        "port" => json!({"pattern": r"^[^\s/:]{1,15}$"}),
        _ => name(),
    };
    json!({
        "description": description,
        "type": ["object", "null"],
        "propertyNames": names,
        "additionalProperties": reference(definition),
    })
}

fn list(description: &str, definition: &str) -> Value {
    json!({
        "description": description,
        "type": ["array", "null"],
        "items": reference(definition),
    })
}

fn peers() -> Value {
    json!({
        "description": "Names for addresses",
        "type": ["object", "null"],
        "propertyNames": name(),
        "additionalProperties": one_or_many(
            values::addresses(),
            "Addresses, prefixes, ranges and groups of receivers",
        ),
    })
}
