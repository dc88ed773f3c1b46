//! Peers by DNS name: what a device was told by a resolver that its policy allows it
//! may reach, at the first attempt; nobody else may, and forgeries teach nothing.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use enforcer::datapath::learned::LearnedMap;
use enforcer::learn::Identity;
use enforcer_common::addr::Vlan;
use enforcer_common::learned::name_hash;

use enforcer_tests::{
    Outcome, Ward,
    topology::CORE_MAC,
    traffic::{
        Server, dns,
        frame::{self, Link},
        tcp, udp,
        wire::Wire,
    },
    wait, ward,
};
use serde_json::Value;

const DEADLINE: Duration = Duration::from_secs(10);
/// Shorter than a SYN takes to be sent again, which is a second.
const FIRST_ATTEMPT: Duration = Duration::from_millis(700);
const PACS: Ipv4Addr = Ipv4Addr::new(10, 10, 0, 104);

/// Pumps and monitors may reach the archive by its name. No session is adopted, lest
/// an answer that nobody asked for pass as part of one.
fn policy() -> String {
    let by_name = "      - {name: archive, to: \"dns:*.ward.test\", tcp: 11112}\n";
    let mut policy = ward::policy_with(
        "  mode: enforce\n",
        "  mode: enforce\n  adopt_sessions: 0s\n",
    )
    .unwrap();
    for description in [
        "    description: BD Alaris point-of-care unit, model 8015\n    allow:\n",
        "    description: Bedside monitor with HL7 results\n    allow:\n",
    ] {
        policy = ward::edit(&policy, description, &format!("{description}{by_name}")).unwrap();
    }
    policy
}

fn connects(ward: &Ward, device: &str) -> Outcome {
    let device = ward.endpoint(device).unwrap();
    let pacs = SocketAddr::from((PACS, 11112));
    tcp::connect(device, pacs, FIRST_ATTEMPT).unwrap().outcome()
}

fn learned(ward: &Ward) -> Vec<Value> {
    ward.client().json(&["learned"]).unwrap()
}

fn refused(ward: &Ward, reason: &str) -> u64 {
    let name = format!("enforcer_lessons_refused_total{{reason=\"{reason}\"}} ");
    let page = ward.daemon().metrics().unwrap();
    let line = page.lines().find_map(|line| line.strip_prefix(&name));
    line.expect("the counter").parse().unwrap()
}

#[test]
fn a_name_is_reachable_once_it_was_answered() {
    let mut ward = Ward::under("nname", &policy()).unwrap();
    let _archive = tcp::serve_echo(ward.endpoint("pacs").unwrap(), 11112).unwrap();
    let _resolver = dns::serve_hosts(ward.endpoint("dns").unwrap()).unwrap();
    let resolver = ward.endpoint("dns").unwrap().at(dns::PORT);

    assert_eq!(connects(&ward, "monitor-1"), Outcome::Silent);
    let event = ward
        .event("a name that was not learned", |event| {
            event.destination_port == Some(11112)
        })
        .unwrap();
    assert_eq!((&*event.fate, &*event.reason), ("deny", "name-not-learned"));
    assert_eq!(event.device.as_deref(), Some("monitor-1"));

    let monitor = ward.endpoint("monitor-1").unwrap();
    let ask = |name| dns::ask(monitor, resolver, name, DEADLINE).unwrap().got();
    assert_eq!(ask("pacs.ward.test"), Some(PACS));
    // The answer reaches the device while the daemon learns from it; how much sooner or
    // later is told below.
    let list = wait::until("the answer is learned", DEADLINE, || {
        Ok(Some(learned(&ward)).filter(|list| !list.is_empty()))
    })
    .unwrap();
    assert_eq!(connects(&ward, "monitor-1"), Outcome::Answered);
    assert_eq!(list.len(), 1, "{list:?}");
    assert_eq!(list[0]["device"], "monitor-1");
    assert_eq!(list[0]["name"], "*.ward.test");
    assert_eq!(list[0]["address"], PACS.to_string());
    let remaining = list[0]["remaining_seconds"].as_u64().unwrap();
    assert!((60..=120).contains(&remaining), "{remaining}");
    let table = ward.client().run(&["learned"]).unwrap();
    assert!(table.contains("*.ward.test"), "{table}");

    // Another device with the same rule did not ask.
    assert_eq!(connects(&ward, "pump-1"), Outcome::Silent);

    // Without a daemon, and with its successor.
    ward.daemon_mut().kill().unwrap();
    assert_eq!(connects(&ward, "monitor-1"), Outcome::Answered);
    ward.daemon_mut().launch().unwrap();
    assert_eq!(connects(&ward, "monitor-1"), Outcome::Answered);
    assert_eq!(learned(&ward).len(), 1);
    assert_eq!(connects(&ward, "pump-1"), Outcome::Silent);
    let log = ward.daemon().log().unwrap();
    assert!(log.contains("learned the address of a name"), "{log}");
}

/// A resolver that says nothing, so that forgeries have time; each comes from where
/// the true answer would, or nearly.
#[test]
fn forged_answers_teach_nothing() {
    let ward = Ward::under("nforge", &policy()).unwrap();
    let [monitor, resolver, intruder] =
        ["monitor-1", "dns", "intruder"].map(|name| ward.endpoint(name).unwrap());
    let _silent = Server::datagram(resolver, dns::PORT, |_| None).unwrap();
    let socket = udp::open(monitor, resolver.at(dns::PORT), DEADLINE).unwrap();
    let query = dns::query("pacs.ward.test").unwrap();
    socket.send(&query).unwrap();
    let client = socket.local_addr().unwrap();

    let core = Wire::open(&resolver.namespace, resolver.interface).unwrap();
    let link = Link {
        source: CORE_MAC,
        destination: monitor.mac,
        vlans: &[],
    };
    let send = |from: SocketAddr, to: SocketAddr, payload: &[u8]| {
        core.send(&frame::udp(link, from, to, payload).unwrap())
            .unwrap();
    };
    let right = dns::reply(&query, PACS).unwrap();
    let mut other_id = right.clone();
    other_id[0] ^= 0xff;
    let other_name = dns::reply(&dns::query("engine.ward.test").unwrap(), PACS).unwrap();
    let behind = [&right[..], &[0]].concat();
    for payload in [&other_id, &other_name] {
        send(resolver.at(dns::PORT), client, payload);
    }
    send(resolver.at(dns::PORT), client, &behind);
    // These do not even pass: no flow is theirs.
    send(intruder.at(dns::PORT), client, &right);
    let mut elsewhere = client;
    elsewhere.set_port(client.port() ^ 1);
    send(resolver.at(dns::PORT), elsewhere, &right);
    let mut counts = [0; 2];
    let counted = wait::poll(DEADLINE, || {
        counts = ["unasked", "malformed"].map(|reason| refused(&ward, reason));
        Ok((counts == [2, 1]).then_some(()))
    });
    assert!(counted.unwrap().is_some(), "forgeries counted: {counts:?}");
    assert_eq!(learned(&ward), Vec::<Value>::new());

    // The true answer teaches, the second one to the same question does not.
    send(resolver.at(dns::PORT), client, &right);
    wait::until("the true answer teaches", DEADLINE, || {
        Ok((learned(&ward).len() == 1).then_some(()))
    })
    .unwrap();
    let other = dns::reply(&query, Ipv4Addr::new(10, 10, 0, 100)).unwrap();
    send(resolver.at(dns::PORT), client, &other);
    wait::until("the second answer is counted", DEADLINE, || {
        Ok((refused(&ward, "unasked") == 3).then_some(()))
    })
    .unwrap();
    let list = learned(&ward);
    assert_eq!(
        (list.len(), &list[0]["address"]),
        (1, &Value::from(PACS.to_string()))
    );
}

/// Tells how long after a device has its answer the program knows the address.
#[test]
fn how_soon_a_name_is_usable() {
    let ward = Ward::under("nsoon", &policy()).unwrap();
    let [monitor, resolver] = ["monitor-1", "dns"].map(|name| ward.endpoint(name).unwrap());
    // Each name has an address of its own: that of its number.
    let _resolver = Server::datagram(resolver, dns::PORT, |query| {
        let label = query.get(13..13 + usize::from(*query.get(12)?))?;
        let number = std::str::from_utf8(label).ok()?.strip_prefix('n')?;
        dns::reply(query, Ipv4Addr::new(10, 10, 1, number.parse().ok()?))
    });
    let pins = ward.lab().bpffs().join("enforcer");
    let generation = fs::read_dir(pins).unwrap().next().unwrap().unwrap();
    let map = LearnedMap::open(&generation.path()).unwrap();
    let identity = Identity {
        mac: enforcer_common::addr::Mac(monitor.mac.0),
        vlan: Vlan::UNTAGGED,
    };
    let socket = udp::open(monitor, resolver.at(dns::PORT), DEADLINE).unwrap();
    let mut delays = Vec::new();
    for number in 0..200 {
        let address = IpAddr::from([10, 10, 1, number]);
        let key = identity.key(address.into(), name_hash(b"*.ward.test"));
        let query = dns::query(&format!("n{number}.ward.test")).unwrap();
        let answered = udp::exchange(&socket, &query).unwrap();
        assert_eq!(answered.outcome(), Outcome::Answered);
        let start = Instant::now();
        while map.until(&key).unwrap() == 0 {
            assert!(start.elapsed() < DEADLINE, "n{number} is not learned");
        }
        delays.push(start.elapsed());
    }
    delays.sort();
    let at = |percent: usize| delays[(delays.len() - 1) * percent / 100];
    println!(
        "known after the answer by: median {:?}, 90 % {:?}, 99 % {:?}, all {:?}",
        at(50),
        at(90),
        at(99),
        at(100)
    );
}
