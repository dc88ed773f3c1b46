//! Rules about declared devices whose own profiles do not allow it: both ends must.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::super::describe;
use super::super::model::{Direction, Model, Peer, Rule};
use super::super::place::quoted;
use super::reach::{Addresses, Reach, opposite};
use super::{Lint, code, named};

/// The other end of a rule, as far as it is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Met {
    /// By no profile that has the rule, or by none that has devices.
    #[default]
    Nobody,
    /// Some profile that has the rule has nobody at the other end that allows it.
    Refused(usize),
    Allowed,
}

/// The place of a rule, and of a peer in it.
type At = ((usize, usize), usize);

/// `None` where the budget did not suffice.
pub(super) fn warn(lint: &mut Lint<'_, '_>) -> Option<()> {
    let ends = Ends::of(lint.model);
    // Over all profiles that have the rule.
    let mut met: BTreeMap<At, (Met, &Rule)> = BTreeMap::new();
    for (holder, rules) in lint.reaches.iter().enumerate() {
        if ends.is_empty(holder) {
            continue;
        }
        // Whoever is among any peer is allowed as such.
        for reach in rules.iter().filter(|reach| !reach.is_any()) {
            for (index, peer) in reach.rule.peers.iter().enumerate() {
                let targets = ends.targets(lint.model, peer);
                let (met, _) = met
                    .entry((reach.rule.origin, index))
                    .or_insert((Met::Nobody, reach.rule));
                if targets.is_empty() || *met == Met::Allowed {
                    continue;
                }
                *met = Met::Refused(holder);
                for target in targets {
                    if allows(lint, &ends, target, holder, reach)? {
                        *met = Met::Allowed;
                        break;
                    }
                }
            }
        }
    }
    for ((_, peer), (met, rule)) in met {
        if let (Met::Refused(holder), Some(peer)) = (met, rule.peers.get(peer)) {
            report(lint, &ends, rule, peer, holder);
        }
    }
    Some(())
}

/// Whether a profile has a rule by which its devices take part in what `reach` allows
/// those of `holder`.
fn allows(
    lint: &mut Lint<'_, '_>,
    ends: &Ends,
    target: usize,
    holder: usize,
    reach: &Reach<'_>,
) -> Option<bool> {
    let direction = opposite(reach.rule.direction);
    for theirs in lint.reaches.get(target).into_iter().flatten() {
        if theirs.rule.direction != direction {
            continue;
        }
        lint.spend(theirs.cost().min(reach.cost()))?;
        if theirs.services.meets(&reach.services) && ends.are_meant(lint.model, holder, theirs) {
            return Some(true);
        }
    }
    Some(false)
}

fn report(lint: &mut Lint<'_, '_>, ends: &Ends, rule: &Rule, peer: &Peer, holder: usize) {
    let model = lint.model;
    let targets = ends.targets(model, peer);
    let Some(target) = targets.first().copied() else {
        return;
    };
    let word = describe::direction(opposite(rule.direction));
    let towards = match rule.direction {
        Direction::To => "from",
        Direction::From => "towards",
    };
    let (target, holder) = (
        describe::profile_name(model, target),
        describe::profile_name(model, holder),
    );
    let who = match targets.len() {
        1 => format!("profile {} has", quoted(target)),
        count => format!(
            "{count} profiles, {} the first of them, have",
            quoted(target)
        ),
    };
    let services = describe::services(rule);
    let shown = services.first().map_or("", String::as_str);
    let message = format!(
        "{} is one-sided for {}: {who} no `{word}` rule for {shown} {towards} profile {}",
        named(rule),
        describe::peer(model, peer),
        quoted(holder),
    );
    let service = shown.split_once(' ').unwrap_or((shown, "any"));
    let advice = format!(
        "add to profile {target}: `- {{{word}: \"profile:{holder}\", {}: {}}}`",
        service.0, service.1
    );
    lint.tell(code::ONE_SIDED, rule, message)
        .suggest(|| Some(advice));
}

/// The devices of each profile, as peers see them.
struct Ends {
    /// Addresses that the devices of each profile are bound to.
    addresses: Vec<Addresses>,
    /// Profiles with a device that may have any address.
    unbound: Vec<bool>,
    /// Profiles of the devices with each tag.
    tags: BTreeMap<String, BTreeSet<usize>>,
}

impl Ends {
    fn of(model: &Model) -> Self {
        let count = model.profiles.len();
        let (mut bound, mut unbound) = (vec![Vec::new(); count], vec![false; count]);
        let mut tags: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for device in &model.devices {
            bound[device.profile].extend(device.addresses().map(IpNet::from));
            unbound[device.profile] |= device.dhcp_address || device.addresses().next().is_none();
            for tag in &device.tags {
                match tags.get_mut(tag) {
                    Some(profiles) => profiles.insert(device.profile),
                    None => tags.entry(tag.clone()).or_default().insert(device.profile),
                };
            }
        }
        if let Some(profile) = model.defaults.unknown_devices {
            unbound[profile] = true;
        }
        Self {
            addresses: bound.into_iter().map(Addresses::of).collect(),
            unbound,
            tags,
        }
    }

    /// Whether nobody falls under a profile.
    fn is_empty(&self, profile: usize) -> bool {
        !self.unbound[profile] && self.addresses[profile].is_empty()
    }

    /// Profiles of the declared devices that a peer stands for by name.
    fn targets(&self, model: &Model, peer: &Peer) -> Vec<usize> {
        match peer {
            Peer::Profile(profile) if !self.is_empty(*profile) => vec![*profile],
            Peer::Device(device) => {
                let device = model.devices.get(*device);
                device.map(|device| device.profile).into_iter().collect()
            }
            Peer::Tag(tag) => self.tags.get(tag).into_iter().flatten().copied().collect(),
            Peer::Any | Peer::Named(_) | Peer::Prefix(_) | Peer::Profile(_) | Peer::Name(_) => {
                Vec::new()
            }
        }
    }

    /// Whether a rule's peers hold some device of a profile.
    fn are_meant(&self, model: &Model, profile: usize, reach: &Reach<'_>) -> bool {
        reach.meets_addresses(&self.addresses[profile])
            || reach.rule.peers.iter().any(|peer| match peer {
                Peer::Profile(index) => *index == profile,
                Peer::Device(device) => {
                    let device = model.devices.get(*device);
                    device.is_some_and(|device| device.profile == profile)
                }
                Peer::Tag(tag) => self.tags.get(tag).is_some_and(|of| of.contains(&profile)),
                Peer::Named(_) | Peer::Prefix(_) => self.unbound[profile],
                // What a name stands for shows when it is answered.
                Peer::Any | Peer::Name(_) => true,
            })
    }
}
