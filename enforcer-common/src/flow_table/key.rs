//! A key in shared memory, read and written word by word.

use core::cell::UnsafeCell;

use crate::flow::FlowKey;

/// Words of a key.
pub(super) const WORDS: usize = size_of::<FlowKey>() / size_of::<u64>();

/// A key that other CPUs may be writing: what it says counts only where a mark says so.
#[repr(transparent)]
#[derive(Debug, Default)]
pub(super) struct SharedKey(UnsafeCell<[u64; WORDS]>);

impl SharedKey {
    pub(super) fn snapshot(&self) -> FlowKey {
        let words: [u64; WORDS] = core::array::from_fn(|index| self.word(index));
        // SAFETY: a key is as many words, any bits of which are valid.
        unsafe { core::mem::transmute(words) }
    }

    #[inline(always)]
    pub(super) fn is(&self, key: &FlowKey) -> bool {
        let (words, mut differ) = (words_of(key), 0);
        let mut index = 0;
        while index < WORDS {
            differ |= self.word(index) ^ words[index];
            index += 1;
        }
        differ == 0
    }

    #[inline(always)]
    pub(super) fn write(&self, key: &FlowKey) {
        let words = words_of(key);
        let mut index = 0;
        while index < WORDS {
            // SAFETY: as for the load.
            unsafe {
                let word = self.0.get().cast::<u64>().add(index);
                word.write_volatile(words[index]);
            }
            index += 1;
        }
    }

    #[inline(always)]
    fn word(&self, index: usize) -> u64 {
        // SAFETY: the index is below the number of words; a load of a whole word.
        unsafe { self.0.get().cast::<u64>().add(index).read_volatile() }
    }
}

/// A key as words.
#[inline(always)]
pub(super) fn words_of(key: &FlowKey) -> &[u64; WORDS] {
    const { assert!(size_of::<FlowKey>() == 8 * WORDS && align_of::<FlowKey>() == 8) };
    // SAFETY: a key is as many words, aligned as they are and without padding.
    unsafe { &*core::ptr::from_ref(key).cast() }
}
