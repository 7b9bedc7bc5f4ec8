//! Making sequences, and calling the crate on them without ceremony.

use std::slice::from_ref;

use half::f16;
use tracewarp_core::dtw::{self, Batch, Options};
use tracewarp_core::rows::{Ragged, Rows, Scalar};
use tracewarp_core::work::Run;
use tracewarp_core::{Isa, Result};

use crate::oracle::{Path, Sequence, Table};

/// A scalar that can be made from f64.
pub(crate) trait Number: Scalar {
    /// Largest relative error of one rounding in the arithmetic that the crate uses for it.
    const TOLERANCE: f64;
    fn of(value: f64) -> Self;
}

impl Number for f16 {
    const TOLERANCE: f64 = 1e-6;
    fn of(value: f64) -> Self {
        f16::from_f64(value)
    }
}

impl Number for f32 {
    const TOLERANCE: f64 = 1e-6;
    fn of(value: f64) -> Self {
        value as f32
    }
}

impl Number for f64 {
    const TOLERANCE: f64 = 1e-12;
    fn of(value: f64) -> Self {
        value
    }
}

/// A set of sequences that owns its numbers.
#[derive(Debug, Clone)]
pub(crate) struct Set<T> {
    pub(crate) data: Vec<T>,
    pub(crate) dim: usize,
    pub(crate) offsets: Vec<i64>,
}

impl<T: Number> Set<T> {
    pub(crate) fn of(sequences: &[Sequence]) -> Self {
        let dim = sequences.iter().flatten().map(Vec::len).next().expect("a row");
        let data = sequences.iter().flatten().flatten().map(|&value| T::of(value)).collect();
        let mut offsets = vec![0];
        for sequence in sequences {
            offsets.push(offsets[offsets.len() - 1] + sequence.len() as i64);
        }
        Self { data, dim, offsets }
    }

    pub(crate) fn ragged(&self, argument: &'static str) -> Ragged<'_, T> {
        let rows = Rows::new(argument, &self.data, self.dim).expect("rows");
        Ragged::new(argument, rows, &self.offsets).expect("offsets")
    }

    /// The rows as the numbers that they became, exactly, in f64.
    pub(crate) fn exact(&self, s: usize) -> Sequence {
        let rows = self.ragged("set").get(s);
        (0..rows.len()).map(|i| rows.row(i).iter().map(|value| value.double()).collect()).collect()
    }
}

/// Calls `body` with a run on `threads` threads that is never stopped.
pub(crate) fn running<R>(threads: usize, body: impl FnOnce(&mut Run<'_>) -> R) -> R {
    let mut never = || false;
    let isa = Isa::available().iter().find(|isa| std::env::var(crate::isas::ISA).is_ok_and(|name| name == isa.name()));
    body(&mut Run::new(threads, &mut never).expect("a run").on(*isa.unwrap_or(&Isa::best())))
}

/// One alignment with its path.
pub(crate) fn align<T: Number>(x: &Sequence, y: &Sequence, options: &Options) -> (f64, Path) {
    let (x, y) = (Set::<T>::of(from_ref(x)), Set::<T>::of(from_ref(y)));
    let batch = running(1, |run| dtw::dtw_pairs(x.ragged("x"), y.ragged("y"), &[[0, 0]], true, options, run));
    only(batch)
}

/// One distance, computed without a path.
pub(crate) fn distance<T: Number>(x: &Sequence, y: &Sequence, options: &Options) -> f64 {
    let (x, y) = (Set::<T>::of(from_ref(x)), Set::<T>::of(from_ref(y)));
    let batch = running(1, |run| dtw::dtw_pairs(x.ragged("x"), y.ragged("y"), &[[0, 0]], false, options, run));
    batch.expect("a distance").distances[0]
}

/// One alignment over given costs.
pub(crate) fn align_costs(costs: &Table, options: &Options) -> (f64, Path) {
    let flat: Vec<f64> = costs.iter().flatten().copied().collect();
    let rows = Rows::new("costs", &flat, costs[0].len()).expect("rows");
    only(running(1, |run| dtw::dtw_from_costs(rows, options, run)))
}

fn only(batch: Result<Batch>) -> (f64, Path) {
    let batch = batch.expect("an alignment");
    let paths = batch.paths.expect("paths");
    assert_eq!(paths.offsets, [0, paths.cells.len() as i64]);
    (batch.distances[0], paths.cells.iter().map(|&[i, j]| (i as usize, j as usize)).collect())
}

/// Numbers that look random and are the same everywhere (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A whole number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// In (-1, 1).
    pub(crate) fn signed(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    pub(crate) fn sequence(&mut self, steps: usize, dim: usize) -> Sequence {
        (0..steps).map(|_| (0..dim).map(|_| self.signed()).collect()).collect()
    }

    /// Whole costs below `end`, so that ties abound and sums are exact.
    pub(crate) fn costs(&mut self, m: usize, n: usize, end: usize) -> Table {
        (0..m).map(|_| (0..n).map(|_| self.below(end) as f64).collect()).collect()
    }
}
