//! The numbers that the definition of VERTEX_DTW prints.

use std::slice::from_ref;

use half::f16;
use tracewarp_core::align::{Constraints, Ties};
use tracewarp_core::dtw::{self, Options};
use tracewarp_core::kernel::{Combine, Estimator, gaussian_similarity, mmd2};
use tracewarp_core::rows::Rows;
use tracewarp_core::vertex::{self, Baseline, Mode, vertex_pairs};

use crate::oracle::{Sequence, optima};
use crate::sets::{Number, Set, align, align_costs, running};

fn angles(degrees: &[f64]) -> Sequence {
    degrees.iter().map(|angle| vec![angle.to_radians().cos(), angle.to_radians().sin()]).collect()
}

fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} for {expected}");
}

/// Scores in all three modes, alone and amid a batch, with the parts.
fn golden<T: Number>(tolerance: f64) {
    let (reference, test, trivial) = (angles(&[0., 40., 90.]), angles(&[5., 18., 45., 80.]), angles(&[30.]));
    let cells = vec![(0, 0), (0, 1), (1, 2), (2, 3)];
    let (distance, path) = align::<T>(&reference, &test, &Options::default());
    close(distance, 0.071_746_334_5, tolerance);
    assert_eq!(path, cells);
    let alone = [&reference, &test, &trivial].map(|one| Set::<T>::of(from_ref(one)));
    let amid = [
        Set::<T>::of(&[angles(&[77.]), reference, angles(&[1., 2.])]),
        Set::of(&[test, angles(&[10., 60.])]),
        Set::of(&[angles(&[50.]), trivial.clone(), trivial]),
    ];
    for (mode, expected) in [(Mode::Released, 0.319_905), (Mode::Eq1, 0.302_179), (Mode::Normalized, 0.562_658)] {
        let options = vertex::Options { mode, ..vertex::Options::default() };
        let score = |[x, y, z]: &[Set<T>; 3], pairs: &[[i64; 2]]| {
            let (x, y, z) = (x.ragged("references"), y.ragged("tests"), z.ragged("trivials"));
            running(2, |run| vertex_pairs(x, y, pairs, Some(z), true, &options, run)).expect("scores")
        };
        let single = score(&alone, &[[0, 0]]);
        close(single.scores[0], expected, tolerance.max(5e-7));
        assert_eq!(single.counted, [4]);
        let parts = single.parts.expect("parts");
        for (found, expected) in parts.similarity.iter().zip([0.992_418, 0.906_751, 0.992_418, 0.970_072]) {
            close(*found, expected, tolerance.max(1e-6));
        }
        assert_eq!(parts.decay, [1.0, 0.5, 0.5, 0.5]);
        close(parts.z[0], 0.764_947, tolerance.max(1e-6));
        assert_eq!(parts.z[1..], [parts.z[0], 0.0, 0.0]);
        let batch = score(&amid, &[[0, 1], [1, 0], [2, 0], [1, 1]]);
        assert_eq!(batch.scores[1].to_bits(), single.scores[0].to_bits());
    }
}

#[test]
fn the_golden_example_in_f64_f32_and_f16() {
    golden::<f64>(5e-10);
    golden::<f32>(1e-6);
    // Its rows are rounded to 11 bits.
    golden::<f16>(2e-3);
}

#[test]
fn the_golden_path_is_the_only_optimum() {
    let (reference, test) = (angles(&[0., 40., 90.]), angles(&[5., 18., 45., 80.]));
    assert_eq!(optima(&crate::oracle::table(&reference, &test, crate::oracle::cosine)), 1);
}

#[test]
fn unrelated_steps_against_a_trivial_first_page() {
    let unit = |k: usize| (0..4).map(|i| f64::from(u8::from(i == k))).collect::<Vec<f64>>();
    let (x, y) = (Set::<f64>::of(&[vec![unit(0), unit(1)]]), Set::of(&[vec![unit(2), unit(3)]]));
    let z = Set::of(&[vec![unit(0)]]);
    for (mode, expected, counted) in
        [(Mode::Released, -0.364_665, 2), (Mode::Eq1, 0.067_668, 2), (Mode::Normalized, 0.135_335, 1)]
    {
        let options = vertex::Options { mode, ..vertex::Options::default() };
        let (x, y, z) = (x.ragged("references"), y.ragged("tests"), z.ragged("trivials"));
        let found = running(1, |run| vertex_pairs(x, y, &[[0, 0]], Some(z), false, &options, run)).expect("scores");
        close(found.scores[0], expected, 5e-7);
        assert_eq!(found.counted, [counted]);
    }
}

#[test]
fn ties_decide_the_length_of_a_path_and_so_the_score() {
    let (a, b, c) = (0.0, 90.0, 180.0);
    let set = Set::<f64>::of(&[angles(&[a, a, b, b, c])]);
    for (ties, length, score) in
        [(Ties::Diagonal, 5, 1.0), (Ties::FastdtwPy, 7, 0.857_142_857), (Ties::FastdtwCy, 5, 1.0)]
    {
        let constraints = Constraints { ties, ..Constraints::default() };
        let (distance, path) =
            align::<f64>(&set.exact(0), &set.exact(0), &Options { constraints, ..Options::default() });
        assert_eq!((distance, path.len()), (0.0, length));
        let options = vertex::Options { ties, z: Baseline::None, ..vertex::Options::default() };
        let (x, y) = (set.ragged("references"), set.ragged("tests"));
        let found = running(1, |run| vertex_pairs(x, y, &[[0, 0]], None, false, &options, run)).expect("scores");
        close(found.scores[0], score, 1e-9);
    }
}

#[test]
fn the_table_of_similarities() {
    for (cosine, k, mmd) in [
        (1.0, 1.0, 0.0),
        (0.9, 0.818_731, 0.362_538),
        (0.8, 0.670_320, 0.659_360),
        (0.5, 0.367_879, 1.264_241),
        (0.0, 0.135_335, 1.729_329),
        (-1.0, 0.018_316, 1.963_369),
    ] {
        let (u, v) = ([1.0f64, 0.0], [cosine, (1.0f64 - cosine * cosine).sqrt()]);
        let (u, v) = (Rows::new("u", &u, 2).expect("rows"), Rows::new("v", &v, 2).expect("rows"));
        close(running(1, |run| gaussian_similarity(u, v, 1.0, run)).expect("k")[0], k, 5e-7);
        let found = running(1, |run| mmd2(u, v, &[1.0], Estimator::Biased, Combine::Mean, run)).expect("MMD");
        close(found, mmd, 5e-7);
    }
}

#[test]
fn a_batch_of_costs_reads_like_its_transpose() {
    let costs = vec![vec![0.0, 3.0, 9.0], vec![4.0, 1.0, 2.0]];
    let transposed: Vec<Vec<f64>> = (0..3).map(|j| costs.iter().map(|row| row[j]).collect()).collect();
    let (distance, path) = align_costs(&costs, &Options::default());
    assert_eq!((distance, path), (3.0, vec![(0, 0), (1, 1), (1, 2)]));
    assert_eq!(align_costs(&transposed, &Options::default()), (3.0, vec![(0, 0), (1, 1), (2, 1)]));
    let options = Options { normalize: dtw::Normalize::Path, ..Options::default() };
    assert_eq!(align_costs(&costs, &options).0, 1.0);
}
