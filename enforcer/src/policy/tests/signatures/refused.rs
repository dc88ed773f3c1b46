//! What is refused or warned of, and in which words.

use super::*;

#[test]
fn signatures_are_refused_in_their_places() {
    let find = "find: [{text: abc}]";
    refused(
        &format!("name: s, {find}"),
        ": no service; name its ports by `tcp` or `udp`, or write any there",
    );
    refused("name: s, tcp: 80", ".find: missing");
    refused("name: s, tcp: 80, find: []", ".find: the list is empty");
    refused(
        "name: s, tcp: 80, find: abc",
        ".find: expected a list, found \"abc\"",
    );
    refused(&format!("tcp: 80, {find}"), ".name: missing");
    refused(
        &format!("name: Bad Name, tcp: 80, {find}"),
        ".name: \"Bad Name\" is no name for a signature: 1 to 64 of a-z, 0-9, dot, hyphen and underscore, a letter or digit first; did you mean \"bad-name\"?",
    );
    refused(
        &format!("name: any, tcp: 80, {find}"),
        ".name: \"any\" has a meaning of its own and cannot name a signature",
    );
    refused(
        &format!("name: s, id: 0, tcp: 80, {find}"),
        ".id: numbers of signatures begin at 1",
    );
    refused(
        &format!("name: s, id: 4294967296, tcp: 80, {find}"),
        ".id: expected a whole number from 0 to 4294967295, found 4294967296",
    );
    refused(
        &format!("name: s, severity: hgih, tcp: 80, {find}"),
        ".severity: expected info or low or medium or high or critical, found \"hgih\"; did you mean \"high\"?",
    );
    refused(
        &format!("name: s, action: reject, tcp: 80, {find}"),
        ".action: expected alert or drop or cut, found \"reject\"",
    );
    refused(
        &format!("name: s, from: clients, tcp: 80, {find}"),
        ".from: expected client or server or either, found \"clients\"; did you mean \"client\"?",
    );
    refused(
        &format!("name: s, tcp: 70000, {find}"),
        ".tcp: expected a port from 0 to 65535, a range such as 8000-8010, or any, found \"70000\"",
    );
    refused(
        &format!("name: s, udp: [53, 9-8], {find}"),
        ".udp[1]: the range 9-8 ends before it begins; did you mean \"8-9\"?",
    );
    refused(
        &format!("name: s, tcp: 80, profiles: [], {find}"),
        ".profiles: the list is empty; leave the key out for all profiles",
    );
    refused(
        &format!("name: s, tcp: 80, profiles: [pump, montior], {find}"),
        ".profiles[1]: no profile \"montior\"; did you mean \"monitor\"?",
    );
    refused(
        &format!("name: s, tcp: 80, profiles: 7, {find}"),
        ".profiles: expected the name of a profile, found 7",
    );
    refused(
        &format!("name: s, tcp: 80, message: [], {find}"),
        ".message: expected text, found a list",
    );
    refused(
        &format!("name: s, tcp: 80, references: [true], {find}"),
        ".references[0]: YAML reads this as true or false, where text is expected; put it in quotes",
    );
    refused(
        &format!("name: s, tcp: 80, messages: x, {find}"),
        ".messages: no such key; did you mean \"message\"?",
    );
}

#[test]
fn an_empty_list_of_ports_is_refused() {
    let find = "find: [{text: abc}]";
    for key in ["tcp", "udp"] {
        refused(
            &format!("name: s, {key}: [], {find}"),
            &format!(".{key}: the list is empty; leave the key out or write any"),
        );
    }
}

#[test]
fn runs_of_one_byte_are_warned_of() {
    let warnings = |find: &str| {
        let settings = format!("name: s, tcp: 80, find: [{find}]");
        model(&with(&format!("  - {{{settings}}}\n"))).1
    };
    let about = |warnings: &[String]| {
        warnings
            .iter()
            .filter(|line| line.contains("[weak-pattern]") || line.contains("stream-lost"))
            .count()
    };
    assert_eq!(about(&warnings("{bytes: '00 00 00 00', at: 4}")), 1);
    assert_eq!(about(&warnings("{text: aAaA, nocase: true}")), 1);
    assert_eq!(
        about(&warnings(
            "{bytes: '00 00 00 00'}, {bytes: '01 02', after: 0}"
        )),
        0
    );
    assert_eq!(about(&warnings("{bytes: '00 00 00 01'}")), 0);
}
