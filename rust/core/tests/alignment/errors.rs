//! Every error is raised by a call that deserves it, and its sentence names the argument.

use tracewarp_core::Error;
use tracewarp_core::align::{self, Constraints, Workspace};
use tracewarp_core::cost::{Costs, Metric};
use tracewarp_core::dtw::{Options, dtw_from_costs, dtw_matrix, dtw_nearest, dtw_pairs};
use tracewarp_core::kernel::{Combine, Estimator, gaussian_similarity, mmd2};
use tracewarp_core::rows::{Ragged, Rows};
use tracewarp_core::vertex::{self, vertex_pairs};
use tracewarp_core::work::Run;

use crate::sets::running;

/// A table of costs too large for any machine, of which nothing is stored.
struct Endless;

impl Costs for Endless {
    fn rows(&self) -> usize {
        usize::MAX / 2
    }
    fn columns(&self) -> usize {
        16
    }
    fn fill(
        &mut self,
        _: usize,
        _: usize,
        out: &mut [f64],
        _: &mut dyn FnMut() -> tracewarp_core::Result<()>,
    ) -> tracewarp_core::Result<()> {
        out.fill(0.0);
        Ok(())
    }
}

fn rows<'a>(argument: &'static str, data: &'a [f64], dim: usize) -> Rows<'a, f64> {
    Rows::new(argument, data, dim).expect("rows")
}

fn set<'a>(argument: &'static str, data: &'a [f64], offsets: &'a [i64]) -> Ragged<'a, f64> {
    Ragged::new(argument, rows(argument, data, 2), offsets).expect("a set")
}

fn pairs(x: Ragged<'_, f64>, y: Ragged<'_, f64>, pairs: &[[i64; 2]], options: &Options) -> Error {
    running(2, |run| dtw_pairs(x, y, pairs, false, options, run)).expect_err("an error")
}

fn costs(data: &[f64]) -> Error {
    running(1, |run| dtw_from_costs(rows("costs", data, 2), &Options::default(), run)).expect_err("an error")
}

/// (error, its sentence), one call each.
fn raised() -> Vec<(Error, &'static str)> {
    let fine: &[f64] = &[1.0, 0.0, 0.0, 1.0];
    let plain = Options::default();
    let euclidean = Options { metric: Metric::Euclidean, ..plain };
    let limit = Constraints { max_distance: f64::NAN, ..Constraints::default() };
    let x = set("xs", fine, &[0, 2]);
    let mut found = vec![
        (
            Rows::new("x", fine, 3).expect_err("4 / 3"),
            "x: expected rows of one and the same dimension, at least 1, got 4 values in rows of 3",
        ),
        (
            Rows::new("x", fine, 0).expect_err("0"),
            "x: expected rows of one and the same dimension, at least 1, got 4 values in rows of 0",
        ),
        (
            pairs(x, set("ys", fine, &[0, 0, 2]), &[[0, 0]], &plain),
            "ys: expected at least one row, got none in sequence 0",
        ),
        (
            pairs(x, set("ys", &[1.0, 0.0, 1.0, f64::NAN], &[0, 2]), &[[0, 0]], &plain),
            "ys: row 1 holds a value that is not finite (NaN or infinity)",
        ),
        (
            pairs(set("xs", &[1.0, f64::NEG_INFINITY, 1.0, 1.0], &[0, 2]), x, &[], &plain),
            "xs: row 0 holds a value that is not finite (NaN or infinity)",
        ),
        (
            pairs(set("xs", &[0.0, 0.0, 1.0, 1.0], &[0, 2]), x, &[], &plain),
            "xs: row 0 is a zero vector, whose cosine is undefined (zero=\"orthogonal\" gives it 0)",
        ),
        (
            pairs(x, set("ys", &[1.0, 0.0, 0.0, 0.0], &[0, 0, 1, 2]), &[[0, 1]], &plain),
            "ys: row 1 is a zero vector, whose cosine is undefined (zero=\"orthogonal\" gives it 0); it is row 0 of sequence 2",
        ),
        (
            pairs(x, set("ys", &[1.0, 0.0, 2e149, 0.0], &[0, 2]), &[[0, 0]], &euclidean),
            "ys: row 1 is longer than 1e149, too long for sums of squared differences in float64",
        ),
        (pairs(x, x, &[[0, 0], [0, 1]], &plain), "pairs: index 1 at position 1 is outside 0..1"),
        (pairs(x, x, &[[-1, 0]], &plain), "pairs: index -1 at position 0 is outside 0..1"),
        (
            pairs(x, x, &[[0, 0]], &Options { constraints: limit, ..plain }),
            "max_distance: expected a number, or infinity for no limit, got NaN",
        ),
        (costs(&[1.0, -1.0]), "costs: expected values of 0 to 1e298, got -1 in row 0"),
        (costs(&[1.0, 0.0, 0.0, f64::INFINITY]), "costs: row 1 holds a value that is not finite (NaN or infinity)"),
        (costs(&[]), "costs: expected at least one row, got none"),
        (
            Ragged::new("xs", rows("xs", fine, 2), &[]).expect_err("none"),
            "xs: offsets need at least the one entry 0, got none",
        ),
        (Ragged::new("xs", rows("xs", fine, 2), &[1, 2]).expect_err("1"), "xs: offsets must start at 0, got 1"),
        (
            Ragged::new("xs", rows("xs", fine, 2), &[0, 2, 1, 2]).expect_err("descent"),
            "xs: offsets must ascend, got 1 after 2 at position 2",
        ),
        (
            Ragged::new("xs", rows("xs", fine, 2), &[0, i64::MAX, -2, 2]).expect_err("descent"),
            "xs: offsets must ascend, got -2 after 9223372036854775807 at position 2",
        ),
        (
            Ragged::new("xs", rows("xs", fine, 2), &[0, 1]).expect_err("end"),
            "xs: offsets must end at the number of rows, 2, got 1",
        ),
        (Run::new(0, &mut || false).map(|_| ()).expect_err("no threads"), "threads: expected at least 1, got 0"),
    ];
    let narrow = Ragged::new("ys", rows("ys", fine, 1), &[0, 4]).expect("a set");
    found.push((pairs(x, narrow, &[], &plain), "ys: expected rows of 2 numbers, got rows of 1"));
    let nearest = |k| running(1, |run| dtw_nearest(x, x, k, &plain, run)).expect_err("k");
    found.push((nearest(0), "k: expected a number from 1 to the number of sequences in ys, got 0 for 1 sequences"));
    found.push((nearest(2), "k: expected a number from 1 to the number of sequences in ys, got 2 for 1 sequences"));
    let scored = |options: vertex::Options, z: &[i64]| {
        let z = set("trivials", fine, z);
        running(1, |run| vertex_pairs(x, x, &[[0, 0]], Some(z), false, &options, run)).expect_err("an error")
    };
    let default = vertex::Options::default();
    found.push((
        scored(vertex::Options { gamma: 0.0, ..default }, &[0, 2]),
        "gamma: expected a finite number above 0, got 0",
    ));
    found.push((
        scored(vertex::Options { gamma: f64::NAN, ..default }, &[0, 2]),
        "gamma: expected a finite number above 0, got NaN",
    ));
    found.push((
        scored(vertex::Options { min_headroom: 1.0, ..default }, &[0, 2]),
        "min_headroom: expected a number of at least 0 and below 1, got 1",
    ));
    let relative = |strength| vertex::Options { decay: vertex::Decay::Relative { strength }, ..default };
    found.push((scored(relative(0.0), &[0, 2]), "strength: expected a finite number above 0, got 0"));
    found.push((scored(relative(f64::INFINITY), &[0, 2]), "strength: expected a finite number above 0, got inf"));
    found.push((scored(default, &[0, 1, 2]), "trivials: expected one sequence a reference, 1, got 2"));
    let (u, v, one) = (rows("u", fine, 2), rows("v", fine, 1), rows("x", &fine[..2], 2));
    let similarity = |u, v| running(1, |run| gaussian_similarity(u, v, 1.0, run)).expect_err("an error");
    found.push((similarity(u, v), "v: expected shape (2, 2) as u, got (4, 1)"));
    let none = rows("u", &[], 2);
    found.push((similarity(none, none), "u: expected at least one row, got none"));
    let mmd = |x, y, gammas: &[f64], estimator| {
        running(1, |run| mmd2(x, y, gammas, estimator, Combine::Mean, run)).expect_err("an error")
    };
    found.push((
        mmd(one, u, &[1.0], Estimator::Unbiased),
        "x: expected at least 2 rows for the unbiased estimator, got 1",
    ));
    found.push((mmd(u, one, &[], Estimator::Biased), "gamma: expected at least one number, got none"));
    found.push((mmd(u, none, &[1.0], Estimator::Biased), "y: expected at least one row, got none"));
    found.push((mmd(u, v, &[1.0], Estimator::Biased), "y: expected rows of 2 numbers as in x, got rows of 1"));
    let mut ask = || Ok(());
    let endless = align::align(&mut Endless, &Constraints::default(), true, &mut Workspace::default(), &mut ask);
    found.push((endless.expect_err("too large"), "the directions of the warping path would need 36893488147419103228 bytes, more than this machine can address or allocate"));
    let stopped = dtw_matrix(x, None, &plain, &mut Run::new(1, &mut || true).expect("a run"));
    found.push((stopped.expect_err("stopped"), "interrupted"));
    found
}

#[test]
fn every_sentence_names_what_came_and_what_was_expected() {
    for (error, sentence) in raised() {
        assert_eq!(error.to_string(), sentence);
    }
}

#[test]
fn every_variant_is_raised() {
    let source = include_str!("../../src/error.rs");
    let (_, body) = source.split_once("pub enum Error {").expect("the enum");
    let (body, _) = body.split_once("\n}\n").expect("its end");
    let variants = body.lines().filter_map(|line| {
        let name = line.strip_prefix("    ")?.trim_end_matches([' ', '{', ',']);
        name.starts_with(char::is_uppercase).then_some(name)
    });
    let seen: Vec<String> = raised().iter().map(|(error, _)| format!("{error:?}")).collect();
    let missing: Vec<&str> = variants.filter(|name| !seen.iter().any(|error| error.starts_with(name))).collect();
    assert!(missing.is_empty(), "no call raises {missing:?}");
}
