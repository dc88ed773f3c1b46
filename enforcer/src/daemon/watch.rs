//! Ports that go and come back: a port that is deleted and made again has no
//! program, so it is attached as soon as netlink tells of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::StreamExt as _;
use rtnetlink::MulticastGroup;

use super::engine::Engine;
use super::links;
use super::run::attach_ports;

/// Netlink can lose messages; look at least this often.
const AT_LEAST: Duration = Duration::from_secs(5);

/// Attaches returning ports for as long as the daemon lives.
pub(super) async fn watch(engine: Arc<Engine>) -> Result<()> {
    let (connection, _handle, mut messages) =
        rtnetlink::new_multicast_connection(&[MulticastGroup::Link])
            .context("cannot watch the network interfaces")?;
    tokio::spawn(connection);
    let mut known = indices(&engine).await?;
    loop {
        // Whatever happened, the list of interfaces tells the outcome.
        let _ = tokio::time::timeout(AT_LEAST, messages.next()).await;
        let now = indices(&engine).await?;
        if now == known {
            continue;
        }
        for (name, index) in &now {
            if known.get(name) != Some(index) {
                tracing::warn!(port = name, index, "a port came back");
            }
        }
        for name in known.keys().filter(|name| !now.contains_key(*name)) {
            tracing::warn!(port = name, "a port is gone");
        }
        if let Err(error) = attach_ports(&engine, None).await {
            tracing::error!("{error:#}");
        }
        known = now;
    }
}

/// Interface index of each configured port that is there.
async fn indices(engine: &Engine) -> Result<BTreeMap<String, u32>> {
    let links = links::list().await?;
    let ports = &engine.config.ports;
    let there = links
        .into_iter()
        .filter(|link| ports.iter().any(|port| port.name == link.name));
    Ok(there.map(|link| (link.name, link.index)).collect())
}
