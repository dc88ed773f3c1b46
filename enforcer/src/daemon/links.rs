//! Network interfaces, by netlink: what the enforcer needs to know of them.

use anyhow::{Context as _, Result};
use enforcer_common::addr::Mac;
use futures_util::TryStreamExt as _;
use rtnetlink::packet_route::link::{LinkAttribute, LinkMessage};

/// One interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub index: u32,
    pub name: String,
    pub mac: Mac,
    /// Interface index of the bridge that it is a port of.
    pub master: Option<u32>,
}

/// The interfaces of this network namespace.
///
/// # Errors
/// When netlink cannot be used.
pub async fn list() -> Result<Vec<Link>> {
    Ok(messages().await?.iter().map(link).collect())
}

/// All that the kernel says of them.
pub(super) async fn messages() -> Result<Vec<LinkMessage>> {
    let (connection, handle, _) =
        rtnetlink::new_connection().context("cannot open a netlink socket")?;
    let task = tokio::spawn(connection);
    let messages: Vec<LinkMessage> = handle
        .link()
        .get()
        .execute()
        .try_collect()
        .await
        .context("cannot list the network interfaces")?;
    task.abort();
    Ok(messages)
}

fn link(message: &LinkMessage) -> Link {
    let mut link = Link {
        index: message.header.index,
        name: String::new(),
        mac: Mac::ZERO,
        master: None,
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name.clone_from(name),
            LinkAttribute::Controller(index) => link.master = Some(*index),
            LinkAttribute::Address(bytes) => {
                if let Ok(octets) = <[u8; 6]>::try_from(bytes.as_slice()) {
                    link.mac = Mac(octets);
                }
            }
            _ => {}
        }
    }
    link
}
