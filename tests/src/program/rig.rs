//! The rig: one policy in the kernel and in user space, and frames through both.

mod clock;
mod judge;

use enforcer::datapath::install::PolicyMemory;
use enforcer::datapath::{Capacity, Datapath};
use enforcer::policy::compile::{Compiled, compile};
use enforcer::policy::model::Model;
use enforcer::policy::source::{Bundle, File};
use enforcer::simulate::HostTables;
use enforcer_common::addr::Mac;
use enforcer_common::decide::Work;
use enforcer_common::flow::{Flow, FlowKey};
use enforcer_common::learned::LearnedKey;
use enforcer_common::port::Side;
use enforcer_common::table::Settings;
use enforcer_common::verdict::{Fate, Reason};
use nix::sched::{CpuSet, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;

pub use clock::{now, seconds_now};

/// Hardware address of the bridge, as both ports know it unless told otherwise.
pub const BRIDGE: Mac = Mac([0x02, 0, 0, 0, 0xb0, 0x01]);

/// What became of a frame, in both hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub fate: Fate,
    pub reason: Reason,
    /// Name of the rule that allowed it.
    pub rule: Option<String>,
    /// Name of the device that the verdict is about.
    pub device: Option<String>,
    /// The flow that the frame belongs to, if it is remembered.
    pub flow: Option<Flow>,
    /// Name of the signature that was found.
    pub signature: Option<String>,
}

#[expect(missing_debug_implementations, reason = "nobody prints a rig")]
pub struct Rig {
    pub datapath: Datapath,
    pub host: HostTables,
    pub model: Model,
    pub compiled: Compiled,
    /// What the ports know as the bridge's hardware address; to be set before the first frame.
    pub bridge: Mac,
    work: Work,
    cpu: usize,
    /// What the ports pass while no policy is loaded.
    pass_without_policy: bool,
    declared: Option<Side>,
    /// Whether the clocks stand still.
    stopped: bool,
    /// Frames that the kernel's cache let pass.
    known: u64,
    /// Keys of flows that both hosts have used last.
    last_keys: (FlowKey, FlowKey),
}

impl Rig {
    /// A rig with a policy in force.
    pub fn new(policy: &str) -> Self {
        let mut rig = Self::without_policy(true);
        rig.apply(policy);
        rig
    }

    /// A rig with a policy of several files in force.
    pub fn of(bundle: &Bundle) -> Self {
        let mut rig = Self::without_policy(true);
        rig.take(compiled_bundle(bundle));
        rig
    }

    /// A rig that no policy was given to yet.
    pub fn without_policy(pass: bool) -> Self {
        Self::with_room(pass, 1 << 17)
    }

    /// A rig with a policy in force, and room for so many flows.
    pub fn with_flows(policy: &str, flows: u32) -> Self {
        let mut rig = Self::with_room(true, flows);
        rig.apply(policy);
        rig
    }

    fn with_room(pass: bool, flows: u32) -> Self {
        let cpu = stay_on_this_cpu();
        let capacity = Capacity {
            policy_lines: 1 << 16,
            flows,
            streams: 1 << 12,
        };
        let datapath = Datapath::load(capacity).expect("the kernel takes the program");
        let (model, compiled) = compiled("version: 1");
        Self {
            datapath,
            host: HostTables::default(),
            model,
            compiled,
            bridge: BRIDGE,
            work: Work::EMPTY,
            cpu,
            pass_without_policy: pass,
            declared: None,
            stopped: false,
            known: 0,
            last_keys: (FlowKey::EMPTY, FlowKey::EMPTY),
        }
    }

    /// Puts a policy into force in both hosts.
    pub fn apply(&mut self, policy: &str) {
        self.take(compiled(policy));
    }

    fn take(&mut self, policy: (Model, Compiled)) {
        (self.model, self.compiled) = policy;
        self.dress();
        self.datapath
            .memory
            .install(&self.compiled)
            .expect("the policy fits");
        self.host.install(&self.compiled);
    }

    /// As [`Self::apply`], on trial until a time of the monotonic clock, in ns.
    pub fn try_out(&mut self, policy: &str, deadline: u64) {
        (self.model, self.compiled) = compiled(policy);
        self.dress();
        self.datapath
            .memory
            .install_on_trial(&self.compiled, deadline)
            .expect("the policy fits");
        self.host.install_on_trial(&self.compiled, deadline);
    }

    /// Stops both hosts' clocks: monotonic at this second, policy time at that one.
    pub fn set_time(&mut self, second: u32, policy_time: u32) {
        let (clock, offset) = (
            u64::from(second) * 1_000_000_000,
            policy_time.wrapping_sub(second),
        );
        self.datapath.memory.set_clock(clock);
        self.datapath.memory.set_clock_offset(offset);
        self.host.control_mut().clock = clock;
        self.host.control_mut().clock_offset = offset;
        self.stopped = true;
    }

    /// Lets flows of policies from this epoch on drain in both hosts until a time of
    /// the monotonic clock, in ns.
    pub fn drain(&mut self, from_epoch: u32, until: u64) {
        self.datapath.memory.drain(from_epoch, until);
        self.host.control_mut().drain_from = from_epoch;
        self.host.control_mut().drain_until = until;
    }

    /// Teaches both hosts, until a second of the monotonic clock.
    pub fn learn(&mut self, key: LearnedKey, until: u32) {
        self.datapath.learn(&key, until).expect("room to learn");
        self.host.learn(key, until);
    }

    /// Marks the policy in the kernel, and lets user space see the same.
    pub fn mark(&mut self, mark: impl FnOnce(&PolicyMemory, &Model)) {
        mark(&self.datapath.memory, &self.model);
        let lines = self.datapath.memory.lines_in_force();
        self.host.lines_mut().copy_from_slice(&lines);
    }

    /// Tells the policy of the two ports: `device0` and `core0`, and of calendars.
    fn dress(&mut self) {
        self.compiled.place_ports([
            ("device0", Side::Device as u32),
            ("core0", Side::Core as u32),
        ]);
        let now = self.host.control_mut();
        let time = (now.clock / 1_000_000_000) as u32 + now.clock_offset;
        self.compiled.wind(&self.model, time);
    }

    /// Adopts live sessions in both hosts until this time of the monotonic clock, in ns.
    pub fn adopt_until(&mut self, time: u64) {
        self.datapath.memory.adopt_until(time);
        self.host.control_mut().adopt_until = time;
    }

    /// Changes the flow under a key in both hosts; it must be there.
    pub fn change_flow(&mut self, key: &FlowKey, change: impl Fn(&mut Flow)) {
        let mut flow = self.datapath.flow(key).unwrap().expect("a flow");
        change(&mut flow);
        self.datapath.put_flow(key, &flow).unwrap();
        self.host.put_flow(key, &flow);
    }

    /// Forgets all flows in both hosts.
    pub fn clear_flows(&mut self) {
        let later = seconds_now() + 1_000_000;
        self.datapath.sweep(&Settings::default(), later).unwrap();
        self.host.clear_flows();
    }

    /// Key of the flow that the last frame belonged to.
    pub fn last_key(&self) -> FlowKey {
        self.work.key
    }

    /// How many frames the kernel did not judge, because it knew what they are like.
    pub fn known(&self) -> u64 {
        self.known
    }

    pub fn last_work(&self) -> &Work {
        &self.work
    }
}

/// Parses and compiles a policy.
pub fn compiled(policy: &str) -> (Model, Compiled) {
    let main = File {
        path: "test.yaml".to_owned(),
        text: policy.to_owned(),
    };
    compiled_bundle(&Bundle {
        main,
        included: Vec::new(),
    })
}

fn compiled_bundle(bundle: &Bundle) -> (Model, Compiled) {
    let (model, _) = enforcer::policy::parse(bundle).expect("a valid policy");
    let compiled = compile(&model).expect("a policy that compiles");
    (model, compiled)
}

/// Pins the thread to the CPU it runs on, so that per-CPU values can be found.
fn stay_on_this_cpu() -> usize {
    let cpu = sched_getcpu().unwrap();
    let mut cpus = CpuSet::new();
    cpus.set(cpu).unwrap();
    sched_setaffinity(Pid::from_raw(0), &cpus).unwrap();
    cpu
}
