//! The dynamic programme of one alignment: linear memory for the distance, two bits a cell for the path.
//!
//! D(i, j) = c(i, j) + min(D(i-1, j-1), D(i-1, j), D(i, j-1)), the plain sum of the costs along the path
//! (Sakoe and Chiba 1978 without slope weights, "symmetric1").

use crate::cost::Costs;
use crate::error::{Error, Result};
use crate::memory::{cleared, room, too_large};
use crate::pulse::{PIECE, Pulse, pieces};

/// Which predecessor wins where several are equally good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ties {
    /// Diagonal, then up (i-1, j), then left (i, j-1).
    #[default]
    Diagonal,
    /// As the pure Python build of fastdtw: up, left, diagonal, comparing the sums that include the cell's own cost.
    FastdtwPy,
    /// As the compiled build of fastdtw: the diagonal on any tie with it; up against left takes left.
    FastdtwCy,
}

/// What an alignment may do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constraints {
    /// Cells off the diagonal, see [`Constraints::band`]; `None` is free.
    pub window_steps: Option<usize>,
    /// The path may begin at any column.
    pub open_begin: bool,
    /// The path may end at any column (the lowest of the best).
    pub open_end: bool,
    /// A plain sum above this gives infinity and an empty path.
    pub max_distance: f64,
    /// Who wins on ties.
    pub ties: Ties,
}

impl Default for Constraints {
    fn default() -> Self {
        Self {
            window_steps: None,
            open_begin: false,
            open_end: false,
            max_distance: f64::INFINITY,
            ties: Ties::Diagonal,
        }
    }
}

impl Constraints {
    /// Refuses options outside their range.
    ///
    /// # Errors
    /// [`Error::Option`] for a NaN `max_distance`.
    pub fn check(&self) -> Result<()> {
        if self.max_distance.is_nan() {
            let expected = "a number, or infinity for no limit";
            return Err(Error::Option { option: "max_distance", expected, got: "NaN".to_owned() });
        }
        Ok(())
    }

    /// Columns `first..end` that row `i` of an m x n alignment may use:
    /// `-w - max(0, m-n) <= j - i <= w + max(0, n-m)`, which always holds both corners and is symmetric under
    /// transposition and reversal.
    #[must_use]
    pub fn band(&self, i: usize, m: usize, n: usize) -> std::ops::Range<usize> {
        let Some(w) = self.window_steps else {
            return 0..n;
        };
        let below = w.saturating_add(m.saturating_sub(n));
        let above = w.saturating_add(n.saturating_sub(m));
        i.saturating_sub(below)..i.saturating_add(above).saturating_add(1).min(n)
    }
}

const DIAGONAL: u8 = 0;
const UP: u8 = 1;
const LEFT: u8 = 2;

/// Buffers of one thread, reused from alignment to alignment.
#[derive(Debug, Default)]
pub struct Workspace {
    costs: Vec<f64>,
    above: Vec<f64>,
    current: Vec<f64>,
    directions: Vec<u8>,
}

/// Where an alignment ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct End {
    /// The plain sum of costs, or infinity where it exceeds `max_distance`.
    pub distance: f64,
    /// Column of the last cell; `None` where the distance is infinity because of `max_distance`.
    pub column: Option<usize>,
}

/// Aligns, keeping directions where `want_path`; `ask` is put once a row, and more often in long ones, and ends the work
/// with an error.
///
/// # Errors
/// [`Error::Empty`] without rows or columns, [`Error::TooLarge`] where the directions would not fit, or what `ask`
/// returns.
pub fn align(
    costs: &mut impl Costs,
    constraints: &Constraints,
    want_path: bool,
    space: &mut Workspace,
    ask: &mut dyn FnMut() -> Result<()>,
) -> Result<End> {
    let (m, n) = (costs.rows(), costs.columns());
    if m == 0 || n == 0 {
        return Err(Error::Empty { argument: "costs", place: String::new() });
    }
    // Sums have one place more than there are columns.
    if n == usize::MAX {
        return Err(too_large::<f64>("a row of sums", n as u128 + 1));
    }
    let stride = band_width(constraints, m, n);
    space.prepare(n, if want_path { Some((m, stride)) } else { None })?;
    let Workspace { costs: row, above, current, directions } = space;
    let (row, mut above, mut current) = (&mut row[..n], &mut above[..=n], &mut current[..=n]);
    // Cell (i, j) is at [j + 1]; [0] is the border left of column 0. Above row 0 lies a row of its own: only its
    // corner is a start, or every column with an open begin.
    let mut pulse = Pulse::new(ask);
    for above in above.chunks_mut(PIECE) {
        above.fill(if constraints.open_begin { 0.0 } else { f64::INFINITY });
        pulse.spend(4 * above.len())?;
    }
    above[0] = 0.0;
    let mut last = 0..0;
    for i in 0..m {
        pulse.now()?;
        let band = constraints.band(i, m, n);
        costs.fill(i, band.start, &mut row[band.clone()], pulse.asking())?;
        current[band.start] = f64::INFINITY;
        let mut least = f64::INFINITY;
        for piece in pieces(band.len()) {
            for j in band.start + piece.start..band.start + piece.end {
                let cost = row[j];
                let (diagonal, up, left) = (above[j], above[j + 1], current[j]);
                let (direction, best) = choose(constraints.ties, cost, diagonal, up, left);
                let sum = cost + best;
                current[j + 1] = sum;
                if sum < least {
                    least = sum;
                }
                if want_path {
                    let cell = i * stride + (j - band.start);
                    directions[cell / 4] |= direction << (cell % 4 * 2);
                }
            }
            pulse.spend(4 * piece.len())?;
        }
        if least > constraints.max_distance {
            return Ok(End { distance: f64::INFINITY, column: None });
        }
        // The next row may look one column further than this band went.
        if band.end < n {
            current[band.end + 1] = f64::INFINITY;
        }
        std::mem::swap(&mut above, &mut current);
        last = band;
    }
    let column = if constraints.open_end { lowest(&above[last.start + 1..=last.end]) + last.start } else { n - 1 };
    let distance = above[column + 1];
    if distance > constraints.max_distance {
        return Ok(End { distance: f64::INFINITY, column: None });
    }
    Ok(End { distance, column: Some(column) })
}

/// Reads the path back from the directions that [`align`] left in `space`, and writes it, first cell first, into the
/// head of `path`; returns its length.
///
/// # Panics
/// Unless `path` holds m + n - 1 cells, `space` the directions of an alignment of that size under the same `constraints`,
/// and `column` is one of its.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "sizes were checked to fit i32")]
pub fn trace(
    m: usize,
    n: usize,
    column: usize,
    constraints: &Constraints,
    space: &Workspace,
    path: &mut [[i32; 2]],
) -> usize {
    assert!(m > 0 && column < n, "a cell of the alignment");
    let stride = band_width(constraints, m, n);
    let (mut i, mut j, mut length) = (m - 1, column, 0);
    loop {
        path[length] = [i as i32, j as i32];
        length += 1;
        if i == 0 && j == 0 {
            break;
        }
        let band = constraints.band(i, m, n);
        let cell = i * stride + (j - band.start);
        let direction = space.directions[cell / 4] >> (cell % 4 * 2) & 3;
        // Above row 0 there is nothing: a step other than to the left is where an open begin began.
        if i == 0 && direction != LEFT {
            break;
        }
        // Costs that changed during the call may leave directions without sense: the path stays inside all the same.
        if direction != UP {
            j = j.saturating_sub(1);
        }
        let row = if direction == LEFT { i } else { i - 1 };
        if row == i && j < band.start {
            break;
        }
        let band = constraints.band(row, m, n);
        (i, j) = (row, j.clamp(band.start, band.end - 1));
    }
    path[..length].reverse();
    length
}

impl Workspace {
    fn prepare(&mut self, n: usize, directions: Option<(usize, usize)>) -> Result<()> {
        room(&mut self.costs, n, "a row of costs")?;
        room(&mut self.above, n + 1, "a row of sums")?;
        room(&mut self.current, n + 1, "a row of sums")?;
        let bytes = match directions {
            None => 0,
            Some((m, stride)) => (m as u128 * stride as u128).div_ceil(4),
        };
        let what = "the directions of the warping path";
        let bytes = usize::try_from(bytes).map_err(|_| Error::TooLarge { what, bytes })?;
        cleared(&mut self.directions, bytes, what)
    }
}

/// Most columns that any row uses: what one row of directions takes.
fn band_width(constraints: &Constraints, m: usize, n: usize) -> usize {
    match constraints.window_steps {
        None => n,
        Some(w) => w.saturating_mul(2).saturating_add(m.abs_diff(n)).saturating_add(1).min(n),
    }
}

#[inline(always)]
fn choose(ties: Ties, cost: f64, diagonal: f64, up: f64, left: f64) -> (u8, f64) {
    match ties {
        Ties::Diagonal => {
            let (mut direction, mut best) = (DIAGONAL, diagonal);
            if up < best {
                (direction, best) = (UP, up);
            }
            if left < best {
                (direction, best) = (LEFT, left);
            }
            (direction, best)
        }
        Ties::FastdtwPy => {
            let (mut direction, mut best) = (UP, up);
            if left + cost < best + cost {
                (direction, best) = (LEFT, left);
            }
            if diagonal + cost < best + cost {
                (direction, best) = (DIAGONAL, diagonal);
            }
            (direction, best)
        }
        Ties::FastdtwCy => {
            if up < left && up < diagonal {
                (UP, up)
            } else if left < diagonal {
                (LEFT, left)
            } else {
                (DIAGONAL, diagonal)
            }
        }
    }
}

fn lowest(sums: &[f64]) -> usize {
    let mut best = 0;
    for (j, sum) in sums.iter().enumerate() {
        if *sum < sums[best] {
            best = j;
        }
    }
    best
}
