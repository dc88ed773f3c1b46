//! Sanity predicates: conditions on headers that no proper sender meets, and that whole
//! families of attacks on protocol stacks depend on. Here are their names and numbers;
//! `decide/sanity` tests them.

use crate::limits;

/// Predicates that are switched together.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Set {
    TcpStack = 0,
    IpStack = 1,
    Ipv6Stack = 2,
    Dhcp = 3,
    Dns = 4,
    Arp = 5,
}

pub const SETS: usize = Set::ALL.len();

impl Set {
    /// Every set, by number.
    pub const ALL: [Self; 6] = [
        Self::TcpStack,
        Self::IpStack,
        Self::Ipv6Stack,
        Self::Dhcp,
        Self::Dns,
        Self::Arp,
    ];

    /// The word for it in policies.
    pub const fn label(self) -> &'static str {
        match self {
            Self::TcpStack => "tcp-stack",
            Self::IpStack => "ip-stack",
            Self::Ipv6Stack => "ipv6-stack",
            Self::Dhcp => "dhcp",
            Self::Dns => "dns",
            Self::Arp => "arp",
        }
    }
}

/// Declares [`Predicate`] with its number and label in one place.
macro_rules! predicates {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal, $label:literal;)+) => {
        /// Conditions, eight numbers a set. Append only: numbers are part of the layout of
        /// counters and events.
        #[repr(u8)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Predicate {
            $($(#[doc = $doc])+ $name = $number,)+
        }

        impl Predicate {
            /// Every predicate, by number.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Name of the signature that it is told as.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)+ }
            }
        }
    };
}

predicates! {
    /// URG is set and the urgent pointer 0.
    UrgentPointerZero = 0, "tcp-stack/urgent-pointer-zero";
    /// The urgent pointer leads out of the segment.
    UrgentPointerBeyond = 1, "tcp-stack/urgent-pointer-beyond";
    /// URG is set in a segment that opens a connection.
    UrgentInSyn = 2, "tcp-stack/urgent-in-syn";
    /// A TCP option shorter than itself, or longer than the header.
    TcpOptionOverrun = 3, "tcp-stack/option-overrun";
    /// A TCP option whose length is not that of its kind.
    TcpOptionLength = 4, "tcp-stack/option-length";

    /// Loose or strict source routing.
    SourceRoute = 8, "ip-stack/source-route";
    /// An IPv4 option shorter than itself, or longer than the header.
    IpOptionOverrun = 9, "ip-stack/option-overrun";
    /// IP within IP.
    Tunnel = 10, "ip-stack/tunnel";
    /// An ICMP message shorter than its type demands.
    IcmpLength = 11, "ip-stack/icmp-length";
    /// An ICMP address mask request or reply.
    AddressMask = 12, "ip-stack/address-mask";
    /// IGMP in fragments, or with fewer sources than it announces.
    IgmpLength = 13, "ip-stack/igmp-length";

    /// A routing header of type 0, or of the routing protocol RPL.
    RoutingHeader = 16, "ipv6-stack/routing-header";
    /// An option of an IPv6 extension header that leads out of it, or very many of them.
    Ipv6OptionOverrun = 17, "ipv6-stack/option-overrun";
    /// A packet that claims to be longer than 64 KiB.
    JumboPayload = 18, "ipv6-stack/jumbo-payload";
    /// An option of neighbour discovery that is empty or leads out of the message.
    NeighbourOption = 19, "ipv6-stack/neighbour-option";
    /// Name servers in a router advertisement, in an option that is no whole number of them.
    NameServerOption = 20, "ipv6-stack/name-server-option";
    /// An ICMPv6 message shorter than its type demands.
    Icmpv6Length = 21, "ipv6-stack/icmpv6-length";

    /// A DHCP message or an option of it ends behind the datagram.
    DhcpOptionOverrun = 24, "dhcp/option-overrun";
    /// A DHCP option whose length is not that of its kind.
    DhcpOptionLength = 25, "dhcp/option-length";

    /// A DNS name of more than 255 bytes.
    NameTooLong = 32, "dns/name-too-long";
    /// A compression pointer that does not lead to an earlier name.
    NamePointer = 33, "dns/pointer";
    /// A label of a reserved type.
    LabelType = 34, "dns/label-type";
    /// A DNS name, question or record ends behind the datagram.
    RecordOverrun = 35, "dns/record-overrun";

    /// Reverse ARP.
    ReverseArp = 40, "arp/reverse-arp";
    /// The sender of an ARP packet claims an address that no host has.
    ImpossibleSender = 41, "arp/impossible-sender";
}

/// Predicates that a set has numbers for.
const PER_SET: u8 = 8;

/// Numbers of predicates as signatures: behind those of a policy's own.
pub const FIRST_PREDICATE: u32 = limits::SIGNATURES + 1;
/// Numbers that are set aside for predicates.
pub const PREDICATES: u32 = SETS as u32 * PER_SET as u32;
/// And by which people know them: a policy's own signatures may not have these.
pub const FIRST_PREDICATE_ID: u32 = 4_000_000_000;

impl Predicate {
    /// Its number as a signature, in counters and events.
    pub const fn number(self) -> u32 {
        FIRST_PREDICATE + self as u32
    }

    /// Its number for people.
    pub const fn id(self) -> u32 {
        FIRST_PREDICATE_ID + self as u32
    }

    pub const fn set(self) -> Set {
        Set::ALL[(self as u8 / PER_SET) as usize]
    }

    /// The predicate that a signature's number stands for.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.iter().copied().find(|of| of.number() == number)
    }
}

/// Whether a signature's number is that of a predicate about headers, and not about what a
/// datagram carries.
#[inline(always)]
pub const fn is_of_headers(number: u32) -> bool {
    let set = number.wrapping_sub(FIRST_PREDICATE) / PER_SET as u32;
    number >= FIRST_PREDICATE && set != Set::Dhcp as u32 && set != Set::Dns as u32
}

/// What follows where a predicate of a set is met: one of `LEVEL_…`, in what a profile
/// says of all sets. The numbers are those of `signature::ACTION_…`.
#[inline(always)]
pub const fn level_of(levels: u32, code: u32) -> u32 {
    let shift = code / PER_SET as u32 * 2;
    levels >> (shift & 31) & 3
}

pub const LEVEL_OFF: u32 = 0;
pub const LEVEL_ALERT: u32 = crate::signature::ACTION_ALERT;
pub const LEVEL_DROP: u32 = crate::signature::ACTION_DROP;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predicates_belong_to_the_set_that_they_are_named_for() {
        for predicate in Predicate::ALL {
            let (set, _) = predicate.label().split_once('/').expect("a set's name");
            assert_eq!(predicate.set().label(), set, "{predicate:?}");
            assert_eq!(Predicate::from_number(predicate.number()), Some(*predicate));
            assert!(*predicate as u32 <= PREDICATES);
        }
        assert_eq!(Predicate::from_number(FIRST_PREDICATE - 1), None);
        assert_eq!(Predicate::from_number(FIRST_PREDICATE + PREDICATES), None);
    }

    #[test]
    fn datagrams_are_no_headers() {
        let of = |predicate: Predicate| is_of_headers(predicate.number());
        assert!(of(Predicate::UrgentPointerZero) && of(Predicate::ReverseArp));
        assert!(!of(Predicate::NamePointer) && !of(Predicate::DhcpOptionLength));
        assert!(!is_of_headers(0) && !is_of_headers(FIRST_PREDICATE - 1));
    }

    #[test]
    fn levels_are_read_by_set() {
        let levels = LEVEL_DROP << 4 | LEVEL_ALERT;
        let of = |predicate: Predicate| level_of(levels, predicate as u32);
        assert_eq!(of(Predicate::UrgentInSyn), LEVEL_ALERT);
        assert_eq!(of(Predicate::SourceRoute), LEVEL_OFF);
        assert_eq!(of(Predicate::Icmpv6Length), LEVEL_DROP);
        assert_eq!(of(Predicate::ImpossibleSender), LEVEL_OFF);
    }
}
