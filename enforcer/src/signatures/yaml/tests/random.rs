//! Random signatures, as odd as a policy may have them.

use enforcer_common::sanity::FIRST_PREDICATE_ID;
use proptest::collection::vec;
use proptest::prelude::*;

use super::part;
use crate::policy::model::Service;
use crate::policy::signature::{
    Action, Begin, Compare, Jump, Number, Part, Per, Sender, Severity, Signature, TcpFlags,
    Threshold, What,
};

/// Texts that YAML has its own mind about among them.
fn text() -> impl Strategy<Value = String> {
    const ODD: [&str; 40] = [
        "null",
        "~",
        "true",
        "no",
        "Off",
        "y",
        "1",
        "-1",
        "+1",
        "0x1f",
        "0o17",
        "017",
        "0b1",
        "1_0",
        "1.5",
        "1e5",
        ".5",
        "5.",
        ".inf",
        "-.INF",
        ".nan",
        "2027-03-01",
        "12:30:45",
        "<<",
        "=",
        "---",
        "...",
        "- a",
        "? a",
        "a: b",
        "a #b",
        "#",
        "&a",
        "*a",
        "!t",
        "%d",
        "@a",
        "`a",
        "[",
        "|",
    ];
    prop_oneof![
        2 => prop::sample::select(&ODD[..]).prop_map(str::to_owned),
        1 => r#"[ -~]{0,12}"#,
        1 => r#"[ \n\t'":#&*\-\\|>%\[\]{},?!.~a\r]{0,10}"#,
        1 => vec(any::<char>(), 0..8).prop_map(String::from_iter),
        1 => vec(
            prop::sample::select(&['\0', '\u{7f}', '\u{85}', '\u{a0}', '\u{2028}', '\u{feff}', '\u{ffff}', ' ', 'a', '\n'][..]),
            0..6
        )
        .prop_map(String::from_iter),
    ]
}

fn what() -> impl Strategy<Value = What> {
    let bytes = prop_oneof![
        vec(any::<u8>(), 1..24),
        vec(b' '..=b'~', 1..24),
        vec(prop::sample::select(&b"0123456789eE.+-_xX :"[..]), 1..6),
    ];
    let compare = prop::sample::select(vec![
        Compare::Equal,
        Compare::Unequal,
        Compare::Below,
        Compare::Above,
        Compare::Any,
    ]);
    let number = (
        prop::sample::select(&[1_u8, 2, 4][..]),
        any::<bool>(),
        any::<u32>(),
        compare,
        any::<u32>(),
    );
    let jump = (
        prop::sample::select(&[1_u8, 2, 4][..]),
        any::<[bool; 3]>(),
        prop_oneof![Just(1), 1..=u16::MAX],
        -2000..2000_i32,
    );
    prop_oneof![
        4 => (bytes, any::<bool>()).prop_map(|(bytes, nocase)| What::Bytes { bytes, nocase }),
        1 => jump.prop_map(|(width, [little_endian, align, from_beginning], multiply, add)| {
            What::Jump(Jump {
                width,
                little_endian,
                multiply,
                align,
                add,
                from_beginning,
            })
        }),
        2 => number.prop_map(|(width, little_endian, mask, compare, value)| {
            let most = u32::MAX >> (32 - 8 * u32::from(width));
            What::Number(Number {
                width,
                little_endian,
                mask: if mask % 3 == 0 { most } else { mask & most },
                compare,
                value: value & most,
            })
        }),
    ]
}

prop_compose! {
    fn random_part()(
        what in what(),
        relative in prop::bool::weighted(0.95),
        first in -40..40_i32,
        window in prop::option::of(0..40_i32),
        anywhere in prop::bool::weighted(0.3),
    ) -> Part {
        let first = if relative { first } else { first.max(0) };
        match anywhere {
            true => part(what, relative, 0, None),
            false => part(what, relative, first, window.map(|window| first + window)),
        }
    }
}

fn ports() -> impl Strategy<Value = (u16, u16)> {
    prop_oneof![
        Just((0, u16::MAX)),
        any::<u16>().prop_map(|port| (port, port)),
        any::<[u16; 2]>().prop_map(|[a, b]| (a.min(b), a.max(b))),
    ]
}

prop_compose! {
    pub(super) fn random()(
        name in "[a-z0-9][a-z0-9._-]{0,12}",
        id in 1..FIRST_PREDICATE_ID,
        message in text(),
        references in vec(text(), 0..3),
        words in (0..5_usize, 0..3_usize, 0..3_usize),
        tcp in vec(ports(), 0..3),
        udp in vec(ports(), 1..3),
        protected in prop::sample::subsequence(vec![0, 1], 0..=2),
        (segments, flags, hits) in (any::<bool>(), any::<u8>(), 0..99_u32),
        parts in vec(random_part(), 1..5),
    ) -> Signature {
        let severities =
            [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
        let tcp = tcp.into_iter().map(|(first, last)| Service::Tcp(first, last));
        let udp = udp.into_iter().map(|(first, last)| Service::Udp(first, last));
        let mut parts = parts;
        // The first one counts from the beginning.
        let head = &mut parts[0];
        head.relative = false;
        let behind = -head.first.min(0);
        head.first += behind;
        head.last = head.last.map(|last| last + behind);
        let services =
            if segments { vec![Service::Tcp(80, 80)] } else { tcp.chain(udp).collect() };
        Signature {
            message,
            references,
            severity: severities[words.0],
            action: [Action::Alert, Action::Drop, Action::Cut][words.1],
            sender: [Sender::Client, Sender::Server, Sender::Either][words.2],
            begin: if segments { Begin::Segment } else { Begin::default() },
            threshold: (hits > 0).then_some(Threshold {
                hits,
                seconds: 1 + u32::from(flags) * 2371,
                per: if segments { Per::Source } else { Per::Destination },
                every: hits % 2 == 0,
            }),
            tcp_flags: if segments {
                TcpFlags { set: 0x12, clear: flags & !0x12, any: flags }
            } else {
                TcpFlags::default()
            },
            length: segments.then_some((0, 99)),
            ends: segments,
            profiles: protected,
            ..Signature::of(name, id, services, parts)
        }
    }
}
