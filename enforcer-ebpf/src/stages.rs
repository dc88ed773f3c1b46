//! Stages as global functions. The verifier checks each of these once, by its
//! signature alone, instead of once for every way that leads to it; so the cost of
//! checking the program is the sum of its stages' and not their product. What a
//! stage knows of the others stands in [`Work`].

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::programs::XdpContext;
use enforcer_common::decide::{Policy, Work, stage};
use enforcer_common::packet;
use enforcer_common::verdict::Reason;

use crate::frame::XdpFrame;
use crate::tables::KernelTables;

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
            u32::from($stage(&XdpFrame::new(&context), &policy, work))
        }
    };
}

/// A stage that reads tables alone. It has no context, because an argument that
/// is not used is not passed, which the verifier does not accept.
macro_rules! table_stage {
    ($name:ident($($argument:ident: $type:ty),*), $stage:path) => {
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub(crate) extern "C" fn $name(work: *mut Work, $($argument: u32),*) -> u32 {
            // SAFETY: as for the stages that read the frame.
            let Some(work) = (unsafe { work.as_mut() }) else {
                return FAILURE;
            };
            let tables = KernelTables {
                context: core::ptr::null_mut(),
            };
            let Some(policy) = Policy::at(&tables, work.moment) else {
                return FAILURE;
            };
            $stage(&policy, work, $($argument as $type),*).code()
        }
    };
}

frame_stage!(stage_serve, stage::serve, otherwise 1);
frame_stage!(stage_relate, stage::relate, otherwise 1);
table_stage!(stage_admit_fragment(), stage::admit_fragment);
table_stage!(stage_ask(), stage::ask);
table_stage!(stage_look_up(end: u8), stage::look_up);
table_stage!(stage_choose(cell: u16, end: u8), stage::choose);
table_stage!(stage_settle(), stage::settle);
table_stage!(stage_spend(), stage::spend);

/// The parser of IP, which needs no policy.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn stage_parse_ip(context: *mut xdp_md, work: *mut Work) -> u32 {
    // SAFETY: as for the other stages.
    let Some(work) = (unsafe { work.as_mut() }) else {
        return FAILURE;
    };
    let context = XdpContext::new(context);
    packet::parse_ip(&XdpFrame::new(&context), &mut work.packet).code()
}
