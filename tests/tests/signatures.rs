//! Signatures under a real daemon, between real sockets: stopped whole and in pieces,
//! told with name and payload, counted; what bears none arrives intact.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::{net::TcpStream, time::Duration};

use enforcer_common::sanity::Predicate;
use enforcer_tests::{
    Outcome, Topology, Ward,
    daemon::Settings,
    traffic::{tcp, udp},
    wait, ward,
};
use serde_json::Value;

const DEADLINE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);

const SIGNATURES: &str = r#"
signatures:
  - name: jndi
    id: 7001
    message: a look-up in a log line
    references: CVE-2021-44228
    severity: critical
    tcp: any
    udp: any
    find: [{text: "${jndi:ldap", nocase: true}]
  - name: odd-query
    id: 7002
    action: alert
    udp: 123
    find: [{text: "odd-query"}, {u8: "> 3", after: 2}]
  - name: worst
    tcp: any
    from: either
    action: cut
    find: [{text: "worst-of-all-words"}]
"#;

fn policy(extra: &str) -> String {
    format!(
        "{}{SIGNATURES}",
        ward::policy_with(
            "  mode: enforce\n",
            &format!("  mode: enforce\n  events_per_second: 100000\n{extra}")
        )
        .unwrap()
    )
}

fn session(ward: &Ward) -> TcpStream {
    let at = |name| ward.endpoint(name).unwrap();
    let stream = tcp::connect(at("monitor-1"), at("engine").at(2575), DEADLINE).unwrap();
    stream.got().expect("a connection")
}

fn talk(stream: &mut TcpStream, text: &[u8], deadline: Duration) -> Outcome {
    stream.set_read_timeout(Some(deadline)).unwrap();
    tcp::echo(stream, text).unwrap().outcome()
}

#[test]
fn an_attack_is_stopped_whole_and_byte_by_byte() {
    let ward = Ward::under("sattack", &policy("")).unwrap();
    let _echo = tcp::serve_echo(ward.endpoint("engine").unwrap(), 2575).unwrap();
    let mut stream = session(&ward);
    assert_eq!(
        talk(&mut stream, b"MSH|^~\\&|fine", DEADLINE),
        Outcome::Answered
    );
    assert_eq!(
        talk(&mut stream, b"PID|${JNDI:LDAP://x}", SHORT),
        Outcome::Silent
    );
    let event = ward
        .event("a signature", |event| event.reason == "signature")
        .unwrap();
    assert_eq!(
        (&*event.fate, event.device.as_deref()),
        ("deny", Some("monitor-1"))
    );
    let found = event.signature.expect("what was found");
    assert_eq!(
        (&found["name"], &found["id"]),
        (&"jndi".into(), &7001.into())
    );
    assert_eq!(found["severity"], "critical");
    let payload = found["payload"].as_str().unwrap();
    assert!(
        payload.starts_with("5049447c247b4a4e44493a4c4441503a"),
        "{payload}"
    );

    let mut stream = session(&ward);
    let text = b"OBX|${jndi:ldap://y}";
    for byte in &text[..14] {
        assert_eq!(talk(&mut stream, &[*byte], DEADLINE), Outcome::Answered);
    }
    assert_eq!(talk(&mut stream, &text[14..15], SHORT), Outcome::Silent);

    // Datagrams, and one that is only told of.
    let (monitor, ntp) = (
        ward.endpoint("monitor-1").unwrap(),
        ward.endpoint("ntp").unwrap(),
    );
    let _clock = udp::serve_echo(ntp, 123).unwrap();
    let ask = |payload: &[u8], deadline| {
        udp::ask(monitor, ntp.at(123), payload, deadline)
            .unwrap()
            .outcome()
    };
    assert_eq!(ask(b"what time is it?", DEADLINE), Outcome::Answered);
    assert_eq!(ask(b"time of ${jndi:ldap", SHORT), Outcome::Silent);
    assert_eq!(ask(b"odd-query..\x04", DEADLINE), Outcome::Answered);
    assert_eq!(ask(b"odd-query..\x03", DEADLINE), Outcome::Answered);
    let told = ward
        .event("an alert", |event| event.fate == "allow")
        .unwrap();
    assert_eq!(told.signature.unwrap()["name"], "odd-query");

    let metrics = ward.daemon().metrics().unwrap();
    let line = "enforcer_signature_packets_total{id=\"7002\",severity=\"medium\",signature=\"odd-query\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    let listed: Vec<Value> = ward.client().json(&["signatures", "list"]).unwrap();
    // Behind them stand the predicates, which are on unless a policy says otherwise.
    let own = |of: &&Value| !of["name"].as_str().unwrap().contains('/');
    assert_eq!(listed.iter().take_while(own).count(), 3);
    assert_eq!(listed.len(), 3 + Predicate::ALL.len());
    // TCP has sent what was dropped again, and it was found again.
    assert!(listed[0]["packets"].as_u64().unwrap() >= 3, "{listed:#?}");
    let shown = ward.client().run(&["signatures", "show", "7002"]).unwrap();
    assert!(shown.contains("\"odd-query\" +2 u8>0x3"), "{shown}");
    let stats = ward.client().run(&["signatures", "stats"]).unwrap();
    assert!(stats.contains("jndi"), "{stats}");
    let unknown = ward
        .client()
        .try_run(&["signatures", "show", "none"])
        .unwrap();
    assert_eq!(unknown.status.code(), Some(1));

    // Counts go on under the next policy.
    let before = listed[0]["packets"].as_u64().unwrap();
    ward.apply(&policy("  inspect_first: 1MiB\n")).unwrap();
    let listed: Vec<Value> = ward.client().json(&["signatures", "list"]).unwrap();
    assert!(listed[0]["packets"].as_u64().unwrap() >= before);
}

#[test]
fn a_flow_that_is_cut_stays_so() {
    let ward = Ward::under("scut", &policy("")).unwrap();
    let _echo = tcp::serve_echo(ward.endpoint("engine").unwrap(), 2575).unwrap();
    let mut stream = session(&ward);
    assert_eq!(talk(&mut stream, b"first", DEADLINE), Outcome::Answered);
    assert_eq!(
        talk(&mut stream, b"the worst-of-all-words", SHORT),
        Outcome::Silent
    );
    assert_eq!(talk(&mut stream, b"sorry", SHORT), Outcome::Silent);
    let mut another = session(&ward);
    assert_eq!(talk(&mut another, b"hello", DEADLINE), Outcome::Answered);
}

/// What is looked through arrives as it was sent: in the sizes of an ordinary cable, of
/// jumbo frames, and of a sender that leaves cutting to its card. Behind its first bytes
/// a transfer goes on without, or is looked through to its end.
#[test]
fn large_transfers_are_looked_through_and_arrive_intact() {
    for (name, mtu, offload) in [
        ("slarge", 1500, false),
        ("sjumbo", 9000, false),
        ("soff", 1500, true),
    ] {
        let topology = Topology {
            mtu,
            ..Topology::default()
        };
        let ward = Ward::unenforced(name, &topology, &Settings::default()).unwrap();
        let monitor = ward.endpoint("monitor-1").unwrap();
        if offload {
            monitor.offload_segmentation().unwrap();
        }
        let _echo = tcp::serve_echo(ward.endpoint("engine").unwrap(), 2575).unwrap();
        for (first, megabytes, ends) in [("1MiB", 32, false), ("0", 2, true)] {
            ward.apply(&policy(&format!("  inspect_first: {first}\n")))
                .unwrap();
            let stream = session(&ward);
            let mut end = stream.try_clone().unwrap();
            let length = megabytes << 20;
            assert_eq!(tcp::transfer(stream, length).unwrap(), length);
            let (deadline, outcome) = if ends {
                (SHORT, Outcome::Silent)
            } else {
                (DEADLINE, Outcome::Answered)
            };
            assert_eq!(talk(&mut end, b"${jndi:ldap", deadline), outcome, "{name}");
        }
    }
}

/// A change of signatures under load takes effect at once, and costs no datagram.
#[test]
fn signatures_change_under_load() {
    let ward = Ward::under("sload", &policy("")).unwrap();
    let load = enforcer_tests::Load::start(ward.lab()).unwrap();
    load.go_on(100).unwrap();
    let files = [
        ward.write("one.yaml", &policy("")).unwrap(),
        ward.write("two.yaml", &policy("").replace("jndi:ldap", "jndi:rmi"))
            .unwrap(),
    ];
    let mut stream = None;
    let _echo = tcp::serve_echo(ward.endpoint("engine").unwrap(), 2575).unwrap();
    for round in 0..20 {
        ward.client().apply(&files[round % 2]).unwrap();
        let (bad, good) = if round % 2 == 0 {
            (&b"${jndi:ldap"[..], &b"${jndi:rmi"[..])
        } else {
            (&b"${jndi:rmi"[..], &b"${jndi:ldap"[..])
        };
        let mut session = stream.take().unwrap_or_else(|| session(&ward));
        assert_eq!(talk(&mut session, good, DEADLINE), Outcome::Answered);
        let mut other = self::session(&ward);
        assert_eq!(
            talk(&mut other, bad, Duration::from_millis(100)),
            Outcome::Silent
        );
        stream = Some(session);
    }
    load.go_on(100).unwrap();
    let outcome = load.finish().unwrap();
    assert_eq!((outcome.lost(), outcome.leaked()), (0, 0), "{outcome:?}");
}

#[test]
fn payload_is_kept_back_where_the_configuration_says_so() {
    let settings = Settings {
        more: "show_payload: false\n".to_owned(),
        ..Settings::default()
    };
    let ward = Ward::unenforced("sprivate", &Topology::default(), &settings).unwrap();
    ward.apply(&policy("")).unwrap();
    let _echo = tcp::serve_echo(ward.endpoint("engine").unwrap(), 2575).unwrap();
    let mut stream = session(&ward);
    assert_eq!(talk(&mut stream, b"${jndi:ldap", SHORT), Outcome::Silent);
    let event = ward
        .event("a signature", |event| event.reason == "signature")
        .unwrap();
    assert!(event.signature.unwrap().get("payload").is_none());
}

/// Who sends what a signature stops is cut off, and not whom it is sent to.
#[test]
fn a_sender_is_cut_off() {
    let quarantine = "name: jndi\n    quarantine: 1h\n";
    let text = policy("").replacen("name: jndi\n", quarantine, 1);
    let ward = Ward::under("squarantine", &text).unwrap();
    let _echo = tcp::serve_echo(ward.endpoint("engine").unwrap(), 2575).unwrap();
    let mut before = session(&ward);
    assert_eq!(talk(&mut before, b"hello", DEADLINE), Outcome::Answered);
    let mut stream = session(&ward);
    assert_eq!(talk(&mut stream, b"${jndi:ldap", SHORT), Outcome::Silent);
    wait::until("a quarantine", DEADLINE, || {
        let exceptions: Vec<Value> = ward.client().json(&["exceptions"])?;
        let [exception] = exceptions.as_slice() else {
            return Ok(None);
        };
        assert_eq!(exception["kind"], "quarantine");
        assert_eq!(exception["name"], "monitor-1");
        assert_eq!(exception["user"], "enforcerd");
        assert_eq!(exception["reason"], "it sent what jndi tells of");
        Ok(Some(()))
    })
    .unwrap();
    assert_eq!(talk(&mut before, b"hello", SHORT), Outcome::Silent);
    ward.client().run(&["release", "monitor-1"]).unwrap();
    let mut after = session(&ward);
    assert_eq!(talk(&mut after, b"hello", DEADLINE), Outcome::Answered);
}
