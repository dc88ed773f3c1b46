//! Schema of the application protocols that a rule may name.

use serde_json::{Value, json};

use super::super::application::{BACNET, MODBUS, MODBUS_FUNCTIONS, NAMES, READING};
use super::object;
use super::values::one_or_many;

pub(super) fn applications() -> [(&'static str, Value); 4] {
    [
        (
            "dicom",
            object(
                "The rule's connections are DICOM associations",
                [
                    ("called", names(title(), "Titles that may be called")),
                    ("calling", names(title(), "Titles that may call")),
                ],
            ),
        ),
        (
            "hl7",
            object(
                "The rule's connections carry HL7 version 2 messages by MLLP",
                [
                    ("application", names(name(), "Sending applications, MSH-3")),
                    ("facility", names(name(), "Sending facilities, MSH-4")),
                    ("message", names(message(), "Types of messages, MSH-9")),
                ],
            ),
        ),
        (
            "modbus",
            object(
                "The rule's connections carry Modbus requests",
                [("functions", one_or_many(functions(), "Functions"))],
            ),
        ),
        (
            "bacnet",
            object(
                "The rule's datagrams are BACnet/IP",
                [("services", one_or_many(words(&BACNET), "Services"))],
            ),
        ),
    ]
}

fn names(name: Value, description: &str) -> Value {
    let mut names = one_or_many(name, description);
    names["anyOf"][1]["maxItems"] = json!(NAMES);
    names
}

fn title() -> Value {
    json!({"type": ["string", "integer"], "pattern": r"^ *[ -\[\]-~]{1,16} *$"})
}

fn name() -> Value {
    json!({"type": ["string", "integer"], "pattern": r"^[^|^~\\&\u0000-\u001f]{1,180}$"})
}

fn message() -> Value {
    json!({"type": "string", "pattern": r"^[A-Z0-9]{3}(\^[A-Z0-9]{3})?$", "examples": ["ORU^R01"]})
}

fn functions() -> Value {
    let (first, last) = MODBUS_FUNCTIONS;
    json!({"anyOf": [
        words(&MODBUS),
        {"type": "integer", "minimum": first, "maximum": last},
        {"type": "string", "pattern": r"^[0-9]{1,3}( *- *[0-9]{1,3})?$", "examples": ["1-4"]},
    ]})
}

fn words(names: &[(&str, u8)]) -> Value {
    let all: Vec<_> = names
        .iter()
        .map(|(name, _)| *name)
        .chain([READING])
        .collect();
    json!({"enum": all})
}
