//! DNS messages.

use enforcer_common::sanity::Predicate::{
    self, LabelType, NamePointer, NameTooLong, RecordOverrun,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::rig::{outcomes, told, udp};

/// A piece of a message.
#[derive(Clone, Debug)]
enum Piece {
    Label(u8),
    Pointer(u16),
    End,
    Byte(u8),
}

fn piece() -> impl Strategy<Value = Piece> {
    let label = prop_oneof![1u8..9, Just(63u8), Just(62u8), Just(61u8)];
    prop_oneof![
        6 => label.prop_map(Piece::Label),
        3 => (8u16..90).prop_map(Piece::Pointer),
        1 => any::<u16>().prop_map(Piece::Pointer),
        3 => Just(Piece::End),
        1 => any::<u8>().prop_map(Piece::Byte),
    ]
}

fn write(pieces: &[Piece], message: &mut Vec<u8>) {
    for piece in pieces {
        match piece {
            Piece::Label(length) => {
                message.push(*length);
                message.extend(vec![b'n'; (*length).into()]);
            }
            Piece::Pointer(target) => message.extend((0xc000 | target).to_be_bytes()),
            Piece::End => message.push(0),
            Piece::Byte(byte) => message.push(*byte),
        }
    }
}

/// A question or a record.
type Entry = (Vec<Piece>, Option<(u8, Vec<Piece>, i16)>);

fn message() -> impl Strategy<Value = Vec<u8>> {
    let name = || {
        // About as long as a name may be.
        let long = (58u8..64, any::<bool>()).prop_map(|(last, pointer)| {
            let end = if pointer {
                Piece::Pointer(12)
            } else {
                Piece::End
            };
            let labels = [63, 63, 63, last].map(Piece::Label);
            labels.into_iter().chain([end]).collect()
        });
        prop_oneof![6 => vec(piece(), 1..7), 1 => long]
    };
    let kind = prop::sample::select(vec![1u8, 2, 5, 6, 12, 15, 16, 33, 39]);
    let wrong = prop_oneof![8 => Just(0i16), 1 => -4i16..5];
    let carried = prop::option::of((kind, name(), wrong));
    let entry = (name(), carried);
    let cut = prop_oneof![4 => Just(None), 1 => any::<prop::sample::Index>().prop_map(Some)];
    (vec(entry, 0..5), cut).prop_map(|(entries, cut): (Vec<Entry>, _)| {
        let (mut questions, mut records) = (Vec::new(), Vec::new());
        for entry in entries {
            let of = if entry.1.is_some() {
                &mut records
            } else {
                &mut questions
            };
            of.push(entry);
        }
        let mut message = vec![0, 7, 1, 0, 0, questions.len() as u8];
        message.extend([0, 0, 0, records.len() as u8, 0, 0]);
        for (name, carried) in questions.iter().chain(&records) {
            write(name, &mut message);
            let Some((kind, pieces, wrong)) = carried else {
                message.extend([0, 1, 0, 1]);
                continue;
            };
            message.extend([0, *kind, 0, 1, 0, 0, 0, 9]);
            let mut data = vec![
                0;
                match kind {
                    15 => 2,
                    33 => 6,
                    _ => 0,
                }
            ];
            write(pieces, &mut data);
            let length = (data.len() as i16 + wrong).max(0) as u16;
            message.extend(length.to_be_bytes());
            message.extend(data);
        }
        // As far as messages are looked at.
        message.truncate(2048);
        if let Some(cut) = cut {
            message.truncate(cut.index(message.len()));
        }
        message
    })
}

/// Reads a name by taking it together first, and then looking how long it is; where what
/// follows it stands.
fn name(message: &[u8], start: usize) -> Result<usize, Predicate> {
    let (mut at, mut run, mut behind) = (start, start, None);
    let mut bytes = 0;
    loop {
        let first = *message.get(at).ok_or(RecordOverrun)?;
        match first {
            0 => return Ok(behind.unwrap_or(at + 1)),
            1..=63 => {
                bytes += 1 + usize::from(first);
                // With the byte that ends it, 255 are the most.
                if bytes + 1 > 255 {
                    return Err(NameTooLong);
                }
                at += 1 + usize::from(first);
            }
            192..=255 => {
                let second = *message.get(at + 1).ok_or(RecordOverrun)?;
                let target = usize::from(first & 0x3f) << 8 | usize::from(second);
                if !(12..run).contains(&target) {
                    return Err(NamePointer);
                }
                behind = behind.or(Some(at + 2));
                (at, run) = (target, target);
            }
            _ => return Err(LabelType),
        }
    }
}

fn reference(message: &[u8]) -> Result<(), Predicate> {
    let header = message.get(..12).ok_or(RecordOverrun)?;
    let (questions, records) = (header[5], header[9]);
    let mut at = 12;
    for _ in 0..questions {
        at = name(message, at)? + 4;
        message.get(..at).ok_or(RecordOverrun)?;
    }
    for _ in 0..records {
        let fixed = name(message, at)?;
        let fields = message.get(fixed..fixed + 10).ok_or(RecordOverrun)?;
        let length = usize::from(fields[8]) << 8 | usize::from(fields[9]);
        let data = fixed + 10;
        at = data + length;
        message.get(..at).ok_or(RecordOverrun)?;
        let skipped = match (fields[0], fields[1]) {
            (0, 2 | 5 | 6 | 12 | 39) => 0,
            (0, 15) => 2,
            (0, 33) => 6,
            _ => continue,
        };
        if data + skipped < at && name(message, data + skipped)? > at {
            return Err(RecordOverrun);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8192))]

    #[test]
    fn are_told_as_they_are(message in message(), answers in any::<bool>()) {
        let ports = if answers { (53, 40_000) } else { (40_000, 53) };
        let datagram = udp(ports.0, ports.1, &message);
        let told = told(|rig| rig.ipv4(&[], 17, &datagram));
        prop_assert_eq!(told, reference(&message).err());
    }
}

/// The messages above bring every outcome about.
#[test]
fn messages_are_of_all_kinds() {
    let outcomes = outcomes(&message(), |message| reference(message).err());
    for outcome in [NameTooLong, NamePointer, LabelType, RecordOverrun]
        .map(Some)
        .into_iter()
        .chain([None])
    {
        let count = outcomes.get(&outcome).copied().unwrap_or(0);
        assert!(count >= 40, "{outcome:?}: {outcomes:?}");
    }
}
