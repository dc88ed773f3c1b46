//! `learned`: the addresses that devices were given, for DNS names and for themselves.

use enforcer::control::api::Learned;
use enforcer::control::client::Client;

use crate::exit::Stop;
use crate::render::{Output, Table, duration};

pub(crate) async fn learned(
    device: Option<&str>,
    client: &Client,
    output: &Output,
) -> Result<(), Stop> {
    let mut list: Vec<Learned> = client.get("/v1/learned").await?;
    list.retain(|learned| device.is_none_or(|device| learned.device == device));
    if output.is_json() {
        return output.json(&list);
    }
    let mut table = Table::new(&["DEVICE", "NAME", "ADDRESS", ">REMAINING"]);
    for learned in list {
        let remaining = learned.remaining_seconds;
        table.row([
            learned.device,
            learned
                .name
                .unwrap_or_else(|| "(its own, by DHCP)".to_owned()),
            learned.address.to_string(),
            remaining.map_or_else(|| "for ever".to_owned(), |seconds| duration(seconds.into())),
        ]);
    }
    output.table(table, "Nothing was learned from DNS or DHCP answers yet.")?;
    output.hint(
        "a name is learned when a device asks for it, from a resolver that its policy allows",
    );
    Ok(())
}
