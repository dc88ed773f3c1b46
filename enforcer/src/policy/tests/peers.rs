//! Peers other than names and prefixes: ranges, groups, devices, tags, DNS names.

use super::super::model::Peer;
use super::*;

const DEVICES: &str = "devices:\n\
    \x20 - {name: Pump-1, mac: 02:00:00:00:00:01, profile: p, tags: [icu, ward-7]}\n\
    \x20 - {name: 4711, mac: 02:00:00:00:00:02, profile: p, tags: icu}\n";

fn peers(written: &str) -> Vec<Peer> {
    let text = with_rules(&[&format!("{{to: {written}, tcp: 1}}")]) + DEVICES;
    let (model, _) = model(&text);
    model.profiles[0].rules[0].peers.clone()
}

fn prefixes(written: &str) -> Vec<String> {
    let prefix = |peer: &Peer| match peer {
        Peer::Prefix(prefix) => prefix.to_string(),
        other => panic!("{other:?}"),
    };
    peers(written).iter().map(prefix).collect()
}

#[track_caller]
fn peer_error(direction: &str, written: &str, expected: &str) {
    let text = with_rules(&[&format!("{{{direction}: {written}, tcp: 1}}")]) + DEVICES;
    let told = errors(&text);
    let [line] = told.as_slice() else {
        panic!("{told:#?}")
    };
    assert!(line.starts_with("p.yaml:5:"), "{line}");
    let start = format!(" error: profiles.p.allow[0].{direction}");
    let (_, message) = line.split_once(&start).unwrap();
    assert_eq!(message, expected);
}

#[test]
fn ranges_are_the_least_prefixes() {
    assert_eq!(
        prefixes("10.0.0.5-10.0.0.20"),
        [
            "10.0.0.5/32",
            "10.0.0.6/31",
            "10.0.0.8/29",
            "10.0.0.16/30",
            "10.0.0.20/32"
        ]
    );
    assert_eq!(prefixes("10.0.0.0-10.0.255.255"), ["10.0.0.0/16"]);
    assert_eq!(
        prefixes("\"fd00::1-fd00::4\""),
        ["fd00::1/128", "fd00::2/127", "fd00::4/128"]
    );
    assert_eq!(prefixes("10.0.0.7-10.0.0.7"), ["10.0.0.7/32"]);
    let (model, _) = model("version: 1\npeers: {a: [10.0.0.2-10.0.0.4, 'group:llmnr']}\n");
    let named: Vec<_> = model.peers["a"].iter().map(ToString::to_string).collect();
    assert_eq!(
        named,
        [
            "10.0.0.2/31",
            "10.0.0.4/32",
            "224.0.0.252/32",
            "ff02::1:3/128"
        ]
    );
}

#[test]
fn ranges_with_slips() {
    peer_error(
        "to",
        "10.0.0.20-10.0.0.5",
        ": the range 10.0.0.20-10.0.0.5 ends before it begins; did you mean \"10.0.0.5-10.0.0.20\"?",
    );
    peer_error(
        "to",
        "10.0.0.5-20.1",
        ": \"10.0.0.5-20.1\" is no range of addresses such as 10.20.0.5-10.20.0.20",
    );
    peer_error(
        "to",
        "'10.0.0.5-fd00::1'",
        ": the range 10.0.0.5-fd00::1 begins in one family and ends in another",
    );
    peer_error(
        "to",
        "'::ffff:10.0.0.1-::ffff:10.0.0.9'",
        ": ::ffff:10.0.0.1-::ffff:10.0.0.9 has IPv4 addresses mapped into IPv6, which are not used on a wire",
    );
    peer_error(
        "to",
        "'fd00::1-fd00:ffff:ffff:ffff:ffff:ffff:ffff:fffe'",
        ": the range fd00::1-fd00:ffff:ffff:ffff:ffff:ffff:ffff:fffe is made of more than 64 prefixes; write the prefixes that are meant",
    );
}

#[test]
fn groups_by_name() {
    for (name, expected) in [
        ("mdns", "224.0.0.251/32 ff02::fb/128"),
        ("ssdp", "239.255.255.250/32 ff02::c/128 ff05::c/128"),
        ("ws-discovery", "239.255.255.250/32 ff02::c/128"),
        ("llmnr", "224.0.0.252/32 ff02::1:3/128"),
        ("igmp", "224.0.0.22/32 224.0.0.1/32"),
        ("vrrp", "224.0.0.18/32 ff02::12/128"),
        ("ptp", "224.0.1.129/32 224.0.0.107/32 ff0e::181/128"),
        ("broadcast", "255.255.255.255/32"),
    ] {
        assert_eq!(prefixes(&format!("group:{name}")).join(" "), expected);
    }
    // What two groups share is there once, and worth no warning.
    let text = with_rules(&["{to: ['group:ssdp', 'group:ws-discovery', 10.0.0.1], tcp: 1}"]);
    let (model, warnings) = model(&text);
    assert_eq!(model.profiles[0].rules[0].peers.len(), 4);
    assert_eq!(
        warnings,
        [
            "p.yaml:3:3: warning: profiles.p: no device and no default uses this profile",
            "p.yaml:5:29: warning: profiles.p.allow[0].to[1]: listed before in the same rule",
        ]
    );
    peer_error(
        "to",
        "group:mdsn",
        ": no group \"mdsn\"; did you mean \"mdns\"?",
    );
    peer_error(
        "to",
        "group:everybody",
        ": no group \"everybody\"; the groups are mdns, ssdp, ws-discovery, llmnr, igmp, vrrp, ptp, broadcast",
    );
}

#[test]
fn devices_and_tags() {
    assert_eq!(
        peers("['device:4711', 'tag:icu', 'device:Pump-1', 'profile:p']"),
        [
            Peer::Device(1),
            Peer::Tag("icu".into()),
            Peer::Device(0),
            Peer::Profile(0)
        ]
    );
    peer_error(
        "from",
        "device:pump-2",
        ": no device \"pump-2\"; did you mean \"Pump-1\"?",
    );
    peer_error(
        "to",
        "tag:icv",
        ": no device has the tag \"icv\"; did you mean \"icu\"?",
    );
    peer_error("to", "icu", ": no peer \"icu\"; did you mean \"tag:icu\"?");
    peer_error(
        "to",
        "Pump-1",
        ": no peer \"Pump-1\"; did you mean \"device:Pump-1\"?",
    );
    peer_error(
        "to",
        "devise:Pump-1",
        ": no kind of peer begins with \"devise:\"; did you mean \"device:\"?",
    );
}

#[test]
fn devices_are_counted_over_all_files() {
    let text = with_rules(&["{to: 'device:c', tcp: 1}"])
        + "devices: [{name: a, mac: 02:00:00:00:00:01, profile: p}]\n";
    let rows = "name,mac,profile,tags\nb,02:00:00:00:00:02,p,\nc,02:00:00:00:00:03,p,x;y\n";
    let (model, _) = parse(&with_devices(&text, "d.csv", rows)).unwrap();
    assert_eq!(model.profiles[0].rules[0].peers, [Peer::Device(2)]);
    assert_eq!(model.devices[2].name, "c");
    assert_eq!(model.devices[2].tags, ["x", "y"]);
}

#[test]
fn names_of_the_dns() {
    assert_eq!(
        peers("['dns:PACS.Example.ORG.', 'dns:*.vendor.example', 'dns:_ntp.a-b.c1']"),
        [
            Peer::Name("pacs.example.org".into()),
            Peer::Name("*.vendor.example".into()),
            Peer::Name("_ntp.a-b.c1".into())
        ]
    );
    peer_error(
        "from",
        "dns:a.example",
        ": a DNS name stands at `to` only; names are learned from the answers that the device asks for; write the addresses of who may start towards it",
    );
    peer_error(
        "to",
        "dns:pacs",
        ": \"pacs\" needs at least two labels, as in pacs.example.org",
    );
    peer_error(
        "to",
        "'dns:*.org'",
        ": \"*.org\" needs at least two labels, as in pacs.example.org",
    );
    peer_error(
        "to",
        "dns:a.*.org",
        ": \"a.*.org\" may have `*.` in front and nowhere else",
    );
    peer_error(
        "to",
        "dns:klinik-süd.example",
        ": \"klinik-süd.example\" has letters that DNS carries only in their ASCII form, which begins with xn--",
    );
    const LABELS: &str = "is no DNS name: labels of 1 to 63 letters, digits, hyphens and underscores, no hyphen first or last";
    for wrong in ["a..b", "-a.b", "a-.b", "a b.c", "a/b.c"] {
        peer_error(
            "to",
            &format!("'dns:{wrong}'"),
            &format!(": \"{wrong}\" {LABELS}"),
        );
    }
    let long = format!("{}.b", "a".repeat(64));
    peer_error(
        "to",
        &format!("dns:{long}"),
        &format!(": \"{}\"… {LABELS}", &long[..64]),
    );
    let long = ["a".repeat(63).as_str(); 4].join(".");
    peer_error(
        "to",
        &format!("dns:{long}"),
        &format!(
            ": \"{}\"… is longer than the 253 characters of a name",
            &long[..64]
        ),
    );
    peer_error(
        "to",
        "dns:10.0.0.1",
        ": 10.0.0.1 is an address, not a DNS name; did you mean \"10.0.0.1\"?",
    );
    let nine: Vec<_> = (0..9)
        .map(|number| format!("'dns:n{number}.example'"))
        .collect();
    peer_error(
        "to",
        &format!("[{}]", nine.join(", ")),
        ": 9 DNS names; a rule has at most 8; write a second rule for the others",
    );
}

#[test]
fn named_peers_are_addresses() {
    expect(
        "version: 1\npeers:\n  a: [10.0.0.1, 'dns:a.example']\n  b: 'tag:x'\n  10.0.0.1-10.0.0.2: 10.0.0.1\n",
        &[
            "p.yaml:3:17: error: peers.a[1]: dns: stands in rules, not in `peers`; here stand addresses, prefixes, ranges and groups",
            "p.yaml:4:6: error: peers.b: tag: stands in rules, not in `peers`; here stand addresses, prefixes, ranges and groups",
            "p.yaml:5:3: error: peers.\"10.0.0.1-10.0.0.2\": a peer cannot be named like an address",
        ],
    );
}
