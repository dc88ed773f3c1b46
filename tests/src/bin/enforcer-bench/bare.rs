//! XDP programs of a few instructions, what others are compared with, and live frames
//! that come in by a port. Straight bpf(2), for none of it needs an object file.

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

use anyhow::{Context as _, Result};

// linux/bpf.h.
const BPF_MAP_CREATE: libc::c_long = 0;
const BPF_MAP_UPDATE_ELEM: libc::c_long = 2;
const BPF_PROG_LOAD: libc::c_long = 5;
const BPF_PROG_TEST_RUN: libc::c_long = 10;
const BPF_LINK_CREATE: libc::c_long = 28;
const BPF_MAP_TYPE_DEVMAP: u32 = 14;
const BPF_PROG_TYPE_XDP: u32 = 6;
const BPF_XDP: u32 = 37;
const XDP_FLAGS_DRV_MODE: u32 = 1 << 2;
const BPF_F_TEST_XDP_LIVE_FRAMES: u32 = 1 << 1;
const BPF_F_XDP_HAS_FRAGS: u32 = 1 << 5;
const REDIRECT_MAP: i32 = 51;
/// Instructions: a 32-bit constant, a map's descriptor, a call, the end.
pub(crate) const SET: u8 = 0xb7;
pub(crate) const SET_WIDE: u8 = 0x18;
pub(crate) const CALL: u8 = 0x85;
pub(crate) const EXIT: u8 = 0x95;
pub(crate) const PSEUDO_MAP: u8 = 1;

pub(crate) const DROP: i32 = 1;
pub(crate) const PASS: i32 = 2;

/// A program that does the same with every frame.
pub(crate) fn always(action: i32) -> Result<OwnedFd> {
    load(&[instruction(SET, 0, 0, action), instruction(EXIT, 0, 0, 0)])
}

/// A program that sends every frame to a device.
pub(crate) fn redirect(interface: u32) -> Result<OwnedFd> {
    let map = map_of(BPF_MAP_TYPE_DEVMAP, interface)?;
    load(&[
        instruction(SET_WIDE, 1, PSEUDO_MAP, map.as_raw_fd()),
        instruction(0, 0, 0, 0),
        instruction(SET, 2, 0, 0),
        instruction(SET, 3, 0, DROP),
        instruction(CALL, 0, 0, REDIRECT_MAP),
        instruction(EXIT, 0, 0, 0),
    ])
}

/// A map of one entry. It lives as long as the program that names it.
pub(crate) fn map_of(kind: u32, value: u32) -> Result<OwnedFd> {
    let mut attributes = Attributes::default();
    for (place, value) in [kind, 4, 4, 1].into_iter().enumerate() {
        attributes.set_u32(4 * place, value);
    }
    let map = descriptor(bpf(BPF_MAP_CREATE, &mut attributes).context("make a map")?);
    let key = 0_u32;
    let mut attributes = Attributes::default();
    attributes.set_u32(0, map.as_raw_fd().cast_unsigned());
    attributes.set_u64(8, (&raw const key).addr() as u64);
    attributes.set_u64(16, (&raw const value).addr() as u64);
    bpf(BPF_MAP_UPDATE_ELEM, &mut attributes).context("fill a map")?;
    Ok(map)
}

/// Attaches a program in native mode, for as long as the link lives.
pub(crate) fn attach(program: BorrowedFd<'_>, interface: u32) -> Result<OwnedFd> {
    let mut attributes = Attributes::default();
    attributes.set_u32(0, program.as_raw_fd().cast_unsigned());
    attributes.set_u32(4, interface);
    attributes.set_u32(8, BPF_XDP);
    attributes.set_u32(12, XDP_FLAGS_DRV_MODE);
    Ok(descriptor(
        bpf(BPF_LINK_CREATE, &mut attributes).context("attach a program")?,
    ))
}

/// Runs a program on many live frames, as if they had come in by an interface of the
/// current namespace; they go where the program sends them.
pub(crate) fn run_live(
    program: BorrowedFd<'_>,
    frame: &[u8],
    interface: u32,
    count: u32,
) -> Result<()> {
    // struct xdp_md: data, end of data, metadata, interface, queue, egress interface.
    let context = [0, frame.len() as u32, 0, interface, 0, 0];
    let mut attributes = Attributes::default();
    attributes.set_u32(0, program.as_raw_fd().cast_unsigned());
    attributes.set_u32(8, frame.len() as u32);
    attributes.set_u64(16, frame.as_ptr().addr() as u64);
    attributes.set_u32(32, count);
    attributes.set_u32(40, size_of_val(&context) as u32);
    attributes.set_u64(48, context.as_ptr().addr() as u64);
    attributes.set_u32(64, BPF_F_TEST_XDP_LIVE_FRAMES);
    bpf(BPF_PROG_TEST_RUN, &mut attributes).context("run a program on live frames")?;
    Ok(())
}

/// Mean time of many runs of a program with the same frame, or what it makes of it, ns.
pub(crate) fn run_repeated(program: BorrowedFd<'_>, frame: &[u8], count: u32) -> Result<f64> {
    const DURATION: usize = 36;
    let mut attributes = Attributes::default();
    attributes.set_u32(0, program.as_raw_fd().cast_unsigned());
    attributes.set_u32(8, frame.len() as u32);
    attributes.set_u64(16, frame.as_ptr().addr() as u64);
    attributes.set_u32(32, count);
    bpf(BPF_PROG_TEST_RUN, &mut attributes).context("run a bare program")?;
    Ok(attributes.u32(DURATION).into())
}

pub(crate) fn load(program: &[u64]) -> Result<OwnedFd> {
    let license = c"GPL";
    let mut attributes = Attributes::default();
    attributes.set_u32(0, BPF_PROG_TYPE_XDP);
    attributes.set_u32(4, program.len() as u32);
    attributes.set_u64(8, program.as_ptr().addr() as u64);
    attributes.set_u64(16, license.as_ptr().addr() as u64);
    // As it is with the program that frames may be handed over to.
    attributes.set_u32(44, BPF_F_XDP_HAS_FRAGS);
    attributes.set_u32(68, BPF_XDP);
    Ok(descriptor(
        bpf(BPF_PROG_LOAD, &mut attributes).context("load a bare program")?,
    ))
}

pub(crate) fn instruction(code: u8, destination: u8, source: u8, immediate: i32) -> u64 {
    let [a, b, c, d] = immediate.to_ne_bytes();
    u64::from_ne_bytes([code, source << 4 | destination, 0, 0, a, b, c, d])
}

/// `union bpf_attr`, as much of it as is used.
#[repr(C, align(8))]
struct Attributes([u8; 80]);

impl Default for Attributes {
    fn default() -> Self {
        Self([0; 80])
    }
}

impl Attributes {
    fn set_u32(&mut self, offset: usize, value: u32) {
        self.0[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
    }

    fn u32(&self, offset: usize) -> u32 {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&self.0[offset..offset + 4]);
        u32::from_ne_bytes(bytes)
    }

    fn set_u64(&mut self, offset: usize, value: u64) {
        self.0[offset..offset + 8].copy_from_slice(&value.to_ne_bytes());
    }
}

fn bpf(command: libc::c_long, attributes: &mut Attributes) -> io::Result<i32> {
    // SAFETY: the attributes are as long as said; what they point to, a caller keeps alive
    // for the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            (&raw mut *attributes).cast::<libc::c_void>(),
            size_of::<Attributes>(),
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result as i32)
}

fn descriptor(number: i32) -> OwnedFd {
    // SAFETY: the kernel made it just now, and nobody else owns it.
    unsafe { OwnedFd::from_raw_fd(number) }
}
