//! Which frames may go from port to port past the bridge, and what is known of addresses.

use std::cell::Cell;
use std::collections::BTreeSet;

use enforcer_common::addr::Mac;
use enforcer_common::forward::{Exit, LINES, Line, Ports, Way, choose};
use enforcer_common::packet::Packet;

const A: Mac = Mac([2, 0, 0, 0, 0, 0xa]);
const B: Mac = Mac([2, 0, 0, 0, 0, 0xb]);
const LONGEST: u32 = 1514;
const KNOWN: u32 = 60;
const REFRESH: u32 = 15;

/// Three ports; all may be used.
struct Enforcer {
    exits: [Exit; 3],
    lines: Vec<Line>,
    reserved: BTreeSet<Mac>,
    vouched_until: u32,
    /// How often an address went to another port.
    moves: Cell<u32>,
}

impl Ports for Enforcer {
    fn exit(&self, place: u32) -> Exit {
        self.exits.get(place as usize).copied().unwrap_or_default()
    }

    fn vouched_until(&self) -> u32 {
        self.vouched_until
    }

    fn line(&self, number: u32) -> Option<&Line> {
        self.lines.get(number as usize)
    }

    fn moved(&self) {
        self.moves.set(self.moves.get() + 1);
    }

    fn is_reserved(&self, mac: Mac) -> bool {
        self.reserved.contains(&mac)
    }
}

impl Enforcer {
    fn new() -> Self {
        Self {
            exits: [Exit::new(LONGEST, KNOWN as u16, REFRESH as u8, 1); 3],
            lines: (0..LINES).map(|_| Line::default()).collect(),
            reserved: BTreeSet::new(),
            vouched_until: u32::MAX,
            moves: Cell::new(0),
        }
    }

    /// Where a short frame that comes in by a port goes.
    fn send(&self, port: u32, source: Mac, destination: Mac, second: u32) -> Option<u32> {
        exit(self.way(port, source, destination, second))
    }

    fn way(&self, port: u32, source: Mac, destination: Mac, second: u32) -> Way {
        choose(self, port, &frame(source, destination, 60), true, second)
    }

    /// Lets A speak at port 0 and B at port 1.
    fn acquainted(second: u32) -> Self {
        let ports = Self::new();
        assert_eq!(ports.send(0, A, B, second), None, "the bridge must learn A");
        assert_eq!(ports.send(1, B, A, second), None, "the bridge must learn B");
        ports
    }
}

/// Place of the port that a frame goes to, past the bridge.
fn exit(way: Way) -> Option<u32> {
    match way {
        Way::Exit { place, .. } => Some(place),
        Way::Bridge | Way::BridgeNow => None,
    }
}

fn frame(source: Mac, destination: Mac, length: u32) -> Packet {
    Packet {
        source_mac: source,
        destination_mac: destination,
        length,
        ..Packet::EMPTY
    }
}

#[test]
fn acquaintances_go_straight_and_strangers_by_the_bridge() {
    let ports = Enforcer::acquainted(100);
    assert_eq!(ports.send(0, A, B, 101), Some(1));
    assert_eq!(ports.send(1, B, A, 101), Some(0));
    let stranger = Mac([2, 0, 0, 0, 0, 0xc]);
    assert_eq!(ports.send(0, A, stranger, 101), None);
    assert_eq!(ports.send(0, A, Mac::BROADCAST, 101), None);
    assert_eq!(ports.send(0, A, Mac([1, 0, 0x5e, 0, 0, 1]), 101), None);
    assert_eq!(ports.send(0, A, Mac::ZERO, 101), None);
    for nobody in [Mac::ZERO, Mac::BROADCAST] {
        assert_eq!(ports.send(0, nobody, B, 101), None);
        assert_eq!(ports.send(1, B, nobody, 101), None);
    }
    // Behind the same port: the bridge does not send a frame back either.
    assert_eq!(ports.send(1, stranger, B, 101), None);
    assert_eq!(ports.send(1, stranger, B, 101), None);
}

#[test]
fn each_source_is_told_to_the_bridge_now_and_then() {
    let ports = Enforcer::acquainted(100);
    let mut told = Vec::new();
    for second in 101..100 + 10 * REFRESH {
        let up = ports.send(0, A, B, second).is_none();
        if up {
            told.push(second);
        }
        // B is alive as well.
        let _ = ports.send(1, B, A, second);
    }
    let expected: Vec<u32> = (1..10).map(|turn| 100 + turn * REFRESH).collect();
    assert_eq!(told, expected);
}

#[test]
fn who_is_silent_is_forgotten() {
    let ports = Enforcer::acquainted(100);
    let _ = ports.send(0, A, B, 100 + KNOWN - 1);
    assert_eq!(ports.send(0, A, B, 100 + KNOWN - 1), Some(1));
    assert_eq!(ports.send(0, A, B, 100 + KNOWN), None);
    // Frames that go straight do not make an address known for longer than the bridge
    // knows it.
    let ports = Enforcer::acquainted(100);
    assert_eq!(ports.send(1, B, A, 100 + REFRESH - 1), Some(0));
    let _ = ports.send(0, A, B, 100 + KNOWN);
    assert_eq!(ports.send(0, A, B, 100 + KNOWN), None);
}

#[test]
fn who_moves_is_found_at_once() {
    let ports = Enforcer::acquainted(100);
    assert_eq!(ports.send(1, B, A, 101), Some(0));
    assert_eq!(
        ports.send(2, A, B, 101),
        None,
        "the bridge must learn it too"
    );
    assert_eq!(ports.send(1, B, A, 101), Some(2));
    assert_eq!(ports.send(2, A, B, 101), Some(1));
    // To a port that nothing may go to.
    let mut ports = ports;
    ports.exits[2] = ports.exits[2].closed();
    assert_eq!(ports.send(1, B, A, 102), None);
    // From there nothing goes straight, but it is learned.
    assert_eq!(ports.send(2, B, A, 102), None);
    assert_eq!(ports.send(0, A, B, 102), None, "A is back at port 0");
    assert_eq!(ports.send(0, A, B, 103), None, "and B is at port 2");
    ports.exits[2] = ports.exits[0];
    assert_eq!(ports.send(0, A, B, 103), Some(2));
}

#[test]
fn long_frames_and_frames_in_pieces_go_by_the_bridge() {
    let ports = Enforcer::acquainted(100);
    let goes = |length, tags, whole| {
        let packet = Packet {
            tags,
            ..frame(A, B, length)
        };
        exit(choose(&ports, 0, &packet, whole, 101))
    };
    assert_eq!(goes(LONGEST, 0, true), Some(1));
    assert_eq!(goes(LONGEST + 1, 0, true), None);
    assert_eq!(goes(LONGEST + 4, 1, true), Some(1));
    assert_eq!(goes(LONGEST + 5, 1, true), None);
    assert_eq!(goes(LONGEST + 4, 2, true), Some(1));
    assert_eq!(
        goes(LONGEST + 8, 2, true),
        None,
        "no device takes two tags more"
    );
    assert_eq!(goes(60, 0, false), None);
}

#[test]
fn a_new_generation_forgets_what_was_learned_at_a_port() {
    let mut ports = Enforcer::acquainted(100);
    ports.exits[1] = Exit::new(LONGEST, KNOWN as u16, REFRESH as u8, 2);
    assert_eq!(ports.send(0, A, B, 101), None);
    assert_eq!(ports.send(1, B, A, 101), None, "B must be learned anew");
    assert_eq!(ports.send(0, A, B, 101), Some(1));
}

#[test]
fn a_port_of_which_nothing_is_said_learns_nothing() {
    let mut ports = Enforcer::new();
    ports.exits = [Exit::default(); 3];
    assert_eq!(ports.send(0, A, B, 100), None);
    assert_eq!(ports.send(1, B, A, 100), None);
    ports.exits = Enforcer::new().exits;
    assert_eq!(ports.send(0, A, B, 100), None);
    assert_eq!(ports.send(0, A, B, 100), None, "B has not been learned");
}

#[test]
fn addresses_of_the_host_are_nowhere_but_there() {
    let mut ports = Enforcer::acquainted(100);
    ports.reserved.insert(B);
    // Until B speaks again; user space changes the generation besides.
    assert_eq!(ports.send(1, B, A, 100 + REFRESH), None);
    let _ = ports.send(0, A, B, 100 + REFRESH);
    assert_eq!(ports.send(0, A, B, 100 + REFRESH), None);
    assert_eq!(ports.send(1, B, A, 100 + REFRESH), None);
    assert_eq!(ports.send(2, B, A, 100 + REFRESH), None);
    assert_eq!(ports.send(0, A, B, 101 + REFRESH), None);
}

/// More addresses than the table holds: each is found, or left to the bridge.
#[test]
fn a_full_table_misleads_nobody() {
    let ports = Enforcer::new();
    let mac = |number: u32| {
        let [a, b, c, d] = number.to_be_bytes();
        Mac([2, 0, a, b, c, d])
    };
    let count = 6 * LINES;
    for number in 0..count {
        let _ = ports.send(number % 3, mac(number), B, 100 + number / LINES);
    }
    assert_eq!(ports.send(0, A, B, 106), None);
    let mut straight = 0;
    for number in 0..count {
        if let Some(place) = ports.send(0, A, mac(number), 106) {
            assert_eq!(place, number % 3);
            straight += 1;
        }
    }
    // Those at port 0 are where the frames come from.
    assert!(straight > 2 * LINES, "{straight}");
}

#[test]
fn without_user_space_the_bridge_forwards() {
    let mut ports = Enforcer::acquainted(100);
    ports.vouched_until = 110;
    assert_eq!(ports.send(0, A, B, 109), Some(1));
    assert_eq!(ports.send(0, A, B, 110), None);
    // What has moved meanwhile is known.
    assert_eq!(ports.send(2, A, B, 111), None);
    ports.vouched_until = 120;
    assert_eq!(ports.send(1, B, A, 112), Some(2));
}

#[test]
fn a_closed_exit_differs_in_nothing_else() {
    let exit = Exit::new(9018, 60, 15, 200);
    let closed = exit.closed();
    assert_eq!(closed.longest(), 0);
    assert_eq!(
        (closed.known(), closed.refresh(), closed.generation()),
        (exit.known(), exit.refresh(), exit.generation())
    );
    assert_eq!((exit.longest(), exit.generation()), (9018, 200));
}

#[test]
fn what_will_change_at_once_is_told_from_what_lasts() {
    let ports = Enforcer::new();
    let stranger = Mac([2, 0, 0, 0, 0, 0xc]);
    assert_eq!(ports.way(0, A, B, 100), Way::BridgeNow, "A is learned");
    assert_eq!(ports.way(0, A, B, 100), Way::BridgeNow, "B may speak yet");
    assert_eq!(ports.way(1, B, A, 100), Way::BridgeNow, "B is learned");
    let longest = LONGEST;
    assert_eq!(ports.way(0, A, B, 100), Way::Exit { place: 1, longest });
    assert_eq!(ports.way(0, A, Mac::BROADCAST, 100), Way::Bridge);
    assert_eq!(ports.way(0, A, stranger, 100), Way::BridgeNow);
    assert_eq!(
        ports.way(0, A, B, 100 + REFRESH),
        Way::BridgeNow,
        "A's turn"
    );
    assert_eq!(ports.moves.get(), 0);
    ports.way(2, B, A, 101);
    assert_eq!(ports.moves.get(), 1, "B has gone to another port");
}

#[test]
fn ports_without_a_way_past_the_bridge_are_a_lasting_answer() {
    let mut ports = Enforcer::acquainted(100);
    ports.exits[0] = ports.exits[0].closed();
    assert_eq!(ports.way(0, A, B, 101), Way::Bridge);
    ports.exits[0] = Exit::default();
    assert_eq!(ports.way(0, A, B, 101), Way::Bridge);
}
