//! What would have to change for the opposite verdict, as clauses that tell what to
//! do: a line for the policy, a command, a cable.

use enforcer_common::decide::Finding;
use enforcer_common::decide::identify::Party;
use enforcer_common::verdict::Reason;

use super::matching::{self, Other};
use super::moment::asleep;
use super::{Case, ends};
use crate::policy::describe;
use crate::policy::model::{Device, Direction, Peer, Rule};

/// Who is judged: an end of the frame, 0 the source, and what was found for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judged {
    pub(super) end: usize,
    pub(super) party: Party,
    pub(super) finding: Finding,
}

impl Judged {
    /// The end that starts asks its rules with `to`.
    fn direction(&self) -> Direction {
        if self.end == 0 {
            Direction::To
        } else {
            Direction::From
        }
    }

    /// Index of the profile; none for the compiler's own.
    fn profile(&self, case: &Case<'_>) -> Option<usize> {
        let index = (self.party.profile as usize).checked_sub(1)?;
        (index < case.setting.model.profiles.len()).then_some(index)
    }

    fn device<'m>(&self, case: &Case<'m>) -> Option<&'m Device> {
        let index = (self.party.number as usize).checked_sub(1)?;
        case.setting.model.devices.get(index)
    }

    fn name(&self, case: &Case<'_>) -> String {
        let device = self.device(case);
        device.map_or_else(|| "the device".to_owned(), |device| device.name.clone())
    }

    fn other(&self, case: &Case<'_>) -> Other {
        let host = case.host(1 - self.end);
        Other {
            ip: host.ip,
            device: case.device_of(host),
        }
    }
}

/// What would let an end that denies allow.
pub(super) fn to_allow(case: &Case<'_>, judged: Judged) -> Vec<String> {
    let own = case.host(judged.end).ip;
    let other = judged.other(case);
    let profile = profile_text(case, judged);
    let name = judged.name(case);
    match judged.finding.reason {
        Reason::NoRule => a_rule(case, judged),
        Reason::RuleAsleep => waking(case, judged),
        Reason::NameNotLearned => naming(case, judged),
        Reason::Quarantined => release(case, judged),
        Reason::SpoofedSource | Reason::WrongDestination => match judged.device(case) {
            Some(device) => vec![format!(
                "bind {name} to {own}, too, by its `ip` (it has {}), or correct the address that is used",
                addresses(device)
            )],
            None => Vec::new(),
        },
        Reason::WrongPort => {
            let port = judged
                .device(case)
                .and_then(|device| device.port.as_deref());
            vec![format!(
                "connect {name} to port {}, or correct its `port`",
                port.unwrap_or_default()
            )]
        }
        Reason::HeldElsewhere => vec![format!(
            "find out who else uses the hardware address of {name}, or wait for the `hold_port` of its profile to pass"
        )],
        Reason::RogueDhcpServer => vec![format!(
            "add {} to `guards.dhcp_servers` of {profile}",
            other.ip
        )],
        Reason::RogueRouter => {
            vec![format!("add {} to `guards.routers` of {profile}", other.ip)]
        }
        Reason::ArpDenied => vec![format!("`network: {{arp: true}}` in {profile}")],
        Reason::NeighbourDiscoveryDenied => vec![format!(
            "`network: {{neighbour_discovery: true}}` in {profile}, if the device may send this at all"
        )],
        Reason::EtherType => vec![format!("list it in `ethertypes` of {profile}")],
        Reason::Fragment => vec![format!("`fragments: track` in {profile}")],
        Reason::RateLimit => vec![format!("raise the `limit` of {profile}, or of the rule")],
        reason => of_reason(case, reason),
    }
}

/// What would let pass what no device answers for.
pub(super) fn of_reason(case: &Case<'_>, reason: Reason) -> Vec<String> {
    let port = case.port.as_deref().unwrap_or("NAME");
    let advice = match reason {
        Reason::UnknownDevice => return declare(case, 0),
        Reason::UnknownDestination => return declare(case, 1),
        Reason::VlanNotCarried => format!(
            "add {} to `ports.{port}.vlans`, or correct the tag that the sender uses",
            case.crossing.vlan
        ),
        Reason::TagNotCarried => {
            format!("`double_tags: allow` or `priority_tags: allow` in `ports.{port}`")
        }
        Reason::NoPolicy => "enforcerctl apply FILE".to_owned(),
        Reason::FlowBudget => "raise `defaults.new_flows_per_second`".to_owned(),
        Reason::FlowTableFull => {
            "nothing, for it was a matter of moments; or `on_error: {flow_table_full: allow}`"
                .to_owned()
        }
        Reason::NoFlow => {
            "let the session begin anew: the enforcer has not seen its first packet".to_owned()
        }
        Reason::ControlFrameDenied => "allow its protocol in `defaults.control_frames`".to_owned(),
        Reason::BadAddress => {
            "nothing in the policy: no packet may carry these addresses".to_owned()
        }
        Reason::Truncated
        | Reason::BadSourceMac
        | Reason::BadVlan
        | Reason::TooManyTags
        | Reason::BadIpv4
        | Reason::BadIpv6
        | Reason::TooManyExtensions
        | Reason::BadTcp
        | Reason::BadTcpFlags
        | Reason::BadUdp => {
            "correct the sender, or `on_error: {bad_frame: allow}` in the profile".to_owned()
        }
        Reason::BadDhcp => {
            "correct the sender: no rule can allow a malformed or forged message".to_owned()
        }
        Reason::FragmentOrphan | Reason::FragmentOverlap | Reason::FragmentTiny => {
            "let the sender send whole packets, or its fragments in order".to_owned()
        }
        Reason::Signature => {
            "another `action` of the signature, or other `profiles` for it; of a sanity predicate, `sanity` of the profile"
                .to_owned()
        }
        Reason::StreamLost | Reason::StreamDiffers => {
            "let the sender send in order, or `on_error: {stream_lost: allow}` in the profile"
                .to_owned()
        }
        Reason::WrongProtocol => {
            "correct the sender, or leave the protocol out of the rule that allows the port"
                .to_owned()
        }
        Reason::ApplicationDenied => "list in the rule what was asked for, or who asked".to_owned(),
        // Told with the end that they are about, or no denial.
        Reason::NoRule
        | Reason::RuleAsleep
        | Reason::NameNotLearned
        | Reason::Quarantined
        | Reason::SpoofedSource
        | Reason::WrongDestination
        | Reason::WrongPort
        | Reason::HeldElsewhere
        | Reason::RogueDhcpServer
        | Reason::RogueRouter
        | Reason::ArpDenied
        | Reason::NeighbourDiscoveryDenied
        | Reason::EtherType
        | Reason::Fragment
        | Reason::RateLimit
        | Reason::Rule
        | Reason::Established
        | Reason::Adopted
        | Reason::Related
        | Reason::Arp
        | Reason::NeighbourDiscovery
        | Reason::Dhcp
        | Reason::ControlFrame
        | Reason::ToEnforcer
        | Reason::EtherTypeListed
        | Reason::Encrypted => return Vec::new(),
    };
    vec![advice]
}

/// What would make an end that allows deny.
pub(super) fn to_deny(case: &Case<'_>, judged: Judged) -> Vec<String> {
    let profile = profile_text(case, judged);
    match judged.finding.reason {
        Reason::Dhcp => vec![format!("`network: {{dhcp: false}}` in {profile}")],
        Reason::NeighbourDiscovery => {
            vec![format!(
                "`network: {{neighbour_discovery: false}}` in {profile}"
            )]
        }
        Reason::Rule => {
            let allowing = rules(case, judged, |rule| {
                asleep(rule, case.setting.time).is_none()
                    && matching::allows(
                        case.setting.model,
                        rule,
                        judged.direction(),
                        judged.other(case),
                        case.service,
                    )
            });
            if allowing.is_empty() {
                return Vec::new();
            }
            vec![format!("remove or narrow {}", allowing.join(" and "))]
        }
        _ => Vec::new(),
    }
}

/// The line to add, and the rules that nearly allow it.
fn a_rule(case: &Case<'_>, judged: Judged) -> Vec<String> {
    let (direction, other) = (judged.direction(), judged.other(case));
    let word = describe::direction(direction);
    let peer = peer_text(case, other);
    let service = describe::service(case.service);
    let (key, value) = service.split_once(' ').unwrap_or((&service, "any"));
    let rule = format!("`- {{{word}: {peer}, {key}: {value}}}`");
    if judged.profile(case).is_none() {
        return vec![format!(
            "let `defaults.core_broadcast` name a profile with {rule}"
        )];
    }
    let mut advice = vec![format!("add to {}: {rule}", profile_text(case, judged))];
    let model = case.setting.model;
    let for_peer = rules(case, judged, |rule| {
        rule.direction == direction
            && matching::is_for(model, rule, other)
            && !matching::is_by_name(model, rule, other)
    });
    if let Some(rule) = for_peer.first() {
        advice.push(format!(
            "or add `{key}: {value}` to rule {rule}, which is for that peer"
        ));
    }
    let for_service = rules(case, judged, |rule| {
        rule.direction == direction && matching::names(rule, case.service)
    });
    if let Some(rule) = for_service.first() {
        advice.push(format!("or add {peer} to the peers of rule {rule}"));
    }
    let reversed = rules(case, judged, |rule| {
        rule.direction != direction
            && matching::names(rule, case.service)
            && matching::is_for(model, rule, other)
    });
    if let Some(rule) = reversed.first() {
        advice.push(format!(
            "or let the other end start: rule {rule} allows it the other way round"
        ));
    }
    advice
}

fn waking(case: &Case<'_>, judged: Judged) -> Vec<String> {
    each_rule(case, judged, |rule, text| {
        let why = asleep(rule, case.setting.time)?;
        let key = if rule.expires != 0 && rule.expires <= case.setting.time {
            "expires"
        } else {
            "schedule"
        };
        Some(format!("change `{key}` of rule {text}: {why}"))
    })
}

fn naming(case: &Case<'_>, judged: Judged) -> Vec<String> {
    let address = judged.other(case).ip;
    each_rule(case, judged, |rule, text| {
        let names = rule.peers.iter().filter_map(|peer| match peer {
            Peer::Name(name) => Some(name.as_str()),
            _ => None,
        });
        let names: Vec<_> = names.collect();
        (!names.is_empty()).then(|| {
            format!(
                "let {} ask a resolver that its profile allows for {}: no answer has given it {address} for rule {text}",
                judged.name(case),
                names.join(" or ")
            )
        })
    })
}

fn release(case: &Case<'_>, judged: Judged) -> Vec<String> {
    match judged.device(case) {
        Some(device) if judged.party.quarantined => vec![format!(
            "release {name} from quarantine: enforcerctl release {name}",
            name = device.name
        )],
        _ => Vec::new(),
    }
}

fn declare(case: &Case<'_>, end: usize) -> Vec<String> {
    let (host, vlan) = (case.host(end), case.crossing.vlan);
    if host.mac.is_group() {
        return vec![
            "let `defaults.core_broadcast` name a profile whose `from` rules allow it".to_owned(),
        ];
    }
    let mut devices = case.setting.model.devices.iter();
    if let Some(known) = devices.find(|device| device.mac == host.mac) {
        return vec![format!(
            "correct `vlan` of {}, which is declared in {} and not in {}",
            known.name,
            describe::vlan(known.vlan),
            describe::vlan(vlan)
        )];
    }
    let mac = match ends::is_stand_in(host.mac) {
        true => "MAC".to_owned(),
        false => host.mac.to_string(),
    };
    vec![
        format!(
            "declare it: `- {{name: NAME, mac: {mac}, vlan: {vlan}, ip: {}, profile: PROFILE}}` under `devices`",
            quoted(host.ip)
        ),
        "or let `defaults.unknown_devices` name a profile that allows it".to_owned(),
    ]
}

/// The rules of an end's profile that fit, with their lines.
fn rules(case: &Case<'_>, judged: Judged, fits: impl Fn(&Rule) -> bool) -> Vec<String> {
    let Some(profile) = judged.profile(case) else {
        return Vec::new();
    };
    let rules = case.setting.model.profiles[profile]
        .rules
        .iter()
        .enumerate();
    rules
        .filter(|(_, rule)| fits(rule))
        .map(|(index, _)| case.lines.rule((profile, index)))
        .collect()
}

/// What is to be said of each rule that would allow it under other conditions.
fn each_rule(
    case: &Case<'_>,
    judged: Judged,
    tell: impl Fn(&Rule, &str) -> Option<String>,
) -> Vec<String> {
    let Some(profile) = judged.profile(case) else {
        return Vec::new();
    };
    let (model, other) = (case.setting.model, judged.other(case));
    let rules = model.profiles[profile].rules.iter().enumerate();
    rules
        .filter(|(_, rule)| matching::allows(model, rule, judged.direction(), other, case.service))
        .filter_map(|(index, rule)| tell(rule, &case.lines.rule((profile, index))))
        .collect()
}

fn profile_text(case: &Case<'_>, judged: Judged) -> String {
    match judged.profile(case) {
        Some(index) => format!("profile {}", case.lines.profile(index)),
        None => "`defaults`".to_owned(),
    }
}

fn peer_text(case: &Case<'_>, other: Other) -> String {
    match other.device {
        Some(device) => format!(
            "\"device:{}\"",
            describe::device_name(case.setting.model, device)
        ),
        None => quoted(other.ip),
    }
}

/// As YAML takes it.
fn quoted(ip: std::net::IpAddr) -> String {
    match ip {
        std::net::IpAddr::V4(v4) => v4.to_string(),
        std::net::IpAddr::V6(v6) => format!("\"{v6}\""),
    }
}

fn addresses(device: &Device) -> String {
    let mut all: Vec<_> = device.addresses().map(|ip| ip.to_string()).collect();
    if device.dhcp_address {
        all.push("what DHCP gave it".to_owned());
    }
    all.join(", ")
}
