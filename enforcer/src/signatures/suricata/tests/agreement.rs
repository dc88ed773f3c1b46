//! A signature hits what its rule hits: random rules and random datagrams, judged by
//! what the language says and by what a signature says, both in the plainest way.

mod asked;
mod plainly;
mod random;

use proptest::collection::vec;
use proptest::prelude::*;

use self::plainly::{rule_hits, signature_hits};
use self::random::{content, jump, letters, test, text};
use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn in_a_datagram(
        asked in vec(prop_oneof![4 => content(), 2 => test(), 1 => jump()], 1..5),
        texts in vec(prop_oneof![letters(0..12).boxed(), text().boxed()], 16),
    ) {
        let options: String = asked.iter().map(ToString::to_string).collect();
        let rule = format!("{UDP} ({options} sid:1;)");
        let imported = import(&rule);
        let Some(Loaded { signature, .. }) = imported.loaded.first() else {
            return Ok(());
        };
        for text in texts {
            prop_assert_eq!(
                rule_hits(&asked, 0, &text),
                signature_hits(&signature.parts, 0, &text),
                "{} {:?} {:?}", rule, signature.parts, text
            );
        }
    }
}
