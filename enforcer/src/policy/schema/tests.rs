//! The schema has the keys of the language, and takes what validation takes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use serde_json::Value;

use super::schema;
use crate::policy::parse;
use crate::policy::raw::{self, Keys};
use crate::policy::source::{Bundle, File};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn validator() -> Validator {
    jsonschema::draft202012::new(&schema()).unwrap()
}

fn keys(definition: &Value) -> BTreeSet<String> {
    definition["properties"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect()
}

#[test]
fn it_has_the_keys_that_are_read_and_no_others() {
    let schema = schema();
    let defs = &schema["$defs"];
    let read: [(&Value, &[&str]); 21] = [
        (&schema, raw::Document::KEYS),
        (&defs["defaults"], raw::Defaults::KEYS),
        (&defs["network"], raw::Network::KEYS),
        (&defs["guards"], raw::Guards::KEYS),
        (&defs["on_error"]["anyOf"][1], raw::OnError::KEYS),
        (&defs["control_frames"], raw::ControlFrames::KEYS),
        (&defs["timeouts"], raw::Timeouts::KEYS),
        (&defs["port"], raw::Port::KEYS),
        (&defs["profile"], raw::Profile::KEYS),
        (&defs["rule"], raw::Rule::KEYS),
        (&defs["limit"], raw::Limit::KEYS),
        (&defs["dicom"], raw::Dicom::KEYS),
        (&defs["hl7"], raw::Hl7::KEYS),
        (&defs["modbus"], raw::Modbus::KEYS),
        (&defs["bacnet"], raw::Bacnet::KEYS),
        (&defs["moment_in_zone"], raw::Moment::KEYS),
        (&defs["window"], raw::Window::KEYS),
        (&defs["device"], raw::Device::KEYS),
        (&defs["signature"], raw::Signature::KEYS),
        (&defs["part"], raw::Part::KEYS),
        (&defs["test"], raw::Test::KEYS),
    ];
    for (definition, keys_read) in read {
        let keys_read: BTreeSet<_> = keys_read.iter().map(|key| (*key).to_owned()).collect();
        assert_eq!(keys(definition), keys_read);
        assert_eq!(definition["additionalProperties"], false);
    }
}

#[test]
fn it_is_a_schema_of_its_draft_without_loose_ends() {
    let schema = schema();
    jsonschema::draft202012::meta::validate(&schema).unwrap_or_else(|error| panic!("{error}"));
    let text = schema.to_string();
    for reference in text.split("\"#/$defs/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schema["$defs"].get(name).is_some(), "{name}");
    }
}

/// Asserts that schema and validation agree that a policy is right.
fn accept(validator: &Validator, path: &str, text: &str) {
    let value: Value = serde_yaml::from_str(text).unwrap();
    let errors: Vec<_> = validator
        .iter_errors(&value)
        .map(|error| format!("{path}: {}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn the_shipped_policies_are_right() {
    let validator = validator();
    let mut checked = 0;
    for entry in fs::read_dir(root().join("policies")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "yaml") {
            let text = fs::read_to_string(&path).unwrap();
            accept(&validator, &path.display().to_string(), &text);
            checked += 1;
        }
    }
    assert!(checked >= 5);
}

#[test]
fn the_policies_of_the_reference_are_right() {
    let validator = validator();
    let text = fs::read_to_string(root().join("docs/policy.md")).unwrap();
    let fences = text.split("```yaml\n").skip(1);
    let mut checked = 0;
    for fence in fences {
        let fence = fence.split("```").next().unwrap();
        accept(&validator, "docs/policy.md", fence);
        checked += 1;
    }
    assert!(checked >= 10);
}

#[test]
fn included_files_are_right() {
    accept(
        &validator(),
        "devices.yaml",
        "devices: [{name: P-1, mac: 02-00-00-00-00-01, vlan: '10.20', profile: pump, ip: [dhcp, 'fd00::1']}]",
    );
}

#[test]
fn places_of_signatures_are_right() {
    let parts: String = ["0-64", "0..64", "4..", "-8", "-8..4", "-8..-4", "-8.."]
        .map(|place| format!(", {{bytes: '00 ff', after: {place}}}"))
        .concat();
    accept(
        &validator(),
        "signatures.yaml",
        &format!(
            "signatures: [{{name: s, tcp: [0-79, 81], udp: 0, find: [{{text: a, at: 4..}}{parts}]}}]"
        ),
    );
}

/// Each with one thing wrong; validation agrees.
const WRONG: [&str; 29] = [
    "{}",
    "version: 2",
    "version: 1\nprofile: {}",
    "version: 1\ndefaults: {mode: block}",
    "version: 1\ndefaults: {adopt_sessions: 5}",
    "version: 1\ndefaults: {timeouts: {tcp: 5m}}",
    "version: 1\nports: {eth1: {vlans: [4095]}}",
    "version: 1\nports: {'eth 1': {}}",
    "version: 1\npeers: {any: 10.0.0.1}",
    "version: 1\npeers: {a: engine}",
    "version: 1\npeers: {a: 'group:nobody'}",
    "version: 1\nprofiles: {Pump: {}}",
    "version: 1\nprofiles: {p: {fragments: allow}}",
    "version: 1\nprofiles: {p: {on_error: {bad: allow}}}",
    "version: 1\nprofiles: {p: {ethertypes: [0x5ff]}}",
    "version: 1\nprofiles: {p: {allow: [{to: any}]}}",
    "version: 1\nprofiles: {p: {allow: [{to: any, from: any, tcp: 1}]}}",
    "version: 1\nprofiles: {p: {allow: [{to: any, tcp: 65536}]}}",
    "version: 1\nprofiles: {p: {allow: [{to: any, protocol: 6}]}}",
    "version: 1\nprofiles: {p: {allow: [{from: 'dns:a.example.org', tcp: 1}]}}",
    "version: 1\nprofiles: {p: {allow: [{to: any, tcp: 1, expires: 2027-03-01}]}}",
    "version: 1\nprofiles: {p: {allow: [{to: any, tcp: 1, schedule: {days: [monday], from: '08:00', until: '09:00', zone: UTC}}]}}",
    "version: 1\nprofiles: {p: {}}\ndevices: [{name: d, mac: '02:00', profile: p}]",
    "version: 1\nsignatures: [{name: s, tcp: 1, find: [{text: a, at: -8}]}]",
    "version: 1\nsignatures: [{name: s, tcp: 1, find: [{text: a, at: -8..4}]}]",
    "version: 1\nsignatures: [{name: s, tcp: 1, find: [{text: a}, {text: b, after: -8-4}]}]",
    "version: 1\nsignatures: [{name: s, tcp: 1, find: [{text: a}, {text: b, after: ..4}]}]",
    "version: 1\nsignatures: [{name: s, tcp: 00-4, find: [{text: a}]}]",
    "version: 1\ntests: [{from: 10.0.0.1, to: 10.0.0.2, tcp: 1, expect: maybe}]",
];

#[test]
fn what_is_wrong_is_refused_by_both() {
    let validator = validator();
    for text in WRONG {
        let value: Value = serde_yaml::from_str(text).unwrap();
        assert!(!validator.is_valid(&value), "{text}");
        let main = File {
            path: "p.yaml".into(),
            text: text.into(),
        };
        let bundle = Bundle {
            main,
            included: Vec::new(),
        };
        assert!(parse(&bundle).is_err(), "{text}");
    }
}
