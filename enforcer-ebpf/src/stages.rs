//! Stages as global functions. The verifier checks each of these once, by its
//! signature alone, instead of once for every way that leads to it; so the cost of
//! checking the program is the sum of its stages' and not their product. What a
//! stage knows of the others stands in [`Work`].

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::programs::XdpContext;
use enforcer_common::decide::{Policy, Work, stage};
use enforcer_common::flow::FlowKey;
use enforcer_common::flow_table::{self, Set};
use enforcer_common::packet;
use enforcer_common::shared::Word;
use enforcer_common::table::Settings;
use enforcer_common::verdict::Reason;

use crate::frame::{FirstBuffer, XdpFrame};
use crate::tables::{self, KernelTables};

/// A stage's result as a number: 0 for success, else the reason's number plus one.
const SUCCESS: u32 = 0;

const FAILURE: u32 = Reason::Truncated as u32 + 1;

/// What a stage says, as a number.
trait Answer {
    fn code(self) -> u32;
}

impl Answer for () {
    #[inline(always)]
    fn code(self) -> u32 {
        SUCCESS
    }
}

impl Answer for Result<(), Reason> {
    #[inline(always)]
    fn code(self) -> u32 {
        match self {
            Ok(()) => SUCCESS,
            Err(reason) => reason as u32 + 1,
        }
    }
}

impl Answer for bool {
    #[inline(always)]
    fn code(self) -> u32 {
        u32::from(self)
    }
}

impl Answer for u32 {
    #[inline(always)]
    fn code(self) -> u32 {
        self
    }
}

pub(crate) fn decode(code: u32) -> Result<(), Reason> {
    if code == SUCCESS {
        return Ok(());
    }
    // The verifier knows nothing of what a global function returns.
    Err(Reason::from_number((code - 1) as u8).unwrap_or(Reason::Truncated))
}

/// A stage that reads the frame. Without its scratch or policy a stage answers
/// with `otherwise`, which never lets a frame pass.
macro_rules! frame_stage {
    ($name:ident, $stage:path, otherwise $otherwise:expr) => {
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub(crate) extern "C" fn $name(context: *mut xdp_md, work: *mut Work) -> u32 {
            // SAFETY: a caller passes the scratch of this CPU, which it does not use
            // meanwhile; the verifier demands the check for null.
            let Some(work) = (unsafe { work.as_mut() }) else {
                return $otherwise;
            };
            let tables = KernelTables { context };
            let Some(policy) = Policy::at(&tables, work.moment) else {
                return $otherwise;
            };
            let context = XdpContext::new(context);
            $stage(&XdpFrame::new(&context), &policy, work).code()
        }
    };
}

/// A stage that reads tables alone. It has no context, because an argument that
/// is not used is not passed, which the verifier does not accept.
macro_rules! table_stage {
    ($name:ident($($argument:ident: $type:ty),*), $stage:path, otherwise $otherwise:expr) => {
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub(crate) extern "C" fn $name(work: *mut Work, $($argument: u32),*) -> u32 {
            // SAFETY: as for the stages that read the frame.
            let Some(work) = (unsafe { work.as_mut() }) else {
                return $otherwise;
            };
            let tables = KernelTables {
                context: core::ptr::null_mut(),
            };
            let Some(policy) = Policy::at(&tables, work.moment) else {
                return $otherwise;
            };
            $stage(&policy, work, $($argument as $type),*).code()
        }
    };
    ($name:ident($($argument:ident: $type:ty),*), $stage:path) => {
        table_stage!($name($($argument: $type),*), $stage, otherwise FAILURE);
    };
}

frame_stage!(stage_serve, stage::serve, otherwise 1);
frame_stage!(stage_relate, stage::relate, otherwise 1);
table_stage!(stage_admit_fragment(), stage::admit_fragment);
table_stage!(stage_ask(), stage::ask);
table_stage!(stage_seek(), stage::seek);
table_stage!(stage_is_entitled(service: u32), stage::is_entitled, otherwise 0);
table_stage!(stage_look_up(end: u8), stage::look_up);
table_stage!(stage_choose(cell: u16, end: u8), stage::choose);
table_stage!(stage_holds(entry: u32, end: u8), stage::holds, otherwise 0);
table_stage!(stage_settle(), stage::settle);
table_stage!(stage_remember(), tables::remember, otherwise 0);
table_stage!(stage_spend(), stage::spend);
frame_stage!(stage_check_sanity, stage::check_sanity, otherwise 0);
table_stage!(stage_meet(code: u32), stage::meet);
frame_stage!(stage_inspect, stage::inspect, otherwise 0);
frame_stage!(stage_look_at_piece, stage::look_at_piece, otherwise 0);
table_stage!(stage_checkpoint_at(sequence: u32), stage::checkpoint_at, otherwise stage::UNKNOWN);
table_stage!(stage_proceed(), stage::proceed, otherwise stage::LOST);
table_stage!(stage_hash_piece(), stage::hash_piece);
table_stage!(stage_hear(), stage::hear);
table_stage!(stage_hear_message(), stage::hear_message, otherwise 0);
table_stage!(stage_listen(kind: u32, index: u32, available: u32), stage::listen, otherwise stage::HEARD_BROKEN);
table_stage!(stage_hear_title(index: u32), stage::hear_title);
table_stage!(stage_lets(), stage::lets, otherwise 0);
table_stage!(stage_hear_byte(begin: u32, step: u32), stage::hear_byte, otherwise stage::HEARD_BROKEN);
table_stage!(stage_pass_words(index: u32, available: u32), stage::pass_words, otherwise 0);
table_stage!(stage_is_said(first: u32, lines: u32), stage::is_said, otherwise 0);
table_stage!(stage_verify_hits(), stage::verify_hits);
table_stage!(stage_verify_hit(index: u32), stage::verify_hit);
table_stage!(stage_verify(number: u32, end: u32), stage::verify, otherwise stage::NO);
table_stage!(stage_keep(number: u32, end: u32, found: u32), stage::keep);
table_stage!(stage_count_hit(number: u32), stage::count_hit, otherwise 0);
table_stage!(stage_look_for_absent(number: u32), stage::look_for_absent, otherwise 0);
table_stage!(stage_jump(number: u32, place: u32, begin: u32), stage::jump, otherwise stage::NOWHERE);
table_stage!(stage_find_part(number: u32, from: u32, choices: u32, back: u32), stage::find_part, otherwise stage::NOWHERE);
table_stage!(stage_matches_part(number: u32, index: u32), stage::matches_part, otherwise 0);

/// The place of a flow in the table.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn stage_find_flow(key: *const FlowKey) -> u32 {
    // SAFETY: a caller passes a key in its scratch; the verifier demands the check for null.
    let Some(key) = (unsafe { key.as_ref() }) else {
        return flow_table::NOWHERE;
    };
    let tables = KernelTables {
        context: core::ptr::null_mut(),
    };
    flow_table::find(&tables, key)
}

/// Where in a set a flow is put.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn stage_choose_place(
    set: *const Set,
    settings: *const Settings,
    key: *const FlowKey,
    claim: u64,
    best: *const Word,
) -> u64 {
    // SAFETY: a caller passes values of maps; the verifier demands the check for null.
    let (Some(set), Some(settings), Some(key), Some(best)) =
        (unsafe { (set.as_ref(), settings.as_ref(), key.as_ref(), best.as_ref()) })
    else {
        return 0;
    };
    flow_table::choose(set, settings, key, claim, best)
}

/// Leaves the first of two places of one flow.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn stage_forget_doubles(
    set: *const Set,
    key: *const FlowKey,
    tag: u32,
    seen: *const Word,
) -> u32 {
    // SAFETY: as above.
    let (Some(set), Some(key), Some(seen)) =
        (unsafe { (set.as_ref(), key.as_ref(), seen.as_ref()) })
    else {
        return FAILURE;
    };
    let tables = KernelTables {
        context: core::ptr::null_mut(),
    };
    flow_table::forget_doubles(&tables, set, key, tag, seen);
    SUCCESS
}

/// A stage of the parser, which needs no policy.
macro_rules! parser_stage {
    ($name:ident, $stage:path) => {
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub(crate) extern "C" fn $name(context: *mut xdp_md, work: *mut Work) -> u32 {
            // SAFETY: as for the other stages.
            let Some(work) = (unsafe { work.as_mut() }) else {
                return FAILURE;
            };
            let context = XdpContext::new(context);
            $stage(&XdpFrame::new(&context), &mut work.packet).code()
        }
    };
}

parser_stage!(stage_parse_network, packet::parse_network);
parser_stage!(stage_parse_transport, packet::parse_transport);

/// A stage of the walks over header fields, which need no policy; without its scratch a
/// walk ends.
macro_rules! walk_stage {
    ($name:ident($($argument:ident),*), $stage:path) => {
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub(crate) extern "C" fn $name(work: *mut Work, $($argument: u32),*) -> u32 {
            // SAFETY: as for the other stages.
            let Some(work) = (unsafe { work.as_mut() }) else {
                return stage::END;
            };
            let tables = KernelTables {
                context: core::ptr::null_mut(),
            };
            $stage(&tables, work, $($argument),*)
        }
    };
}

walk_stage!(stage_walk_options(family), stage::walk_options);
walk_stage!(stage_look_at_option(family), stage::look_at_option);
walk_stage!(stage_look_at_record(), stage::look_at_record);
walk_stage!(stage_walk_name(), stage::walk_name);
walk_stage!(stage_look_at_label(), stage::look_at_label);

/// Such a stage that reads the frame.
macro_rules! frame_walk_stage {
    ($name:ident, $stage:path) => {
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub(crate) extern "C" fn $name(context: *mut xdp_md, work: *mut Work) -> u32 {
            // SAFETY: as for the other stages.
            let Some(work) = (unsafe { work.as_mut() }) else {
                return stage::END;
            };
            let tables = KernelTables { context };
            let context = XdpContext::new(context);
            $stage(&XdpFrame::new(&context), &tables, work)
        }
    };
}

frame_walk_stage!(stage_look_at_extension, stage::look_at_extension);
frame_walk_stage!(stage_check_dns, stage::check_dns);

/// Copies header bytes to where predicates look.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn stage_load_text(
    context: *mut xdp_md,
    work: *mut Work,
    offset: u32,
    length: u32,
) -> u32 {
    // SAFETY: as for the other stages.
    let Some(work) = (unsafe { work.as_mut() }) else {
        return 0;
    };
    let context = XdpContext::new(context);
    stage::load_text(&XdpFrame::new(&context), work, offset, length).code()
}

/// A stage of the scan or the hash, which needs no policy but its automata.
macro_rules! scan_stage {
    ($name:ident($($argument:ident),*), $stage:path, otherwise $otherwise:expr) => {
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub(crate) extern "C" fn $name(work: *mut Work, $($argument: u32),*) -> u32 {
            // SAFETY: as for the other stages.
            let Some(work) = (unsafe { work.as_mut() }) else {
                return $otherwise;
            };
            let tables = KernelTables {
                context: core::ptr::null_mut(),
            };
            $stage(&tables, work, $($argument),*).code()
        }
    };
}

scan_stage!(stage_make_keys(group), stage::make_keys, otherwise FAILURE);
scan_stage!(stage_scan(), stage::scan, otherwise FAILURE);
scan_stage!(stage_sift(from), stage::sift, otherwise stage::MET);
scan_stage!(stage_confirm(from), stage::confirm, otherwise 1);
scan_stage!(stage_is_known(from), stage::is_known, otherwise 1);
scan_stage!(stage_walk(from), stage::walk, otherwise u32::MAX);
scan_stage!(stage_note_hits(step), stage::note_hits, otherwise FAILURE);

/// A stage that looks at a packet where it lies in the frame's first buffer.
macro_rules! glance_stage {
    ($name:ident($($argument:ident),*), $stage:path, otherwise $otherwise:expr) => {
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub(crate) extern "C" fn $name(
            context: *mut xdp_md,
            work: *mut Work,
            $($argument: u32),*
        ) -> u32 {
            // SAFETY: as for the other stages.
            let Some(work) = (unsafe { work.as_mut() }) else {
                return $otherwise;
            };
            let tables = KernelTables { context };
            let context = XdpContext::new(context);
            $stage(&FirstBuffer(&context), &tables, work, $($argument),*).code()
        }
    };
}

glance_stage!(stage_glance(), stage::glance, otherwise 0);
glance_stage!(stage_sift_frame(from), stage::sift_frame, otherwise stage::MET);
glance_stage!(stage_confirm_frame(place), stage::confirm_frame, otherwise 1);
glance_stage!(stage_hash_frame(), stage::hash_frame, otherwise 0);
