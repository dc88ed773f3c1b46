//! Makes a topology real: namespaces, cables (veth pairs), the ward switch, the
//! enforcer's bridge, addresses. Leaves no trace in the machine's own namespace.

use std::{
    io::Write,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::{
    namespace::{Namespace, execute},
    offload,
    topology::{CORE_MAC, CoreHost, Device, IPV4_PREFIX, IPV6_PREFIX, Topology},
    wait,
};

/// The interface of every device and of the core.
pub(crate) const INTERFACE: &str = "eth0";
/// The ward switch's port towards the enforcer.
const TRUNK: &str = "trunk";
/// The bridge of the ward switch.
const SWITCH: &str = "switch";
const PORTS_DEADLINE: Duration = Duration::from_secs(10);

/// No spanning tree, no multicast snooping, and addresses learned are kept for
/// an hour (in hundredths of a second), longer than any lab lives.
const BRIDGE: &str = "type bridge stp_state 0 forward_delay 0 mcast_snooping 0 ageing_time 360000";

/// The namespaces of a lab; devices in the order of the topology.
#[derive(Debug)]
pub(crate) struct Wires {
    pub(crate) enforcer_box: Namespace,
    pub(crate) ward: Namespace,
    pub(crate) core: Namespace,
    pub(crate) devices: Vec<Namespace>,
}

pub(crate) fn wire(prefix: &str, topology: &Topology) -> Result<Wires> {
    let mtu = topology.mtu;
    let enforcer_box = switch_namespace(&format!("{prefix}-box"))?;
    let ward = switch_namespace(&format!("{prefix}-ward"))?;
    let core = Namespace::create(&format!("{prefix}-core"))?;

    cable((&enforcer_box, "p0"), (&ward, TRUNK), mtu)?;
    cable((&enforcer_box, "p1"), (&core, INTERFACE), mtu)?;
    let mut switch_ports = vec![TRUNK];
    let mut devices = Vec::new();
    for device in &topology.devices {
        ensure!(
            device.name.len() <= 15,
            "device name {:?} is too long for a switch port",
            device.name
        );
        let namespace = Namespace::create(&format!("{prefix}-{}", device.name))?;
        cable((&namespace, INTERFACE), (&ward, &device.name), mtu)?;
        batch(&namespace, &address_device(device))?;
        switch_ports.push(&device.name);
        devices.push(namespace);
    }
    batch(&core, &address_core(&topology.core))?;
    batch(&ward, &bridge(SWITCH, &switch_ports, mtu))?;
    batch(&enforcer_box, &bridge("br0", &["p0", "p1"], mtu))?;
    for (namespace, ports) in [(&enforcer_box, 2), (&ward, switch_ports.len())] {
        wait_for_forwarding(namespace, ports)?;
    }
    Ok(Wires {
        enforcer_box,
        ward,
        core,
        devices,
    })
}

/// One more port of the enforcer's bridge, and the namespace at its other end.
pub(crate) fn add_port(
    enforcer_box: &Namespace,
    port: &str,
    far: &str,
    mtu: u16,
) -> Result<Namespace> {
    let far = Namespace::create(far)?;
    cable((enforcer_box, port), (&far, INTERFACE), mtu)?;
    far.ip(&format!("link set {INTERFACE} up"))?;
    enforcer_box.ip(&format!("link set {port} master br0 up"))?;
    Ok(far)
}

/// A namespace that only switches: it never speaks itself, and no firewall of
/// the machine sees its frames.
fn switch_namespace(name: &str) -> Result<Namespace> {
    let namespace = Namespace::create(name)?;
    namespace.set("ipv6/conf/default/disable_ipv6", "1")?;
    for table in ["iptables", "ip6tables", "arptables"] {
        namespace.set_where_present(&format!("bridge/bridge-nf-call-{table}"), "0")?;
    }
    Ok(namespace)
}

/// A veth pair between two namespaces, made to carry what a cable carries.
fn cable(one: (&Namespace, &str), other: (&Namespace, &str), mtu: u16) -> Result<()> {
    execute(
        Command::new("ip")
            .args([
                "link",
                "add",
                one.1,
                "mtu",
                &mtu.to_string(),
                "netns",
                one.0.name(),
            ])
            .args([
                "type",
                "veth",
                "peer",
                "name",
                other.1,
                "mtu",
                &mtu.to_string(),
                "netns",
                other.0.name(),
            ]),
    )?;
    for (namespace, interface) in [one, other] {
        namespace.run(|| offload::like_a_cable(interface))?;
    }
    Ok(())
}

fn address_device(device: &Device) -> Vec<String> {
    vec![
        format!("link set {INTERFACE} address {} up", device.mac),
        format!("addr add {}/{IPV4_PREFIX} dev {INTERFACE}", device.ipv4),
        format!(
            "addr add {}/{IPV6_PREFIX} dev {INTERFACE} nodad",
            device.ipv6
        ),
    ]
}

fn address_core(hosts: &[CoreHost]) -> Vec<String> {
    let mut lines = vec![format!("link set {INTERFACE} address {CORE_MAC} up")];
    for host in hosts {
        lines.push(format!(
            "addr add {}/{IPV4_PREFIX} dev {INTERFACE}",
            host.ipv4
        ));
        lines.push(format!(
            "addr add {}/{IPV6_PREFIX} dev {INTERFACE} nodad",
            host.ipv6
        ));
    }
    lines
}

fn bridge(name: &str, ports: &[&str], mtu: u16) -> Vec<String> {
    let mut lines = vec![format!("link add {name} mtu {mtu} {BRIDGE}")];
    lines.extend(
        ports
            .iter()
            .map(|port| format!("link set {port} master {name} up")),
    );
    lines.push(format!("link set {name} up"));
    lines
}

/// Many `ip` commands in one process.
fn batch(namespace: &Namespace, lines: &[String]) -> Result<()> {
    let mut command = Command::new("ip");
    command.args(["-n", namespace.name(), "-batch", "-"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().context("start ip")?;
    let mut input = child.stdin.take().context("ip has no standard input")?;
    input
        .write_all((lines.join("\n") + "\n").as_bytes())
        .context("write to ip")?;
    drop(input);
    let output = child.wait_with_output().context("wait for ip")?;
    ensure!(
        output.status.success(),
        "ip in {} refused one of these: {lines:#?}\n{}",
        namespace.name(),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

#[derive(Deserialize)]
struct BridgePort {
    #[serde(default)]
    state: String,
}

/// A port forwards only once its cable's carrier has been noticed.
fn wait_for_forwarding(namespace: &Namespace, expected: usize) -> Result<()> {
    let what = format!("{expected} bridge ports of {} forward", namespace.name());
    wait::until(&what, PORTS_DEADLINE, || {
        let text =
            execute(Command::new("bridge").args(["-n", namespace.name(), "-j", "link", "show"]))?;
        let ports: Vec<BridgePort> =
            serde_json::from_str(&text).context("read the output of bridge")?;
        let forwarding = ports
            .iter()
            .filter(|port| port.state == "forwarding")
            .count();
        Ok((forwarding == expected).then_some(()))
    })
}
