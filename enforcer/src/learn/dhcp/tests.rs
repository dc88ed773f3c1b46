//! Which DHCP messages grant what.

use proptest::prelude::*;

use super::*;

const CLIENT: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// A server's message with these options, END included where wanted.
fn reply(options: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; v4::OPTIONS];
    bytes[..3].copy_from_slice(&[v4::BOOTREPLY, 1, 6]);
    bytes[v4::YIADDR..v4::YIADDR + 4].copy_from_slice(&[10, 0, 0, 5]);
    bytes[v4::CHADDR..v4::CHADDR + 6].copy_from_slice(&CLIENT);
    bytes[v4::COOKIE..].copy_from_slice(&v4::COOKIE_VALUE);
    bytes.extend(options);
    bytes
}

const ACK: [u8; 3] = [53, 1, 5];
const HOUR: [u8; 6] = [51, 4, 0, 0, 0x0e, 0x10];

fn granted(seconds: u32) -> Result<Option<Grant>, Refusal> {
    Ok(Some(Grant {
        client: Some(Mac(CLIENT)),
        addresses: vec![([10, 0, 0, 5].into(), seconds)],
    }))
}

#[test]
fn an_acknowledgement_grants_for_its_time() {
    let ack = |options: &[u8]| grant(&reply(&[&ACK[..], options, &[255]].concat()));
    assert_eq!(ack(&HOUR), granted(3_600));
    assert_eq!(ack(&[]), granted(UNSTATED));
    assert_eq!(ack(&[51, 4, 0, 0, 0, 0]), granted(SHORTEST));
    assert_eq!(ack(&[51, 4, 255, 255, 255, 255]), granted(FOR_EVER));
    assert_eq!(ack(&[0, 0, 51, 4, 0, 1, 0, 0]), granted(65_536));
}

#[test]
fn other_messages_grant_nothing() {
    for kind in [1, 2, 3, 4, 6, 7, 8] {
        let message = reply(&[&[53, 1, kind][..], &HOUR, &[255]].concat());
        assert_eq!(grant(&message), Ok(None), "type {kind}");
    }
    let mut inform = reply(&[&ACK[..], &[255]].concat());
    inform[v4::YIADDR..v4::YIADDR + 4].fill(0);
    assert_eq!(grant(&inform), Ok(None));
}

#[test]
fn odd_messages_are_malformed() {
    let good = reply(&[&ACK[..], &HOUR, &[255, 0, 0]].concat());
    assert_eq!(grant(&good), granted(3_600));
    for length in 0..good.len() - 2 {
        let cut = grant(&good[..length]);
        assert_eq!(cut, Err(Refusal::Malformed), "cut off after {length}");
    }
    for (what, place) in [
        ("a request", 0),
        ("another medium", 1),
        ("a long address", 2),
        ("no cookie", v4::COOKIE),
    ] {
        let mut odd = good.clone();
        odd[place] ^= 3;
        assert_eq!(grant(&odd), Err(Refusal::Malformed), "{what}");
    }
    for (what, options) in [
        ("two types", [&ACK[..], &ACK, &[255]].concat()),
        ("two times", [&ACK[..], &HOUR, &HOUR, &[255]].concat()),
        ("no type", [&HOUR[..], &[255]].concat()),
        ("a long type", vec![53, 2, 5, 5, 255]),
        ("a short time", [&ACK[..], &[51, 2, 1, 1, 255]].concat()),
        (
            "an option beyond the end",
            [&ACK[..], &[12, 200, 1, 255]].concat(),
        ),
        ("something behind", [&ACK[..], &[255, 1]].concat()),
    ] {
        assert_eq!(grant(&reply(&options)), Err(Refusal::Malformed), "{what}");
    }
}

fn option(number: u16, value: &[u8]) -> Vec<u8> {
    let length = value.len() as u16;
    [&number.to_be_bytes()[..], &length.to_be_bytes(), value].concat()
}

fn address(host: u8, valid: u32, within: &[u8]) -> Vec<u8> {
    let address = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, host.into());
    let fixed = [&address.octets()[..], &[0; 4], &valid.to_be_bytes(), within].concat();
    option(v6::IA_ADDRESS, &fixed)
}

fn association(within: &[u8]) -> Vec<u8> {
    option(v6::IA_NA, &[&[0; 12], within].concat())
}

fn reply_v6(options: &[u8]) -> Vec<u8> {
    [&[v6::REPLY, 1, 2, 3], options].concat()
}

#[test]
fn a_reply_grants_its_addresses() {
    let failed = option(v6::STATUS, &[0, 2]);
    let fine = option(v6::STATUS, &[0, 0]);
    let reply = reply_v6(
        &[
            option(1, &[0; 10]),
            association(&[address(1, 7_200, &fine), fine.clone()].concat()),
            association(&[address(2, 7_200, &[]), failed.clone()].concat()),
            association(
                &[
                    address(3, 7_200, &failed),
                    address(4, 0, &[]),
                    address(5, 1, &[]),
                ]
                .concat(),
            ),
        ]
        .concat(),
    );
    let addresses = grant_v6(&reply).unwrap().unwrap().addresses;
    let hosts: Vec<_> = addresses
        .iter()
        .map(|(address, time)| (address.to_string(), *time))
        .collect();
    assert_eq!(
        hosts,
        [("fd00::1".to_owned(), 7_200), ("fd00::5".to_owned(), 60)]
    );
    let whole = reply_v6(&[association(&address(1, 7_200, &[])), failed].concat());
    assert_eq!(grant_v6(&whole), Ok(None));
    let mut advertise = reply;
    advertise[0] = 2;
    assert_eq!(grant_v6(&advertise), Ok(None));
}

#[test]
fn a_reply_cut_short_is_malformed_or_grants_nothing() {
    let good = reply_v6(&association(&address(1, 7_200, &[])));
    assert!(grant_v6(&good).unwrap().is_some());
    for length in 0..good.len() {
        let cut = grant_v6(&good[..length]);
        assert!(!matches!(cut, Ok(Some(_))), "cut off after {length}");
    }
    let odd = reply_v6(&option(v6::IA_NA, &[0; 8]));
    assert_eq!(grant_v6(&odd), Err(Refusal::Malformed));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        for grant in [grant(&bytes), grant_v6(&bytes)] {
            prop_assert!(grant.is_err() || grant.is_ok());
        }
    }

    #[test]
    fn a_changed_message_grants_only_what_is_in_it(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = reply(&[&ACK[..], &HOUR, &[255]].concat());
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Ok(Some(grant)) = grant(&bytes) {
            let yours: [u8; 4] = bytes[v4::YIADDR..v4::YIADDR + 4].try_into().unwrap();
            prop_assert_eq!(grant.addresses[0].0, IpAddr::from(yours));
        }
    }
}
