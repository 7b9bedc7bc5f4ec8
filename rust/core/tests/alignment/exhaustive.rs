//! Every monotone path of small tables, one by one.

use tracewarp_core::align::{Constraints, Ties};
use tracewarp_core::dtw::{Normalize, Options};

use crate::oracle::{Freedom, Path, Table, along, is_monotone};
use crate::sets::{Dice, align_costs};

/// All monotone paths from `from` to (m - 1, last).
fn paths(from: (usize, usize), to: (usize, usize)) -> Vec<Path> {
    if from == to {
        return vec![vec![to]];
    }
    let mut found = Vec::new();
    for (di, dj) in [(1, 1), (1, 0), (0, 1)] {
        let next = (from.0 + di, from.1 + dj);
        if next.0 <= to.0 && next.1 <= to.1 {
            found.extend(paths(next, to).into_iter().map(|rest| [vec![from], rest].concat()));
        }
    }
    found
}

/// The least sum over all paths that `freedom` leaves.
fn least(costs: &Table, freedom: Freedom) -> f64 {
    let (m, n) = (costs.len(), costs[0].len());
    let begins = if freedom.open_begin { 0..n } else { 0..1 };
    let ends = if freedom.open_end { 0..n } else { n - 1..n };
    let mut best = f64::INFINITY;
    for begin in begins {
        for end in ends.clone().filter(|end| *end >= begin) {
            for path in paths((0, begin), (m - 1, end)) {
                if path.iter().all(|&(i, j)| freedom.allows(i, j, m, n)) {
                    best = best.min(along(costs, &path));
                }
            }
        }
    }
    best
}

#[test]
fn the_number_of_paths_is_delannoys() {
    assert_eq!(paths((0, 0), (4, 4)).len(), 321);
}

#[test]
fn no_path_is_better() {
    let mut dice = Dice(1);
    for m in 1..=5 {
        for n in 1..=5 {
            for round in 0..20 {
                let costs = dice.costs(m, n, 2 + round % 4);
                for ties in [Ties::Diagonal, Ties::FastdtwPy, Ties::FastdtwCy] {
                    let constraints = Constraints { ties, ..Constraints::default() };
                    let (distance, path) = align_costs(&costs, &Options { constraints, ..Options::default() });
                    assert_eq!(distance, least(&costs, Freedom::default()));
                    assert_eq!(along(&costs, &path), distance);
                    assert!(is_monotone(&path, m) && path[0] == (0, 0) && path[path.len() - 1] == (m - 1, n - 1));
                    assert!(m.max(n) <= path.len() && path.len() < m + n);
                }
            }
        }
    }
}

#[test]
fn each_step_back_takes_the_first_of_the_best_in_the_order_of_its_rule() {
    let mut dice = Dice(2);
    for _ in 0..300 {
        let (m, n) = (1 + dice.below(5), 1 + dice.below(5));
        let costs = dice.costs(m, n, 3);
        for (ties, order) in [
            (Ties::Diagonal, [(1, 1), (1, 0), (0, 1)]),
            (Ties::FastdtwPy, [(1, 0), (0, 1), (1, 1)]),
            (Ties::FastdtwCy, [(1, 1), (0, 1), (1, 0)]),
        ] {
            let constraints = Constraints { ties, ..Constraints::default() };
            let (_, path) = align_costs(&costs, &Options { constraints, ..Options::default() });
            for step in path.windows(2) {
                let (i, j) = step[1];
                let mut best: Option<(f64, (usize, usize))> = None;
                for (di, dj) in order {
                    if i >= di && j >= dj {
                        let cell = (i - di, j - dj);
                        let prefixes = paths((0, 0), cell);
                        let sum = prefixes.iter().map(|path| along(&costs, path)).fold(f64::INFINITY, f64::min);
                        if best.is_none_or(|(least, _)| sum < least) {
                            best = Some((sum, cell));
                        }
                    }
                }
                assert_eq!(best.map(|(_, cell)| cell), Some(step[0]), "{ties:?} {costs:?}");
            }
        }
    }
}

#[test]
fn bands_and_open_ends_leave_no_better_path() {
    let mut dice = Dice(4);
    for _ in 0..400 {
        let (m, n) = (1 + dice.below(5), 1 + dice.below(5));
        let costs = dice.costs(m, n, 4);
        let window = [None, Some(0), Some(1), Some(2)][dice.below(4)];
        let (open_begin, open_end) = (dice.below(2) == 1, dice.below(2) == 1);
        let freedom = Freedom { window: window.map(|w| w as i64), open_begin, open_end };
        let constraints = Constraints { window_steps: window, open_begin, open_end, ..Constraints::default() };
        let (distance, path) = align_costs(&costs, &Options { constraints, ..Options::default() });
        assert_eq!(distance, least(&costs, freedom), "{m} x {n} {constraints:?}");
        assert_eq!(along(&costs, &path), distance);
        assert!(is_monotone(&path, m) && path.iter().all(|&(i, j)| freedom.allows(i, j, m, n)));
        if open_end {
            let (_, last) = path[path.len() - 1];
            let closed = |end: usize| {
                let cut: Table = costs.iter().map(|row| row[..=end].to_vec()).collect();
                let all = (0..=if open_begin { end } else { 0 }).flat_map(|begin| paths((0, begin), (m - 1, end)));
                let allowed = all.filter(|path| path.iter().all(|&(i, j)| freedom.allows(i, j, m, n)));
                allowed.map(|path| along(&cut, &path)).fold(f64::INFINITY, f64::min)
            };
            assert!((0..last).all(|end| closed(end) > distance), "a lower column ends as well: {costs:?}");
        }
    }
}

#[test]
fn a_path_normalised_distance_is_the_plain_one_by_the_length_of_the_path() {
    let mut dice = Dice(5);
    for _ in 0..50 {
        let (m, n) = (1 + dice.below(9), 1 + dice.below(9));
        let costs = dice.costs(m, n, 5);
        let (plain, path) = align_costs(&costs, &Options::default());
        let options = Options { normalize: Normalize::Path, ..Options::default() };
        assert_eq!(align_costs(&costs, &options), (plain / path.len() as f64, path));
    }
}
