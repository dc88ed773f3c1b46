//! What `top` shows: samples of the daemon, and rates from one to the next.

use std::collections::BTreeMap;
use std::time::Instant;

use enforcer::control::api::{Counters, Event, Flow, Status};
use enforcer::control::client::{Client, Error};

/// Flows and denials asked for; more fit no screen.
const FLOWS: usize = 100;
const DENIALS: usize = 50;

#[derive(Debug)]
pub(super) struct View {
    pub(super) status: Status,
    pub(super) counters: Counters,
    pub(super) flows: Vec<Flow>,
    /// Oldest first.
    pub(super) denials: Vec<Event>,
    pub(super) traffic: Vec<Traffic>,
    pub(super) rules: Vec<Rule>,
    /// Why the view is not renewed.
    pub(super) trouble: Option<String>,
    sampled: Instant,
}

/// Rates of one port, fate and reason.
#[derive(Debug)]
pub(super) struct Traffic {
    pub(super) port: String,
    pub(super) fate: String,
    pub(super) reason: String,
    pub(super) packets: u64,
    pub(super) packets_per_second: f64,
    pub(super) bytes_per_second: f64,
}

#[derive(Debug)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) packets: u64,
    pub(super) packets_per_second: f64,
}

impl View {
    /// A first sample; rates come with the second.
    pub(super) async fn first(client: &Client) -> Result<Self, Error> {
        let counters: Counters = client.get("/v1/counters").await?;
        Ok(Self {
            status: client.get("/v1/status").await?,
            flows: flows(client).await?,
            denials: denials(client).await?,
            traffic: traffic(&counters, &counters, 0.0),
            rules: rules(&counters, &counters, 0.0),
            trouble: None,
            sampled: Instant::now(),
            counters,
        })
    }

    /// Takes another sample; when that fails, the last one stays and says so.
    pub(super) async fn renew(&mut self, client: &Client) {
        self.trouble = self
            .sample(client)
            .await
            .err()
            .map(|error| error.to_string());
    }

    async fn sample(&mut self, client: &Client) -> Result<(), Error> {
        self.status = client.get("/v1/status").await?;
        let counters: Counters = client.get("/v1/counters").await?;
        let now = Instant::now();
        let seconds = now.duration_since(self.sampled).as_secs_f64();
        self.traffic = traffic(&self.counters, &counters, seconds);
        self.rules = rules(&self.counters, &counters, seconds);
        (self.counters, self.sampled) = (counters, now);
        self.flows = flows(client).await?;
        self.denials = denials(client).await?;
        Ok(())
    }
}

async fn flows(client: &Client) -> Result<Vec<Flow>, Error> {
    client.get(&format!("/v1/flows?limit={FLOWS}")).await
}

async fn denials(client: &Client) -> Result<Vec<Event>, Error> {
    let mut lines = client
        .lines(&format!("/v1/events?last={DENIALS}&follow=false"))
        .await?;
    let mut denials = Vec::new();
    while let Some(event) = lines.next().await? {
        denials.push(event);
    }
    Ok(denials)
}

/// Busiest first.
fn traffic(before: &Counters, after: &Counters, seconds: f64) -> Vec<Traffic> {
    let old: BTreeMap<_, _> = before
        .ports
        .iter()
        .map(|of| {
            (
                (of.port.as_str(), of.fate.as_str(), of.reason.as_str()),
                (of.packets, of.bytes),
            )
        })
        .collect();
    let mut rates: Vec<Traffic> = after
        .ports
        .iter()
        .map(|of| {
            let key = (of.port.as_str(), of.fate.as_str(), of.reason.as_str());
            let (packets, bytes) = old.get(&key).copied().unwrap_or_default();
            Traffic {
                port: of.port.clone(),
                fate: of.fate.clone(),
                reason: of.reason.clone(),
                packets: of.packets,
                packets_per_second: rate(packets, of.packets, seconds),
                bytes_per_second: rate(bytes, of.bytes, seconds),
            }
        })
        .collect();
    rates.sort_by(|a, b| {
        b.packets_per_second
            .total_cmp(&a.packets_per_second)
            .then(b.packets.cmp(&a.packets))
    });
    rates
}

/// Most used first.
fn rules(before: &Counters, after: &Counters, seconds: f64) -> Vec<Rule> {
    let old: BTreeMap<_, _> = before
        .rules
        .iter()
        .map(|of| ((of.profile.as_str(), of.rule.as_str()), of.packets))
        .collect();
    let mut rates: Vec<Rule> = after
        .rules
        .iter()
        .map(|of| {
            let packets = old
                .get(&(of.profile.as_str(), of.rule.as_str()))
                .copied()
                .unwrap_or_default();
            Rule {
                name: format!("{}/{}", of.profile, of.rule),
                packets: of.packets,
                packets_per_second: rate(packets, of.packets, seconds),
            }
        })
        .collect();
    rates.sort_by(|a, b| {
        b.packets_per_second
            .total_cmp(&a.packets_per_second)
            .then(b.packets.cmp(&a.packets))
    });
    rates
}

/// Growth a second; a counter that began anew has grown from nothing.
fn rate(before: u64, after: u64, seconds: f64) -> f64 {
    let grown = after.checked_sub(before).unwrap_or(after);
    if seconds > 0.0 {
        grown as f64 / seconds
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use enforcer::control::api::{PortCount, RuleCount};

    use super::*;

    fn counters(denied: u64, allowed: u64) -> Counters {
        let port = |reason: &str, packets| PortCount {
            port: "p0".into(),
            fate: "allow".into(),
            reason: reason.into(),
            packets,
            bytes: packets * 100,
        };
        let rule = RuleCount {
            profile: "pump".into(),
            rule: "dns".into(),
            packets: allowed,
            bytes: 0,
        };
        Counters {
            ports: vec![port("no-rule", denied), port("rule", allowed)],
            rules: vec![rule],
            ..Counters::default()
        }
    }

    #[test]
    fn rates_come_from_two_samples_busiest_first() {
        let rates = traffic(&counters(10, 10), &counters(12, 30), 2.0);
        let seen: Vec<_> = rates
            .iter()
            .map(|of| {
                (
                    of.reason.as_str(),
                    of.packets_per_second,
                    of.bytes_per_second,
                )
            })
            .collect();
        assert_eq!(seen, [("rule", 10.0, 1_000.0), ("no-rule", 1.0, 100.0)]);
        let rates = rules(&counters(0, 10), &counters(0, 30), 2.0);
        assert_eq!(
            (rates[0].name.as_str(), rates[0].packets_per_second),
            ("pump/dns", 10.0)
        );
    }

    #[test]
    fn a_restarted_counter_gives_no_nonsense() {
        assert_eq!(rate(100, 5, 1.0), 5.0);
        assert_eq!(rate(0, 5, 0.0), 0.0);
    }
}
