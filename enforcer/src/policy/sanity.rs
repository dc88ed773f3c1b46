//! Sanity predicates as people know them: what each tells of, how grave that is, and the
//! advisories that it serves. What they test is `enforcer_common::decide::sanity`.

use enforcer_common::sanity::{Predicate, SETS, Set};
use serde::{Deserialize, Serialize};

use super::model::Model;
use super::signature::{Action, Severity};

/// What follows where a predicate is met.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Off,
    /// It is counted and reported, and passes.
    #[default]
    Alert,
    Drop,
}

/// The level of each set, by the set's number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sanity(pub [Level; SETS]);

impl Level {
    /// The word for it in policies.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Alert => "alert",
            Self::Drop => "drop",
        }
    }
}

impl Sanity {
    pub const fn of(&self, set: Set) -> Level {
        self.0[set as usize]
    }
}

/// What people should know of a predicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    pub message: &'static str,
    /// What is tested.
    pub tests: &'static str,
    pub severity: Severity,
    /// CVE numbers and documents.
    pub references: &'static [&'static str],
}

/// What a predicate does under a policy: the most that any profile says, and the profiles
/// in which it is on; none where it is off everywhere.
pub fn action(model: &Model, predicate: Predicate) -> Option<Action> {
    let levels = model.profiles.iter().map(|profile| &profile.sanity);
    let levels = levels.chain([&model.defaults.sanity]);
    match levels.map(|sanity| sanity.of(predicate.set())).max()? {
        Level::Off => None,
        Level::Alert => Some(Action::Alert),
        Level::Drop => Some(Action::Drop),
    }
}

/// What it says of profiles that differ, in words: empty where all are alike.
pub fn by_profile(model: &Model, set: Set) -> String {
    let mut parts = Vec::new();
    for level in [Level::Drop, Level::Alert, Level::Off] {
        let of_level = model
            .profiles
            .iter()
            .filter(|profile| profile.sanity.of(set) == level);
        let names: Vec<_> = of_level.map(|profile| profile.name.as_str()).collect();
        if !names.is_empty() {
            parts.push(format!("{} in {}", level.label(), names.join(", ")));
        }
    }
    if parts.len() < 2 {
        return String::new();
    }
    parts.join("; ")
}

/// All that is known of a predicate.
pub const fn facts(predicate: Predicate) -> Facts {
    use Severity::{Critical, High, Low, Medium};
    let (severity, message, tests, references): (_, _, _, &[&str]) = match predicate {
        Predicate::UrgentPointerZero => (
            Critical,
            "urgent data that ends before it begins, as in URGENT/11",
            "TCP: URG is set, the urgent pointer is 0",
            &["CVE-2019-12255"],
        ),
        Predicate::UrgentPointerBeyond => (
            Medium,
            "urgent data that ends behind its segment",
            "TCP: URG is set, the urgent pointer is above the bytes of the segment",
            &["CVE-2020-17437", "CVE-2021-31400"],
        ),
        Predicate::UrgentInSyn => (
            High,
            "urgent data while a connection opens, as in URGENT/11",
            "TCP: URG and SYN are set",
            &["CVE-2019-12260", "CVE-2019-12261"],
        ),
        Predicate::TcpOptionOverrun => (
            High,
            "TCP options that cannot be walked over",
            "TCP: an option of length 0 or 1, or beyond the header",
            &[
                "CVE-2019-12258",
                "CVE-2020-13988",
                "CVE-2020-24337",
                "CVE-2020-24341",
            ],
        ),
        Predicate::TcpOptionLength => (
            High,
            "a TCP option of another length than its kind has",
            "TCP: maximum segment size not 4, window scale not 3, selective acknowledgement permitted not 2, \
             selective acknowledgements not 2 and 8 for each, timestamps not 10, MD5 not 18, authentication below 4",
            &[
                "CVE-2019-12258",
                "CVE-2019-12260",
                "CVE-2020-11912",
                "CVE-2021-31889",
            ],
        ),
        Predicate::SourceRoute => (
            Critical,
            "the sender chooses the route, as in URGENT/11",
            "IPv4: an option for a loose or strict source route",
            &[
                "CVE-2019-12256",
                "CVE-2020-11909",
                "CVE-2021-24074",
                "https://www.rfc-editor.org/rfc/rfc7126",
            ],
        ),
        Predicate::IpOptionOverrun => (
            High,
            "IPv4 options that cannot be walked over",
            "IPv4: an option of length 0 or 1, beyond the header, or without its pointer",
            &["CVE-2019-12256", "CVE-2021-31344"],
        ),
        Predicate::Tunnel => (
            High,
            "IP within IP, as in Ripple20",
            "IPv4, IPv6: what is carried is IP again, protocols 4 and 41",
            &[
                "CVE-2020-11896",
                "CVE-2020-11898",
                "CVE-2020-11900",
                "CVE-2020-11902",
                "CVE-2020-10136",
            ],
        ),
        Predicate::IcmpLength => (
            Medium,
            "an ICMP message shorter than its type demands",
            "ICMP: an error below 36 bytes, a timestamp below 20",
            &["CVE-2020-11910", "CVE-2021-31346", "CVE-2020-35683"],
        ),
        Predicate::AddressMask => (
            Medium,
            "a mask is asked for or given by ICMP, which is no longer done",
            "ICMP: types 17 and 18",
            &["CVE-2020-11911", "https://www.rfc-editor.org/rfc/rfc6918"],
        ),
        Predicate::IgmpLength => (
            Medium,
            "IGMP in parts, or with fewer sources than it says",
            "IGMP: a fragment, below 8 bytes, or a query of version 3 that ends before its sources",
            &["CVE-2019-12259", "CVE-2019-12265"],
        ),
        Predicate::RoutingHeader => (
            High,
            "the sender chooses the route",
            "IPv6: a routing header of type 0 or 3",
            &[
                "CVE-2007-2242",
                "CVE-2020-11897",
                "CVE-2020-13985",
                "CVE-2020-13986",
                "https://www.rfc-editor.org/rfc/rfc5095",
            ],
        ),
        Predicate::Ipv6OptionOverrun => (
            High,
            "IPv6 options that cannot be walked over",
            "IPv6: hop-by-hop or destination options that lead out of their header, or above 128 of them",
            &[
                "CVE-2020-13984",
                "CVE-2020-17442",
                "CVE-2020-17444",
                "CVE-2020-17445",
                "CVE-2020-17468",
            ],
        ),
        Predicate::JumboPayload => (
            Medium,
            "a packet that claims to be longer than 64 KiB",
            "IPv6: the jumbo payload option",
            &[
                "CVE-2008-0352",
                "CVE-2010-0006",
                "https://www.rfc-editor.org/rfc/rfc2675",
            ],
        ),
        Predicate::NeighbourOption => (
            High,
            "options of neighbour discovery that cannot be walked over",
            "ICMPv6: an option of length 0, or beyond the message",
            &["https://www.rfc-editor.org/rfc/rfc4861#section-4.6"],
        ),
        Predicate::NameServerOption => (
            Critical,
            "Bad Neighbor: half a name server in a router advertisement",
            "ICMPv6: an option 25 whose length is even, or below 3",
            &["CVE-2020-16898", "CVE-2020-16899"],
        ),
        Predicate::Icmpv6Length => (
            Medium,
            "an ICMPv6 message shorter than its type demands",
            "ICMPv6: an error below 48 bytes, a message of neighbour discovery below its fixed part",
            &["CVE-2020-17443"],
        ),
        Predicate::DhcpOptionOverrun => (
            High,
            "a DHCP message or an option of it ends behind the datagram",
            "DHCP, DHCPv6: below 240 bytes, an option beyond the datagram, or no option 255 at the end",
            &[
                "CVE-2019-12257",
                "CVE-2020-11903",
                "CVE-2020-11905",
                "CVE-2021-31881",
                "CVE-2021-31883",
            ],
        ),
        Predicate::DhcpOptionLength => (
            High,
            "a DHCP option of another length than its kind has",
            "DHCP: option 53 not 1; 26, 57 not 2; 1, 28, 50, 51, 54, 58, 59 not 4; 3, 6, 42 no multiple of 4",
            &["CVE-2019-12257", "CVE-2021-31882"],
        ),
        Predicate::NameTooLong => (
            High,
            "a DNS name longer than any",
            "DNS: a name of more than 255 bytes, pointers followed",
            &[
                "CVE-2020-11901",
                "CVE-2020-15795",
                "CVE-2020-24335",
                "CVE-2020-27736",
                "https://www.rfc-editor.org/rfc/rfc9267",
            ],
        ),
        Predicate::NamePointer => (
            High,
            "a DNS name that refers to itself, or out of the message, as in NAME:WRECK",
            "DNS: a compression pointer that does not lead to an earlier name",
            &[
                "CVE-2016-20009",
                "CVE-2020-24339",
                "CVE-2020-27009",
                "CVE-2020-27738",
                "https://www.rfc-editor.org/rfc/rfc9267",
            ],
        ),
        Predicate::LabelType => (
            High,
            "a DNS label of a type that there is not, or longer than 63 bytes",
            "DNS: the upper two bits of a label's length are 01 or 10",
            &["CVE-2020-24338", "https://www.rfc-editor.org/rfc/rfc9267"],
        ),
        Predicate::RecordOverrun => (
            High,
            "a DNS message ends before all that it says is in it",
            "DNS: below 12 bytes, or a name, question or record ends behind the datagram, or a name behind its record",
            &[
                "CVE-2020-24334",
                "CVE-2020-24336",
                "CVE-2020-24340",
                "CVE-2020-25928",
                "CVE-2020-27737",
                "https://www.rfc-editor.org/rfc/rfc9267",
            ],
        ),
        Predicate::ReverseArp => (
            High,
            "reverse ARP, by which IPnet takes addresses that it did not ask for",
            "EtherType 0x8035",
            &["CVE-2019-12262"],
        ),
        Predicate::ImpossibleSender => (
            Low,
            "an ARP sender has an address that no host has",
            "ARP: the sender's address is multicast, broadcast or 127.0.0.0/8",
            &["https://www.rfc-editor.org/rfc/rfc1122#section-3.2.1.3"],
        ),
    };
    Facts {
        message,
        tests,
        severity,
        references,
    }
}
