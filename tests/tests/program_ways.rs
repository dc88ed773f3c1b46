//! Packets that the cache knows go the way of the last one like them, past the bridge: until
//! their destination is elsewhere, or nothing may go out there any more. Each packet goes
//! through the kernel and a bridge to a port's far end; the clock stands still, so that
//! nothing ends by itself.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::IpAddr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Duration;

use enforcer::datapath::forward::Tried;
use enforcer::datapath::{Capacity, Datapath};
use enforcer_common::addr::Vlan;
use enforcer_common::flow::{FlowKey, protocol};
use enforcer_common::forward::Exit;
use enforcer_common::port::{Port, Side};
use enforcer_tests::live::{clock, kernel};
use enforcer_tests::program::rig::{BRIDGE, compiled};
use enforcer_tests::program::ward::{self, Family};
use enforcer_tests::topology::CoreHost;
use enforcer_tests::traffic::wire::Sniffer;
use enforcer_tests::{Lab, Topology, offload};
use nix::net::if_::if_nametoindex;

const DEADLINE: Duration = Duration::from_secs(10);
/// Places of the ports; the core is between two that lead to devices.
const NEAR: u32 = 0;
const CORE: u32 = 1;
const FAR: u32 = 2;
/// An Ethernet frame's longest, and for how long an address is known.
const OPEN: Exit = Exit::new(1514, 300, 75, 1);

fn station() -> (IpAddr, u16) {
    (ward::station(Family::V4), 40_000)
}

fn device() -> (IpAddr, u16) {
    (ward::device(Family::V4, ward::BOUND), 161)
}

/// An enforcer at all three ports of a bridge, without a daemon. The station asks a device.
struct Crossroads {
    lab: Lab,
    datapath: Datapath,
    program: OwnedFd,
    /// By place: interfaces, and what arrives behind those that lead to devices.
    interfaces: [u32; 3],
    arrivals: [Option<Sniffer>; 3],
    sent: u8,
    _attached: Vec<OwnedFd>,
}

impl Crossroads {
    fn build(prefix: &str) -> Self {
        let topology = Topology {
            devices: Vec::new(),
            core: vec![CoreHost::new("server", [10, 10, 0, 53], 0x53)],
            ..Topology::default()
        };
        let lab = Lab::with(prefix, &topology).unwrap();
        let (here, far) = (lab.enforcer_box(), lab.add_port("p2").unwrap());
        let arrivals = [
            Some(Sniffer::open(lab.ward(), "trunk").unwrap()),
            None,
            Some(Sniffer::open(&far, "eth0").unwrap()),
        ];

        let mut datapath = Datapath::load(Capacity::default()).unwrap();
        let (_, policy) = compiled(ward::POLICY);
        datapath.memory.install(&policy).unwrap();
        datapath.memory.set_clock(1_000_000_000_000);
        let names = ["p0", "p1", "p2"];
        let interfaces = here.run(|| Ok(names.map(|name| if_nametoindex(name).unwrap())));
        let (interfaces, mut attached) = (interfaces.unwrap(), Vec::new());
        let program = datapath.program().unwrap().fd().unwrap().as_fd();
        let program = program.try_clone_to_owned().unwrap();
        for (place, interface) in (0..).zip(interfaces) {
            let side = [Side::Device, Side::Core][usize::from(place == CORE)];
            let port = Port {
                index: place,
                side: side as u8,
                bridge: BRIDGE,
                ..Port::default()
            };
            datapath.declare_port(interface, &port).unwrap();
            datapath.set_exit(place, OPEN).unwrap();
            let wired = here.run(|| {
                datapath.place_device(place, interface)?;
                kernel::attach(program.as_fd(), interface)
            });
            attached.push(wired.unwrap());
        }
        datapath.vouch_until(u32::MAX).unwrap();
        let mut crossroads = Self {
            lab,
            datapath,
            program,
            interfaces,
            arrivals,
            sent: 0,
            _attached: attached,
        };
        // It may answer once it was asked.
        crossroads.ask();
        crossroads.device_speaks_at(NEAR);
        crossroads
    }

    /// A frame comes in by the port at a place, on the CPU of this number.
    fn enter(&self, place: u32, frame: &[u8], cpu: usize) {
        let (program, interface) = (self.program.as_fd(), self.interfaces[place as usize]);
        self.lab
            .enforcer_box()
            .run(|| {
                clock::stay_on(cpu)?;
                kernel::run_live(program, frame, interface, 1)
            })
            .unwrap();
    }

    /// The station's next datagram, unlike all others, comes in by the core's port.
    fn ask(&mut self) -> Vec<u8> {
        self.sent += 1;
        let frame = ward::inward(ward::BOUND).datagram(station(), device(), &[self.sent; 40]);
        self.enter(CORE, &frame, 0);
        frame
    }

    /// The device answers, by the port at a place and on another CPU, where there is one.
    fn device_speaks_at(&self, place: u32) {
        let frame = ward::outward(ward::BOUND).datagram(device(), station(), b"here");
        let cpus = std::thread::available_parallelism().unwrap().get();
        self.enter(place, &frame, usize::from(cpus > 1));
    }

    /// The next question arrives behind this port; whether it went past the bridge.
    #[track_caller]
    fn asks(&mut self, place: u32) -> bool {
        let before = self.fast();
        let asked = self.ask();
        let there = self.arrivals[place as usize].as_ref().unwrap();
        let seen = there.find(DEADLINE, |seen| seen == asked).unwrap();
        assert!(seen.is_some(), "not at {place}");
        self.fast() > before
    }

    /// Questions until one arrives behind this port without being judged; whether that went
    /// past the bridge.
    #[track_caller]
    fn is_known(&mut self, place: u32) -> bool {
        for _ in 0..10 {
            let before = self.known();
            let past = self.asks(place);
            if self.known() > before {
                return past;
            }
        }
        panic!("no question is like the one before");
    }

    fn known(&self) -> u64 {
        let mut key = FlowKey::EMPTY;
        let ends = [station(), device()].map(|(ip, port)| (ip.into(), port));
        key.set(Vlan::UNTAGGED, protocol::UDP, ends[0], ends[1]);
        self.datapath.packets_in_cache(&key).unwrap()
    }

    /// Frames from the core that went past the bridge.
    fn fast(&self) -> u64 {
        self.datapath.fast(CORE).unwrap()
    }
}

#[test]
fn a_destination_that_moves_is_followed_at_once() {
    let mut crossroads = Crossroads::build("wmove");
    for (from, to) in [(NEAR, FAR), (FAR, NEAR)].repeat(3) {
        assert!(crossroads.is_known(from), "past the bridge");
        crossroads.device_speaks_at(to);
        assert!(crossroads.asks(to), "the way there is known");
    }
}

#[test]
fn nothing_goes_past_the_bridge_to_a_port_that_was_closed() {
    let mut crossroads = Crossroads::build("wclose");
    for _ in 0..3 {
        assert!(crossroads.is_known(NEAR), "past the bridge");
        crossroads.datapath.set_exit(NEAR, OPEN.closed()).unwrap();
        assert!(!crossroads.asks(NEAR), "by the bridge, at once");
        crossroads.datapath.set_exit(NEAR, OPEN).unwrap();
        assert!(crossroads.asks(NEAR), "past the bridge, at once");
    }
}

/// The kernel half closes the port by itself: one frame is lost, and no other.
#[test]
fn nothing_goes_past_the_bridge_to_a_port_that_refused_a_frame() {
    let mut crossroads = Crossroads::build("wrefuse");
    crossroads.datapath.watch_redirects().unwrap();
    let (datapath, here) = (&mut crossroads.datapath, crossroads.lab.enforcer_box());
    let tried = here.run(|| datapath.try_port(NEAR, BRIDGE)).unwrap();
    assert_eq!(tried, Tried::Takes);
    assert!(crossroads.is_known(NEAR), "past the bridge");
    // A virtual link with neither GRO nor a program at its other end takes none.
    let refuse = || offload::set_features("trunk", &[("rx-gro", false)]);
    crossroads.lab.ward().run(refuse).unwrap();
    crossroads.ask();
    assert_eq!(crossroads.datapath.redirected(NEAR).unwrap().refused, 1);
    assert!(!crossroads.asks(NEAR), "by the bridge, at once");
    assert_eq!(crossroads.datapath.redirected(NEAR).unwrap().refused, 1);
    assert_eq!(crossroads.datapath.exit(NEAR).unwrap(), OPEN.closed());
}
