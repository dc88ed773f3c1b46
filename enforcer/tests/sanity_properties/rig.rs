//! A device and a server, who may do anything, and what is told of a frame between them.

use std::cell::RefCell;
use std::collections::BTreeMap;

use enforcer::policy::compile::compile;
use enforcer::policy::parse;
use enforcer::policy::source::{Bundle, File};
use enforcer::simulate::HostTables;
use enforcer_common::decide::{Work, judge};
use enforcer_common::port::{Port, Side};
use enforcer_common::sanity::Predicate;
use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::TestRunner;

const POLICY: &str = "version: 1
defaults: {new_flows_per_second: 0}
profiles:
  pump:
    allow:
      - {name: out, to: any, protocol: any}
      - {name: in, from: any, protocol: any}
devices: [{name: pump, mac: 02:00:00:00:00:01, profile: pump}]
";

thread_local! {
    static RIG: RefCell<Rig> = RefCell::new(Rig::new());
}

/// Asks this thread's rig.
pub(crate) fn told(ask: impl FnOnce(&mut Rig) -> Option<Predicate>) -> Option<Predicate> {
    RIG.with_borrow_mut(ask)
}

/// How often each outcome is among values that a strategy makes.
pub(crate) fn outcomes<S: Strategy>(
    strategy: &S,
    reference: impl Fn(&S::Value) -> Option<Predicate>,
) -> BTreeMap<Option<Predicate>, u32> {
    let mut runner = TestRunner::deterministic();
    let mut outcomes = BTreeMap::new();
    for _ in 0..4096 {
        let value = strategy.new_tree(&mut runner).map(|tree| tree.current());
        let value = value.unwrap_or_else(|reason| panic!("{reason}"));
        *outcomes.entry(reference(&value)).or_default() += 1;
    }
    outcomes
}

pub(crate) struct Rig {
    tables: HostTables,
    work: Box<Work>,
}

impl Rig {
    fn new() -> Self {
        let main = File {
            path: "p.yaml".into(),
            text: POLICY.into(),
        };
        let bundle = Bundle {
            main,
            included: Vec::new(),
        };
        let (model, _) = parse(&bundle).unwrap_or_else(|errors| panic!("{errors}"));
        let compiled = compile(&model).unwrap_or_else(|error| panic!("{error}"));
        let mut tables = HostTables::default();
        tables.install(&compiled);
        Self {
            tables,
            work: Box::new(Work::EMPTY),
        }
    }

    /// What is told of an IPv4 packet from the device with these options.
    pub(crate) fn ipv4(
        &mut self,
        options: &[u8],
        protocol: u8,
        payload: &[u8],
    ) -> Option<Predicate> {
        let header = 20 + options.len();
        let length = (header + payload.len()) as u16;
        let mut packet = vec![0x40 | (header / 4) as u8, 0];
        packet.extend(length.to_be_bytes());
        packet.extend([0, 1, 0, 0, 64, protocol, 0, 0, 10, 1, 0, 1, 10, 0, 0, 1]);
        packet.extend(options);
        packet.extend(payload);
        self.frame([8, 0], &packet)
    }

    /// Of an IPv6 packet with an extension header.
    pub(crate) fn ipv6(&mut self, number: u8, extension: &[u8]) -> Option<Predicate> {
        let udp = [0x13, 0x88, 0, 161, 0, 8, 0, 0];
        let length = (extension.len() + udp.len()) as u16;
        let mut packet = vec![0x60, 0, 0, 0];
        packet.extend(length.to_be_bytes());
        packet.extend([number, 64]);
        for last in [1, 2] {
            packet.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
        }
        packet.extend(extension);
        packet.extend(udp);
        self.frame([0x86, 0xdd], &packet)
    }

    fn frame(&mut self, ethertype: [u8; 2], packet: &[u8]) -> Option<Predicate> {
        let mut frame = vec![2, 0, 0, 0, 0xc0, 1, 2, 0, 0, 0, 0, 1];
        frame.extend(ethertype);
        frame.extend(packet);
        self.tables.clear_flows();
        let port = Port {
            side: Side::Device as u8,
            ..Port::default()
        };
        let verdict = judge(frame.as_slice(), &self.tables, &port, &mut self.work);
        drop(self.tables.take_steps());
        assert!(verdict.reason.allows(), "{verdict:?} of {frame:02x?}");
        Predicate::from_number(self.work.inspection.signature)
    }
}

/// A datagram.
pub(crate) fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let length = (8 + payload.len()) as u16;
    let mut bytes = [
        source.to_be_bytes(),
        destination.to_be_bytes(),
        length.to_be_bytes(),
        [0, 0],
    ]
    .concat();
    bytes.extend(payload);
    bytes
}
