//! What `policies/ward.yaml` allows works through the enforcer, with real
//! sockets, in both directions and both families.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use enforcer_tests::{
    Endpoint, Outcome, Topology, Ward,
    daemon::Settings,
    traffic::{dns, hl7, neighbour, ntp, ping, tcp, udp},
    ward,
};

const DEADLINE: Duration = Duration::from_secs(10);

#[test]
fn hospital_protocols_work_and_are_counted_by_rule() {
    let ward = Ward::enforced("ntraffic").unwrap();
    let at = |name| ward.endpoint(name).unwrap();
    let (monitor, pump, printer) = (at("monitor-1"), at("pump-1"), at("printer-1"));
    let _servers = [
        hl7::serve(at("engine"), 2575).unwrap(),
        dns::serve(at("dns")).unwrap(),
        tcp::serve_echo(at("dns"), 53).unwrap(),
        ntp::serve(at("ntp")).unwrap(),
        tcp::serve_echo(at("systems-manager"), 3613).unwrap(),
        tcp::serve_echo(printer, 9100).unwrap(),
        udp::serve_echo(printer, 161).unwrap(),
        udp::serve_echo(monitor, 24105).unwrap(),
    ];

    for engine in [at("engine").at(2575), at("engine").at_v6(2575)] {
        let mut stream = tcp::connect(monitor, engine, DEADLINE)
            .unwrap()
            .got()
            .expect("a connection");
        for control_id in ["MSG1", "MSG2"] {
            let answer = hl7::report(&mut stream, control_id).unwrap();
            assert_eq!(answer.outcome(), Outcome::Answered, "{engine}");
        }
    }
    for (device, server) in [
        (monitor, at("dns").at(53)),
        (monitor, at("dns").at_v6(53)),
        (pump, at("dns").at(53)),
        (pump, at("dns").at_v6(53)),
    ] {
        let answer = dns::ask(device, server, "engine.hospital.example", DEADLINE).unwrap();
        assert_eq!(answer.got(), Some(dns::ADDRESS), "{server}");
    }
    let answer = ntp::ask(monitor, at("ntp").at(123), DEADLINE).unwrap();
    assert_eq!(answer.outcome(), Outcome::Answered);
    for (from, to) in [
        (pump, at("systems-manager").at(3613)),
        (pump, at("dns").at(53)),
        (at("print-server"), printer.at(9100)),
    ] {
        assert_eq!(talk(from, to), Outcome::Answered, "{to}");
    }
    for (from, to) in [
        (at("central-station"), monitor.at(24105)),
        (at("print-server"), printer.at(161)),
    ] {
        let answer = udp::ask(from, to, b"anything new?", DEADLINE).unwrap();
        assert_eq!(answer.outcome(), Outcome::Answered, "{to}");
    }
    let answer = ping::ping(at("print-server"), printer.ipv4.into(), DEADLINE).unwrap();
    assert_eq!(answer.outcome(), Outcome::Answered);

    let counters = ward.client().counters().unwrap();
    for (profile, rule) in [
        ("patient-monitor", "hl7"),
        ("patient-monitor", "dns"),
        ("patient-monitor", "ntp"),
        ("patient-monitor", "central-station"),
        ("alaris-pcu", "dns"),
        ("alaris-pcu", "systems-manager"),
        ("printer", "print"),
        ("printer", "snmp"),
        ("printer", "ping"),
    ] {
        assert!(counters.rule_packets(profile, rule) > 0, "{profile}/{rule}");
    }
    assert!(counters.packets("allow", "established") > 0);
}

#[test]
fn addresses_resolve_in_both_directions() {
    let ward = Ward::enforced("nresolve").unwrap();
    let [monitor, engine] = ["monitor-1", "engine"].map(|name| ward.endpoint(name).unwrap());
    for (from, to) in [(monitor, engine), (engine, monitor)] {
        for address in [to.ipv4.into(), to.ipv6.into()] {
            let answer = neighbour::resolve(from, address, DEADLINE).unwrap();
            assert_eq!(
                answer.got(),
                Some(to.mac),
                "{} asks for {address}",
                from.name
            );
        }
    }
    let counters = ward.client().counters().unwrap();
    // A question and an answer, in each direction.
    assert!(counters.packets("allow", "arp") >= 4);
    assert!(counters.packets("allow", "neighbour-discovery") >= 4);
}

#[test]
fn pings_are_allowed_by_type_in_both_families() {
    let policy = ward::policy_with(
        "      - name: central-station\n",
        "      - name: ping\n        from: hl7-engine\n        icmp: echo-request\n        \
         icmpv6: echo-request\n      - name: central-station\n",
    );
    let policy = ward::edit(
        &policy.unwrap(),
        "  mode: enforce\n",
        "  mode: enforce\n  adopt_sessions: 0s\n",
    );
    let ward = Ward::under("nping", &policy.unwrap()).unwrap();
    let [monitor, engine] = ["monitor-1", "engine"].map(|name| ward.endpoint(name).unwrap());
    for address in [monitor.ipv4.into(), monitor.ipv6.into()] {
        let answer = ping::ping(engine, address, DEADLINE).unwrap();
        assert_eq!(answer.outcome(), Outcome::Answered, "{address}");
    }
    // The same type the other way round is nobody's permission.
    for address in [engine.ipv4.into(), engine.ipv6.into()] {
        let answer = ping::ping(monitor, address, Duration::from_millis(100)).unwrap();
        assert_eq!(answer.outcome(), Outcome::Silent, "{address}");
        let event = ward
            .event("a refused ping", |event| event.destination == Some(address))
            .unwrap();
        assert_eq!(event.reason, "no-rule");
    }
}

#[test]
fn audit_mode_lets_everything_pass_and_reports_what_it_would_refuse() {
    let policy = ward::policy_with(
        "  mode: enforce\n",
        "  mode: audit\n  events_per_second: 100000\n",
    );
    let ward = Ward::under("naudit", &policy.unwrap()).unwrap();
    let at = |name| ward.endpoint(name).unwrap();
    let _servers = [
        tcp::serve_echo(at("pump-1"), 23).unwrap(),
        tcp::serve_echo(at("engine"), 445).unwrap(),
        tcp::serve_echo(at("systems-manager"), 3613).unwrap(),
    ];
    for (from, to, reason) in [
        ("intruder", at("pump-1").at(23), "no-rule"),
        ("pump-1", at("engine").at(445), "no-rule"),
        ("stranger", at("engine").at(445), "unknown-device"),
    ] {
        let from = at(from);
        assert_eq!(talk(from, to), Outcome::Answered, "{} to {to}", from.name);
        let event = ward
            .event("an audited first packet", |event| {
                let from_device = event.source_mac.as_deref() == Some(&from.mac.to_string());
                from_device && event.reason == reason
            })
            .unwrap();
        assert_eq!(event.fate, "audit");
    }
    let counters = ward.client().counters().unwrap();
    assert!(counters.packets("audit", "no-rule") > 0);
    assert!(counters.packets("audit", "unknown-device") > 0);
    assert_eq!(
        counters
            .ports
            .iter()
            .filter(|count| count.fate == "deny")
            .count(),
        0
    );

    // What a rule allows is allowed, not audited.
    let to = at("systems-manager").at(3613);
    assert_eq!(talk(at("pump-1"), to), Outcome::Answered);
    let flows = ward.client().flows().unwrap();
    let flow = flows.iter().find(|flow| flow.responder_port == Some(3613));
    assert_eq!(flow.unwrap().rules, ["alaris-pcu/systems-manager"]);
}

/// Several megabytes in both directions at once: the sender's segments are as
/// long as its offloads make them.
#[test]
fn large_transfers_arrive_intact() {
    let ward = Ward::enforced("nlarge").unwrap();
    let engine = ward.endpoint("engine").unwrap();
    let monitor = ward.endpoint("monitor-1").unwrap();
    let _echo = tcp::serve_echo(engine, 2575).unwrap();
    for to in [engine.at(2575), engine.at_v6(2575)] {
        let stream = tcp::connect(monitor, to, DEADLINE).unwrap().got();
        let received = tcp::transfer(stream.expect("a connection"), 8 << 20).unwrap();
        assert_eq!(received, 8 << 20, "{to}");
    }
}

#[test]
fn large_transfers_of_a_device_that_offloads_arrive_intact() {
    let ward = Ward::enforced("noffload").unwrap();
    let engine = ward.endpoint("engine").unwrap();
    let monitor = ward.endpoint("monitor-1").unwrap();
    monitor.offload_segmentation().unwrap();
    let _echo = tcp::serve_echo(engine, 2575).unwrap();
    let stream = tcp::connect(monitor, engine.at(2575), DEADLINE)
        .unwrap()
        .got();
    let received = tcp::transfer(stream.expect("a connection"), 8 << 20).unwrap();
    assert_eq!(received, 8 << 20);
}

#[test]
fn jumbo_frames_cross_whole() {
    let topology = Topology {
        mtu: 9000,
        ..Topology::default()
    };
    let ward = Ward::unenforced("njumbo", &topology, &Settings::default()).unwrap();
    ward.apply(&ward::policy().unwrap()).unwrap();
    let engine = ward.endpoint("engine").unwrap();
    let monitor = ward.endpoint("monitor-1").unwrap();
    let _echo = tcp::serve_echo(engine, 2575).unwrap();
    let _datagrams = udp::serve_echo(ward.endpoint("ntp").unwrap(), 123).unwrap();
    let payload = [0x6a; 8900];
    let to = ward.endpoint("ntp").unwrap().at(123);
    let reply = udp::ask(monitor, to, &payload, DEADLINE).unwrap().got();
    assert_eq!(reply.as_deref(), Some(&payload[..]));
    // Fragments would have been refused.
    assert_eq!(
        ward.client()
            .counters()
            .unwrap()
            .packets("deny", "fragment"),
        0
    );

    let stream = tcp::connect(monitor, engine.at(2575), DEADLINE)
        .unwrap()
        .got();
    let received = tcp::transfer(stream.expect("a connection"), 8 << 20).unwrap();
    assert_eq!(received, 8 << 20);
    let bytes: u64 = counted(&ward, |count| count.bytes);
    let packets: u64 = counted(&ward, |count| count.packets);
    assert!(bytes / packets > 1500, "{bytes} bytes in {packets} packets");
}

fn counted(ward: &Ward, what: fn(&enforcer_tests::records::PortCounter) -> u64) -> u64 {
    let counters = ward.client().counters().unwrap();
    let established = counters
        .ports
        .iter()
        .filter(|count| count.reason == "established");
    established.map(what).sum()
}

fn talk(from: &Endpoint, to: std::net::SocketAddr) -> Outcome {
    tcp::connect(from, to, DEADLINE)
        .and_then(|answer| answer.and_then(|mut stream| tcp::echo(&mut stream, b"hello")))
        .unwrap()
        .outcome()
}
