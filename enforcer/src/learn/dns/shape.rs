//! The shape of a DNS message (RFC 1035, 4.1), more strictly than a resolver needs:
//! every name within bounds, every record whole, nothing behind the last one. What
//! has another shape is not even parsed.

const HEADER: usize = 12;
const NAME_BYTES: usize = 255;
const LABEL_BYTES: u8 = 63;
/// The two upper bits of a compression pointer (RFC 1035, 4.1.4).
const POINTER: u8 = 0b1100_0000;

const CLASS_IN: u16 = 1;
const TYPE_A: u16 = 1;
const TYPE_CNAME: u16 = 5;
const TYPE_AAAA: u16 = 28;
const TYPE_OPT: u16 = 41;
/// Type, class, time to live and length of the data.
const RECORD: usize = 10;
/// A pointer or the root, and the rest: the shortest record.
const SHORTEST_RECORD: usize = 1 + RECORD;

/// Whether a message has one question of class IN, whole records, answers of class
/// IN, no extended error, and ends with its last record.
pub(super) fn is_proper(message: &[u8]) -> bool {
    walk(message) == Some(message.len())
}

/// Where the last record ends.
fn walk(message: &[u8]) -> Option<usize> {
    let [questions, answers, authorities, additional] =
        [4, 6, 8, 10].map(|place| number(message, place));
    let (answers, others) = (
        usize::from(answers?),
        usize::from(authorities?) + usize::from(additional?),
    );
    if questions? != 1 || (answers + others) * SHORTEST_RECORD > message.len() {
        return None;
    }
    let mut place = name(message, HEADER)?;
    if number(message, place + 2)? != CLASS_IN {
        return None;
    }
    place += 4;
    for index in 0..answers + others {
        place = record(message, place, index < answers)?;
    }
    Some(place)
}

/// A record; where it ends.
fn record(message: &[u8], place: usize, answers: bool) -> Option<usize> {
    let fixed = name(message, place)?;
    let (kind, class) = (number(message, fixed)?, number(message, fixed + 2)?);
    let data = fixed + RECORD;
    let length = usize::from(number(message, fixed + 8)?);
    let end = data
        .checked_add(length)
        .filter(|end| *end <= message.len())?;
    if answers && class != CLASS_IN {
        return None;
    }
    let whole = match kind {
        TYPE_A => length == 4,
        TYPE_AAAA => length == 16,
        TYPE_CNAME => name(message, data)? == end,
        // The upper bits of the error code stand where others have their time to live
        // (RFC 6891, 6.1.3).
        TYPE_OPT => message.get(fixed + 4)? == &0,
        _ => true,
    };
    whole.then_some(end)
}

/// A name; where its part at this place ends. Pointers lead backwards only, each
/// before everything read so far, so that they cannot lead in a circle.
fn name(message: &[u8], start: usize) -> Option<usize> {
    let (mut place, mut first, mut end, mut length) = (start, start, None, 0);
    loop {
        let byte = *message.get(place)?;
        match byte {
            0 => {
                return (length < NAME_BYTES).then_some(end.unwrap_or(place + 1));
            }
            1..=LABEL_BYTES => {
                length += 1 + usize::from(byte);
                place += 1 + usize::from(byte);
                if length >= NAME_BYTES {
                    return None;
                }
            }
            POINTER.. => {
                let target = usize::from(number(message, place)? & 0x3fff);
                if target >= first || target < HEADER {
                    return None;
                }
                end = end.or(Some(place + 2));
                (place, first) = (target, target);
            }
            _ => return None,
        }
    }
}

fn number(message: &[u8], place: usize) -> Option<u16> {
    let bytes = message.get(place..place.checked_add(2)?)?;
    Some(u16::from_be_bytes([bytes[0], bytes[1]]))
}
