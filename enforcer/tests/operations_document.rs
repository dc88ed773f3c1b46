//! docs/operations.md names every reason, with the words of the code.

use enforcer_common::verdict::Reason;

#[test]
fn every_reason_is_explained() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operations.md");
    let text = std::fs::read_to_string(path).expect("docs/operations.md");
    for reason in Reason::ALL {
        let row = format!("| `{}` | {} |", reason.label(), reason.explanation());
        assert!(
            text.contains(&row),
            "docs/operations.md lacks the row {row}"
        );
    }
}
