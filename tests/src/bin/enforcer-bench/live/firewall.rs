//! Rules of other firewalls for the same devices and the same traffic: an allow-list by
//! source MAC, source address and port, all else dropped. Each as its own documents
//! advise, and the best that it has for many devices besides.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use enforcer_tests::Namespace;
use enforcer_tests::live::stream::{ip, mac};

use super::policy::{ALLOWED, OTHER_RULES};

/// A firewall, what it allows by, and how many devices or strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Firewall {
    /// One rule a device.
    NftLinear(u32),
    /// One set of devices, addresses and ports.
    NftSet(u32),
    /// A map from device to the chain of its profile, of 16 rules.
    NftMap(u32),
    Ebtables(u32),
    /// Drops what holds one of so many strings; all else passes.
    IptablesStrings(u32),
    /// No rule at all, but all bridged frames are shown to the rules of IPv4.
    BridgeNetfilter,
}

impl Firewall {
    pub(super) fn name(self) -> String {
        match self {
            Self::NftLinear(devices) => format!("nftables, {}", counted(devices, "rule")),
            Self::NftSet(devices) => format!("nftables, set of {}", thousands(devices)),
            Self::NftMap(devices) => format!("nftables, map of {}", thousands(devices)),
            Self::Ebtables(devices) => format!("ebtables, {}", counted(devices, "rule")),
            Self::IptablesStrings(strings) => format!("iptables, {}", counted(strings, "string")),
            Self::BridgeNetfilter => "bare bridge, br_netfilter on".to_owned(),
        }
    }

    /// The program that loads its rules, and the Debian package that has it.
    pub(super) fn program(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::NftLinear(_) | Self::NftSet(_) | Self::NftMap(_) => Some(("nft", "nftables")),
            Self::Ebtables(_) => Some(("ebtables-nft-restore", "iptables")),
            Self::IptablesStrings(_) => Some(("iptables-nft-restore", "iptables")),
            Self::BridgeNetfilter => None,
        }
    }

    /// Puts the rules into force in a namespace.
    pub(super) fn load(self, namespace: &Namespace) -> Result<()> {
        if matches!(self, Self::IptablesStrings(_) | Self::BridgeNetfilter) {
            namespace.set("bridge/bridge-nf-call-iptables", "1")?;
        }
        let Some((program, _)) = self.program() else {
            return Ok(());
        };
        let mut command = namespace.command(program);
        if program == "nft" {
            command.args(["-f", "-"]);
        }
        command.stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .with_context(|| format!("start {program}"))?;
        let mut input = child.stdin.take().context("no way to give it its rules")?;
        let given = input.write_all(self.rules().as_bytes());
        drop(input);
        let output = child.wait_with_output()?;
        ensure!(
            output.status.success(),
            "{program} refuses the rules: {}",
            String::from_utf8_lossy(&output.stderr)
                .lines()
                .next()
                .unwrap_or_default()
        );
        Ok(given?)
    }

    /// Writing to a string cannot fail.
    fn rules(self) -> String {
        let mut rules = String::new();
        match self {
            Self::NftLinear(devices) => {
                for (mac, ip) in addresses(devices) {
                    let _ = writeln!(
                        rules,
                        "ether saddr {mac} ip saddr {ip} udp dport {ALLOWED} accept"
                    );
                }
                nft("", &rules)
            }
            Self::NftSet(devices) => {
                let elements =
                    addresses(devices).map(|(mac, ip)| format!("{mac} . {ip} . {ALLOWED}"));
                let set = declare(
                    "set allowed",
                    "ether_addr . ipv4_addr . inet_service",
                    devices,
                    elements,
                );
                nft(&set, "ether saddr . ip saddr . udp dport @allowed accept\n")
            }
            Self::NftMap(devices) => {
                let elements = addresses(devices).map(|(mac, _)| format!("{mac} : jump pump"));
                let map = declare("map profiles", "ether_addr : verdict", devices, elements);
                let mut chain = String::from("chain pump {\n");
                for rule in 0..OTHER_RULES {
                    let _ = writeln!(
                        chain,
                        "ip daddr 10.200.0.0/16 tcp dport {} accept",
                        6000 + rule
                    );
                }
                let _ = writeln!(
                    chain,
                    "ip daddr 10.200.0.0/16 udp dport {ALLOWED} accept\n}}"
                );
                nft(&(chain + &map), "ether saddr vmap @profiles\n")
            }
            Self::Ebtables(devices) => {
                rules.push_str("*filter\n:FORWARD DROP\n");
                for (mac, ip) in addresses(devices) {
                    let _ = writeln!(
                        rules,
                        "-A FORWARD -p IPv4 -s {mac} --ip-src {ip} --ip-proto udp --ip-dport {ALLOWED} -j ACCEPT"
                    );
                }
                rules
            }
            Self::IptablesStrings(strings) => {
                rules.push_str("*filter\n:FORWARD ACCEPT [0:0]\n");
                for number in 0..strings {
                    let text = super::signatures::pattern(u64::from(number));
                    let _ = writeln!(
                        rules,
                        "-A FORWARD -p udp -m string --algo bm --string {text} -j DROP"
                    );
                }
                rules + "COMMIT\n"
            }
            Self::BridgeNetfilter => rules,
        }
    }
}

fn addresses(devices: u32) -> impl Iterator<Item = (String, String)> {
    (0..devices).map(|number| (mac(number).to_string(), ip(number).to_string()))
}

/// A set or map whose size is said: that lets nftables take its faster kind of hash table.
fn declare(what: &str, kind: &str, devices: u32, elements: impl Iterator<Item = String>) -> String {
    let size = devices.next_power_of_two().max(16);
    let elements: Vec<String> = elements.collect();
    format!(
        "{what} {{\ntype {kind}; size {size};\nelements = {{ {} }}\n}}\n",
        elements.join(",\n")
    )
}

/// nft_meta(8): the bridge's table, where frames are forwarded.
fn nft(before: &str, rules: &str) -> String {
    format!(
        "table bridge bench {{\n{before}chain forward {{\n\
         type filter hook forward priority 0; policy drop;\n{rules}}}\n}}\n"
    )
}

fn counted(number: u32, what: &str) -> String {
    let more = if number == 1 { "" } else { "s" };
    format!("{} {what}{more}", thousands(number))
}

/// A number as people write it.
pub(super) fn thousands(number: u32) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", number / 1000, number % 1000),
    }
}
