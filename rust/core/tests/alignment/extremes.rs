//! Rows of any finite magnitude, zero vectors, and rows that are equal.

use half::f16;
use tracewarp_core::cost::Metric;
use tracewarp_core::dtw::Options;
use tracewarp_core::rows::Zero;
use tracewarp_core::vertex::{self, vertex_pairs};

use crate::oracle::{Freedom, Sequence, cosine, dtw, table};
use crate::sets::{Dice, Number, Set, align, distance, running};

const METRICS: [Metric; 3] = [Metric::Cosine, Metric::Euclidean, Metric::SqEuclidean];

fn scaled(sequence: &Sequence, scale: f64) -> Sequence {
    sequence.iter().map(|row| row.iter().map(|value| value * scale).collect()).collect()
}

fn magnitudes<T: Number>(scales: &[f64]) {
    let mut dice = Dice(31);
    let (x, y) = (dice.sequence(9, 20), dice.sequence(7, 20));
    let (expected, path) = dtw(&table(&x, &y, cosine), Freedom::default());
    for x_scale in scales {
        for y_scale in scales {
            let (found, found_path) = align::<T>(&scaled(&x, *x_scale), &scaled(&y, *y_scale), &Options::default());
            let tolerance = 1e-6 * path.len() as f64;
            assert!((found - expected).abs() <= tolerance, "{x_scale} {y_scale}: {found} for {expected}");
            assert_eq!(found_path, path);
        }
        let own = scaled(&x, *x_scale);
        for metric in METRICS {
            if *x_scale < 1e149 {
                assert_eq!(distance::<T>(&own, &own, &Options { metric, ..Options::default() }), 0.0);
            }
        }
    }
}

#[test]
fn the_cosine_does_not_feel_magnitudes_in_f32() {
    magnitudes::<f32>(&[1e-30, 1e-20, 1e-12, 1e-6, 1.0, 1e6, 1e12, 1e20, 1e30, 1e38]);
}

#[test]
fn the_cosine_does_not_feel_magnitudes_in_f64() {
    magnitudes::<f64>(&[1e-300, 1e-200, 1e-160, 1e-100, 1e-12, 1.0, 1e12, 1e100, 1e160, 1e200, 1e307]);
}

#[test]
fn euclidean_distances_scale_with_the_rows() {
    let mut dice = Dice(32);
    let (x, y) = (dice.sequence(9, 20), dice.sequence(7, 20));
    let options = Options { metric: Metric::Euclidean, ..Options::default() };
    let plain = distance::<f64>(&x, &y, &options);
    for scale in [1e-300, 1e-200, 1e-100, 1e100, 1e148] {
        let found = distance::<f64>(&scaled(&x, scale), &scaled(&y, scale), &options) / scale;
        assert!((found - plain).abs() <= 1e-12 * plain, "{scale}");
    }
    for scale in [1e-30, 1e-18, 1e18, 1e30, 1e38] {
        let found = distance::<f32>(&scaled(&x, scale), &scaled(&y, scale), &options) / scale;
        assert!((found - plain).abs() <= 1e-6 * plain, "{scale}");
    }
}

fn equal_rows_cost_nothing<T: Number>() {
    let mut dice = Dice(33);
    for dim in (1..40).chain([384, 768, 1000, 4096]) {
        for scale in [1e-3, 1.0, 30.0] {
            let own = scaled(&dice.sequence(3, dim), scale);
            for metric in METRICS {
                let options = Options { metric, ..Options::default() };
                let (found, path) = align::<T>(&own, &own, &options);
                assert_eq!((found, path), (0.0, vec![(0, 0), (1, 1), (2, 2)]), "{metric:?} {dim}");
            }
        }
    }
}

#[test]
fn rows_that_are_equal_cost_exactly_nothing_in_every_dtype_and_dimension() {
    equal_rows_cost_nothing::<f16>();
    equal_rows_cost_nothing::<f32>();
    equal_rows_cost_nothing::<f64>();
}

#[test]
fn equal_rows_keep_k_at_1_and_count_in_the_score() {
    let mut dice = Dice(34);
    let x = Set::<f16>::of(&[dice.sequence(5, 768)]);
    let (r, t) = (x.ragged("references"), x.ragged("tests"));
    let found = running(1, |run| vertex_pairs(r, t, &[[0, 0]], None, true, &vertex::Options::default(), run));
    let found = found.expect("scores");
    assert_eq!(found.scores, [1.0]);
    assert!(found.parts.is_some_and(|parts| parts.similarity.iter().all(|k| *k == 1.0)));
}

#[test]
fn a_zero_vector_may_be_orthogonal_to_everything_itself_included() {
    let (x, y) = (vec![vec![0.0, 0.0], vec![1.0, 0.0]], vec![vec![0.0, 0.0], vec![5.0, 0.0]]);
    let options = Options { zero: Zero::Orthogonal, ..Options::default() };
    assert_eq!(align::<f32>(&x, &y, &options), (1.0, vec![(0, 0), (1, 1)]));
    assert_eq!(distance::<f64>(&x[..1].to_vec(), &y[1..].to_vec(), &options), 1.0);
}

#[test]
fn negative_zero_is_zero() {
    let (x, y) = (vec![vec![0.0, 1.0]], vec![vec![-0.0, 1.0]]);
    for metric in METRICS {
        assert_eq!(distance::<f32>(&x, &y, &Options { metric, ..Options::default() }), 0.0);
    }
}
