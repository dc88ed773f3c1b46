//! Lesson stage: which of the frames that pass user space is shown, to learn the
//! addresses of DNS names and of devices. Learns nothing itself.

use super::identify::Party;
use super::{Policy, Work};
use crate::flow::protocol;
use crate::table::{LEARN_ADDRESSES, LEARN_NAMES, PROFILE_NAMES};
use crate::tables::Tables;
use crate::verdict::{Fate, Reason, Verdict};

/// UDP port of DNS (RFC 1035, 4.2.1).
const DNS: u16 = 53;

/// Whether the frame may teach something. It must be allowed in its own right: what
/// audit lets pass teaches nothing.
#[inline(always)]
pub(super) fn teaches<T: Tables>(policy: &Policy<'_, T>, work: &Work, verdict: &Verdict) -> bool {
    let learning = policy.settings.learning;
    let packet = &work.packet;
    if learning == 0
        || packet.protocol != protocol::UDP
        || packet.is_fragment()
        || verdict.fate() != Fate::Allow
    {
        return false;
    }
    if learning & LEARN_ADDRESSES != 0 && matches!(work.findings[1].reason, Reason::Dhcp) {
        return work.parties[1].judged;
    }
    let [source, destination] = &work.parties;
    learning & LEARN_NAMES != 0
        && (packet.destination_port == DNS && depends_on_names(policy, source)
            || packet.source_port == DNS && depends_on_names(policy, destination))
}

#[inline(always)]
fn depends_on_names<T: Tables>(policy: &Policy<'_, T>, party: &Party) -> bool {
    party.number != 0
        && policy
            .profile(party.profile)
            .is_some_and(|line| line.flags & PROFILE_NAMES != 0)
}
