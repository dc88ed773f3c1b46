//! Which signatures are looked for together, what that takes, and when it is too much.

use std::fmt::Write as _;
use std::time::Instant;

use enforcer_common::limits;

use super::*;
use crate::policy::compile::{Compiled, Error, compile};
use crate::policy::model::Model;
use crate::policy::parse;
use crate::policy::signature::Sender;
use crate::policy::source::{Bundle, File};

const POLICY: &str = "version: 1
peers: {server: 10.0.0.1}
profiles:
  pump: {allow: [{to: server, tcp: 80}]}
  gateway: {allow: [{to: server, tcp: 81}]}
";

fn bundle(text: &str) -> Bundle {
    let main = File {
        path: "p.yaml".into(),
        text: text.to_owned(),
    };
    Bundle {
        main,
        included: Vec::new(),
    }
}

fn model(signatures: Vec<Signature>) -> Model {
    let (model, _) = parse(&bundle(POLICY)).unwrap();
    Model {
        signatures,
        ..model
    }
}

fn compiled(signatures: Vec<Signature>) -> Compiled {
    compile(&model(signatures)).unwrap()
}

#[track_caller]
fn refused(signatures: Vec<Signature>, expected: &str) {
    match compile(&model(signatures)) {
        Err(Error::Signatures(error)) => assert_eq!(error, expected),
        other => panic!("{other:?}"),
    }
}

/// A text that differs from all others early.
fn word(number: usize) -> Vec<u8> {
    let letters = b"abcdefghijklmnopqrstuvwxyz012345";
    let letter = |place: usize| letters[number >> (5 * place) & 31];
    (0..12).map(|place| letter(place % 4)).collect()
}

fn many(count: usize, services: impl Fn(usize) -> Vec<Service>) -> Vec<Signature> {
    let signatures = (0..count).map(|number| Signature {
        id: number as u32 + 1,
        services: services(number),
        ..signature(&format!("s{number:04}"), vec![bytes(&word(number))])
    });
    signatures.collect()
}

fn tcp(ports: &[u16]) -> Vec<Service> {
    ports
        .iter()
        .map(|port| Service::Tcp(*port, *port))
        .collect()
}

fn grouped(compiled: &Compiled) -> Vec<Vec<usize>> {
    let groups = compiled.inspected.iter();
    groups.map(|group| group.signatures.clone()).collect()
}

#[test]
fn the_same_policy_gives_the_same_bytes() {
    let signatures = many(40, |number| tcp(&[80 + (number % 7) as u16, 443]));
    let first = compiled(signatures.clone());
    assert_eq!(first, compiled(signatures.clone()));
    // In another order they have other numbers, and take as much.
    let mut turned = signatures;
    turned.reverse();
    let sizes = |compiled: &Compiled| {
        let sizes = compiled.inspected.iter();
        let mut sizes: Vec<_> = sizes.map(|size| (size.states, size.bytes)).collect();
        sizes.sort_unstable();
        sizes
    };
    assert_eq!(sizes(&first), sizes(&compiled(turned)));
}

#[test]
fn a_set_of_signatures_is_a_group_wherever_it_is_looked_for() {
    let mut signatures = many(3, |_| tcp(&[80, 8080]));
    signatures[1].services = tcp(&[80, 8080, 443]);
    signatures[2].sender = Sender::Either;
    let groups = grouped(&compiled(signatures));
    // What clients send to either port, what servers do, and what is sent to port 443.
    let mut sorted = groups.clone();
    sorted.sort();
    assert_eq!(sorted, [vec![0, 1, 2], vec![1], vec![2]], "{groups:?}");
    assert_eq!(grouped(&compiled(Vec::new())), Vec::<Vec<usize>>::new());
}

#[test]
fn profiles_have_groups_of_what_names_them() {
    let mut signatures = many(4, |_| tcp(&[80]));
    signatures[1].profiles = vec![0];
    signatures[2].profiles = vec![1];
    signatures[3].profiles = vec![1];
    signatures[3].services = tcp(&[81]);
    let compiled_groups = |signatures: &[Signature]| {
        let mut groups = grouped(&compiled(signatures.to_vec()));
        groups.sort();
        groups
    };
    // At port 80: for nobody in particular, for pumps, where both meet, and for gateways.
    let at_80 = [vec![0], vec![0, 1], vec![0, 1, 2], vec![0, 2]];
    assert_eq!(
        compiled_groups(&signatures),
        [&at_80[..], &[vec![3]]].concat()
    );
    // Profiles that are named alike share one.
    signatures[1].profiles = vec![0, 1];
    signatures[2].profiles = vec![0, 1];
    signatures[3].profiles = vec![0, 1];
    assert_eq!(
        compiled_groups(&signatures),
        [vec![0], vec![0, 1, 2], vec![3]]
    );
}

#[test]
fn where_groups_of_profiles_take_too_much_all_have_one() {
    // What is for all takes most of what there is, and would be there four times.
    let mut signatures = many(4000, |_| tcp(&[80]));
    for (number, signature) in signatures.iter_mut().enumerate() {
        let text: Vec<u8> = (0..3).flat_map(|_| word(number)).collect();
        signature.parts = vec![bytes(&text)];
    }
    signatures[0].profiles = vec![0];
    signatures[1].profiles = vec![1];
    let compiled = compiled(signatures);
    let counts: Vec<usize> = grouped(&compiled).iter().map(Vec::len).collect();
    println!(
        "{:?}",
        compiled
            .inspected
            .iter()
            .map(|size| size.bytes)
            .collect::<Vec<_>>()
    );
    assert_eq!(counts, [4000]);
}

#[test]
fn what_a_group_takes_is_told() {
    let size = |patterns: &[&str]| {
        let signatures = patterns.iter().enumerate().map(|(number, pattern)| {
            let parts = vec![bytes(pattern.as_bytes())];
            signature(&format!("s{number}"), parts)
        });
        let compiled = compiled(signatures.collect());
        let [size] = compiled.inspected.as_slice() else {
            panic!("{:?}", compiled.inspected)
        };
        (size.states, size.bytes, size.filtered)
    };
    // Classes, a word a state and class and one for the list, in whole lines, and a line of
    // lists.
    let rows = |states: usize, classes: usize| {
        let bytes = states * (classes + 1) * 4;
        bytes.next_multiple_of(64)
    };
    assert_eq!(size(&["abc"]), (4, 256 + rows(4, 4) + 64, false));
    // As they share their beginning.
    let three = size(&["abc", "abd", "ABCD"]);
    assert_eq!(three, (6, 256 + rows(6, 5) + 64, false));
    // Sixteen letters and another byte; and both tables of a filter.
    let (states, bytes, filtered) = size(&["abcdefghijklmnop"]);
    assert_eq!((states, filtered), (17, true));
    assert_eq!(bytes, 256 + rows(17, 17) + 64 + 2 * 8 * 256);
}

#[test]
fn short_patterns_of_too_many_bytes_are_refused() {
    let pairs = |count: u8| -> Vec<Signature> {
        let pairs = (0..count).map(|index| {
            let pair = [0x80 + index % 100, index % 128];
            signature(&format!("s{index:03}"), vec![bytes(&pair)])
        });
        pairs
            .chain([signature("long", vec![bytes(b"abcdefghijk")])])
            .collect()
    };
    assert_eq!(compiled(pairs(45)).inspected.len(), 1);
    refused(
        pairs(100),
        "101 signatures that are looked for together have too many short patterns of too many different bytes, the shortest s000, s001, s002, s003, s004, …: name their ports, or longer patterns",
    );
}

#[test]
fn as_many_as_a_state_tells_of_and_no_more() {
    let same = |count: usize| -> Vec<Signature> {
        let names = (0..count).map(|number| format!("s{number:02}"));
        names
            .map(|name| signature(&name, vec![bytes(b"pattern")]))
            .collect()
    };
    assert_eq!(compiled(same(16)).inspected.len(), 1);
    refused(
        same(17),
        "17 signatures share the end of a pattern, or have ends that are not told apart; 16 may: s00, s01, s02, s03, s04, …",
    );
    // Ends count, not wholes.
    let ends = (1..=17).map(|length| {
        let text: Vec<u8> = (0..length).rev().map(|place| b'a' + place).collect();
        signature(&format!("e{length:02}"), vec![bytes(&text)])
    });
    refused(
        ends.collect(),
        "17 signatures share the end of a pattern, or have ends that are not told apart; 16 may: e01, e02, e03, e04, e05, …",
    );
    // At other ports they are no trouble.
    let mut apart = same(32);
    for signature in &mut apart[16..] {
        signature.services = vec![Service::Udp(0, u16::MAX)];
    }
    assert_eq!(compiled(apart).inspected.len(), 2);
}

#[test]
fn what_cannot_be_lowered_is_named() {
    refused(
        vec![signature("empty", Vec::new())],
        "the signature empty: no part compares bytes: numbers alone are found everywhere",
    );
}

#[test]
fn as_many_as_are_numbered_compile() {
    let count = limits::SIGNATURES as usize;
    let signatures = many(count, |_| vec![Service::Tcp(0, u16::MAX)]);
    let start = Instant::now();
    let compiled = compiled(signatures);
    let size = &compiled.inspected[0];
    println!(
        "{count} signatures: {} states, {} KiB, {:?}",
        size.states,
        size.bytes / 1024,
        start.elapsed()
    );
    let mut more = many(count + 1, |_| tcp(&[80]));
    more.truncate(count + 1);
    match compile(&model(more)) {
        Err(error) => assert_eq!(
            error.to_string(),
            "the policy has 4096 signatures; the tables hold 4095"
        ),
        Ok(_) => panic!("one too many"),
    }
}

/// Each has ports of its own, and all that follow have them too.
#[test]
fn groups_without_end_are_refused_by_the_budget() {
    let signatures = many(1_000, |number| vec![Service::Tcp(1, 1 + number as u16)]);
    let start = Instant::now();
    refused(
        signatures,
        "the signatures take more than the 32768 KiB that they may; the costliest are s0999, s0998, s0997, s0996, s0995: name their ports",
    );
    println!("refused after {:?}", start.elapsed());
}

#[test]
fn states_without_end_are_refused_by_the_budget() {
    let mut seed = 1_u64;
    let mut byte = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 56) as u8
    };
    let signatures = (0..4_000).map(|number| {
        let text: Vec<u8> = (0..40).map(|_| byte()).collect();
        signature(&format!("s{number:04}"), vec![bytes(&text)])
    });
    let start = Instant::now();
    refused(
        signatures.collect(),
        "the signatures take more than the 32768 KiB that they may; the costliest are s0000, s0001, s0002, s0003, s0004: name their ports",
    );
    println!("refused after {:?}", start.elapsed());
}

#[test]
fn far_too_many_are_one_error() {
    let mut text = format!("{POLICY}signatures:\n");
    for number in 0..20_000 {
        writeln!(
            text,
            "  - {{name: s{number}, tcp: 80, find: [{{text: abc}}]}}"
        )
        .unwrap();
    }
    let start = Instant::now();
    let told = parse(&bundle(&text)).unwrap_err();
    println!("refused after {:?}", start.elapsed());
    assert_eq!(
        told.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["p.yaml:4102:5: error: signatures[4095]: at most 4095 signatures are possible"]
    );
}
