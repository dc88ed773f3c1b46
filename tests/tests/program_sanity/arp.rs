//! The set `arp`.

use std::net::Ipv4Addr;

use enforcer_common::port::Side::{Core, Device};
use enforcer_common::verdict::{Fate, Reason};
use enforcer_tests::program::Rig;
use enforcer_tests::program::frame::{Link, arp};
use enforcer_tests::program::ward::{ROUTER, mac};

use super::ward::policy;
use super::{V4, Ward};

#[test]
fn senders_have_addresses_that_a_host_can_have() {
    let mut ward = Ward::new();
    let target = Ipv4Addr::new(10, 10, 0, 1);
    for sender in ["224.0.0.1", "239.1.1.1", "255.255.255.255", "127.0.0.1"] {
        let sender: Ipv4Addr = sender.parse().unwrap();
        for operation in [1, 2] {
            ward.hit(&V4, "arp/impossible-sender", &|link, _, _| {
                link.arp(operation, sender, target)
            });
        }
    }
    for sender in ["10.10.0.9", "0.0.0.0", "169.254.1.1"] {
        let sender: Ipv4Addr = sender.parse().unwrap();
        ward.miss(&V4, &|link, _, _| link.arp(2, sender, target));
    }
}

/// It passes by audit alone, and is told by its name then.
#[test]
fn reverse_arp_is_told_where_it_passes() {
    let mut rig = Rig::new(&policy());
    let link = Link::new(mac(1), ROUTER);
    let body = arp(4, mac(1), Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED);
    let (out, back) = (link.carry(0x8035, &body), link.back().carry(0x8035, &body));
    for (side, frame) in [(Device, &out), (Core, &back)] {
        assert_eq!(rig.denied(side, frame, Reason::EtherType).signature, None);
    }
    rig.apply(&policy().replacen("defaults: {", "defaults: {mode: audit, ", 1));
    for (side, frame) in [(Device, &out), (Core, &back)] {
        let outcome = rig.check(side, frame, Fate::Audit, Reason::EtherType);
        assert_eq!(outcome.signature.as_deref(), Some("arp/reverse-arp"));
    }
    let other = link.carry(0x88b8, &body);
    let outcome = rig.check(Device, &other, Fate::Audit, Reason::EtherType);
    assert_eq!(outcome.signature, None);
}
