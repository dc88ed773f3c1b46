//! Records in memory that several CPUs read and write at once. Fields are
//! independent: each access is one plain load or store, the last writer wins, and
//! no decision depends on two fields having been written together.

use core::cell::UnsafeCell;

/// One word in shared memory. The BPF target knows no atomic types; on every
/// machine that it runs on, an aligned load or store of 8 bytes is whole.
#[repr(transparent)]
#[derive(Debug, Default)]
pub struct Word(UnsafeCell<u64>);

// SAFETY: every access is one whole load or store, as said above.
unsafe impl Sync for Word {}

impl Word {
    /// A number as such a word.
    #[inline(always)]
    pub const fn of(number: &mut u64) -> &Self {
        // SAFETY: the same memory, which nobody else reaches as long as the word is used.
        unsafe { &*core::ptr::from_mut(number).cast() }
    }

    /// Where it lies.
    #[inline(always)]
    pub const fn as_ptr(&self) -> *mut u64 {
        self.0.get()
    }

    #[inline(always)]
    pub fn load(&self) -> u64 {
        // SAFETY: the pointer comes from a reference, so it is valid and aligned.
        unsafe { self.0.get().read_volatile() }
    }

    #[inline(always)]
    pub fn store(&self, value: u64) {
        // SAFETY: as for the load; `UnsafeCell` permits writing through `&self`.
        unsafe { self.0.get().write_volatile(value) }
    }
}

/// Declares a view of a record in shared memory, with a load and a store a field.
macro_rules! shared {
    ($(#[$doc:meta])* $name:ident of $record:ident { $($field:ident $set:ident: $type:ty;)* }) => {
        $(#[$doc])*
        #[repr(transparent)]
        #[derive(Debug, Default)]
        pub struct $name(core::cell::UnsafeCell<$record>);

        impl $name {
            pub const fn new(record: $record) -> Self {
                Self(core::cell::UnsafeCell::new(record))
            }

            $(
                #[inline(always)]
                pub fn $field(&self) -> $type {
                    // SAFETY: the pointer comes from a reference, so it is valid and
                    // aligned; a volatile load of an integer has no other precondition.
                    unsafe { (&raw const (*self.0.get()).$field).read_volatile() }
                }

                #[inline(always)]
                pub fn $set(&self, value: $type) {
                    // SAFETY: as for the load; `UnsafeCell` permits writing through `&self`.
                    unsafe { (&raw mut (*self.0.get()).$field).write_volatile(value) }
                }
            )*

            /// Writes the whole record anew.
            pub fn replace(&self, record: $record) {
                // SAFETY: as for the fields' accessors.
                unsafe { self.0.get().write_volatile(record) }
            }

            /// A copy of the whole record.
            pub fn snapshot(&self) -> $record {
                // SAFETY: as for the fields' accessors; the record is `Copy` and plain integers.
                unsafe { self.0.get().read_volatile() }
            }
        }
    };
}

pub(crate) use shared;
