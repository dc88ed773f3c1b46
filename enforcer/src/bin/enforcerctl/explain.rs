//! `explain`: one decision, by the daemon's policy or by a file's.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use enforcer::control::api::{Asked, Circumstances, Explanation, Inquiry, Question};
use enforcer::control::client::Client;
use enforcer::policy::load;
use enforcer::policy::places::Texts;
use enforcer::simulate::explain::{Setting, explain_in};
use enforcer_common::addr::Vlan;
use jiff::Timestamp;

use crate::exit::Stop;
use crate::policy::compiled;
use crate::render::{Output, Style};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Who starts: a device, a MAC address or an IP address
    #[arg(long, value_name = "END")]
    from: String,
    /// Who is asked: the same
    #[arg(long, value_name = "END")]
    to: String,
    #[command(flatten)]
    service: Service,
    /// Judge by this policy and not by the one in force; needs no daemon
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Port that it comes in by; else the one that its sender is bound to
    #[arg(long, value_name = "NAME")]
    port: Option<String>,
    /// VLAN that it comes in with; else that of its sender
    #[arg(long, value_name = "VLAN")]
    vlan: Option<Vlan>,
    /// Address that it is sent from; else one of its sender's
    #[arg(long, value_name = "ADDRESS")]
    address: Option<IpAddr>,
    /// When it is sent, as in 2027-03-01T22:00:00+01:00; else now
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<u32>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Service {
    /// TCP to this port
    #[arg(long, value_name = "PORT")]
    tcp: Option<u16>,
    /// UDP to this port
    #[arg(long, value_name = "PORT")]
    udp: Option<u16>,
    /// ICMP or ICMPv6 of this type, as the addresses are; echo request is 8, or 128
    #[arg(long, value_name = "TYPE")]
    icmp: Option<u8>,
    /// Another IP protocol, by number
    #[arg(long, value_name = "NUMBER")]
    protocol: Option<u8>,
}

impl Service {
    fn asked(&self) -> Option<Asked> {
        let tcp = self.tcp.map(Asked::Tcp);
        let udp = self.udp.map(Asked::Udp);
        let icmp = self.icmp.map(Asked::Icmp);
        tcp.or(udp).or(icmp).or(self.protocol.map(Asked::Protocol))
    }
}

pub(crate) async fn explain(
    arguments: Arguments,
    client: &Client,
    output: &Output,
) -> Result<(), Stop> {
    let service = arguments.service.asked().ok_or_else(|| {
        Stop::Failed("one of --tcp, --udp, --icmp and --protocol is needed".to_owned())
    })?;
    let inquiry = Inquiry {
        question: Question {
            from: arguments.from,
            to: arguments.to,
            service,
        },
        given: Circumstances {
            port: arguments.port,
            vlan: arguments.vlan,
            address: arguments.address,
            at: arguments.at,
        },
    };
    let answer: Explanation = match &arguments.policy {
        Some(file) => by_file(file, &inquiry)?,
        None => client.post("/v1/explain", &inquiry).await?,
    };
    if output.is_json() {
        return output.json(&answer);
    }
    show(&answer, output)
}

fn by_file(file: &Path, inquiry: &Inquiry) -> Result<Explanation, Stop> {
    let bundle = load(file)?;
    let (model, compiled, _) = compiled(&bundle)?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = u32::try_from(since.unwrap_or_default().as_secs()).unwrap_or(u32::MAX);
    let setting = Setting {
        texts: Some(Texts {
            bundle: &bundle,
            before: None,
        }),
        ..Setting::of(&model, &compiled, now)
    };
    explain_in(&setting, &inquiry.question, &inquiry.given).map_err(Stop::Failed)
}

fn show(answer: &Explanation, output: &Output) -> Result<(), Stop> {
    for (number, step) in answer.steps.iter().enumerate() {
        output.line(&format!("{:>2}. {step}", number + 1))?;
    }
    let fate = output.style(&answer.fate, Style::of_fate(&answer.fate));
    let rule = match (&answer.rule, &answer.place) {
        (Some(rule), Some(place)) => format!(" by {rule} ({place})"),
        (Some(rule), None) => format!(" by {rule}"),
        (None, _) => String::new(),
    };
    output.line(&format!(
        "\n{fate} ({}){rule}: {}",
        answer.reason, answer.explanation
    ))?;
    let otherwise = match answer.fate.as_str() {
        "allow" => "To deny it",
        "deny" => "To allow it",
        _ => "To allow it in its own right",
    };
    if !answer.change.is_empty() {
        output.line(&format!("{otherwise}:"))?;
    }
    for clause in &answer.change {
        output.line(&format!("  - {clause}"))?;
    }
    Ok(())
}

fn time(text: &str) -> Result<u32, String> {
    let form = || format!("{text:?} is no time with an offset, such as 2027-03-01T22:00:00+01:00");
    let timestamp: Timestamp = text.parse().map_err(|_| form())?;
    u32::try_from(timestamp.as_second()).map_err(|_| form())
}
