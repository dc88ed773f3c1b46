//! Map memory shared with the kernel, seen as 64-bit words.

use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::ptr::NonNull;

use anyhow::{Context as _, Result};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

/// A mapping of a `BPF_F_MMAPABLE` array. Words are read and written one by one
/// as single stores, because the kernel reads them at the same time.
#[derive(Debug)]
pub struct SharedWords {
    start: NonNull<u64>,
    words: usize,
}

// SAFETY: the mapping belongs to the value alone and stays until it is dropped;
// access to it is by volatile loads and stores of whole words.
unsafe impl Send for SharedWords {}
// SAFETY: as above; there is no state besides the mapping.
unsafe impl Sync for SharedWords {}

impl SharedWords {
    /// Maps the first `words` words of an array.
    ///
    /// # Errors
    /// When the map cannot be mapped: not an array, not mmapable, or smaller.
    pub fn map(map: impl AsFd, words: usize) -> Result<Self> {
        let length =
            NonZeroUsize::new(words * size_of::<u64>()).context("an empty map cannot be mapped")?;
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice.
        let start = unsafe { mmap(None, length, protection, MapFlags::MAP_SHARED, map, 0) }
            .context("cannot map a BPF array into memory")?;
        Ok(Self {
            start: start.cast(),
            words,
        })
    }

    /// The word at an index; 0 past the end.
    pub fn load(&self, index: usize) -> u64 {
        if index >= self.words {
            return 0;
        }
        // SAFETY: the index lies within the mapping, which is page-aligned.
        unsafe { self.start.add(index).read_volatile() }
    }

    /// The value at an index of an array of such values; `None` past the end.
    ///
    /// # Safety
    /// Values are whole words, aligned to at most 8 bytes; any bits are valid in them, and
    /// they are read as memory that others write.
    pub unsafe fn at<V>(&self, index: usize) -> Option<&V> {
        const { assert!(size_of::<V>().is_multiple_of(8) && align_of::<V>() <= 8) };
        let words = size_of::<V>() / size_of::<u64>();
        if (index + 1) * words > self.words {
            return None;
        }
        // SAFETY: the value lies within the mapping, which is page-aligned and stays as long
        // as this does; the rest is the caller's promise.
        Some(unsafe { self.start.add(index * words).cast::<V>().as_ref() })
    }

    /// Stores a word; past the end nothing happens.
    pub fn store(&self, index: usize, word: u64) {
        if index < self.words {
            // SAFETY: as for `load`; the mapping is writable.
            unsafe { self.start.add(index).write_volatile(word) };
        }
    }
}

impl Drop for SharedWords {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `map` with this length. A failure would
        // leave it in place, which harms nobody.
        let _ = unsafe { munmap(self.start.cast(), self.words * size_of::<u64>()) };
    }
}
