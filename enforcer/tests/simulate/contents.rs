//! What captures hold besides frames, and what policies ask for besides addresses.

use std::path::PathBuf;

use pcap_file::DataLink;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};

use crate::ward::*;

/// A pcapng with interfaces of these names and link types, and a frame on each.
fn pcapng(ward: &Ward, interfaces: &[(&'static str, DataLink)], frame: &[u8]) -> PathBuf {
    let mut writer = PcapNgWriter::new(Vec::new()).unwrap();
    for (name, link) in interfaces {
        let mut block = InterfaceDescriptionBlock::new(*link, 0);
        block.options = vec![InterfaceDescriptionOption::IfName((*name).into())];
        writer.write_pcapng_block(block).unwrap();
    }
    for number in 0..interfaces.len() {
        let block = EnhancedPacketBlock {
            interface_id: number as u32,
            timestamp: after(number as u64),
            original_len: frame.len() as u32,
            data: frame.into(),
            options: Vec::new(),
        };
        writer.write_pcapng_block(block).unwrap();
    }
    let path = ward.path("several.pcapng");
    std::fs::write(&path, writer.into_inner()).unwrap();
    path
}

#[test]
fn interfaces_have_sides_and_those_without_ethernet_are_told() {
    let ward = Ward::new(POLICY);
    let frame = tcp(pump(40_000), engine(2575), "S");
    let links = [
        ("ward", DataLink::ETHERNET),
        ("uplink", DataLink::ETHERNET),
        ("any", DataLink::LINUX_SLL),
    ];
    let capture = pcapng(&ward, &links, &frame);
    let report = ward.report(
        &[&capture],
        &["--side", "uplink=core", "--side", "ward=device"],
        0,
    );
    let sides: Vec<_> = report["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|of| of["first"].as_array().unwrap())
        .map(|first| {
            (
                first["frame"].as_u64().unwrap(),
                first["side"].as_str().unwrap(),
            )
        })
        .collect();
    assert!(
        sides.contains(&(1, "device")) && sides.contains(&(2, "core")),
        "{sides:?}"
    );
    let skipped = &report["skipped"][0];
    assert_eq!(
        (&skipped["interface"], &skipped["frames"]),
        (&"any".into(), &1.into())
    );
    assert_eq!(
        skipped["why"],
        "LINKTYPE_LINUX_SLL (113) carries no Ethernet"
    );
    assert_eq!(report["frames"]["judged"], 2);
}

#[test]
fn a_capture_of_another_link_is_an_error_that_names_it() {
    let ward = Ward::new(POLICY);
    let capture = ward.linked("any.pcap", DataLink::LINUX_SLL, &known());
    let report = ward.report(&[&capture], &[], 1);
    let message = report["files"][0]["error"]["message"].as_str().unwrap();
    assert!(message.contains("LINKTYPE_LINUX_SLL (113)"), "{message}");
    let (_, _, complained) = ward.run(&[&capture], &[]);
    assert!(
        complained.contains("error: ") && complained.contains("any.pcap"),
        "{complained}"
    );
}

#[test]
fn devices_come_in_by_the_port_that_they_are_bound_to() {
    let policy = POLICY
        .replace(
            "devices:",
            "ports:\n  eth1: {vlans: [10]}\n  eth2: {vlans: [untagged]}\ndevices:",
        )
        .replace("profile: pump}", "profile: pump, port: eth1}")
        // Or the router would be an unknown destination, seen from the core side.
        .replace(
            "version: 1",
            "version: 1\ndefaults: {unknown_devices: pump}",
        );
    let ward = Ward::new(&policy);
    let syn = tcp(pump(40_000), engine(2575), "S");
    let capture = pcapng(
        &ward,
        &[("ward", DataLink::ETHERNET), ("uplink", DataLink::ETHERNET)],
        &syn,
    );
    let report = ward.report(&[&capture], &[], 0);
    let both = [("established", "allow", 1), ("rule", "allow", 1)];
    assert_eq!(reasons(&report), expected(&both), "and its SYN again");
    let report = ward.report(&[&capture], &["--side", "uplink=core"], 0);
    assert_eq!(
        reasons(&report),
        expected(&[("rule", "allow", 1), ("wrong-port", "deny", 1)])
    );
}

#[test]
fn rules_with_a_schedule_follow_the_time_of_the_capture() {
    let policy = POLICY.replace(
        "tcp: 2575}",
        "udp: 2575, schedule: {days: weekdays, from: \"08:00\", until: \"18:00\", zone: Etc/UTC}}",
    );
    let ward = Ward::new(&policy);
    let hour = 3_600_000;
    let at = |hours: u64, port| (after(hours * hour), udp(pump(port), engine(2575), b"data"));
    // Monday 10:00 and 19:00, Saturday noon, and many weeks later Tuesday 11:00.
    let capture = ward.pcap(
        "weeks.pcap",
        &[at(0, 1), at(9, 2), at(122, 3), at(24 * 7 * 12 + 25, 4)],
    );
    let report = ward.report(&[&capture], &[], 0);
    assert_eq!(
        reasons(&report),
        expected(&[("rule", "allow", 2), ("rule-asleep", "deny", 2)])
    );
}

/// A DNS message about pacs.example.org, the answer with 10.0.0.9.
fn dns(answer: bool) -> Vec<u8> {
    let name = b"\x04pacs\x07example\x03org\x00";
    let flags: [u8; 2] = if answer { [0x81, 0x80] } else { [0x01, 0x00] };
    let mut message = vec![0x12, 0x34];
    message.extend(flags);
    message.extend([0, 1, 0, u8::from(answer), 0, 0, 0, 0]);
    message.extend(name);
    message.extend([0, 1, 0, 1]);
    if answer {
        message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 0x2c, 0, 4, 10, 0, 0, 9]);
    }
    message
}

#[test]
fn names_are_learned_from_the_answers_in_the_capture() {
    let policy = POLICY.replace(
        "tcp: 2575}",
        "udp: 53}\n      - {name: pacs, to: \"dns:pacs.example.org\", tcp: 104}",
    );
    let ward = Ward::new(&policy);
    let pacs = (ROUTER, [10, 0, 0, 9], 104);
    let frames = [
        (after(0), tcp(pump(40_000), pacs, "S")),
        (after(10), udp(pump(5_353), engine(53), &dns(false))),
        (after(20), udp(engine(53), pump(5_353), &dns(true))),
        (after(30), tcp(pump(40_001), pacs, "S")),
        // The record's five minutes and a minute of grace have passed.
        (after(400_000), tcp(pump(40_002), pacs, "S")),
    ];
    let capture = ward.pcap("names.pcap", &frames);
    let report = ward.report(&[&capture], &["--adopt", "0"], 0);
    let wanted = [
        ("established", "allow", 1),
        ("name-not-learned", "deny", 2),
        ("rule", "allow", 2),
    ];
    assert_eq!(reasons(&report), expected(&wanted));
}
