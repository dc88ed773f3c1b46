//! Lists of options.

use std::collections::BTreeMap;

use enforcer_common::sanity::Predicate;
use proptest::collection::vec;
use proptest::prelude::*;

use super::rig::{outcomes, told, udp};

const UDP: u8 = 17;
const TCP: u8 = 6;

/// Bytes of which most mean something in some list.
fn byte() -> impl Strategy<Value = u8> {
    let telling: Vec<u8> = vec![
        0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 18, 19, 25, 26, 29, 34, 53, 68, 131, 137, 148, 0xc2, 255,
    ];
    prop_oneof![4 => prop::sample::select(telling), 1 => any::<u8>()]
}

/// Options that are well-formed but for a byte now and then; `own` is what a length counts
/// besides what is carried.
fn list(own: u8) -> impl Strategy<Value = Vec<u8>> {
    let option = (byte(), 0u8..12, vec(byte(), 12)).prop_map(move |(kind, length, carried)| {
        let mut option = vec![kind, length + own];
        option.extend(&carried[..length.into()]);
        option
    });
    let one_byte = prop_oneof![Just(vec![0]), Just(vec![1])];
    let list = vec(prop_oneof![3 => option, 1 => one_byte], 0..8).prop_map(|all| all.concat());
    let spoilt = (list, any::<prop::sample::Index>(), byte(), any::<bool>());
    spoilt.prop_map(|(mut list, place, byte, spoil)| {
        if spoil && !list.is_empty() {
            let place = place.index(list.len());
            list[place] = byte;
        }
        list
    })
}

/// The options of a list, each with its kind and all its bytes, up to the end; `None` where
/// one leads out of it. `fits` says how many bytes an option has, from its first two.
fn split(
    list: &[u8],
    end: Option<u8>,
    padding: Option<u8>,
    size: impl Fn(u8) -> usize,
) -> Option<Vec<(u8, Vec<u8>)>> {
    let mut options = Vec::new();
    let mut rest = list;
    while let Some(&kind) = rest.first() {
        if Some(kind) == end {
            return Some(options);
        }
        let length = if Some(kind) == padding {
            1
        } else {
            let length = size(*rest.get(1)?);
            if length < 2 {
                return None;
            }
            options.push((kind, rest.get(..length)?.to_vec()));
            length
        };
        rest = &rest[length..];
    }
    Some(options)
}

/// What is told of a list: of the first option that is no proper one.
fn first(
    list: &[u8],
    split: impl Fn(&[u8]) -> Option<Vec<(u8, Vec<u8>)>>,
    overrun: Predicate,
    judge: impl Fn(u8, usize) -> Option<Predicate>,
) -> Option<Predicate> {
    // The longest beginning of the list that can be split has the options before the one
    // that cannot.
    let whole = split(list);
    let options = whole.clone().unwrap_or_else(|| {
        let beginnings = (0..list.len()).rev().filter_map(|end| split(&list[..end]));
        beginnings.max_by_key(Vec::len).unwrap_or_default()
    });
    let odd = options
        .iter()
        .find_map(|(kind, all)| judge(*kind, all.len()));
    odd.or_else(|| whole.is_none().then_some(overrun))
}

fn padded(mut list: Vec<u8>) -> Vec<u8> {
    list.truncate(40);
    list.resize(list.len().next_multiple_of(4), 1);
    list
}

fn tcp_reference(list: &[u8]) -> Option<Predicate> {
    let split = |list: &[u8]| split(list, Some(0), Some(1), usize::from);
    first(list, split, Predicate::TcpOptionOverrun, |kind, length| {
        let proper = match kind {
            2 => length == 4,
            3 => length == 3,
            4 => length == 2,
            5 => [10, 18, 26, 34].contains(&length),
            8 => length == 10,
            19 => length == 18,
            29 => length >= 4,
            _ => true,
        };
        (!proper).then_some(Predicate::TcpOptionLength)
    })
}

fn ipv4_reference(list: &[u8]) -> Option<Predicate> {
    let split = |list: &[u8]| split(list, Some(0), Some(1), usize::from);
    first(
        list,
        split,
        Predicate::IpOptionOverrun,
        |kind, length| match (kind, length) {
            (131 | 137, _) => Some(Predicate::SourceRoute),
            (7, 2) | (68, 2 | 3) => Some(Predicate::IpOptionOverrun),
            _ => None,
        },
    )
}

fn ipv6_reference(list: &[u8]) -> Option<Predicate> {
    let split = |list: &[u8]| split(list, None, Some(0), |length| usize::from(length) + 2);
    first(list, split, Predicate::Ipv6OptionOverrun, |kind, _| {
        (kind == 0xc2).then_some(Predicate::JumboPayload)
    })
}

fn dhcp_reference(list: &[u8]) -> Option<Predicate> {
    let split = |list: &[u8]| split(list, Some(255), Some(0), |length| usize::from(length) + 2);
    let told = first(list, split, Predicate::DhcpOptionOverrun, |kind, length| {
        let carried = length - 2;
        let proper = match kind {
            53 => carried == 1,
            26 | 57 => carried == 2,
            1 | 28 | 50 | 51 | 54 | 58 | 59 => carried == 4,
            3 | 6 | 42 => carried != 0 && carried.is_multiple_of(4),
            _ => true,
        };
        (!proper).then_some(Predicate::DhcpOptionLength)
    });
    // The last one has to say that it is.
    let ended = || {
        let mut rest = list;
        while let Some(&kind) = rest.first() {
            match kind {
                255 => return true,
                0 => rest = &rest[1..],
                _ => rest = &rest[usize::from(rest[1]) + 2..],
            }
        }
        false
    };
    told.or_else(|| (!ended()).then_some(Predicate::DhcpOptionOverrun))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn of_tcp(list in list(2)) {
        let options = padded(list);
        let mut segment = vec![0xc3, 0x50, 0x0a, 0x0f, 0, 0, 0, 1, 0, 0, 0, 0];
        segment.extend([(((20 + options.len()) / 4) << 4) as u8, 2, 0x20, 0, 0, 0, 0, 0]);
        segment.extend(&options);
        let told = told(|rig| rig.ipv4(&[], TCP, &segment));
        prop_assert_eq!(told, tcp_reference(&options));
    }

    #[test]
    fn of_ipv4(list in list(2)) {
        let options = padded(list);
        let told = told(|rig| rig.ipv4(&options, UDP, &udp(5000, 161, b"data")));
        prop_assert_eq!(told, ipv4_reference(&options));
    }

    #[test]
    fn of_ipv6(list in list(0), hop_by_hop in any::<bool>()) {
        let mut options = list;
        let length = (options.len() + 2).next_multiple_of(8);
        options.resize(length - 2, 0);
        let mut extension = vec![UDP, (length / 8 - 1) as u8];
        extension.extend(&options);
        let number = if hop_by_hop { 0 } else { 60 };
        let told = told(|rig| rig.ipv6(number, &extension));
        prop_assert_eq!(told, ipv6_reference(&options));
    }

    #[test]
    fn of_dhcp(mut options in list(0), ends in any::<bool>()) {
        if ends {
            options.push(255);
        }
        let mut message = vec![0; 236];
        message[..3].copy_from_slice(&[1, 1, 6]);
        message[28..34].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
        message.extend([0x63, 0x82, 0x53, 0x63]);
        message.extend(&options);
        let told = told(|rig| rig.ipv4(&[], UDP, &udp(68, 67, &message)));
        prop_assert_eq!(told, dhcp_reference(&options));
    }
}

/// The lists above bring every outcome about.
#[test]
fn lists_are_of_all_kinds() {
    use Predicate::{
        DhcpOptionLength, DhcpOptionOverrun, IpOptionOverrun, Ipv6OptionOverrun, JumboPayload,
        SourceRoute, TcpOptionLength, TcpOptionOverrun,
    };
    let often = |outcomes: BTreeMap<Option<Predicate>, u32>, expected: &[Predicate]| {
        let expected = expected.iter().copied().map(Some).chain([None]);
        for outcome in expected {
            let count = outcomes.get(&outcome).copied().unwrap_or(0);
            assert!(count >= 40, "{outcome:?}: {outcomes:?}");
        }
    };
    let headers = list(2).prop_map(padded);
    often(
        outcomes(&headers, |list| tcp_reference(list)),
        &[TcpOptionOverrun, TcpOptionLength],
    );
    often(
        outcomes(&headers, |list| ipv4_reference(list)),
        &[IpOptionOverrun, SourceRoute],
    );
    often(
        outcomes(&list(0), |list| ipv6_reference(list)),
        &[Ipv6OptionOverrun, JumboPayload],
    );
    often(
        outcomes(&list(0), |list| {
            let mut list = list.clone();
            list.push(255);
            dhcp_reference(&list)
        }),
        &[DhcpOptionOverrun, DhcpOptionLength],
    );
}
