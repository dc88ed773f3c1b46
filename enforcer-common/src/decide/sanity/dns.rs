//! Predicates of DNS messages (RFC 1035, 4.1; RFC 9267): message → record → name → label.
//! They look at the first two KiB of a datagram.

use super::super::Work;
use super::walk::{END, GO_ON, byte, goes_on, left, met, short};
use crate::sanity::Predicate;
use crate::tables::{Frame, Tables};

const HEADER: u32 = 12;
/// Questions and records that are looked at.
const RECORDS: u32 = 64;
/// A name has 255 bytes with the one that ends it (RFC 1035, 2.3.4).
const LONGEST: u32 = 254;
/// Labels and pointers of one name. So many labels are longer than a name may be.
const LABELS: u32 = 128;

/// Looks at a message; [`END`], or the predicate that is met.
#[inline(always)]
pub(in crate::decide) fn check<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    work: &mut Work,
) -> u32 {
    let length = work.packet.end.wrapping_sub(work.packet.next);
    if !tables.load_text(frame, work, work.packet.next, length) || length < HEADER {
        return met(Predicate::RecordOverrun);
    }
    goes_on(work);
    work.walk.questions = short(work, 4);
    work.walk.records = short(work, 6) + short(work, 8) + short(work, 10);
    work.walk.at = HEADER;
    for _ in 0..RECORDS {
        let found = tables.look_at_record(work);
        if found != GO_ON {
            return found;
        }
    }
    END
}

/// Looks at one question or record and moves on behind it.
#[inline(always)]
pub(in crate::decide) fn record<T: Tables>(tables: &T, work: &mut Work) -> u32 {
    let asks = work.walk.questions != 0;
    if asks {
        work.walk.questions -= 1;
    } else if work.walk.records != 0 {
        work.walk.records -= 1;
    } else {
        return END;
    }
    let found = tables.walk_name(work);
    if found != GO_ON {
        return found;
    }
    // Type and class; of a record also how long it holds, and how much it carries.
    let fixed = if asks { 4 } else { 10 };
    if left(work) < fixed {
        return cut(work);
    }
    if asks {
        work.walk.at += fixed;
        return GO_ON;
    }
    let (kind, length) = (short(work, 0), short(work, 8));
    work.walk.at += fixed;
    if length > left(work) && work.walk.cut == 0 {
        return met(Predicate::RecordOverrun);
    }
    let behind = work.walk.at + length;
    let found = data(tables, work, kind, behind);
    work.walk.at = behind;
    found
}

/// Looks at the name that a record of some kinds carries (RFC 1035, 3.3; RFC 2782).
#[inline(always)]
fn data<T: Tables>(tables: &T, work: &mut Work, kind: u32, behind: u32) -> u32 {
    let skipped = match kind {
        // NS, CNAME, SOA, PTR, DNAME.
        2 | 5 | 6 | 12 | 39 => 0,
        // MX and SRV.
        15 => 2,
        33 => 6,
        _ => return GO_ON,
    };
    work.walk.at += skipped;
    // Updates delete records by such without data (RFC 2136, 2.5).
    if work.walk.at >= behind {
        return GO_ON;
    }
    let found = tables.walk_name(work);
    if found == GO_ON && work.walk.at > behind {
        return met(Predicate::RecordOverrun);
    }
    found
}

/// Walks over a name and moves on behind it.
#[inline(always)]
pub(in crate::decide) fn name<T: Tables>(tables: &T, work: &mut Work) -> u32 {
    work.walk.length = 0;
    work.walk.run = work.walk.at;
    work.walk.behind = 0;
    for _ in 0..LABELS {
        let found = tables.look_at_label(work);
        if found == END {
            if work.walk.behind != 0 {
                work.walk.at = work.walk.behind;
            }
            return GO_ON;
        }
        if found != GO_ON {
            return found;
        }
    }
    met(Predicate::NameTooLong)
}

/// Looks at one label or pointer and moves on; [`END`] behind the last label.
#[inline(always)]
pub(in crate::decide) fn label(work: &mut Work) -> u32 {
    let left = left(work);
    if left == 0 {
        return cut(work);
    }
    let first = byte(work, 0);
    match first >> 6 {
        0 => {
            work.walk.at += first + 1;
            if first == 0 {
                return END;
            }
            work.walk.length += first + 1;
            if work.walk.length > LONGEST {
                return met(Predicate::NameTooLong);
            }
            GO_ON
        }
        3 => {
            if left < 2 {
                return cut(work);
            }
            // To an earlier name, so that no walk goes in circles (RFC 1035, 4.1.4).
            let target = short(work, 0) & 0x3fff;
            if target >= work.walk.run || target < HEADER {
                return met(Predicate::NamePointer);
            }
            if work.walk.behind == 0 {
                work.walk.behind = work.walk.at + 2;
            }
            work.walk.run = target;
            work.walk.at = target;
            GO_ON
        }
        _ => met(Predicate::LabelType),
    }
}

/// What leads out of the bytes at hand; of what is not, nothing is said, and the name or
/// record is the last one that is looked at.
#[inline(always)]
fn cut(work: &mut Work) -> u32 {
    if work.walk.cut == 0 {
        return met(Predicate::RecordOverrun);
    }
    work.walk.questions = 0;
    work.walk.records = 0;
    END
}
