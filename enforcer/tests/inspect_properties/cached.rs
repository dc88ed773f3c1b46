//! Tables with a cache, so that packets are glanced at as in the kernel.

use enforcer::policy::compile::Compiled;
use enforcer::simulate::HostTables;
use enforcer_common::automata::Automata;
use enforcer_common::cache::{Entry, LiveEntry};
use enforcer_common::decide::Work;
use enforcer_common::flow::{FlowKey, LiveFlow};
use enforcer_common::fragment::{Fragment, FragmentKey, LiveFragment};
use enforcer_common::learned::LearnedKey;
use enforcer_common::rate::{LiveRate, RateKey};
use enforcer_common::shared::Word;
use enforcer_common::stream::LiveStream;
use enforcer_common::table::{Control, Line};
use enforcer_common::tables::Tables;
use enforcer_common::threshold::{HitsKey, LiveHits};

/// Entries of the cache; a power of two.
const ENTRIES: u32 = 16;
/// Nanoseconds.
const TICK: u32 = 1_000_000;

pub(crate) struct Cached {
    pub(crate) inner: HostTables,
    pub(crate) has_cache: bool,
    entries: Vec<LiveEntry>,
}

impl Cached {
    pub(crate) fn new(compiled: &Compiled) -> Self {
        let mut inner = HostTables::default();
        inner.install(compiled);
        let mut cached = Self {
            inner,
            has_cache: false,
            entries: Vec::new(),
        };
        cached.clear();
        cached
    }

    /// Forgets every flow.
    pub(crate) fn clear(&mut self) {
        self.inner.clear_flows();
        let entries = (0..ENTRIES).map(|_| LiveEntry::new(Entry::default()));
        self.entries = entries.collect();
    }
}

impl Tables for Cached {
    fn cache_mask(&self) -> Option<u32> {
        self.has_cache.then_some(ENTRIES - 1)
    }

    fn ticks(&self) -> u64 {
        self.inner.clock.get() / u64::from(TICK)
    }

    fn tick(&self) -> u32 {
        TICK
    }

    fn cached(&self, place: u32) -> Option<&LiveEntry> {
        self.entries.get(place as usize)
    }

    fn forget_known(&self) {
        for entry in &self.entries {
            entry.set_until(0);
        }
    }

    fn control(&self) -> Control {
        self.inner.control()
    }

    fn line<L: Line>(&self, index: u32) -> Option<&L> {
        self.inner.line(index)
    }

    fn automata(&self, epoch: u32) -> Option<Automata<'_>> {
        self.inner.automata(epoch)
    }

    fn now(&self) -> u64 {
        self.inner.now()
    }

    fn flow(&self, key: &FlowKey) -> Option<&LiveFlow> {
        self.inner.flow(key)
    }

    fn remember(&self, work: &mut Work) -> bool {
        self.inner.remember(work)
    }

    fn spend_flow(&self, device: u32, per_second: u32, now: u64) -> bool {
        self.inner.spend_flow(device, per_second, now)
    }

    fn fragment(&self, key: &FragmentKey) -> Option<&LiveFragment> {
        self.inner.fragment(key)
    }

    fn remember_fragment(&self, key: &FragmentKey, fragment: &Fragment) -> bool {
        self.inner.remember_fragment(key, fragment)
    }

    fn learned(&self, key: &LearnedKey) -> u32 {
        self.inner.learned(key)
    }

    fn rate(&self, key: &RateKey) -> Option<&LiveRate> {
        self.inner.rate(key)
    }

    fn hits(&self, key: &HitsKey) -> Option<&LiveHits> {
        self.inner.hits(key)
    }

    fn stream(&self, key: &FlowKey) -> Option<&LiveStream> {
        self.inner.stream(key)
    }

    fn begin_stream(&self, key: &FlowKey) -> bool {
        self.inner.begin_stream(key)
    }

    fn cpu(&self) -> u32 {
        self.inner.cpu()
    }

    fn seen(&self, device: u32) -> Option<&Word> {
        self.inner.seen(device)
    }
}
