//! Input made to hurt, and input that is merely very large.

use std::fmt::Write;

use super::*;

#[test]
fn an_alias_bomb_is_refused_unexpanded() {
    let mut bomb = String::from("version: 1\nl0: &l0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..30 {
        let below = level - 1;
        writeln!(
            bomb,
            "l{level}: &l{level} [*l{below}, *l{below}, *l{below}, *l{below}, *l{below}]"
        )
        .unwrap();
    }
    expect(
        &bomb,
        &["p.yaml:2:5: error: YAML anchors and aliases are not supported"],
    );
}

#[test]
fn deep_nesting_is_refused() {
    for (open, count) in [("[", 10_000), ("{a: ", 10_000), ("- ", 10_000)] {
        let told = errors(&format!("version: 1\nprofiles:\n  {}", open.repeat(count)));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("p.yaml:"), "{told:?}");
    }
}

#[test]
fn too_many_devices_are_one_error() {
    let mut rows = String::from("name,mac,profile\n");
    for number in 0..300_000 {
        writeln!(rows, "d{number},nonsense,none").unwrap();
    }
    let told = failures(&with_devices(HEAD, "d.csv", &rows));
    assert_eq!(
        told,
        ["p.yaml:1:1: error: devices: 300000 devices in all files; a policy has at most 262144"]
    );
}

#[test]
fn one_bad_row_in_very_many_is_found() {
    let mut rows = String::from("name,mac,ip,profile\n");
    for number in 0u32..200_000 {
        let [_, a, b, c] = number.to_be_bytes();
        let profile = if number == 123_456 { "pmup" } else { "pump" };
        writeln!(
            rows,
            "d{number},02:00:00:{a:02x}:{b:02x}:{c:02x},10.{a}.{b}.{c},{profile}"
        )
        .unwrap();
    }
    let told = failures(&with_devices(
        "version: 1\nprofiles: {pump: {}}\n",
        "d.csv",
        &rows,
    ));
    assert_eq!(
        told,
        [
            "d.csv:123458:39: error: devices[123456].profile: no profile \"pmup\"; did you mean \"pump\"?"
        ]
    );
}

#[test]
fn hopeless_files_are_answered_briefly() {
    let rows: String = (0..50_000)
        .map(|number| format!("d {number},x,y\n"))
        .collect();
    let result = parse(&with_devices(
        HEAD,
        "d.csv",
        &format!("name,mac,profile\n{rows}"),
    ));
    let told = result.unwrap_err();
    assert_eq!(
        (told.errors(), told.warnings(), told.iter().count()),
        (150_000, 0, 1_000)
    );
    assert_eq!(told.to_string().lines().count(), 101);
    assert!(
        told.to_string()
            .ends_with("and 149900 more: 150000 errors and 0 warnings in all")
    );
}

#[test]
fn messages_carry_no_control_characters() {
    let told = errors("version: 1\n\"\\e[31mred\": 1\npeers: {a: \"\\e[2J\"}\n");
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|line| !line.contains('\u{1b}')), "{told:?}");
}
