//! The decision's view of the world besides the frame: compiled policy, flows,
//! clock and budgets. The kernel implements it over BPF maps, user space over
//! slices and collections.

use crate::automata::Automata;
use crate::cache::LiveEntry;
use crate::decide::trace::Step;
use crate::decide::{PIECE, Policy, Work, stage};
use crate::flow::{FlowKey, LiveFlow};
use crate::fragment::{Fragment, FragmentKey, LiveFragment};
use crate::learned::LearnedKey;
use crate::packet;
use crate::rate::{LiveRate, RateKey};
use crate::shared::Word;
use crate::stream::LiveStream;
use crate::table::{Control, Line};
use crate::threshold::{HitsKey, LiveHits};
use crate::verdict::Reason;

pub trait Tables {
    /// The control line, read once a frame.
    fn control(&self) -> Control;

    /// A line of policy memory, by absolute index; `None` past its end.
    fn line<L: Line>(&self, index: u32) -> Option<&L>;

    /// The automata of the policy of an epoch; `None` where there is no room for any.
    fn automata(&self, _epoch: u32) -> Option<Automata<'_>> {
        None
    }

    /// Monotonic time in nanoseconds; coarse is enough.
    fn now(&self) -> u64;

    fn flow(&self, key: &FlowKey) -> Option<&LiveFlow>;

    /// Writes the flow in the scratch, new or in another one's place; false when the table
    /// took it not.
    fn remember(&self, work: &mut Work) -> bool;

    /// Notes that a flow stands otherwise than before, or was seen in another second.
    #[inline(always)]
    fn note_flow(&self, _protocol: u8, _flow: &LiveFlow, _now: u64) {}

    /// How many entries of the exact-match cache this CPU has, less one; `None` without a
    /// cache.
    #[inline(always)]
    fn cache_mask(&self) -> Option<u32> {
        None
    }

    /// Ticks by which the clock moves on.
    #[inline(always)]
    fn ticks(&self) -> u64 {
        0
    }

    /// Nanoseconds in a tick.
    #[inline(always)]
    fn tick(&self) -> u32 {
        u32::MAX
    }

    /// Which policy is in force, and [`Control::generation`]: no more of the control line.
    #[inline(always)]
    fn in_force(&self) -> (u64, u32) {
        let control = self.control();
        (control.active, control.generation())
    }

    /// One of the entries.
    #[inline(always)]
    fn cached(&self, _place: u32) -> Option<&LiveEntry> {
        None
    }

    /// Ends all that the cache knows.
    #[inline(always)]
    fn forget_known(&self) {}

    /// Takes one new flow from the device's budget for this second; false when spent.
    fn spend_flow(&self, device: u32, per_second: u32, now: u64) -> bool;

    fn fragment(&self, key: &FragmentKey) -> Option<&LiveFragment>;

    /// Writes the first part of a packet; false when the table took it not.
    fn remember_fragment(&self, key: &FragmentKey, fragment: &Fragment) -> bool;

    /// Second of the monotonic clock until which something learned holds; 0 where
    /// nothing was.
    fn learned(&self, key: &LearnedKey) -> u32;

    /// What a device has used this second; made where missing.
    fn rate(&self, key: &RateKey) -> Option<&LiveRate>;

    /// Hits of a signature by an address; made where missing.
    fn hits(&self, key: &HitsKey) -> Option<&LiveHits>;

    /// The stream of a flow, if one is remembered.
    fn stream(&self, key: &FlowKey) -> Option<&LiveStream>;

    /// Makes room for a stream of which nothing is known; false when there is none.
    fn begin_stream(&self, key: &FlowKey) -> bool;

    /// Number of the CPU that decides.
    fn cpu(&self) -> u32;

    /// Where a device was seen last: place of the port plus one in the upper half,
    /// second of the monotonic clock in the lower; 0 never.
    fn seen(&self, device: u32) -> Option<&Word>;

    /// Tells a watcher what the decision did. The kernel watches nothing.
    #[inline(always)]
    fn note(&self, _step: Step) {}

    // The stages of a decision that are calls in the kernel, each checked by the
    // verifier on its own: what one of them costs it, no other multiplies.

    /// [`packet::parse_network`].
    #[inline(always)]
    fn parse_network<F: Frame + ?Sized>(&self, frame: &F, work: &mut Work) -> Result<(), Reason> {
        packet::parse_network(frame, &mut work.packet)
    }

    /// [`packet::parse_transport`].
    #[inline(always)]
    fn parse_transport<F: Frame + ?Sized>(&self, frame: &F, work: &mut Work) -> Result<(), Reason> {
        packet::parse_transport(frame, &mut work.packet)
    }

    /// [`stage::serve`].
    #[inline(always)]
    fn serve<F: Frame + ?Sized>(
        &self,
        frame: &F,
        policy: &Policy<'_, Self>,
        work: &mut Work,
    ) -> bool
    where
        Self: Sized,
    {
        stage::serve(frame, policy, work)
    }

    /// [`stage::admit_fragment`].
    #[inline(always)]
    fn admit_fragment(&self, policy: &Policy<'_, Self>, work: &mut Work) -> Result<(), Reason>
    where
        Self: Sized,
    {
        stage::admit_fragment(policy, work)
    }

    /// [`stage::relate`].
    #[inline(always)]
    fn relate<F: Frame + ?Sized>(
        &self,
        frame: &F,
        policy: &Policy<'_, Self>,
        work: &mut Work,
    ) -> bool
    where
        Self: Sized,
    {
        stage::relate(frame, policy, work)
    }

    /// [`stage::ask`].
    #[inline(always)]
    fn ask(&self, policy: &Policy<'_, Self>, work: &mut Work)
    where
        Self: Sized,
    {
        stage::ask(policy, work);
    }

    /// [`stage::seek`].
    #[inline(always)]
    fn seek(&self, policy: &Policy<'_, Self>, work: &mut Work)
    where
        Self: Sized,
    {
        stage::seek(policy, work);
    }

    /// [`stage::is_entitled`].
    #[inline(always)]
    fn is_entitled(&self, policy: &Policy<'_, Self>, work: &mut Work, service: u32) -> bool
    where
        Self: Sized,
    {
        stage::is_entitled(policy, work, service)
    }

    /// [`stage::look_up`].
    #[inline(always)]
    fn look_up(&self, policy: &Policy<'_, Self>, work: &mut Work, end: u8)
    where
        Self: Sized,
    {
        stage::look_up(policy, work, end);
    }

    /// [`stage::choose`].
    #[inline(always)]
    fn choose(&self, policy: &Policy<'_, Self>, work: &mut Work, cell: u16, end: u8)
    where
        Self: Sized,
    {
        stage::choose(policy, work, cell, end);
    }

    /// [`stage::holds`].
    #[inline(always)]
    fn holds(&self, policy: &Policy<'_, Self>, work: &mut Work, entry: u32, end: u8) -> bool
    where
        Self: Sized,
    {
        stage::holds(policy, work, entry, end)
    }

    /// [`stage::settle`].
    #[inline(always)]
    fn settle(&self, policy: &Policy<'_, Self>, work: &mut Work)
    where
        Self: Sized,
    {
        stage::settle(policy, work);
    }

    /// [`stage::spend`].
    #[inline(always)]
    fn spend(&self, policy: &Policy<'_, Self>, work: &mut Work)
    where
        Self: Sized,
    {
        stage::spend(policy, work);
    }

    /// [`stage::check_sanity`].
    #[inline(always)]
    fn check_sanity<F: Frame + ?Sized>(&self, frame: &F, policy: &Policy<'_, Self>, work: &mut Work)
    where
        Self: Sized,
    {
        stage::check_sanity(frame, policy, work);
    }

    /// [`stage::meet`].
    #[inline(always)]
    fn meet(&self, policy: &Policy<'_, Self>, work: &mut Work, code: u32)
    where
        Self: Sized,
    {
        stage::meet(policy, work, code);
    }

    /// [`stage::load_text`].
    #[inline(always)]
    fn load_text<F: Frame + ?Sized>(
        &self,
        frame: &F,
        work: &mut Work,
        offset: u32,
        length: u32,
    ) -> bool {
        stage::load_text(frame, work, offset, length)
    }

    /// [`stage::walk_options`].
    #[inline(always)]
    fn walk_options(&self, work: &mut Work, family: u32) -> u32
    where
        Self: Sized,
    {
        stage::walk_options(self, work, family)
    }

    /// [`stage::look_at_option`].
    #[inline(always)]
    fn look_at_option(&self, work: &mut Work, family: u32) -> u32
    where
        Self: Sized,
    {
        stage::look_at_option(self, work, family)
    }

    /// [`stage::look_at_extension`].
    #[inline(always)]
    fn look_at_extension<F: Frame + ?Sized>(&self, frame: &F, work: &mut Work) -> u32
    where
        Self: Sized,
    {
        stage::look_at_extension(frame, self, work)
    }

    /// [`stage::check_dns`].
    #[inline(always)]
    fn check_dns<F: Frame + ?Sized>(&self, frame: &F, work: &mut Work) -> u32
    where
        Self: Sized,
    {
        stage::check_dns(frame, self, work)
    }

    /// [`stage::look_at_record`].
    #[inline(always)]
    fn look_at_record(&self, work: &mut Work) -> u32
    where
        Self: Sized,
    {
        stage::look_at_record(self, work)
    }

    /// [`stage::walk_name`].
    #[inline(always)]
    fn walk_name(&self, work: &mut Work) -> u32
    where
        Self: Sized,
    {
        stage::walk_name(self, work)
    }

    /// [`stage::look_at_label`].
    #[inline(always)]
    fn look_at_label(&self, work: &mut Work) -> u32
    where
        Self: Sized,
    {
        stage::look_at_label(self, work)
    }

    /// [`stage::inspect`].
    #[inline(always)]
    fn inspect<F: Frame + ?Sized>(&self, frame: &F, policy: &Policy<'_, Self>, work: &mut Work)
    where
        Self: Sized,
    {
        stage::inspect(frame, policy, work);
    }

    /// [`stage::look_at_piece`].
    #[inline(always)]
    fn look_at_piece<F: Frame + ?Sized>(
        &self,
        frame: &F,
        policy: &Policy<'_, Self>,
        work: &mut Work,
    ) -> bool
    where
        Self: Sized,
    {
        stage::look_at_piece(frame, policy, work)
    }

    /// [`stage::checkpoint_at`].
    #[inline(always)]
    fn checkpoint_at(&self, policy: &Policy<'_, Self>, work: &mut Work, sequence: u32) -> u32
    where
        Self: Sized,
    {
        stage::checkpoint_at(policy, work, sequence)
    }

    /// [`stage::proceed`].
    #[inline(always)]
    fn proceed(&self, policy: &Policy<'_, Self>, work: &mut Work) -> u32
    where
        Self: Sized,
    {
        stage::proceed(policy, work)
    }

    /// [`stage::hash_piece`].
    #[inline(always)]
    fn hash_piece(&self, policy: &Policy<'_, Self>, work: &mut Work)
    where
        Self: Sized,
    {
        stage::hash_piece(policy, work);
    }

    /// [`stage::make_keys`].
    #[inline(always)]
    fn make_keys(&self, work: &mut Work, group: u32)
    where
        Self: Sized,
    {
        stage::make_keys(self, work, group);
    }

    /// [`stage::hear`].
    #[inline(always)]
    fn hear(&self, policy: &Policy<'_, Self>, work: &mut Work)
    where
        Self: Sized,
    {
        stage::hear(policy, work);
    }

    /// [`stage::hear_message`].
    #[inline(always)]
    fn hear_message(&self, policy: &Policy<'_, Self>, work: &mut Work) -> bool
    where
        Self: Sized,
    {
        stage::hear_message(policy, work)
    }

    /// [`stage::listen`].
    #[inline(always)]
    fn listen(
        &self,
        policy: &Policy<'_, Self>,
        work: &mut Work,
        kind: u32,
        index: u32,
        available: u32,
    ) -> u32
    where
        Self: Sized,
    {
        stage::listen(policy, work, kind, index, available)
    }

    /// [`stage::hear_title`].
    #[inline(always)]
    fn hear_title(&self, policy: &Policy<'_, Self>, work: &mut Work, index: u32)
    where
        Self: Sized,
    {
        stage::hear_title(policy, work, index);
    }

    /// [`stage::lets`].
    #[inline(always)]
    fn lets(&self, policy: &Policy<'_, Self>, work: &mut Work) -> bool
    where
        Self: Sized,
    {
        stage::lets(policy, work)
    }

    /// [`stage::hear_byte`].
    #[inline(always)]
    fn hear_byte(&self, policy: &Policy<'_, Self>, work: &mut Work, begin: u32, step: u32) -> u32
    where
        Self: Sized,
    {
        stage::hear_byte(policy, work, begin, step)
    }

    /// [`stage::pass_words`].
    #[inline(always)]
    fn pass_words(
        &self,
        policy: &Policy<'_, Self>,
        work: &mut Work,
        index: u32,
        available: u32,
    ) -> u32
    where
        Self: Sized,
    {
        stage::pass_words(policy, work, index, available)
    }

    /// [`stage::is_said`].
    #[inline(always)]
    fn is_said(&self, policy: &Policy<'_, Self>, work: &mut Work, first: u32, lines: u32) -> bool
    where
        Self: Sized,
    {
        stage::is_said(policy, work, first, lines)
    }

    /// [`stage::scan`].
    #[inline(always)]
    fn scan(&self, work: &mut Work)
    where
        Self: Sized,
    {
        stage::scan(self, work);
    }

    /// [`stage::sift`].
    #[inline(always)]
    fn sift(&self, work: &mut Work, from: u32) -> u32
    where
        Self: Sized,
    {
        stage::sift(self, work, from)
    }

    /// [`stage::confirm`].
    #[inline(always)]
    fn confirm(&self, work: &mut Work, from: u32) -> bool
    where
        Self: Sized,
    {
        stage::confirm(self, work, from)
    }

    /// [`stage::is_known`].
    #[inline(always)]
    fn is_known(&self, work: &mut Work, from: u32) -> bool
    where
        Self: Sized,
    {
        stage::is_known(self, work, from)
    }

    /// [`stage::sift_frame`].
    #[inline(always)]
    fn sift_frame<F: Frame + ?Sized>(&self, frame: &F, work: &mut Work, from: u32) -> u32
    where
        Self: Sized,
    {
        stage::sift_frame(frame, self, work, from)
    }

    /// [`stage::confirm_frame`].
    #[inline(always)]
    fn confirm_frame<F: Frame + ?Sized>(&self, frame: &F, work: &mut Work, place: u32) -> bool
    where
        Self: Sized,
    {
        stage::confirm_frame(frame, self, work, place)
    }

    /// [`stage::hash_frame`].
    #[inline(always)]
    fn hash_frame<F: Frame + ?Sized>(&self, frame: &F, work: &mut Work) -> bool
    where
        Self: Sized,
    {
        stage::hash_frame(frame, self, work)
    }

    /// [`stage::walk`].
    #[inline(always)]
    fn walk(&self, work: &mut Work, from: u32) -> u32
    where
        Self: Sized,
    {
        stage::walk(self, work, from)
    }

    /// [`stage::note_hits`].
    #[inline(always)]
    fn note_hits(&self, work: &mut Work, step: u32)
    where
        Self: Sized,
    {
        stage::note_hits(self, work, step);
    }

    /// [`stage::verify_hits`].
    #[inline(always)]
    fn verify_hits(&self, policy: &Policy<'_, Self>, work: &mut Work)
    where
        Self: Sized,
    {
        stage::verify_hits(policy, work);
    }

    /// [`stage::verify_hit`].
    #[inline(always)]
    fn verify_hit(&self, policy: &Policy<'_, Self>, work: &mut Work, index: u32)
    where
        Self: Sized,
    {
        stage::verify_hit(policy, work, index);
    }

    /// [`stage::verify`].
    #[inline(always)]
    fn verify(&self, policy: &Policy<'_, Self>, work: &mut Work, number: u32, end: u32) -> u32
    where
        Self: Sized,
    {
        stage::verify(policy, work, number, end)
    }

    /// [`stage::keep`].
    #[inline(always)]
    fn keep(&self, policy: &Policy<'_, Self>, work: &mut Work, number: u32, end: u32, found: u32)
    where
        Self: Sized,
    {
        stage::keep(policy, work, number, end, found);
    }

    /// [`stage::count_hit`].
    #[inline(always)]
    fn count_hit(&self, policy: &Policy<'_, Self>, work: &mut Work, number: u32) -> bool
    where
        Self: Sized,
    {
        stage::count_hit(policy, work, number)
    }

    /// [`stage::look_for_absent`].
    #[inline(always)]
    fn look_for_absent(&self, policy: &Policy<'_, Self>, work: &mut Work, number: u32) -> u32
    where
        Self: Sized,
    {
        stage::look_for_absent(policy, work, number)
    }

    /// [`stage::jump`].
    #[inline(always)]
    fn jump(
        &self,
        policy: &Policy<'_, Self>,
        work: &mut Work,
        number: u32,
        place: u32,
        begin: u32,
    ) -> u32
    where
        Self: Sized,
    {
        stage::jump(policy, work, number, place, begin)
    }

    /// [`stage::find_part`].
    #[inline(always)]
    fn find_part(
        &self,
        policy: &Policy<'_, Self>,
        work: &mut Work,
        number: u32,
        from: u32,
        choices: u32,
        back: u32,
    ) -> u32
    where
        Self: Sized,
    {
        stage::find_part(policy, work, number, from, choices, back)
    }

    /// [`stage::matches_part`].
    #[inline(always)]
    fn matches_part(
        &self,
        policy: &Policy<'_, Self>,
        work: &mut Work,
        number: u32,
        index: u32,
    ) -> u32
    where
        Self: Sized,
    {
        stage::matches_part(policy, work, number, index)
    }
}

/// A frame's bytes. Reads are by value, so that only the kernel's implementation
/// touches packet pointers.
pub trait Frame {
    /// Bytes in the frame, all buffers included.
    fn length(&self) -> u32;

    /// `N` bytes at an offset; `None` where the frame is shorter.
    fn read<const N: usize>(&self, offset: u32) -> Option<[u8; N]>;

    /// The same where they lie; `None` also beyond the first buffer.
    fn window<const N: usize>(&self, offset: u32) -> Option<&[u8; N]>;

    /// Whether the frame lies in one buffer.
    #[inline(always)]
    fn is_whole(&self) -> bool {
        true
    }

    /// Copies bytes from an offset on, `length` of them; false where the frame is
    /// shorter, or that is none or more than there is room for.
    fn copy(&self, offset: u32, length: u32, into: &mut [u8; PIECE]) -> bool;
}

impl Frame for [u8] {
    fn length(&self) -> u32 {
        self.len() as u32
    }

    fn read<const N: usize>(&self, offset: u32) -> Option<[u8; N]> {
        let start = offset as usize;
        self.get(start..start.checked_add(N)?)?.try_into().ok()
    }

    fn window<const N: usize>(&self, offset: u32) -> Option<&[u8; N]> {
        let start = offset as usize;
        self.get(start..start.checked_add(N)?)?.try_into().ok()
    }

    fn copy(&self, offset: u32, length: u32, into: &mut [u8; PIECE]) -> bool {
        let (start, length) = (offset as usize, length as usize);
        let from = self.get(start..start.saturating_add(length));
        match from.zip(into.get_mut(..length)) {
            Some((from, into)) => {
                into.copy_from_slice(from);
                length > 0
            }
            None => false,
        }
    }
}
