//! What Prometheus scrapes: well-formed, complete, and bounded.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use enforcer_tests::{
    Outcome, Topology, Ward,
    daemon::Settings,
    traffic::{dns, tcp, udp},
    wait, ward,
};
use serde_json::Value;

const DEADLINE: Duration = Duration::from_secs(10);
/// Idle flows are looked after every 15 seconds.
const SWEEP_DEADLINE: Duration = Duration::from_secs(30);

/// One line of the text format: name, labels, value.
#[derive(Debug, PartialEq)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

struct Page {
    samples: Vec<Sample>,
}

impl Page {
    /// Reads Prometheus' text format, version 0.0.4, strictly: every sample
    /// after the HELP and TYPE of its family, no sample twice.
    fn parse(text: &str) -> Self {
        let mut samples = Vec::new();
        let (mut helped, mut typed) = (BTreeSet::new(), BTreeMap::new());
        let mut seen = BTreeSet::new();
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, help) = help.split_once(' ').expect("a help text");
                assert!(!help.is_empty() && helped.insert(name.to_owned()), "{line}");
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').expect("a type");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(
                    typed.insert(name.to_owned(), kind.to_owned()).is_none(),
                    "{line}"
                );
            } else {
                let (series, value) = line.rsplit_once(' ').expect("a value");
                assert!(seen.insert(series.to_owned()), "twice: {series}");
                let sample = Sample::parse(series, value);
                let kind = typed.get(&sample.name).expect("a type before the sample");
                assert!(helped.contains(&sample.name), "{line}");
                assert_eq!(kind == "counter", sample.name.ends_with("_total"), "{line}");
                samples.push(sample);
            }
        }
        Self { samples }
    }

    fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let matching: Vec<_> = self
            .samples
            .iter()
            .filter(|sample| {
                let has = |(label, value): &(&str, &str)| {
                    sample
                        .labels
                        .get(*label)
                        .is_some_and(|found| found == value)
                };
                sample.name == name && labels.iter().all(has)
            })
            .collect();
        assert_eq!(matching.len(), 1, "{name} {labels:?}: {matching:?}");
        matching[0].value
    }
}

impl Sample {
    fn parse(series: &str, value: &str) -> Self {
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix('}').expect("a closing brace")),
            None => (series, ""),
        };
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        assert!(name.bytes().all(legal), "{name}");
        let pairs = labels.split(',').filter(|pair| !pair.is_empty());
        let labels = pairs.map(|pair| {
            let (label, value) = pair.split_once('=').expect("a label's value");
            let value = value
                .strip_prefix('"')
                .and_then(|value| value.strip_suffix('"'));
            (label.to_owned(), value.expect("quotes").to_owned())
        });
        Self {
            name: name.to_owned(),
            labels: labels.collect(),
            value: value.parse().expect("a number"),
        }
    }
}

#[test]
fn the_page_holds_what_an_operator_needs() {
    let ward = Ward::enforced("nmetrics").unwrap();
    let at = |name| ward.endpoint(name).unwrap();
    let _dns = dns::serve(at("dns")).unwrap();
    let _smb = tcp::serve_echo(at("engine"), 445).unwrap();
    let answer = dns::ask(at("pump-1"), at("dns").at(53), "a.example", DEADLINE).unwrap();
    assert_eq!(answer.outcome(), Outcome::Answered);
    let short = Duration::from_millis(100);
    let answer = tcp::connect(at("pump-1"), at("engine").at(445), short).unwrap();
    assert_eq!(answer.outcome(), Outcome::Silent);
    let broken = ward.write("broken.yaml", "version: 2\n").unwrap();
    ward.client().apply(&broken).unwrap_err();
    let (epoch, hash) = ward.in_force().unwrap();

    let page = wait::until("the flow is counted", SWEEP_DEADLINE, || {
        let page = Page::parse(&ward.daemon().metrics()?);
        Ok((page.value("enforcer_flows", &[]) >= 1.0).then_some(page))
    })
    .unwrap();
    let value = |name: &str, labels: &[(&str, &str)]| page.value(name, labels);
    let refused = [("port", "p0"), ("verdict", "deny"), ("reason", "no-rule")];
    assert!(value("enforcer_packets_total", &refused) >= 1.0);
    assert!(value("enforcer_bytes_total", &refused) >= 60.0);
    let answered = [
        ("port", "p1"),
        ("verdict", "allow"),
        ("reason", "established"),
    ];
    assert!(value("enforcer_packets_total", &answered) >= 1.0);
    assert!(value("enforcer_bytes_total", &answered) >= 60.0);
    let rule = [("profile", "alaris-pcu"), ("rule", "dns")];
    assert!(value("enforcer_rule_packets_total", &rule) >= 1.0);
    assert!(value("enforcer_rule_bytes_total", &rule) >= 60.0);
    assert!(value("enforcer_flows_created_total", &[]) >= 1.0);
    assert_eq!(value("enforcer_flows_expired_total", &[]), 0.0);
    assert_eq!(value("enforcer_flows_refused_total", &[]), 0.0);
    assert_eq!(value("enforcer_flows_displaced_total", &[]), 0.0);
    assert_eq!(value("enforcer_flows_evicted_total", &[]), 0.0);
    assert_eq!(value("enforcer_policy_epoch", &[]), epoch as f64);
    assert_eq!(value("enforcer_policy_info", &[("hash", &hash)]), 1.0);
    assert_eq!(
        value("enforcer_policy_applies_total", &[("result", "applied")]),
        1.0
    );
    assert_eq!(
        value("enforcer_policy_applies_total", &[("result", "refused")]),
        1.0
    );
    assert!(value("enforcer_policy_apply_seconds", &[]) > 0.0);
    assert!(value("enforcer_events_sent_total", &[]) >= 1.0);
    assert_eq!(value("enforcer_events_lost_total", &[]), 0.0);
    for map in ["policy_lines", "devices", "rules", "flows"] {
        let entries = value("enforcer_map_entries", &[("map", map)]);
        let capacity = value("enforcer_map_capacity", &[("map", map)]);
        assert!(
            (1.0..capacity).contains(&entries),
            "{map}: {entries} of {capacity}"
        );
    }
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(value("enforcer_build_info", &[("version", version)]), 1.0);
}

#[test]
fn flows_that_make_room_are_told_apart() {
    // Room for the fewest flows that may be configured, four places each.
    const PLACES: u16 = 4 * 1024;
    let settings = Settings {
        more: "flows: 1024".into(),
        ..Settings::default()
    };
    let ward = Ward::unenforced("nfull", &Topology::default(), &settings).unwrap();
    let unlimited = "defaults:\n  new_flows_per_second: 0\n";
    ward.apply(&ward::policy_with("defaults:\n", unlimited).unwrap())
        .unwrap();
    let at = |name| ward.endpoint(name).unwrap();
    // Nobody answers, so that none of them is known to both ends.
    for _ in 0..PLACES + PLACES / 4 {
        let socket = udp::open(at("pump-1"), at("dns").at(53), DEADLINE).unwrap();
        let _ = socket.send(b"?");
    }
    let page = Page::parse(&ward.daemon().metrics().unwrap());
    let value = |name: &str| page.value(name, &[]);
    assert!(value("enforcer_flows_displaced_total") >= 1.0);
    assert_eq!(value("enforcer_flows_evicted_total"), 0.0);
    assert_eq!(value("enforcer_flows_refused_total"), 0.0);
    let counters: Value = ward.client().json(&["counters"]).unwrap();
    assert!(
        counters["flows_displaced"].as_u64() >= Some(1),
        "{counters}"
    );
    assert_eq!(counters["flows_evicted"], 0);
}

/// Thousands of devices must not become thousands of series.
#[test]
fn no_label_names_a_device() {
    let more = |count: u32| {
        let line = |number: u32| {
            format!(
                "  - {{name: crowd-{number}, mac: 02:00:00:01:{:02x}:{:02x}, profile: printer}}\n",
                number >> 8,
                number & 0xff
            )
        };
        let devices: String = (0..count).map(line).collect();
        ward::policy_with("\ninclude: ward-devices.csv", &devices).unwrap()
    };
    let ward = Ward::under("nlabels", &more(1)).unwrap();
    let series = || Page::parse(&ward.daemon().metrics().unwrap()).samples;
    let few = series().len();
    ward.apply(&more(2000)).unwrap();
    let at = |name| ward.endpoint(name).unwrap();
    let _dns = dns::serve(at("dns")).unwrap();
    dns::ask(at("pump-1"), at("dns").at(53), "a.example", DEADLINE).unwrap();
    let samples = series();
    // Reasons that had not occurred before may have come; devices must not.
    assert!(
        samples.len() < few + 100,
        "{few} series became {}",
        samples.len()
    );
    for sample in &samples {
        for value in sample.labels.values() {
            let device = ["crowd-", "pump-1", "monitor-1", "printer-1"]
                .iter()
                .any(|name| value.contains(name));
            assert!(!device, "{sample:?}");
        }
    }
}
