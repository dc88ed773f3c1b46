//! The mappings of signatures.

use enforcer_common::sanity::FIRST_PREDICATE_ID;
use serde_json::{Value, json};

use super::super::signature::{TCP_FLAGS, UNTIL_RELEASED};
use super::values::{duration, name, named, one_or_many, ports_from_0, switch, text, words};
use super::{entry, list};

pub(super) fn signature() -> Value {
    let id = json!({
        "description": "Number for metrics and logs, unique",
        "type": "integer", "minimum": 1, "maximum": FIRST_PREDICATE_ID - 1,
    });
    let mut name = name();
    name["description"] = json!("Unique");
    let service = |what: &str| one_or_many(ports_from_0(), what);
    entry(
        "What an attack, or an unwanted use, looks like on the wire",
        &["name", "find"],
        [
            ("name", name),
            ("id", id),
            ("message", text("What it tells of, for people")),
            (
                "references",
                one_or_many(text("A CVE number, an advisory, an address"), "Sources"),
            ),
            (
                "severity",
                words(
                    "How bad it is; medium if left out",
                    &["info", "low", "medium", "high", "critical"],
                ),
            ),
            (
                "action",
                words(
                    "What follows a hit; drop if left out",
                    &["alert", "drop", "cut"],
                ),
            ),
            (
                "quarantine",
                json!({"anyOf": [
                    {"const": UNTIL_RELEASED},
                    duration("How long a device is cut off that sent it"),
                ]}),
            ),
            (
                "from",
                words(
                    "Whose bytes are looked at; the client's if left out",
                    &["client", "server", "either"],
                ),
            ),
            (
                "begin",
                words(
                    "Where places of a TCP connection count from; the connection if left out",
                    &["connection", "turn", "segment"],
                ),
            ),
            ("tcp_flags", tcp_flags()),
            ("tcp", service("TCP ports of the end that was asked")),
            ("udp", service("UDP ports of the end that was asked")),
            (
                "profiles",
                one_or_many(
                    named("A profile"),
                    "Profiles whose devices it is for; all if left out",
                ),
            ),
            (
                "tags",
                one_or_many(
                    named("A tag"),
                    "Tags of which a device has one that it is for; all devices if left out",
                ),
            ),
            (
                "length",
                json!({
                    "description": "Bytes of the datagram or segment: 4, 0-64 or 0..64, or 4.. for no end",
                    "anyOf": [
                        {"type": "integer", "minimum": 1, "maximum": u16::MAX},
                        {"type": "string", "pattern": r"^\s*[0-9]+\s*(-\s*[0-9]+\s*|\.\.\s*([0-9]+\s*)?)?$"},
                    ],
                }),
            ),
            (
                "ends",
                switch("Whether the last part ends the datagram or segment"),
            ),
            ("threshold", threshold()),
            (
                "find",
                list("Its parts, in the order of the payload", "part"),
            ),
        ],
    )
}

fn threshold() -> Value {
    entry(
        "How often it must be hit before it acts",
        &["hits", "within", "per"],
        [
            (
                "hits",
                json!({"description": "It acts with this hit", "type": "integer", "minimum": 1, "maximum": u32::MAX}),
            ),
            ("within", duration("Time from the first hit on")),
            (
                "per",
                words(
                    "By which address of the packet hits are counted",
                    &["source", "destination"],
                ),
            ),
            (
                "every",
                switch("Whether it acts once for so many hits, and not at each behind them"),
            ),
        ],
    )
}

fn tcp_flags() -> Value {
    let named = TCP_FLAGS.map(|(word, _)| word);
    let flags = |what: &str| one_or_many(words("A flag", &named), what);
    entry(
        "Flags of the segment",
        &[],
        [
            ("set", flags("All of these are set")),
            ("clear", flags("None of these is set")),
            ("any", flags("One of these is set")),
        ],
    )
}

pub(super) fn part() -> Value {
    let number = |width: u32| {
        json!({
            "description": format!("A number of {width} bits, or a comparison such as \"> 14\""),
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": u64::from(u32::MAX) >> (32 - width)},
                {"type": "string", "pattern": r"^\s*(!=|[=<>&])?\s*(0x[0-9a-fA-F]+|[0-9]+)$"},
            ],
        })
    };
    let at = json!({
        "description": "Distance from the beginning of the payload in bytes: 4, 0-64 or 0..64, or 4.. for no end",
        "anyOf": [
            {"type": "integer", "minimum": 0},
            {"type": "string", "pattern": r"^\s*[0-9]+\s*(-\s*[0-9]+\s*|\.\.\s*([0-9]+\s*)?)?$"},
        ],
    });
    let after = json!({
        "description": "Distance from the end of the part before in bytes: 4, -4, 0-64, 0..64 or -8..4, or 4.. for no end",
        "anyOf": [
            {"type": "integer"},
            {"type": "string", "pattern": r"^\s*(-?[0-9]+\s*(\.\.\s*(-?[0-9]+\s*)?)?|[0-9]+\s*-\s*[0-9]+\s*)$"},
        ],
    });
    let bytes = json!({
        "description": "Pairs of hexadecimal digits",
        "type": "string", "pattern": "^ *([0-9a-fA-F] *[0-9a-fA-F] *)+$",
    });
    let mask = json!({
        "description": "Bits of a number that count",
        "anyOf": [
            {"type": "integer", "minimum": 0},
            {"type": "string", "pattern": r"^(0x[0-9a-fA-F]+|[0-9]+)$"},
        ],
    });
    entry(
        "One condition: text, bytes or a number, and where it stands",
        &[],
        [
            ("not", switch("Whether it must not be there")),
            ("text", text("These characters")),
            ("bytes", bytes),
            ("nocase", switch("Whether letters may be of either case")),
            ("u8", number(8)),
            ("u16", number(16)),
            ("u32", number(32)),
            ("mask", mask),
            (
                "jump",
                words(
                    "A number of this width says where the next part counts from",
                    &["u8", "u16", "u32"],
                ),
            ),
            (
                "multiply",
                json!({"description": "By what the number is multiplied", "type": "integer", "minimum": 1, "maximum": u16::MAX}),
            ),
            ("align", switch("Whether that is made a multiple of four")),
            (
                "add",
                json!({"description": "Bytes that are added to that", "type": "integer"}),
            ),
            (
                "from",
                words(
                    "Where a jump counts from; the number's end if left out",
                    &["end", "beginning"],
                ),
            ),
            (
                "endian",
                words("Order of a number's bytes", &["big", "little"]),
            ),
            ("at", at),
            ("after", after),
        ],
    )
}
