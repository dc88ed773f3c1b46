//! What is written is read again as it was.

mod random;

use proptest::prelude::*;

use self::random::random;
use super::*;
use crate::policy::compile::signatures::lower;
use crate::policy::parse;
use crate::policy::signature::{Action, Sender, Severity};
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
    Signature::of("smb", 7, vec![Service::Tcp(445, 445)], parts)
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
