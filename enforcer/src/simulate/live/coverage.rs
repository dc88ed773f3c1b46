//! How much was watched: intervals of Unix time, joined, cut and counted. Pure.

/// From the first second to before the second one.
pub type Interval = [u32; 2];

const HOUR: u32 = 3_600;

/// What two sets of intervals have in common; each in order, none overlapping.
pub fn common(one: &[Interval], other: &[Interval]) -> Vec<Interval> {
    let mut shared = Vec::new();
    let (mut i, mut j) = (0, 0);
    while let (Some([from, until]), Some([other_from, other_until])) = (one.get(i), other.get(j)) {
        let (begin, end) = (*from.max(other_from), *until.min(other_until));
        if begin < end {
            shared.push([begin, end]);
        }
        // Whichever ends first can meet nothing more.
        if until < other_until {
            i += 1;
        } else {
            j += 1;
        }
    }
    shared
}

/// The intervals in order, those that touch or overlap joined.
pub fn joined(mut intervals: Vec<Interval>) -> Vec<Interval> {
    intervals.sort_unstable();
    let mut joined: Vec<Interval> = Vec::with_capacity(intervals.len());
    for [from, until] in intervals {
        match joined.last_mut() {
            Some(last) if from <= last[1] => last[1] = last[1].max(until),
            _ => joined.push([from, until]),
        }
    }
    joined
}

/// What of a period is in none of the intervals, which are in order.
pub fn gaps(intervals: &[Interval], [since, until]: Interval) -> Vec<Interval> {
    let mut gaps = Vec::new();
    let mut seen_until = since;
    for [from, end] in common(intervals, &[[since, until]]) {
        if seen_until < from {
            gaps.push([seen_until, from]);
        }
        seen_until = seen_until.max(end);
    }
    if seen_until < until {
        gaps.push([seen_until, until]);
    }
    gaps
}

/// Seconds in all intervals together.
pub fn seconds(intervals: &[Interval]) -> u64 {
    intervals
        .iter()
        .map(|[from, until]| u64::from(until.saturating_sub(*from)))
        .sum()
}

/// Hours of the clock (UTC) that a period touches: how many were watched in full, in
/// part, and not at all. The first and the last are as long as the period leaves them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Hours {
    pub whole: u32,
    pub partly: u32,
    pub unseen: u32,
}

/// Counts the hours of a period, and lists those in which nothing was watched, those
/// that follow each other joined.
pub fn hours(intervals: &[Interval], [since, until]: Interval) -> (Hours, Vec<Interval>) {
    let mut hours = Hours::default();
    let mut unseen = Vec::new();
    let mut begin = since;
    while begin < until {
        let end = (begin - begin % HOUR).saturating_add(HOUR).min(until);
        match seconds(&common(intervals, &[[begin, end]])) {
            0 => {
                hours.unseen += 1;
                unseen.push([begin, end]);
            }
            watched if watched == u64::from(end - begin) => hours.whole += 1,
            _ => hours.partly += 1,
        }
        begin = end;
    }
    (hours, joined(unseen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_daemon_leaves_a_gap() {
        let watched = [[1_000, 2_000], [2_600, 3_000]];
        assert_eq!(gaps(&watched, [1_000, 3_000]), [[2_000, 2_600]]);
        assert_eq!(seconds(&watched), 1_400);
    }

    #[test]
    fn what_came_before_the_first_look_and_after_the_last_was_not_watched() {
        assert_eq!(gaps(&[[100, 200]], [50, 250]), [[50, 100], [200, 250]]);
        assert_eq!(gaps(&[], [50, 250]), [[50, 250]]);
        assert_eq!(gaps(&[[0, 1_000]], [50, 250]), [[0; 2]; 0]);
        assert_eq!(gaps(&[[0, 10]], [10, 10]), [[0; 2]; 0]);
    }

    #[test]
    fn intervals_that_touch_are_one() {
        assert_eq!(
            joined(vec![[5, 9], [1, 3], [3, 5], [20, 30], [22, 25]]),
            [[1, 9], [20, 30]]
        );
    }

    #[test]
    fn what_is_common_is_cut_at_both_ends() {
        let one = [[0, 10], [20, 30], [40, 50]];
        assert_eq!(common(&one, &[[5, 45]]), [[5, 10], [20, 30], [40, 45]]);
        assert_eq!(common(&one, &[[10, 20]]), [[0; 2]; 0]);
        assert_eq!(common(&[[0, 100]], &one), one);
    }

    #[test]
    fn hours_are_those_of_the_clock() {
        // From 00:30 to 05:00; watched from 01:00 to 02:30.
        let (counted, unseen) = hours(&[[3_600, 9_000]], [1_800, 18_000]);
        assert_eq!(
            counted,
            Hours {
                whole: 1,
                partly: 1,
                unseen: 3
            }
        );
        assert_eq!(unseen, [[1_800, 3_600], [10_800, 18_000]]);
        // The half hour at the beginning was watched in full.
        let (counted, unseen) = hours(&[[1_800, 7_200]], [1_800, 7_200]);
        assert_eq!(
            (counted, unseen.len()),
            (
                Hours {
                    whole: 2,
                    partly: 0,
                    unseen: 0
                },
                0
            )
        );
    }
}
