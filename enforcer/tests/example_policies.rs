//! What the example policies say, asked of the decision itself: for each, what
//! its source calls for passes by the rule of that name, and what it warns of is
//! denied.

#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::path::Path;

use enforcer::control::api::{Asked, Question};
use enforcer::policy::compile::compile;
use enforcer::policy::{load, parse};
use enforcer::simulate::explain::explain;

use Asked::{Icmp, Tcp, Udp};

/// From, to, service, and the rule that must allow it; `None` where it is denied.
type Row = (&'static str, &'static str, Asked, Option<&'static str>);

fn check(file: &str, rows: &[Row]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../policies")
        .join(file);
    let bundle = load(&path).expect("the example can be read");
    let (model, warnings) = parse(&bundle).expect("the example is valid");
    assert!(warnings.is_empty(), "{file}: {warnings}");
    let compiled = compile(&model).expect("the example fits the tables");
    for &(from, to, service, rule) in rows {
        let question = Question {
            from: from.to_owned(),
            to: to.to_owned(),
            service,
        };
        let told = explain(&model, &compiled, &question).expect("the question can be asked");
        let case = format!("{file}: {from} to {to}, {service:?}: {:#?}", told.steps);
        assert_eq!(told.rule.as_deref(), rule, "{case}");
        let fate = if rule.is_some() { "allow" } else { "deny" };
        assert_eq!(told.fate, fate, "{case}");
        let reason = if rule.is_some() { "rule" } else { "no-rule" };
        assert_eq!(told.reason, reason, "{case}");
    }
}

#[test]
fn alaris_pcu() {
    check(
        "alaris-pcu.yaml",
        &[
            (
                "pump-icu-1",
                "10.20.0.36",
                Tcp(3613),
                Some("alaris-pcu/systems-manager"),
            ),
            ("pump-icu-2", "10.20.0.53", Udp(53), Some("alaris-pcu/dns")),
            ("pump-icu-1", "10.20.0.36", Tcp(3612), None),
            ("pump-icu-1", "10.20.0.36", Udp(3613), None),
            ("pump-icu-1", "10.20.0.99", Tcp(443), None),
            // No unsolicited inbound, not even from its own server.
            ("10.20.0.36", "pump-icu-1", Tcp(3613), None),
        ],
    );
}

#[test]
fn dicom_modality() {
    check(
        "dicom-modality.yaml",
        &[
            (
                "ct-1",
                "10.20.0.104",
                Tcp(104),
                Some("dicom-modality/store"),
            ),
            (
                "ct-1",
                "10.20.0.105",
                Tcp(11112),
                Some("dicom-modality/store"),
            ),
            (
                "mr-1",
                "10.20.0.106",
                Tcp(104),
                Some("dicom-modality/worklist"),
            ),
            (
                "10.20.0.104",
                "ct-1",
                Tcp(11112),
                Some("dicom-modality/commitment-report"),
            ),
            (
                "10.20.0.104",
                "ct-1",
                Icmp(8),
                Some("dicom-modality/verification"),
            ),
            ("10.20.0.106", "ct-1", Tcp(104), None),
            ("ct-1", "mr-1", Tcp(104), None),
            ("ct-1", "10.20.0.104", Tcp(445), None),
            ("10.20.0.200", "ct-1", Tcp(3389), None),
        ],
    );
}

#[test]
fn patient_monitor() {
    check(
        "patient-monitor.yaml",
        &[
            (
                "monitor-icu-1",
                "10.20.0.100",
                Tcp(2575),
                Some("patient-monitor/hl7"),
            ),
            (
                "monitor-icu-1",
                "fd00:20::64",
                Tcp(2575),
                Some("patient-monitor/hl7"),
            ),
            (
                "monitor-icu-1",
                "10.20.0.123",
                Udp(123),
                Some("patient-monitor/ntp"),
            ),
            (
                "10.20.0.24",
                "monitor-icu-1",
                Udp(24105),
                Some("patient-monitor/central-station"),
            ),
            (
                "10.20.0.24",
                "monitor-icu-1",
                Icmp(8),
                Some("patient-monitor/ping-from-central"),
            ),
            (
                "monitor-icu-1",
                "255.255.255.255",
                Udp(24005),
                Some("patient-monitor/connect-indication"),
            ),
            (
                "monitor-icu-1",
                "10.20.130.255",
                Udp(24005),
                Some("patient-monitor/connect-indication"),
            ),
            (
                "monitor-or-1",
                "10.20.131.255",
                Udp(7000),
                Some("carescape-monitor/discovery"),
            ),
            ("monitor-icu-1", "255.255.255.255", Udp(7000), None),
            ("10.20.0.24", "monitor-icu-1", Icmp(13), None),
            ("monitor-icu-1", "10.20.0.24", Udp(24105), None),
            ("10.20.0.200", "monitor-icu-1", Tcp(23), None),
        ],
    );
}

#[test]
fn imaging_suite() {
    check(
        "imaging-suite.yaml",
        &[
            ("ct-1", "10.20.0.107", Tcp(104), Some("ct/store")),
            ("ct-1", "10.20.0.108", Tcp(104), None),
            ("us-2", "10.20.0.53", Udp(53), Some("ultrasound/dns")),
            (
                "10.20.0.104",
                "us-2",
                Tcp(11112),
                Some("ultrasound/commitment-report"),
            ),
            ("office-1", "us-2", Tcp(11112), None),
            ("printer-1", "224.0.0.251", Udp(5353), Some("printer/mdns")),
            (
                "printer-1",
                "239.255.255.250",
                Udp(3702),
                Some("printer/ws-discovery"),
            ),
            ("ct-1", "224.0.0.251", Udp(5353), None),
        ],
    );
}

/// What holds under conditions alone is denied for the condition's reason.
#[test]
fn conditions_of_the_imaging_suite() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies/imaging-suite.yaml");
    let bundle = load(&path).expect("the example can be read");
    let (model, _) = parse(&bundle).expect("the example is valid");
    let compiled = compile(&model).expect("the example fits the tables");
    let reason = |from: &str, to: &str, service| {
        let question = Question {
            from: from.to_owned(),
            to: to.to_owned(),
            service,
        };
        let told = explain(&model, &compiled, &question).expect("the question can be asked");
        told.reason
    };
    assert_eq!(reason("ct-1", "192.0.2.80", Tcp(443)), "name-not-learned");
    assert_eq!(reason("us-2", "192.0.2.80", Tcp(443)), "no-rule");
    assert_eq!(reason("10.20.0.201", "ct-1", Tcp(22)), "no-rule");
}

#[test]
fn printer() {
    check(
        "printer.yaml",
        &[
            (
                "10.20.0.91",
                "printer-ward-7",
                Tcp(9100),
                Some("printer/print"),
            ),
            (
                "10.20.0.91",
                "label-printer-1",
                Udp(161),
                Some("printer/snmp"),
            ),
            ("10.20.0.92", "printer-ward-7", Tcp(9100), None),
            ("printer-ward-7", "10.20.0.91", Tcp(9100), None),
            ("printer-ward-7", "label-printer-1", Tcp(9100), None),
        ],
    );
}
