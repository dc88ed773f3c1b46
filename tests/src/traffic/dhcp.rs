//! DHCP with a real server (dnsmasq, in the core) and a real client (busybox
//! udhcpc, in a device). Every device has its own address reserved.

use std::{
    fs::{self, File},
    net::Ipv4Addr,
    path::PathBuf,
    process::{Child, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

use super::Answer;
use crate::{
    interrupt,
    lab::{Endpoint, Lab},
    topology::CORE_MAC,
    wait,
};

const START_DEADLINE: Duration = Duration::from_secs(10);

/// What the server granted, as the client understood it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub address: Ipv4Addr,
    pub server: Ipv4Addr,
}

/// A running dnsmasq; ends when dropped.
#[derive(Debug)]
pub struct DhcpServer {
    child: Child,
    log: PathBuf,
}

impl DhcpServer {
    /// Serves the lab's subnet from the first core host.
    pub fn start(lab: &Lab) -> Result<Self> {
        let host = lab.endpoints().iter().find(|host| host.mac == CORE_MAC);
        Self::start_at(lab, host.context("the core has no hosts")?)
    }

    /// Serves the same from anywhere, also where no server should be.
    pub fn start_at(lab: &Lab, host: &Endpoint) -> Result<Self> {
        let log = lab.directory().join("dnsmasq.log");
        let output = File::create(&log).with_context(|| format!("make {}", log.display()))?;
        let mut command = host.namespace.command("dnsmasq");
        command
            .args([
                "--keep-in-foreground",
                "--log-facility=-",
                "--log-dhcp",
                "--conf-file=/dev/null",
                "--port=0",
            ])
            .args([
                "--user=root",
                "--no-ping",
                "--interface=eth0",
                "--bind-interfaces",
            ])
            .args([
                "--dhcp-authoritative",
                "--dhcp-range=10.10.1.10,10.10.1.99,255.255.0.0,1h",
            ])
            .arg(format!(
                "--dhcp-leasefile={}",
                lab.directory().join("dnsmasq.leases").display()
            ))
            .arg(format!(
                "--pid-file={}",
                lab.directory().join("dnsmasq.pid").display()
            ));
        for endpoint in lab
            .endpoints()
            .iter()
            .filter(|endpoint| endpoint.namespace.name() != lab.core().name())
        {
            command.arg(format!("--dhcp-host={},{}", endpoint.mac, endpoint.ipv4));
        }
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let child = {
            let _not_while_stopping = interrupt::hold();
            command.spawn().context("start dnsmasq")?
        };
        let mut server = Self { child, log };
        server.wait_until_ready()?;
        Ok(server)
    }

    /// What the server has logged so far.
    pub fn log(&self) -> Result<String> {
        fs::read_to_string(&self.log).with_context(|| format!("read {}", self.log.display()))
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        wait::until("dnsmasq serves DHCP", START_DEADLINE, || {
            if let Some(status) = self.child.try_wait().context("look after dnsmasq")? {
                bail!("dnsmasq ended at once ({status}): {}", self.log()?.trim());
            }
            Ok(self.log()?.contains("DHCP, IP range").then_some(()))
        })
    }
}

impl Drop for DhcpServer {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Obtains a lease. Asks once a second until the deadline; does not configure
/// the interface.
pub fn lease(from: &Endpoint, deadline: Duration) -> Result<Answer<Lease>> {
    let tries = deadline.as_secs().max(1).to_string();
    let output = from
        .namespace
        .command("udhcpc")
        .args([
            "-f",
            "-q",
            "-n",
            "-T",
            "1",
            "-t",
            &tries,
            "-s",
            "/bin/true",
            "-i",
            from.interface,
        ])
        .stdin(Stdio::null())
        .output()
        .context("run udhcpc")?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        ensure!(
            said.contains("no lease"),
            "udhcpc failed ({}): {}",
            output.status,
            said.trim()
        );
        return Ok(Answer::Silent);
    }
    read_lease(&said)
        .map(Answer::Got)
        .with_context(|| format!("no lease in what udhcpc said: {said}"))
}

/// `udhcpc: lease of 10.10.0.11 obtained from 10.10.0.67, lease time 3600`
fn read_lease(said: &str) -> Option<Lease> {
    let (_, rest) = said.split_once("lease of ")?;
    let (address, rest) = rest.split_once(" obtained from ")?;
    let (server, _) = rest.split_once(',')?;
    Some(Lease {
        address: address.parse().ok()?,
        server: server.parse().ok()?,
    })
}
