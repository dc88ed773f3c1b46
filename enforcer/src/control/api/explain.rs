//! What goes over the control socket when somebody asks how a first packet is judged.

use std::net::IpAddr;

use enforcer_common::addr::Vlan;
use serde::{Deserialize, Serialize};

use crate::policy::model::Asked;

/// A first packet that `explain` asks about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// A device's name, a MAC address or an IP address.
    pub from: String,
    /// The same.
    pub to: String,
    pub service: Asked,
}

/// What else is known of a first packet: where nothing is, it comes from where the
/// policy has its sender, now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circumstances {
    /// Name of the port that it comes in by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<Vlan>,
    /// The address that it is sent from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// Unix time at which it is judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<u32>,
}

/// A [`Question`] with its [`Circumstances`], as one mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inquiry {
    #[serde(flatten)]
    pub question: Question,
    #[serde(flatten)]
    pub given: Circumstances,
}

/// The decision about one first packet, step by step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Explanation {
    /// `allow`, `audit`, `deny`.
    pub fate: String,
    pub reason: String,
    /// One sentence on the reason.
    pub explanation: String,
    /// `profile/rule`, where a rule allowed.
    pub rule: Option<String>,
    /// `file:line` of that rule, where the policy's text is at hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The device that the verdict is about.
    pub device: Option<String>,
    /// What was looked up and found, in order, one sentence each.
    pub steps: Vec<String>,
    /// What would have to change for the opposite verdict, one clause each.
    #[serde(default)]
    pub change: Vec<String>,
}
