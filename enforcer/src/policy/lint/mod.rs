//! Lint: rules of a valid policy that cannot mean what their author meant. Only
//! warns, each time with a code word that stays the same, the line of the rule and
//! that of the other rule concerned. Compares rules pair by pair, and stops when its
//! budget is used up, so that no policy takes long.

use super::findings::{Findings, Reported};
use super::model::{Model, Rule};
use super::place::{Here, Place, quoted};

mod broad;
mod counterpart;
mod never;
mod overlap;
mod reach;
mod span;
#[cfg(test)]
mod tests;

use reach::Reach;

/// Comparisons of one part of a rule with one part of another, over a whole policy:
/// a fraction of a second.
const BUDGET: usize = 50_000_000;

/// Code words, part of the interface: scripts tell findings apart by them.
pub(super) mod code {
    /// Another rule allows exactly the same.
    pub(in super::super) const DUPLICATE: &str = "duplicate";
    /// Another rule allows all of it.
    pub(in super::super) const SHADOWED: &str = "shadowed";
    /// Another rule allows a part of it.
    pub(in super::super) const OVERLAP: &str = "overlap";
    /// Allows far more than systems that can be named.
    pub(in super::super) const OVER_BROAD: &str = "over-broad";
    /// Matches no packet, wholly or in part.
    pub(in super::super) const NEVER_MATCHES: &str = "never-matches";
    /// The profile at the other end does not allow it.
    pub(in super::super) const ONE_SIDED: &str = "one-sided";
    /// Its time has passed.
    pub(in super::super) const EXPIRED: &str = "expired";
    /// Its time will pass soon.
    pub(in super::super) const EXPIRES_SOON: &str = "expires-soon";
    /// A signature is searched for by bytes that ordinary traffic is full of.
    pub(in super::super) const WEAK: &str = "weak-pattern";
    /// Not all rules were compared.
    pub(in super::super) const UNFINISHED: &str = "unfinished";
}

/// Warns of what the rules of a valid policy say amiss; `here` is `profiles`.
pub(super) fn warn(model: &Model, here: &Here<'_>, findings: &mut Findings) {
    let reaches: Vec<Vec<Reach<'_>>> = model
        .profiles
        .iter()
        .map(|profile| {
            profile
                .rules
                .iter()
                .map(|rule| Reach::of(rule, model))
                .collect()
        })
        .collect();
    let mut lint = Lint {
        model,
        reaches: &reaches,
        here,
        findings,
        budget: BUDGET,
    };
    broad::warn(&mut lint);
    never::warn(&mut lint);
    let finished = counterpart::warn(&mut lint).is_some() & overlap::warn(&mut lint).is_some();
    if !finished {
        let message = "has too many rules to compare them all: some may overlap unseen";
        findings
            .warning(here.key_place(), message)
            .code(code::UNFINISHED);
    }
}

/// What every lint needs.
struct Lint<'a, 'f> {
    model: &'a Model,
    /// The rules of each profile, ready to compare.
    reaches: &'a [Vec<Reach<'a>>],
    here: &'a Here<'a>,
    findings: &'f mut Findings,
    budget: usize,
}

impl<'a> Lint<'a, '_> {
    /// Tells something of a rule where it is written.
    fn tell(&mut self, code: &'static str, rule: &Rule, message: String) -> Reported<'_> {
        let place = self.place(rule);
        self.findings.warning(place, message).code(code)
    }

    /// Where a rule is written.
    fn place(&self, rule: &Rule) -> Place {
        let (profile, index) = rule.origin;
        let name = self.model.profiles.get(profile).map_or("", |of| &of.name);
        let profile = self.here.key(name);
        profile.key("allow").index(index).place()
    }

    /// The rules that profiles have of their own, each once; inherited ones are
    /// told where they are written.
    fn own_rules(&self) -> impl Iterator<Item = &'a Reach<'a>> + use<'a> {
        let profiles = self.reaches.iter().enumerate();
        profiles.flat_map(|(index, rules)| {
            let own = move |reach: &&Reach<'_>| reach.rule.origin.0 == index;
            rules.iter().filter(own)
        })
    }

    /// Takes the cost of a comparison from the budget; `None` where that is used up.
    fn spend(&mut self, cost: usize) -> Option<()> {
        self.budget = self.budget.checked_sub(cost)?;
        Some(())
    }
}

/// `rule "dns"`.
fn named(rule: &Rule) -> String {
    format!("rule {}", quoted(&rule.name))
}
