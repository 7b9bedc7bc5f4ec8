//! MMD^2 and the Gaussian kernel against their formulas.

use tracewarp_core::kernel::{Combine, Estimator, gaussian_similarity, mmd2};
use tracewarp_core::rows::{Rows, Scalar};

use crate::oracle::{Sequence, sqeuclidean};
use crate::sets::{Dice, Number, Set, running};

fn kernel(u: &[f64], v: &[f64], gamma: f64) -> f64 {
    (-gamma * sqeuclidean(u, v)).exp()
}

fn similarity<T: Scalar>(u: Rows<'_, T>, v: Rows<'_, T>, gamma: f64) -> f64 {
    running(1, |run| gaussian_similarity(u, v, gamma, run)).expect("k")[0]
}

/// Means over all pairs, or over the pairs of different rows, as the definition has them.
fn slow(x: &Sequence, y: &Sequence, gamma: f64, unbiased: bool) -> f64 {
    let mean = |x: &Sequence, y: &Sequence, skip: bool| {
        let (mut sum, mut count) = (0.0, 0.0);
        for (i, u) in x.iter().enumerate() {
            for (j, v) in y.iter().enumerate() {
                if !(skip && i == j) {
                    sum += kernel(u, v, gamma);
                    count += 1.0;
                }
            }
        }
        sum / count
    };
    mean(x, x, unbiased) + mean(y, y, unbiased) - 2.0 * mean(x, y, false)
}

fn found<T: Number>(x: &Set<T>, y: &Set<T>, gammas: &[f64], estimator: Estimator, combine: Combine) -> f64 {
    let (x, y) = (x.ragged("x").rows(), y.ragged("y").rows());
    running(1, |run| mmd2(x, y, gammas, estimator, combine, run)).expect("MMD")
}

fn judge<T: Number>() {
    let mut dice = Dice(8);
    for (n, m) in [(2, 2), (2, 3), (7, 8), (9, 31), (32, 33)] {
        let (x, y) = (Set::<T>::of(&[dice.sequence(n, 5)]), Set::<T>::of(&[dice.sequence(m, 5)]));
        let gammas = [0.1, 1.0, 7.5];
        for (estimator, unbiased) in [(Estimator::Biased, false), (Estimator::Unbiased, true)] {
            let each: Vec<f64> = gammas.iter().map(|&g| slow(&x.exact(0), &y.exact(0), g, unbiased)).collect();
            for (gamma, expected) in gammas.iter().zip(&each) {
                assert!((found(&x, &y, &[*gamma], estimator, Combine::Mean) - expected).abs() < 1e-12);
            }
            let sum: f64 = each.iter().sum();
            assert!((found(&x, &y, &gammas, estimator, Combine::Sum) - sum).abs() < 1e-12);
            assert!((found(&x, &y, &gammas, estimator, Combine::Mean) - sum / 3.0).abs() < 1e-12);
        }
    }
}

#[test]
fn both_estimators_are_their_formulas() {
    judge::<f32>();
    judge::<f64>();
}

#[test]
fn of_point_masses_it_is_2_minus_2k() {
    let mut dice = Dice(9);
    for _ in 0..50 {
        let (u, v) = (Set::<f64>::of(&[dice.sequence(1, 4)]), Set::<f64>::of(&[dice.sequence(1, 4)]));
        let k = similarity(u.ragged("u").rows(), v.ragged("v").rows(), 0.7);
        assert!((found(&u, &v, &[0.7], Estimator::Biased, Combine::Mean) - (2.0 - 2.0 * k)).abs() < 1e-15);
        assert_eq!(k, kernel(&u.exact(0)[0], &v.exact(0)[0], 0.7));
    }
}

#[test]
fn the_biased_one_is_never_negative_and_the_unbiased_one_may_be() {
    let mut dice = Dice(10);
    let mut lowest = f64::INFINITY;
    for _ in 0..100 {
        let (x, y) = (Set::<f32>::of(&[dice.sequence(4, 2)]), Set::<f32>::of(&[dice.sequence(5, 2)]));
        assert!(found(&x, &y, &[1.0], Estimator::Biased, Combine::Mean) >= 0.0);
        assert!(found(&x, &x, &[1.0], Estimator::Biased, Combine::Mean) < 1e-15);
        lowest = lowest.min(found(&x, &y, &[1.0], Estimator::Unbiased, Combine::Mean));
    }
    assert!(lowest < 0.0);
}

#[test]
fn the_adaptive_five_bandwidth_kernel_says_the_same_of_every_two_vectors() {
    // Its bandwidths are multiples of the one distance that there is: 1/4, 1/2, 1, 2 and 4 times it.
    let mut dice = Dice(11);
    for _ in 0..20 {
        let (u, v) = (Set::<f64>::of(&[dice.sequence(1, 6)]), Set::<f64>::of(&[dice.sequence(1, 6)]));
        let square = sqeuclidean(&u.exact(0)[0], &v.exact(0)[0]);
        let gammas: Vec<f64> = (-2..=2).map(|power| 1.0 / (square * 2f64.powi(power))).collect();
        assert!((found(&u, &v, &gammas, Estimator::Biased, Combine::Sum) - 6.186_276).abs() < 1e-6);
    }
}

#[test]
fn no_bandwidth_and_no_magnitude_gives_nan() {
    for value in [0.0, 5e-324, 1e-200, 1e200, f64::MAX] {
        let u = Set::<f64>::of(&[vec![vec![value, -value]]]);
        let v = Set::<f64>::of(&[vec![vec![-value, value]]]);
        for gamma in [5e-324, 1e-300, 1.0, 1e300, f64::MAX] {
            for (x, y) in [(&u, &u), (&u, &v)] {
                let k = similarity(x.ragged("u").rows(), y.ragged("v").rows(), gamma);
                assert!((0.0..=1.0).contains(&k), "{value} {gamma}: {k}");
                let mmd = found(x, y, &[gamma], Estimator::Biased, Combine::Mean);
                assert!((0.0..=2.0).contains(&mmd), "{value} {gamma}: {mmd}");
            }
        }
    }
}
