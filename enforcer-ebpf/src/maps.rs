//! The maps. Their names are the interface to user space (`datapath/object.rs`);
//! capacities marked "at load" are set there.

use aya_ebpf::bindings::{BPF_F_MMAPABLE, BPF_F_NO_PREALLOC};
use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, DevMap, HashMap, LruHashMap, PerCpuArray, RingBuf};
use enforcer_common::addr::Mac;
use enforcer_common::automata::AUTOMATA_BYTES;
use enforcer_common::cache::Entry;
use enforcer_common::counter::{self, Budget, Redirected, Traffic, Trial, VERDICTS_PER_PORT};
use enforcer_common::decide::Work;
use enforcer_common::flow::FlowKey;
use enforcer_common::flow_table::{Seed, Set};
use enforcer_common::forward;
use enforcer_common::fragment::{Fragment, FragmentKey};
use enforcer_common::learned::LearnedKey;
use enforcer_common::limits;
use enforcer_common::port::Port;
use enforcer_common::rate::{LiveRate, RateKey};
use enforcer_common::shared::Word;
use enforcer_common::stream::Stream;
use enforcer_common::table::Control;
use enforcer_common::threshold::{HitsKey, LiveHits};

/// Compiled policies: two halves, one in force, one to write the next into. At load.
#[map]
pub(crate) static POLICY: Array<[u64; 8]> = Array::with_max_entries(1024, BPF_F_MMAPABLE);

/// Automata of the policies in both halves of [`POLICY`]: those of even epochs, those of
/// odd ones.
#[map]
pub(crate) static AUTOMATA: Array<[u8; AUTOMATA_BYTES]> =
    Array::with_max_entries(2, BPF_F_MMAPABLE);

/// Which half is in force.
#[map]
pub(crate) static CONTROL: Array<Control> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// Ports by interface index.
#[map]
pub(crate) static PORTS: HashMap<u32, Port> =
    HashMap::with_max_entries(limits::PORTS, BPF_F_NO_PREALLOC);

/// Flows, in sets. At load.
#[map]
pub(crate) static FLOWS: Array<Set> = Array::with_max_entries(limits::FLOW_SETS, BPF_F_MMAPABLE);

/// What the flows are looked up by. User space writes it before the program is attached.
#[map]
pub(crate) static FLOW_SEED: Array<Seed> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// The exact-match cache: as many entries for each CPU. At load.
#[map]
pub(crate) static CACHE: Array<Entry> =
    Array::with_max_entries(limits::CACHE_PER_CPU, BPF_F_MMAPABLE);

/// Entries for each CPU, less one; user space sets it at load.
#[unsafe(no_mangle)]
static CACHE_MASK: u32 = limits::CACHE_PER_CPU - 1;

#[inline(always)]
pub(crate) fn cache_mask() -> u32 {
    // SAFETY: a read of a constant, whose value is not known before the program is loaded.
    unsafe { (&raw const CACHE_MASK).read_volatile() }
}

/// Nanoseconds in a tick of the kernel's clock; user space sets it at load.
#[unsafe(no_mangle)]
static TICK: u32 = u32::MAX;

#[inline(always)]
pub(crate) fn tick() -> u32 {
    // SAFETY: as for the mask.
    unsafe { (&raw const TICK).read_volatile() }
}

/// Notes for [`Control::moved`] that something is no longer where it was.
#[inline(always)]
pub(crate) fn note_moved(cpu: u32) {
    if let Some(control) = CONTROL.get_ptr_mut(0) {
        // SAFETY: the field is written by the kernel half alone, in one aligned store. No
        // two CPUs move it on to the same number at once.
        unsafe {
            let moved = &raw mut (*control).moved;
            let step = (cpu as u16).wrapping_mul(2).wrapping_add(1);
            moved.write_volatile(moved.read_volatile().wrapping_add(step));
        }
    }
}

/// Packets in parts.
#[map]
pub(crate) static FRAGMENTS: LruHashMap<FragmentKey, Fragment> =
    LruHashMap::with_max_entries(limits::FRAGMENTS, 0);

/// Addresses that devices were given, and the monotonic clock's second until which
/// that holds. User space alone writes it.
#[map]
pub(crate) static LEARNED: HashMap<LearnedKey, u32> =
    HashMap::with_max_entries(limits::LEARNED, BPF_F_NO_PREALLOC);

/// What devices with limits have used this second.
#[map]
pub(crate) static RATES: LruHashMap<RateKey, LiveRate> =
    LruHashMap::with_max_entries(limits::RATES, 0);

/// Hits of signatures that act only when there are many.
#[map]
pub(crate) static THRESHOLDS: LruHashMap<HitsKey, LiveHits> =
    LruHashMap::with_max_entries(limits::THRESHOLDS, 0);

/// Streams whose bytes are looked at. At load.
#[map]
pub(crate) static STREAMS: LruHashMap<FlowKey, Stream> =
    LruHashMap::with_max_entries(limits::STREAMS, 0);

/// Where each device was seen last, by number.
#[map]
pub(crate) static SEEN: Array<Word> = Array::with_max_entries(limits::DEVICES + 1, 0);

/// Frames by port, fate and reason.
#[map]
pub(crate) static VERDICTS: PerCpuArray<Traffic> =
    PerCpuArray::with_max_entries(limits::PORTS * VERDICTS_PER_PORT, 0);

/// Frames by rule.
#[map]
pub(crate) static RULES: PerCpuArray<Traffic> =
    PerCpuArray::with_max_entries(2 * (limits::RULES + 1), 0);

/// Packets in which a signature was found, by its number, for policies of even and odd
/// epochs.
#[map]
pub(crate) static SIGNATURES: PerCpuArray<u64> =
    PerCpuArray::with_max_entries(counter::SIGNATURES, 0);

#[map]
pub(crate) static STATISTICS: PerCpuArray<u64> =
    PerCpuArray::with_max_entries(counter::STATISTICS, 0);

/// What each device has spent this second, by number.
#[map]
pub(crate) static BUDGETS: PerCpuArray<Budget> =
    PerCpuArray::with_max_entries(limits::DEVICES + 1, 0);

#[map]
pub(crate) static EVENTS: RingBuf = RingBuf::with_byte_size(limits::EVENT_BUFFER, 0);

/// Frames that user space learns from.
#[map]
pub(crate) static LESSONS: RingBuf = RingBuf::with_byte_size(limits::LESSON_BUFFER, 0);

/// By which port each address is reached: [`forward::Line`]s.
#[map]
pub(crate) static ADDRESSES: Array<[u64; 8]> = Array::with_max_entries(forward::LINES, 0);

/// What may go out by a port, by its place: [`forward::Exit`]s; and until when.
#[map]
pub(crate) static EXITS: Array<u64> = Array::with_max_entries(forward::VOUCHED_UNTIL + 1, 0);

/// The ports' devices, by place.
#[map]
pub(crate) static DEVICES: DevMap = DevMap::with_max_entries(limits::PORTS, 0);

/// Addresses whose frames are left to the bridge. User space alone writes it.
#[map]
pub(crate) static RESERVED: HashMap<Mac, u8> =
    HashMap::with_max_entries(limits::RESERVED, BPF_F_NO_PREALLOC);

/// What became of frames that went straight to a port, by its place.
#[map]
pub(crate) static REDIRECTED: PerCpuArray<Redirected> =
    PerCpuArray::with_max_entries(limits::PORTS, 0);

/// Places of ports by where the kernel keeps their devices.
#[map]
pub(crate) static KNOWN_DEVICES: HashMap<u64, u32> = HashMap::with_max_entries(limits::PORTS, 0);

/// Number of the map [`DEVICES`], and place of the port that is tried.
#[map]
pub(crate) static TRIED: Array<u32> = Array::with_max_entries(2, 0);

/// What became of the frames that the port was tried with.
#[map]
pub(crate) static TRIALS: PerCpuArray<Trial> = PerCpuArray::with_max_entries(1, 0);

/// Scratch of the decision.
#[map]
static WORK: PerCpuArray<Work> = PerCpuArray::with_max_entries(1, 0);

#[inline(always)]
pub(crate) fn work() -> Option<&'static mut Work> {
    // SAFETY: the entry belongs to this CPU, and an XDP program is not
    // interrupted by another run of itself on the same CPU. All-zero bytes, with
    // which the kernel fills the map, are a valid `Work`.
    unsafe { WORK.get_ptr_mut(0)?.as_mut() }
}

/// A port as it was looked up last.
#[repr(C)]
#[derive(Clone, Copy)]
struct Found {
    interface: u32,
    /// [`Control::generation`] before it was looked up.
    generation: u32,
    port: Port,
}

/// The port by which the last frame came in: most come in by the same one.
#[map]
static FOUND: PerCpuArray<Found> = PerCpuArray::with_max_entries(1, 0);

/// The port with this interface index. A port that the daemon has not declared
/// reads as a closed device-side one.
#[inline(always)]
pub(crate) fn port(interface: u32, generation: u32) -> Port {
    // SAFETY: the entry belongs to this CPU; zeros are a valid one, of no interface.
    let Some(found) = FOUND
        .get_ptr_mut(0)
        .and_then(|found| unsafe { found.as_mut() })
    else {
        return Port::default();
    };
    if found.interface != interface || found.generation != generation {
        // SAFETY: the value is copied. The daemon writes it when a port appears or the
        // bridge's address changes; a copy made meanwhile mixes two valid ports, until the
        // daemon moves the generation on.
        found.port = unsafe { PORTS.get(interface) }.copied().unwrap_or_default();
        found.interface = interface;
        found.generation = generation;
    }
    found.port
}
