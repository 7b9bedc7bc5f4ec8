//! VERTEX_DTW: how well a test trajectory follows a reference, read off their warping path.
//!
//! For each cell (i, j) of the DTW path under the cosine: k = exp(-2 gamma c), the Gaussian kernel of the two unit rows;
//! a decay w of the distance between the positions; and the baseline z_i of reference step i, which is what a trivial
//! trajectory gets there. The modes differ in how the three become a score.

use crate::align::{Constraints, Ties};
use crate::batch::{Align, Block, Long, Outputs, Paths, Prepared, canonical, check, prepare, resolve, same_dim};
use crate::cost::{Metric, cosine_scaled};
use crate::error::{Error, Result};
use crate::kernel::check_gamma;
use crate::memory::{append, collected, reserve, zeroed};
use crate::pair::{Rules, Want, Workspace, align_divided, align_pair};
use crate::pulse::Pulse;
use crate::rows::{Ragged, Rows, Scalar, Zero, same, widened};
use crate::simd::{Isa, Kernels, Soon};
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
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Decay {
    /// 1 / (1 + |i - j|).
    #[default]
    Hyperbolic,
    /// 1 / (1 + strength |i/(m-1) - j/(n-1)|), a position being 0 in a sequence of one step.
    Relative {
        /// How fast the weight falls, above 0: the least weight is 1 / (1 + strength).
        strength: f64,
    },
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
    if let Decay::Relative { strength } = options.decay {
        check_strength(strength)?;
    }
    same_dim(&references, &tests)?;
    let pairs = resolve(pairs, &references, &tests)?;
    let constraints = Constraints { ties: options.ties, ..Constraints::default() };
    let rules = Rules { isa: run.isa(), metric: Metric::Cosine, zero: Zero::Error, constraints };
    let long = Long::of(&pairs, &references, &tests, &rules, run);
    let (x, y) = prepare(references, tests, &pairs, &rules, long, run)?;
    let z = baselines(&references, trivials, options, &rules, run)?;
    let mut out = Outputs::new(&pairs, &references, &tests, true)?;
    let mut counted = zeroed(pairs.len() as u128, SCORES)?;
    let blocks = out.blocks(&pairs, &references, &tests, long, run.alone())?;
    let mut found = collected((0..if parts { blocks.len() } else { 0 }).map(|_| Parts::default()), SCORES)?;
    let (mut left, mut parts_left) = (&mut counted[..], found.iter_mut());
    let blocks = blocks.into_iter().map(|block| {
        let counted = left.split_off_mut(..block.pairs.len()).unwrap_or_default();
        (block, counted, parts_left.next())
    });
    let mut blocks = collected(blocks, SCORES)?;
    // No more than four a thread.
    let shared: Vec<_> = blocks.extract_if(.., |(block, ..)| long.has(block.pairs[0], &references, &tests)).collect();
    type Item<'a> = (Block<'a>, &'a mut [i64], Option<&'a mut Parts>);
    let scored = |(block, counted, parts): &mut Item<'_>, k: usize, costs: &mut Vec<f64>, align: &mut Align<'_, T>| {
        let (r, s) = block.pairs[k];
        let next = block.next(k, &x, &y);
        let (x, y) = (x.side(r), y.side(s));
        let start = block.start(k).unwrap_or_default();
        let path = &mut block.paths[start..];
        let length = align([&x, &y], next, Want::Cells(path, costs))?.length;
        let mut mean = Mean::default();
        if let Some(parts) = parts {
            parts.reserve(length)?;
        }
        for (&[i, j], cost) in path[..length].iter().zip(&*costs) {
            let (i, j) = (index(i), index(j));
            let similarity = unit_kernel(options.gamma, *cost);
            let decay = weight(options.decay, i, j, x.rows.len(), y.rows.len());
            let z = z[x.first + i];
            mean.add(options, similarity, decay, z);
            if let Some(parts) = parts {
                parts.push(similarity, decay, z);
            }
        }
        (block.distances[k], counted[k], block.lengths[k]) = (mean.value(), mean.count, length);
        Ok(())
    };
    let workspace = || (Workspace::default(), Vec::new());
    let scored_all = || {
        let (mut space, mut costs) = workspace();
        for mut item in shared {
            scored(&mut item, 0, &mut costs, &mut |[x, y], _, want| {
                align_divided(x, y, &rules, want, &mut space, run)
            })?;
        }
        run.each_asking(blocks, workspace, |(space, costs), mut item, ask| {
            (0..item.0.pairs.len()).try_for_each(|k| {
                scored(&mut item, k, costs, &mut |sides, next, want| align_pair(sides, next, &rules, want, space, ask))
            })
        })
    };
    scored_all().map_err(|error| canonical(error, references, tests, &rules, run))?;
    let (scores, paths) = out.finish(run)?;
    let paths = paths.unwrap_or_else(|| Paths { cells: Vec::new(), offsets: vec![0] });
    Ok(Scores { scores, counted, paths, parts: if parts { Some(Parts::joined(found)?) } else { None } })
}

/// What messages call scores and counts.
const SCORES: &str = "the scores";
/// What messages call the parts of the cells.
const PARTS: &str = "the parts of the scores";

impl Parts {
    fn push(&mut self, similarity: f64, decay: f64, z: f64) {
        self.similarity.push(similarity);
        self.decay.push(decay);
        self.z.push(z);
    }

    /// Makes room for `more` cells.
    fn reserve(&mut self, more: usize) -> Result<()> {
        reserve(&mut self.similarity, more, PARTS)?;
        reserve(&mut self.decay, more, PARTS)?;
        reserve(&mut self.z, more, PARTS)
    }

    /// The parts of consecutive blocks, one after the other.
    fn joined(mut blocks: Vec<Self>) -> Result<Self> {
        if blocks.len() == 1 {
            return Ok(blocks.remove(0));
        }
        let mut all = Self::default();
        for block in blocks {
            append(&mut all.similarity, &block.similarity, PARTS)?;
            append(&mut all.decay, &block.decay, PARTS)?;
            append(&mut all.z, &block.z, PARTS)?;
        }
        Ok(all)
    }
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

fn check_strength(strength: f64) -> Result<()> {
    if strength > 0.0 && strength.is_finite() {
        return Ok(());
    }
    Err(Error::Option { option: "strength", expected: "a finite number above 0", got: strength.to_string() })
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
        Decay::Relative { strength } => 1.0 / (1.0 + strength * (relative(i, m) - relative(j, n)).abs()),
        Decay::None => 1.0,
    }
}

/// z of every reference row, in f64, because whether a cell counts hangs on 1 - z.
fn baselines<T: Scalar>(
    references: &Ragged<'_, T>,
    trivials: Option<Ragged<'_, T>>,
    options: &Options,
    rules: &Rules,
    run: &mut Run<'_>,
) -> Result<Vec<f64>> {
    let mut z = zeroed(references.rows().len() as u128, "the baselines")?;
    let Some(trivials) = trivials else {
        return Ok(z);
    };
    same_dim(references, &trivials)?;
    if trivials.len() != references.len() {
        let expected = format!("one sequence a reference, {}", references.len());
        return Err(Error::Shape { argument: trivials.argument(), expected, got: trivials.len().to_string() });
    }
    Prepared::ahead(trivials, rules, run)?;
    (0..references.len()).filter(|r| !references.range(*r).is_empty()).try_for_each(|r| check(&trivials, r))?;
    let mut left = &mut z[..];
    let items = (0..references.len()).map(|r| (r, left.split_off_mut(..references.range(r).len()).unwrap_or_default()));
    run.each_asking(items, Default::default, |(u, v), (r, z), ask| {
        if z.is_empty() {
            return Ok(());
        }
        if r + 1 < references.len() {
            let next = references.get(r + 1);
            Soon::of(next.slice(0, next.len().min(trivials.get(r + 1).len())).data()).ask();
        }
        let sides = (references.get(r), trivials.get(r));
        baseline(sides.0, sides.1, options, rules.isa, z, (u, v), &mut Pulse::new(ask))
    })
    .map_err(|error| canonical(error, *references, trivials, rules, run))?;
    Ok(z)
}

/// z of the rows of one reference.
fn baseline<T: Scalar>(
    reference: Rows<'_, T>,
    trivial: Rows<'_, T>,
    options: &Options,
    isa: Isa,
    z: &mut [f64],
    buffers: (&mut Vec<T::Wide>, &mut Vec<T::Wide>),
    pulse: &mut Pulse<'_>,
) -> Result<()> {
    let mut kernel = |i: usize, j: usize| -> Result<f64> {
        let u = widened(reference.slice(i, i + 1), buffers.0, pulse)?;
        let v = widened(trivial.slice(j, j + 1), buffers.1, pulse)?;
        pulse.spend(reference.dim())?;
        Ok(unit_kernel(options.gamma, (1.0 - cosine(isa, u, v)).clamp(0.0, 2.0)))
    };
    match options.z {
        Baseline::None => {}
        Baseline::ZeroPad => {
            for (i, z) in z.iter_mut().take(trivial.len()).enumerate() {
                *z = kernel(i, i)?;
            }
        }
        Baseline::HoldLast => {
            for (i, z) in z.iter_mut().enumerate() {
                *z = kernel(i, i.min(trivial.len() - 1))?;
            }
        }
        Baseline::ScalarMean => {
            #[expect(clippy::cast_precision_loss, reason = "a sequence is far shorter than 2^52")]
            let mean = (0..z.len()).map(|i| kernel(i, 0)).sum::<Result<f64>>()? / z.len() as f64;
            z.fill(mean);
        }
    }
    Ok(())
}

/// Cosine in f64; exactly 1 for equal rows.
fn cosine<E: Kernels>(isa: Isa, u: &[E], v: &[E]) -> f64 {
    if same(u, v) {
        return 1.0;
    }
    let [uv, uu, vv] = E::products(isa, u, v);
    let norms = uu.sqrt() * vv.sqrt();
    if norms.is_finite() && norms > 1e-140 { uv / norms } else { cosine_scaled(u, v) }
}
