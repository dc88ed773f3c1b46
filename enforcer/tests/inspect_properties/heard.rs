//! What is let be said where order is strict: whatever a sender repeats, splits, joins or
//! lies about, no receiver puts together a message that the rule does not list; and what is
//! listed passes, however it is cut.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::rig::{Outcome, Rig};
use crate::run::for_all;
use crate::signatures::Random;
use crate::soundness::{Freedom, is_sound, moves};

/// A protocol, in which texts of 40 bytes are said.
struct Spoken {
    rule: &'static str,
    /// A message that is listed, or one that is not.
    message: fn(&mut Random, listed: bool) -> Vec<u8>,
    /// Whether the whole of a message that is not listed is in a text, or what is none.
    bears: fn(&[u8]) -> bool,
}

const MODBUS: Spoken = Spoken {
    rule: "modbus: {functions: 3}",
    message: |random, listed| {
        let data = random.below(6);
        let mut request = vec![0, 1, 0, 0, 0, 2 + data as u8, 7];
        request.push(if listed { 3 } else { 6 });
        request.extend(vec![3; data]);
        request
    },
    bears: |text| {
        let mut rest = text;
        while let [_, _, p0, p1, l0, l1, _, function, ..] = rest {
            let length = usize::from(*l0) << 8 | usize::from(*l1);
            if *function != 3 || (*p0, *p1) != (0, 0) || !(2..=254).contains(&length) {
                return true;
            }
            rest = rest.get(6 + length..).unwrap_or_default();
        }
        false
    },
};

const HL7: Spoken = Spoken {
    rule: "hl7: {application: AB}",
    message: |random, listed| {
        let name = if listed {
            "AB"
        } else {
            ["A", "BB", "ABC", ""][random.below(4)]
        };
        let body = &"|x|y"[..random.below(5)];
        format!("\x0bMSH|^~\\&|{name}|{body}\r\x1c\r").into_bytes()
    },
    bears: |text| {
        if text.first().is_some_and(|byte| *byte != 0x0b) {
            return true;
        }
        let mut messages = text.split(|byte| *byte == 0x0b).skip(1).peekable();
        while let Some(message) = messages.next() {
            // The last one may be to be continued.
            let whole = messages.peek().is_some();
            match sender(message) {
                Sender::Unknown if !whole => {}
                Sender::Is(name) if name == b"AB" => {}
                _ => return true,
            }
        }
        false
    },
};

enum Sender<'m> {
    Is(&'m [u8]),
    /// The message does not say so yet.
    Unknown,
    Nobody,
}

/// Who sends a message: its third field, by whichever characters it separates.
fn sender(message: &[u8]) -> Sender<'_> {
    let common = message.len().min(3);
    if message[..common] != b"MSH"[..common] {
        return Sender::Nobody;
    }
    let [separator, between, ..] = message[common..] else {
        return match message.get(3) {
            Some(b'\r') => Sender::Nobody,
            _ => Sender::Unknown,
        };
    };
    if separator == b'\r' {
        return Sender::Nobody;
    }
    let fields = &message[4..];
    let is_end = |byte: &u8| *byte == separator || *byte == b'\r';
    let Some(first) = fields.iter().position(is_end) else {
        return Sender::Unknown;
    };
    if fields[first] == b'\r' {
        return Sender::Nobody;
    }
    let name = &fields[first + 1..];
    match name.iter().position(is_end) {
        Some(end) => {
            let name = &name[..end];
            let component = name.iter().position(|byte| *byte == between);
            Sender::Is(&name[..component.unwrap_or(end)])
        }
        None => Sender::Unknown,
    }
}

/// A text of messages that are listed, and one in which others are among them.
fn texts(spoken: &Spoken, random: &mut Random) -> (Vec<u8>, Vec<u8>) {
    let mut text = |honest: bool| {
        let mut text = Vec::new();
        while text.len() < 40 {
            let listed = honest || random.below(2) == 0;
            text.extend((spoken.message)(random, listed));
        }
        text.truncate(40);
        text
    };
    (text(true), text(false))
}

fn check(spoken: &'static Spoken, freedom: Freedom) {
    let inputs = (1..u64::MAX, vec(moves(freedom), 16));
    let show = |_: &(u64, Vec<_>)| spoken.rule.to_owned();
    for_all(60, &inputs, show, |(seed, talks)| {
        let mut rig = Rig::hearing(spoken.rule);
        let mut random = Random(seed);
        for talk in talks {
            let (truth, lie) = texts(spoken, &mut random);
            prop_assert!(!(spoken.bears)(&truth));
            is_sound(&mut rig, &spoken.bears, (&truth, &lie), &talk)?;
        }
        Ok(())
    });
}

fn listed_passes(spoken: &'static Spoken) {
    let inputs = (1..u64::MAX, vec(1..9_usize, 40));
    let show = |_: &(u64, Vec<usize>)| spoken.rule.to_owned();
    for_all(200, &inputs, show, |(seed, cuts)| {
        let mut rig = Rig::hearing(spoken.rule);
        let (truth, lie) = texts(spoken, &mut Random(seed));
        for (text, listed) in [(&truth, true), (&lie, !(spoken.bears)(&lie))] {
            rig.open();
            let mut place = 0;
            for cut in &cuts {
                let end = (place + cut).min(text.len());
                let outcome = rig.says(place, &text[place..end]);
                let borne = (spoken.bears)(&text[..end]);
                prop_assert_eq!(
                    outcome == Outcome::Found,
                    borne,
                    "{}",
                    text[..end].escape_ascii()
                );
                if borne {
                    break;
                }
                place = end;
            }
            prop_assert!(!listed || place == text.len() || cuts.iter().sum::<usize>() < 40);
        }
        Ok(())
    });
}

const JOINS: Freedom = Freedom {
    joins: true,
    trims: false,
};
const TRIMS: Freedom = Freedom {
    joins: false,
    trims: true,
};

#[test]
fn a_function_is_not_put_together() {
    for freedom in [Freedom::default(), JOINS, TRIMS] {
        check(&MODBUS, freedom);
    }
}

#[test]
fn a_message_is_not_put_together() {
    for freedom in [Freedom::default(), JOINS, TRIMS] {
        check(&HL7, freedom);
    }
}

#[test]
fn what_is_listed_passes_and_nothing_else() {
    listed_passes(&MODBUS);
    listed_passes(&HL7);
}
