//! Signatures for devices by tag: found in what these send, and not in others'.

use enforcer_common::port::Side::Device;
use enforcer_common::verdict::{Fate, Reason};
use enforcer_tests::program::Rig;
use enforcer_tests::program::ward::{self, Family};

/// The ward, where two devices have tags, and how many groups of devices there are may be
/// more than a line holds bits for.
fn policy(others: usize) -> String {
    let tagged = ward::POLICY
        .replacen("name: bound,", "name: bound, tags: [icu, old],", 1)
        .replacen("name: tagged,", "name: tagged, tags: ward-3,", 1)
        .replacen("name: gateway,", "name: gateway, tags: icu,", 1);
    let mut text = tagged;
    let mut tags = String::new();
    for other in 0..others {
        let mac = format!("02:00:00:01:{:02x}:{:02x}", other >> 8, other & 0xff);
        text += &format!("  - {{name: o{other}, mac: \"{mac}\", profile: pump, tags: t{other}}}\n");
        tags += &format!(", t{other}");
    }
    text + &format!(
        "signatures:
  - {{name: by-tag, udp: any, tags: [icu, ward-3], find: [{{text: FIRST}}]}}
  - {{name: by-both, udp: any, tags: icu, profiles: gateway, find: [{{text: SECOND}}]}}
  - {{name: by-others, udp: any, tags: [old{tags}], find: [{{text: THIRD}}]}}
"
    )
}

#[test]
fn a_signature_is_for_devices_with_its_tags() {
    for others in [0, 1500] {
        let mut rig = Rig::new(&policy(others));
        let mut ask = |device: u8, payload: &[u8]| {
            let (from, to) = (ward::device(Family::V4, device), ward::dns(Family::V4));
            let frame = ward::outward(device).datagram((from, 5000), (to, 53), payload);
            let outcome = rig.send(Device, &frame);
            assert_eq!(
                outcome.reason == Reason::Signature,
                outcome.fate == Fate::Deny
            );
            outcome.fate == Fate::Deny
        };
        for (payload, stopped) in [
            (b"FIRST".as_slice(), [true, true, false]),
            (b"SECOND", [false, false, false]),
            (b"THIRD", [true, false, false]),
        ] {
            let found =
                [ward::BOUND, ward::TAGGED, ward::DOUBLY].map(|device| ask(device, payload));
            assert_eq!(
                found,
                stopped,
                "{} {others}",
                String::from_utf8_lossy(payload)
            );
        }
    }
}
