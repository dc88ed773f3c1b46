//! Results over MLLP: several hundred messages by one connection, in pieces of sizes that
//! have nothing to do with theirs.

use enforcer_tests::{
    Outcome,
    inspected::MARK,
    traffic::{hl7, tcp},
};

use super::{DEADLINE, SHORT, is_stopped, nothing_was_found, wards, ways};

const PORT: u16 = 2575;
const MESSAGES: usize = 500;
const PIECES: [usize; 8] = [1000, 1, 311, 2, 97, 5, 53, 13];

#[test]
fn results_are_acknowledged() {
    for ward in wards("chl7") {
        for (from, to) in ways(&ward) {
            let _engine = hl7::serve(to, PORT).unwrap();
            let connection = tcp::connect(from, to.at(PORT), DEADLINE).unwrap();
            let mut connection = connection.got().expect("a connection");
            for number in 0..MESSAGES {
                let piece = PIECES[number % PIECES.len()];
                let id = format!("C{number}");
                let answer = hl7::report_in_pieces(&mut connection, &id, piece).unwrap();
                assert_eq!(answer.outcome(), Outcome::Answered, "{id} by {piece}");
            }
            if from.name == "monitor-1" {
                nothing_was_found(&ward);
            }
            connection.set_read_timeout(Some(SHORT)).unwrap();
            is_stopped(&ward, "mark", || {
                let answer = hl7::report_in_pieces(&mut connection, MARK, 7).unwrap();
                answer.outcome() == Outcome::Answered
            });
        }
    }
}
