//! `flows` and `counters`: what passes and what does not.

use std::net::{IpAddr, SocketAddr};

use enforcer::control::api::{Counters, Flow};
use enforcer::control::client::Client;

use crate::exit::Stop;
use crate::render::{Output, Style, Styled, Table, bytes, count, duration};

pub(crate) async fn flows(limit: usize, client: &Client, output: &Output) -> Result<(), Stop> {
    let flows: Vec<Flow> = client.get(&format!("/v1/flows?limit={limit}")).await?;
    if output.is_json() {
        return output.json(&flows);
    }
    let columns = [
        "FROM", "TO", "PROTOCOL", "VLAN", "STATE", "FATE", "RULES", ">PACKETS", ">BYTES", ">IDLE",
        ">AGE",
    ];
    let mut table = Table::new(&columns);
    for flow in &flows {
        let stale = if flow.current { "" } else { " (older policy)" };
        let texts = [
            endpoint(flow.initiator, flow.initiator_port, &flow.protocol),
            endpoint(flow.responder, flow.responder_port, &flow.protocol),
            flow.protocol.clone(),
            flow.vlan.to_string(),
            flow.state.clone(),
            flow.fate.clone(),
            flow.rules.join(", ") + stale,
            count(flow.packets.iter().sum()),
            bytes(flow.bytes.iter().sum()),
            duration(flow.idle_seconds.into()),
            duration(flow.age_seconds.into()),
        ];
        table.row(
            texts
                .into_iter()
                .enumerate()
                .map(|(column, text)| match column {
                    5 => Styled::new(text, Style::of_fate(&flow.fate)),
                    _ => text.into(),
                }),
        );
    }
    output.table(table, "No flows are remembered.")?;
    if flows.len() >= limit {
        output.hint("there may be more; --limit N shows them");
    }
    Ok(())
}

pub(crate) async fn counters(client: &Client, output: &Output) -> Result<(), Stop> {
    let counters: Counters = client.get("/v1/counters").await?;
    if output.is_json() {
        return output.json(&counters);
    }
    let mut table = Table::new(&["PORT", "FATE", "REASON", ">PACKETS", ">BYTES"]);
    for of in &counters.ports {
        table.row([
            of.port.clone().into(),
            Styled::new(&of.fate, Style::of_fate(&of.fate)),
            of.reason.clone().into(),
            count(of.packets).into(),
            bytes(of.bytes).into(),
        ]);
    }
    output.table(table, "No frame has come by yet.")?;
    let Counters {
        flows_current,
        flows_created,
        flows_expired,
        flows_refused,
        flows_displaced,
        flows_evicted,
        ..
    } = &counters;
    output.line(&format!(
        "\nflows: {} current, {} created, {} expired, {} refused, {} displaced, {} evicted",
        count(*flows_current),
        count(*flows_created),
        count(*flows_expired),
        count(*flows_refused),
        count(*flows_displaced),
        count(*flows_evicted)
    ))?;
    let Counters {
        events_sent,
        events_lost,
        events_suppressed,
        ..
    } = &counters;
    output.line(&format!(
        "events: {} sent, {} lost, {} suppressed",
        count(*events_sent),
        count(*events_lost),
        count(*events_suppressed)
    ))?;
    output.hint("enforcerctl rules shows how often each rule was used");
    Ok(())
}

/// `10.0.0.1:80`, `[fd00::1]:80`; the address alone where there are no ports.
pub(crate) fn endpoint(address: IpAddr, port: u16, protocol: &str) -> String {
    match protocol {
        "tcp" | "udp" => SocketAddr::new(address, port).to_string(),
        _ => address.to_string(),
    }
}
