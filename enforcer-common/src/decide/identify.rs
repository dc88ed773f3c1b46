//! Identify stage: (VLAN, MAC) → device → profile, for both ends of a frame, and
//! which ends are judged. A frame from the device side is judged by its source,
//! one from the core side by its destination, one between two declared devices
//! by both.

use super::trace::Step;
use super::{Finding, Policy, Work};
use crate::port::Port;
use crate::table::{
    DEVICE_BOUND, DEVICE_DHCP_ADDRESS, DEVICE_HELD, DEVICE_LIMITED, DEVICE_MARKED, DeviceEntry,
    ProfileLine,
};
use crate::tables::Tables;
use crate::verdict::{Mode, Reason, Tolerance, Verdict};

/// One end of a frame.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Party {
    /// Number of the device, 0 where it is not declared.
    pub number: u32,
    pub profile: u32,
    pub mode: Mode,
    /// A sum of `DEVICE_…`.
    pub flags: u8,
    /// Number of the port that the device must be on, 0 for any.
    pub port: u8,
    /// Whether the frame must be allowed by this end's profile.
    pub judged: bool,
    /// Whether the device is bound to addresses.
    pub bound: bool,
    /// Whether network services allow the frame to this end, so that it needs no rule.
    pub served: bool,
    pub quarantined: bool,
    /// Whether sessions of the device that are already running are adopted.
    pub adopting: bool,
}

impl Party {
    pub const NOBODY: Self = Self {
        number: 0,
        profile: 0,
        mode: Mode::Audit,
        flags: 0,
        port: 0,
        judged: false,
        bound: false,
        served: false,
        quarantined: false,
        adopting: false,
    };

    #[inline(always)]
    fn declare<T: Tables>(&mut self, policy: &Policy<'_, T>, entry: DeviceEntry) {
        self.number = entry.number();
        self.profile = entry.profile();
        self.mode = entry.mode();
        self.flags = entry.flags();
        self.port = entry.port();
        self.judged = true;
        self.bound = self.flags & (DEVICE_BOUND | DEVICE_DHCP_ADDRESS) != 0;
        if self.flags & DEVICE_MARKED != 0
            && let Some(line) = policy.device_line(self.number)
        {
            self.quarantined = line.quarantine_until > policy.time();
            self.adopting = line.adopt_until > policy.time();
        }
        if policy.settings.opened != 0
            && let Some(line) = policy.profile(self.profile)
        {
            self.open(policy, line);
        }
        // The one thing that audit does not soften: somebody has isolated the device.
        if self.quarantined {
            self.mode = Mode::Enforce;
        }
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
        if line.packets | line.bytes | line.flows != 0 {
            self.flags = DEVICE_LIMITED;
        }
        self.open(policy, line);
        Ok(())
    }

    /// Break-glass: what would be denied passes, and is reported.
    #[inline(always)]
    fn open<T: Tables>(&mut self, policy: &Policy<'_, T>, line: &ProfileLine) {
        if line.open_until > policy.time() {
            self.mode = Mode::Audit;
        }
    }

    #[inline(always)]
    pub(super) const fn is_held(&self) -> bool {
        self.flags & DEVICE_HELD != 0
    }

    #[inline(always)]
    pub(super) const fn is_limited(&self) -> bool {
        self.flags & DEVICE_LIMITED != 0
    }

    #[inline(always)]
    pub(super) const fn verdict(&self, finding: Finding, tolerance: Tolerance) -> Verdict {
        Verdict {
            reason: finding.reason,
            mode: self.mode,
            tolerance,
            reserved: 0,
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
        work.parties[0].declare(policy, entry);
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
        work.parties[1].declare(policy, entry);
    } else if port.is_core() {
        policy.tables.note(Step::Identified {
            end: 1,
            device: None,
        });
        work.parties[1].fall_under(policy, unknown, Reason::UnknownDestination)?;
    }
    Ok(())
}
