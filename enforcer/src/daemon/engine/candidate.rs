//! From the text of a policy, or of a canary, to what can be put into force.

use crate::control::api::{CanaryStatus, Failure};
use crate::daemon::state::{Canary, State, Text};
use crate::policy::canary::{self, Share};
use crate::policy::compile::{Compiled, compile};
use crate::policy::diagnostic::Diagnostics;
use crate::policy::model::Model;
use crate::policy::source::Bundle;

use super::{broken, failure};

/// A policy that compiled, not yet in force.
pub(in crate::daemon) struct Candidate {
    pub(super) model: Model,
    pub(super) compiled: Compiled,
    pub(super) warnings: Diagnostics,
    /// Its text; of a canary that for the share.
    pub(super) bundle: Bundle,
    pub(super) twin: Option<Twin>,
}

/// What a canary is made of.
#[derive(Clone, Debug)]
pub(in crate::daemon) struct Twin {
    pub(in crate::daemon) canary: Canary,
    /// Devices of the share.
    pub(in crate::daemon) devices: usize,
    /// Text of the policy for all others.
    pub(in crate::daemon) before: Bundle,
}

impl Twin {
    pub(in crate::daemon) fn status(&self) -> CanaryStatus {
        CanaryStatus {
            share: self.canary.share.to_string(),
            devices: self.devices,
            before: self.canary.before.clone(),
            after: self.canary.after.clone(),
        }
    }
}

impl Candidate {
    /// Judges and compiles a text of the state directory.
    pub(super) fn read(text: Text, state: &State) -> Result<Self, Failure> {
        match text {
            Text::Plain(bundle) => Self::plain(bundle),
            Text::Canary(canary) => {
                let of = |hash: &str| match state.policy(hash).map_err(broken)? {
                    Some(Text::Plain(bundle)) => Ok(bundle),
                    _ => Err(failure(format!(
                        "the text of the policy {hash} is not in the state directory"
                    ))),
                };
                let (before, after) = (of(&canary.before)?, of(&canary.after)?);
                Self::canary(Self::plain(before)?, Self::plain(after)?, canary.share)
            }
        }
    }

    pub(super) fn plain(bundle: Bundle) -> Result<Self, Failure> {
        let (model, warnings) = crate::policy::parse(&bundle).map_err(|diagnostics| Failure {
            error: "the policy has errors".to_owned(),
            diagnostics: Some(diagnostics),
            unfit: false,
        })?;
        Ok(Self {
            compiled: fit(&model)?,
            model,
            warnings,
            bundle,
            twin: None,
        })
    }

    /// Joins two policies, the later for a share of the devices.
    pub(super) fn canary(before: Self, after: Self, share: Share) -> Result<Self, Failure> {
        let merged = canary::merge(&before.model, &after.model, &share).map_err(failure)?;
        let hash = |candidate: &Self| super::hex(&candidate.compiled.digest);
        Ok(Self {
            compiled: fit(&merged.model)?,
            model: merged.model,
            warnings: after.warnings.clone(),
            twin: Some(Twin {
                canary: Canary {
                    before: hash(&before),
                    after: hash(&after),
                    share,
                },
                devices: merged.devices,
                before: before.bundle,
            }),
            bundle: after.bundle,
        })
    }

    /// What the state directory keeps of it.
    pub(super) fn text(&self) -> Text {
        match &self.twin {
            Some(twin) => Text::Canary(twin.canary.clone()),
            None => Text::Plain(self.bundle.clone()),
        }
    }

    pub(super) fn hash(&self) -> String {
        super::hex(&self.compiled.digest)
    }
}

fn fit(model: &Model) -> Result<Compiled, Failure> {
    compile(model).map_err(|error| unfit(error.to_string()))
}

/// A policy without errors that the tables do not hold.
pub(super) fn unfit(error: String) -> Failure {
    Failure {
        unfit: true,
        ..failure(error)
    }
}
