//! What the enforcer says of a frame: the reason, the mode it is said in, and
//! the one function from both to the frame's fate. The reason is at once the
//! error of every stage, the metric label, the event field and the CLI's word.

/// Declares [`Reason`] with its wire number, label and explanation in one place.
macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal, $label:literal;)+) => {
        /// Why a frame got its verdict. Append only: numbers are part of the
        /// layout of counters and events.
        #[repr(u8)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[doc = $doc])+ $name = $number,)+
        }

        impl Reason {
            /// Every reason, by number.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The word used in metrics, events, output and documents.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)+ }
            }

            /// One sentence for people.
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc,)+).trim_ascii(),)+ }
            }
        }
    };
}

reasons! {
    /// A rule of every profile concerned allows the first packet of this flow.
    Rule = 0, "rule";
    /// The packet belongs to a flow that a rule of the current policy allowed.
    Established = 1, "established";
    /// A session that was live when enforcement began, allowed by a rule.
    Adopted = 2, "adopted";
    /// An ICMP error about a flow that is allowed.
    Related = 3, "related";
    /// ARP, which the profile's network services include.
    Arp = 4, "arp";
    /// IPv6 neighbour discovery or MLD, which the profile's network services include.
    NeighbourDiscovery = 5, "neighbour-discovery";
    /// DHCP as a client, which the profile's network services include.
    Dhcp = 6, "dhcp";
    /// A link-local control frame (STP, LLDP, LACP, EAPOL) that the policy lets through.
    ControlFrame = 7, "control-frame";
    /// Traffic from the core side to the enforcer's own bridge address.
    ToEnforcer = 8, "to-enforcer";
    /// No policy is loaded; the port's `on_no_policy` setting decides.
    NoPolicy = 9, "no-policy";
    /// The frame ends before a header that it announces.
    Truncated = 10, "truncated";
    /// The source hardware address is zero or a group address.
    BadSourceMac = 11, "bad-source-mac";
    /// A VLAN tag with the reserved identifier 4095.
    BadVlan = 12, "bad-vlan";
    /// More than two VLAN tags.
    TooManyTags = 13, "too-many-tags";
    /// The source hardware address is not a declared device.
    UnknownDevice = 14, "unknown-device";
    /// The destination hardware address, seen from the core side, is not a declared device.
    UnknownDestination = 15, "unknown-destination";
    /// The source address is not one that the device is bound to.
    SpoofedSource = 16, "spoofed-source";
    /// The destination address is not one that the destination device is bound to.
    WrongDestination = 17, "wrong-destination";
    /// An EtherType that no rule can allow.
    EtherType = 18, "ethertype";
    /// A link-local control frame that the policy does not let through.
    ControlFrameDenied = 19, "control-frame-denied";
    /// ARP that is malformed, from a spoofed sender, or not among the profile's services.
    ArpDenied = 20, "arp-denied";
    /// An IPv4 header with a wrong version, header length or total length.
    BadIpv4 = 21, "bad-ipv4";
    /// An IPv6 header with a wrong version or length, or misplaced extension headers.
    BadIpv6 = 22, "bad-ipv6";
    /// More IPv6 extension headers than are followed.
    TooManyExtensions = 23, "too-many-extensions";
    /// An IP fragment; fragments cannot be judged by port.
    Fragment = 24, "fragment";
    /// A source or destination address that never belongs on a wire, or equal to the other.
    BadAddress = 25, "bad-address";
    /// A TCP header with a wrong data offset.
    BadTcp = 26, "bad-tcp";
    /// A combination of TCP flags that no proper sender uses.
    BadTcpFlags = 27, "bad-tcp-flags";
    /// A UDP header whose length does not fit its packet.
    BadUdp = 28, "bad-udp";
    /// Neighbour discovery that is malformed, spoofed, or not allowed from that side.
    NeighbourDiscoveryDenied = 29, "neighbour-discovery-denied";
    /// No rule of the device's profile allows this.
    NoRule = 30, "no-rule";
    /// A packet in the middle of a session that the enforcer has not seen begin.
    NoFlow = 31, "no-flow";
    /// More new flows a second, from the device or to it, than its budget.
    FlowBudget = 32, "flow-budget";
    /// The flow table took no new entry.
    FlowTableFull = 33, "flow-table-full";
}

/// Places in a table indexed by reason; room to append.
pub const REASONS: u32 = 64;

/// Whether verdicts are carried out or only reported.
#[repr(u8)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "user", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "user", serde(rename_all = "lowercase"))]
pub enum Mode {
    /// The true verdict is computed and reported; the frame passes.
    #[default]
    Audit = 0,
    /// Denied frames are dropped.
    Enforce = 1,
}

/// What becomes of a frame.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    Allow = 0,
    /// Would be denied, but passes because of audit mode.
    Audit = 1,
    Deny = 2,
}

impl Fate {
    pub const ALL: [Self; 3] = [Self::Allow, Self::Audit, Self::Deny];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Audit => "audit",
            Self::Deny => "deny",
        }
    }
}

impl Reason {
    /// Whether the true verdict is to allow. Total: a new reason does not
    /// compile until its side is chosen.
    #[inline(always)]
    pub const fn allows(self) -> bool {
        match self {
            Self::Rule
            | Self::Established
            | Self::Adopted
            | Self::Related
            | Self::Arp
            | Self::NeighbourDiscovery
            | Self::Dhcp
            | Self::ControlFrame
            | Self::ToEnforcer => true,
            Self::NoPolicy
            | Self::Truncated
            | Self::BadSourceMac
            | Self::BadVlan
            | Self::TooManyTags
            | Self::UnknownDevice
            | Self::UnknownDestination
            | Self::SpoofedSource
            | Self::WrongDestination
            | Self::EtherType
            | Self::ControlFrameDenied
            | Self::ArpDenied
            | Self::BadIpv4
            | Self::BadIpv6
            | Self::TooManyExtensions
            | Self::Fragment
            | Self::BadAddress
            | Self::BadTcp
            | Self::BadTcpFlags
            | Self::BadUdp
            | Self::NeighbourDiscoveryDenied
            | Self::NoRule
            | Self::NoFlow
            | Self::FlowBudget
            | Self::FlowTableFull => false,
        }
    }

    /// The one place where a verdict becomes a fate: audit overrides a denial.
    #[inline(always)]
    pub const fn fate(self, mode: Mode) -> Fate {
        match (self.allows(), mode) {
            (true, _) => Fate::Allow,
            (false, Mode::Audit) => Fate::Audit,
            (false, Mode::Enforce) => Fate::Deny,
        }
    }

    /// The reason with this number, if there is one.
    #[inline(always)]
    pub const fn from_number(number: u8) -> Option<Self> {
        if number as usize >= Self::ALL.len() {
            return None;
        }
        // SAFETY: numbers run from 0 without a gap, as asserted below. Indexing
        // `ALL` would do, but the verifier cannot follow the look-up.
        Some(unsafe { core::mem::transmute::<u8, Self>(number) })
    }
}

/// The judgement of one frame.
#[must_use]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub reason: Reason,
    pub mode: Mode,
    /// The rule that allowed the flow, 0 where none did.
    pub rule: u16,
    /// Number of the device that the verdict is about, 0 where there is none.
    pub device: u32,
}

impl Verdict {
    #[inline(always)]
    pub const fn fate(&self) -> Fate {
        self.reason.fate(self.mode)
    }
}

// The number of every reason is its place in `ALL`, and all fit the counters.
const _: () = {
    let mut index = 0;
    while index < Reason::ALL.len() {
        assert!(Reason::ALL[index] as usize == index);
        index += 1;
    }
    assert!(Reason::ALL.len() <= REASONS as usize);
};
