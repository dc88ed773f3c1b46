//! What restricts a rule besides peers and services, and what else profiles state,
//! as text. Says nothing of what is left at its default.

use enforcer_common::sanity::Set;
use jiff::Timestamp;

use super::{duration, peer, range};
use crate::policy::model::{
    Fragments, Guards, INSPECT_FIRST, Limit, Model, OnError, Peer, Port, Profile, Rule, Window,
};
use crate::policy::numbers::ETHERTYPES;
use crate::policy::sanity::{Level, Sanity};

/// Days as a schedule writes them, by bits from Monday on.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const SETS: [(u8, &str); 3] = [
    (0b111_1111, "daily"),
    (0b001_1111, "weekdays"),
    (0b110_0000, "weekend"),
];

/// The conditions of a rule and what is noted of it, each after a semicolon.
pub(super) fn of_rule(rule: &Rule) -> String {
    let mut text = String::new();
    if let Some(application) = &rule.application {
        text += &format!("; {}", application.describe());
    }
    if rule.limit != Limit::default() {
        text += &format!("; limit {}", limit(rule.limit));
    }
    if !rule.schedule.is_empty() {
        let windows: Vec<_> = rule.schedule.iter().map(window).collect();
        text += &format!("; {}", windows.join(" and "));
    }
    if rule.expires > 0 {
        text += &format!("; expires {}", moment(rule.expires));
    }
    if !rule.source.is_empty() {
        text += &format!("; source {:?}", rule.source);
    }
    if !rule.comment.is_empty() {
        text += &format!("; {:?}", rule.comment);
    }
    text
}

/// What a profile states besides mode and network services, each after a comma.
pub(super) fn of_profile(model: &Model, profile: &Profile) -> String {
    let mut text = String::new();
    if !profile.extends.is_empty() {
        text += &format!(", extends {}", profile.extends.join(" "));
    }
    if profile.guards != Guards::default() {
        text += &format!(", guards {}", guards(model, &profile.guards));
    }
    if profile.fragments != Fragments::default() {
        text += &format!(", fragments {}", fragments(profile.fragments));
    }
    if profile.on_error != OnError::default() {
        text += &format!(", on_error {}", on_error(profile.on_error));
    }
    if profile.inspect_first != INSPECT_FIRST {
        text += &format!(", inspect_first {}", profile.inspect_first);
    }
    if profile.sanity != Sanity::default() {
        text += &format!(", sanity {}", sanity(profile.sanity));
    }
    if profile.limit != Limit::default() {
        text += &format!(", limit {}", limit(profile.limit));
    }
    if !profile.ethertypes.is_empty() {
        let names: Vec<_> = profile.ethertypes.iter().copied().map(ethertype).collect();
        text += &format!(", ethertypes {}", names.join(" "));
    }
    text
}

/// What follows where predicates are met, one word where it is the same for all sets:
/// `tcp-stack drop dns off`, without those that are left at their default.
fn sanity(sanity: Sanity) -> String {
    if sanity.0.iter().all(|level| *level == sanity.0[0]) {
        return sanity.0[0].label().to_owned();
    }
    let sets = Set::ALL.into_iter();
    let stated = sets.filter(|set| sanity.of(*set) != Level::default());
    let parts = stated.map(|set| format!("{} {}", set.label(), sanity.of(set).label()));
    parts.collect::<Vec<_>>().join(" ")
}

/// Rates a second: `100 packets 10MB 5 flows`.
pub fn limit(limit: Limit) -> String {
    let Limit {
        packets,
        bytes: size,
        flows,
    } = limit;
    let mut parts = Vec::new();
    if packets > 0 {
        parts.push(format!("{packets} packets"));
    }
    if size > 0 {
        parts.push(bytes(size));
    }
    if flows > 0 {
        parts.push(format!("{flows} flows"));
    }
    parts.join(" ") + " a second"
}

/// A window of a schedule: `weekdays 08:00-18:00 Europe/Berlin`.
pub fn window(window: &Window) -> String {
    let days = match SETS.iter().find(|(bits, _)| *bits == window.days) {
        Some((_, name)) => (*name).to_owned(),
        None => {
            let days = DAYS.iter().enumerate();
            let days = days.filter(|(day, _)| window.days >> day & 1 != 0);
            days.map(|(_, name)| *name).collect::<Vec<_>>().join(" ")
        }
    };
    let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    let (from, until) = (time(window.from), time(window.until));
    format!("{days} {from}-{until} {}", window.zone)
}

/// A moment in UTC: `2027-03-01T00:00:00Z`.
pub fn moment(seconds: u32) -> String {
    Timestamp::from_second(seconds.into()).map_or_else(|_| seconds.to_string(), |at| at.to_string())
}

/// Guards as far as they are set: `dhcp_servers 10.0.0.1, hold_port 30s`.
fn guards(model: &Model, guards: &Guards) -> String {
    let mut parts = Vec::new();
    for (name, peers) in [
        ("dhcp_servers", &guards.dhcp_servers),
        ("routers", &guards.routers),
    ] {
        if peers.is_some() {
            parts.push(format!("{name} {}", trusted(model, peers.as_deref())));
        }
    }
    if !guards.hold_port.is_zero() {
        parts.push(format!("hold_port {}", duration(guards.hold_port)));
    }
    parts.join(" ")
}

/// Whom a guard trusts: `any`, `nobody`, or the peers.
pub fn trusted(model: &Model, peers: Option<&[Peer]>) -> String {
    match peers {
        None => "any".to_owned(),
        Some([]) => "nobody".to_owned(),
        Some(peers) => {
            let texts: Vec<_> = peers.iter().map(|of| peer(model, of)).collect();
            format!("[{}]", texts.join(", "))
        }
    }
}

/// `deny` or `track`.
pub fn fragments(fragments: Fragments) -> &'static str {
    match fragments {
        Fragments::Deny => "deny",
        Fragments::Track => "track",
    }
}

/// The failures that pass: `bad_frame allow`.
fn on_error(on_error: OnError) -> String {
    let passed = [
        (on_error.bad_frame, "bad_frame allow"),
        (on_error.flow_table_full, "flow_table_full allow"),
        (on_error.stream_lost, "stream_lost allow"),
    ];
    let passed = passed.iter().filter(|(passes, _)| *passes);
    passed.map(|(_, text)| *text).collect::<Vec<_>>().join(" ")
}

/// What a port may carry: `vlans untagged 10 20-30, double_tags deny, …`.
pub fn port(port: &Port) -> String {
    let vlans = port.vlans.iter().map(|(first, last)| match (first, last) {
        (0, 4094) => "any".to_owned(),
        (0, 0) => "untagged".to_owned(),
        (0, last) => format!("untagged {}", range(1, *last)),
        (first, last) => range(*first, *last),
    });
    let word = |allowed| if allowed { "allow" } else { "deny" };
    format!(
        "vlans {}, double_tags {}, priority_tags {}",
        vlans.collect::<Vec<_>>().join(" "),
        word(port.double_tags),
        word(port.priority_tags)
    )
}

/// An EtherType by name where it has one: `goose`, `0x88b8`.
fn ethertype(number: u16) -> String {
    let named = ETHERTYPES.iter().find(|(_, known)| *known == number);
    named.map_or_else(|| format!("{number:#06x}"), |(name, _)| (*name).to_owned())
}

/// Bytes in the largest unit in which they come out even.
fn bytes(bytes: u32) -> String {
    let units = [
        ("GB", 1_000_000_000),
        ("GiB", 1 << 30),
        ("MB", 1_000_000),
        ("MiB", 1 << 20),
        ("kB", 1_000),
        ("KiB", 1 << 10),
    ];
    match units.iter().find(|(_, size)| bytes.is_multiple_of(*size)) {
        Some((unit, size)) => format!("{}{unit}", bytes / size),
        None => format!("{bytes}B"),
    }
}
