//! Address resolution by the kernel itself: ARP for IPv4, neighbour discovery
//! for IPv6.

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    time::Duration,
};

use anyhow::{Context, Result};
use serde::Deserialize;

use super::Answer;
use crate::{lab::Endpoint, mac::Mac, wait};

/// Nobody listens here: the datagram only makes the kernel resolve the address.
const DISCARD: u16 = 9;

/// Forgets what is known about the address, and has it resolved anew.
pub fn resolve(from: &Endpoint, address: IpAddr, deadline: Duration) -> Result<Answer<Mac>> {
    forget(from)?;
    let source = SocketAddr::new(from.address_towards(address), 0);
    from.namespace.run(|| {
        let socket = UdpSocket::bind(source).with_context(|| format!("bind to {source}"))?;
        socket
            .send_to(b"?", (address, DISCARD))
            .with_context(|| format!("send to {address}"))?;
        Ok(())
    })?;
    let answer = wait::poll(deadline, || {
        Ok(match entry(from, address)? {
            Some(Entry {
                lladdr: Some(mac), ..
            }) => Some(Answer::Got(mac.parse()?)),
            Some(Entry { state, .. }) if state.iter().any(|state| state == "FAILED") => {
                Some(Answer::Unreachable)
            }
            _ => None,
        })
    })?;
    Ok(answer.unwrap_or(Answer::Silent))
}

/// Empties the endpoint's ARP and neighbour tables.
pub fn forget(endpoint: &Endpoint) -> Result<()> {
    endpoint.namespace.ip("neigh flush all")?;
    // Flushing leaves entries that are still being resolved.
    endpoint
        .namespace
        .ip("neigh flush nud incomplete")
        .map(drop)
}

#[derive(Deserialize)]
struct Entry {
    lladdr: Option<String>,
    #[serde(default)]
    state: Vec<String>,
}

fn entry(from: &Endpoint, address: IpAddr) -> Result<Option<Entry>> {
    let text = from.namespace.ip(&format!(
        "-j neigh show to {address} dev {}",
        from.interface
    ))?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    let entries: Vec<Entry> = serde_json::from_str(&text).context("read the output of ip neigh")?;
    Ok(entries.into_iter().next())
}
