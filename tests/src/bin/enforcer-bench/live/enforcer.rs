//! The enforcer on a track: its program with a policy in force and both ports declared, to
//! be called by the generator. Past the bridge or by it is one word of its maps.

use std::os::fd::{AsFd as _, OwnedFd};

use anyhow::Result;
use enforcer::datapath::{Capacity, Datapath};
use enforcer::policy::compile::Compiled;
use enforcer_common::forward::Exit;
use enforcer_common::port::{Port, Side};
use enforcer_tests::Namespace;

/// Ethernet's longest frame without tag and checksum.
const LONGEST: u32 = 1514;
/// Seconds after which a frame of each address goes by the bridge, as it does where the
/// bridge forgets after 300.
const REFRESH: u8 = 75;
const KNOWN: u16 = 300;

pub(super) struct Enforcer {
    pub(super) datapath: Datapath,
    pub(super) program: OwnedFd,
}

impl Enforcer {
    /// `ports` are the near and the far one, by the numbers of their interfaces.
    pub(super) fn on(namespace: &Namespace, ports: [u32; 2], compiled: &Compiled) -> Result<Self> {
        let mut datapath = Datapath::load(Capacity::default())?;
        datapath.memory.install(compiled)?;
        for (index, (interface, side)) in
            (0..).zip(ports.into_iter().zip([Side::Device, Side::Core]))
        {
            let port = Port {
                index,
                side: side as u8,
                ..Port::default()
            };
            datapath.declare_port(interface, &port)?;
            namespace.run(|| datapath.place_device(index, interface))?;
        }
        datapath.vouch_until(u32::MAX)?;
        let program = datapath.program()?.fd()?.as_fd().try_clone_to_owned()?;
        let mut enforcer = Self { datapath, program };
        enforcer.open(true)?;
        Ok(enforcer)
    }

    /// Lets frames go past the bridge, or not.
    pub(super) fn open(&mut self, fast: bool) -> Result<()> {
        let longest = if fast { LONGEST } else { 0 };
        for place in [0, 1] {
            self.datapath
                .set_exit(place, Exit::new(longest, KNOWN, REFRESH, 1))?;
        }
        Ok(())
    }

    /// Frames that have gone past the bridge so far, of both directions.
    pub(super) fn past_bridge(&self) -> Result<u64> {
        Ok(self.datapath.fast(0)? + self.datapath.fast(1)?)
    }
}
