//! Lesson stage: shows a frame to user space. What finds no room is lost and counted;
//! the device then asks again.

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::helpers::generated::bpf_xdp_load_bytes;
use enforcer_common::decide::Work;
use enforcer_common::learned::{LESSON_BYTES, Lesson};

use crate::maps;
use crate::record;
use crate::tables::now;

/// A global function, as those in [`crate::stages`].
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn stage_teach(context: *mut xdp_md, work: *mut Work) -> u32 {
    // SAFETY: as for the stages.
    let Some(work) = (unsafe { work.as_mut() }) else {
        return 0;
    };
    let Some(mut lesson) = maps::LESSONS.reserve::<Lesson>(0) else {
        record::count_lost();
        return 0;
    };
    let length = work.packet.length;
    let shown = if length as usize > LESSON_BYTES {
        LESSON_BYTES as u32
    } else {
        length
    };
    let place = lesson.as_mut_ptr();
    // SAFETY: the place is reserved for a lesson; the bytes are as many as it holds
    // at most, and the context is the program's own.
    let failed = unsafe {
        (&raw mut (*place).time).write(now());
        (&raw mut (*place).source).write(work.parties[0].number);
        (&raw mut (*place).destination).write(work.parties[1].number);
        (&raw mut (*place).epoch).write(work.epoch);
        (&raw mut (*place).length).write(length);
        (&raw mut (*place).payload).write(work.packet.next);
        (&raw mut (*place).reserved).write(0);
        if shown == 0 {
            1
        } else {
            bpf_xdp_load_bytes(context, 0, (&raw mut (*place).bytes).cast(), shown)
        }
    };
    if failed == 0 {
        lesson.submit(0);
    } else {
        lesson.discard(0);
    }
    0
}
