//! Ways around the inspection, and ways to stall it, that were found: each by the shortest
//! input that shows it. What is not mended yet is ignored, with the reason.

use enforcer_common::packet::transport::flags::{RST, SYN};

use crate::rig::Outcome::{Found, Passed};
use crate::rig::{CLIENT, Rig};
use crate::signatures::{Shape as _, bytes, signature};

fn evil() -> Rig {
    let mut rig = Rig::new(&[signature(1, vec![bytes(b"EVIL")])]);
    rig.open();
    rig
}

/// The first segment is lost behind the enforcer, the second is not: a receiver that
/// keeps it has "EVILyy" in the end.
#[test]
fn segments_that_are_sent_joined_are_the_same() {
    let mut rig = evil();
    assert_eq!(rig.says(0, b"xx"), Passed);
    assert_eq!(rig.says(2, b"ILyy"), Passed);
    assert_ne!(rig.says(0, b"EVyyyy"), Passed);
}

/// A receiver whose window took two bytes of the first has "EVIL" in the end.
#[test]
fn segments_that_are_sent_again_are_the_same() {
    let mut rig = evil();
    assert_eq!(rig.says(0, b"EVxx"), Passed);
    rig.acknowledges(2);
    assert_ne!(rig.says(0, b"xxIL"), Passed);
}

/// The user's name is told once the password has passed.
#[test]
fn parts_that_come_late_are_found() {
    let parts = vec![bytes(b"USER"), bytes(b"PASSWORD").after(0, 8)];
    let mut rig = Rig::new(&[signature(1, parts)]);
    rig.open();
    assert_eq!(rig.says(0, b"...."), Passed);
    assert_eq!(rig.says(4, b"PASSWORD"), Passed);
    assert_ne!(rig.says(0, b"USER"), Passed);
}

/// A server stays with the first number that it was told, and says so by what it
/// acknowledges. What lies before the other one is taken for bytes that it has.
#[test]
fn a_second_syn_hides_nothing() {
    let mut rig = evil();
    assert_eq!(rig.client(CLIENT.wrapping_add(1000), SYN, 0, b""), Passed);
    assert_ne!(rig.says(0, b"EVIL"), Passed);
}

/// A server ignores an RST outside of its window, and the SYN behind it.
#[test]
fn an_ignored_reset_hides_nothing() {
    let mut rig = evil();
    assert_eq!(rig.says(0, b"data"), Passed);
    let elsewhere = CLIENT.wrapping_sub(900_000_000);
    rig.client(elsewhere, RST, 0, b"");
    rig.client(CLIENT.wrapping_add(1000), SYN, 0, b"");
    assert_ne!(rig.says(4, b"EVIL"), Passed);
}

#[test]
fn parts_in_another_piece_of_a_datagram_are_found() {
    let parts = vec![bytes(b"ABCDEFGHIJK"), bytes(b"xy").after(0, 10)];
    let mut rig = Rig::new(&[signature(1, parts)]);
    rig.open();
    let mut text = vec![b'.'; 1100];
    text[1010..1021].copy_from_slice(b"ABCDEFGHIJK");
    text[1023..1025].copy_from_slice(b"xy");
    assert_eq!(rig.datagram(&text), Found);
}

#[test]
fn parts_that_overlap_are_found_however_they_are_cut() {
    let parts = vec![bytes(b"b"), bytes(b"xyz").after(-4, -4)];
    let mut rig = Rig::new(&[signature(1, parts)]);
    rig.open();
    assert_eq!(rig.says(0, b"xyz"), Passed);
    assert_eq!(rig.says(3, b"b"), Found);
}

#[test]
fn what_passed_passes_again() {
    let parts = vec![bytes(b"EVIL").at(0, 4)];
    let mut rig = Rig::new(&[signature(1, parts)]);
    rig.open();
    assert_eq!(rig.says(0, b"......EVIL"), Passed);
    assert_eq!(rig.says(0, b"......EVIL"), Passed);
}

/// An honest sender that lost the acknowledgement sends both again as one segment.
#[test]
fn joined_segments_pass_that_are_acknowledged_in_part() {
    let mut rig = evil();
    assert_eq!(rig.says(0, b"some"), Passed);
    rig.acknowledges(4);
    assert_eq!(rig.says(4, b"more"), Passed);
    assert_eq!(rig.says(0, b"somemore"), Passed);
}

/// BSD's descendants send from the first byte that is missing as much as fits.
#[test]
#[ignore = "a segment that ends inside another one is refused for ever"]
fn segments_pass_that_are_cut_anew() {
    let mut rig = evil();
    assert_eq!(rig.says(0, b"some"), Passed);
    assert_eq!(rig.says(4, b"more"), Passed);
    assert_eq!(rig.says(0, b"somemo"), Passed);
}

#[test]
fn many_beginnings_stop_no_stream() {
    let parts = vec![bytes(b"LOGIN"), bytes(b"root").after(0, 200)];
    let mut rig = Rig::new(&[signature(1, parts)]);
    rig.open();
    assert_eq!(rig.says(0, &b"LOGIN ".repeat(5)), Passed);
}
