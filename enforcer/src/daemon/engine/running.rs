//! A policy in force, and what its numbers mean.

use std::sync::Arc;

use crate::daemon::state::InForce;
use crate::policy::compile::Compiled;
use crate::policy::model::{Device, Model};
use crate::policy::signature::{self, Told};
use crate::policy::source::Bundle;

use super::candidate::{Candidate, Twin};
use super::{hex, rfc3339_of};

#[derive(Clone)]
pub(in crate::daemon) struct Running {
    pub(in crate::daemon) epoch: u32,
    pub(in crate::daemon) hash: String,
    pub(in crate::daemon) source: String,
    pub(in crate::daemon) applied_at: String,
    /// What the state directory says of it.
    pub(in crate::daemon) in_force: InForce,
    pub(in crate::daemon) model: Arc<Model>,
    /// With the marks that map memory has.
    pub(in crate::daemon) compiled: Arc<Compiled>,
    /// Its text; of a canary that for the share.
    pub(in crate::daemon) bundle: Arc<Bundle>,
    /// Set where it holds for a share of the devices only.
    pub(in crate::daemon) twin: Option<Arc<Twin>>,
}

impl Running {
    pub(super) fn new(epoch: u32, in_force: InForce, candidate: Candidate) -> Self {
        Self {
            epoch,
            hash: hex(&candidate.compiled.digest),
            source: candidate.bundle.main.path.clone(),
            applied_at: rfc3339_of(in_force.applied_at),
            in_force,
            model: Arc::new(candidate.model),
            compiled: Arc::new(candidate.compiled),
            bundle: Arc::new(candidate.bundle),
            twin: candidate.twin.map(Arc::new),
        }
    }

    /// Profile and rule of every rule number, in order from 1.
    pub(in crate::daemon) fn rule_names(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.compiled.rules.iter().map(|&(profile, rule)| {
            let profile = &self.model.profiles[profile];
            (profile.name.clone(), profile.rules[rule].name.clone())
        })
    }

    /// `profile/rule` of a rule number; `None` for 0 and unknown ones.
    pub(in crate::daemon) fn rule_name(&self, number: u16) -> Option<String> {
        let &(profile, rule) = self
            .compiled
            .rules
            .get(usize::from(number).checked_sub(1)?)?;
        let profile = &self.model.profiles[profile];
        Some(format!("{}/{}", profile.name, profile.rules[rule].name))
    }

    /// The signature or predicate with a number; `None` for 0 and unknown ones.
    pub(in crate::daemon) fn signature(&self, number: u32) -> Option<Told<'_>> {
        signature::told(&self.model, number)
    }

    /// The device with a number; `None` for 0 and unknown ones.
    pub(in crate::daemon) fn device(&self, number: u32) -> Option<&Device> {
        self.model.devices.get((number as usize).checked_sub(1)?)
    }
}
