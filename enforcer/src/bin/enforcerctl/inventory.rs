//! `devices` and `rules`: what the policy in force declares.

use std::net::IpAddr;

use enforcer::control::api::{Device, Rule};
use enforcer::control::client::Client;
use enforcer::policy::describe;

use crate::exit::Stop;
use crate::render::{Output, Table, bytes, count};

const EMPTY: &str = "No policy is in force.";

pub(crate) async fn devices(client: &Client, output: &Output) -> Result<(), Stop> {
    let devices: Vec<Device> = client.get("/v1/devices").await?;
    if output.is_json() {
        return output.json(&devices);
    }
    let mut table = Table::new(&["NAME", "MAC", "VLAN", "ADDRESSES", "PROFILE", "MODE"]);
    for device in devices {
        let addresses: Vec<_> = device.addresses.iter().map(IpAddr::to_string).collect();
        let addresses = if addresses.is_empty() {
            "any".to_owned()
        } else {
            addresses.join(", ")
        };
        let mode = describe::mode(device.mode).to_owned();
        table.row([
            device.name,
            device.mac.to_string(),
            device.vlan.to_string(),
            addresses,
            device.profile,
            mode,
        ]);
    }
    output.table(table, "No devices are declared.")?;
    output.hint("enforcerctl explain --from DEVICE --to ADDRESS --tcp PORT says what one may do");
    Ok(())
}

pub(crate) async fn rules(client: &Client, output: &Output) -> Result<(), Stop> {
    let rules: Vec<Rule> = client.get("/v1/rules").await?;
    if output.is_json() {
        return output.json(&rules);
    }
    let mut table = Table::new(&[
        "PROFILE", "RULE", "", "PEERS", "SERVICES", ">PACKETS", ">BYTES",
    ]);
    for rule in rules {
        table.row([
            rule.profile,
            rule.rule,
            rule.direction,
            rule.peers.join(", "),
            rule.services.join(", "),
            count(rule.packets),
            bytes(rule.bytes),
        ]);
    }
    output.table(table, EMPTY)
}
