//! Where the parts of a signature stand, and the ports that it names.

use super::super::model::Service;
use super::*;

/// A signature with a first part and this one.
fn with_part(place: &str) -> String {
    format!(
        "{HEAD}signatures:\n  - {{name: s, tcp: any, find: [{{text: ab, at: 2}}, {{text: c, {place}}}]}}\n"
    )
}

fn of(place: &str) -> (bool, i32, Option<i32>) {
    let (model, _) = model(&with_part(place));
    let part = &model.signatures[0].parts[1];
    (part.relative, part.first, part.last)
}

#[test]
fn one_distance_or_a_range_of_them() {
    for (place, relative, first, last) in [
        ("after: 4", true, 4, Some(4)),
        ("after: '4'", true, 4, Some(4)),
        ("after: 0-64", true, 0, Some(64)),
        ("after: 0 - 64", true, 0, Some(64)),
        ("after: 0..64", true, 0, Some(64)),
        ("after: 4 .. 64", true, 4, Some(64)),
        ("after: 4..4", true, 4, Some(4)),
        ("after: 4..", true, 4, None),
        ("after: 0..", true, 0, None),
        ("nocase: true", true, 0, None),
        ("after: -8", true, -8, Some(-8)),
        ("after: -8..4", true, -8, Some(4)),
        ("after: -8..-4", true, -8, Some(-4)),
        ("after: -8..", true, -8, None),
        ("at: 4", false, 4, Some(4)),
        ("at: 4-64", false, 4, Some(64)),
        ("at: 4..64", false, 4, Some(64)),
        ("at: 4..", false, 4, None),
    ] {
        assert_eq!(of(place), (relative, first, last), "{place}");
    }
}

#[test]
fn what_is_no_distance() {
    let expected = |key: &str, message: &str| {
        let column = 63 + key.len();
        vec![format!(
            "p.yaml:3:{column}: error: signatures[0].find[1].{key}: {message}"
        )]
    };
    for text in [
        "-8-4",
        "-8--4",
        "8--4",
        "..4",
        "..",
        "4-",
        "4...8",
        "4 8",
        "a..b",
        "1.5",
        "131073",
        "4..131073",
    ] {
        let told = errors(&with_part(&format!("after: '{text}'")));
        let form =
            "expected a distance in bytes, or a range such as 0..64, -8..4, or 4.. for no end";
        assert_eq!(
            told,
            expected("after", &format!("{form}, found \"{text}\""))
        );
    }
    assert_eq!(
        errors(&with_part("at: [4] ")),
        expected(
            "at",
            "expected a distance in bytes, or a range such as 0..64, or 4.. for no end, found a list"
        )
    );
    for range in ["64-4", "64..4"] {
        assert_eq!(
            errors(&with_part(&format!("at: {range}"))),
            expected(
                "at",
                &format!("the range {range} ends before it begins; did you mean \"4..64\"?")
            )
        );
    }
    for range in ["-8", "-8..4"] {
        assert_eq!(
            errors(&with_part(&format!("at: {range}"))),
            expected(
                "at",
                "nothing is before the beginning of the text; `after` counts from the part before"
            )
        );
    }
}

#[test]
fn ports_of_a_signature_may_be_all_but_some() {
    let signature = |ports: &str| {
        format!("{HEAD}signatures:\n  - {{name: s, tcp: {ports}, find: [{{text: ab}}]}}\n")
    };
    let (model, _) = model(&signature("[0-79, 81-65535, 0]"));
    let services = &model.signatures[0].services;
    let expected = [(0, 79), (81, u16::MAX), (0, 0)];
    assert_eq!(
        *services,
        expected.map(|(first, last)| Service::Tcp(first, last))
    );
    let told = errors(&signature("00"));
    assert_eq!(
        told,
        [
            "p.yaml:3:20: error: signatures[0].tcp: expected a port from 0 to 65535, a range such as 8000-8010, or any, found \"00\""
        ]
    );
}
