//! Dynamic time warping of one pair, of many, of all pairs, and of the nearest.

use crate::align::{self, Constraints};
pub use crate::batch::Paths;
use crate::batch::{Align, Block, Long, Outputs, Prepared, canonical, check, numbered, prepare, resolve, same_dim};
use crate::cost::{Costs, Matrix, Metric};
use crate::error::{Error, Result};
use crate::matrix::{self, Part};
use crate::memory::{filled, room, zeroed};
use crate::pair::{Found, Rules, Side, Want, Workspace, align_divided, align_pair};
use crate::pulse::{PIECE, Pulse};
use crate::rows::{Ragged, Rows, Scalar, Zero};
use crate::simd::Soon;
use crate::work::Run;

/// How a distance is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Normalize {
    /// The plain sum of costs along the path.
    #[default]
    None,
    /// The sum divided by the number of cells of the path.
    Path,
}

/// Everything that a DTW distance depends on beside its two sequences.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Options {
    /// Local cost.
    pub metric: Metric,
    /// Band, open ends, limit and ties.
    pub constraints: Constraints,
    /// How the distance is reported; `max_distance` always speaks of the plain sum.
    pub normalize: Normalize,
    /// Zero vectors under the cosine.
    pub zero: Zero,
}

/// Distances of a batch, with paths where they were asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// One a pair.
    pub distances: Vec<f64>,
    /// The paths, flat and in order.
    pub paths: Option<Paths>,
}

impl Options {
    pub(crate) fn rules(&self, run: &Run<'_>) -> Rules {
        Rules { isa: run.isa(), metric: self.metric, zero: self.zero, constraints: self.constraints }
    }
}

/// Distances (and paths) of the pairs `(index into xs, index into ys)`.
///
/// Every pair gives the same bits alone, in any batch, and for any number of threads.
///
/// # Errors
/// Empty, non-finite or zero rows by argument, indices outside the sets, options outside their range, interruption.
///
/// ```
/// use tracewarp_core::dtw::{Options, dtw_pairs};
/// use tracewarp_core::rows::{Ragged, Rows};
/// use tracewarp_core::work::Run;
/// let rows = Rows::new("xs", &[1.0f64, 0.0, 0.0, 1.0], 2)?;
/// let set = Ragged::new("xs", rows, &[0, 2])?;
/// let mut never = || false;
/// let batch = dtw_pairs(set, set, &[[0, 0]], true, &Options::default(), &mut Run::new(1, &mut never)?)?;
/// assert_eq!(batch.distances, [0.0]);
/// assert_eq!(batch.paths.map(|p| p.cells), Some(vec![[0, 0], [1, 1]]));
/// # Ok::<(), tracewarp_core::Error>(())
/// ```
pub fn dtw_pairs<T: Scalar>(
    xs: Ragged<'_, T>,
    ys: Ragged<'_, T>,
    pairs: &[[i64; 2]],
    paths: bool,
    options: &Options,
    run: &mut Run<'_>,
) -> Result<Batch> {
    options.constraints.check()?;
    same_dim(&xs, &ys)?;
    let pairs = resolve(pairs, &xs, &ys)?;
    let rules = options.rules(run);
    let long = Long::of(&pairs, &xs, &ys, &rules, run);
    let (x, y) = prepare(xs, ys, &pairs, &rules, long, run)?;
    let trace_paths = paths || options.normalize == Normalize::Path;
    let mut out = Outputs::new(&pairs, &xs, &ys, trace_paths)?;
    let mut blocks = out.blocks(&pairs, &xs, &ys, long, run.alone())?;
    // No more than four a thread.
    let shared: Vec<_> = blocks.extract_if(.., |block| long.has(block.pairs[0], &xs, &ys)).collect();
    let aligned = |block: &mut Block<'_>, k: usize, align: &mut Align<'_, T>| {
        let (r, s) = block.pairs[k];
        let next = block.next(k, &x, &y);
        let want = match block.start(k) {
            Some(start) => Want::Path(&mut block.paths[start..]),
            None => Want::Distance,
        };
        let found = align([&x.side(r), &y.side(s)], next, want)?;
        block.distances[k] = normalized(found, options.normalize);
        if let Some(length) = block.lengths.get_mut(k) {
            *length = found.length;
        }
        Ok(())
    };
    let mut space = Workspace::default();
    let aligned_all = || {
        for mut block in shared {
            aligned(&mut block, 0, &mut |[x, y], _, want| align_divided(x, y, &rules, want, &mut space, run))?;
        }
        run.each_asking(blocks, Workspace::default, |space, mut block, ask| {
            (0..block.pairs.len()).try_for_each(|k| {
                aligned(&mut block, k, &mut |sides, next, want| align_pair(sides, next, &rules, want, space, ask))
            })
        })
    };
    aligned_all().map_err(|error| canonical(error, xs, ys, &rules, run))?;
    let (distances, found) = out.finish(run)?;
    Ok(Batch { distances, paths: if paths { found } else { None } })
}

#[expect(clippy::cast_precision_loss, reason = "a path is far shorter than 2^52")]
fn normalized(found: Found, normalize: Normalize) -> f64 {
    match normalize {
        Normalize::None => found.distance,
        // No path: the distance is infinite.
        Normalize::Path => found.distance / found.length.max(1) as f64,
    }
}

/// Distance and path over a precomputed matrix of costs, `(m, n)`.
///
/// # Errors
/// [`Error::Empty`], [`Error::NonFinite`], [`Error::Option`] for a cost below 0 or above 1e298
/// (so that no sum leaves the range of f64), [`Error::TooLarge`].
pub fn dtw_from_costs<T: Scalar>(costs: Rows<'_, T>, options: &Options, run: &mut Run<'_>) -> Result<Batch> {
    options.constraints.check()?;
    if costs.is_empty() {
        return Err(Error::Empty { argument: "costs", place: String::new() });
    }
    numbered(costs.len())?;
    numbered(costs.dim())?;
    let mut ask = || run.check();
    let mut pulse = Pulse::new(&mut ask);
    for i in 0..costs.len() {
        for costs in costs.row(i).chunks(PIECE) {
            for cost in costs.iter().map(|cost| cost.double()) {
                if !cost.is_finite() {
                    return Err(Error::NonFinite { argument: "costs", row: i });
                }
                if !(0.0..=1e298).contains(&cost) {
                    let expected = "values of 0 to 1e298";
                    return Err(Error::Option { option: "costs", expected, got: format!("{cost} in row {i}") });
                }
            }
            pulse.spend(costs.len())?;
        }
    }
    let mut path = zeroed(costs.len() as u128 + costs.dim() as u128 - 1, "the warping path")?;
    let mut space = align::Workspace::default();
    let mut costs = Matrix(costs);
    let end = align::align(&mut costs, &options.constraints, true, &mut space, &mut ask)?;
    let (m, n) = (costs.rows(), costs.columns());
    let length = match end.column {
        Some(column) => align::trace(m, n, column, &options.constraints, &space, &mut path),
        None => 0,
    };
    let distance = normalized(Found { distance: end.distance, length }, options.normalize);
    path.truncate(length);
    let offsets = vec![0, i64::try_from(length).unwrap_or(i64::MAX)];
    Ok(Batch { distances: vec![distance], paths: Some(Paths { cells: path, offsets }) })
}

/// Distances of every sequence of `xs` (rows) to every sequence of `ys` (columns), row after row; without `ys`, of
/// `xs` to itself.
///
/// # Errors
/// As [`dtw_pairs`], and [`Error::TooLarge`] where the matrix would not fit.
pub fn dtw_matrix<T: Scalar>(
    xs: Ragged<'_, T>,
    ys: Option<Ragged<'_, T>>,
    options: &Options,
    run: &mut Run<'_>,
) -> Result<Vec<f64>> {
    options.constraints.check()?;
    let own = ys.is_none();
    let ys = ys.unwrap_or(xs);
    same_dim(&xs, &ys)?;
    (0..xs.len()).try_for_each(|r| check(&xs, r))?;
    (0..ys.len()).try_for_each(|s| check(&ys, s))?;
    let rules = options.rules(run);
    let (x, y) = (Prepared::ahead(xs, &rules, run)?, Prepared::ahead(ys, &rules, run)?);
    let (n, m) = (xs.len(), ys.len());
    let mut out = zeroed(n as u128 * m as u128, "the matrix of distances")?;
    // Open ends free the second sequence only, and two optimal paths may differ in length: then (r, s) and (s, r)
    // are two questions.
    let open = options.constraints.open_begin || options.constraints.open_end;
    let symmetric = own && !open && options.normalize == Normalize::None;
    if options.normalize == Normalize::None && matrix::applies(&x, &y, &rules) {
        // A sequence is at distance exactly 0 from itself, which is what stands there already, unless a zero vector is
        // orthogonal even to itself.
        let part = match symmetric {
            false => Part::All,
            true if x.zero() || options.constraints.max_distance < 0.0 => Part::Upper,
            true => Part::Above,
        };
        matrix::distances(&x, &(0..n), &y, part, &rules, &mut out, run)?;
        if symmetric {
            mirror(&mut out, n, run)?;
        }
        return Ok(out);
    }
    run.each_asking(
        out.chunks_mut(m.max(1)).enumerate(),
        || (Workspace::default(), Vec::new()),
        |(space, path), (r, row), ask| {
            for (s, cell) in row.iter_mut().enumerate().skip(if symmetric { r } else { 0 }) {
                *cell = distance_only(&x.side(r), &y.side(s), &rules, options.normalize, space, path, ask)?;
            }
            Ok(())
        },
    )?;
    if symmetric {
        mirror(&mut out, n, run)?;
    }
    Ok(out)
}

/// Copies the upper half of an n x n matrix to the lower.
fn mirror(out: &mut [f64], n: usize, run: &mut Run<'_>) -> Result<()> {
    for r in 0..n {
        run.check()?;
        for s in 0..r {
            out[r * n + s] = out[s * n + r];
        }
    }
    Ok(())
}

fn distance_only<T: Scalar>(
    x: &Side<'_, T>,
    y: &Side<'_, T>,
    rules: &Rules,
    normalize: Normalize,
    space: &mut Workspace<T::Wide>,
    path: &mut Vec<[i32; 2]>,
    ask: &mut dyn FnMut() -> Result<()>,
) -> Result<f64> {
    let want = if normalize == Normalize::Path {
        room(path, x.rows.len() + y.rows.len() - 1, "a warping path")?;
        Want::Path(path)
    } else {
        Want::Distance
    };
    Ok(normalized(align_pair([x, y], [Soon::default(); 2], rules, want, space, ask)?, normalize))
}

/// Neighbours of each sequence: `k` columns, nearest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbours {
    /// Indices into `ys`; -1 where `max_distance` left fewer than `k`.
    pub indices: Vec<i64>,
    /// Their distances; infinity beside -1.
    pub distances: Vec<f64>,
}

/// Distances that a search for the nearest holds at once.
const NEAREST_CELLS: usize = 1 << 20;

/// The `k` sequences of `ys` nearest to each of `xs`, by distance, then by lower index. Exact: a candidate is given
/// up only once its sum exceeds the k-th best.
///
/// # Errors
/// As [`dtw_pairs`], and [`Error::Option`] for `k` outside 1..=ys.len().
pub fn dtw_nearest<T: Scalar>(
    xs: Ragged<'_, T>,
    ys: Ragged<'_, T>,
    k: usize,
    options: &Options,
    run: &mut Run<'_>,
) -> Result<Neighbours> {
    options.constraints.check()?;
    same_dim(&xs, &ys)?;
    if k == 0 || k > ys.len() {
        let expected = "a number from 1 to the number of sequences in ys";
        return Err(Error::Option { option: "k", expected, got: format!("{k} for {} sequences", ys.len()) });
    }
    (0..xs.len()).try_for_each(|r| check(&xs, r))?;
    (0..ys.len()).try_for_each(|s| check(&ys, s))?;
    let rules = options.rules(run);
    let (x, y) = (Prepared::ahead(xs, &rules, run)?, Prepared::ahead(ys, &rules, run)?);
    let cells = xs.len() as u128 * k as u128;
    let mut indices = filled(cells, -1i64, "the neighbours", run)?;
    let mut distances = filled(cells, f64::INFINITY, "the neighbours", run)?;
    if options.normalize == Normalize::None && matrix::applies(&x, &y, &rules) {
        // A block of queries at a time, so that memory stays far below the whole matrix.
        let block = (NEAREST_CELLS / ys.len()).max(1);
        let mut row = zeroed(block.min(xs.len()) as u128 * ys.len() as u128, "a block of distances")?;
        for first in (0..xs.len()).step_by(block) {
            let queries = first..xs.len().min(first + block);
            let rows = &mut row[..queries.len() * ys.len()];
            matrix::distances(&x, &queries, &y, Part::All, &rules, rows, run)?;
            for (r, row) in queries.zip(rows.chunks(ys.len())) {
                let (index, best) = (&mut indices[r * k..(r + 1) * k], &mut distances[r * k..(r + 1) * k]);
                for (s, distance) in row.iter().enumerate() {
                    insert(index, best, i64::try_from(s).unwrap_or(i64::MAX), *distance);
                }
            }
        }
        return Ok(Neighbours { indices, distances });
    }
    run.each_asking(
        indices.chunks_mut(k).zip(distances.chunks_mut(k)).enumerate(),
        || (Workspace::default(), Vec::new()),
        |(space, path), (r, (index, best)), ask| {
            let mut rules = rules;
            let limit = options.constraints.max_distance;
            for s in 0..ys.len() {
                // A path-normalised distance bounds no plain sum, so only plain ones are cut short.
                if options.normalize == Normalize::None {
                    rules.constraints.max_distance = limit.min(best[k - 1]);
                }
                let (x, y) = (x.side(r), y.side(s));
                let distance = distance_only(&x, &y, &rules, options.normalize, space, path, ask)?;
                insert(index, best, i64::try_from(s).unwrap_or(i64::MAX), distance);
            }
            Ok(())
        },
    )?;
    Ok(Neighbours { indices, distances })
}

/// Puts a candidate into the ascending list; an equal distance stays behind the earlier index.
fn insert(indices: &mut [i64], distances: &mut [f64], index: i64, distance: f64) {
    let place = distances.partition_point(|&d| d <= distance);
    if place < distances.len() {
        distances[place..].rotate_right(1);
        indices[place..].rotate_right(1);
        distances[place] = distance;
        indices[place] = index;
    }
}
