//! Sizes around the edges of blocks and lanes, equal and unequal.

use half::f16;
use tracewarp_core::align::Constraints;
use tracewarp_core::cost::Metric;
use tracewarp_core::dtw::Options;

use crate::oracle::{self, Cost, Freedom, along, is_monotone};
use crate::sets::{Dice, Number, Set, align, align_costs, distance};

const STEPS: [usize; 9] = [1, 2, 3, 7, 8, 9, 31, 32, 33];
const DIMS: [usize; 8] = [1, 2, 7, 15, 16, 17, 33, 384];

fn judge<T: Number>(m: usize, n: usize, dim: usize) {
    let mut dice = Dice((m * 1000 + n * 10 + dim) as u64);
    let set = Set::<T>::of(&[dice.sequence(m, dim), dice.sequence(n, dim)]);
    // The judge sees the numbers as the dtype holds them.
    let (x, y) = (set.exact(0), set.exact(1));
    let judges: [(Metric, Cost); 3] = [
        (Metric::Cosine, oracle::cosine),
        (Metric::Euclidean, oracle::euclidean),
        (Metric::SqEuclidean, oracle::sqeuclidean),
    ];
    for (metric, cost) in judges {
        let options = Options { metric, ..Options::default() };
        let costs = oracle::table(&x, &y, cost);
        let (expected, _) = oracle::dtw(&costs, Freedom::default());
        let (found, path) = align::<T>(&x, &y, &options);
        let length = path.len();
        let tolerance = T::TOLERANCE * (length as f64).max(expected);
        assert!((found - expected).abs() <= tolerance, "{metric:?} {m} x {n} x {dim}: {found} for {expected}");
        assert!((along(&costs, &path) - found).abs() <= tolerance, "path cost, {metric:?} {m} x {n} x {dim}");
        assert!(is_monotone(&path, m) && path[0] == (0, 0) && path[length - 1] == (m - 1, n - 1));
        assert!(m.max(n) <= length && length < m + n);
        assert_eq!(found.to_bits(), distance::<T>(&x, &y, &options).to_bits(), "without a path the bits are the same");
    }
}

#[test]
fn distances_and_paths_agree_with_the_textbook_at_every_size() {
    for m in STEPS {
        for n in STEPS {
            judge::<f32>(m, n, DIMS[(m + n) % DIMS.len()]);
            judge::<f64>(m, n, DIMS[(m + 2 * n) % DIMS.len()]);
        }
    }
}

#[test]
fn every_dimension_around_a_lane_agrees_in_every_dtype() {
    for dim in (1..=34).chain(DIMS) {
        judge::<f16>(5, 8, dim);
        judge::<f32>(5, 8, dim);
        judge::<f64>(5, 8, dim);
    }
}

#[test]
fn bands_and_open_ends_agree_with_the_textbook_cell_by_cell() {
    let mut dice = Dice(3);
    for m in STEPS {
        for n in STEPS {
            for window in [None, Some(0), Some(1), Some(3), Some(40)] {
                for (open_begin, open_end) in [(false, false), (true, false), (false, true), (true, true)] {
                    let costs = dice.costs(m, n, 3);
                    let freedom = Freedom { window: window.map(|w| w as i64), open_begin, open_end };
                    let constraints =
                        Constraints { window_steps: window, open_begin, open_end, ..Constraints::default() };
                    let found = align_costs(&costs, &Options { constraints, ..Options::default() });
                    assert_eq!(found, oracle::dtw(&costs, freedom), "{m} x {n}, {constraints:?}");
                }
            }
        }
    }
}
