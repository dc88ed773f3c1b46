//! A BPF program as it is put together, instruction by instruction. Registers are those of
//! the kernel's convention: 0 the result, 1 to 5 arguments and lost at a call, 6 to 9 kept.

use std::os::fd::{AsRawFd as _, BorrowedFd};

// linux/bpf_common.h and linux/bpf.h: classes, sizes, operations.
const LDX: u8 = 0x61;
const STX: u8 = 0x63;
const ST: u8 = 0x62;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;
const WIDE: u8 = 0x18;
const TO_BIG_ENDIAN: u8 = 0xdc;
const ALU_CONSTANT: u8 = 0x07;
const ALU_REGISTER: u8 = 0x0f;
const MOVE: u8 = 0xb0;
const PSEUDO_MAP: u8 = 1;
const PSEUDO_MAP_VALUE: u8 = 2;

const TAIL_CALL: i32 = 12;
const LOOK_UP: i32 = 1;
const REDIRECT_MAP: i32 = 51;

/// How much is read or written.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub enum Size {
    Word = 0x00,
    Half = 0x08,
    Byte = 0x10,
    Double = 0x18,
}

#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub enum Alu {
    Add = 0x00,
    Multiply = 0x20,
    And = 0x50,
    ShiftLeft = 0x60,
    ShiftRight = 0x70,
    Xor = 0xa0,
}

/// When a jump is taken; comparisons are of 64 bits without sign.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub enum When {
    Equal = 0x10,
    Above = 0x20,
    NotEqual = 0x50,
    Below = 0xa0,
}

/// A jump whose end is not known yet.
#[derive(Debug)]
#[must_use]
pub struct Jump(usize);

#[derive(Debug, Default)]
pub struct Assembly(Vec<u64>);

impl Assembly {
    pub fn instructions(&self) -> &[u64] {
        &self.0
    }

    pub fn set(&mut self, register: u8, constant: i32) {
        self.push(ALU_CONSTANT | MOVE, register, 0, 0, constant);
    }

    pub fn set_wide(&mut self, register: u8, constant: u64) {
        self.push(WIDE, register, 0, 0, constant as i32);
        self.push(0, 0, 0, 0, (constant >> 32) as i32);
    }

    pub fn copy(&mut self, to: u8, from: u8) {
        self.push(ALU_REGISTER | MOVE, to, from, 0, 0);
    }

    pub fn alu(&mut self, operation: Alu, register: u8, constant: i32) {
        self.push(ALU_CONSTANT | operation as u8, register, 0, 0, constant);
    }

    pub fn alu_register(&mut self, operation: Alu, register: u8, other: u8) {
        self.push(ALU_REGISTER | operation as u8, register, other, 0, 0);
    }

    /// The low 16 or 32 bits in network order, the others zero.
    pub fn to_big_endian(&mut self, register: u8, bits: i32) {
        self.push(TO_BIG_ENDIAN, register, 0, 0, bits);
    }

    pub fn load(&mut self, size: Size, to: u8, base: u8, offset: i16) {
        self.push(LDX | size as u8, to, base, offset, 0);
    }

    pub fn store(&mut self, size: Size, base: u8, offset: i16, from: u8) {
        self.push(STX | size as u8, base, from, offset, 0);
    }

    pub fn store_constant(&mut self, size: Size, base: u8, offset: i16, constant: i32) {
        self.push(ST | size as u8, base, 0, offset, constant);
    }

    /// A map, as an argument of a call.
    pub fn map(&mut self, register: u8, map: BorrowedFd<'_>) {
        self.push(WIDE, register, PSEUDO_MAP, 0, map.as_raw_fd());
        self.push(0, 0, 0, 0, 0);
    }

    /// The first entry of an array, to read and write.
    pub fn map_value(&mut self, register: u8, map: BorrowedFd<'_>) {
        self.push(WIDE, register, PSEUDO_MAP_VALUE, 0, map.as_raw_fd());
        self.push(0, 0, 0, 0, 0);
    }

    pub fn jump_if(&mut self, when: When, register: u8, constant: i32) -> Jump {
        self.push(0x05 | when as u8, register, 0, 0, constant);
        Jump(self.0.len() - 1)
    }

    pub fn jump_if_register(&mut self, when: When, register: u8, other: u8) -> Jump {
        self.push(0x0d | when as u8, register, other, 0, 0);
        Jump(self.0.len() - 1)
    }

    pub fn jump(&mut self) -> Jump {
        self.push(0x05, 0, 0, 0, 0);
        Jump(self.0.len() - 1)
    }

    /// Ends a jump before the next instruction.
    pub fn land(&mut self, jump: Jump) {
        let distance = (self.0.len() - jump.0 - 1) as u16;
        let mut bytes = self.0[jump.0].to_ne_bytes();
        bytes[2..4].copy_from_slice(&distance.to_ne_bytes());
        self.0[jump.0] = u64::from_ne_bytes(bytes);
    }

    /// Goes on in another program for good, if there is one: registers 1 to 3 say which.
    pub fn tail_call(&mut self) {
        self.push(CALL, 0, 0, 0, TAIL_CALL);
    }

    pub fn look_up(&mut self) {
        self.push(CALL, 0, 0, 0, LOOK_UP);
    }

    pub fn redirect_map(&mut self) {
        self.push(CALL, 0, 0, 0, REDIRECT_MAP);
    }

    pub fn exit(&mut self) {
        self.push(EXIT, 0, 0, 0, 0);
    }

    fn push(&mut self, code: u8, to: u8, from: u8, offset: i16, constant: i32) {
        let [a, b, c, d] = constant.to_ne_bytes();
        let [low, high] = offset.to_ne_bytes();
        self.0.push(u64::from_ne_bytes([
            code,
            from << 4 | to,
            low,
            high,
            a,
            b,
            c,
            d,
        ]));
    }
}
