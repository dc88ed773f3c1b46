//! Whole frames: which device learns what from them.

use std::sync::Arc;

use etherparse::PacketBuilder;

use super::*;
use crate::policy::model::{Direction, Guards, Model, Peer, Rule, Service};
use crate::policy::source::{Bundle, File};

const SERVER: [u8; 4] = [10, 0, 0, 53];
const ROUTER_MAC: [u8; 6] = [2, 0, 0, 0, 0xc0, 1];
const SECOND: u64 = 1_000_000_000;
const NAMES: [&str; 2] = ["pacs.example.org", "*.example.org"];

/// Devices 1 and 2 ask for names and get addresses by DHCP; 3 is bound to 10.0.0.30.
fn guide(change: impl FnOnce(&mut Model)) -> Guide {
    let main = File {
        path: "test.yaml".to_owned(),
        text: "version: 1
profiles:
  modality:
    allow:
      - {name: dns, to: 10.0.0.53, udp: 53}
devices:
  - {name: one, mac: \"02:00:00:00:00:01\", profile: modality}
  - {name: two, mac: \"02:00:00:00:00:02\", profile: modality}
  - {name: three, mac: \"02:00:00:00:00:03\", ip: 10.0.0.30, profile: modality}
"
        .to_owned(),
    };
    let bundle = Bundle {
        main,
        included: Vec::new(),
    };
    let (mut model, _) = crate::policy::parse(&bundle).expect("a valid policy");
    for device in &mut model.devices[..2] {
        device.dhcp_address = true;
    }
    let rule = Rule {
        name: "pacs".to_owned(),
        direction: Direction::To,
        peers: NAMES.map(|name| Peer::Name(name.to_owned())).to_vec(),
        services: vec![Service::Tcp(104, 104)],
        ..model.profiles[0].rules[0].clone()
    };
    model.profiles[0].rules.push(rule);
    change(&mut model);
    Guide::new(Arc::new(model))
}

fn mac(number: u8) -> [u8; 6] {
    [2, 0, 0, 0, 0, number]
}

fn udp(
    macs: ([u8; 6], [u8; 6]),
    from: ([u8; 4], u16),
    to: ([u8; 4], u16),
    payload: &[u8],
) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2(macs.0, macs.1)
        .ipv4(from.0, to.0, 64)
        .udp(from.1, to.1);
    let mut frame = Vec::new();
    builder.write(&mut frame, payload).unwrap();
    frame
}

fn question(name: &str) -> Vec<u8> {
    let mut bytes = vec![7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.extend([0, 0, 1, 0, 1]);
    bytes
}

fn reply(name: &str, addresses: &[[u8; 4]]) -> Vec<u8> {
    let mut bytes = question(name);
    bytes[2..4].copy_from_slice(&[0x81, 0x80]);
    bytes[7] = addresses.len() as u8;
    for address in addresses {
        bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4]);
        bytes.extend(address);
    }
    bytes
}

/// A question of device 1, and what the answer to it teaches.
fn resolved(guide: &Guide, name: &str, addresses: &[[u8; 4]]) -> Result<Taught, Refusal> {
    let mut learner = Learner::default();
    let own = [10, 0, 0, 1];
    let frame = udp(
        (mac(1), ROUTER_MAC),
        (own, 40_000),
        (SERVER, 53),
        &question(name),
    );
    let asked = Lesson {
        time: 5 * SECOND,
        source: 1,
        destination: 0,
        frame: &frame,
    };
    assert_eq!(learner.study(guide, &asked), Ok(Taught::default()));
    let frame = udp(
        (ROUTER_MAC, mac(1)),
        (SERVER, 53),
        (own, 40_000),
        &reply(name, addresses),
    );
    let answered = Lesson {
        source: 0,
        destination: 1,
        frame: &frame,
        ..asked
    };
    learner.study(guide, &answered)
}

#[test]
fn an_answer_teaches_every_name_that_matches() {
    let guide = guide(|_| {});
    let taught = resolved(&guide, "PACS.example.org", &[[10, 1, 0, 7]]).unwrap();
    assert_eq!(taught.learned.len(), 2);
    for (learned, name) in taught.learned.iter().zip(NAMES) {
        let device = Identity {
            mac: Mac(mac(1)),
            vlan: Vlan::UNTAGGED,
        };
        let key = device.key(
            IpAddr::from([10, 1, 0, 7]).into(),
            name_hash(name.as_bytes()),
        );
        assert_eq!((learned.key, learned.until), (key, 5 + 300 + 60));
        assert_eq!(Identity::of(&learned.key), device);
        assert_eq!(learned.name.as_deref(), Some(name));
    }
}

#[test]
fn a_name_that_no_rule_has_teaches_nothing() {
    let guide = guide(|_| {});
    let result = resolved(&guide, "pacs.example.com", &[[10, 1, 0, 7]]);
    assert_eq!(result, Err(Refusal::OtherName));
}

#[test]
fn the_devices_own_addresses_teach_nothing() {
    let guide = guide(|model| model.devices[0].ipv4 = vec![[10, 0, 0, 11].into()]);
    let own = [[10, 0, 0, 1], [10, 0, 0, 11], [127, 0, 0, 1]];
    assert_eq!(
        resolved(&guide, "a.example.org", &own),
        Err(Refusal::NoAddress)
    );
    let taught = resolved(&guide, "a.example.org", &[own[0], [10, 1, 0, 7]]).unwrap();
    assert_eq!(taught.learned.len(), 1);
}

/// A server's acknowledgement of an address to a client.
fn acknowledgement(client: u8, address: [u8; 4]) -> Vec<u8> {
    let mut bytes = vec![0; 240];
    bytes[..3].copy_from_slice(&[2, 1, 6]);
    bytes[16..20].copy_from_slice(&address);
    bytes[28..34].copy_from_slice(&mac(client));
    bytes[236..].copy_from_slice(&[99, 130, 83, 99]);
    bytes.extend([53, 1, 5, 51, 4, 0, 0, 0x0e, 0x10, 255]);
    bytes
}

fn leased(
    learner: &mut Learner,
    guide: &Guide,
    destination: [u8; 6],
    client: u8,
    address: [u8; 4],
) -> Result<Taught, Refusal> {
    let to = if destination == [0xff; 6] {
        [255; 4]
    } else {
        address
    };
    let payload = acknowledgement(client, address);
    let frame = udp(
        (ROUTER_MAC, destination),
        ([10, 0, 0, 67], 67),
        (to, 68),
        &payload,
    );
    let lesson = Lesson {
        time: 5 * SECOND,
        source: 0,
        destination: u32::from(destination[5]) % 0xff,
        frame: &frame,
    };
    learner.study(guide, &lesson)
}

#[test]
fn an_acknowledgement_teaches_the_devices_address() {
    let guide = guide(|_| {});
    for destination in [mac(1), [0xff; 6]] {
        let mut learner = Learner::default();
        let taught = leased(&mut learner, &guide, destination, 1, [10, 0, 0, 5]).unwrap();
        let [learned] = &*taught.learned else {
            panic!("{taught:?}");
        };
        assert_eq!(learned.device.mac, Mac(mac(1)));
        assert_eq!((learned.key.name, learned.until), (0, 5 + 3_600 + 360));
        assert_eq!(learned.address, IpAddr::from([10, 0, 0, 5]));
    }
}

#[test]
fn an_acknowledgement_for_others_teaches_nothing() {
    let guide = guide(|_| {});
    let mut learner = Learner::default();
    for (what, destination, client) in [
        ("bound by the policy", mac(3), 3),
        ("not declared", [0xff; 6], 9),
        ("another than it is sent to", mac(1), 2),
    ] {
        let result = leased(&mut learner, &guide, destination, client, [10, 0, 0, 5]);
        assert_eq!(result, Err(Refusal::OtherDevice), "{what}");
    }
    for address in [[0; 4], [127, 0, 0, 1], [224, 0, 0, 1], [255; 4]] {
        let result = leased(&mut learner, &guide, mac(1), 1, address);
        assert!(
            result.is_err() || result == Ok(Taught::default()),
            "{address:?}"
        );
    }
}

#[test]
fn the_address_of_another_teaches_nothing() {
    let guide = guide(|_| {});
    let mut learner = Learner::default();
    let refused = |address: [u8; 4], holder: &str| {
        Ok(Taught {
            refused: vec![("two".to_owned(), address.into(), holder.to_owned())],
            ..Taught::default()
        })
    };
    let bound = leased(&mut learner, &guide, mac(2), 2, [10, 0, 0, 30]);
    assert_eq!(bound, refused([10, 0, 0, 30], "three"));
    leased(&mut learner, &guide, mac(1), 1, [10, 0, 0, 5]).unwrap();
    let held = leased(&mut learner, &guide, mac(2), 2, [10, 0, 0, 5]);
    assert_eq!(held, refused([10, 0, 0, 5], "one"));
    // A renewal is no conflict.
    assert!(leased(&mut learner, &guide, mac(1), 1, [10, 0, 0, 5]).is_ok());
}

#[test]
fn a_broadcast_of_a_server_that_the_profile_does_not_name_teaches_nothing() {
    let servers = |servers: Vec<Peer>| {
        guide(|model| {
            model.profiles[0].guards = Guards {
                dhcp_servers: Some(servers),
                ..Guards::default()
            };
        })
    };
    let prefix = |text: &str| Peer::Prefix(text.parse().unwrap());
    let mut learner = Learner::default();
    let mut from = |guide: Guide| leased(&mut learner, &guide, [0xff; 6], 1, [10, 0, 0, 5]);
    assert_eq!(
        from(servers(vec![prefix("10.0.0.66/32")])),
        Err(Refusal::RogueServer)
    );
    assert!(from(servers(vec![prefix("10.0.0.67/32")])).is_ok());
    let without = guide(|model| model.profiles[0].network.dhcp = false);
    assert_eq!(from(without), Err(Refusal::RogueServer));
}

#[test]
fn what_lies_behind_the_datagram_teaches_nothing() {
    let guide = guide(|_| {});
    let mut payload = reply("a.example.org", &[[10, 1, 0, 7]]);
    payload.push(0);
    let mut frame = udp(
        (ROUTER_MAC, mac(1)),
        (SERVER, 53),
        ([10, 0, 0, 1], 40_000),
        &payload,
    );
    // UDP ends one byte before IP does.
    frame[39] -= 1;
    let lesson = Lesson {
        time: 0,
        source: 0,
        destination: 1,
        frame: &frame,
    };
    let result = Learner::default().study(&guide, &lesson);
    assert_eq!(result, Err(Refusal::Malformed));
}
