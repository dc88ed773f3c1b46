//! Programs that do one thing with every frame: what others are compared with, and the
//! sink at the far end.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use anyhow::Result;

use super::assembly::{Alu, Assembly, Size, When};
use super::kernel::{MapKind, create_map, load, sum, update};

pub const DROP: i32 = 1;
pub const PASS: i32 = 2;

/// Where frames say to which class they belong: the type of service of IPv4.
pub(super) const CLASS_OFFSET: i16 = 15;
/// Classes that the sink tells apart.
pub const CLASSES: u32 = 8;

/// A program that does the same with every frame.
pub fn always(action: i32) -> Result<OwnedFd> {
    let mut assembly = Assembly::default();
    assembly.set(0, action);
    assembly.exit();
    load(assembly.instructions())
}

/// A program that sends every frame to a device. The map lives as long as the program.
pub fn redirect(interface: u32) -> Result<OwnedFd> {
    let map = create_map(MapKind::DeviceMap, 4, 1)?;
    update(map.as_fd(), 0, &interface.to_ne_bytes())?;
    let mut assembly = Assembly::default();
    assembly.map(1, map.as_fd());
    assembly.set(2, 0);
    assembly.set(3, DROP);
    assembly.redirect_map();
    assembly.exit();
    load(assembly.instructions())
}

/// Drops every frame and counts those of each class.
#[derive(Debug)]
pub struct Sink {
    program: OwnedFd,
    counters: OwnedFd,
}

impl Sink {
    pub fn load() -> Result<Self> {
        let counters = create_map(MapKind::PerCpuArray, 8, CLASSES)?;
        let mut assembly = Assembly::default();
        assembly.load(Size::Word, 2, 1, 0);
        assembly.load(Size::Word, 3, 1, 4);
        assembly.copy(4, 2);
        assembly.alu(Alu::Add, 4, 34);
        let short = assembly.jump_if_register(When::Above, 4, 3);
        // IPv4 alone has classes: what machines say by themselves is not counted.
        assembly.load(Size::Half, 4, 2, 12);
        let other = assembly.jump_if(When::NotEqual, 4, i32::from(0x0800_u16.to_be()));
        assembly.load(Size::Byte, 4, 2, CLASS_OFFSET);
        assembly.store(Size::Word, 10, -4, 4);
        assembly.map(1, counters.as_fd());
        assembly.copy(2, 10);
        assembly.alu(Alu::Add, 2, -4);
        assembly.look_up();
        let none = assembly.jump_if(When::Equal, 0, 0);
        assembly.load(Size::Double, 1, 0, 0);
        assembly.alu(Alu::Add, 1, 1);
        assembly.store(Size::Double, 0, 0, 1);
        for jump in [short, other, none] {
            assembly.land(jump);
        }
        assembly.set(0, DROP);
        assembly.exit();
        Ok(Self {
            program: load(assembly.instructions())?,
            counters,
        })
    }

    pub fn program(&self) -> BorrowedFd<'_> {
        self.program.as_fd()
    }

    /// Frames of a class that have arrived.
    pub fn arrived(&self, class: u8) -> Result<u64> {
        sum(self.counters.as_fd(), class.into())
    }

    /// Frames that have arrived, of any class.
    pub fn all(&self) -> Result<u64> {
        (0..CLASSES as u8).map(|class| self.arrived(class)).sum()
    }
}
