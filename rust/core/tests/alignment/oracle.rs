//! Textbook code in f64 with full tables: slow, plain, and independent of the crate's own.

/// Rows of numbers.
pub(crate) type Sequence = Vec<Vec<f64>>;
/// Local costs, one row a step of the first sequence.
pub(crate) type Table = Vec<Vec<f64>>;
/// A local cost.
pub(crate) type Cost = fn(&[f64], &[f64]) -> f64;
/// Cells of a warping path.
pub(crate) type Path = Vec<(usize, usize)>;

fn dot(u: &[f64], v: &[f64]) -> f64 {
    (0..u.len()).map(|k| u[k] * v[k]).sum()
}

pub(crate) fn cosine(u: &[f64], v: &[f64]) -> f64 {
    let c = 1.0 - dot(u, v) / dot(u, u).sqrt() / dot(v, v).sqrt();
    c.clamp(0.0, 2.0)
}

pub(crate) fn sqeuclidean(u: &[f64], v: &[f64]) -> f64 {
    (0..u.len()).map(|k| (u[k] - v[k]) * (u[k] - v[k])).sum()
}

pub(crate) fn euclidean(u: &[f64], v: &[f64]) -> f64 {
    sqeuclidean(u, v).sqrt()
}

pub(crate) fn table(x: &Sequence, y: &Sequence, cost: Cost) -> Table {
    x.iter().map(|u| y.iter().map(|v| cost(u, v)).collect()).collect()
}

/// What the alignment of the textbook may do.
#[derive(Clone, Copy, Default)]
pub(crate) struct Freedom {
    pub(crate) window: Option<i64>,
    pub(crate) open_begin: bool,
    pub(crate) open_end: bool,
}

impl Freedom {
    /// The definition: -w - max(0, m-n) <= j - i <= w + max(0, n-m).
    pub(crate) fn allows(&self, i: usize, j: usize, m: usize, n: usize) -> bool {
        let (i, j, m, n) = (i as i64, j as i64, m as i64, n as i64);
        self.window.is_none_or(|w| -w - (m - n).max(0) <= j - i && j - i <= w + (n - m).max(0))
    }
}

/// Distance and path by the full table; ties: diagonal, then up, then left; the lowest column at an open end.
pub(crate) fn dtw(costs: &Table, freedom: Freedom) -> (f64, Path) {
    let (m, n) = (costs.len(), costs[0].len());
    let mut sums = vec![vec![f64::INFINITY; n]; m];
    for i in 0..m {
        for j in 0..n {
            if !freedom.allows(i, j, m, n) {
                continue;
            }
            let starts = i == 0 && (j == 0 || freedom.open_begin);
            let before = before(&sums, i, j).iter().map(|(sum, _)| *sum).fold(f64::INFINITY, f64::min);
            sums[i][j] = costs[i][j] + if starts { 0.0 } else { before };
        }
    }
    let mut j = n - 1;
    if freedom.open_end {
        j = (0..n).fold(0, |best, j| if sums[m - 1][j] < sums[m - 1][best] { j } else { best });
    }
    let distance = sums[m - 1][j];
    let mut path = vec![(m - 1, j)];
    loop {
        let (i, j) = path[path.len() - 1];
        if i == 0 && (j == 0 || freedom.open_begin) {
            break;
        }
        let candidates = before(&sums, i, j);
        let least = candidates.iter().map(|(sum, _)| *sum).fold(f64::INFINITY, f64::min);
        path.push(candidates.into_iter().find(|(sum, _)| *sum == least).expect("a predecessor").1);
    }
    path.reverse();
    (distance, path)
}

/// Sums of the cells that may come before (i, j), in the order in which they win ties.
fn before(sums: &Table, i: usize, j: usize) -> Vec<(f64, (usize, usize))> {
    let mut found = Vec::new();
    if i > 0 && j > 0 {
        found.push((sums[i - 1][j - 1], (i - 1, j - 1)));
    }
    if i > 0 {
        found.push((sums[i - 1][j], (i - 1, j)));
    }
    if j > 0 {
        found.push((sums[i][j - 1], (i, j - 1)));
    }
    found
}

/// Sum of the costs along a path.
pub(crate) fn along(costs: &Table, path: &Path) -> f64 {
    path.iter().map(|&(i, j)| costs[i][j]).sum()
}

/// True for a path that begins in the first row, ends in the last, and takes the three steps alone.
pub(crate) fn is_monotone(path: &Path, m: usize) -> bool {
    let steps = path.windows(2).map(|w| (w[1].0.wrapping_sub(w[0].0), w[1].1.wrapping_sub(w[0].1)));
    path.first().is_some_and(|cell| cell.0 == 0)
        && path.last().is_some_and(|cell| cell.0 == m - 1)
        && steps.into_iter().all(|step| [(1, 1), (1, 0), (0, 1)].contains(&step))
}

/// How many paths from corner to corner reach the optimum; costs must be whole numbers, so that sums are exact.
pub(crate) fn optima(costs: &Table) -> u64 {
    let (m, n) = (costs.len(), costs[0].len());
    let mut sums = vec![vec![(f64::INFINITY, 0u64); n]; m];
    for i in 0..m {
        for j in 0..n {
            let mut best = if (i, j) == (0, 0) { (0.0, 1) } else { (f64::INFINITY, 0) };
            for (di, dj) in [(1, 1), (1, 0), (0, 1)] {
                if i >= di && j >= dj {
                    let (sum, ways) = sums[i - di][j - dj];
                    if sum < best.0 {
                        best = (sum, ways);
                    } else if sum == best.0 {
                        best.1 += ways;
                    }
                }
            }
            sums[i][j] = (costs[i][j] + best.0, best.1);
        }
    }
    sums[m - 1][n - 1].1
}
