//! Inspect stage: looks for signatures in what a flow carries. A datagram is a text of
//! its own; the segments of a TCP connection are one, however it is cut. Place → load →
//! scan → verify → hear, piece by piece.

mod encrypted;
pub(super) mod filter;
pub(super) mod glance;
pub(super) mod hash;
pub(super) mod hear;
pub(super) mod in_frame;
pub(super) mod known;
pub(super) mod scan;
pub(super) mod scratch;
pub(super) mod stream;
pub(super) mod threshold;
pub(super) mod verify;

use self::hash::hash_of;
use self::hear::applications_of;
use self::scratch::{HITS, START, copy_tail, course};
pub use self::scratch::{Inspection, PIECE, UNKNOWN};
use self::stream::{BEFORE, LOOK, LOST, NOTHING};
use self::verify::{LATER, NO, UNLESS, YES};
use super::flow::passes;
use super::identify::Party;
use super::trace::Step;
use super::{Finding, Policy, Work};
use crate::flow::{FLAG_CUT, protocol};
use crate::signature::{ACTION_CUT, ACTION_DROP, SPAN};
use crate::stream::{PENDING, Pending};
use crate::tables::{Frame, Tables};
use crate::verdict::Reason;

/// Pieces of the longest packet that there is.
const PIECES: u32 = 33;
/// Signatures that one state tells of.
const TOLD: u32 = 16;
/// Signatures whose parts are looked for in one piece.
const LOOKS: u32 = 32;

/// Whether there may be something to look at in a packet of this flow.
#[inline(always)]
pub(super) fn concerns(work: &Work) -> bool {
    let [client, server] = work.inspection.groups;
    let [one, other] = work.inspection.applications;
    client | server | one | other != 0
}

/// Finds out what is looked for in a flow that was judged. A stage, for its callers have no room
/// left on their stack, and go on alike whatever is found.
#[inline(always)]
pub(super) fn seek<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) {
    work.inspection.sought = [groups_of(policy, work), applications_of(policy, work)];
}

/// Groups of the signatures that are looked for in a flow: for what the end that began
/// it sends, and for what the other does; those for the profile at either end.
#[inline(always)]
fn groups_of<T: Tables>(policy: &Policy<'_, T>, work: &Work) -> [u16; 2] {
    let Some(line) = policy.inspection() else {
        return [0; 2];
    };
    let [source, destination] = &work.parties;
    let (one, other) = (column(policy, source), column(policy, destination));
    let row = u32::from(work.plan.service).wrapping_mul(line.columns);
    let of = |sender: u32| {
        let group = |column: u32| {
            let place = row.wrapping_add(column).wrapping_mul(2);
            policy.short(line.of_services, place.wrapping_add(sender))
        };
        let (first, second) = (group(one), group(other));
        // All that any profile has is in the last column.
        if one == other || other == 0 || first == second {
            first
        } else if one == 0 {
            second
        } else {
            group(line.columns.wrapping_sub(1))
        }
    };
    [of(0), of(1)]
}

/// Column of what is looked for by one end's profile: that of signatures for all profiles
/// where nobody is judged by one.
#[inline(always)]
fn column<T: Tables>(policy: &Policy<'_, T>, party: &Party) -> u32 {
    if !party.judged {
        return 0;
    }
    policy
        .profile(party.profile)
        .map_or(0, |line| line.signatures)
}

/// Looks through a packet that passes, and remembers where its stream stands.
#[inline(always)]
pub(super) fn inspect<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    policy: &Policy<'_, T>,
    work: &mut Work,
) {
    let inspection = &mut work.inspection;
    inspection.signature = 0;
    inspection.action = 0;
    inspection.lost = 0;
    inspection.outdated = 0;
    inspection.course = course::ONWARD;
    inspection.again = 0;
    inspection.heard = 0;
    inspection.encrypted = 0;
    inspection.counted_hits = 0;
    inspection.bears = 0;
    if work.packet.is_fragment() {
        // Its bytes would have to be looked at with those of the other parts.
        return find(work, Reason::StreamLost);
    }
    inspection.offset = work.packet.next;
    inspection.left = work.packet.end.wrapping_sub(work.packet.next);
    let is_tcp = work.packet.protocol == protocol::TCP;
    // Of a stream the same place in the table from here on, which spares a look-up.
    let stream = if is_tcp {
        stream::find(policy, work)
    } else {
        None
    };
    let task = match stream {
        Some(stream) => match stream::enter(policy.tables, work, stream) {
            BEFORE => stream::before(policy, work, stream),
            task => task,
        },
        None if !is_tcp => enter_datagram(work),
        None if stream::begins(work) => LOST,
        None => NOTHING,
    };
    if task == NOTHING {
        return;
    }
    if task == LOST {
        return find(work, Reason::StreamLost);
    }
    let complete = look_through(frame, policy, work);
    conclude(policy, work, complete);
    if let Some(stream) = stream
        && goes_on(work)
    {
        stream::leave(work, stream);
        if hear::is_done(&work.inspection) {
            end_hearing(policy, work);
        }
    }
}

/// Hears no more of what the flow carries.
#[inline(always)]
fn end_hearing<T: Tables>(policy: &Policy<'_, T>, work: &Work) {
    if let Some(flow) = policy.tables.flow(&work.key) {
        flow.set_applications([0; 2]);
    }
}

/// Whether the packet passes, be it because what cannot be followed is tolerated.
#[inline(always)]
fn goes_on(work: &Work) -> bool {
    let lost = matches!(
        work.findings[0].reason,
        Reason::StreamLost | Reason::StreamDiffers
    );
    if lost {
        work.inspection.strict == 0
    } else {
        passes(work)
    }
}

/// A datagram is a text of its own.
#[inline(always)]
fn enter_datagram(work: &mut Work) -> u32 {
    let listens = hear::listens(work);
    let inspection = &mut work.inspection;
    let sender = inspection.sender as usize & 1;
    if inspection.groups[sender] == 0 && !listens || work.packet.end <= work.packet.next {
        return NOTHING;
    }
    // Field by field: what is written as a whole is written byte by byte.
    let head = &mut inspection.head;
    (head.next, head.length, head.from_start, head.known) = (0, 0, 1, 0);
    (head.spoken, head.message, head.turn) = (0, 0, 0);
    for place in 0..PENDING {
        head.pending[place].signature = 0;
    }
    inspection.strict = 0;
    inspection.again = inspection.left;
    LOOK
}

/// True when all of it was looked at.
#[inline(always)]
fn look_through<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    policy: &Policy<'_, T>,
    work: &mut Work,
) -> bool {
    for _ in 0..PIECES {
        if work.inspection.left == 0 {
            return true;
        }
        if !policy.tables.look_at_piece(frame, policy, work) {
            return false;
        }
    }
    work.inspection.left == 0
}

/// Looks at the next piece; false where it cannot be had.
#[inline(always)]
pub(super) fn look_at_piece<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    policy: &Policy<'_, T>,
    work: &mut Work,
) -> bool {
    let inspection = &mut work.inspection;
    let mut piece = inspection.again;
    if piece > PIECE as u32 {
        piece = PIECE as u32;
    }
    inspection.piece = piece;
    if !load_piece(frame, &mut work.inspection) {
        // The last bytes stay those that were looked at before.
        work.inspection.piece = 0;
        return false;
    }
    if work.inspection.strict != 0 {
        policy.tables.hash_piece(policy, work);
    }
    if work.inspection.course != course::AGAIN {
        if work.inspection.groups[work.inspection.sender as usize & 1] != 0 {
            if scan::must_walk(policy, work) {
                scan::scan_rest(policy.tables, work);
            }
            if waits(&work.inspection) {
                work.inspection.bears = 1;
                policy.tables.verify_hits(policy, work);
            }
        }
        if work.inspection.course == course::ONWARD && hear::listens(work) {
            policy.tables.hear(policy, work);
        }
        if work.inspection.course == course::ONWARD && encrypted::begins(work) {
            work.inspection.encrypted = 1;
        }
        turn(&mut work.inspection);
    }
    let inspection = &mut work.inspection;
    inspection.place = inspection.place.wrapping_add(piece);
    inspection.offset = inspection.offset.wrapping_add(piece);
    inspection.left = inspection.left.wrapping_sub(piece);
    inspection.again = inspection.again.wrapping_sub(piece);
    if inspection.again != 0 {
        return true;
    }
    if inspection.course == course::AGAIN && hash_of(inspection) != inspection.expected {
        inspection.left = 0;
        find(work, Reason::StreamDiffers);
        return true;
    }
    inspection.left == 0 || policy.tables.proceed(policy, work) == LOOK
}

/// Whether there is a hit to be looked into, of this piece or of one before.
#[inline(always)]
fn waits(inspection: &Inspection) -> bool {
    let mut waiting = inspection.hit_count;
    for pending in &inspection.head.pending {
        waiting |= pending.signature;
    }
    waiting != 0
}

/// Moves on behind the piece: its last bytes are what comes before the next one.
#[inline(always)]
fn turn(inspection: &mut Inspection) {
    let piece = inspection.piece;
    if inspection.left != piece {
        // SAFETY: a tail's room stands at the beginning of the text too, before the one
        // that is copied or over it.
        unsafe { copy_tail(inspection.tail(), inspection.text.as_mut_ptr()) };
    }
    let head = &mut inspection.head;
    let known = head.known.wrapping_add(piece);
    head.known = if known > SPAN as u32 {
        SPAN as u32
    } else {
        known
    };
    head.length = head.length.saturating_add(piece);
    head.next = head.next.wrapping_add(piece);
}

/// Hashes the piece on, by keys that are made when a policy brings another one.
#[inline(always)]
pub(super) fn hash_piece<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) {
    let key = stream::key(policy);
    if work.inspection.keys_of != key {
        work.inspection.keys_of = key;
        for group in 0..hash::GROUPS {
            policy.tables.make_keys(work, group);
        }
    }
    hash::hash_piece(&mut work.inspection);
}

/// Copies the piece out of the frame.
#[inline(always)]
fn load_piece<F: Frame + ?Sized>(frame: &F, inspection: &mut Inspection) -> bool {
    let (offset, length) = (inspection.offset, inspection.piece);
    // SAFETY: the text is longer than START and PIECE together.
    let place = unsafe {
        let start = inspection.text.as_mut_ptr().add(START);
        &mut *start.cast::<[u8; PIECE]>()
    };
    frame.copy(offset, length, place)
}

/// Looks for the signatures whose patterns the scan has found, and for those that wait
/// for this piece.
#[inline(always)]
pub(super) fn verify_hits<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) {
    work.inspection.looks = 0;
    if work.inspection.course == course::ONWARD {
        for place in 0..PENDING {
            let pending = work.inspection.head.pending[place];
            if pending.signature == 0 {
                continue;
            }
            work.inspection.head.pending[place].signature = 0;
            let back = work.inspection.head.next.wrapping_sub(pending.end);
            let end = (START as u32).wrapping_sub(back);
            weigh(policy, work, pending.signature, end);
        }
    }
    // The place behind the last hit is written to without one.
    if work.inspection.hit_count >= HITS as u32 {
        work.inspection.lost = 1;
    }
    for index in 0..HITS as u32 {
        if index >= work.inspection.hit_count {
            break;
        }
        policy.tables.verify_hit(policy, work, index);
    }
}

/// Looks for the signatures that one hit tells of.
#[inline(always)]
pub(super) fn verify_hit<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, index: u32) {
    let sender = work.inspection.sender as usize & 1;
    let Some(group) = policy.group(work.inspection.groups[sender]) else {
        return;
    };
    let Some(automata) = policy.tables.automata(policy.epoch) else {
        return;
    };
    let hit = work.inspection.hits[index as usize & (HITS - 1)];
    let outputs = group.outputs;
    let list = automata.word(hit.state.into(), group.output_column as u8) as u32;
    for step in 0..TOLD {
        let number = u32::from(policy.short(outputs, list + step));
        if number == 0 {
            break;
        }
        weigh(policy, work, number, hit.end);
    }
}

/// Looks for one signature whose pattern ends at an index of the text, within what may
/// be spent on a piece; keeps what comes of it. Here and not in a call of its own: calls
/// may be eight deep, and those for the parts are.
#[inline(always)]
fn weigh<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, number: u32, end: u32) {
    let mut found = policy.tables.verify(policy, work, number, end);
    if found == UNLESS {
        found = policy.tables.look_for_absent(policy, work, number);
    }
    if found != NO {
        policy.tables.keep(policy, work, number, end, found);
    }
}

/// What the parts of a signature say.
#[inline(always)]
pub(super) fn verify<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    number: u32,
    end: u32,
) -> u32 {
    if work.inspection.looks >= LOOKS {
        work.inspection.lost = 1;
        return NO;
    }
    work.inspection.looks += 1;
    verify::verify(policy, work, number, end)
}

/// Keeps what was found of a signature.
#[inline(always)]
pub(super) fn keep<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    number: u32,
    end: u32,
    found: u32,
) {
    match found {
        YES => take(policy, work, number),
        LATER => wait(work, number, end),
        _ => {}
    }
}

/// A signature was found; of several the one that does most counts.
#[inline(always)]
fn take<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, number: u32) {
    let Some(signature) = policy.signature(number) else {
        return;
    };
    if signature.hits != 0 && !policy.tables.count_hit(policy, work, number) {
        return;
    }
    if signature.action > work.inspection.action {
        work.inspection.action = signature.action;
        work.inspection.signature = number;
    }
}

/// Keeps a hit until more of the stream has come.
#[inline(always)]
fn wait(work: &mut Work, number: u32, end: u32) {
    let inspection = &mut work.inspection;
    if inspection.course != course::ONWARD {
        return;
    }
    let sequence = inspection
        .head
        .next
        .wrapping_add(end.wrapping_sub(START as u32));
    let mut kept = false;
    for place in 0..PENDING {
        if !kept && inspection.head.pending[place].signature == 0 {
            inspection.head.pending[place] = Pending {
                signature: number,
                end: sequence,
            };
            kept = true;
        }
    }
    if !kept {
        inspection.lost = 1;
    }
}

/// What was found becomes the finding.
#[inline(always)]
fn conclude<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, complete: bool) {
    let (signature, action) = (work.inspection.signature, work.inspection.action);
    if signature != 0 {
        policy.tables.note(Step::Signature { number: signature });
    }
    if action >= ACTION_DROP {
        find(work, Reason::Signature);
        if action == ACTION_CUT
            && let Some(flow) = policy.tables.flow(&work.key)
        {
            flow.set_flags(flow.flags() | FLAG_CUT);
            policy.tables.forget_known();
        }
        return;
    }
    if let Some(reason) = denied(work.inspection.heard) {
        return find(work, reason);
    }
    let differs = matches!(work.findings[0].reason, Reason::StreamDiffers);
    if !differs && (!complete || work.inspection.lost != 0) {
        return find(work, Reason::StreamLost);
    }
    if work.inspection.encrypted != 0 {
        encrypted::tell(work);
    }
}

/// Why what was said does not pass.
#[inline(always)]
const fn denied(heard: u32) -> Option<Reason> {
    const WRONG: u32 = Reason::WrongProtocol as u32;
    const UNLISTED: u32 = Reason::ApplicationDenied as u32;
    match heard {
        WRONG => Some(Reason::WrongProtocol),
        UNLISTED => Some(Reason::ApplicationDenied),
        _ => None,
    }
}

#[inline(always)]
fn find(work: &mut Work, reason: Reason) {
    work.findings = [Finding::of(reason); 2];
}
