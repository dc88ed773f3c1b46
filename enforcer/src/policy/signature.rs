//! A valid signature: what of a payload is looked for, where, and what follows.
//! Made by `validate` and by the import of other languages, read by `compile`.

use enforcer_common::packet::transport::flags;
use enforcer_common::sanity::Predicate;
use serde::{Deserialize, Serialize};

use super::model::{Model, Service};
use super::sanity::facts;

/// Bytes from the first to the last one that a signature speaks of.
pub use enforcer_common::signature::SPAN;

/// What an attack, or an unwanted use, looks like on the wire.
///
/// The *text* that it is looked for in is the payload of a UDP datagram, or all that one
/// end of a TCP connection sends, from its first byte on and however it is cut into
/// segments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Unique in a policy.
    pub name: String,
    /// Unique in a policy, not 0; for metrics and logs.
    pub id: u32,
    /// What it tells of, for people.
    pub message: String,
    /// CVE numbers, advisories, addresses.
    pub references: Vec<String>,
    pub severity: Severity,
    pub action: Action,
    /// Whether the device that sent it is cut off, where the packet is dropped.
    pub quarantine: Option<Quarantine>,
    pub sender: Sender,
    pub begin: Begin,
    /// Of the segment, where all is found in one.
    pub tcp_flags: TcpFlags,
    /// TCP and UDP ports of the end that was asked; never empty.
    pub services: Vec<Service>,
    /// Profiles whose devices it protects and watches, by index in
    /// [`super::model::Model::profiles`]; all if empty.
    pub profiles: Vec<usize>,
    /// Tags of which a device has one that it protects and watches, sorted; all if empty.
    pub tags: Vec<String>,
    /// In the order of the text; one at least is a [`What::Bytes`].
    pub parts: Vec<Part>,
    /// What must not be there.
    pub absent: Vec<Absent>,
    /// Bytes that a datagram has, or a segment where all is found in one, at least and at
    /// most; any if `None`.
    pub length: Option<(u16, u16)>,
    /// Whether the last part ends the datagram or that segment.
    pub ends: bool,
    /// How often it must be hit before it acts; at once if `None`.
    pub threshold: Option<Threshold>,
}

/// Bytes that must not be at any of these places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absent {
    /// Never none, and no more than a part of the tables holds.
    pub bytes: Vec<u8>,
    /// ASCII letters of either case.
    pub nocase: bool,
    /// Index of the part from whose end is counted.
    pub behind: usize,
    /// Distance at which they might begin, in bytes: the first and the last.
    pub first: i32,
    pub last: i32,
}

#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Low,
    #[default]
    Medium,
    High,
    Critical,
}

/// How a quarantine without an end is written.
pub const UNTIL_RELEASED: &str = "until-released";

/// How long a device is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quarantine {
    UntilReleased,
    Seconds(u32),
}

impl Quarantine {
    /// Seconds that it lasts; `None` until somebody ends it.
    pub fn seconds(self) -> Option<u64> {
        match self {
            Self::UntilReleased => None,
            Self::Seconds(seconds) => Some(seconds.into()),
        }
    }
}

/// What follows a hit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is counted and reported.
    Alert,
    /// The packet is dropped as well.
    #[default]
    Drop,
    /// And so is everything else of its flow, in both directions, until that ends.
    Cut,
}

/// Whose bytes are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sender {
    /// The end that began the flow.
    #[default]
    Client,
    /// The end that was asked.
    Server,
    Either,
}

/// A signature acts only when packets that bear it are many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Threshold {
    /// With the packet that makes so many; not 0.
    pub hits: u32,
    /// In so many seconds from the first of them, 1 to [`LONGEST_WINDOW`].
    pub seconds: u32,
    pub per: Per,
    /// Whether it acts once for so many, and not at each behind them until the time is over.
    pub every: bool,
}

/// Seconds that hits are counted over, at most: a week.
pub const LONGEST_WINDOW: u32 = 7 * 86_400;

/// By which address of the packet hits are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    Source,
    Destination,
}

/// What places of a TCP connection count from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Begin {
    #[default]
    Connection,
    /// Where the sender began to speak after the other end.
    Turn,
    /// Each segment by itself, in which all parts must stand.
    Segment,
}

/// Conditions on TCP flags, by their bits in the header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TcpFlags {
    /// All of these are set.
    pub set: u8,
    /// None of these is.
    pub clear: u8,
    /// One of these is, if there are any.
    pub any: u8,
}

/// How TCP flags are written, by their bits.
pub const TCP_FLAGS: [(&str, u8); 8] = [
    ("fin", flags::FIN),
    ("syn", flags::SYN),
    ("rst", flags::RST),
    ("psh", flags::PSH),
    ("ack", flags::ACK),
    ("urg", flags::URG),
    ("ece", flags::ECE),
    ("cwr", flags::CWR),
];

impl TcpFlags {
    /// What is asked, by the word for how.
    pub const fn asked(self) -> [(&'static str, u8); 3] {
        [("set", self.set), ("clear", self.clear), ("any", self.any)]
    }

    /// The words for such bits.
    pub fn words(bits: u8) -> impl Iterator<Item = &'static str> {
        let named = TCP_FLAGS.iter();
        named.filter_map(move |(word, flag)| (bits & flag != 0).then_some(*word))
    }
}

/// A condition on a place of the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub what: What,
    /// Whether `first` and `last` count from the end of the part before, and not from
    /// the beginning of the text.
    pub relative: bool,
    /// Distance at which the part begins at the earliest, in bytes; negative only where
    /// `relative`.
    pub first: i32,
    /// And at the latest; `None`: as far as [`SPAN`] allows.
    pub last: Option<i32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// These bytes, never none.
    Bytes {
        bytes: Vec<u8>,
        /// ASCII letters of either case.
        nocase: bool,
    },
    /// An integer that compares so.
    Number(Number),
    /// An integer that says where the next part counts from.
    Jump(Jump),
}

/// The next part counts from `integer * multiply + add` bytes behind the integer, or behind
/// the beginning. There must be a byte, and within what a signature covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jump {
    /// In bytes: 1, 2 or 4.
    pub width: u8,
    pub little_endian: bool,
    /// Not 0.
    pub multiply: u16,
    /// Whether the product is made a multiple of four, upwards.
    pub align: bool,
    pub add: i32,
    pub from_beginning: bool,
}

impl Default for Jump {
    fn default() -> Self {
        Self {
            width: 1,
            little_endian: false,
            multiply: 1,
            align: false,
            add: 0,
            from_beginning: false,
        }
    }
}

/// `(integer & mask) compare value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Number {
    /// In bytes: 1, 2 or 4.
    pub width: u8,
    pub little_endian: bool,
    pub mask: u32,
    pub compare: Compare,
    pub value: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compare {
    Equal,
    Unequal,
    Below,
    Above,
    /// Any bit of the value is set.
    Any,
}

/// What a signature is told as when it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told<'m> {
    pub name: &'m str,
    pub id: u32,
    pub severity: Severity,
    pub message: &'m str,
    /// For how long the sender's device is quarantined; predicates never say so.
    pub quarantine: Option<Quarantine>,
}

/// What a number in counters and events stands for: a signature of the policy, or a sanity
/// predicate. `None` for 0 and unknown ones.
pub fn told(model: &Model, number: u32) -> Option<Told<'_>> {
    if let Some(predicate) = Predicate::from_number(number) {
        let facts = facts(predicate);
        return Some(Told {
            name: predicate.label(),
            id: predicate.id(),
            severity: facts.severity,
            message: facts.message,
            quarantine: None,
        });
    }
    let signature = model.signatures.get((number as usize).checked_sub(1)?)?;
    Some(Told {
        name: &signature.name,
        id: signature.id,
        severity: signature.severity,
        message: &signature.message,
        quarantine: signature.quarantine,
    })
}

/// Numbers of all that may be found under a policy: its own signatures, then predicates.
pub fn numbers(model: &Model) -> Vec<u32> {
    let own = (1..).take(model.signatures.len());
    let predicates = Predicate::ALL.iter().map(|predicate| predicate.number());
    own.chain(predicates).collect()
}

impl Signature {
    /// One of which nothing else is said: all else is what the language takes it for.
    pub fn of(name: impl Into<String>, id: u32, services: Vec<Service>, parts: Vec<Part>) -> Self {
        Self {
            name: name.into(),
            id,
            message: String::new(),
            references: Vec::new(),
            severity: Severity::default(),
            action: Action::default(),
            quarantine: None,
            sender: Sender::default(),
            begin: Begin::default(),
            tcp_flags: TcpFlags::default(),
            services,
            profiles: Vec::new(),
            tags: Vec::new(),
            parts,
            absent: Vec::new(),
            length: None,
            ends: false,
            threshold: None,
        }
    }

    /// Whether any part is one.
    pub fn has_bytes(&self) -> bool {
        let mut parts = self.parts.iter();
        parts.any(|part| matches!(part.what, What::Bytes { .. }))
    }
}

impl What {
    /// Bytes that it covers.
    pub fn length(&self) -> usize {
        match self {
            Self::Bytes { bytes, .. } => bytes.len(),
            Self::Number(number) => number.width.into(),
            Self::Jump(jump) => jump.width.into(),
        }
    }
}
