//! Every public function with arguments that fit nothing: an error, a result of the right size, or, where an index is
//! outside, a panic. Without `unsafe` there is no other way to reach memory, so what must not happen is a crash.
#![forbid(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use half::f16;
use tracewarp_core::align::{Constraints, Ties, Workspace, align, trace};
use tracewarp_core::cluster::{first_come, single_link};
use tracewarp_core::cosine::{Threshold, cosine_similarity, pairs, top_k};
use tracewarp_core::cost::{Costs, Matrix, Metric};
use tracewarp_core::diversity::DiversityFilter;
use tracewarp_core::dtw::{self, Normalize, dtw_from_costs, dtw_matrix, dtw_nearest, dtw_pairs};
use tracewarp_core::kernel::{Combine, Estimator, gaussian_similarity, mmd2};
use tracewarp_core::ngrams::hash_ngrams;
use tracewarp_core::rows::{Ragged, Rows, Scalar, Zero};
use tracewarp_core::vertex::{self, Baseline, Decay, Mode, vertex_pairs};
use tracewarp_core::work::Run;
use tracewarp_core::{Error, Isa, Result};

/// Calls `body` on every instruction set that this processor has.
fn on_all<R>(body: impl Fn(&mut Run<'_>) -> R) -> Vec<R> {
    let mut never = || false;
    Isa::available()
        .iter()
        .flat_map(|isa| [1, 3].map(|threads| (*isa, threads)))
        .map(|(isa, threads)| body(&mut Run::new(threads, &mut never).expect("threads").on(isa)))
        .collect()
}

fn all_fail<R: std::fmt::Debug>(body: impl Fn(&mut Run<'_>) -> Result<R>) {
    for found in on_all(body) {
        assert!(found.is_err(), "{found:?}");
    }
}

/// A number of each type.
fn number<T: Scalar>(value: f64) -> T {
    let all: [&dyn std::any::Any; 3] = [&(value as f32), &value, &f16::from_f64(value)];
    *all.iter().find_map(|any| any.downcast_ref::<T>()).expect("one of the three")
}

const SIZES: [usize; 10] = [1, 2, 3, 5, 8, 15, 16, 17, 33, 97];

#[test]
fn rows_and_offsets_of_wrong_lengths_are_errors() {
    for dim in [0, 2, 3, 5, usize::MAX, usize::MAX / 2 + 1] {
        assert!(Rows::new("x", &[1.0f32; 7], dim).is_err());
    }
    let rows = Rows::new("x", &[1.0f32; 6], 2).expect("rows");
    let offsets: [&[i64]; 10] = [
        &[],
        &[1],
        &[0],
        &[0, 4],
        &[0, 2],
        &[0, 2, 1, 3],
        &[0, -1, 3],
        &[-3, 0, 3],
        &[0, i64::MAX, 3],
        &[0, i64::MIN, 3],
    ];
    for offsets in offsets {
        assert!(matches!(Ragged::new("x", rows, offsets), Err(Error::Offsets { .. })), "{offsets:?}");
    }
}

#[test]
fn indices_outside_are_panics_also_where_products_would_wrap() {
    let data = [1.0f32; 6];
    let rows = Rows::new("x", &data, 2).expect("rows");
    let set = Ragged::new("x", rows, &[0, 1, 3]).expect("a set");
    for i in [3, 4, usize::MAX, usize::MAX / 2 + 1, 1 << 63] {
        assert!(catch_unwind(|| rows.row(i).len()).is_err());
        assert!(catch_unwind(|| rows.slice(0, i.max(4)).len()).is_err());
        assert!(catch_unwind(|| rows.slice(i.max(4), 3).len()).is_err());
        assert!(catch_unwind(|| set.range(i)).is_err());
        assert!(catch_unwind(|| set.get(i).len()).is_err());
        assert!(catch_unwind(|| set.locate(i)).is_err());
    }
    let none = Rows::new("x", &[] as &[f32], usize::MAX).expect("no rows");
    assert!(catch_unwind(|| none.row(0).len()).is_err());
}

#[test]
fn pairs_outside_and_numbers_that_wrap_are_errors() {
    let rows = Rows::new("x", &[1.0f64; 6], 2).expect("rows");
    let set = Ragged::new("x", rows, &[0, 1, 1, 3]).expect("a set with an empty sequence");
    let options = dtw::Options::default();
    for pair in [[3, 0], [0, 3], [-1, 0], [0, i64::MIN], [i64::MAX, 0], [1, 0], [0, 1]] {
        all_fail(|run| dtw_pairs(set, set, &[[0, 0], pair], true, &options, run));
        all_fail(|run| vertex_pairs(set, set, &[pair], None, true, &vertex::Options::default(), run));
    }
    for k in [0, 4, usize::MAX] {
        all_fail(|run| top_k(rows, rows, k, Zero::Error, run));
        all_fail(|run| dtw_nearest(set, set, k, &options, run));
    }
    all_fail(|run| hash_ngrams(&["a", "b"], usize::MAX, run));
    all_fail(|run| hash_ngrams(&["a"], usize::MAX / 8, run));
    all_fail(|run| hash_ngrams(&["a"], 0, run));
    for threshold in [f64::NAN, 1.1, -1.1, f64::INFINITY] {
        assert!(
            Threshold::above(threshold).is_err() && DiversityFilter::<f32>::new(2, threshold, Zero::Error).is_err()
        );
    }
    all_fail(|run| single_link(rows, Threshold::above(0.5)?, Some(&[0, 1]), Zero::Error, run));
    all_fail(|run| first_come(rows, Threshold::above(0.5)?, Some(&[0; 4]), Zero::Error, run));
    let other = Rows::new("y", &[1.0f64; 6], 3).expect("rows");
    all_fail(|run| cosine_similarity(rows, Some(other), Zero::Error, run));
    all_fail(|run| gaussian_similarity(rows, other, 1.0, run));
    all_fail(|run| mmd2(rows, other, &[1.0], Estimator::Biased, Combine::Mean, run));
    all_fail(|run| Run::new(0, &mut || run.check().is_err()).map(|_| ()));
}

#[test]
fn a_filter_that_could_not_have_been_is_refused_and_one_that_counted_far_stops() {
    let rows = Rows::new("rows", &[1.0f32, 0.0], 2).expect("rows");
    for (indices, seen) in [(&[0i64][..], usize::MAX), (&[0], 0), (&[i64::MAX], 5), (&[], 5), (&[-1], 5)] {
        all_fail(|run| DiversityFilter::restore(0.7, Zero::Error, rows, indices, seen, run));
    }
    let last = i64::MAX.cast_unsigned() as usize;
    all_fail(|run| {
        let mut filter = DiversityFilter::restore(0.7, Zero::Error, rows, &[3], last, run)?;
        let found = filter.add(rows, run);
        assert_eq!((filter.len(), filter.seen()), (1, last));
        found
    });
    assert!(DiversityFilter::<f32>::new(0, 0.7, Zero::Error).is_err());
    let wide = DiversityFilter::<f32>::new(usize::MAX, 0.7, Zero::Error).expect("a filter of nothing");
    assert_eq!((wide.rows().len(), wide.dim()), (0, usize::MAX));
}

/// Rows that nothing can be said of: among ordinary ones NaN, infinity, zeros, and the ends of the type.
fn wild<T: Scalar>(count: usize, dim: usize, seed: usize) -> Vec<T> {
    let ends = [f64::NAN, f64::INFINITY, 0.0, -0.0, f64::MAX, f64::MIN_POSITIVE, 5e-324, 6e4, 1e-8, -1e30];
    (0..count * dim)
        .map(|k| {
            let mixed = (k + 1).wrapping_mul(seed.wrapping_mul(2_654_435_761) | 1) >> 7;
            number(if mixed % 50 == 0 { ends[mixed / 50 % ends.len()] } else { (mixed % 997) as f64 / 500.0 - 1.0 })
        })
        .collect()
}

fn wild_rows_end_in_a_result_or_an_error<T: Scalar>() {
    for (m, dim) in SIZES.iter().flat_map(|m| [1, 2, 7, 16, 33].map(|dim| (*m, dim))) {
        for seed in [1, 2] {
            let n = (m * 7 + seed) % 40 + 1;
            let (x, y) = (wild::<T>(m, dim, seed), wild::<T>(n, dim, seed + 9));
            let (rows, others) = (Rows::new("x", &x, dim).expect("rows"), Rows::new("y", &y, dim).expect("rows"));
            let (ends, other_ends) = ([0, m as i64], [0, 0, n as i64]);
            let xs = Ragged::new("xs", rows, &ends).expect("a set");
            let ys = Ragged::new("ys", others, &other_ends).expect("a set");
            let zero = if seed == 1 { Zero::Orthogonal } else { Zero::Error };
            on_all(|run| {
                for metric in [Metric::Cosine, Metric::Euclidean, Metric::SqEuclidean] {
                    for (window_steps, ties) in
                        [(None, Ties::Diagonal), (Some(0), Ties::FastdtwPy), (Some(usize::MAX), Ties::FastdtwCy)]
                    {
                        let constraints =
                            Constraints { window_steps, ties, open_end: seed == 2, ..Constraints::default() };
                        let options = dtw::Options { metric, constraints, normalize: Normalize::Path, zero };
                        let _ = dtw_pairs(xs, ys, &[[0, 1]], true, &options, run);
                        let _ = dtw_nearest(xs, xs, 1, &options, run);
                    }
                    let _ = dtw_matrix(xs, Some(ys), &dtw::Options { metric, zero, ..Default::default() }, run);
                }
                let score = vertex::Options {
                    mode: Mode::Released,
                    decay: Decay::Relative { strength: f64::MAX },
                    z: Baseline::HoldLast,
                    ..Default::default()
                };
                let _ = vertex_pairs(xs, ys, &[[0, 1]], Some(xs), true, &score, run);
                let _ = dtw_from_costs(rows, &dtw::Options::default(), run);
                let _ = cosine_similarity(rows, Some(others), zero, run);
                let _ = top_k(rows, others, n, zero, run);
                let _ = pairs(rows, Some(others), Threshold::at_least(-1.0)?, Some(3), zero, run);
                let _ = single_link(rows, Threshold::above(0.2)?, None, zero, run);
                let _ = first_come(rows, Threshold::above(0.2)?, None, zero, run);
                let _ = gaussian_similarity(rows, rows, f64::MAX, run);
                let _ = mmd2(rows, others, &[5e-324, 1e300], Estimator::Biased, Combine::Sum, run);
                DiversityFilter::new(dim, 0.3, zero)?.add(rows, run).map(drop).or(Ok::<(), Error>(()))
            });
        }
    }
}

#[test]
fn wild_rows_of_every_type_and_size_end_in_a_result_or_an_error() {
    wild_rows_end_in_a_result_or_an_error::<f32>();
    wild_rows_end_in_a_result_or_an_error::<f64>();
    wild_rows_end_in_a_result_or_an_error::<f16>();
}

/// Costs that claim other sizes each time they are asked, and hold NaN and infinity.
struct Liar {
    asked: std::cell::Cell<usize>,
    sizes: [usize; 3],
}

impl Costs for Liar {
    fn rows(&self) -> usize {
        self.asked.set(self.asked.get() + 1);
        self.sizes[self.asked.get() % 3]
    }
    fn columns(&self) -> usize {
        self.asked.set(self.asked.get() + 1);
        self.sizes[self.asked.get() % 3]
    }
    fn fill(&mut self, i: usize, _: usize, out: &mut [f64], ask: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        ask()?;
        out.iter_mut().enumerate().for_each(|(j, cell)| *cell = [f64::NAN, 1.0, f64::NEG_INFINITY, 0.0][(i + j) % 4]);
        Ok(())
    }
}

#[test]
fn costs_that_lie_about_their_size_end_in_a_result_an_error_or_a_panic() {
    let mut ask = || Ok(());
    for sizes in
        [[5, 3, 7], [0, 0, 0], [0, 4, 4], [usize::MAX, 2, 2], [2, usize::MAX, usize::MAX], [1, 1, 1], [9, 9, 9]]
    {
        for constraints in [
            Constraints::default(),
            Constraints { window_steps: Some(1), open_begin: true, ties: Ties::FastdtwPy, ..Constraints::default() },
        ] {
            let mut space = Workspace::default();
            let mut liar = Liar { asked: std::cell::Cell::new(0), sizes };
            let ended = catch_unwind(AssertUnwindSafe(|| align(&mut liar, &constraints, true, &mut space, &mut ask)));
            drop(ended);
            for (m, n, column) in [(9, 9, 8), (0, 0, 0), (3, 9, 20), (usize::MAX, 1, 0), (9, 1, 0)] {
                let mut path = [[0; 2]; 17];
                drop(catch_unwind(AssertUnwindSafe(|| trace(m, n, column, &constraints, &space, &mut path))));
            }
        }
    }
}

#[test]
fn directions_without_sense_give_a_path_inside() {
    // What rows leave that another thread changes during a call.
    let mut ask = || Ok(());
    for (m, n) in [(1, 1), (1, 9), (9, 1), (5, 7), (8, 8)] {
        for window_steps in [None, Some(0), Some(2)] {
            for ties in [Ties::Diagonal, Ties::FastdtwPy, Ties::FastdtwCy] {
                let constraints = Constraints { window_steps, ties, ..Constraints::default() };
                let data = wild::<f64>(m, n, m + n);
                let mut costs = Matrix(Rows::new("costs", &data, n).expect("rows"));
                let mut space = Workspace::default();
                align(&mut costs, &constraints, true, &mut space, &mut ask).expect("room");
                let mut path = vec![[0; 2]; m + n - 1];
                let length = trace(m, n, n - 1, &constraints, &space, &mut path);
                let inside = |[i, j]: &[i32; 2]| (0..m as i32).contains(i) && (0..n as i32).contains(j);
                assert!(length >= 1 && path[..length].iter().all(inside), "{m} {n} {window_steps:?} {ties:?}");
            }
        }
    }
}
