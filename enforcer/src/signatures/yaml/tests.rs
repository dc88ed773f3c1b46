//! What is written is read again as it was.

use enforcer_common::sanity::FIRST_PREDICATE_ID;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::policy::compile::signatures::lower;
use crate::policy::parse;
use crate::policy::signature::{Action, Begin, Jump, Per, Sender, Severity, TcpFlags, Threshold};
use crate::policy::source::{Bundle, File};
use crate::signatures::suricata::import;

const PROFILES: &str = "version: 1\nprofiles: {pump: {}, monitor: {}}\ninclude: rules.yaml\n";

/// The signatures that a policy has by a text that it includes, and its profiles.
fn read(text: &str) -> Result<(Vec<Signature>, Vec<Profile>), String> {
    let file = |path: &str, text: &str| File {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let bundle = Bundle {
        main: file("p.yaml", PROFILES),
        included: vec![file("rules.yaml", text)],
    };
    let (model, _) = parse(&bundle).map_err(|errors| format!("{errors}\nin\n{text}"))?;
    Ok((model.signatures, model.profiles))
}

fn profiles() -> Vec<Profile> {
    read("signatures: []").unwrap().1
}

fn signature(parts: Vec<Part>) -> Signature {
    Signature {
        name: "smb".into(),
        id: 7,
        message: String::new(),
        references: Vec::new(),
        severity: Severity::default(),
        action: Action::default(),
        sender: Sender::default(),
        begin: Begin::default(),
        threshold: None,
        tcp_flags: TcpFlags::default(),
        quarantine: None,
        tags: Vec::new(),
        absent: Vec::new(),
        length: None,
        ends: false,
        services: vec![Service::Tcp(445, 445)],
        profiles: Vec::new(),
        parts,
    }
}

const fn part(what: What, relative: bool, first: i32, last: Option<i32>) -> Part {
    Part {
        what,
        relative,
        first,
        last,
    }
}

fn bytes(bytes: &[u8]) -> What {
    What::Bytes {
        bytes: bytes.to_vec(),
        nocase: false,
    }
}

#[test]
fn a_whole_one() {
    let number = |width, little_endian, mask, compare, value| {
        What::Number(Number {
            width,
            little_endian,
            mask,
            compare,
            value,
        })
    };
    let signature = Signature {
        message: "# it's \"no\": comment".into(),
        references: vec!["CVE-2017-0144".into(), "1.5".into()],
        severity: Severity::Critical,
        action: Action::Cut,
        sender: Sender::Either,
        begin: Begin::default(),
        threshold: None,
        tcp_flags: TcpFlags::default(),
        quarantine: None,
        tags: Vec::new(),
        absent: Vec::new(),
        length: None,
        ends: false,
        services: vec![
            Service::Tcp(0, u16::MAX),
            Service::Udp(0, 79),
            Service::Udp(81, 81),
        ],
        profiles: vec![0],
        ..signature(vec![
            part(bytes(b"\xffSMB"), false, 4, None),
            part(
                What::Bytes {
                    bytes: b"50".to_vec(),
                    nocase: true,
                },
                true,
                0,
                None,
            ),
            part(bytes(b" a\t"), true, -8, Some(4)),
            part(
                number(1, false, 0xff, Compare::Equal, 14),
                true,
                0,
                Some(64),
            ),
            part(
                number(2, true, 0xf0, Compare::Above, 16),
                true,
                -2,
                Some(-2),
            ),
            part(number(4, false, u32::MAX, Compare::Any, 128), true, 3, None),
        ])
    };
    let profiles = profiles();
    let text = document([&signature], &profiles).unwrap();
    let monitor = &profiles[0].name;
    assert_eq!(
        text,
        format!(
            r##"signatures:
- name: smb
  id: 7
  message: '# it''s "no": comment'
  references:
  - CVE-2017-0144
  - '1.5'
  severity: critical
  action: cut
  from: either
  tcp: any
  udp:
  - 0-79
  - 81
  profiles:
  - {monitor}
  find:
  - bytes: ff 53 4d 42
    at: 4..
  - text: '50'
    nocase: true
  - bytes: 20 61 09
    after: -8..4
  - u8: 14
    after: 0-64
  - u16: '> 16'
    mask: '0xf0'
    endian: little
    after: -2
  - u32: '& 0x80'
    after: 3..
"##
        )
    );
    assert_eq!(read(&text).unwrap().0, [signature]);
}

#[test]
fn what_says_nothing_is_left_out() {
    let signature = signature(vec![part(bytes(b"a"), false, 0, None)]);
    let text = document([&signature], &[]).unwrap();
    let expected = "signatures:
- name: smb
  id: 7
  severity: medium
  action: drop
  from: client
  tcp: 445
  find:
  - text: a
";
    assert_eq!(text, expected);
    assert_eq!(read(&text).unwrap().0, [signature]);
    assert_eq!(document([], &[]).unwrap(), "signatures: []\n");
}

#[test]
fn rules_at_their_limits() {
    for rule in [
        r#"alert udp any any -> any !80 (content:"a"; offset:65535; depth:65535; sid:1;)"#,
        r#"alert udp any any -> any 0 (msg:"null"; content:"a"; content:"b"; within:65535; sid:1;)"#,
        r#"alert tcp any any -> any :90 (msg:"~"; content:"a"; content:"b"; distance:-200; sid:1;)"#,
        r#"alert udp any any -> any any (byte_test:1,<,256,0; content:"a"; offset:1; depth:1; sid:1;)"#,
        r#"alert tcp any any -> any [80,443,8000:] (content:"a"; byte_test:1,!&,3,-200,relative; sid:1;)"#,
    ] {
        let imported = import(rule);
        assert_eq!(imported.refused, [], "{rule}");
        let signature = &imported.loaded[0].signature;
        let text = document([signature], &[]).unwrap();
        assert_eq!(read(&text).unwrap().0.first(), Some(signature), "{rule}");
    }
}

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
    fn random()(
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
        Signature {
            name,
            id,
            message,
            references,
            severity: severities[words.0],
            action: [Action::Alert, Action::Drop, Action::Cut][words.1],
            sender: [Sender::Client, Sender::Server, Sender::Either][words.2],
            begin: if segments { Begin::Segment } else { Begin::default() },
            threshold: (hits > 0).then_some(Threshold { hits, seconds: 1 + u32::from(flags) * 2371, per: if segments { Per::Source } else { Per::Destination }, every: hits % 2 == 0 }),
            tcp_flags: if segments { TcpFlags { set: 0x12, clear: flags & !0x12, any: flags } } else { TcpFlags::default() },
            quarantine: None,
            tags: Vec::new(),
            absent: Vec::new(),
            length: segments.then_some((0, 99)),
            ends: segments,
            services: if segments { vec![Service::Tcp(80, 80)] } else { tcp.chain(udp).collect() },
            profiles: protected,
            parts,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2048,
        max_global_rejects: 1 << 16,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_one(signature in random()) {
        prop_assume!(lower(&signature).is_ok() && !["any", "deny"].contains(&&*signature.name));
        let text = document([&signature], &profiles()).unwrap();
        let (signatures, _) = read(&text).map_err(TestCaseError::fail)?;
        prop_assert_eq!(signatures, [signature], "{}", text);
    }
}
