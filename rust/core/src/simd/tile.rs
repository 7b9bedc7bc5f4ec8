//! Small pairs: products along d in registers, nothing packed.
//!
//! A tile of R x C cells keeps one accumulator a cell while it walks along d; every accumulator sees the same order of
//! operations whatever the tile, so a cell has the same bits in any tile.

use std::ops::Range;

use super::Vector;
use crate::cost::Metric;
use crate::rows::Float;

/// Two sequences of rows, ready to be compared.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'a, E> {
    /// Rows of x, one after the other.
    pub x: &'a [E],
    /// Rows of y.
    pub y: &'a [E],
    /// Numbers a row.
    pub dim: usize,
    /// 1 / |row| of x: 0 for a zero row, NaN for one whose products could leave the range (see `norms`).
    pub x_inverse: &'a [E],
    /// The same of y.
    pub y_inverse: &'a [E],
    /// What the costs are.
    pub metric: Metric,
}

impl<'a, E: Float> Sides<'a, E> {
    pub(crate) fn x_row(&self, i: usize) -> &'a [E] {
        &self.x[i * self.dim..(i + 1) * self.dim]
    }

    pub(crate) fn y_row(&self, j: usize) -> &'a [E] {
        &self.y[j * self.dim..(j + 1) * self.dim]
    }
}

/// Where a cell goes: relative cell (i, j) to `i * row + j * column`.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Step from a row to the next.
    pub row: usize,
    /// Step from a column to the next.
    pub column: usize,
}

/// Writes the costs of `rows` x `columns` into `out`.
#[inline(always)]
pub(crate) fn costs<V: Vector>(
    sides: &Sides<'_, V::Elem>,
    rows: Range<usize>,
    columns: Range<usize>,
    out: &mut [V::Elem],
    place: Place,
) {
    if sides.metric == Metric::Cosine {
        all::<V, true>(sides, rows, columns, out, place);
    } else {
        all::<V, false>(sides, rows, columns, out, place);
    }
}

#[inline(always)]
fn all<V: Vector, const DOT: bool>(
    sides: &Sides<'_, V::Elem>,
    rows: Range<usize>,
    columns: Range<usize>,
    out: &mut [V::Elem],
    place: Place,
) {
    let near = V::Elem::from_double(crate::cost::near(sides.dim));
    // Tiles of nearly equal height: 30 rows are 5 x 6, 8 are 2 x 4.
    let tiles = rows.len().div_ceil(V::TILE_ROWS);
    let mut j = columns.start;
    while j < columns.end {
        let width = match columns.end - j {
            1 => 1,
            2 | 3 => 2,
            _ => 4,
        };
        let mut i = rows.start;
        for t in 0..tiles {
            let height = (rows.end - i).div_ceil(tiles - t);
            let out = &mut out[(i - rows.start) * place.row + (j - columns.start) * place.column..];
            match width {
                4 => tall::<V, DOT, 4>(sides, i, j, height, near, out, place),
                2 => tall::<V, DOT, 2>(sides, i, j, height, near, out, place),
                _ => tall::<V, DOT, 1>(sides, i, j, height, near, out, place),
            }
            i += height;
        }
        j += width;
    }
}

/// From the height of a tile, which is counted, to one that is compiled.
#[inline(always)]
fn tall<V: Vector, const DOT: bool, const C: usize>(
    sides: &Sides<'_, V::Elem>,
    i: usize,
    j: usize,
    height: usize,
    near: V::Elem,
    out: &mut [V::Elem],
    place: Place,
) {
    match height {
        1 => cells::<V, DOT, 1, C>(sides, i, j, near, out, place),
        2 => cells::<V, DOT, 2, C>(sides, i, j, near, out, place),
        3 => cells::<V, DOT, 3, C>(sides, i, j, near, out, place),
        4 => cells::<V, DOT, 4, C>(sides, i, j, near, out, place),
        5 => cells::<V, DOT, 5, C>(sides, i, j, near, out, place),
        _ => cells::<V, DOT, 6, C>(sides, i, j, near, out, place),
    }
}

/// The costs of a tile: four sums are folded at once, and finished together.
#[inline(always)]
fn cells<V: Vector, const DOT: bool, const R: usize, const C: usize>(
    sides: &Sides<'_, V::Elem>,
    i: usize,
    j: usize,
    near: V::Elem,
    out: &mut [V::Elem],
    place: Place,
) {
    let sums = tile::<V, DOT, R, C>(sides, i, j);
    let others = &sides.y_inverse[j..j + C];
    for r in 0..R {
        let mut four = [V::zero(); 4];
        four[..C].copy_from_slice(&sums[r]);
        let sums = V::sum4(four);
        let mut cells = sums;
        let mut plain = DOT;
        if DOT {
            let inverse = sides.x_inverse[i + r];
            for c in 0..C {
                cells[c] = distance(sums[c], inverse, others[c]);
                // One comparison sees both a cell that may be rounding and a row that needs care (NaN).
                plain &= cells[c] >= near;
            }
        }
        for c in 0..C {
            let cell = if plain { cells[c] } else { finish::<V::Elem, DOT>(sides, i + r, j + c, sums[c], near) };
            out[r * place.row + c * place.column] = cell;
        }
    }
}

#[inline(always)]
fn distance<E: Float>(dot: E, u_inverse: E, v_inverse: E) -> E {
    // The two factors are multiplied first, so that the result is the same with u and v exchanged.
    let one = E::from_double(1.0);
    let distance = one - dot * (u_inverse * v_inverse);
    let distance = if distance < E::default() { E::default() } else { distance };
    if distance > one + one { one + one } else { distance }
}

/// The cost of a cell from its sum over d.
#[inline(always)]
fn finish<E: Float, const DOT: bool>(sides: &Sides<'_, E>, i: usize, j: usize, sum: E, near: E) -> E {
    if DOT {
        let cost = distance(sum, sides.x_inverse[i], sides.y_inverse[j]);
        if cost >= near { cost } else { careful_cosine(sides, i, j, cost) }
    } else {
        careful_distance(sides, i, j, sum)
    }
}

/// Equal rows cost exactly 0; rows of extreme length are compared in f64, scaled.
#[cold]
#[inline(never)]
fn careful_cosine<E: Float>(sides: &Sides<'_, E>, i: usize, j: usize, cost: E) -> E {
    let (u, v) = (sides.x_row(i), sides.y_row(j));
    if u == v {
        return E::default();
    }
    if cost.double().is_nan() {
        if sides.x_inverse[i] == E::default() || sides.y_inverse[j] == E::default() {
            return E::from_double(1.0);
        }
        return E::from_double((1.0 - crate::cost::cosine_scaled(u, v)).clamp(0.0, 2.0));
    }
    cost
}

fn careful_distance<E: Float>(sides: &Sides<'_, E>, i: usize, j: usize, square: E) -> E {
    let (u, v) = (sides.x_row(i), sides.y_row(j));
    let square = square.double();
    let ranged = square.is_finite() && square > 1e-28;
    E::from_double(match sides.metric {
        Metric::SqEuclidean if ranged => square,
        Metric::SqEuclidean => crate::cost::square_distance_double(u, v),
        _ if ranged => square.sqrt(),
        _ => crate::cost::distance(u, v),
    })
}

/// Sums over d of products (`DOT`) or of squared differences, a register of partial sums a cell.
#[inline(always)]
fn tile<V: Vector, const DOT: bool, const R: usize, const C: usize>(
    sides: &Sides<'_, V::Elem>,
    i: usize,
    j: usize,
) -> [[V; C]; R] {
    let d = sides.dim;
    // Plain loops: a closure would be compiled without the instruction set.
    let mut x = [sides.x.as_ptr(); R];
    let mut y = [sides.y.as_ptr(); C];
    for r in 0..R {
        x[r] = sides.x_row(i + r).as_ptr();
    }
    for c in 0..C {
        y[c] = sides.y_row(j + c).as_ptr();
    }
    let mut sums = [[V::zero(); C]; R];
    let (mut u, mut v) = ([V::zero(); R], [V::zero(); C]);
    let whole = d - d % V::LANES;
    let mut k = 0;
    while k < whole {
        // SAFETY: every pointer is the start of a row of d values, and k + LANES <= whole <= d.
        unsafe {
            for r in 0..R {
                u[r] = V::load(x[r].add(k));
            }
            for c in 0..C {
                v[c] = V::load(y[c].add(k));
            }
        }
        step::<V, DOT, R, C>(&mut sums, &u, &v);
        k += V::LANES;
    }
    if whole < d {
        // SAFETY: d - whole values are left from `whole` on in every row.
        unsafe {
            for r in 0..R {
                u[r] = V::load_tail(x[r].add(whole), d - whole);
            }
            for c in 0..C {
                v[c] = V::load_tail(y[c].add(whole), d - whole);
            }
        }
        step::<V, DOT, R, C>(&mut sums, &u, &v);
    }
    sums
}

#[inline(always)]
fn step<V: Vector, const DOT: bool, const R: usize, const C: usize>(sums: &mut [[V; C]; R], u: &[V; R], v: &[V; C]) {
    for r in 0..R {
        for c in 0..C {
            sums[r][c] = if DOT {
                sums[r][c].multiply_add(u[r], v[c])
            } else {
                let difference = u[r].minus(v[c]);
                sums[r][c].multiply_add(difference, difference)
            };
        }
    }
}
