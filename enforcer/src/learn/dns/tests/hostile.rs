//! Messages that nobody honest sends, too many of them, and random ones.

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;

#[test]
fn odd_shapes_are_malformed() {
    let good = pacs();
    let refused = |bytes: &[u8]| Message::parse(bytes).err() == Some(Refusal::Malformed);
    assert!(!refused(&good));
    for length in 0..good.len() {
        assert!(refused(&good[..length]), "cut off after {length}");
    }
    assert!(refused(&[&good[..], &[0]].concat()), "something behind");
    let owner = good.len() - 16;
    assert_eq!(good[owner..owner + 2], ASKED);
    for (what, pointer) in [
        ("itself", owner),
        ("forwards", owner + 4),
        ("the header", 4),
    ] {
        let mut odd = good.clone();
        odd[owner..owner + 2].copy_from_slice(&(0xc000 | pointer as u16).to_be_bytes());
        assert!(refused(&odd), "a pointer to {what}");
    }
    let mut odd = good.clone();
    odd[5] = 2;
    assert!(refused(&odd), "two questions");
    let mut odd = good.clone();
    odd[owner + 5] = 3;
    assert!(refused(&odd), "an answer of another class");
    let mut odd = good.clone();
    odd[owner + 4] = 0x80;
    assert!(refused(&odd), "an answer with mDNS' bit in its class");
    // A length of data that agrees with the record but not with its type.
    let odd = answer("a.org", A, &[record(&ASKED, A, 60, &[10, 1, 0, 7, 9])]);
    assert!(refused(&odd), "an address of five bytes");
    let long = vec!["a".repeat(49); 5].join(".") + "." + &"b".repeat(3);
    assert!(!refused(&query(&long, A)), "255 bytes");
    assert!(refused(&query(&(long + "b"), A)), "256 bytes");
    // Two pointers that lead to one another.
    let mut circle = query("a.org", A);
    circle[7] = 1;
    let place = circle.len() as u16;
    circle.extend(record(
        &(0xc000 | (place + 12)).to_be_bytes(),
        CNAME,
        60,
        &(0xc000 | place).to_be_bytes(),
    ));
    assert!(refused(&circle), "a circle");
}

#[test]
fn questions_have_bounds() {
    let mut resolver = Resolver::default();
    for number in 0..100 {
        ask(&mut resolver, &query(&format!("n{number}.org"), A), 0).unwrap();
    }
    assert_eq!(resolver.count, PER_DEVICE);
    // The oldest gave way.
    let reply = |number| {
        answer(
            &format!("n{number}.org"),
            A,
            &[record(&ASKED, A, 60, &[10, 1, 0, 7])],
        )
    };
    assert_eq!(answered(&mut resolver, &reply(0)), Err(Refusal::Unasked));
    assert!(answered(&mut resolver, &reply(99)).is_ok());
    // The same question again takes no more room.
    ask(&mut resolver, &query("n98.org", A), SECOND).unwrap();
    assert_eq!(resolver.count, PER_DEVICE - 1);
    resolver.expire_all(2 * PATIENCE);
    assert_eq!((resolver.count, resolver.waiting.len()), (0, 0));
}

#[test]
fn all_questions_have_bounds() {
    let mut resolver = Resolver::default();
    let payload = query("a.org", A);
    let message = Message::parse(&payload).unwrap();
    let ask = |resolver: &mut Resolver, number: u32, now| {
        let [_, a, b, c] = number.to_be_bytes();
        let device = Identity {
            mac: Mac([2, 0, 0, a, b, c]),
            vlan: Vlan::UNTAGGED,
        };
        let datagram = datagram((CLIENT, 40_000), (SERVER, PORT), &payload);
        resolver.ask(device, &datagram, &message, now)
    };
    for number in 0..IN_ALL as u32 {
        ask(&mut resolver, number, 0).unwrap();
    }
    assert_eq!(ask(&mut resolver, IN_ALL as u32, 0), Err(Refusal::NoRoom));
    assert_eq!(ask(&mut resolver, IN_ALL as u32, PATIENCE), Ok(()));
    assert_eq!(resolver.count, 1);
}

/// Whether these four bytes, or sixteen, stand in a message.
fn holds(bytes: &[u8], address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => bytes.windows(4).any(|window| window == v4.octets()),
        IpAddr::V6(v6) => bytes.windows(16).any(|window| window == v6.octets()),
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        if let Ok(message) = Message::parse(&bytes) {
            for given in message.addresses().unwrap_or_default() {
                prop_assert!(holds(&bytes, given.address));
            }
        }
    }

    #[test]
    fn a_changed_answer_teaches_only_what_is_in_it(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<Option<proptest::sample::Index>>(),
    ) {
        let mut bytes = answer("pacs.example.org", A, &[
            record(&ASKED, CNAME, 600, &labels("b.example.net")),
            record(&labels("b.example.net"), A, 900, &[10, 1, 0, 9]),
            record(&labels("b.example.net"), A, 900, &[10, 1, 0, 10]),
        ]);
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let mut resolver = Resolver::default();
        ask(&mut resolver, &query("pacs.example.org", A), SECOND).unwrap();
        if let Ok(answered) = answered(&mut resolver, &bytes) {
            let name = answered.name.text();
            prop_assert_eq!(name.as_deref(), Some("pacs.example.org"));
            for given in answered.given {
                prop_assert!(holds(&bytes, given.address) && is_possible(given.address));
            }
        }
    }
}
