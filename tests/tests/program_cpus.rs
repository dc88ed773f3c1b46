//! Packets of one device and of one flow on several CPUs at once, as a card with many
//! queues hands them over: what is granted is granted once, and no flow is torn.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use aya::programs::{TestRun as _, TestRunOptions, Xdp};
use enforcer_common::port::Side::{self, Device};
use enforcer_common::verdict::{Fate, Reason};
use enforcer_tests::program::{
    Rig,
    frame::SYN,
    ward::{self, Family},
};
use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};

const RUNS: u32 = 20_000;

fn cpus() -> Vec<usize> {
    // The rig holds its own thread to one of them.
    let online = aya::util::online_cpus().unwrap();
    online.into_iter().map(|cpu| cpu as usize).take(4).collect()
}

/// Runs the program on a frame on every CPU at once, so many times on each.
fn everywhere(rig: &mut Rig, frame: &[u8], runs: u32) -> u64 {
    let cpus = cpus();
    let program: &Xdp = rig.datapath.program().unwrap();
    std::thread::scope(|scope| {
        for &cpu in &cpus {
            scope.spawn(move || {
                let mut one = CpuSet::new();
                one.set(cpu).unwrap();
                sched_setaffinity(Pid::from_raw(0), &one).unwrap();
                let mut options = TestRunOptions::new();
                options.data_in = Some(frame);
                options.repeat = runs;
                program.test_run(options).unwrap();
            });
        }
    });
    cpus.len() as u64 * u64::from(runs)
}

fn packets(rig: &Rig, side: Side, fate: Fate, reason: Reason) -> u64 {
    rig.counted(side, fate, reason).0
}

#[test]
fn a_rate_is_granted_once_to_all_cpus_together() {
    let limited = "      - {name: hl7, to: engine, tcp: 2575, limit: {packets: 1000}}\n";
    let plain = "      - {name: hl7, to: engine, tcp: 2575}\n";
    assert!(ward::POLICY.contains(plain));
    let mut rig = Rig::new(&ward::POLICY.replace(plain, limited));
    rig.set_time(1_000, 1_800_000_000);
    let syn = ward::outward(1).tcp(
        (ward::device(Family::V4, 1), 5000),
        (ward::engine(Family::V4), 2575),
        SYN,
    );
    rig.allowed(Device, &syn, Reason::Rule);
    let sent = everywhere(&mut rig, &syn, RUNS) + 1;
    let granted = packets(&rig, Device, Fate::Allow, Reason::Rule)
        + packets(&rig, Device, Fate::Allow, Reason::Established);
    let refused = packets(&rig, Device, Fate::Deny, Reason::RateLimit);
    assert_eq!(granted + refused, sent);
    // Each CPU adds its use before it sums up: at the limit some may refuse each other,
    // and as many may be granted one too much.
    let cpus = cpus().len() as u64;
    assert!(
        (1_000 - cpus..=1_000 + cpus).contains(&granted),
        "{granted}"
    );
}

#[test]
fn a_flow_that_several_cpus_follow_stays_whole() {
    let mut rig = Rig::new(ward::POLICY);
    rig.set_time(1_000, 1_800_000_000);
    let datagram = ward::outward(1).datagram(
        (ward::device(Family::V4, 1), 5000),
        (ward::dns(Family::V4), 53),
        &[7; 40],
    );
    rig.allowed(Device, &datagram, Reason::Rule);
    let sent = everywhere(&mut rig, &datagram, RUNS);
    assert_eq!(
        packets(&rig, Device, Fate::Allow, Reason::Established),
        sent
    );
    let flow = rig.datapath.flow(&rig.last_key()).unwrap().unwrap();
    assert_eq!(flow.state, enforcer_common::flow::state::ESTABLISHED);
    // Counts of a flow are for people: CPUs may lose some of each other's.
    assert!(flow.packets[0] > u64::from(RUNS) && flow.packets[0] <= sent + 1);
    assert_eq!(packets(&rig, Device, Fate::Deny, Reason::NoFlow), 0);
}

#[test]
fn a_flow_that_several_cpus_begin_stands_in_one_place() {
    const FLOWS: u16 = 60;
    let mut rig = Rig::new(ward::POLICY);
    let (device, server) = (ward::device(Family::V4, 1), ward::dns(Family::V4));
    for port in 1..=FLOWS {
        let datagram = ward::outward(1).datagram((device, port), (server, 53), &[7; 40]);
        let sent = everywhere(&mut rig, &datagram, 2);
        let passed = packets(&rig, Device, Fate::Allow, Reason::Rule)
            + packets(&rig, Device, Fate::Allow, Reason::Established);
        assert_eq!(passed, u64::from(port) * sent);
    }
    assert_eq!(rig.datapath.count_flows(), u64::from(FLOWS));
}

#[test]
fn hits_are_counted_over_all_cpus() {
    let signatures = "
signatures:
  - {name: many, udp: any, threshold: {hits: 1000, within: 1h, per: source}, find: [{text: MANY}]}
";
    let ward = ward::POLICY.replacen("defaults:\n", "defaults:\n  sanity: {dns: off}\n", 1);
    let mut rig = Rig::new(&format!("{ward}{signatures}"));
    let datagram = ward::outward(1).datagram(
        (ward::device(Family::V4, 1), 5000),
        (ward::dns(Family::V4), 53),
        b"MANY",
    );
    // The window has begun before all begin at once.
    rig.allowed(Device, &datagram, Reason::Rule);
    let sent = everywhere(&mut rig, &datagram, RUNS) + 1;
    let passed = packets(&rig, Device, Fate::Allow, Reason::Rule)
        + packets(&rig, Device, Fate::Allow, Reason::Established);
    let stopped = packets(&rig, Device, Fate::Deny, Reason::Signature);
    assert_eq!(passed + stopped, sent);
    // Each CPU adds its hit before it sums up: each may see one of another's too late.
    let cpus = cpus().len() as u64;
    assert!((999 - cpus..=999 + cpus).contains(&passed), "{passed}");
}
