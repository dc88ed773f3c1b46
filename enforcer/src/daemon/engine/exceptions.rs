//! Exceptions from the policy: devices in quarantine, profiles opened by
//! break-glass. Each is a deadline in map memory, effective at once, which the
//! program compares by itself; every policy that is installed gets them too.

use std::time::Duration;

use anyhow::Result;
use enforcer_common::addr::Mac;

use super::dress::put;
use super::running::Running;
use super::{Engine, broken, failure, rfc3339_of, the_enforcer};
use crate::control::api::{
    Author, BreakGlassRequest, Exception as Told, Failure, QuarantineRequest, ReleaseRequest,
};
use crate::daemon::state::{Action, Exception, FOR_EVER, Kind, Record, identity};
use crate::datapath::marks::Half;
use crate::policy::canary;
use crate::policy::model::{Device, Model};

/// Longest time for which a profile may be open, in seconds.
const LONGEST_OPEN: u64 = 8 * 3_600;
/// Longest quarantine that ends by itself, in seconds.
const LONGEST_QUARANTINE: u64 = 366 * 86_400;

impl Engine {
    /// Opens a profile: what it denies passes, until then.
    pub(in crate::daemon) fn break_glass(
        &self,
        request: &BreakGlassRequest,
        author: &Author,
    ) -> Result<Told, Failure> {
        let _one_at_a_time = self.change();
        let done = self.try_break_glass(request, author);
        done.map_err(|failure| self.refuse("break-glass", author, failure))
    }

    fn try_break_glass(
        &self,
        request: &BreakGlassRequest,
        author: &Author,
    ) -> Result<Told, Failure> {
        let BreakGlassRequest {
            profile,
            seconds,
            reason,
        } = request;
        if reason.trim().is_empty() {
            return Err(failure(
                "a reason is needed: it is what the history will tell of this",
            ));
        }
        if !(1..=LONGEST_OPEN).contains(seconds) {
            return Err(failure(
                "a profile is opened for a time between one second and eight hours; after that, break the glass anew",
            ));
        }
        let running = self.needed()?;
        let name = find_profile(&running.model, profile)?;
        let time = self.policy_time();
        let exception = Exception {
            kind: Kind::BreakGlass,
            subject: name.to_owned(),
            name: name.to_owned(),
            since: time,
            until: time.saturating_add(*seconds as u32),
            user: author.user.clone(),
            reason: reason.trim().to_owned(),
        };
        let duration = humantime::format_duration(Duration::from_secs(*seconds));
        let record = Record {
            subject: Some(format!("profile {name}")),
            note: Some(format!("for {duration}: {}", exception.reason)),
            ..Record::new(Action::BreakGlass, author)
        };
        self.except(&exception, &record)
    }

    /// Cuts a device off.
    pub(in crate::daemon) fn quarantine(
        &self,
        request: &QuarantineRequest,
        author: &Author,
    ) -> Result<Told, Failure> {
        let _one_at_a_time = self.change();
        let done = self.try_quarantine(request, author);
        done.map_err(|failure| self.refuse("quarantine", author, failure))
    }

    fn try_quarantine(
        &self,
        request: &QuarantineRequest,
        author: &Author,
    ) -> Result<Told, Failure> {
        if let Some(seconds) = request.seconds
            && !(1..=LONGEST_QUARANTINE).contains(&seconds)
        {
            return Err(failure(
                "a quarantine that ends by itself lasts between one second and a year; without a time it lasts until \
                 released",
            ));
        }
        let running = self.needed()?;
        let device = find_device(&running.model, &request.device)?;
        let time = self.policy_time();
        let exception = Exception {
            kind: Kind::Quarantine,
            subject: identity(device.mac, device.vlan),
            name: device.name.clone(),
            since: time,
            until: request
                .seconds
                .map_or(FOR_EVER, |seconds| time.saturating_add(seconds as u32)),
            user: author.user.clone(),
            reason: request.reason.clone().unwrap_or_default(),
        };
        let duration = match request.seconds {
            Some(seconds) => {
                let duration = humantime::format_duration(Duration::from_secs(seconds));
                format!("for {duration}")
            }
            None => "until released".to_owned(),
        };
        let why = match exception.reason.as_str() {
            "" => String::new(),
            reason => format!(": {reason}"),
        };
        let record = Record {
            subject: Some(format!("device {}", device.name)),
            note: Some(duration + &why),
            ..Record::new(Action::Quarantine, author)
        };
        self.except(&exception, &record)
    }

    /// Ends an exception before its time.
    pub(in crate::daemon) fn release(
        &self,
        request: &ReleaseRequest,
        author: &Author,
    ) -> Result<Told, Failure> {
        let _one_at_a_time = self.change();
        let done = self.try_release(request, author);
        done.map_err(|failure| self.refuse("release", author, failure))
    }

    fn try_release(&self, request: &ReleaseRequest, author: &Author) -> Result<Told, Failure> {
        let (kind, wanted) = match (&request.device, &request.profile) {
            (Some(device), None) => (Kind::Quarantine, device),
            (None, Some(profile)) => (Kind::BreakGlass, profile),
            _ => return Err(failure("one device or one profile is released at a time")),
        };
        let exceptions = self.state.exceptions().map_err(broken)?;
        let mac = wanted.parse::<Mac>().ok().map(|mac| format!("{mac} "));
        let found = exceptions.iter().find(|exception| {
            let by_mac = mac
                .as_ref()
                .is_some_and(|mac| exception.subject.starts_with(mac.as_str()));
            exception.kind == kind && (exception.name == *wanted || by_mac)
        });
        let Some(exception) = found else {
            let what = match kind {
                Kind::Quarantine => "is in quarantine",
                Kind::BreakGlass => "is open",
            };
            return Err(failure(format!(
                "no such {} {what}: {wanted}; `enforcerctl exceptions` lists what is",
                noun(kind)
            )));
        };
        let record = Record {
            subject: Some(format!("{} {}", noun(kind), exception.name)),
            ..Record::new(Action::Release, author)
        };
        // In this order nothing is cut off that nobody can find any more.
        self.mark(exception, 0);
        self.state.release(exception, &record).map_err(broken)?;
        self.dress_running();
        Ok(self.told(exception, self.policy_time()))
    }

    /// All exceptions that hold.
    pub(in crate::daemon) fn exceptions(&self) -> Result<Vec<Told>> {
        let time = self.policy_time();
        let exceptions = self.state.exceptions()?;
        let hold = exceptions
            .iter()
            .filter(|exception| !exception.is_over(time));
        Ok(hold.map(|exception| self.told(exception, time)).collect())
    }

    /// Notes exceptions that have ended by themselves. Called every second.
    pub(super) fn end_exceptions(&self) -> Result<()> {
        let time = self.policy_time();
        for exception in self.state.exceptions()? {
            if !exception.is_over(time) {
                continue;
            }
            let record = Record {
                subject: Some(format!("{} {}", noun(exception.kind), exception.name)),
                note: Some(exception.kind.label().to_owned()),
                ..Record::new(Action::Ended, &the_enforcer())
            };
            tracing::info!(target: "audit", kind = exception.kind.label(), name = exception.name, "an exception has ended");
            // A clock that is set back must not bring it to life.
            self.mark(&exception, 0);
            self.state.release(&exception, &record)?;
            self.dress_running();
        }
        Ok(())
    }

    /// Writes every exception into map memory. Needed where it was written by a
    /// daemon that died before it could, and after the clock was set.
    pub(super) fn mark_all(&self) -> Result<()> {
        for exception in self.state.exceptions()? {
            self.mark(&exception, exception.until);
        }
        self.dress_running();
        Ok(())
    }

    fn except(&self, exception: &Exception, record: &Record) -> Result<Told, Failure> {
        self.state.except(exception, record).map_err(broken)?;
        self.mark(exception, exception.until);
        self.dress_running();
        Ok(self.told(exception, self.policy_time()))
    }

    /// Writes the end of an exception into the policies in map memory.
    fn mark(&self, exception: &Exception, until: u32) {
        let datapath = self.datapath();
        let halves = [
            (Half::Active, self.running()),
            (Half::Fallback, self.before()),
        ];
        for (half, running) in halves {
            if let (Some(running), Some(mut lines)) = (running, datapath.memory.installed(half)) {
                put(exception, until, &running.model, &mut lines);
            }
        }
    }

    fn told(&self, exception: &Exception, time: u32) -> Told {
        let ends = exception.until != FOR_EVER;
        let in_effect = self
            .running()
            .is_some_and(|running| !subjects(exception, &running.model).is_empty());
        Told {
            kind: exception.kind.label().to_owned(),
            name: exception.name.clone(),
            subject: exception.subject.clone(),
            since: rfc3339_of(exception.since.into()),
            until: ends.then(|| rfc3339_of(exception.until.into())),
            seconds_left: ends.then(|| exception.until.saturating_sub(time).into()),
            user: exception.user.clone(),
            reason: exception.reason.clone(),
            in_effect,
        }
    }

    fn needed(&self) -> Result<std::sync::Arc<Running>, Failure> {
        self.running().ok_or_else(|| {
            failure(if self.datapath().memory.epoch() == 0 {
                "no policy is loaded: `enforcerctl apply FILE` loads one"
            } else {
                "the text of the policy in force is not known: apply it again"
            })
        })
    }
}

/// What an exception is about, in one policy: with its number there.
pub(super) enum Subject<'m> {
    Device(u32, &'m Device),
    Profile(u32),
}

/// Empty where the policy has no such device or profile. A profile has a second
/// one beside it while a canary is out.
pub(super) fn subjects<'m>(exception: &Exception, model: &'m Model) -> Vec<Subject<'m>> {
    match exception.kind {
        Kind::Quarantine => {
            let mut devices = model.devices.iter().zip(1..);
            let found = devices.find(|(device, _)| exception.is_about(device));
            found
                .map(|(device, number)| Subject::Device(number, device))
                .into_iter()
                .collect()
        }
        Kind::BreakGlass => {
            let twin = canary::twin_of(&exception.subject);
            let profiles = model.profiles.iter().zip(1..);
            let concerned = profiles
                .filter(|(profile, _)| profile.name == exception.subject || profile.name == twin);
            concerned
                .map(|(_, number)| Subject::Profile(number))
                .collect()
        }
    }
}

const fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Quarantine => "device",
        Kind::BreakGlass => "profile",
    }
}

fn find_device<'m>(model: &'m Model, wanted: &str) -> Result<&'m Device, Failure> {
    let by_name = model.devices.iter().find(|device| device.name == wanted);
    if let Some(device) = by_name {
        return Ok(device);
    }
    let Ok(mac) = wanted.parse::<Mac>() else {
        let names = model.devices.iter().map(|device| device.name.as_str());
        return Err(unknown("device", wanted, names));
    };
    let mut found = model.devices.iter().filter(|device| device.mac == mac);
    match (found.next(), found.next()) {
        (Some(device), None) => Ok(device),
        (Some(device), Some(other)) => Err(failure(format!(
            "{mac} is more than one device, such as {} and {}: use the name",
            device.name, other.name
        ))),
        (None, _) => Err(failure(format!(
            "{mac} is not a declared device: `enforcerctl devices` lists them"
        ))),
    }
}

fn find_profile<'m>(model: &'m Model, wanted: &str) -> Result<&'m str, Failure> {
    let names = || model.profiles.iter().map(|profile| profile.name.as_str());
    names()
        .find(|name| *name == wanted)
        .ok_or_else(|| unknown("profile", wanted, names()))
}

fn unknown<'n>(what: &str, wanted: &str, names: impl Iterator<Item = &'n str>) -> Failure {
    let closest = names
        .map(|name| (strsim::osa_distance(name, wanted), name))
        .min();
    let suggestion = closest.map_or_else(String::new, |(_, name)| {
        format!("; the closest is {name:?}")
    });
    failure(format!(
        "the policy in force declares no {what} {wanted:?}{suggestion}"
    ))
}
