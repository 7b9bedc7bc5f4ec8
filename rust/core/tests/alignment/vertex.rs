//! VERTEX_DTW: every mode, decay and baseline against the formula, cell by cell, and what its datasheet claims.

use tracewarp_core::rows::Scalar;
use tracewarp_core::vertex::{Baseline, Decay, Mode, Options, Scores, vertex_pairs};

use crate::oracle::{self, Freedom, Path, Sequence, sqeuclidean};
use crate::sets::{Dice, Number, Set, running};

const MODES: [Mode; 3] = [Mode::Normalized, Mode::Eq1, Mode::Released];
const RELATIVE: Decay = Decay::Relative { strength: 1.0 };
const STRONG: Decay = Decay::Relative { strength: 2.0 };
const DECAYS: [Decay; 4] = [Decay::Hyperbolic, RELATIVE, STRONG, Decay::None];
const BASELINES: [Baseline; 4] = [Baseline::ZeroPad, Baseline::HoldLast, Baseline::ScalarMean, Baseline::None];

fn score<T: Number>(x: &Set<T>, y: &Set<T>, z: Option<&Set<T>>, pairs: &[[i64; 2]], options: &Options) -> Scores {
    let z = z.map(|z| z.ragged("trivials"));
    let (x, y) = (x.ragged("references"), y.ragged("tests"));
    running(1, |run| vertex_pairs(x, y, pairs, z, true, options, run)).expect("scores")
}

fn unit(u: &[f64]) -> Vec<f64> {
    let norm = u.iter().map(|a| a * a).sum::<f64>().sqrt();
    u.iter().map(|a| a / norm).collect()
}

fn kernel(u: &[f64], v: &[f64], gamma: f64) -> f64 {
    (-gamma * sqeuclidean(&unit(u), &unit(v))).exp()
}

/// z_i by the definition.
fn baseline(x: &Sequence, trivial: &Sequence, i: usize, options: &Options) -> f64 {
    match options.z {
        Baseline::None => 0.0,
        Baseline::ZeroPad if i < trivial.len() => kernel(&x[i], &trivial[i], options.gamma),
        Baseline::ZeroPad => 0.0,
        Baseline::HoldLast => kernel(&x[i], &trivial[i.min(trivial.len() - 1)], options.gamma),
        Baseline::ScalarMean => x.iter().map(|u| kernel(u, &trivial[0], options.gamma)).sum::<f64>() / x.len() as f64,
    }
}

fn weight(i: usize, j: usize, m: usize, n: usize, decay: Decay) -> f64 {
    let place = |k: usize, len: usize| if len > 1 { k as f64 / (len as f64 - 1.0) } else { 0.0 };
    match decay {
        Decay::Hyperbolic => 1.0 / (1.0 + (i as f64 - j as f64).abs()),
        Decay::Relative { strength } => 1.0 / (1.0 + strength * (place(i, m) - place(j, n)).abs()),
        Decay::None => 1.0,
    }
}

/// The score by the table of the definition, and the number of cells that it is a mean over.
fn slow(x: &Sequence, y: &Sequence, trivial: &Sequence, path: &Path, options: &Options) -> (f64, i64) {
    let mut cells = Vec::new();
    for &(i, j) in path {
        let k = kernel(&x[i], &y[j], options.gamma);
        let z = baseline(x, trivial, i, options);
        let w = weight(i, j, x.len(), y.len(), options.decay);
        match options.mode {
            Mode::Normalized if 1.0 - z < options.min_headroom => {}
            Mode::Normalized => cells.push(w * ((k - z) / (1.0 - z)).clamp(0.0, 1.0)),
            Mode::Eq1 => cells.push((w * k - z).clamp(0.0, 1.0)),
            Mode::Released => cells.push(w * (k - z)),
        }
    }
    let mean = if cells.is_empty() { 0.0 } else { cells.iter().sum::<f64>() / cells.len() as f64 };
    (mean, cells.len() as i64)
}

fn judge<T: Number>(tolerance: f64) {
    let mut dice = Dice(21);
    for (m, n, t) in [(1, 1, 1), (1, 4, 2), (3, 1, 1), (4, 6, 2), (8, 7, 9), (12, 9, 3), (31, 33, 4)] {
        let (x, y, z) = (dice.sequence(m, 6), dice.sequence(n, 6), dice.sequence(t, 6));
        let (x, y, z) = (Set::<T>::of(&[x]), Set::<T>::of(&[y]), Set::<T>::of(&[z]));
        let costs = oracle::table(&x.exact(0), &y.exact(0), oracle::cosine);
        let (_, path) = oracle::dtw(&costs, Freedom::default());
        for mode in MODES {
            for decay in DECAYS {
                for baseline in BASELINES {
                    for gamma in [0.3, 1.0, 4.0] {
                        let options = Options { mode, decay, z: baseline, gamma, ..Options::default() };
                        let found = score(&x, &y, Some(&z), &[[0, 0]], &options);
                        let (expected, counted) = slow(&x.exact(0), &y.exact(0), &z.exact(0), &path, &options);
                        let difference = (found.scores[0] - expected).abs();
                        assert!(difference <= tolerance, "{options:?}, {m} x {n}: {} for {expected}", found.scores[0]);
                        assert_eq!(found.counted, [counted]);
                        let cells = found.paths.cells.iter().map(|&[i, j]| (i as usize, j as usize));
                        assert_eq!(cells.collect::<Path>(), path);
                    }
                }
            }
        }
    }
}

#[test]
fn every_mode_decay_and_baseline_is_its_formula() {
    judge::<f64>(1e-12);
    // k = exp(-2 gamma c) with an error of 1e-6 in c, divided by a headroom of about 0.5 at least.
    judge::<f32>(2e-5);
}

#[test]
fn scores_stay_in_their_ranges() {
    let mut dice = Dice(22);
    for round in 0..300 {
        let dim = 1 + round % 3;
        let x = Set::<f64>::of(&[dice.sequence(1 + round % 7, dim)]);
        let y = Set::<f64>::of(&[dice.sequence(1 + round % 5, dim)]);
        let z = Set::<f64>::of(&[dice.sequence(1 + round % 2, dim)]);
        for mode in MODES {
            let gamma = [1e-3, 1.0, 1e3][round % 3];
            let options = Options { mode, gamma, z: BASELINES[round % 4], ..Options::default() };
            let found = score(&x, &y, Some(&z), &[[0, 0]], &options);
            let lowest = if mode == Mode::Released { -1.0 } else { 0.0 };
            assert!((lowest..=1.0).contains(&found.scores[0]), "{options:?}: {}", found.scores[0]);
            assert!((0..=found.paths.cells.len() as i64).contains(&found.counted[0]));
        }
    }
}

#[test]
fn released_reaches_minus_one() {
    let (x, y) = (Set::<f64>::of(&[vec![vec![1.0, 0.0]]]), Set::<f64>::of(&[vec![vec![-1.0, 0.0]]]));
    let options = Options { mode: Mode::Released, gamma: 1e3, ..Options::default() };
    assert_eq!(score(&x, &y, Some(&x), &[[0, 0]], &options).scores, [-1.0]);
}

#[test]
fn a_self_match_is_1_normalised_and_falls_short_by_a_cell_otherwise() {
    let mut dice = Dice(23);
    for steps in [2, 5, 9] {
        let own = dice.sequence(steps, 16);
        let (x, z) = (Set::<f32>::of(std::slice::from_ref(&own)), Set::<f32>::of(&[vec![own[0].clone()]]));
        for (mode, expected) in [
            (Mode::Normalized, 1.0),
            (Mode::Eq1, (steps as f64 - 1.0) / steps as f64),
            (Mode::Released, (steps as f64 - 1.0) / steps as f64),
        ] {
            let found = score(&x, &x, Some(&z), &[[0, 0]], &Options { mode, ..Options::default() });
            assert!((found.scores[0] - expected).abs() < 1e-12, "{mode:?}");
        }
    }
}

#[test]
fn a_one_step_reference_equal_to_the_trivial_page_leaves_nothing_to_measure() {
    let x = Set::<f32>::of(&[vec![vec![0.3, 0.1, -0.7]]]);
    let found = score(&x, &x, Some(&x), &[[0, 0]], &Options::default());
    assert_eq!((found.scores, found.counted), (vec![0.0], vec![0]));
    // Nor with no headroom asked for: 0, not 0 / 0.
    let options = Options { min_headroom: 0.0, ..Options::default() };
    let found = score(&x, &x, Some(&x), &[[0, 0]], &options);
    assert_eq!((found.scores, found.counted), (vec![0.0], vec![1]));
}

#[test]
fn headroom_is_measured_in_f64() {
    // 1 - z is 1.002e-3 and 0.998e-3: in f32 both would lie within its rounding of the limit.
    for (headroom, counted) in [(1.002e-3f64, 1), (0.998e-3, 0)] {
        // z = exp(-2 c), c = 1 - cos(angle)
        let angle = (1.0 + (1.0 - headroom).ln() / 2.0).acos();
        let reference = Set::<f64>::of(&[vec![vec![1.0, 0.0]]]);
        let trivial = Set::<f64>::of(&[vec![vec![angle.cos(), angle.sin()]]]);
        let found = score(&reference, &reference, Some(&trivial), &[[0, 0]], &Options::default());
        assert_eq!(found.counted, [counted]);
    }
}

#[test]
fn without_a_trivial_trajectory_every_baseline_is_zero() {
    let mut dice = Dice(24);
    let (x, y) = (Set::<f64>::of(&[dice.sequence(5, 4)]), Set::<f64>::of(&[dice.sequence(6, 4)]));
    for z in BASELINES {
        let found = score(&x, &y, None, &[[0, 0]], &Options { z, ..Options::default() });
        assert!(found.parts.is_some_and(|parts| parts.z.iter().all(|z| *z == 0.0)));
    }
}

#[test]
fn unrelated_random_rows_score_about_0_065() {
    let mut dice = Dice(25);
    let (x, y): (Vec<_>, Vec<_>) = (0..200).map(|_| (dice.sequence(8, 768), dice.sequence(12, 768))).unzip();
    let (x, y) = (Set::<f32>::of(&x), Set::<f32>::of(&y));
    let pairs: Vec<[i64; 2]> = (0..200).map(|p| [p, p]).collect();
    let found = score(&x, &y, None, &pairs, &Options::default());
    let mean = found.scores.iter().sum::<f64>() / 200.0;
    // One standard error of 200 pairs is 0.0012.
    assert!((mean - 0.065).abs() < 0.003, "{mean}");
}

#[test]
fn positions_and_not_only_contents_count() {
    let mut dice = Dice(26);
    let own = dice.sequence(6, 12);
    let late = [vec![dice.sequence(1, 12)[0].clone(); 4], own.clone()].concat();
    let (x, y) = (Set::<f64>::of(&[own]), Set::<f64>::of(&[late]));
    let with = |decay| score(&x, &y, None, &[[0, 0]], &Options { decay, ..Options::default() }).scores[0];
    let scores = [Decay::Hyperbolic, STRONG, RELATIVE, Decay::None].map(with);
    assert!(scores.is_sorted_by(|a, b| a < b), "{scores:?}");
}

#[test]
fn every_legal_strength_gives_a_weight_above_0() {
    let (x, y) = (Set::<f64>::of(&[vec![vec![1.0, 0.0]; 2]]), Set::<f64>::of(&[vec![vec![1.0, 0.0]; 3]]));
    for strength in [5e-324, 1.0, f64::MAX] {
        let options = Options { decay: Decay::Relative { strength }, ..Options::default() };
        let weights = score(&x, &y, None, &[[0, 0]], &options).parts.expect("parts").decay;
        assert!(weights.iter().all(|w| *w > 0.0 && *w <= 1.0), "{weights:?}");
    }
}

#[test]
fn no_bandwidth_gives_nan() {
    let (x, y) = (Set::<f64>::of(&[vec![vec![1.0, 0.0]; 2]]), Set::<f64>::of(&[vec![vec![1.0, 0.0], vec![0.0, 1.0]]]));
    for gamma in [5e-324, 1e-300, 1.0, 1e300, f64::MAX] {
        for mode in MODES {
            let options = Options { mode, gamma, ..Options::default() };
            for (a, b) in [(&x, &x), (&x, &y)] {
                assert!(score(a, b, Some(&y), &[[0, 0]], &options).scores[0].is_finite(), "{options:?}");
            }
        }
    }
}

#[test]
fn a_batch_gives_the_bits_of_its_singles() {
    let mut dice = Dice(27);
    let sequences = |dice: &mut Dice| (0..6).map(|s| dice.sequence(1 + s * 3, 20)).collect::<Vec<_>>();
    let (x, y) = (Set::<f32>::of(&sequences(&mut dice)), Set::<f32>::of(&sequences(&mut dice)));
    let z = Set::<f32>::of(&sequences(&mut dice));
    let pairs: Vec<[i64; 2]> = (0..36).map(|p| [5 - p / 6, p % 6]).collect();
    let options = Options { z: Baseline::HoldLast, ..Options::default() };
    let batch = score(&x, &y, Some(&z), &pairs, &options);
    for (p, pair) in pairs.iter().enumerate() {
        let single = score(&x, &y, Some(&z), &[*pair], &options);
        assert_eq!(single.scores[0].to_bits(), batch.scores[p].to_bits());
        assert_eq!(single.counted[0], batch.counted[p]);
        let range = batch.paths.offsets[p] as usize..batch.paths.offsets[p + 1] as usize;
        assert_eq!(single.paths.cells, batch.paths.cells[range]);
    }
    assert!(batch.scores.iter().all(|score| score.double() >= 0.0));
}
