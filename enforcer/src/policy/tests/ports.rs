//! Ports, and what devices say of theirs: port, tags, address from DHCP.

use super::super::model::Port;
use super::*;

fn port(written: &str) -> Port {
    let (model, _) = model(&format!("version: 1\nports: {{eth1: {{{written}}}}}\n"));
    model.ports["eth1"].clone()
}

fn device(rest: &str) -> String {
    format!(
        "version: 1\nports:\n  eth1: {{vlans: [10, 20-30]}}\n  eth2: {{vlans: untagged, double_tags: allow}}\nprofiles: {{p: {{}}}}\n\
        devices:\n  - {{name: d, mac: 02:00:00:00:00:01, profile: p, {rest}}}\n"
    )
}

#[track_caller]
fn device_error(rest: &str, expected: &str) {
    let told = errors(&device(rest));
    let [line] = told.as_slice() else {
        panic!("{told:#?}")
    };
    assert!(line.starts_with("p.yaml:7:"), "{line}");
    let (_, message) = line.split_once(" error: devices[0].").unwrap();
    assert_eq!(message, expected);
}

#[test]
fn what_a_port_may_carry() {
    let carries = |vlans: &[(u16, u16)], double_tags, priority_tags| Port {
        vlans: vlans.to_vec(),
        double_tags,
        priority_tags,
    };
    assert_eq!(port(""), carries(&[(0, 4094)], false, false));
    assert_eq!(port("vlans: any"), carries(&[(0, 4094)], false, false));
    assert_eq!(
        port("vlans: [untagged, 30, 10, 20-29], priority_tags: allow"),
        carries(&[(0, 0), (10, 10), (20, 30)], false, true)
    );
    assert_eq!(
        port("vlans: 7, double_tags: allow, priority_tags: deny"),
        carries(&[(7, 7)], true, false)
    );
}

#[test]
fn ports_with_slips() {
    const FORM: &str = "expected a VLAN from 1 to 4094, a range such as 20-30, untagged, or any";
    let eth1 = |rest: &str| format!("version: 1\nports:\n  eth1: {{{rest}}}\n");
    for (written, expected) in [
        ("vlans: 4095", format!("3:17: error: ports.eth1.vlans: {FORM}, found 4095")),
        ("vlans: [0]", format!("3:18: error: ports.eth1.vlans[0]: {FORM}, found 0")),
        ("vlans: [x]", format!("3:18: error: ports.eth1.vlans[0]: {FORM}, found \"x\"")),
        (
            "vlans: 30-20",
            "3:17: error: ports.eth1.vlans: the range 30-20 ends before it begins; did you mean \"20-30\"?".to_owned(),
        ),
        (
            "vlans: []",
            "3:17: error: ports.eth1.vlans: the list is empty; leave the key out for any VLAN".to_owned(),
        ),
        (
            "double_tags: true",
            "3:23: error: ports.eth1.double_tags: expected deny or allow, found true".to_owned(),
        ),
        (
            "vlan: 3",
            "3:10: error: ports.eth1.vlan: no such key; did you mean \"vlans\"?".to_owned(),
        ),
    ] {
        expect(&eth1(written), &[&format!("p.yaml:{expected}")]);
    }
    const NAME: &str =
        "is no name of an interface: 1 to 15 bytes without blanks, slashes and colons";
    expect(
        "version: 1\nports:\n  a/b: {}\n  \"e 1\": {}\n  abcdefghijklmnop: {}\n  ..: {}\n",
        &[
            &format!("p.yaml:3:3: error: ports.\"a/b\": \"a/b\" {NAME}"),
            &format!("p.yaml:4:3: error: ports.\"e 1\": \"e 1\" {NAME}"),
            &format!("p.yaml:5:3: error: ports.abcdefghijklmnop: \"abcdefghijklmnop\" {NAME}"),
            &format!("p.yaml:6:3: error: ports.\"..\": \"..\" {NAME}"),
        ],
    );
}

#[test]
fn a_device_is_bound_to_a_port_that_carries_it() {
    for rest in [
        "port: eth1, vlan: 10",
        "port: eth1, vlan: 25",
        "port: eth2",
        "port: eth9, vlan: 99",
    ] {
        let (model, _) = model(&device(rest));
        assert!(model.devices[0].port.is_some(), "{rest}");
    }
    device_error(
        "port: eth1, vlan: 11",
        "port: port \"eth1\" may not carry VLAN 11, in which this device is, by what is said at p.yaml:3",
    );
    device_error(
        "port: eth1",
        "port: port \"eth1\" may not carry untagged frames, as this device sends, by what is said at p.yaml:3",
    );
    device_error(
        "port: eth1, vlan: \"10.5\"",
        "port: port \"eth1\" may not carry two tags, as this device has, by what is said at p.yaml:3",
    );
    device_error(
        "port: a/b",
        "port: \"a/b\" is no name of an interface: 1 to 15 bytes without blanks, slashes and colons",
    );
    device_error("port: [eth1]", "port: expected text, found a list");
}

#[test]
fn more_ports_than_the_tables_hold() {
    let ports: String = (0..32)
        .map(|number| format!("  a{number}: {{}}\n"))
        .collect();
    let devices = |count: u32| -> String {
        let device = |number| {
            format!(
                "  - {{name: d{number}, mac: 02:00:00:00:00:{number:02x}, profile: p, port: b{number}}}\n"
            )
        };
        (0..count).map(device).collect()
    };
    let text = |count| {
        let devices = devices(count);
        format!("version: 1\nports:\n{ports}profiles: {{p: {{}}}}\ndevices:\n{devices}")
    };
    assert_eq!(model(&text(31)).0.devices.len(), 31);
    expect(
        &text(32),
        &[
            "p.yaml:2:1: error: ports: 64 ports are named here and at devices; a policy names at most 63",
        ],
    );
}

#[test]
fn tags_and_addresses_from_dhcp() {
    let of = |rest: &str| model(&device(rest)).0.devices[0].clone();
    assert_eq!(of("tags: [ward-7, icu]").tags, ["icu", "ward-7"]);
    assert_eq!(of("tags: icu").tags, ["icu"]);
    assert!(!of("ip: 10.0.0.1").dhcp_address);
    let dhcp = of("ip: dhcp");
    assert!(dhcp.dhcp_address && dhcp.addresses().next().is_none());
    let both = of("ip: [10.0.0.1, dhcp]");
    assert!(both.dhcp_address && both.addresses().count() == 1);
    device_error(
        "tags: [ICU]",
        "tags[0]: \"ICU\" is no name for a tag: 1 to 64 of a-z, 0-9, dot, hyphen and underscore, a letter or digit first; did you mean \"icu\"?",
    );
    device_error(
        "tags: any",
        "tags: \"any\" has a meaning of its own and cannot name a tag",
    );
}

#[test]
fn columns_for_ports_and_tags() {
    let rows = "name,mac,profile,ip,port,tags\n\
        a,02:00:00:00:00:01,pump,dhcp,eth1,icu ward-7\n\
        b,02:00:00:00:00:02,pump,10.0.0.2;dhcp,,icu;x\n\
        c,02:00:00:00:00:03,pump,,,\n";
    let main = "version: 1\nprofiles: {pump: {}}\n";
    let (model, _) = parse(&with_devices(main, "d.csv", rows)).unwrap();
    let [a, b, c] = model.devices.as_slice() else {
        panic!("three devices")
    };
    assert_eq!(
        (a.port.as_deref(), a.tags.join(" ")),
        (Some("eth1"), "icu ward-7".into())
    );
    assert!(a.dhcp_address && b.dhcp_address && !c.dhcp_address);
    assert_eq!(
        (b.port.as_deref(), b.tags.join(" ")),
        (None, "icu x".into())
    );
    assert!(c.tags.is_empty());
    let told = failures(&with_devices(
        main,
        "d.csv",
        "name,mac,profile,port,tags\na,02:00:00:00:00:01,pump,a:b,Icu\n",
    ));
    assert_eq!(
        told,
        [
            "d.csv:2:26: error: devices[0].port: \"a:b\" is no name of an interface: 1 to 15 bytes without blanks, slashes and colons",
            "d.csv:2:30: error: devices[0].tags[0]: \"Icu\" is no name for a tag: 1 to 64 of a-z, 0-9, dot, hyphen and underscore, a letter or digit first; did you mean \"icu\"?",
        ]
    );
}
