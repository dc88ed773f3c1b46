//! Straight bpf(2): maps, programs and test runs of [`super::assembly`], for which no
//! object file is needed.

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

use anyhow::{Context as _, Result};

// linux/bpf.h.
const BPF_MAP_CREATE: libc::c_long = 0;
const BPF_MAP_LOOKUP_ELEM: libc::c_long = 1;
const BPF_MAP_UPDATE_ELEM: libc::c_long = 2;
const BPF_MAP_DELETE_ELEM: libc::c_long = 3;
const BPF_PROG_LOAD: libc::c_long = 5;
const BPF_PROG_TEST_RUN: libc::c_long = 10;
const BPF_LINK_CREATE: libc::c_long = 28;
const BPF_PROG_TYPE_XDP: u32 = 6;
const BPF_XDP: u32 = 37;
const XDP_FLAGS_DRV_MODE: u32 = 1 << 2;
const BPF_F_TEST_XDP_LIVE_FRAMES: u32 = 1 << 1;
const BPF_F_XDP_HAS_FRAGS: u32 = 1 << 5;

/// The loopback interface, by which test runs enter unless told otherwise.
const LOOPBACK: u32 = 1;

/// Kinds of maps that are used.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum MapKind {
    Array = 2,
    ProgramArray = 3,
    PerCpuArray = 6,
    DeviceMap = 14,
}

/// A map with keys of four bytes.
pub fn create_map(kind: MapKind, value_size: u32, entries: u32) -> Result<OwnedFd> {
    let mut attributes = Attributes::default();
    for (place, value) in [kind as u32, 4, value_size, entries]
        .into_iter()
        .enumerate()
    {
        attributes.set_u32(4 * place, value);
    }
    Ok(descriptor(
        bpf(BPF_MAP_CREATE, &mut attributes).with_context(|| format!("make a {kind:?}"))?,
    ))
}

/// Writes an entry; the value is as long as the map's are.
pub fn update(map: BorrowedFd<'_>, key: u32, value: &[u8]) -> Result<()> {
    let mut attributes = entry(map, &key);
    attributes.set_u64(16, value.as_ptr().addr() as u64);
    bpf(BPF_MAP_UPDATE_ELEM, &mut attributes).context("write an entry of a map")?;
    Ok(())
}

/// Empties an entry of a map of programs, whether or not it held one.
pub fn delete(map: BorrowedFd<'_>, key: u32) -> Result<()> {
    match bpf(BPF_MAP_DELETE_ELEM, &mut entry(map, &key)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).context("empty an entry of a map")
        }
        _ => Ok(()),
    }
}

/// Reads an entry of a per-CPU map of one number each: what they add up to.
pub fn sum(map: BorrowedFd<'_>, key: u32) -> Result<u64> {
    let cpus = aya::util::nr_cpus().map_err(|(_, error)| error)?;
    let mut values = vec![0_u64; cpus];
    let mut attributes = entry(map, &key);
    attributes.set_u64(16, values.as_mut_ptr().addr() as u64);
    bpf(BPF_MAP_LOOKUP_ELEM, &mut attributes).context("read an entry of a map")?;
    Ok(values.iter().sum())
}

fn entry(map: BorrowedFd<'_>, key: &u32) -> Attributes {
    let mut attributes = Attributes::default();
    attributes.set_u32(0, map.as_raw_fd().cast_unsigned());
    attributes.set_u64(8, (&raw const *key).addr() as u64);
    attributes
}

/// Loads a program. It says that it takes frames of several buffers, as the enforcer's
/// does, for a program calls only its like.
pub fn load(program: &[u64]) -> Result<OwnedFd> {
    load_for(program, true)
}

/// As [`load`], for frames of one buffer or of several.
pub(super) fn load_for(program: &[u64], several_buffers: bool) -> Result<OwnedFd> {
    let flags = u32::from(several_buffers) * BPF_F_XDP_HAS_FRAGS;
    let license = c"GPL";
    let mut log = vec![0_u8; 1 << 16];
    let mut attributes = Attributes::default();
    attributes.set_u32(0, BPF_PROG_TYPE_XDP);
    attributes.set_u32(4, program.len() as u32);
    attributes.set_u64(8, program.as_ptr().addr() as u64);
    attributes.set_u64(16, license.as_ptr().addr() as u64);
    attributes.set_u32(24, 1);
    attributes.set_u32(28, log.len() as u32);
    attributes.set_u64(32, log.as_mut_ptr().addr() as u64);
    attributes.set_u32(44, flags);
    attributes.set_u32(68, BPF_XDP);
    let loaded = bpf(BPF_PROG_LOAD, &mut attributes);
    let loaded = loaded.with_context(|| {
        let log = log.split(|byte| *byte == 0).next().unwrap_or_default();
        format!(
            "load a program: {}",
            String::from_utf8_lossy(log).trim_end()
        )
    })?;
    Ok(descriptor(loaded))
}

/// Attaches a program in native mode, for as long as the link lives.
pub fn attach(program: BorrowedFd<'_>, interface: u32) -> Result<OwnedFd> {
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
pub fn run_live(program: BorrowedFd<'_>, frame: &[u8], interface: u32, count: u32) -> Result<()> {
    let context = context(frame, interface);
    let mut attributes = test_run(program, frame, &context, count);
    attributes.set_u32(64, BPF_F_TEST_XDP_LIVE_FRAMES);
    bpf(BPF_PROG_TEST_RUN, &mut attributes).context("run a program on live frames")?;
    Ok(())
}

/// Runs a program again and again on a frame that goes nowhere; the frame as the last run
/// left it, and what the program returned.
pub fn run(
    program: BorrowedFd<'_>,
    frame: &[u8],
    interface: u32,
    count: u32,
) -> Result<(Vec<u8>, u32)> {
    let context = context(frame, interface);
    let mut attributes = test_run(program, frame, &context, count);
    let mut after = vec![0; frame.len()];
    attributes.set_u32(12, after.len() as u32);
    attributes.set_u64(24, after.as_mut_ptr().addr() as u64);
    bpf(BPF_PROG_TEST_RUN, &mut attributes).context("run a program")?;
    Ok((after, attributes.u32(4)))
}

/// Mean time of many runs of a program on a frame, or on what it makes of it, ns.
pub fn run_mean(program: BorrowedFd<'_>, frame: &[u8], count: u32) -> Result<f64> {
    let context = context(frame, LOOPBACK);
    let mut attributes = test_run(program, frame, &context, count);
    bpf(BPF_PROG_TEST_RUN, &mut attributes).context("run a program")?;
    Ok(attributes.u32(36).into())
}

/// `struct xdp_md`: data, end of data, metadata, interface, queue, egress interface.
fn context(frame: &[u8], interface: u32) -> [u32; 6] {
    [0, frame.len() as u32, 0, interface, 0, 0]
}

fn test_run(program: BorrowedFd<'_>, frame: &[u8], context: &[u32; 6], count: u32) -> Attributes {
    let mut attributes = Attributes::default();
    attributes.set_u32(0, program.as_raw_fd().cast_unsigned());
    attributes.set_u32(8, frame.len() as u32);
    attributes.set_u64(16, frame.as_ptr().addr() as u64);
    attributes.set_u32(32, count);
    attributes.set_u32(40, size_of_val(context) as u32);
    attributes.set_u64(48, context.as_ptr().addr() as u64);
    attributes
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

    fn set_u64(&mut self, offset: usize, value: u64) {
        self.0[offset..offset + 8].copy_from_slice(&value.to_ne_bytes());
    }

    fn u32(&self, offset: usize) -> u32 {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&self.0[offset..offset + 4]);
        u32::from_ne_bytes(bytes)
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
