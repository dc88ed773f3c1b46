//! Why a rule is not loaded, before it is known where the rule stands.

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) keyword: String,
    pub(super) why: String,
}

pub(super) fn refuse(keyword: impl Into<String>, why: impl Into<String>) -> Refusal {
    Refusal {
        keyword: keyword.into(),
        why: why.into(),
    }
}
