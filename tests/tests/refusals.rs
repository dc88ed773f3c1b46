//! What the policy does not allow does not arrive, and is counted and reported
//! with the reason that it has.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{net::SocketAddr, time::Duration};

use enforcer_tests::{
    Crossing, Mac, Outcome, Ward,
    records::Event,
    topology::CORE_MAC,
    traffic::{
        frame::{self, Link},
        neighbour, ping, tcp, udp,
    },
    ward,
};

const SHORT: Duration = Duration::from_millis(100);
const CLOSED: u16 = 9999;

/// The example policy, with no events held back and no live sessions adopted.
fn policy() -> String {
    ward::policy_with(
        "  mode: enforce\n",
        "  mode: enforce\n  events_per_second: 100000\n  adopt_sessions: 0s\n",
    )
    .unwrap()
}

/// Sends a frame, and fails unless it is refused for this reason, reported as
/// `wanted` describes, counted once more, and does not arrive.
fn refused(
    ward: &Ward,
    way: &Crossing,
    frame: &[u8],
    reason: &str,
    wanted: impl Fn(&Event) -> bool,
) -> Event {
    let count = || ward.client().counters().unwrap().packets("deny", reason);
    let before = count();
    let earlier = ward.events(&wanted).unwrap().len();
    way.send(frame).unwrap();
    let event = ward.event_after(earlier, reason, wanted).unwrap();
    assert_eq!(
        (&*event.fate, &*event.reason),
        ("deny", reason),
        "{event:?}"
    );
    assert!(!way.arrives(frame).unwrap(), "it arrived: {event:?}");
    assert!(count() > before, "{reason} is not counted");
    event
}

/// A datagram between two MAC addresses, and how its event looks.
fn datagram(
    macs: (Mac, Mac),
    source: SocketAddr,
    destination: SocketAddr,
) -> (Vec<u8>, impl Fn(&Event) -> bool) {
    let link = Link {
        source: macs.0,
        destination: macs.1,
        vlans: &[],
    };
    let frame = frame::udp(link, source, destination, b"not to arrive").unwrap();
    let wanted = move |event: &Event| {
        event.source_mac.as_deref() == Some(&macs.0.to_string())
            && (event.source, event.source_port) == (Some(source.ip()), Some(source.port()))
            && (event.destination, event.destination_port)
                == (Some(destination.ip()), Some(destination.port()))
    };
    (frame, wanted)
}

#[test]
fn a_device_reaches_nothing_without_a_rule() {
    let ward = Ward::under("nnorule", &policy()).unwrap();
    let way = Crossing::from_device(ward.lab(), "pump-1").unwrap();
    let [pump, engine, ntp] = ["pump-1", "engine", "ntp"].map(|name| ward.endpoint(name).unwrap());
    for (number, source, destination) in [
        (1, pump.at(40_000), engine.at(CLOSED)),
        (2, pump.at_v6(40_000), engine.at_v6(CLOSED)),
        // Its neighbour's permission is not its own.
        (3, pump.at(40_003), ntp.at(123)),
    ] {
        let (frame, wanted) = datagram((pump.mac, CORE_MAC), source, destination);
        let event = refused(&ward, &way, &frame, "no-rule", wanted);
        assert_eq!(event.device.as_deref(), Some("pump-1"), "{number}");
        assert_eq!(event.port.as_deref(), Some("p0"));
    }
}

#[test]
fn an_unknown_device_reaches_nothing() {
    let ward = Ward::under("nunknown", &policy()).unwrap();
    let way = Crossing::from_device(ward.lab(), "stranger").unwrap();
    let [stranger, engine] = ["stranger", "engine"].map(|name| ward.endpoint(name).unwrap());
    for (source, destination) in [
        (stranger.at(40_000), engine.at(2575)),
        (stranger.at_v6(40_000), engine.at_v6(2575)),
        // A declared device's address makes it no declared device.
        (
            ward.endpoint("monitor-1").unwrap().at(40_000),
            engine.at(2575),
        ),
    ] {
        let (frame, _) = datagram((stranger.mac, CORE_MAC), source, destination);
        let event = refused(&ward, &way, &frame, "unknown-device", |event| {
            event.source_mac.as_deref() == Some(&stranger.mac.to_string())
        });
        assert_eq!(event.device, None);
    }
    for address in [engine.ipv4.into(), engine.ipv6.into()] {
        let answer = neighbour::resolve(stranger, address, SHORT).unwrap();
        assert_ne!(answer.outcome(), Outcome::Answered, "{address}");
    }
}

#[test]
fn a_device_cannot_borrow_an_address() {
    let ward = Ward::under("nspoof", &policy()).unwrap();
    let way = Crossing::from_device(ward.lab(), "pump-1").unwrap();
    let at = |name| ward.endpoint(name).unwrap();
    let (pump, monitor, dns) = (at("pump-1"), at("monitor-1"), at("dns"));
    for (source, destination) in [
        (monitor.at(40_000), dns.at(53)),
        (monitor.at_v6(40_000), dns.at_v6(53)),
    ] {
        let (frame, wanted) = datagram((pump.mac, CORE_MAC), source, destination);
        let event = refused(&ward, &way, &frame, "spoofed-source", wanted);
        assert_eq!(event.device.as_deref(), Some("pump-1"));
    }

    let link = Link {
        source: pump.mac,
        destination: Mac::BROADCAST,
        vlans: &[],
    };
    let question = frame::arp_request(link, monitor.ipv4, dns.ipv4);
    refused(&ward, &way, &question, "spoofed-source", |event| {
        event.ethertype == "0x0806" && event.source == Some(monitor.ipv4.into())
    });
    let claim = frame::neighbour_advertisement(link, pump.ipv6, dns.ipv6, monitor.ipv6).unwrap();
    refused(&ward, &way, &claim, "spoofed-source", |event| {
        event.protocol == "icmpv6" && event.source == Some(pump.ipv6.into())
    });
    // The honest ones of the same kind do arrive.
    let question = frame::arp_request(link, pump.ipv4, dns.ipv4);
    let claim = frame::neighbour_advertisement(link, pump.ipv6, dns.ipv6, pump.ipv6).unwrap();
    for frame in [question, claim] {
        way.send(&frame).unwrap();
        assert!(way.arrives(&frame).unwrap());
    }
}

#[test]
fn the_core_reaches_no_device_without_a_rule() {
    let ward = Ward::under("ncore", &policy()).unwrap();
    let way = Crossing::from_core(ward.lab()).unwrap();
    let at = |name| ward.endpoint(name).unwrap();
    let (intruder, monitor) = (at("intruder"), at("monitor-1"));
    for (source, destination) in [
        (intruder.at(40_000), monitor.at(CLOSED)),
        (intruder.at_v6(40_000), monitor.at_v6(CLOSED)),
        // The right service, for somebody else.
        (intruder.at(40_001), monitor.at(24105)),
    ] {
        let (frame, wanted) = datagram((CORE_MAC, monitor.mac), source, destination);
        let event = refused(&ward, &way, &frame, "no-rule", wanted);
        assert_eq!(event.device.as_deref(), Some("monitor-1"));
        assert_eq!(event.port.as_deref(), Some("p1"));
    }
}

#[test]
fn the_core_reaches_a_device_at_its_own_address_only() {
    let ward = Ward::under("nwrongto", &policy()).unwrap();
    let way = Crossing::from_core(ward.lab()).unwrap();
    let at = |name| ward.endpoint(name).unwrap();
    let (station, monitor, pump) = (at("central-station"), at("monitor-1"), at("pump-1"));
    let (frame, wanted) = datagram((CORE_MAC, monitor.mac), station.at(40_000), pump.at(24105));
    refused(&ward, &way, &frame, "wrong-destination", wanted);

    let stranger = at("stranger");
    let to = (CORE_MAC, stranger.mac);
    let (frame, _) = datagram(to, station.at(40_000), stranger.at(24105));
    refused(&ward, &way, &frame, "unknown-destination", |event| {
        event.destination_mac.as_deref() == Some(&stranger.mac.to_string())
    });
}

#[test]
fn a_packet_out_of_nowhere_is_no_session() {
    let ward = Ward::under("nnoflow", &policy()).unwrap();
    let way = Crossing::from_device(ward.lab(), "monitor-1").unwrap();
    let [monitor, engine] = ["monitor-1", "engine"].map(|name| ward.endpoint(name).unwrap());
    let link = Link {
        source: monitor.mac,
        destination: CORE_MAC,
        vlans: &[],
    };
    let segment = frame::tcp_ack(link, monitor.at(40_000), engine.at(2575)).unwrap();
    refused(&ward, &way, &segment, "no-flow", |event| {
        event.source_port == Some(40_000) && event.destination_port == Some(2575)
    });
}

/// The same with real sockets, where a listener is there to be reached.
#[test]
fn real_clients_are_refused_and_servers_hear_nothing() {
    let ward = Ward::under("nclients", &policy()).unwrap();
    let at = |name| ward.endpoint(name).unwrap();
    let (pump, monitor, engine, intruder) =
        (at("pump-1"), at("monitor-1"), at("engine"), at("intruder"));
    let servers = [
        tcp::serve_echo(pump, 23).unwrap(),
        tcp::serve_echo(engine, 445).unwrap(),
        tcp::serve_echo(monitor, 445).unwrap(),
        udp::serve_echo(engine, CLOSED).unwrap(),
        udp::serve_echo(monitor, CLOSED).unwrap(),
    ];
    for (from, to) in [
        (intruder, pump.at(23)),
        (intruder, pump.at_v6(23)),
        (pump, engine.at(445)),
        (pump, engine.at_v6(445)),
        (intruder, monitor.at(445)),
    ] {
        let answer = tcp::connect(from, to, SHORT).unwrap();
        assert_eq!(answer.outcome(), Outcome::Silent, "{to}");
        refusal_of(&ward, to, "tcp");
    }
    for (from, to) in [(monitor, engine.at(CLOSED)), (engine, monitor.at(CLOSED))] {
        let answer = udp::ask(from, to, b"?", SHORT).unwrap();
        assert_eq!(answer.outcome(), Outcome::Silent, "{to}");
        refusal_of(&ward, to, "udp");
    }
    for (from, to) in [(intruder, pump.at(0)), (intruder, pump.at_v6(0))] {
        let answer = ping::ping(from, to.ip(), SHORT).unwrap();
        assert_eq!(answer.outcome(), Outcome::Silent, "{to}");
        let protocol = if to.is_ipv4() { "icmp" } else { "icmpv6" };
        refusal_of(&ward, to, protocol);
    }
    for server in &servers {
        assert_eq!(server.heard(), 0);
    }
}

fn refusal_of(ward: &Ward, to: SocketAddr, protocol: &str) {
    let event = ward
        .event("a refusal", |event| {
            event.destination == Some(to.ip())
                && event.protocol == protocol
                && (to.port() == 0 || event.destination_port == Some(to.port()))
        })
        .unwrap();
    assert_eq!(
        (&*event.fate, &*event.reason),
        ("deny", "no-rule"),
        "{event:?}"
    );
}
