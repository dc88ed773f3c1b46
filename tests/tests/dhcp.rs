//! DHCP through the enforcer, with a real server and a real client: a device is
//! a client, and never a server.

use std::time::Duration;

use enforcer_tests::{
    Crossing, Mac, Outcome, Ward,
    traffic::{
        dhcp::{self, DhcpServer},
        frame::{self, Link},
    },
    ward,
};

const DEADLINE: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_secs(1);

#[test]
fn a_device_gets_its_lease() {
    let ward = Ward::enforced("nlease").unwrap();
    let _server = DhcpServer::start(ward.lab()).unwrap();
    let [pump, server] = ["pump-1", "dhcp"].map(|name| ward.endpoint(name).unwrap());
    let lease = dhcp::lease(pump, DEADLINE).unwrap().got().expect("a lease");
    assert_eq!((lease.address, lease.server), (pump.ipv4, server.ipv4));
    // Discover, offer, request, acknowledgement.
    assert!(ward.client().counters().unwrap().packets("allow", "dhcp") >= 4);
}

#[test]
fn an_unknown_device_gets_none() {
    let ward = Ward::enforced("nnolease").unwrap();
    let server = DhcpServer::start(ward.lab()).unwrap();
    let stranger = ward.endpoint("stranger").unwrap();
    let answer = dhcp::lease(stranger, SHORT).unwrap();
    assert_eq!(answer.outcome(), Outcome::Silent);
    assert!(!server.log().unwrap().contains("DHCPDISCOVER"));
}

#[test]
fn a_profile_without_dhcp_gets_none() {
    let policy = ward::policy_with(
        "    description: BD Alaris point-of-care unit, model 8015\n",
        "    network: {dhcp: false}\n",
    );
    let ward = Ward::under("nnodhcp", &policy.unwrap()).unwrap();
    let server = DhcpServer::start(ward.lab()).unwrap();
    let [pump, monitor] = ["pump-1", "monitor-1"].map(|name| ward.endpoint(name).unwrap());
    assert_eq!(dhcp::lease(pump, SHORT).unwrap().outcome(), Outcome::Silent);
    let event = ward
        .event("a refused request", |event| {
            event.destination_port == Some(67)
        })
        .unwrap();
    assert_eq!(event.fate, "deny");
    assert_eq!(event.device.as_deref(), Some("pump-1"));
    assert!(!server.log().unwrap().contains("DHCPDISCOVER"));
    // The neighbour's profile still has it.
    let answer = dhcp::lease(monitor, DEADLINE).unwrap();
    assert_eq!(answer.outcome(), Outcome::Answered);
}

/// Neither does a question of the core reach it, nor its offer the core.
#[test]
fn a_rogue_server_on_a_device_is_not_heard() {
    let ward = Ward::enforced("nrogue").unwrap();
    let [monitor, core] = ["monitor-1", "intruder"].map(|name| ward.endpoint(name).unwrap());
    let rogue = DhcpServer::start_at(ward.lab(), monitor).unwrap();
    let answer = dhcp::lease(core, SHORT).unwrap();
    assert_eq!(answer.outcome(), Outcome::Silent);
    let question = ward
        .event("a refused question", |event| {
            event.source_mac.as_deref() == Some(&core.mac.to_string())
        })
        .unwrap();
    assert_eq!(question.port.as_deref(), Some("p1"));
    assert!(!rogue.log().unwrap().contains("DHCPDISCOVER"));

    let way = Crossing::from_device(ward.lab(), "monitor-1").unwrap();
    let link = Link {
        source: monitor.mac,
        destination: Mac::BROADCAST,
        vlans: &[],
    };
    let everybody = "255.255.255.255:68".parse().unwrap();
    let offer = frame::udp(link, monitor.at(67), everybody, &[2; 300]).unwrap();
    way.send(&offer).unwrap();
    let event = ward
        .event("a refused offer", |event| event.source_port == Some(67))
        .unwrap();
    assert_eq!((&*event.fate, &*event.reason), ("deny", "no-rule"));
    assert_eq!(event.device.as_deref(), Some("monitor-1"));
    assert!(!way.arrives(&offer).unwrap());
}
