//! Identify stage: (VLAN, MAC) → device → profile, for both ends of a frame, and
//! which ends are judged. A frame from the device side is judged by its source,
//! one from the core side by its destination, one between two declared devices
//! by both.

use super::trace::Step;
use super::{Finding, Policy, Work};
use crate::port::Port;
use crate::table::DeviceEntry;
use crate::tables::Tables;
use crate::verdict::{Mode, Reason, Verdict};

/// One end of a frame.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Party {
    /// Number of the device, 0 where it is not declared.
    pub number: u32,
    pub profile: u32,
    pub mode: Mode,
    /// Whether the frame must be allowed by this end's profile.
    pub judged: bool,
    /// Whether the device is bound to addresses.
    pub bound: bool,
    /// Whether network services allow the frame to this end, so that it needs no rule.
    pub served: bool,
}

impl Party {
    pub const NOBODY: Self = Self {
        number: 0,
        profile: 0,
        mode: Mode::Audit,
        judged: false,
        bound: false,
        served: false,
    };

    #[inline(always)]
    const fn declare(&mut self, entry: DeviceEntry) {
        self.number = entry.number();
        self.profile = entry.profile();
        self.mode = entry.mode();
        self.judged = true;
        self.bound = entry.is_bound();
    }

    /// Falls under a profile without being declared; profile 0 denies it.
    #[inline(always)]
    fn fall_under<T: Tables>(
        &mut self,
        policy: &Policy<'_, T>,
        profile: u32,
        otherwise: Reason,
    ) -> Result<(), Reason> {
        if profile == 0 {
            return Err(otherwise);
        }
        let line = policy.profile(profile).ok_or(otherwise)?;
        self.profile = profile;
        self.mode = line.mode();
        self.judged = true;
        Ok(())
    }

    #[inline(always)]
    pub(super) const fn verdict(&self, finding: Finding) -> Verdict {
        Verdict {
            reason: finding.reason,
            mode: self.mode,
            rule: finding.rule,
            device: self.number,
        }
    }
}

/// Fills the ends of the frame. An error when the frame has no declared device
/// that answers for it.
#[inline(never)]
pub(super) fn identify<T: Tables>(
    policy: &Policy<'_, T>,
    port: &Port,
    work: &mut Work,
) -> Result<(), Reason> {
    let unknown = policy.settings.unknown_profile;
    let (source, destination, vlan) = (
        work.packet.source_mac,
        work.packet.destination_mac,
        work.packet.vlan,
    );
    if let Some(entry) = policy.device(source, vlan) {
        policy.tables.note(Step::Identified {
            end: 0,
            device: Some(entry),
        });
        work.parties[0].declare(entry);
    } else if !port.is_core() {
        policy.tables.note(Step::Identified {
            end: 0,
            device: None,
        });
        work.parties[0].fall_under(policy, unknown, Reason::UnknownDevice)?;
    }
    if destination.is_group() {
        if port.is_core() {
            let profile = policy.settings.broadcast_profile;
            work.parties[1].fall_under(policy, profile, Reason::UnknownDestination)?;
        }
    } else if let Some(entry) = policy.device(destination, vlan) {
        policy.tables.note(Step::Identified {
            end: 1,
            device: Some(entry),
        });
        work.parties[1].declare(entry);
    } else if port.is_core() {
        policy.tables.note(Step::Identified {
            end: 1,
            device: None,
        });
        work.parties[1].fall_under(policy, unknown, Reason::UnknownDestination)?;
    }
    Ok(())
}
