//! A lab from first namespace to last: builds it, finds things in it, and takes
//! it down when dropped.

use std::{
    fs,
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr as UnixAddress, UnixListener},
    },
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use nix::{
    mount::{MsFlags, mount},
    unistd::geteuid,
};

use crate::{
    interrupt,
    mac::Mac,
    namespace::Namespace,
    offload,
    sweep::{check_prefix, directory, sweep},
    topology::{CORE_MAC, Topology},
    wiring::{INTERFACE, Wires, add_port, wire},
};

/// A ward, an enforcer box (a bridge `br0` with ports `p0` and `p1`) and a core.
/// Several can exist at once under different prefixes.
#[derive(Debug)]
pub struct Lab {
    prefix: String,
    directory: PathBuf,
    wires: Wires,
    endpoints: Vec<Endpoint>,
    /// What an earlier lab of this prefix had left behind.
    leftovers: Vec<String>,
    _cleaner: Cleaner,
}

/// Who can talk in the lab: a device, or one host of the core.
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub name: String,
    pub namespace: Namespace,
    /// The name of its network interface inside the namespace.
    pub interface: &'static str,
    pub mac: Mac,
    pub ipv4: Ipv4Addr,
    pub ipv6: Ipv6Addr,
}

impl Lab {
    /// The default topology under a prefix of the caller's choice.
    pub fn build(prefix: &str) -> Result<Self> {
        Self::with(prefix, &Topology::default())
    }

    /// Builds a lab; first removes what one of the same prefix left behind.
    pub fn with(prefix: &str, topology: &Topology) -> Result<Self> {
        check_prefix(prefix)?;
        ensure!(
            geteuid().is_root(),
            "the lab makes network namespaces and needs root"
        );
        let (cleaner, leftovers) = Cleaner::take(prefix)?;
        let directory = directory(prefix);
        mount_bpffs(&directory)?;
        let wires = wire(prefix, topology)?;
        let endpoints = endpoints(topology, &wires);
        Ok(Self {
            prefix: prefix.to_owned(),
            directory,
            wires,
            endpoints,
            leftovers,
            _cleaner: cleaner,
        })
    }

    /// Gives the enforcer's bridge another port, with nobody at its other end yet: `eth0` of
    /// a namespace of its own.
    pub fn add_port(&self, port: &str) -> Result<Namespace> {
        let far = format!("{}-{port}", self.prefix);
        add_port(self.enforcer_box(), port, &far, Topology::default().mtu)
    }

    /// The device or core host of this name.
    pub fn endpoint(&self, name: &str) -> Result<&Endpoint> {
        self.endpoints
            .iter()
            .find(|endpoint| endpoint.name == name)
            .with_context(|| format!("no {name} in this lab"))
    }

    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Devices first, then core hosts.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// Where the bridge is and the enforcer runs.
    pub fn enforcer_box(&self) -> &Namespace {
        &self.wires.enforcer_box
    }

    /// The ward switch.
    pub fn ward(&self) -> &Namespace {
        &self.wires.ward
    }

    /// All core hosts.
    pub fn core(&self) -> &Namespace {
        &self.wires.core
    }

    /// Files of this lab: gone when it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The lab's own BPF filesystem.
    pub fn bpffs(&self) -> PathBuf {
        self.directory.join("bpf")
    }

    /// What had to be removed before this lab could be built.
    pub fn leftovers(&self) -> &[String] {
        &self.leftovers
    }
}

impl Endpoint {
    /// Its address of the family of `other`.
    pub fn address_towards(&self, other: IpAddr) -> IpAddr {
        match other {
            IpAddr::V4(_) => self.ipv4.into(),
            IpAddr::V6(_) => self.ipv6.into(),
        }
    }

    /// Lets the interface hand over long segments and unfinished checksums, as a
    /// virtual machine on the same host would.
    pub fn offload_segmentation(&self) -> Result<()> {
        self.namespace
            .run(|| offload::like_a_virtual_machine(self.interface))
    }

    /// A port at its IPv4 address.
    pub fn at(&self, port: u16) -> SocketAddr {
        (self.ipv4, port).into()
    }

    /// A port at its IPv6 address.
    pub fn at_v6(&self, port: u16) -> SocketAddr {
        (self.ipv6, port).into()
    }
}

fn endpoints(topology: &Topology, wires: &Wires) -> Vec<Endpoint> {
    let devices = topology
        .devices
        .iter()
        .zip(&wires.devices)
        .map(|(device, namespace)| Endpoint {
            name: device.name.clone(),
            namespace: namespace.clone(),
            interface: INTERFACE,
            mac: device.mac,
            ipv4: device.ipv4,
            ipv6: device.ipv6,
        });
    let core = topology.core.iter().map(|host| Endpoint {
        name: host.name.clone(),
        namespace: wires.core.clone(),
        interface: INTERFACE,
        mac: CORE_MAC,
        ipv4: host.ipv4,
        ipv6: host.ipv6,
    });
    devices.chain(core).collect()
}

fn mount_bpffs(directory: &Path) -> Result<()> {
    let _not_while_stopping = interrupt::hold();
    let point = directory.join("bpf");
    fs::create_dir_all(&point).with_context(|| format!("make {}", point.display()))?;
    mount(
        Some("enforcer-lab"),
        &point,
        Some("bpf"),
        MsFlags::empty(),
        None::<&str>,
    )
    .with_context(|| format!("mount a BPF filesystem on {}", point.display()))
}

/// Owns a prefix for as long as the lab, or an attempt to build it, lives.
#[derive(Debug)]
struct Cleaner {
    prefix: String,
    /// An abstract socket: its name is taken while the process lives, and it
    /// leaves no file behind.
    _ownership: UnixListener,
}

impl Cleaner {
    fn take(prefix: &str) -> Result<(Self, Vec<String>)> {
        let name = UnixAddress::from_abstract_name(format!("enforcer-lab-{prefix}"))?;
        let ownership = UnixListener::bind_addr(&name).with_context(|| {
            format!("another program has a lab {prefix} up; end it or choose another prefix")
        })?;
        let leftovers =
            sweep(prefix).with_context(|| format!("remove what an earlier lab {prefix} left"))?;
        interrupt::watch(prefix)?;
        Ok((
            Self {
                prefix: prefix.to_owned(),
                _ownership: ownership,
            },
            leftovers,
        ))
    }
}

impl Drop for Cleaner {
    fn drop(&mut self) {
        let _one_at_a_time = interrupt::hold();
        if let Err(error) = sweep(&self.prefix) {
            // Not eprintln!, which would panic, perhaps for the second time.
            let _ = writeln!(io::stderr(), "lab {}: {error:#}", self.prefix);
        }
        interrupt::forget(&self.prefix);
    }
}
