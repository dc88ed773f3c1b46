//! The stages of a decision that a host may run as calls of their own: they take
//! what they need from [`Work`], and leave there what they found.

pub use super::inspect::UNKNOWN;
pub use super::inspect::filter::MET;
pub use super::inspect::hear::HEARD_BROKEN;
pub use super::inspect::stream::LOST;
pub use super::inspect::verify::{NO, NOWHERE};
pub use super::sanity::END;
use super::{Policy, Work, flow, fragment, inspect, limit, permit, sanity, services};
use crate::tables::{Frame, Tables};
use crate::verdict::Reason;

/// Judges what the network services know; true when that leaves nothing to ask the rules.
#[inline(always)]
pub fn serve<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    policy: &Policy<'_, T>,
    work: &mut Work,
) -> bool {
    services::serve(frame, policy, work)
}

/// Whether a fragment is in its turn.
///
/// # Errors
/// Why it is not.
#[inline(always)]
pub fn admit_fragment<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) -> Result<(), Reason> {
    fragment::admit(policy, work)
}

/// Judges an ICMP error by the flow that it is about; true when that leaves
/// nothing to ask the rules.
#[inline(always)]
pub fn relate<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    policy: &Policy<'_, T>,
    work: &mut Work,
) -> bool {
    flow::relate(frame, policy, work)
}

/// Asks guards and profiles about the flow that is planned.
#[inline(always)]
pub fn ask<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) {
    flow::ask(policy, work);
}

/// Finds out what is looked for in a flow that was judged.
#[inline(always)]
pub fn seek<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) {
    inspect::seek(policy, work);
}

/// Whether a guard of the destination's profile entitles the sender of a message to it.
#[inline(always)]
pub fn is_entitled<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, service: u32) -> bool {
    permit::is_entitled(policy, work, service)
}

/// Looks up what the profile at one end says: 0 the source, 1 the destination.
#[inline(always)]
pub fn look_up<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, end: u8) {
    permit::look_up(policy, work, end);
}

/// Finds the first rule of a cell's alternatives whose conditions hold, for one end.
#[inline(always)]
pub fn choose<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, cell: u16, end: u8) {
    permit::choose(policy, work, cell, end);
}

/// Whether one of a cell's alternatives holds now, for one end.
#[inline(always)]
pub fn holds<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, entry: u32, end: u8) -> bool {
    permit::holds(policy, work, entry, end)
}

/// Puts down what was found: renews the flow, or begins one.
#[inline(always)]
pub fn settle<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) {
    flow::settle(policy, work);
}

/// Takes a packet that passes from what its ends are granted.
#[inline(always)]
pub fn spend<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) {
    limit::spend_packet(policy, work);
}

/// Looks at the headers of a packet that passes.
#[inline(always)]
pub fn check_sanity<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    policy: &Policy<'_, T>,
    work: &mut Work,
) {
    sanity::check(frame, policy, work);
}

/// Says what follows where a predicate is met.
#[inline(always)]
pub fn meet<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, code: u32) {
    sanity::meet(policy, work, code);
}

/// Copies header bytes to where predicates look; false where they cannot be had.
#[inline(always)]
pub fn load_text<F: Frame + ?Sized>(frame: &F, work: &mut Work, offset: u32, length: u32) -> bool {
    sanity::walk::load(frame, work, offset, length)
}

/// Walks over a list of options; what was found.
#[inline(always)]
pub fn walk_options<T: Tables>(tables: &T, work: &mut Work, family: u32) -> u32 {
    sanity::options::walk(tables, work, family)
}

/// Looks at one option; what was found.
#[inline(always)]
pub fn look_at_option<T: Tables>(_tables: &T, work: &mut Work, family: u32) -> u32 {
    sanity::options::step(work, family)
}

/// Looks at one extension header of IPv6; what was found.
#[inline(always)]
pub fn look_at_extension<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    work: &mut Work,
) -> u32 {
    sanity::ipv6::extension(frame, tables, work)
}

/// Looks at a DNS message; what was found.
#[inline(always)]
pub fn check_dns<F: Frame + ?Sized, T: Tables>(frame: &F, tables: &T, work: &mut Work) -> u32 {
    sanity::dns::check(frame, tables, work)
}

/// Looks at one question or record of a DNS message; what was found.
#[inline(always)]
pub fn look_at_record<T: Tables>(tables: &T, work: &mut Work) -> u32 {
    sanity::dns::record(tables, work)
}

/// Walks over a DNS name; what was found.
#[inline(always)]
pub fn walk_name<T: Tables>(tables: &T, work: &mut Work) -> u32 {
    sanity::dns::name(tables, work)
}

/// Looks at one label of a DNS name; what was found.
#[inline(always)]
pub fn look_at_label<T: Tables>(_tables: &T, work: &mut Work) -> u32 {
    sanity::dns::label(work)
}

/// Looks for signatures in a packet that passes.
#[inline(always)]
pub fn inspect<F: Frame + ?Sized, T: Tables>(frame: &F, policy: &Policy<'_, T>, work: &mut Work) {
    inspect::inspect(frame, policy, work);
}

/// Looks at the next piece of the payload; false where it cannot be had.
#[inline(always)]
pub fn look_at_piece<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    policy: &Policy<'_, T>,
    work: &mut Work,
) -> bool {
    inspect::look_at_piece(frame, policy, work)
}

/// Number of the last segment under way that began at a sequence number or before.
#[inline(always)]
pub fn checkpoint_at<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, sequence: u32) -> u32 {
    inspect::stream::checkpoint_at(policy, work, sequence)
}

/// Finds out how the bytes from here on follow those before.
#[inline(always)]
pub fn proceed<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) -> u32 {
    inspect::stream::proceed(policy, work)
}

/// Hashes the piece on.
#[inline(always)]
pub fn hash_piece<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) {
    inspect::hash_piece(policy, work);
}

/// Makes a group of the keys of the hash.
#[inline(always)]
pub fn make_keys<T: Tables>(_tables: &T, work: &mut Work, group: u32) {
    inspect::hash::make_keys(&mut work.inspection, group);
}

/// Finds the patterns in the piece.
#[inline(always)]
pub fn scan<T: Tables>(tables: &T, work: &mut Work) {
    inspect::scan::scan(tables, work);
}

/// Listens to the messages in the piece.
#[inline(always)]
pub fn hear<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) {
    inspect::hear::hear(policy, work);
}

/// Listens to the next message; true where another may follow in the piece.
#[inline(always)]
pub fn hear_message<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) -> bool {
    inspect::hear::hear_message(policy, work)
}

/// Listens for a message of a kind at an index.
#[inline(always)]
pub fn listen<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    kind: u32,
    index: u32,
    available: u32,
) -> u32 {
    inspect::hear::listen(policy, work, kind, index, available)
}

/// Hashes the title of an application entity.
#[inline(always)]
pub fn hear_title<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, index: u32) {
    inspect::hear::hear_title(policy, work, index);
}

/// Whether rules let be said what a message asks for.
#[inline(always)]
pub fn lets<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) -> bool {
    inspect::hear::lets(policy, work)
}

/// Takes one byte of a message's header.
#[inline(always)]
pub fn hear_byte<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, begin: u32, step: u32) -> u32 {
    inspect::hear::hear_byte(policy, work, begin, step)
}

/// Bytes in words that no message begins in.
#[inline(always)]
pub fn pass_words<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    index: u32,
    available: u32,
) -> u32 {
    inspect::hear::pass_words(policy, work, index, available)
}

/// Whether the name that was heard is in a list of so many lines.
#[inline(always)]
pub fn is_said<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, first: u32, lines: u32) -> bool {
    inspect::hear::is_said(policy, work, first, lines)
}

/// Looks for the signatures whose patterns were found.
#[inline(always)]
pub fn verify_hits<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) {
    inspect::verify_hits(policy, work);
}

/// Looks for the signatures that one hit tells of.
#[inline(always)]
pub fn verify_hit<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, index: u32) {
    inspect::verify_hit(policy, work, index);
}

/// Looks for the other parts of a signature whose pattern ends at an index.
#[inline(always)]
pub fn verify<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, number: u32, end: u32) -> u32 {
    inspect::verify(policy, work, number, end)
}

/// Keeps what was found of a signature.
#[inline(always)]
pub fn keep<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, number: u32, end: u32, found: u32) {
    inspect::keep(policy, work, number, end, found);
}

/// Counts a hit of a signature that has a threshold; whether it acts.
#[inline(always)]
pub fn count_hit<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, number: u32) -> bool {
    inspect::threshold::count_hit(policy, work, number)
}

/// Whether what must not be in a signature is not there.
#[inline(always)]
pub fn look_for_absent<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, number: u32) -> u32 {
    inspect::verify::look_for_absent(policy, work, number)
}

/// Where the number at an index leads.
#[inline(always)]
pub fn jump<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    number: u32,
    place: u32,
    begin: u32,
) -> u32 {
    inspect::verify::jump(policy, work, number, place, begin)
}

/// The nearest place of a part.
#[inline(always)]
pub fn find_part<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    number: u32,
    from: u32,
    choices: u32,
    back: u32,
) -> u32 {
    inspect::verify::find_part(policy, work, number, from, choices, back)
}

/// Whether a part stands at an index.
#[inline(always)]
pub fn matches_part<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    number: u32,
    index: u32,
) -> u32 {
    inspect::verify::matches_part(policy, work, number, index)
}

/// Whether a pattern may stand in a part of the piece: [`MET`], or how far none does.
#[inline(always)]
pub fn sift<T: Tables>(tables: &T, work: &mut Work, from: u32) -> u32 {
    inspect::filter::sift(tables, work, from)
}

/// Whether what the filter has met is of a pattern.
#[inline(always)]
pub fn confirm<T: Tables>(tables: &T, work: &mut Work, from: u32) -> bool {
    inspect::filter::confirm(tables, work, from)
}

/// Whether what all signatures of a group know begins near an index of the text.
#[inline(always)]
pub fn is_known<T: Tables>(tables: &T, work: &mut Work, from: u32) -> bool {
    inspect::known::is_known(tables, work, from)
}

/// Whether a packet of a known flow carries nothing that must be looked at more closely;
/// moves its stream on if so.
#[inline(always)]
pub fn glance<F: Frame + ?Sized, T: Tables>(frame: &F, tables: &T, work: &mut Work) -> bool {
    inspect::glance::glance(frame, tables, work)
}

/// As [`sift`], where the bytes lie in the frame.
#[inline(always)]
pub fn sift_frame<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    work: &mut Work,
    from: u32,
) -> u32 {
    inspect::in_frame::sift(frame, tables, work, from)
}

/// As [`confirm`], of grams at an offset in the frame.
#[inline(always)]
pub fn confirm_frame<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    work: &mut Work,
    place: u32,
) -> bool {
    inspect::in_frame::confirm(frame, tables, work, place)
}

/// Hashes the bytes of a segment where they lie in the frame.
#[inline(always)]
pub fn hash_frame<F: Frame + ?Sized, T: Tables>(frame: &F, _tables: &T, work: &mut Work) -> bool {
    inspect::hash::hash_frame(frame, &mut work.inspection)
}

/// Walks on in all lanes; the step that is next.
#[inline(always)]
pub fn walk<T: Tables>(tables: &T, work: &mut Work, from: u32) -> u32 {
    inspect::scan::walk(tables, work, from)
}

/// Notes the patterns that end before a step.
#[inline(always)]
pub fn note_hits<T: Tables>(tables: &T, work: &mut Work, step: u32) {
    inspect::scan::note_hits(tables, work, step);
}
