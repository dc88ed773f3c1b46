//! Clinical protocols as real peers speak them, replayed as `enforcerctl simulate` does:
//! what they say is the protocol that a rule names, and what the rule lists. Skipped where
//! there are no captures.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// Allows what is spoken at the ports of these protocols, in both directions.
const POLICY: &str = r#"
version: 1
defaults: {unknown_devices: guest, core_broadcast: guest, new_flows_per_second: 0, on_error: {bad_frame: allow}}
profiles:
  guest:
    allow:
      - {name: dicom-out, to: any, tcp: [104, 11112], dicom: {}}
      - {name: dicom-in, from: any, tcp: [104, 11112], dicom: {DICOM}}
      - {name: hl7-out, to: any, tcp: 2575, hl7: {}}
      - {name: hl7-in, from: any, tcp: 2575, hl7: {HL7}}
      - {name: modbus-out, to: any, tcp: 502, modbus: {}}
      - {name: modbus-in, from: any, tcp: 502, modbus: {MODBUS}}
      - {name: bacnet-out, to: any, udp: 47808-47809, bacnet: {}}
      - {name: bacnet-in, from: any, udp: 47808-47809, bacnet: {BACNET}}
"#;

fn policy(lists: &[(&str, &str)]) -> String {
    let mut text = POLICY.to_owned();
    for key in ["DICOM", "HL7", "MODBUS", "BACNET"] {
        let list = lists.iter().find(|(of, _)| *of == key);
        text = text.replace(key, list.map_or("", |(_, list)| list));
    }
    text
}

/// The folder of the trials' captures, if there is any.
fn captures() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let named = std::env::var_os("ENFORCER_DATA").map(PathBuf::from);
    let folders = named.into_iter().chain([beside]);
    let found = folders
        .map(|folder| folder.join("captures"))
        .find(|folder| folder.is_dir());
    if found.is_none() {
        println!("skipped: no data, neither below ENFORCER_DATA nor beside the repository");
    }
    found
}

/// Frames of a capture, by reason.
fn reasons(policy: &str, capture: &Path) -> BTreeMap<String, u64> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("enforcer-applications-{}-{number}.yaml", std::process::id());
    let file = std::env::temp_dir().join(name);
    std::fs::write(&file, policy).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_enforcerctl"))
        .args(["simulate", "-o", "json"])
        .arg(&file)
        .arg("--pcap")
        .arg(capture)
        .output()
        .unwrap();
    std::fs::remove_file(&file).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let reasons = report["reasons"].as_array().unwrap().iter();
    reasons
        .map(|verdict| {
            let reason = verdict["reason"].as_str().unwrap().to_owned();
            (reason, verdict["frames"].as_u64().unwrap())
        })
        .collect()
}

const SPOKEN: [&str; 12] = [
    "generated-real-peers/dicom_pynetdicom_client_dcmtk_server_11112.pcap",
    "generated-real-peers/dicom_dcmtk_client_pynetdicom_server_104.pcap",
    "generated-real-peers/dicom_dcmtk_store_MZpreamble_11112.pcap",
    "generated-real-peers/dicom_dcmtk_echo_store_11112.pcap",
    "generated-real-peers/hl7_mllp_2575.pcap",
    "generated-real-peers/modbus_pymodbus_502.pcap",
    "benign/ndpi/tests__cfgs__default__pcap__modbus.pcap",
    "benign/ndpi/tests__cfgs__default__pcap__bacnet.pcap",
    "benign/icsnpp-bacnet/testing__traces__bacnet_example.pcap",
    "benign/icsnpp-bacnet/testing__traces__bacnet_error_reject_abort.pcap",
    "benign/icsnpp-bacnet/testing__traces__bacnet_services.pcap",
    "benign/icsnpp-bacnet/testing__traces__bacnet_segmented_data.pcap",
];

/// What is denied all the same: capture, reason, frames, why.
const EXPLAINED: [(&str, &str, u64, &str); 1] = [(
    SPOKEN[8],
    "wrong-protocol",
    120,
    "answers to who starts devices anew say that they have 17 bytes, and have 13",
)];

#[test]
fn real_peers_speak_the_protocol() {
    let Some(captures) = captures() else { return };
    for capture in SPOKEN {
        let file = captures.join(capture);
        if !file.is_file() {
            println!("missing: {capture}");
            continue;
        }
        let mut reasons = reasons(&policy(&[]), &file);
        println!("{capture}: {reasons:?}");
        for (of, reason, frames, _) in EXPLAINED {
            if of == capture {
                assert_eq!(reasons.remove(reason), Some(frames), "{capture}");
            }
        }
        for reason in ["wrong-protocol", "application-denied", "no-rule"] {
            assert!(!reasons.contains_key(reason), "{capture}: {reasons:?}");
        }
    }
}

#[test]
fn what_is_not_listed_is_told() {
    let Some(captures) = captures() else { return };
    let cases = [
        ("DICOM", "called: NOBODY", SPOKEN[1]),
        ("DICOM", "calling: NOBODY", SPOKEN[3]),
        ("HL7", "application: NOBODY", SPOKEN[4]),
        ("MODBUS", "functions: 43", SPOKEN[5]),
        ("BACNET", "services: who-is", SPOKEN[8]),
    ];
    for (key, list, capture) in cases {
        let file = captures.join(capture);
        if !file.is_file() {
            println!("missing: {capture}");
            continue;
        }
        let reasons = reasons(&policy(&[(key, list)]), &file);
        println!("{capture}: {reasons:?}");
        assert!(
            reasons.contains_key("application-denied"),
            "{capture}: {reasons:?}"
        );
    }
}
