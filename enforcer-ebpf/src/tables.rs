//! [`Tables`] over the maps.

use aya_ebpf::bindings::{BPF_ANY, BPF_NOEXIST, xdp_md};
use aya_ebpf::helpers::generated::{
    bpf_get_smp_processor_id, bpf_jiffies64, bpf_ktime_get_coarse_ns,
};
use enforcer_common::automata::Automata;
use enforcer_common::cache::LiveEntry;
use enforcer_common::counter::Statistic;
use enforcer_common::decide::{Policy, Work};
use enforcer_common::flow::{FlowKey, LiveFlow};
use enforcer_common::flow_table::{self, Memory, Outcome, Seed, Set};
use enforcer_common::fragment::{Fragment, FragmentKey, LiveFragment};
use enforcer_common::learned::LearnedKey;
use enforcer_common::rate::{LiveRate, RateKey};
use enforcer_common::shared::Word;
use enforcer_common::stream::{LiveStream, Stream};
use enforcer_common::table::{Control, Line, Settings};
use enforcer_common::tables::{Frame, Tables};
use enforcer_common::threshold::{HitsKey, LiveHits};
use enforcer_common::verdict::Reason;

use crate::{maps, record, stages};

pub(crate) struct KernelTables {
    /// The frame's context, for the stages that are calls.
    pub(crate) context: *mut xdp_md,
}

/// Zeros in place of a value, kept off the stack.
///
/// # Safety
/// A value is plain integers, valid as zeros.
#[inline(always)]
unsafe fn zeros<V>() -> &'static V {
    const LENGTH: usize = size_of::<Stream>() / 8;
    static WORDS: [u64; LENGTH] = [0; LENGTH];
    const { assert!(size_of::<V>() <= 8 * LENGTH && align_of::<V>() <= 8) };
    // SAFETY: no longer than the words, and no stricter aligned; it is not written: the
    // kernel copies it into a map.
    unsafe { &*WORDS.as_ptr().cast::<V>() }
}

/// Monotonic clock, ns; a few milliseconds old at most.
#[inline(always)]
pub(crate) fn now() -> u64 {
    // SAFETY: the helper takes nothing and reads a clock.
    unsafe { bpf_ktime_get_coarse_ns() }
}

/// Number of the CPU that the program runs on.
#[inline(always)]
pub(crate) fn cpu() -> u32 {
    // SAFETY: the helper takes nothing and reads a number.
    unsafe { bpf_get_smp_processor_id() }
}

impl Memory for KernelTables {
    #[inline(always)]
    fn seed(&self) -> Option<&Seed> {
        // SAFETY: the value is numbers, which user space wrote before the program ran.
        unsafe { maps::FLOW_SEED.get_ptr(0)?.as_ref() }
    }

    #[inline(always)]
    fn set(&self, number: u32) -> Option<&Set> {
        // SAFETY: the value is words, made for memory that other CPUs write too.
        unsafe { maps::FLOWS.get_ptr(number)?.as_ref() }
    }

    #[inline(always)]
    fn exchange(&self, word: &Word, before: u64, after: u64) -> u64 {
        // SAFETY: the word is in a map.
        unsafe { enforcer_ebpf::exchange(word.as_ptr(), before, after) }
    }

    #[inline(always)]
    fn choose(
        &self,
        set: &Set,
        settings: &Settings,
        key: &FlowKey,
        claim: u64,
        best: &Word,
    ) -> u64 {
        stages::stage_choose_place(set, settings, key, claim, best)
    }

    #[inline(always)]
    fn forget_doubles(&self, set: &Set, key: &FlowKey, tag: u32, seen: &Word) {
        stages::stage_forget_doubles(set, key, tag, seen);
    }
}

/// Remembers the flow in the scratch, and counts what became of it.
#[inline(always)]
pub(crate) fn remember(policy: &Policy<'_, KernelTables>, work: &mut Work) -> bool {
    let Work {
        key,
        flow,
        moment,
        chosen,
        ..
    } = work;
    let (tables, settings, now) = (policy.tables, policy.settings, moment.now);
    let mut outcome = flow_table::insert(tables, settings, key, flow, now, Word::of(chosen));
    if outcome == Outcome::Refused && tables.flow(key).is_some() {
        // Those others remembered the same flow.
        outcome = Outcome::Kept;
    }
    record::count_flow(outcome != Outcome::Refused);
    match outcome {
        Outcome::Evicted => record::count_statistic(Statistic::FlowsEvicted),
        Outcome::Displaced => record::count_statistic(Statistic::FlowsDisplaced),
        Outcome::Kept | Outcome::Refused => {}
    }
    outcome != Outcome::Refused
}

impl Tables for KernelTables {
    #[inline(always)]
    fn control(&self) -> Control {
        let Some(control) = maps::CONTROL.get_ptr(0) else {
            return Control::default();
        };
        // What tells judgements apart is read before anything that they rest on, so that
        // none is kept as if it were younger than it is.
        // SAFETY: the pointer is to a map value; each field is one aligned load,
        // and user space writes `active` last and as one store.
        unsafe {
            let written = (&raw const (*control).written).read_volatile();
            let moved = (&raw const (*control).moved).read_volatile();
            Control {
                active: (&raw const (*control).active).read_volatile(),
                fallback: (&raw const (*control).fallback).read_volatile(),
                fallback_at: (&raw const (*control).fallback_at).read_volatile(),
                adopt_until: (&raw const (*control).adopt_until).read_volatile(),
                drain_until: (&raw const (*control).drain_until).read_volatile(),
                drain_from: (&raw const (*control).drain_from).read_volatile(),
                clock_offset: (&raw const (*control).clock_offset).read_volatile(),
                issued: 0,
                written,
                moved,
                clock: (&raw const (*control).clock).read_volatile(),
            }
        }
    }

    #[inline(always)]
    fn line<L: Line>(&self, index: u32) -> Option<&L> {
        // SAFETY: `Line` promises 64 bytes in which any bits are valid, and a map
        // value is as large and 8-byte aligned. The half in force is not written.
        unsafe { maps::POLICY.get_ptr(index)?.cast::<L>().as_ref() }
    }

    #[inline(always)]
    fn automata(&self, epoch: u32) -> Option<Automata<'_>> {
        // SAFETY: any bytes are valid, and the half in force is not written.
        let value = unsafe { maps::AUTOMATA.get_ptr(epoch & 1)?.as_ref()? };
        Some(Automata::of_value(value))
    }

    #[inline(always)]
    fn now(&self) -> u64 {
        now()
    }

    #[inline(always)]
    fn flow(&self, key: &FlowKey) -> Option<&LiveFlow> {
        flow_table::at(self, stages::stage_find_flow(key))
    }

    #[inline(always)]
    fn remember(&self, work: &mut Work) -> bool {
        stages::stage_remember(work) != 0
    }

    #[inline(always)]
    fn note_flow(&self, protocol: u8, flow: &LiveFlow, now: u64) {
        flow_table::note(self, protocol, flow, now);
    }

    #[inline(always)]
    fn forget_known(&self) {
        maps::note_moved(cpu());
    }

    #[inline(always)]
    fn cache_mask(&self) -> Option<u32> {
        Some(maps::cache_mask())
    }

    #[inline(always)]
    fn ticks(&self) -> u64 {
        // SAFETY: the helper takes nothing and reads a counter.
        unsafe { bpf_jiffies64() }
    }

    #[inline(always)]
    fn tick(&self) -> u32 {
        maps::tick()
    }

    #[inline(always)]
    fn in_force(&self) -> (u64, u32) {
        let Some(control) = maps::CONTROL.get_ptr(0) else {
            return (0, 0);
        };
        // The other way round than above: what is kept must be of this policy.
        // SAFETY: as for the whole line.
        unsafe {
            let active = (&raw const (*control).active).read_volatile();
            let written = (&raw const (*control).written).read_volatile();
            let moved = (&raw const (*control).moved).read_volatile();
            (active, u32::from(written) | u32::from(moved) << 16)
        }
    }

    #[inline(always)]
    fn cached(&self, place: u32) -> Option<&LiveEntry> {
        let mask = maps::cache_mask();
        let index = self.cpu() * (mask + 1) + (place & mask);
        // SAFETY: `LiveEntry` is a transparent view of the map's value, which this CPU
        // alone writes.
        unsafe { maps::CACHE.get_ptr(index)?.cast::<LiveEntry>().as_ref() }
    }

    #[inline(always)]
    fn spend_flow(&self, device: u32, per_second: u32, now: u64) -> bool {
        let Some(budget) = maps::BUDGETS.get_ptr_mut(device) else {
            return true;
        };
        // SAFETY: the entry belongs to this CPU.
        let granted = unsafe { (*budget).spend_flow(per_second, now) };
        if !granted {
            record::count_flow(false);
        }
        granted
    }

    #[inline(always)]
    fn fragment(&self, key: &FragmentKey) -> Option<&LiveFragment> {
        // SAFETY: `LiveFragment` is a transparent view of the map's value, made for
        // memory that other CPUs write too.
        unsafe {
            maps::FRAGMENTS
                .get_ptr(key)?
                .cast::<LiveFragment>()
                .as_ref()
        }
    }

    #[inline(always)]
    fn remember_fragment(&self, key: &FragmentKey, fragment: &Fragment) -> bool {
        maps::FRAGMENTS
            .insert(key, fragment, u64::from(BPF_ANY))
            .is_ok()
    }

    #[inline(always)]
    fn learned(&self, key: &LearnedKey) -> u32 {
        // SAFETY: user space replaces values as a whole; the word is copied.
        unsafe { maps::LEARNED.get(key) }.copied().unwrap_or(0)
    }

    #[inline(always)]
    fn rate(&self, key: &RateKey) -> Option<&LiveRate> {
        if maps::RATES.get_ptr(key).is_none() {
            // Another CPU may have made it meanwhile, which is as good.
            // SAFETY: a rate is words.
            let _ = maps::RATES.insert(key, unsafe { zeros() }, u64::from(BPF_NOEXIST));
        }
        // SAFETY: the value is words alone, valid at all times.
        unsafe { maps::RATES.get_ptr(key)?.as_ref() }
    }

    #[inline(always)]
    fn hits(&self, key: &HitsKey) -> Option<&LiveHits> {
        if maps::THRESHOLDS.get_ptr(key).is_none() {
            // Another CPU may have made it meanwhile, which is as good.
            // SAFETY: counted hits are words.
            let _ = maps::THRESHOLDS.insert(key, unsafe { zeros() }, u64::from(BPF_NOEXIST));
        }
        // SAFETY: the value is words alone, valid at all times.
        unsafe { maps::THRESHOLDS.get_ptr(key)?.as_ref() }
    }

    #[inline(always)]
    fn stream(&self, key: &FlowKey) -> Option<&LiveStream> {
        // SAFETY: `LiveStream` is a transparent view of the map's value, made for
        // memory that other CPUs write too.
        unsafe { maps::STREAMS.get_ptr(key)?.cast::<LiveStream>().as_ref() }
    }

    #[inline(always)]
    fn begin_stream(&self, key: &FlowKey) -> bool {
        // SAFETY: a stream is plain integers.
        let nothing = unsafe { zeros() };
        maps::STREAMS
            .insert(key, nothing, u64::from(BPF_ANY))
            .is_ok()
    }

    #[inline(always)]
    fn cpu(&self) -> u32 {
        cpu()
    }

    #[inline(always)]
    fn seen(&self, device: u32) -> Option<&Word> {
        // SAFETY: the value is one word, valid at all times.
        unsafe { maps::SEEN.get_ptr(device)?.as_ref() }
    }

    #[inline(always)]
    fn parse_network<F: Frame + ?Sized>(&self, _frame: &F, work: &mut Work) -> Result<(), Reason> {
        stages::decode(stages::stage_parse_network(self.context, work))
    }

    #[inline(always)]
    fn parse_transport<F: Frame + ?Sized>(
        &self,
        _frame: &F,
        work: &mut Work,
    ) -> Result<(), Reason> {
        stages::decode(stages::stage_parse_transport(self.context, work))
    }

    #[inline(always)]
    fn serve<F: Frame + ?Sized>(
        &self,
        _frame: &F,
        _policy: &Policy<'_, Self>,
        work: &mut Work,
    ) -> bool {
        stages::stage_serve(self.context, work) != 0
    }

    #[inline(always)]
    fn admit_fragment(&self, _policy: &Policy<'_, Self>, work: &mut Work) -> Result<(), Reason> {
        stages::decode(stages::stage_admit_fragment(work))
    }

    #[inline(always)]
    fn relate<F: Frame + ?Sized>(
        &self,
        _frame: &F,
        _policy: &Policy<'_, Self>,
        work: &mut Work,
    ) -> bool {
        stages::stage_relate(self.context, work) != 0
    }

    #[inline(always)]
    fn ask(&self, _policy: &Policy<'_, Self>, work: &mut Work) {
        stages::stage_ask(work);
    }

    #[inline(always)]
    fn seek(&self, _policy: &Policy<'_, Self>, work: &mut Work) {
        stages::stage_seek(work);
    }

    #[inline(always)]
    fn is_entitled(&self, _policy: &Policy<'_, Self>, work: &mut Work, service: u32) -> bool {
        stages::stage_is_entitled(work, service) != 0
    }

    #[inline(always)]
    fn look_up(&self, _policy: &Policy<'_, Self>, work: &mut Work, end: u8) {
        stages::stage_look_up(work, end.into());
    }

    #[inline(always)]
    fn choose(&self, _policy: &Policy<'_, Self>, work: &mut Work, cell: u16, end: u8) {
        stages::stage_choose(work, cell.into(), end.into());
    }

    #[inline(always)]
    fn holds(&self, _policy: &Policy<'_, Self>, work: &mut Work, entry: u32, end: u8) -> bool {
        stages::stage_holds(work, entry, end.into()) != 0
    }

    #[inline(always)]
    fn settle(&self, _policy: &Policy<'_, Self>, work: &mut Work) {
        stages::stage_settle(work);
    }

    #[inline(always)]
    fn spend(&self, _policy: &Policy<'_, Self>, work: &mut Work) {
        stages::stage_spend(work);
    }

    #[inline(always)]
    fn check_sanity<F: Frame + ?Sized>(
        &self,
        _frame: &F,
        _policy: &Policy<'_, Self>,
        work: &mut Work,
    ) {
        stages::stage_check_sanity(self.context, work);
    }

    #[inline(always)]
    fn meet(&self, _policy: &Policy<'_, Self>, work: &mut Work, code: u32) {
        stages::stage_meet(work, code);
    }

    #[inline(always)]
    fn load_text<F: Frame + ?Sized>(
        &self,
        _frame: &F,
        work: &mut Work,
        offset: u32,
        length: u32,
    ) -> bool {
        stages::stage_load_text(self.context, work, offset, length) != 0
    }

    #[inline(always)]
    fn walk_options(&self, work: &mut Work, family: u32) -> u32 {
        stages::stage_walk_options(work, family)
    }

    #[inline(always)]
    fn look_at_option(&self, work: &mut Work, family: u32) -> u32 {
        stages::stage_look_at_option(work, family)
    }

    #[inline(always)]
    fn look_at_extension<F: Frame + ?Sized>(&self, _frame: &F, work: &mut Work) -> u32 {
        stages::stage_look_at_extension(self.context, work)
    }

    #[inline(always)]
    fn check_dns<F: Frame + ?Sized>(&self, _frame: &F, work: &mut Work) -> u32 {
        stages::stage_check_dns(self.context, work)
    }

    #[inline(always)]
    fn look_at_record(&self, work: &mut Work) -> u32 {
        stages::stage_look_at_record(work)
    }

    #[inline(always)]
    fn walk_name(&self, work: &mut Work) -> u32 {
        stages::stage_walk_name(work)
    }

    #[inline(always)]
    fn look_at_label(&self, work: &mut Work) -> u32 {
        stages::stage_look_at_label(work)
    }

    #[inline(always)]
    fn inspect<F: Frame + ?Sized>(&self, _frame: &F, _policy: &Policy<'_, Self>, work: &mut Work) {
        stages::stage_inspect(self.context, work);
    }

    #[inline(always)]
    fn look_at_piece<F: Frame + ?Sized>(
        &self,
        _frame: &F,
        _policy: &Policy<'_, Self>,
        work: &mut Work,
    ) -> bool {
        stages::stage_look_at_piece(self.context, work) != 0
    }

    #[inline(always)]
    fn checkpoint_at(&self, _policy: &Policy<'_, Self>, work: &mut Work, sequence: u32) -> u32 {
        stages::stage_checkpoint_at(work, sequence)
    }

    #[inline(always)]
    fn proceed(&self, _policy: &Policy<'_, Self>, work: &mut Work) -> u32 {
        stages::stage_proceed(work)
    }

    #[inline(always)]
    fn hash_piece(&self, _policy: &Policy<'_, Self>, work: &mut Work) {
        stages::stage_hash_piece(work);
    }

    #[inline(always)]
    fn make_keys(&self, work: &mut Work, group: u32) {
        stages::stage_make_keys(work, group);
    }

    #[inline(always)]
    fn hear(&self, _policy: &Policy<'_, Self>, work: &mut Work) {
        stages::stage_hear(work);
    }

    #[inline(always)]
    fn hear_message(&self, _policy: &Policy<'_, Self>, work: &mut Work) -> bool {
        stages::stage_hear_message(work) != 0
    }

    #[inline(always)]
    fn listen(
        &self,
        _policy: &Policy<'_, Self>,
        work: &mut Work,
        kind: u32,
        index: u32,
        available: u32,
    ) -> u32 {
        stages::stage_listen(work, kind, index, available)
    }

    #[inline(always)]
    fn hear_title(&self, _policy: &Policy<'_, Self>, work: &mut Work, index: u32) {
        stages::stage_hear_title(work, index);
    }

    #[inline(always)]
    fn lets(&self, _policy: &Policy<'_, Self>, work: &mut Work) -> bool {
        stages::stage_lets(work) != 0
    }

    #[inline(always)]
    fn hear_byte(&self, _policy: &Policy<'_, Self>, work: &mut Work, begin: u32, step: u32) -> u32 {
        stages::stage_hear_byte(work, begin, step)
    }

    #[inline(always)]
    fn pass_words(
        &self,
        _policy: &Policy<'_, Self>,
        work: &mut Work,
        index: u32,
        available: u32,
    ) -> u32 {
        stages::stage_pass_words(work, index, available)
    }

    #[inline(always)]
    fn is_said(&self, _policy: &Policy<'_, Self>, work: &mut Work, first: u32, lines: u32) -> bool {
        stages::stage_is_said(work, first, lines) != 0
    }

    #[inline(always)]
    fn scan(&self, work: &mut Work) {
        stages::stage_scan(work);
    }

    #[inline(always)]
    fn sift(&self, work: &mut Work, from: u32) -> u32 {
        stages::stage_sift(work, from)
    }

    #[inline(always)]
    fn confirm(&self, work: &mut Work, from: u32) -> bool {
        stages::stage_confirm(work, from) != 0
    }

    #[inline(always)]
    fn is_known(&self, work: &mut Work, from: u32) -> bool {
        stages::stage_is_known(work, from) != 0
    }

    #[inline(always)]
    fn sift_frame<F: Frame + ?Sized>(&self, _frame: &F, work: &mut Work, from: u32) -> u32 {
        stages::stage_sift_frame(self.context, work, from)
    }

    #[inline(always)]
    fn confirm_frame<F: Frame + ?Sized>(&self, _frame: &F, work: &mut Work, place: u32) -> bool {
        stages::stage_confirm_frame(self.context, work, place) != 0
    }

    #[inline(always)]
    fn hash_frame<F: Frame + ?Sized>(&self, _frame: &F, work: &mut Work) -> bool {
        stages::stage_hash_frame(self.context, work) != 0
    }

    #[inline(always)]
    fn walk(&self, work: &mut Work, from: u32) -> u32 {
        stages::stage_walk(work, from)
    }

    #[inline(always)]
    fn note_hits(&self, work: &mut Work, step: u32) {
        stages::stage_note_hits(work, step);
    }

    #[inline(always)]
    fn verify_hits(&self, _policy: &Policy<'_, Self>, work: &mut Work) {
        stages::stage_verify_hits(work);
    }

    #[inline(always)]
    fn verify_hit(&self, _policy: &Policy<'_, Self>, work: &mut Work, index: u32) {
        stages::stage_verify_hit(work, index);
    }

    #[inline(always)]
    fn verify(&self, _policy: &Policy<'_, Self>, work: &mut Work, number: u32, end: u32) -> u32 {
        stages::stage_verify(work, number, end)
    }

    #[inline(always)]
    fn keep(&self, _policy: &Policy<'_, Self>, work: &mut Work, number: u32, end: u32, found: u32) {
        stages::stage_keep(work, number, end, found);
    }

    #[inline(always)]
    fn count_hit(&self, _policy: &Policy<'_, Self>, work: &mut Work, number: u32) -> bool {
        stages::stage_count_hit(work, number) != 0
    }

    #[inline(always)]
    fn look_for_absent(&self, _policy: &Policy<'_, Self>, work: &mut Work, number: u32) -> u32 {
        stages::stage_look_for_absent(work, number)
    }

    #[inline(always)]
    fn jump(
        &self,
        _policy: &Policy<'_, Self>,
        work: &mut Work,
        number: u32,
        place: u32,
        begin: u32,
    ) -> u32 {
        stages::stage_jump(work, number, place, begin)
    }

    #[inline(always)]
    fn find_part(
        &self,
        _policy: &Policy<'_, Self>,
        work: &mut Work,
        number: u32,
        from: u32,
        choices: u32,
        back: u32,
    ) -> u32 {
        stages::stage_find_part(work, number, from, choices, back)
    }

    #[inline(always)]
    fn matches_part(
        &self,
        _policy: &Policy<'_, Self>,
        work: &mut Work,
        number: u32,
        index: u32,
    ) -> u32 {
        stages::stage_matches_part(work, number, index)
    }
}
