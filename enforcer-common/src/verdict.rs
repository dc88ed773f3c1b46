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
    /// An EtherType that the profile lists.
    EtherTypeListed = 34, "ethertype-listed";
    /// A rule would allow this, but not at this time.
    RuleAsleep = 35, "rule-asleep";
    /// A rule would allow this by a DNS name, but the device was not given this address for it.
    NameNotLearned = 36, "name-not-learned";
    /// More packets, bytes or new flows a second than the profile or the rule grants.
    RateLimit = 37, "rate-limit";
    /// The device is quarantined.
    Quarantined = 38, "quarantined";
    /// The device is bound to another port than the one that the frame came in by.
    WrongPort = 39, "wrong-port";
    /// The hardware address is held by another port, where it was seen a moment ago.
    HeldElsewhere = 40, "held-elsewhere";
    /// A VLAN tag, or its absence, that the port may not carry.
    VlanNotCarried = 41, "vlan-not-carried";
    /// Two VLAN tags, or a priority tag, on a port that may not carry such.
    TagNotCarried = 42, "tag-not-carried";
    /// A DHCP answer from a server that the policy does not name.
    RogueDhcpServer = 43, "rogue-dhcp-server";
    /// A DHCP message that is malformed, or offers an address that no device can have.
    BadDhcp = 44, "bad-dhcp";
    /// A router advertisement from a router that the policy does not name.
    RogueRouter = 45, "rogue-router";
    /// A fragment whose first fragment was not seen, or not allowed.
    FragmentOrphan = 46, "fragment-orphan";
    /// A fragment that overlaps another, or comes out of order.
    FragmentOverlap = 47, "fragment-overlap";
    /// A first fragment without the whole of the headers, or one of a wrong length.
    FragmentTiny = 48, "fragment-tiny";
    /// The payload bears a signature, headers meet a sanity predicate, or the flow is cut.
    Signature = 49, "signature";
    /// Bytes of a connection that cannot be looked at in their order.
    StreamLost = 50, "stream-lost";
    /// Bytes of a connection that were sent again, and are others now.
    StreamDiffers = 51, "stream-differs";
    /// What is said is not the protocol that the rule names.
    WrongProtocol = 52, "wrong-protocol";
    /// The rule does not list what is asked for, or who asks.
    ApplicationDenied = 53, "application-denied";
    /// A flow that is allowed begins to speak TLS or SSH, which no signature sees into.
    Encrypted = 54, "encrypted";
}

/// Places in a table indexed by reason; room to append.
pub const REASONS: u32 = 128;

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

/// Failures that a profile lets pass: a sum of bits.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tolerance(pub u8);

impl Tolerance {
    pub const NONE: Self = Self(0);
    /// A header is malformed or cannot be followed.
    pub const BAD_FRAME: Self = Self(1);
    pub const FLOW_TABLE_FULL: Self = Self(2);
    /// The bytes of a connection cannot be followed.
    pub const STREAM_LOST: Self = Self(4);
}

/// What becomes of a frame.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    Allow = 0,
    /// Would be denied, but passes because of audit mode.
    Audit = 1,
    Deny = 2,
    /// Could not be judged, and passes because `on_error` says so.
    FailOpen = 3,
}

impl Fate {
    pub const ALL: [Self; 4] = [Self::Allow, Self::Audit, Self::Deny, Self::FailOpen];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Audit => "audit",
            Self::Deny => "deny",
            Self::FailOpen => "fail-open",
        }
    }

    /// Which of two fates holds where both ends of a frame are judged: the higher.
    #[inline(always)]
    pub const fn severity(self) -> u8 {
        match self {
            Self::Allow => 0,
            Self::Audit => 1,
            Self::FailOpen => 2,
            Self::Deny => 3,
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
            | Self::ToEnforcer
            | Self::EtherTypeListed
            | Self::Encrypted => true,
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
            | Self::FlowTableFull
            | Self::RuleAsleep
            | Self::NameNotLearned
            | Self::RateLimit
            | Self::Quarantined
            | Self::WrongPort
            | Self::HeldElsewhere
            | Self::VlanNotCarried
            | Self::TagNotCarried
            | Self::RogueDhcpServer
            | Self::BadDhcp
            | Self::RogueRouter
            | Self::FragmentOrphan
            | Self::FragmentOverlap
            | Self::FragmentTiny
            | Self::Signature
            | Self::StreamLost
            | Self::StreamDiffers
            | Self::WrongProtocol
            | Self::ApplicationDenied => false,
        }
    }

    /// Whether it is about what an application protocol said.
    #[inline(always)]
    pub const fn is_of_speech(self) -> bool {
        matches!(self, Self::WrongProtocol | Self::ApplicationDenied)
    }

    /// The one place where a verdict becomes a fate: audit overrides a denial,
    /// and so does `on_error` for what could not be judged.
    #[inline(always)]
    pub const fn fate(self, mode: Mode, tolerance: Tolerance) -> Fate {
        if self.allows() {
            return Fate::Allow;
        }
        match mode {
            Mode::Audit => Fate::Audit,
            Mode::Enforce if self.failure().0 & tolerance.0 != 0 => Fate::FailOpen,
            Mode::Enforce => Fate::Deny,
        }
    }

    /// What kind of failure the reason tells of, where the frame could not be
    /// judged; the empty tolerance where it could.
    #[inline(always)]
    pub const fn failure(self) -> Tolerance {
        match self {
            Self::Truncated
            | Self::BadSourceMac
            | Self::BadVlan
            | Self::TooManyTags
            | Self::BadIpv4
            | Self::BadIpv6
            | Self::TooManyExtensions
            | Self::BadAddress
            | Self::BadTcp
            | Self::BadTcpFlags
            | Self::BadUdp => Tolerance::BAD_FRAME,
            Self::FlowTableFull => Tolerance::FLOW_TABLE_FULL,
            Self::StreamLost | Self::StreamDiffers => Tolerance::STREAM_LOST,
            _ => Tolerance::NONE,
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
    /// Failures that pass all the same.
    pub tolerance: Tolerance,
    pub reserved: u8,
    /// The rule that allowed the flow, 0 where none did.
    pub rule: u16,
    /// Number of the device that the verdict is about, 0 where there is none.
    pub device: u32,
}

impl Verdict {
    #[inline(always)]
    pub const fn fate(&self) -> Fate {
        self.reason.fate(self.mode, self.tolerance)
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
