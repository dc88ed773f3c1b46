//! Policies as a whole: one that does not fit changes nothing, jumbo frames, and
//! the same cost however long the policy is.

use std::cell::Cell;
use std::fmt::Write as _;

use enforcer_common::decide::{self, Work};
use enforcer_common::flow::{FlowKey, LiveFlow};
use enforcer_common::fragment::{Fragment, FragmentKey, LiveFragment};
use enforcer_common::learned::LearnedKey;
use enforcer_common::port::Port;
use enforcer_common::port::Side::{Core, Device};
use enforcer_common::rate::{LiveRate, RateKey};
use enforcer_common::shared::Word;
use enforcer_common::stream::LiveStream;
use enforcer_common::table::{Control, Line};
use enforcer_common::tables::Tables;
use enforcer_common::threshold::{HitsKey, LiveHits};
use enforcer_common::verdict::Reason;
use enforcer_tests::program::Rig;
use enforcer_tests::program::frame::{ACK, Ip, SYN, protocol, tcp};
use enforcer_tests::program::rig::compiled;
use enforcer_tests::program::ward::{self, Family};

#[test]
fn a_policy_that_does_not_fit_changes_nothing() {
    let mut rig = Rig::new(ward::POLICY);
    let (_, mut huge) = compiled(ward::POLICY);
    huge.lines
        .resize(rig.datapath.capacity.policy_lines as usize + 1, [0; 8]);
    let before = rig.datapath.memory.in_force();
    assert!(rig.datapath.memory.install(&huge).is_err());
    assert_eq!(rig.datapath.memory.in_force(), before);
    let own = ward::device(Family::V4, ward::BOUND);
    let frame = ward::outward(ward::BOUND).udp((own, 1), (ward::dns(Family::V4), 53));
    rig.allowed(Device, &frame, Reason::Rule);
}

#[test]
fn jumbo_frames_are_judged_like_others() {
    let mut rig = Rig::new(ward::POLICY);
    for device in [ward::BOUND, ward::TAGGED, ward::DOUBLY] {
        let (own, engine) = (ward::device(Family::V4, device), ward::engine(Family::V4));
        let packet = |flags, to, length| {
            Ip::new(
                own,
                engine,
                protocol::TCP,
                &tcp(40_000, to, flags, &vec![0x5a; length]),
            )
        };
        let link = ward::outward(device);
        rig.clear_flows();
        rig.allowed(Device, &link.ip(&packet(SYN, 2575, 0)), Reason::Rule);
        for length in [1_460, 3_000, 3_600, 4_096, 8_960, 20_000] {
            rig.allowed(
                Device,
                &link.ip(&packet(ACK, 2575, length)),
                Reason::Established,
            );
            rig.denied(Device, &link.ip(&packet(SYN, 23, length)), Reason::NoRule);
            let mut cut = link.ip(&packet(ACK, 2575, length));
            cut.pop();
            rig.denied(Device, &cut, Reason::Truncated);
        }
    }
    let stray = ward::inward(ward::BOUND).carry(0x1234, &[0; 9_000]);
    rig.denied(Core, &stray, Reason::EtherType);
}

/// Counts the lines that a decision reads.
struct Counting<'t> {
    lines: &'t [[u64; 8]],
    reads: Cell<u32>,
}

impl Tables for Counting<'_> {
    fn control(&self) -> Control {
        Control {
            active: Control::pack(1, 0),
            ..Control::default()
        }
    }

    fn line<L: Line>(&self, index: u32) -> Option<&L> {
        self.reads.set(self.reads.get() + 1);
        let line = self.lines.get(index as usize)?;
        // SAFETY: `Line` promises 64 bytes in which any bits are valid, aligned to
        // at most 8 bytes, which is what eight words are.
        Some(unsafe { &*std::ptr::from_ref(line).cast::<L>() })
    }

    fn now(&self) -> u64 {
        1_000_000_000
    }

    fn flow(&self, _key: &FlowKey) -> Option<&LiveFlow> {
        None
    }

    fn remember(&self, _work: &mut Work) -> bool {
        true
    }

    fn spend_flow(&self, _device: u32, _per_second: u32, _now: u64) -> bool {
        true
    }

    fn fragment(&self, _key: &FragmentKey) -> Option<&LiveFragment> {
        None
    }

    fn remember_fragment(&self, _key: &FragmentKey, _fragment: &Fragment) -> bool {
        true
    }

    fn learned(&self, _key: &LearnedKey) -> u32 {
        0
    }

    fn rate(&self, _key: &RateKey) -> Option<&LiveRate> {
        None
    }

    fn hits(&self, _key: &HitsKey) -> Option<&LiveHits> {
        None
    }

    fn stream(&self, _key: &FlowKey) -> Option<&LiveStream> {
        None
    }

    fn begin_stream(&self, _key: &FlowKey) -> bool {
        false
    }

    fn cpu(&self) -> u32 {
        0
    }

    fn seen(&self, _device: u32) -> Option<&Word> {
        None
    }
}

/// Lines read for a frame that the last rule of a policy allows.
fn reads_with(rules: u16) -> (Reason, u32) {
    let mut policy = String::from("version: 1\nprofiles:\n  pump:\n    allow:\n");
    for port in 1..=rules {
        let _ = writeln!(
            policy,
            "      - {{to: 10.20.{}.{}, tcp: {port}}}",
            port / 250,
            port % 250
        );
    }
    policy += "devices:\n  - {name: pump, mac: \"02:00:00:00:00:01\", profile: pump}\n";
    let (_, compiled) = compiled(&policy);
    let tables = Counting {
        lines: &compiled.lines,
        reads: Cell::new(0),
    };
    let engine = std::net::Ipv4Addr::new(10, 20, (rules / 250) as u8, (rules % 250) as u8).into();
    let own = ward::device(Family::V4, 1);
    let frame = ward::outward(1).tcp((own, 40_000), (engine, rules), SYN);
    let mut work = Work::EMPTY;
    let verdict = decide::judge(&frame[..], &tables, &Port::default(), &mut work);
    (verdict.reason, tables.reads.get())
}

#[test]
fn cost_does_not_grow_with_rules() {
    let (one, many) = (reads_with(1), reads_with(5_000));
    assert_eq!(one.0, Reason::Rule);
    assert_eq!(many.0, Reason::Rule);
    // The second of two buckets is read where the first has not the key.
    assert!(
        many.1 <= one.1 + 3,
        "{} lines for 1 rule, {} for 5,000",
        one.1,
        many.1
    );
    println!("{} lines for 1 rule, {} for 5,000", one.1, many.1);
}
