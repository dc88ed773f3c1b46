//! What goes over the control socket about signatures.

use serde::{Deserialize, Serialize};

use crate::policy::signature::{Action, Severity};

/// What is looked for in payloads.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Signatures {
    pub signatures: Vec<Signature>,
    /// Signatures that are looked for together.
    pub groups: Vec<SignatureGroup>,
}

/// One signature of the policy in force.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Signature {
    pub name: String,
    pub id: u32,
    pub message: String,
    pub references: Vec<String>,
    pub severity: Severity,
    pub action: Action,
    /// `client`, `server` or `either`: whose bytes are looked at.
    pub from: String,
    pub services: Vec<String>,
    /// Profiles that it is for; all if empty.
    pub profiles: Vec<String>,
    /// Tags of which a device has one that it is for; all devices if empty.
    pub tags: Vec<String>,
    /// Its parts, in words.
    pub find: String,
    /// Packets in which it was found, under this policy and those before.
    pub packets: u64,
}

/// An automaton.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignatureGroup {
    /// Names.
    pub signatures: Vec<String>,
    pub states: usize,
    pub bytes: usize,
    /// Whether clean payload passes a filter, and does not walk through the automaton.
    pub filtered: bool,
}

/// A signature that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundSignature {
    pub name: String,
    pub id: u32,
    pub severity: Severity,
    pub message: String,
    /// The first bytes of the payload, or of the headers from IP on where a sanity predicate
    /// is about them, hexadecimal; absent where the daemon's
    /// configuration keeps them back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
}
