//! The daemon's heart: one datapath, one policy in force, and the only place
//! that changes either.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Instant, SystemTime};

use anyhow::{Result, ensure};
use enforcer_common::counter::Traffic;
use enforcer_common::table::LAYOUT_VERSION;
use enforcer_common::verdict::Mode;
use nix::time::{ClockId, clock_gettime};

use super::config::Config;
use super::state::{Saved, State};
use crate::control::api::{Applied, Changes, Failure};
use crate::datapath::Datapath;
use crate::datapath::flows::Sweep;
use crate::datapath::install::PinnedPolicy;
use crate::policy::compile::{Compiled, compile};
use crate::policy::diagnostic::Diagnostics;
use crate::policy::diff::diff;
use crate::policy::model::Model;
use crate::policy::source::Bundle;

pub(super) struct Engine {
    pub(super) config: Config,
    pub(super) started: Instant,
    pub(super) verified_instructions: u32,
    datapath: Mutex<Datapath>,
    state: State,
    running: RwLock<Option<Arc<Running>>>,
    totals: Mutex<Totals>,
    /// Held while a policy is applied; one at a time.
    applying: Mutex<()>,
}

/// The policy in force.
pub(super) struct Running {
    pub(super) epoch: u32,
    pub(super) hash: String,
    pub(super) source: String,
    pub(super) applied_at: String,
    pub(super) model: Model,
    pub(super) compiled: Compiled,
}

/// What the daemon adds up by itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    /// Hits of rules by earlier policies, by profile and rule.
    pub(super) rules: BTreeMap<(String, String), Traffic>,
    pub(super) flows_current: u64,
    pub(super) flows_expired: u64,
    pub(super) applied: u64,
    pub(super) refused: u64,
    pub(super) last_apply_seconds: f64,
}

/// A policy that compiled, not yet in force.
struct Candidate {
    model: Model,
    compiled: Compiled,
    warnings: Diagnostics,
}

impl Engine {
    /// `replaced` is the policy in force in other maps, whose ports these take over.
    pub(super) fn new(
        config: Config,
        mut datapath: Datapath,
        state: State,
        replaced: Option<PinnedPolicy>,
    ) -> Result<Self> {
        let verified_instructions = datapath.verified_instructions().unwrap_or_default();
        let engine = Self {
            config,
            started: Instant::now(),
            verified_instructions,
            datapath: Mutex::new(datapath),
            state,
            running: RwLock::new(None),
            totals: Mutex::default(),
            applying: Mutex::default(),
        };
        engine.resume(replaced)?;
        ensure!(
            replaced.is_none() || engine.datapath().memory.epoch() != 0,
            "the policy in force cannot be carried over into new maps, because its text is not in the state \
             directory or no longer compiles; enforcement goes on with the old ones"
        );
        Ok(engine)
    }

    /// Finds the text of the policy in force, or puts the last one into force
    /// where the kernel holds none.
    fn resume(&self, replaced: Option<PinnedPolicy>) -> Result<()> {
        let in_force = self.datapath().memory.in_force();
        // Rule counters of the other half may be left over from a crash.
        let other = in_force.map_or(1, |policy| policy.epoch + 1);
        self.datapath()
            .clear_rule_hits(other, enforcer_common::limits::RULES as usize)?;
        let replaced = replaced.filter(|policy| policy.layout == LAYOUT_VERSION);
        let digest = in_force.map(|policy| policy.digest);
        let hash = digest
            .or(replaced.map(|policy| policy.digest))
            .map(|digest| hex(&digest));
        let Some(saved) = self.state.find(hash.as_deref())? else {
            if let Some(hash) = hash {
                tracing::warn!(
                    hash,
                    "a policy is in force whose text is not in the state directory: apply it again"
                );
            }
            return Ok(());
        };
        let candidate = match read(&saved.bundle) {
            Ok(candidate) => candidate,
            Err(failure) => {
                tracing::error!(
                    error = failure.error,
                    "the saved policy no longer compiles: apply it again"
                );
                return Ok(());
            }
        };
        match in_force {
            Some(policy) => {
                tracing::info!(
                    epoch = policy.epoch,
                    hash = saved.hash,
                    "took over the policy in force"
                );
                let source = saved.bundle.main.path.clone();
                self.set_running(policy.epoch, source, saved.applied_at, candidate);
            }
            None => {
                let applied = self.put_into_force(candidate, saved.bundle)?;
                tracing::info!(
                    epoch = applied.epoch,
                    hash = applied.hash,
                    "put the last policy into force again"
                );
            }
        }
        Ok(())
    }

    /// Validates and compiles a policy and puts it into force. On an error the
    /// policy in force stays, untouched.
    pub(super) fn apply(&self, bundle: Bundle) -> Result<Applied, Failure> {
        let begin = Instant::now();
        let result = read(&bundle).and_then(|candidate| {
            self.put_into_force(candidate, bundle)
                .map_err(|error| failure(format!("{error:#}")))
        });
        let mut totals = self.totals();
        match result {
            Ok(applied) => {
                totals.applied += 1;
                totals.last_apply_seconds = begin.elapsed().as_secs_f64();
                let milliseconds = begin.elapsed().as_millis() as u64;
                Ok(Applied {
                    milliseconds,
                    ..applied
                })
            }
            Err(failure) => {
                totals.refused += 1;
                Err(failure)
            }
        }
    }

    /// What applying a policy would change.
    pub(super) fn diff(&self, bundle: &Bundle) -> Result<Changes, Failure> {
        let candidate = read(bundle)?;
        let running = self.running();
        let before = running.as_ref().map(|running| &running.model);
        Ok(Changes {
            changes: diff(before, &candidate.model),
            warnings: candidate.warnings,
        })
    }

    fn put_into_force(&self, candidate: Candidate, bundle: Bundle) -> Result<Applied> {
        let _one_at_a_time = self.applying.lock().unwrap_or_else(PoisonError::into_inner);
        let previous = self.running();
        let before = previous.as_ref().map(|running| &running.model);
        let changes = diff(before, &candidate.model);
        let hash = hex(&candidate.compiled.digest);
        let applied_at = rfc3339(SystemTime::now());
        let source = bundle.main.path.clone();
        self.state.prepare(&Saved {
            hash: hash.clone(),
            applied_at: applied_at.clone(),
            bundle,
        })?;
        let epoch = {
            let mut datapath = self.datapath();
            let adopted_until = datapath.memory.adopting_until();
            if enforces_anew(before, &candidate.model) {
                datapath.memory.adopt_until(
                    monotonic_ns() + candidate.model.defaults.adopt_sessions.as_nanos() as u64,
                );
            }
            let epoch = match datapath.memory.install(&candidate.compiled) {
                Ok(epoch) => epoch,
                Err(error) => {
                    datapath.memory.adopt_until(adopted_until);
                    return Err(error);
                }
            };
            // The policy is in force: what fails from here on is told, and no refusal.
            if let Some(previous) = &previous
                && let Err(error) = self.fold_rule_hits(&mut datapath, previous)
            {
                tracing::error!("cannot keep the rule hits of the old policy: {error:#}");
            }
            epoch
        };
        if let Err(error) = self.state.commit() {
            tracing::error!("the policy is in force, but not saved for a restart: {error:#}");
        }
        let applied = Applied {
            epoch,
            hash,
            devices: candidate.model.devices.len(),
            profiles: candidate.model.profiles.len(),
            rules: candidate.compiled.rules.len(),
            changes,
            warnings: candidate.warnings.clone(),
            milliseconds: 0,
        };
        self.set_running(epoch, source, applied_at, candidate);
        Ok(applied)
    }

    /// Adds the final hits of a policy that is no longer in force to the totals.
    fn fold_rule_hits(&self, datapath: &mut Datapath, previous: &Running) -> Result<()> {
        let hits = datapath.rule_hits(previous.epoch, previous.compiled.rules.len())?;
        let mut totals = self.totals();
        for (name, traffic) in previous.rule_names().zip(hits) {
            *totals.rules.entry(name).or_default() += traffic;
        }
        datapath.clear_rule_hits(previous.epoch, previous.compiled.rules.len())
    }

    fn set_running(&self, epoch: u32, source: String, applied_at: String, candidate: Candidate) {
        let Candidate {
            model, compiled, ..
        } = candidate;
        let hash = hex(&compiled.digest);
        let running = Running {
            epoch,
            hash,
            source,
            applied_at,
            model,
            compiled,
        };
        *self.running.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(running));
    }

    /// Forgets idle flows.
    pub(super) fn sweep(&self) -> Result<Sweep> {
        let mut datapath = self.datapath();
        let Some(settings) = datapath.memory.settings() else {
            return Ok(Sweep::default());
        };
        let second = (monotonic_ns() / 1_000_000_000) as u32;
        let sweep = datapath.sweep(&settings, second)?;
        drop(datapath);
        let mut totals = self.totals();
        totals.flows_current = sweep.current;
        totals.flows_expired += sweep.expired;
        Ok(sweep)
    }

    pub(super) fn running(&self) -> Option<Arc<Running>> {
        self.running
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn datapath(&self) -> MutexGuard<'_, Datapath> {
        self.datapath.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn totals(&self) -> MutexGuard<'_, Totals> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    /// Profile and rule of every rule number, in order from 1.
    pub(super) fn rule_names(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.compiled.rules.iter().map(|&(profile, rule)| {
            let profile = &self.model.profiles[profile];
            (profile.name.clone(), profile.rules[rule].name.clone())
        })
    }

    /// `profile/rule` of a rule number; `None` for 0 and unknown ones.
    pub(super) fn rule_name(&self, number: u16) -> Option<String> {
        let &(profile, rule) = self
            .compiled
            .rules
            .get(usize::from(number).checked_sub(1)?)?;
        let profile = &self.model.profiles[profile];
        Some(format!("{}/{}", profile.name, profile.rules[rule].name))
    }

    /// The device with a number; `None` for 0 and unknown ones.
    pub(super) fn device(&self, number: u32) -> Option<&crate::policy::model::Device> {
        self.model.devices.get((number as usize).checked_sub(1)?)
    }
}

fn read(bundle: &Bundle) -> Result<Candidate, Failure> {
    let (model, warnings) = crate::policy::parse(bundle).map_err(|diagnostics| Failure {
        error: "the policy has errors".to_owned(),
        diagnostics: Some(diagnostics),
    })?;
    let compiled = compile(&model).map_err(|error| failure(error.to_string()))?;
    Ok(Candidate {
        model,
        compiled,
        warnings,
    })
}

pub(super) fn failure(error: impl Into<String>) -> Failure {
    Failure {
        error: error.into(),
        diagnostics: None,
    }
}

/// Whether a policy enforces something that was not enforced before: the first
/// policy, or a device that was unknown or audited.
fn enforces_anew(before: Option<&Model>, after: &Model) -> bool {
    let Some(before) = before else { return true };
    let identity = |device: &crate::policy::model::Device| (device.mac, device.vlan);
    let enforced: std::collections::BTreeSet<_> = before
        .devices
        .iter()
        .filter(|device| device.mode == Mode::Enforce)
        .map(identity)
        .collect();
    let mut now = after
        .devices
        .iter()
        .filter(|device| device.mode == Mode::Enforce);
    let default_tightens =
        before.defaults.mode == Mode::Audit && after.defaults.mode == Mode::Enforce;
    default_tightens || now.any(|device| !enforced.contains(&identity(device)))
}

/// The clock that the kernel half uses.
pub(super) fn monotonic_ns() -> u64 {
    match clock_gettime(ClockId::CLOCK_MONOTONIC_COARSE) {
        Ok(time) => time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64,
        Err(_) => 0,
    }
}

pub(super) fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
