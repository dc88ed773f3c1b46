//! What a compiled policy needs before it is installed and the compiler does not
//! know: exceptions, calendars at this time, and the places of the ports. Written
//! into its lines, so that it never judges a packet without them.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Result;
use enforcer_common::verdict::Mode;

use super::Engine;
use super::exceptions::{Subject, subjects};
use super::running::Running;
use crate::daemon::state::Exception;
use crate::datapath::marks::{self, Half, Lines};
use crate::policy::calendar::{self, Intervals};
use crate::policy::compile::{Compiled, Scheduled};
use crate::policy::model::Model;

/// Seconds after which calendars are worked out anew.
const CALENDARS_EVERY: u32 = 60;

impl Engine {
    /// Dresses a policy that is about to be installed.
    pub(super) fn dress(&self, model: &Model, compiled: &mut Compiled) -> Result<()> {
        let time = self.policy_time();
        for exception in self.state.exceptions()? {
            mark(&exception, model, &mut compiled.lines[..]);
        }
        self.let_adopt(model, time, compiled);
        compiled.wind(model, time);
        let ports = self.config.ports.iter().map(|port| port.name.as_str());
        compiled.place_ports(ports.zip(0..));
        compiled.take_key(self.key);
        Ok(())
    }

    /// Devices that this policy enforces and the one before did not keep the sessions
    /// that are already running for a while; who was granted that before, keeps it.
    fn let_adopt(&self, model: &Model, time: u32, compiled: &mut Compiled) {
        let Some(before) = self.running() else { return };
        let grace = model.defaults.adopt_sessions.as_secs() as u32;
        let granted = self.datapath();
        let granted = granted.memory.installed(Half::Active);
        let known: HashMap<_, _> = (1_u32..)
            .zip(&before.model.devices)
            .map(|(number, device)| ((device.mac, device.vlan), (number, device.mode)))
            .collect();
        for (number, device) in (1..).zip(&model.devices) {
            if device.mode != Mode::Enforce {
                continue;
            }
            let until = match known.get(&(device.mac, device.vlan)) {
                Some((earlier, Mode::Enforce)) => granted
                    .as_ref()
                    .map_or(0, |lines| marks::adopting(lines, *earlier)),
                _ => time.saturating_add(grace),
            };
            if until > time {
                marks::adopt(&mut compiled.lines[..], device, number, until);
            }
        }
    }

    /// Brings what people are told of the policies in force up to date with the
    /// marks in map memory.
    pub(super) fn dress_running(&self) {
        for (running, before) in [(self.running(), false), (self.before(), true)] {
            let Some(running) = running else { continue };
            match self.dressed_anew(&running) {
                Ok(running) if before => self.set_before(Some(running)),
                Ok(running) => self.set_running(Some(running)),
                Err(error) => tracing::error!("cannot read the exceptions: {error:#}"),
            }
        }
    }

    fn dressed_anew(&self, running: &Running) -> Result<Arc<Running>> {
        let mut compiled = Compiled::clone(&running.compiled);
        undress(&mut compiled.lines[..], &running.model);
        self.dress(&running.model, &mut compiled)?;
        Ok(Arc::new(Running {
            compiled: Arc::new(compiled),
            ..running.clone()
        }))
    }

    /// Works the calendars out ahead, in map memory. Called every second.
    pub(super) fn keep_calendars(&self) -> Result<()> {
        let time = self.policy_time();
        if time.abs_diff(self.watched().calendars) < CALENDARS_EVERY {
            return Ok(());
        }
        self.watched().calendars = time;
        let mut kept = 0;
        for (half, running) in [
            (Half::Active, self.running()),
            (Half::Fallback, self.before()),
        ] {
            let datapath = self.datapath();
            let (Some(running), Some(mut lines)) = (running, datapath.memory.installed(half))
            else {
                continue;
            };
            for scheduled in &running.compiled.scheduled {
                let intervals = intervals(&running.model, scheduled, time);
                marks::schedule(&mut lines, scheduled.line, &intervals);
                kept += 1;
            }
        }
        if kept > 0 {
            self.dress_running();
        }
        Ok(())
    }
}

fn intervals(model: &Model, scheduled: &Scheduled, time: u32) -> Intervals {
    let (profile, rule) = scheduled.rule;
    calendar::intervals(&model.profiles[profile].rules[rule], time)
}

/// Writes an exception into a policy.
pub(super) fn mark(exception: &Exception, model: &Model, lines: &mut (impl Lines + ?Sized)) {
    put(exception, exception.until, model, lines);
}

/// Writes an exception's deadline into a policy.
pub(super) fn put(
    exception: &Exception,
    until: u32,
    model: &Model,
    lines: &mut (impl Lines + ?Sized),
) {
    for subject in subjects(exception, model) {
        match subject {
            Subject::Device(number, device) => marks::quarantine(lines, device, number, until),
            Subject::Profile(number) => marks::open(lines, number, until),
        }
    }
}

/// Takes every exception out again.
fn undress(lines: &mut (impl Lines + ?Sized), model: &Model) {
    for (number, device) in (1..).zip(&model.devices) {
        marks::quarantine(lines, device, number, 0);
    }
    for number in 1..=model.profiles.len() as u32 {
        marks::open(lines, number, 0);
    }
}
