//! The lab with its cast: the services of the core and those of the devices,
//! also the ones that nobody should reach, so that a refusal is never just a
//! closed port.

use std::{fmt::Write, path::Path};

use anyhow::Result;

use super::progress;
use crate::{
    daemon::Daemon,
    lab::Lab,
    traffic::{Server, dhcp::DhcpServer, dns, hl7, ntp, tcp},
};

/// A lab whose services run.
#[derive(Debug)]
pub struct Stage {
    // Dropped first: servers before the namespaces they live in.
    _servers: Vec<Server>,
    _dhcp: DhcpServer,
    lab: Lab,
}

impl Stage {
    pub fn build(prefix: &str) -> Result<Self> {
        progress(
            "building a lab: a ward switch with its devices, the enforcer's bridge, a core network",
        );
        let lab = Lab::build(prefix)?;
        for leftover in lab.leftovers() {
            progress(&format!("removed, left by an earlier lab: {leftover}"));
        }
        progress("starting services: interface engine, DNS, NTP, DHCP, systems manager, printer");
        let servers = vec![
            hl7::serve(lab.endpoint("engine")?, 2575)?,
            tcp::serve_echo(lab.endpoint("engine")?, 445)?,
            dns::serve(lab.endpoint("dns")?)?,
            ntp::serve(lab.endpoint("ntp")?)?,
            tcp::serve_echo(lab.endpoint("systems-manager")?, 3613)?,
            tcp::serve_echo(lab.endpoint("pacs")?, 104)?,
            tcp::serve_echo(lab.endpoint("printer-1")?, 9100)?,
            tcp::serve_echo(lab.endpoint("pump-1")?, 23)?,
            tcp::serve_echo(lab.endpoint("monitor-1")?, 445)?,
        ];
        let dhcp = DhcpServer::start(&lab)?;
        Ok(Self {
            _servers: servers,
            _dhcp: dhcp,
            lab,
        })
    }

    pub fn lab(&self) -> &Lab {
        &self.lab
    }
}

/// What to type to play with a lab that is up.
pub(super) fn instructions(stage: &Stage, daemon: Option<&Daemon>) -> String {
    let lab = stage.lab();
    let enter = |path: &Path| format!("nsenter --net={}", path.display());
    let mut text = String::from("The lab is up. Addresses:\n");
    for endpoint in lab.endpoints() {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "  {:16} {:15} {}",
            endpoint.name,
            endpoint.ipv4.to_string(),
            endpoint.ipv6
        );
    }
    text += "\nA shell on a device, in the core, or on the enforcer's box (as root):\n";
    let namespaces = [
        ("pump-1", "-pump-1"),
        ("core", "-core"),
        ("enforcer's box", "-box"),
    ];
    for (what, suffix) in namespaces {
        let path = Path::new(crate::namespace::DIRECTORY).join(format!("{}{suffix}", lab.prefix()));
        let _ = writeln!(text, "  {} bash  # {what}", enter(&path));
    }
    text += "\nTry a port there (the shell opens the connection itself):\n  \
             timeout 2 bash -c '</dev/tcp/10.10.0.36/3613' && echo open || echo no answer\n";
    if let Some(daemon) = daemon {
        let client = daemon.client();
        text += "\nAsk the enforcer, from anywhere:\n";
        for command in ["status", "events --follow", "flows", "counters", "top"] {
            let _ = writeln!(
                text,
                "  {} --socket {} {command}",
                client.program().display(),
                client.socket().display()
            );
        }
        let _ = writeln!(
            text,
            "  {} curl -s 127.0.0.1:9464/metrics",
            enter(&lab.enforcer_box().path())
        );
    }
    text += "\nCtrl-C takes it all down, programs started inside included.";
    text
}
