//! When rules end and when they hold: points in time, zones, schedules.

use super::super::model::Window;
use super::*;

/// 2027-03-01T00:00:00Z.
const MARCH: u32 = 1_803_859_200;
const DAY: u32 = 86_400;

fn expires(value: &str) -> u32 {
    let text = with_rules(&[&format!("{{to: any, tcp: 1, expires: {value}}}")]);
    let parsed = parse_at(&bundle(&text), 0);
    parsed
        .unwrap_or_else(|errors| panic!("{errors}"))
        .0
        .profiles[0]
        .rules[0]
        .expires
}

#[track_caller]
fn rule_error(rest: &str, expected: &str) {
    let told = errors(&with_rules(&[&format!("{{to: any, tcp: 1, {rest}}}")]));
    let [line] = told.as_slice() else {
        panic!("{told:#?}")
    };
    assert!(line.starts_with("p.yaml:5:"), "{line}");
    let (_, message) = line.split_once(" error: profiles.p.allow[0].").unwrap();
    assert_eq!(message, expected);
}

fn schedule(value: &str) -> Vec<Window> {
    let (model, _) = model(&with_rules(&[&format!(
        "{{to: any, tcp: 1, schedule: {value}}}"
    )]));
    model.profiles[0].rules[0].schedule.clone()
}

#[test]
fn every_form_of_an_end_is_the_same_second() {
    for form in [
        "2027-03-01T00:00:00Z",
        "2027-03-01T00:00Z",
        "2027-03-01 01:00:00+01:00",
        "\"2027-03-01T01:00[Europe/Berlin]\"",
        "\"2027-03-01T01:00+01:00[Europe/Berlin]\"",
        "{at: \"2027-03-01 01:00\", zone: Europe/Berlin}",
        "{at: 2027-02-28T16:00:00, zone: america/los_angeles}",
        "{at: 2027-03-01 00:00, zone: UTC}",
    ] {
        assert_eq!(expires(form), MARCH, "{form}");
    }
}

#[test]
fn clocks_that_change_are_followed() {
    let berlin = |local: &str| expires(&format!("{{at: {local}, zone: Europe/Berlin}}"));
    // Summer time is two hours ahead of UTC, winter time one.
    assert_eq!(berlin("2027-07-01 02:00"), expires("2027-07-01T00:00Z"));
    // 02:30 is skipped on 28 March 2027 and comes twice on 31 October.
    assert_eq!(berlin("2027-03-28 02:30"), expires("2027-03-28T01:30Z"));
    assert_eq!(berlin("2027-10-31 02:30"), expires("2027-10-31T00:30Z"));
}

#[test]
fn an_end_in_a_block_needs_no_quotes() {
    let text = "version: 1\nprofiles:\n  p:\n    allow:\n    - to: any\n      tcp: 1\n      expires: 2027-03-01T01:00[Europe/Berlin]\n";
    let (model, _) = parse_at(&bundle(text), 0).unwrap();
    assert_eq!(model.profiles[0].rules[0].expires, MARCH);
}

#[test]
fn ends_without_a_zone_and_other_slips() {
    const FORMS: &str = "write 2027-03-01T00:00:00+01:00, \"2027-03-01T00:00[Europe/Berlin]\" or {at: \"2027-03-01 00:00\", zone: Europe/Berlin}";
    rule_error(
        "expires: 2027-03-01",
        &format!("expires: \"2027-03-01\" has no time of day and no time zone; {FORMS}"),
    );
    rule_error(
        "expires: 2027-03-01 00:00",
        &format!("expires: \"2027-03-01 00:00\" has no time zone; {FORMS}"),
    );
    rule_error(
        "expires: soon",
        &format!("expires: \"soon\" is no date with time and zone; {FORMS}"),
    );
    rule_error(
        "expires: \"2027-03-01[Europe/Berlin]\"",
        &format!("expires: \"2027-03-01[Europe/Berlin]\" has no time of day; {FORMS}"),
    );
    rule_error(
        "expires: 2027",
        "expires: expected a date with time and zone, found 2027",
    );
    rule_error(
        "expires: \"2027-03-01T00:00+05:00[Europe/Berlin]\"",
        &format!(
            "expires: \"2027-03-01T00:00+05:00[Europe/Berlin]\" is no date with time and zone; {FORMS}"
        ),
    );
    rule_error(
        "expires: 2019-12-31T23:59:59Z",
        "expires: 2019-12-31T23:59:59Z is not from 2020 to 2105",
    );
    rule_error(
        "expires: 2106-01-01T00:00:00Z",
        "expires: 2106-01-01T00:00:00Z is not from 2020 to 2105",
    );
    rule_error(
        "expires: \"2027-03-01T00:00[Europe/Berln]\"",
        "expires: no time zone \"Europe/Berln\"; did you mean \"Europe/Berlin\"?",
    );
    rule_error(
        "expires: {at: 2027-03-01, zone: UTC}",
        "expires.at: \"2027-03-01\" is no local date and time such as 2027-03-01 00:00",
    );
    rule_error(
        "expires: {at: 2027-03-01 00:00}",
        "expires.zone: missing; write it here or as `defaults.zone`",
    );
    rule_error(
        "expires: {at: 2027-03-01 00:00, zone: mars}",
        "expires.zone: no time zone \"mars\"; zones are named as in Europe/Berlin, or UTC",
    );
    rule_error("expires: {zone: UTC}", "expires.at: missing");
}

#[test]
fn ends_are_told_ahead() {
    let text = with_rules(&["{name: vendor, to: any, tcp: 1, expires: 2027-03-01T00:00:00Z}"]);
    let told = |now| {
        let (model, warnings) = parse_at(&bundle(&text), now).unwrap();
        assert_eq!(model.profiles[0].rules[0].expires, MARCH);
        let told = lines(&warnings);
        let ends = told.into_iter().filter(|line| line.contains(".expires: "));
        ends.collect::<Vec<_>>()
    };
    assert_eq!(told(MARCH - 15 * DAY), Vec::<String>::new());
    let line = |text: &str| format!("p.yaml:5:50: warning: profiles.p.allow[0].expires: {text}");
    for (now, expected) in [
        (
            MARCH - 14 * DAY,
            "expires in 14 days, on 2027-03-01T00:00:00Z [expires-soon]",
        ),
        (
            MARCH - DAY,
            "expires in 1 day, on 2027-03-01T00:00:00Z [expires-soon]",
        ),
        (
            MARCH - 1,
            "expires in less than a day, on 2027-03-01T00:00:00Z [expires-soon]",
        ),
        (
            MARCH,
            "expired on 2027-03-01T00:00:00Z, matches nothing [expired]",
        ),
    ] {
        assert_eq!(told(now), [line(expected)]);
    }
}

#[test]
fn schedules() {
    let window = |days, from, until, zone: &str| Window {
        days,
        from,
        until,
        zone: zone.to_owned(),
    };
    assert_eq!(
        schedule("{days: [mon, tue], from: \"08:00\", until: 18:30, zone: europe/berlin}"),
        [window(0b11, 480, 1110, "Europe/Berlin")]
    );
    assert_eq!(
        schedule(
            "[{days: weekdays, from: 22:00, until: 6:00, zone: UTC}, {days: [weekend, fri], from: 00:00, until: 24:00, zone: UTC}]"
        ),
        [
            window(0b1_1111, 1320, 360, "UTC"),
            window(0b111_0000, 0, 1440, "UTC"),
        ]
    );
    // Without days it is every day; midnight at the end of a day is 1440.
    assert_eq!(
        schedule("{from: 18:00, until: 00:00, zone: UTC}"),
        [window(0b111_1111, 1080, 1440, "UTC")]
    );
}

#[test]
fn the_zone_of_the_defaults_holds_where_none_is_stated() {
    let rules = with_rules(&[
        "{to: any, tcp: 1, schedule: {from: 08:00, until: 18:00}, expires: {at: 2027-03-01 01:00}}",
        "{to: any, tcp: 2, schedule: {from: 08:00, until: 18:00, zone: UTC}}",
    ]);
    let text = rules.replace(HEAD, "version: 1\ndefaults: {zone: europe/berlin}\n");
    let (model, _) = parse_at(&bundle(&text), 0).unwrap();
    let rules = &model.profiles[0].rules;
    assert_eq!(rules[0].schedule[0].zone, "Europe/Berlin");
    assert_eq!(rules[0].expires, MARCH);
    assert_eq!(rules[1].schedule[0].zone, "UTC");
    expect(
        "version: 1\ndefaults: {zone: Berlin}\n",
        &[
            "p.yaml:2:18: error: defaults.zone: no time zone \"Berlin\"; zones are named as in Europe/Berlin, or UTC",
        ],
    );
}

#[test]
fn schedules_with_slips() {
    const DAYS: &str = "mon, tue, wed, thu, fri, sat, sun, weekdays, weekend or daily";
    rule_error(
        "schedule: {from: 08:00, until: 18:00}",
        "schedule.zone: missing; write it here or as `defaults.zone`",
    );
    rule_error(
        "schedule: {days: Monday, from: 08:00, until: 18:00, zone: UTC}",
        &format!("schedule.days: expected {DAYS}, found \"Monday\"; did you mean \"mon\"?"),
    );
    rule_error(
        "schedule: [{days: [mon, weekand], from: 08:00, until: 18:00, zone: UTC}]",
        &format!(
            "schedule[0].days[1]: expected {DAYS}, found \"weekand\"; did you mean \"weekend\"?"
        ),
    );
    rule_error(
        "schedule: {days: [], from: 08:00, until: 18:00, zone: UTC}",
        "schedule.days: the list is empty; leave the key out for every day",
    );
    rule_error(
        "schedule: []",
        "schedule: the list is empty; leave the key out for a rule that holds always",
    );
    rule_error(
        "schedule: {until: 18:00, zone: UTC}",
        "schedule.from: missing",
    );
    rule_error(
        "schedule: {from: 08:00, zone: UTC}",
        "schedule.until: missing",
    );
    rule_error(
        "schedule: {from: 8, until: 18:00, zone: UTC}",
        "schedule.from: expected a time of day such as \"08:00\", found 8",
    );
    rule_error(
        "schedule: {from: 08:00, until: 24:01, zone: UTC}",
        "schedule.until: expected a time of day such as \"08:00\", found \"24:01\"",
    );
    rule_error(
        "schedule: {from: 24:00, until: 08:00, zone: UTC}",
        "schedule.from: no day begins at 24:00; did you mean \"00:00\"?",
    );
    rule_error(
        "schedule: daily",
        "schedule: expected a mapping, found \"daily\"",
    );
    rule_error(
        "schedule: {from: 08:00, until: 18:00, zone: UTC, day: mon}",
        "schedule.day: no such key; did you mean \"days\"?",
    );
}

#[test]
fn comments_and_sources_are_kept() {
    let (model, _) = model(&with_rules(&[
        "{to: any, tcp: 1, comment: since the merger, source: ICSMA-23-194-01}",
    ]));
    let rule = &model.profiles[0].rules[0];
    assert_eq!(rule.comment, "since the merger");
    assert_eq!(rule.source, "ICSMA-23-194-01");
    rule_error("source: [a]", "source: expected text, found a list");
    rule_error(
        "comment: true",
        "comment: YAML reads this as true or false, where text is expected; put it in quotes",
    );
}
