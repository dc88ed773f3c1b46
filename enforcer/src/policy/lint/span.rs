//! Sets of numbers as intervals: ports and addresses are compared as such.

/// Intervals, both ends included, in order; no two of them touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spans(Vec<(u128, u128)>);

impl Spans {
    pub(super) fn of(intervals: impl IntoIterator<Item = (u128, u128)>) -> Self {
        let mut intervals: Vec<_> = intervals.into_iter().collect();
        intervals.sort_unstable();
        let mut spans: Vec<(u128, u128)> = Vec::with_capacity(intervals.len());
        for (first, last) in intervals {
            match spans.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => {
                    before.1 = before.1.max(last);
                }
                _ => spans.push((first, last)),
            }
        }
        Self(spans)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether some number is in both.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let (few, many) = if self.len() < other.len() {
            (self, other)
        } else {
            (other, self)
        };
        few.0.iter().any(|(first, last)| {
            let behind = many.0.partition_point(|span| span.0 <= *last);
            behind > 0 && *first <= many.0[behind - 1].1
        })
    }

    /// Whether all of the other's numbers are in this one.
    pub(super) fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|(first, last)| {
            let behind = self.0.partition_point(|span| span.0 <= *first);
            behind > 0 && *last <= self.0[behind - 1].1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_touches_is_one() {
        let spans = Spans::of([(10, 12), (1, 3), (4, 4), (11, 20)]);
        assert_eq!(spans, Spans(vec![(1, 4), (10, 20)]));
        assert_eq!(Spans::of([(0, u128::MAX), (5, 6)]).len(), 1);
    }

    #[test]
    fn sets_meet_and_cover() {
        let set = |intervals: &[(u128, u128)]| Spans::of(intervals.iter().copied());
        let ports = set(&[(1, 4), (10, 20)]);
        assert!(ports.meets(&set(&[(5, 9), (20, 30)])) && ports.meets(&set(&[(0, 99)])));
        assert!(!ports.meets(&set(&[(5, 9), (21, 30)])) && !ports.meets(&set(&[])));
        assert!(ports.covers(&set(&[(2, 3), (10, 10)])) && ports.covers(&set(&[])));
        assert!(!ports.covers(&set(&[(4, 5)])) && !ports.covers(&set(&[(0, 1)])));
    }
}
