//! Ports that go and come back: a port that is deleted and made again has no
//! program, so it is attached as soon as netlink tells of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::StreamExt as _;
use rtnetlink::MulticastGroup;

use super::engine::Engine;
use super::links::{self, Link};
use super::run::attach_ports;

/// Netlink can lose messages; look at least this often.
const AT_LEAST: Duration = Duration::from_secs(5);

/// Attaches returning ports for as long as the daemon lives.
pub(super) async fn watch(engine: Arc<Engine>) -> Result<()> {
    let mut known = there(&engine).await?;
    loop {
        let (connection, _handle, mut messages) =
            rtnetlink::new_multicast_connection(&[MulticastGroup::Link])
                .context("cannot watch the network interfaces")?;
        let connection = tokio::spawn(connection);
        // Whatever the message, the list of interfaces tells the outcome.
        while let Ok(Some(_)) | Err(_) = tokio::time::timeout(AT_LEAST, messages.next()).await {
            match follow(&engine, &known).await {
                Ok(now) => known = now,
                // Looked at again with the next message, or soon.
                Err(error) => tracing::error!("{error:#}"),
            }
        }
        connection.abort();
        tracing::warn!("the watch on network interfaces broke off; watching anew");
        tokio::time::sleep(AT_LEAST).await;
    }
}

/// Attaches what has changed, and returns what is there now.
async fn follow(engine: &Engine, known: &BTreeMap<String, Link>) -> Result<BTreeMap<String, Link>> {
    let now = there(engine).await?;
    if now == *known {
        return Ok(now);
    }
    for (name, link) in &now {
        if known
            .get(name)
            .is_none_or(|before| before.index != link.index)
        {
            tracing::warn!(name, index = link.index, "an interface came back");
        }
    }
    for name in known.keys().filter(|name| !now.contains_key(*name)) {
        tracing::warn!(name, "an interface is gone");
    }
    attach_ports(engine, &[]).await?;
    Ok(now)
}

/// The bridge, whose address is that of one of its ports, and the configured
/// ports, as far as they are there.
async fn there(engine: &Engine) -> Result<BTreeMap<String, Link>> {
    let config = &engine.config;
    let ours =
        |name: &str| name == config.bridge || config.ports.iter().any(|port| port.name == name);
    let links = links::list()
        .await?
        .into_iter()
        .filter(|link| ours(&link.name));
    Ok(links.map(|link| (link.name.clone(), link)).collect())
}
