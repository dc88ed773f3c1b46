//! Sanity predicates: each is met by what it is for and by nothing that stands next to it,
//! for devices behind no, one and two tags, whoever of the two ends sends, and what follows
//! is what the device's profile says.

mod arp;
mod dhcp;
mod dns;
mod ip;
mod ipv6;
mod levels;
mod tcp;
mod truncated;
mod ward;

use std::net::IpAddr;

use enforcer_common::port::Side;
use enforcer_common::verdict::{Fate, Reason};
use enforcer_tests::program::Rig;
use enforcer_tests::program::frame::{Ip, Link};
use enforcer_tests::program::ward::{FAMILIES, Family};
use ward::{Level, VARIANTS};

/// A frame on a link, from one address to the other.
type Build<'b> = &'b dyn Fn(&Link, IpAddr, IpAddr) -> Vec<u8>;

const BOTH: [Side; 2] = [Side::Device, Side::Core];
const V4: [Family; 1] = [Family::V4];
const V6: [Family; 1] = [Family::V6];

/// The program with the policy of [`ward`].
struct Ward {
    rig: Rig,
}

impl Ward {
    fn new() -> Self {
        let mut rig = Rig::new(&ward::policy());
        // Segments pass without a beginning.
        rig.adopt_until(u64::MAX);
        Self { rig }
    }

    /// Sends a frame from and to each device; it must be told as `predicate`, or pass
    /// untold.
    #[track_caller]
    fn check(
        &mut self,
        families: &[Family],
        sides: &[Side],
        predicate: Option<&str>,
        build: Build<'_>,
    ) {
        for family in families {
            for side in sides {
                for level in Level::ALL {
                    for variant in 0..VARIANTS {
                        let frame = ward::frame(*family, *side, level, variant, build);
                        self.expect(*side, level, predicate, &frame);
                    }
                }
            }
        }
    }

    #[track_caller]
    fn expect(&mut self, side: Side, level: Level, predicate: Option<&str>, frame: &[u8]) {
        let outcome = self.rig.send(side, frame);
        let told = predicate.filter(|_| level != Level::Off);
        let stopped = told.is_some() && level == Level::Drop;
        let fate = if stopped { Fate::Deny } else { Fate::Allow };
        assert_eq!(
            (outcome.fate, outcome.signature.as_deref()),
            (fate, told),
            "{level:?} {side:?} {outcome:?} of {frame:02x?}"
        );
        assert_eq!(stopped, outcome.reason == Reason::Signature, "{outcome:?}");
    }

    #[track_caller]
    fn hit(&mut self, families: &[Family], predicate: &str, build: Build<'_>) {
        self.check(families, &BOTH, Some(predicate), build);
    }

    #[track_caller]
    fn miss(&mut self, families: &[Family], build: Build<'_>) {
        self.check(families, &BOTH, None, build);
    }
}

/// An IP packet, changed before it is put into a frame.
fn packet(
    link: &Link,
    from: IpAddr,
    to: IpAddr,
    protocol: u8,
    payload: &[u8],
    change: impl FnOnce(&mut Ip),
) -> Vec<u8> {
    let mut packet = Ip::new(from, to, protocol, payload);
    change(&mut packet);
    link.ip(&packet)
}
