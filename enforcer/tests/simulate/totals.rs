//! What is counted, kept and told of captures whose frames are known.

use serde_json::Value;

use crate::ward::*;

#[test]
fn known_frames_have_known_totals() {
    let ward = Ward::new(POLICY);
    let capture = ward.pcap("known.pcap", &known());
    let report = ward.report(&[&capture], &["--adopt", "0"], 0);
    let wanted = [
        ("established", "allow", 2),
        ("no-rule", "deny", 1),
        ("rule", "allow", 1),
        ("truncated", "deny", 1),
        ("unknown-destination", "deny", 1),
    ];
    assert_eq!(reasons(&report), expected(&wanted));
    let fates: Vec<_> = report["fates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|of| &of["frames"])
        .collect();
    assert_eq!(fates, [3, 0, 3, 0]);
    assert_eq!(report["rules"][0]["rule"], "pump/hl7");
    assert_eq!(report["rules"][0]["frames"], 3);
    assert_eq!(report["rules"].as_array().unwrap().len(), 1);
    let pump = &report["devices"][0];
    assert_eq!(
        (&pump["device"], &pump["profile"]),
        (&"pump-1".into(), &"pump".into())
    );
    assert_eq!((&pump["allow"], &pump["deny"]), (&3.into(), &2.into()));
    let frames = &report["frames"];
    assert_eq!(
        (&frames["read"], &frames["judged"], &frames["skipped"]),
        (&6.into(), &6.into(), &0.into())
    );
    assert_eq!(
        (&frames["out_of_order"], &frames["without_time"]),
        (&1.into(), &0.into())
    );
    assert_eq!(frames["first"], "2026-03-02T10:00:00Z");
    assert_eq!(frames["last"], "2026-03-02T10:00:00.003Z");
    assert_eq!(frames["adopting_until"], "2026-03-02T10:00:00Z");
    assert_eq!(report["agreement"], Value::Null);
    let denied = report["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .find(|of| of["reason"] == "no-rule");
    let first = &denied.unwrap()["first"][0];
    assert_eq!(
        (&first["frame"], &first["side"]),
        (&3.into(), &"device".into())
    );
    assert_eq!(first["device"], "pump-1");
    let summary = first["summary"].as_str().unwrap();
    assert!(
        summary.starts_with("10.1.0.1:40001 > 10.0.0.100:80 TCP SYN, 62 bytes, VLAN 10"),
        "{summary}"
    );
}

#[test]
fn people_are_told_the_same() {
    let ward = Ward::new(POLICY);
    let capture = ward.pcap("known.pcap", &known());
    let (code, printed, complained) = ward.run(&[&capture], &["--adopt", "0"]);
    assert_eq!(code, Some(0), "{complained}");
    for words in [
        "6 of 6 frames",
        "pump/hl7",
        "pump-1",
        "no-rule",
        "10.1.0.1:40001 > 10.0.0.100:80 TCP SYN",
    ] {
        assert!(printed.contains(words), "no {words:?} in {printed}");
    }
    assert!(
        complained.contains("1 frames are of an earlier time"),
        "{complained}"
    );
}

#[test]
fn only_the_first_frames_of_each_reason_are_kept() {
    let ward = Ward::new(POLICY);
    let frames: Vec<_> = (0..9)
        .map(|number| (after(number), tcp(pump(50_000), engine(81), "S")))
        .collect();
    let capture = ward.pcap("many.pcap", &frames);
    let report = ward.report(&[&capture], &["--first", "3"], 0);
    assert_eq!(report["reasons"][0]["frames"], 9);
    let kept: Vec<_> = report["reasons"][0]["first"]
        .as_array()
        .unwrap()
        .iter()
        .map(|of| &of["frame"])
        .collect();
    assert_eq!(kept, [1, 2, 3]);
}

#[test]
fn state_and_time_go_on_from_file_to_file() {
    let ward = Ward::new(POLICY);
    let frames = known();
    let first = ward.pcap("first.pcap", &frames[..1]);
    let second = ward.pcap("second.pcap", &frames[1..2]);
    let established = ward.report(&[&first, &second], &["--adopt", "0"], 0);
    assert_eq!(
        reasons(&established),
        expected(&[("established", "allow", 1), ("rule", "allow", 1)])
    );
    // In the order given, and not in that of their times.
    let other = ward.report(&[&second, &first], &["--adopt", "0"], 0);
    assert_eq!(
        reasons(&other),
        expected(&[("no-flow", "deny", 1), ("rule", "allow", 1)])
    );
    assert_eq!(other["frames"]["out_of_order"], 1);
    // A day later the flow is forgotten.
    let late = ward.pcap(
        "late.pcap",
        &[(after(10 * 86_400_000), frames[3].1.clone())],
    );
    let idle = ward.report(&[&first, &late], &["--adopt", "0"], 0);
    assert_eq!(
        reasons(&idle),
        expected(&[("no-flow", "deny", 1), ("rule", "allow", 1)])
    );
}

#[test]
fn sessions_that_already_run_are_adopted_at_first() {
    let ward = Ward::new(POLICY);
    let middle = |milliseconds, port| (after(milliseconds), tcp(pump(port), engine(2575), "A"));
    let capture = ward.pcap(
        "running.pcap",
        &[
            middle(0, 40_000),
            middle(9_000, 41_000),
            middle(11_000, 42_000),
        ],
    );
    let report = ward.report(&[&capture], &["--adopt", "10"], 0);
    assert_eq!(
        reasons(&report),
        expected(&[("adopted", "allow", 2), ("no-flow", "deny", 1)])
    );
    assert_eq!(report["frames"]["adopting_until"], "2026-03-02T10:00:10Z");
    let default = ward.report(&[&capture], &[], 0);
    assert_eq!(reasons(&default), expected(&[("adopted", "allow", 3)]));
}

#[test]
fn unknown_ends_come_from_the_side_that_is_said() {
    let ward = Ward::new(POLICY);
    let frame = known()[4].clone();
    let capture = ward.pcap("stranger.pcap", &[frame]);
    let report = ward.report(&[&capture], &[], 0);
    assert_eq!(reasons(&report)[0].0, "unknown-destination");
    let report = ward.report(&[&capture], &["--unknown-side", "device"], 0);
    assert_eq!(reasons(&report)[0].0, "unknown-device");
}
