//! VERTEX_DTW: how well a test trajectory follows a reference, read off their warping path.
//!
//! For each cell (i, j) of the DTW path under the cosine: k = exp(-2 gamma c), the Gaussian kernel of the two unit rows;
//! a decay w of the distance between the positions; and the baseline z_i of reference step i, which is what a trivial
//! trajectory gets there. The modes differ in how the three become a score.

use crate::align::{Constraints, Ties, Workspace, align, trace};
use crate::cost::{Metric, cosine_scaled};
use crate::dtw::{Outputs, Paths, Prepared, resolve, same_dim, sequences};
use crate::error::{Error, Result};
use crate::kernel::check_gamma;
use crate::rows::{Ragged, Scalar, Zero, dot_double};
use crate::work::Run;

/// How the parts of a cell become a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// w clip((k - z) / (1 - z), 0, 1), mean over the cells with enough headroom 1 - z; 0 where none has.
    #[default]
    Normalized,
    /// clip(w k - z, 0, 1), mean over the path (equation 1 of the paper).
    Eq1,
    /// w (clip(k, 0, 1) - z), mean over the path (the released code); may be negative.
    Released,
}

/// How the weight of a cell falls with the distance of its positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Decay {
    /// 1 / (1 + |i - j|).
    #[default]
    Hyperbolic,
    /// 1 / (1 + |i/(m-1) - j/(n-1)|), a position being 0 in a sequence of one step.
    Relative,
    /// 1.
    None,
}

/// Where the baseline of a reference step comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Baseline {
    /// k(ref_i, trivial_i) while there is such a step, else 0 (the released code).
    #[default]
    ZeroPad,
    /// The same, the last trivial step going on.
    HoldLast,
    /// Mean over i of k(ref_i, trivial_0), the same for all i.
    ScalarMean,
    /// 0.
    None,
}

/// Everything that a score depends on beside its sequences.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// How the parts become a score.
    pub mode: Mode,
    /// Bandwidth of the kernel, above 0.
    pub gamma: f64,
    /// Weight by position.
    pub decay: Decay,
    /// Baseline.
    pub z: Baseline,
    /// Under [`Mode::Normalized`], cells with 1 - z below this are left out.
    pub min_headroom: f64,
    /// Who wins on ties.
    pub ties: Ties,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            gamma: 1.0,
            decay: Decay::default(),
            z: Baseline::default(),
            min_headroom: 1e-3,
            ties: Ties::default(),
        }
    }
}

/// The parts of every cell, as flat as the paths.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parts {
    /// k.
    pub similarity: Vec<f64>,
    /// w.
    pub decay: Vec<f64>,
    /// z.
    pub z: Vec<f64>,
}

/// Scores of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// One a pair.
    pub scores: Vec<f64>,
    /// Cells that the score is a mean over; 0 means that the reference leaves nothing to measure.
    pub counted: Vec<i64>,
    /// The warping paths.
    pub paths: Paths,
    /// The parts of every cell, where they were asked for.
    pub parts: Option<Parts>,
}

/// Scores the pairs `(index into references, index into tests)`. `trivials`, where given, holds one sequence a
/// reference; without it every baseline is 0.
///
/// # Errors
/// Empty, non-finite or zero rows by argument, indices outside the sets, options outside their range, interruption.
///
/// ```
/// use tracewarp_core::rows::{Ragged, Rows};
/// use tracewarp_core::vertex::{Options, vertex_pairs};
/// use tracewarp_core::work::Run;
/// let rows = Rows::new("references", &[1.0f64, 0.0, 0.0, 1.0], 2)?;
/// let set = Ragged::new("references", rows, &[0, 2])?;
/// let mut never = || false;
/// let own = vertex_pairs(set, set, &[[0, 0]], None, false, &Options::default(), &mut Run::new(1, &mut never)?)?;
/// assert_eq!(own.scores, [1.0]);
/// # Ok::<(), tracewarp_core::Error>(())
/// ```
pub fn vertex_pairs<T: Scalar>(
    references: Ragged<'_, T>,
    tests: Ragged<'_, T>,
    pairs: &[[i64; 2]],
    trivials: Option<Ragged<'_, T>>,
    parts: bool,
    options: &Options,
    run: &mut Run<'_>,
) -> Result<Scores> {
    check_gamma(options.gamma)?;
    if !(0.0..1.0).contains(&options.min_headroom) {
        let (expected, got) = ("a number of at least 0 and below 1", options.min_headroom.to_string());
        return Err(Error::Option { option: "min_headroom", expected, got });
    }
    same_dim(&references, &tests)?;
    let x = Prepared::new(references, Metric::Cosine, Zero::Error)?;
    let y = Prepared::new(tests, Metric::Cosine, Zero::Error)?;
    let pairs = resolve(pairs, &x, &y)?;
    let z = baselines(&x, trivials, options)?;
    let constraints = Constraints { ties: options.ties, ..Constraints::default() };
    let mut out = Outputs::new(&pairs, &x, &y, true)?;
    run.each_asking(out.blocks(&pairs, &x, &y), Workspace::default, |space, block, ask| {
        for (k, &(r, s)) in block.pairs.iter().enumerate() {
            let costs = sequences(&x, r, &y, s, Metric::Cosine);
            align(&costs, &constraints, true, space, ask)?;
            let (m, n) = (costs.x.len(), costs.y.len());
            let path = &mut block.paths[block.starts[k]..];
            block.lengths[k] = trace(m, n, n - 1, &constraints, space, path);
        }
        Ok(())
    })?;
    let (mut scores, paths) = out.finish();
    let paths = paths.unwrap_or_else(|| Paths { cells: Vec::new(), offsets: vec![0] });
    let mut found = Scores { scores: Vec::new(), counted: Vec::new(), paths, parts: parts.then(Parts::default) };
    for (p, &(r, s)) in pairs.iter().enumerate() {
        run.check()?;
        let costs = sequences(&x, r, &y, s, Metric::Cosine);
        let z = &z[x.set.range(r)];
        let mut mean = Mean::default();
        let cells = path_range(&found.paths, p);
        for &[i, j] in &found.paths.cells[cells] {
            let (i, j) = (index(i), index(j));
            let similarity = unit_kernel(options.gamma, costs.cell(i, j));
            let decay = weight(options.decay, i, j, costs.x.len(), costs.y.len());
            mean.add(options, similarity, decay, z[i]);
            if let Some(parts) = &mut found.parts {
                parts.similarity.push(similarity);
                parts.decay.push(decay);
                parts.z.push(z[i]);
            }
        }
        scores[p] = mean.value();
        found.counted.push(mean.count);
    }
    found.scores = scores;
    Ok(found)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "offsets count cells in memory")]
fn path_range(paths: &Paths, p: usize) -> std::ops::Range<usize> {
    paths.offsets[p] as usize..paths.offsets[p + 1] as usize
}

#[expect(clippy::cast_sign_loss, reason = "cells of a path are indices")]
fn index(cell: i32) -> usize {
    cell as usize
}

/// The sum of a score and the number of cells in it.
#[derive(Default)]
struct Mean {
    sum: f64,
    count: i64,
}

impl Mean {
    fn add(&mut self, options: &Options, similarity: f64, decay: f64, z: f64) {
        self.sum += match options.mode {
            Mode::Normalized => {
                let headroom = 1.0 - z;
                if headroom < options.min_headroom {
                    return;
                }
                // With min_headroom 0 a baseline of exactly 1 leaves nothing to gain: 0, not 0 / 0.
                let gained = if headroom > 0.0 { (similarity - z) / headroom } else { 0.0 };
                decay * gained.clamp(0.0, 1.0)
            }
            Mode::Eq1 => (decay * similarity - z).clamp(0.0, 1.0),
            Mode::Released => decay * (similarity.clamp(0.0, 1.0) - z),
        };
        self.count += 1;
    }

    #[expect(clippy::cast_precision_loss, reason = "a path is far shorter than 2^52")]
    fn value(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }
}

/// exp(-gamma |u - v|^2) of two unit rows from their cosine distance c: |u - v|^2 = 2 c.
fn unit_kernel(gamma: f64, cost: f64) -> f64 {
    // 2 c first: twice the largest gamma would be infinite, and infinity times a cost of 0 no number.
    (-gamma * (2.0 * cost)).exp()
}

#[expect(clippy::cast_precision_loss, reason = "positions are far below 2^52")]
fn weight(decay: Decay, i: usize, j: usize, m: usize, n: usize) -> f64 {
    let relative = |position: usize, len: usize| {
        if len == 1 { 0.0 } else { position as f64 / (len - 1) as f64 }
    };
    match decay {
        Decay::Hyperbolic => 1.0 / (1.0 + i.abs_diff(j) as f64),
        Decay::Relative => 1.0 / (1.0 + (relative(i, m) - relative(j, n)).abs()),
        Decay::None => 1.0,
    }
}

/// z of every reference row. Summed in f64, because whether a cell counts hangs on 1 - z.
fn baselines<T: Scalar>(x: &Prepared<'_, T>, trivials: Option<Ragged<'_, T>>, options: &Options) -> Result<Vec<f64>> {
    let mut z = vec![0.0; x.set.rows().len()];
    let Some(trivials) = trivials else {
        return Ok(z);
    };
    same_dim(&x.set, &trivials)?;
    if trivials.len() != x.set.len() {
        let expected = format!("one sequence a reference, {}", x.set.len());
        return Err(Error::Shape { argument: trivials.argument(), expected, got: trivials.len().to_string() });
    }
    let trivials = Prepared::new(trivials, Metric::Cosine, Zero::Error)?;
    for r in 0..x.set.len() {
        let range = x.set.range(r);
        if range.is_empty() {
            continue;
        }
        trivials.check(r)?;
        let (reference, trivial) = (x.set.get(r), trivials.set.get(r));
        let kernel = |i: usize, j: usize| {
            let (u, v) = (reference.row(i), trivial.row(j));
            unit_kernel(options.gamma, (1.0 - cosine(u, v)).clamp(0.0, 2.0))
        };
        let z = &mut z[range];
        match options.z {
            Baseline::None => {}
            Baseline::ZeroPad => z.iter_mut().take(trivial.len()).enumerate().for_each(|(i, z)| *z = kernel(i, i)),
            Baseline::HoldLast => {
                z.iter_mut().enumerate().for_each(|(i, z)| *z = kernel(i, i.min(trivial.len() - 1)));
            }
            Baseline::ScalarMean => {
                #[expect(clippy::cast_precision_loss, reason = "a sequence is far shorter than 2^52")]
                let mean = (0..z.len()).map(|i| kernel(i, 0)).sum::<f64>() / z.len() as f64;
                z.fill(mean);
            }
        }
    }
    Ok(z)
}

/// Cosine in f64; exactly 1 for equal rows.
fn cosine<T: Scalar>(u: &[T], v: &[T]) -> f64 {
    if u == v {
        return 1.0;
    }
    let norms = dot_double(u, u).sqrt() * dot_double(v, v).sqrt();
    if norms.is_finite() && norms > 1e-280 { dot_double(u, v) / norms } else { cosine_scaled(u, v) }
}
