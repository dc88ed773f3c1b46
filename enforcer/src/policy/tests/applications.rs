//! What rules let be said: read, told again, and refused where it cannot be.

use super::super::application::Application;
use super::super::compile::compile;
use super::super::describe;
use super::*;

fn rule(rest: &str) -> String {
    with_rules(&[&format!("{{to: any, {rest}}}")])
}

fn application(rest: &str) -> Application {
    let (model, _) = model(&rule(rest));
    let [rule] = model.profiles[0].rules.as_slice() else {
        panic!("one rule")
    };
    rule.application.clone().unwrap()
}

#[track_caller]
fn rule_error(rest: &str, expected: &str) {
    let told = errors(&rule(rest));
    let [line] = told.as_slice() else {
        panic!("{told:#?}")
    };
    let (place, message) = line.split_once(" error: profiles.p.allow[0].").unwrap();
    assert!(place.starts_with("p.yaml:5:"), "{line}");
    assert_eq!(message, expected);
}

#[test]
fn all_that_can_be_listed() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(
        application("tcp: 104, dicom: {called: [PACS, ' A B '], calling: 4711}"),
        Application::Dicom {
            called: names(&["PACS", "A B"]),
            calling: names(&["4711"]),
        }
    );
    assert_eq!(
        application("tcp: 104, dicom: {}"),
        Application::Dicom {
            called: vec![],
            calling: vec![],
        }
    );
    assert_eq!(
        application(
            "tcp: 2575, hl7: {application: PUMP, facility: [ICU, Süd], message: [ORU^R01, ACK]}"
        ),
        Application::Hl7 {
            application: names(&["PUMP"]),
            facility: names(&["ICU", "Süd"]),
            message: names(&["ORU^R01", "ACK"]),
        }
    );
    assert_eq!(
        application("tcp: 502, modbus: {functions: [16, 1-3, write-single-coil]}"),
        Application::Modbus {
            functions: vec![1, 2, 3, 5, 16],
        }
    );
    assert_eq!(
        application("tcp: 502, modbus: {functions: reading}"),
        Application::Modbus {
            functions: vec![1, 2, 3, 4, 7, 11, 12, 17, 20],
        }
    );
    let bacnet =
        application("udp: 47808, bacnet: {services: [read-property, who-is, network-message]}");
    assert_eq!(
        bacnet,
        Application::Bacnet {
            services: vec![12, 72, 192],
        }
    );
    assert_eq!(
        bacnet.describe(),
        "bacnet services [read-property, who-is, network-message]"
    );
    let (model, _) = model(&rule("name: r, tcp: 104, dicom: {called: PACS}"));
    assert_eq!(
        describe::rule(&model, &model.profiles[0].rules[0]),
        "to any: tcp 104; dicom called [PACS] calling any"
    );
}

#[test]
fn what_cannot_be_listed() {
    rule_error(
        "tcp: 104, dicom: {called: SEVENTEEN_LETTERS}",
        "dicom.called: \"SEVENTEEN_LETTERS\" is no application entity's title: 1 to 16 ASCII characters, no backslash",
    );
    rule_error(
        "tcp: 104, dicom: {called: []}",
        "dicom.called: the list is empty, and would let nothing be said; leave the key out for any",
    );
    rule_error(
        "tcp: 104, dicom: {caled: A}",
        "dicom.caled: no such key; did you mean \"called\"?",
    );
    rule_error(
        "tcp: 2575, hl7: {application: 'A^B'}",
        "hl7.application: \"A^B\" is no name in an HL7 header: 1 to 180 bytes, none of | ^ ~ \\ & and no control character",
    );
    rule_error(
        "tcp: 2575, hl7: {message: oru}",
        "hl7.message: \"oru\" is no type of message; such are ORU^R01, or ORU for all of its events",
    );
    rule_error(
        "tcp: 502, modbus: {functions: 128}",
        "modbus.functions: expected a Modbus function, such as 1, 1-4, or reading, found 128",
    );
    rule_error(
        "tcp: 502, modbus: {functions: [1, write-single-coli]}",
        "modbus.functions[1]: expected a Modbus function, such as 1, 1-4, or reading; found \"write-single-coli\"; did you mean \"write-single-coil\"?",
    );
    rule_error(
        "udp: 47808, bacnet: {services: readproperty}",
        "bacnet.services: expected a BACnet service, such as read-property, or reading; found \"readproperty\"; did you mean \"read-property\"?",
    );
    rule_error(
        "udp: 502, modbus: {}",
        "modbus: modbus is spoken over tcp; the rule allows more; name its `tcp` port alone",
    );
    rule_error(
        "tcp: 104, dicom: {}, hl7: {}",
        "hl7: a rule speaks one protocol, and this one speaks dicom; write two rules",
    );
    let names: Vec<_> = (0..65).map(|number| format!("A{number}")).collect();
    rule_error(
        &format!("tcp: 104, dicom: {{calling: [{}]}}", names.join(", ")),
        "dicom.calling: 65 names; a list has at most 64",
    );
}

#[test]
fn two_lists_for_the_same_are_refused() {
    let with = |rules: &[&str]| compile(&model(&with_rules(rules)).0);
    let one = "{name: one, to: 10.0.0.1, tcp: 104, dicom: {called: A}}";
    let error = with(&[
        one,
        "{name: two, to: 10.0.0.0/24, tcp: 100-110, dicom: {called: B}}",
    ]);
    assert_eq!(
        error.unwrap_err().to_string(),
        "the rules one and two allow the same and let other things be said; join them to one"
    );
    for other in [
        "{name: two, to: 10.0.0.2, tcp: 104, dicom: {called: B}}",
        "{name: two, to: 10.0.0.1, tcp: 105, dicom: {called: B}}",
        "{name: two, from: 10.0.0.1, tcp: 104, dicom: {called: B}}",
        "{name: two, to: 10.0.0.1, tcp: 104}",
        "{name: two, to: 10.0.0.0/24, tcp: 104, dicom: {called: A}}",
        "{name: two, to: 'dns:pacs.example', tcp: 104, dicom: {called: B}}",
    ] {
        with(&[one, other]).unwrap_or_else(|error| panic!("{other}: {error}"));
    }
}
