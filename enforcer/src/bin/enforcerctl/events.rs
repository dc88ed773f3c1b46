//! `events`: denials and signatures that were found, one a line.

use enforcer::control::api::Event;
use enforcer::control::client::Client;
use enforcer::policy::describe;

use crate::exit::Stop;
use crate::render::{Output, Style, time};
use crate::traffic::endpoint;

pub(crate) async fn events(
    follow: bool,
    last: usize,
    client: &Client,
    output: &Output,
) -> Result<(), Stop> {
    let mut lines = client
        .lines(&format!("/v1/events?last={last}&follow={follow}"))
        .await?;
    let mut seen = 0_usize;
    while let Some(event) = lines.next::<Event>().await? {
        seen += 1;
        if output.is_json() {
            output.json_line(&event)?;
        } else {
            let (fate, rest) = (Style::of_fate(&event.fate), sentence(&event));
            output.line(&format!(
                "{} {} {rest}",
                time(&event.time),
                output.style(&format!("{:<5}", event.fate), fate)
            ))?;
        }
    }
    if seen == 0 && !follow && !output.is_json() {
        output.line("Nothing was denied.")?;
    } else if !follow {
        output.hint("enforcerctl events --follow goes on with new ones");
    }
    Ok(())
}

/// An event in one line, without time and fate.
pub(crate) fn sentence(event: &Event) -> String {
    let protocol = event.protocol.as_deref().unwrap_or(&event.ethertype);
    let end = |address: Option<std::net::IpAddr>,
               port: Option<u16>,
               mac: enforcer_common::addr::Mac| match address {
        Some(address) => endpoint(address, port.unwrap_or(0), protocol),
        None => mac.to_string(),
    };
    let from = end(event.source, event.source_port, event.source_mac);
    let to = end(
        event.destination,
        event.destination_port,
        event.destination_mac,
    );
    let kind = event
        .icmp_type
        .map(|kind| format!(" type {kind}"))
        .unwrap_or_default();
    let device = match (&event.device, &event.profile) {
        (Some(device), Some(profile)) => format!(" ({device}, {profile})"),
        (Some(name), None) | (None, Some(name)) => format!(" ({name})"),
        (None, None) => String::new(),
    };
    let signature = event.signature.as_ref().map(|signature| {
        format!(
            ": {} ({})",
            signature.name,
            describe::severity(signature.severity)
        )
    });
    let said = event
        .said
        .as_deref()
        .map(|said| format!(": {}", readable(said)));
    format!(
        "{:<20} {protocol}{kind} {from} -> {to} on {}, {} bytes{device}{}",
        event.reason,
        event.port,
        event.length,
        signature.or(said).unwrap_or_default()
    )
}

/// Hexadecimal digits as the text that they are, with a dot for what is none.
fn readable(digits: &str) -> String {
    let bytes = digits.as_bytes().as_chunks::<2>().0.iter().map(|pair| {
        let digits = str::from_utf8(pair).ok()?;
        u8::from_str_radix(digits, 16).ok()
    });
    bytes
        .map(|byte| match byte {
            Some(byte @ b' '..=b'~') => char::from(byte),
            _ => '.',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn text_is_read_and_the_rest_is_dots() {
        assert_eq!(readable("0100435f317e"), "..C_1~");
        assert_eq!(readable("4f525500"), "ORU.");
        assert_eq!(readable("4"), "");
    }
}
