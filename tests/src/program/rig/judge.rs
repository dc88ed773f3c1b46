//! Frames through both hosts: they must agree on the verdict, on what is remembered of flow
//! and stream, and on what they return.

use aya::programs::{TestRun as _, TestRunOptions};
use enforcer::datapath::observe::Observed;
use enforcer::policy::signature::told;
use enforcer_common::decide;
use enforcer_common::flow::Flow;
use enforcer_common::port::{Port, Side};
use enforcer_common::verdict::{Fate, Reason};

use super::clock::clock_within_a_second;
use super::{Outcome, Rig};

/// The kernel runs a test on no less than an Ethernet header.
const SHORTEST: usize = 14;
/// Test runs come in by the loopback interface.
const LOOPBACK: u32 = 1;
const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;

impl Rig {
    /// Judges a frame in both hosts, which must agree, and counts it once. A frame
    /// too short for the kernel's test run is judged in user space alone.
    pub fn send(&mut self, side: Side, frame: &[u8]) -> Outcome {
        if !self.stopped {
            self.host.clock.set(clock_within_a_second());
        }
        let port = self.port(side);
        let verdict = decide::judge(frame, &self.host, &port, &mut self.work);
        self.work.verdict = verdict;
        if frame.len() >= SHORTEST {
            self.compare(side, frame, verdict.fate());
        }
        let steps = self.host.take_steps();
        assert!(steps.len() < 1_000, "a decision takes few steps");
        let key = self.work.key;
        let flow = if self.work.packet.is_ip() {
            self.host.flow_snapshot(&key)
        } else {
            None
        };
        Outcome {
            fate: verdict.fate(),
            reason: verdict.reason,
            rule: self.rule_name(verdict.rule),
            device: self.device_name(verdict.device),
            signature: self.signature_name(self.work.inspection.signature),
            flow,
        }
    }

    /// Judges a frame and says whether it was as expected: fate, reason, and the
    /// one counter that must have moved.
    #[track_caller]
    pub fn check(&mut self, side: Side, frame: &[u8], fate: Fate, reason: Reason) -> Outcome {
        let before = self.counted(side, fate, reason);
        let outcome = self.send(side, frame);
        assert_eq!(
            (outcome.fate, outcome.reason),
            (fate, reason),
            "{outcome:?} of {frame:02x?}"
        );
        if frame.len() >= SHORTEST {
            let (packets, bytes) = self.counted(side, fate, reason);
            let expected = (before.0 + 1, before.1 + frame.len() as u64);
            assert_eq!((packets, bytes), expected, "the counter of {reason:?}");
        }
        outcome
    }

    /// [`Self::check`] of a frame that passes.
    #[track_caller]
    pub fn allowed(&mut self, side: Side, frame: &[u8], reason: Reason) -> Outcome {
        self.check(side, frame, Fate::Allow, reason)
    }

    /// [`Self::check`] of a frame that is dropped.
    #[track_caller]
    pub fn denied(&mut self, side: Side, frame: &[u8], reason: Reason) -> Outcome {
        self.check(side, frame, Fate::Deny, reason)
    }

    /// Packets and bytes that the kernel counted for a verdict on a side.
    pub fn counted(&self, side: Side, fate: Fate, reason: Reason) -> (u64, u64) {
        let counts = self.datapath.verdicts(2).unwrap();
        let found = counts
            .iter()
            .find(|count| (count.port, count.fate, count.reason) == (side as u32, fate, reason));
        found.map_or((0, 0), |count| (count.traffic.packets, count.traffic.bytes))
    }

    fn compare(&mut self, side: Side, frame: &[u8], fate: Fate) {
        if self.declared != Some(side) {
            let port = self.port(side);
            self.datapath.declare_port(LOOPBACK, &port).unwrap();
            self.declared = Some(side);
        }
        let mut options = TestRunOptions::new();
        options.data_in = Some(frame);
        let key = self.work.key;
        if self.work.followed.has_begun_again() {
            // The other end's packets of this second would be counted for the flow before.
            self.datapath.memory.touch();
        }
        let before = self.datapath.packets_in_cache(&key).unwrap();
        let result = self
            .datapath
            .program()
            .unwrap()
            .test_run(options)
            .expect("a test run");
        let is_known = self.datapath.packets_in_cache(&key).unwrap() > before;
        self.known += u64::from(is_known);
        if is_known {
            assert_eq!(
                (self.work.verdict.reason, fate),
                (Reason::Established, Fate::Allow),
                "what the cache lets pass, user space does not: {frame:02x?}"
            );
        } else {
            let mut observed = self.datapath.last_decision(self.cpu).expect("a decision");
            let expected = Observed::from(&self.work);
            let keys = (observed.key, expected.key);
            if keys == self.last_keys {
                // Left there by earlier frames, of which the kernel judged others.
                observed.key = expected.key;
            }
            self.last_keys.0 = keys.0;
            assert_eq!(
                observed, expected,
                "kernel (left) and user space (right) differ on {frame:02x?}"
            );
        }
        self.last_keys.1 = key;
        let action = if fate == Fate::Deny {
            XDP_DROP
        } else {
            XDP_PASS
        };
        assert_eq!(result.return_value, action, "what the program returned");
        if self.work.packet.is_ip() {
            let kernel = self.datapath.flow(&self.work.key).unwrap().map(timeless);
            let host = self.host.flow_snapshot(&self.work.key).map(timeless);
            assert_eq!(
                kernel, host,
                "flows of kernel and user space differ on {frame:02x?}"
            );
            let kernel = self.datapath.stream(&self.work.key).unwrap();
            let host = self.host.stream_snapshot(&self.work.key);
            assert_eq!(
                kernel, host,
                "streams of kernel and user space differ on {frame:02x?}"
            );
        }
    }

    fn port(&self, side: Side) -> Port {
        Port {
            index: side as u32,
            side: side as u8,
            pass_without_policy: u8::from(self.pass_without_policy),
            bridge: self.bridge,
            reserved: 0,
        }
    }

    fn rule_name(&self, number: u16) -> Option<String> {
        let (profile, rule) = *self
            .compiled
            .rules
            .get(usize::from(number).checked_sub(1)?)?;
        Some(self.model.profiles[profile].rules[rule].name.clone())
    }

    fn signature_name(&self, number: u32) -> Option<String> {
        let told = told(&self.model, number);
        assert_eq!(told.is_some(), number != 0, "a signature that there is");
        Some(told?.name.to_owned())
    }

    fn device_name(&self, number: u32) -> Option<String> {
        let index = (number as usize).checked_sub(1)?;
        Some(self.model.devices[index].name.clone())
    }
}

fn timeless(flow: Flow) -> Flow {
    Flow {
        created: 0,
        last_seen: 0,
        place: 0,
        ..flow
    }
}
