//! A device, a server and the decision between them; one connection at a time.

use enforcer::policy::compile::{Compiled, compile};
use enforcer::policy::model::Model;
use enforcer::policy::parse;
use enforcer::policy::signature::Signature;
use enforcer::policy::source::{Bundle, File};
use enforcer_common::decide::{Work, cache, judge, stage};
use enforcer_common::forward::Way;
use enforcer_common::packet::transport::flags::{ACK, SYN};
use enforcer_common::port::{Port, Side};
use enforcer_common::stream::Stream;
use enforcer_common::verdict::{Fate, Reason};

use crate::cached::Cached;

const POLICY: &str = "version: 1
defaults: {mode: enforce, new_flows_per_second: 0}
peers: {server: 10.0.0.1}
profiles:
  pump: {allow: [{to: server, tcp: 80RULE, udp: 81}]}
devices: [{name: pump, mac: 02:00:00:00:00:01, ip: 10.1.0.1, profile: pump}]
";
/// Where all frames come in.
const INTERFACE: u32 = 3;
/// Numbers before the first bytes of client and server: the former wraps early.
pub(crate) const CLIENT: u32 = u32::MAX - 20;
const SERVER: u32 = 7_000;

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    /// A signature was found, or what a rule does not let be said.
    Found,
    /// It could not be looked at in its turn, or differs from what was sent before.
    Refused(Reason),
}

pub(crate) struct Rig {
    tables: Cached,
    work: Box<Work>,
    /// Packets that passed at a glance.
    pub(crate) cleared: u32,
    /// A policy that takes over when a glance has met something.
    next: Option<Compiled>,
}

impl Rig {
    /// With these signatures.
    pub(crate) fn new(signatures: &[Signature]) -> Self {
        Self::of(&POLICY.replace("RULE", ""), signatures)
    }

    /// Which glances at packets that are like the one before, as the kernel does.
    pub(crate) fn glancing(signatures: &[Signature]) -> Self {
        let mut rig = Self::new(signatures);
        rig.tables.has_cache = true;
        rig
    }

    /// Where what is said over TCP is held to an application's list.
    pub(crate) fn hearing(application: &str) -> Self {
        let rule = format!(", {application}}}, {{to: server");
        Self::of(&POLICY.replace("RULE", &rule), &[])
    }

    fn of(policy: &str, signatures: &[Signature]) -> Self {
        Self {
            tables: Cached::new(&compiled(policy, signatures)),
            work: Box::new(Work::EMPTY),
            cleared: 0,
            next: None,
        }
    }

    /// Looks for other signatures as soon as a glance has met something.
    pub(crate) fn replace_behind_glance(&mut self, signatures: &[Signature]) {
        self.next = Some(compiled(&POLICY.replace("RULE", ""), signatures));
    }

    /// Sets the clock, in milliseconds.
    pub(crate) fn set_clock(&self, now: u64) {
        self.tables.inner.clock.set(now * 1_000_000);
    }

    /// Opens the connection anew.
    pub(crate) fn open(&mut self) {
        self.tables.clear();
        for outcome in [
            self.client(CLIENT, SYN, 0, b""),
            self.server(SERVER, SYN | ACK, CLIENT.wrapping_add(1), b""),
            self.client(CLIENT.wrapping_add(1), ACK, SERVER.wrapping_add(1), b""),
        ] {
            assert_eq!(outcome, Outcome::Passed);
        }
    }

    /// The client says this at a place of its stream.
    pub(crate) fn says(&mut self, place: usize, payload: &[u8]) -> Outcome {
        let sequence = CLIENT.wrapping_add(1).wrapping_add(place as u32);
        self.client(sequence, ACK, SERVER.wrapping_add(1), payload)
    }

    /// The server has received everything before a place of the client's stream.
    pub(crate) fn acknowledges(&mut self, place: usize) {
        let number = CLIENT.wrapping_add(1).wrapping_add(place as u32);
        let outcome = self.server(SERVER.wrapping_add(1), ACK, number, b"");
        assert_eq!(outcome, Outcome::Passed);
    }

    pub(crate) fn client(
        &mut self,
        sequence: u32,
        flags: u8,
        acknowledgement: u32,
        payload: &[u8],
    ) -> Outcome {
        let segment = segment((40_000, 80), (sequence, acknowledgement), flags, payload);
        self.judge(Side::Device, 6, &segment)
    }

    pub(crate) fn server(
        &mut self,
        sequence: u32,
        flags: u8,
        acknowledgement: u32,
        payload: &[u8],
    ) -> Outcome {
        let segment = segment((80, 40_000), (sequence, acknowledgement), flags, payload);
        self.judge(Side::Core, 6, &segment)
    }

    /// Where the stream of the last packet stands.
    pub(crate) fn stream(&self) -> Option<Stream> {
        let mut stream = self.tables.inner.stream_snapshot(&self.work.key)?;
        for side in &mut stream.0 {
            // What is before the known bytes may be anything.
            let known = side.head.known as usize;
            let unknown = side.tail.len().saturating_sub(known);
            side.tail[..unknown].fill(0);
        }
        Some(stream)
    }

    /// The client sends a datagram.
    pub(crate) fn datagram(&mut self, payload: &[u8]) -> Outcome {
        let length = payload.len() as u16 + 8;
        let header = [40_000, 81, length, 0].map(u16::to_be_bytes);
        let datagram = [header.concat().as_slice(), payload].concat();
        self.judge(Side::Device, 17, &datagram)
    }

    fn judge(&mut self, side: Side, protocol: u8, payload: &[u8]) -> Outcome {
        let (pump, server) = (([2, 0, 0, 0, 0, 1], [10, 1, 0, 1]), ([2; 6], [10, 0, 0, 1]));
        let (from, to) = match side {
            Side::Device => (pump, server),
            Side::Core => (server, pump),
        };
        let mut frame = [to.0, from.0].concat();
        frame.extend([8, 0, 0x45, 0]);
        frame.extend((payload.len() as u16 + 20).to_be_bytes());
        frame.extend([0, 1, 0, 0, 64, protocol, 0, 0]);
        frame.extend([from.1, to.1].concat());
        frame.extend(payload);
        let port = Port {
            side: side as u8,
            ..Port::default()
        };
        let frame = frame.as_slice();
        if let Some(known) = cache::recall(frame, &self.tables, INTERFACE) {
            known.put_down(&mut self.work);
            if !known.must_be_looked_at() || stage::glance(frame, &self.tables, &mut self.work) {
                known.count();
                self.cleared += 1;
                return Outcome::Passed;
            }
            if let Some(next) = self.next.take() {
                self.tables.inner.install(&next);
            }
        }
        let verdict = judge(frame, &self.tables, &port, &mut self.work);
        drop(self.tables.inner.take_steps());
        self.work.verdict = verdict;
        if cache::concerns(&self.work, Way::Bridge) {
            let place = (0, INTERFACE, false);
            cache::keep(frame, &self.tables, &mut self.work, place, Way::Bridge);
        }
        match (verdict.fate(), verdict.reason) {
            (Fate::Allow, _) => Outcome::Passed,
            (_, Reason::Signature | Reason::ApplicationDenied | Reason::WrongProtocol) => {
                Outcome::Found
            }
            (_, reason @ (Reason::StreamLost | Reason::StreamDiffers)) => Outcome::Refused(reason),
            other => panic!("{other:?}"),
        }
    }
}

fn compiled(policy: &str, signatures: &[Signature]) -> Compiled {
    let main = File {
        path: "p.yaml".into(),
        text: policy.into(),
    };
    let bundle = Bundle {
        main,
        included: Vec::new(),
    };
    let (mut model, _): (Model, _) = parse(&bundle).unwrap_or_else(|errors| panic!("{errors}"));
    model.signatures = signatures.to_vec();
    compile(&model).unwrap_or_else(|error| panic!("{error}"))
}

fn segment(ports: (u16, u16), numbers: (u32, u32), flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut segment = [ports.0.to_be_bytes(), ports.1.to_be_bytes()].concat();
    segment.extend([numbers.0.to_be_bytes(), numbers.1.to_be_bytes()].concat());
    segment.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend(payload);
    segment
}
