//! Exact screening: pairs of rows whose rounded product already says that they stay below a threshold.
//!
//! A unit row x is s q + r with whole numbers q of one byte, and |r| <= e is measured, not assumed. Then
//! |x.y - s_x s_y q_x.q_y| <= e_x + (1 + e_x) e_y for any rows; only the number of pairs that are left to the judge
//! depends on them.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::error::Result;
use crate::judge::{Side, judge_error};
use crate::memory::{cleared, push, reserve, resized, room, zeroed};
use crate::pulse::{PIECE, Pulse, pieces};
use crate::rows::Scalar;
use crate::simd::int8::{self, Bytes, Line, Panel, Queries, Rounded, Terms, WIDTH};
use crate::tiles::Tile;
use crate::work::Run;

/// Products of a panel between two beats.
const AT_ONCE: usize = 1 << 24;

/// Panels that one thread takes at a time.
const PANELS: usize = 8;

/// How many pairs were compared at all, and how many of them were left to the judge.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    compared: AtomicUsize,
    judged: AtomicUsize,
}

impl Tally {
    pub(crate) fn judge(&self) {
        self.judged.fetch_add(1, Relaxed);
    }

    pub(crate) fn effort(&self) -> Effort {
        Effort { compared: self.compared.load(Relaxed), judged: self.judged.load(Relaxed) }
    }
}

/// What a search took: every other pair of rows was skipped. Depends on machine and threads; results do not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effort {
    /// Pairs that were compared in eight bits.
    pub compared: usize,
    /// Pairs among them that eight bits could not rule out, decided in f64.
    pub judged: usize,
}

/// A unit row as whole numbers.
#[derive(Debug, Clone, Copy, Default)]
struct Code {
    step: f32,
    /// Never below the length of the residual.
    error: f32,
    sum: i32,
}

/// Rows as whole numbers of one byte.
#[derive(Debug)]
pub(crate) struct Codes {
    bytes: Bytes,
    dim: usize,
    stride: usize,
    values: Vec<i8>,
    rows: Vec<Code>,
}

impl Codes {
    pub(crate) fn new(bytes: Bytes, dim: usize) -> Self {
        Self { bytes, dim, stride: int8::stride(dim), values: Vec::new(), rows: Vec::new() }
    }

    /// The codes of rows `range`.
    pub(crate) fn fill<T: Scalar>(&mut self, side: Side<'_, T>, range: Range<usize>, run: &mut Run<'_>) -> Result<()> {
        let (bytes, dim, stride) = (self.bytes, self.dim, self.stride);
        let size = range.len().saturating_mul(stride);
        if size > self.values.len() {
            // Every code is written below.
            cleared(&mut self.values, size, ROUNDED)?;
        }
        self.values.truncate(size);
        self.rows.clear();
        resized(&mut self.rows, range.len(), Code::default(), ROUNDED)?;
        let items = self.values.chunks_mut(64 * stride).zip(self.rows.chunks_mut(64)).zip(range.step_by(64));
        run.each_asking(items, Vec::new, |unit, ((values, rows), first), ask| {
            let mut pulse = Pulse::new(ask);
            for (k, (values, row)) in values.chunks_exact_mut(stride).zip(rows).enumerate() {
                *row = round(bytes, side, first + k, unit, values, &mut pulse)?;
                pulse.spend(dim)?;
            }
            Ok(())
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// What row `i` needs to pass `threshold`.
    #[expect(clippy::cast_possible_truncation, reason = "the rounding is inside the slack")]
    pub(crate) fn terms(&self, i: usize, threshold: f64) -> Terms {
        // The terms and their sum are f32: about 40 roundings of 2^-24.
        let slack = 2f64.powi(-17) + judge_error(self.dim);
        let Code { step, error, sum } = self.rows[i];
        let (step, error) = (f64::from(step), f64::from(error));
        Terms {
            offset: sum.wrapping_mul(self.bytes.bias()),
            fixed: ((error + slack - threshold) / step) as f32,
            slope: ((1.0 + error) / step) as f32,
        }
    }

    /// [`Codes::terms`] of all rows.
    pub(crate) fn all_terms(&self, threshold: f64, terms: &mut Vec<Terms>) -> Result<()> {
        terms.clear();
        reserve(terms, self.len(), ROUNDED)?;
        terms.extend((0..self.len()).map(|i| self.terms(i, threshold)));
        Ok(())
    }
}

/// What messages call rows rounded to bytes, and what goes with them.
const ROUNDED: &str = "the rounded rows";

/// Rounds row `i`; `unit` is a buffer.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "bounded in the comments")]
fn round<T: Scalar>(
    bytes: Bytes,
    side: Side<'_, T>,
    i: usize,
    unit: &mut Vec<f32>,
    codes: &mut [i8],
    pulse: &mut Pulse<'_>,
) -> Result<Code> {
    let (row, norms) = (side.row(i), side.norms());
    let largest = bytes.largest(row.len()) as f32;
    if norms.is_zero(i) {
        codes.fill(0);
        return Ok(Code { step: 1.0, error: 0.0, sum: 0 });
    }
    // Rounding does not depend on the scale: rows of moderate length are read in place.
    let (rounded, inverse) = match (T::as_single(row), norms.plain_inverse(i)) {
        (Some(row), Some(inverse)) => (int8::round(bytes, row, largest, codes), inverse),
        _ => {
            room(unit, row.len(), "a unit row")?;
            let unit = &mut unit[..row.len()];
            norms.unit(i, row, unit, pulse)?;
            (int8::round(bytes, unit, largest, codes), 1.0)
        }
    };
    let Rounded { step, residual, sum } = rounded;
    // The unit row, the step and each residual are rounded in f32 (together within 16 * 2^-24 of the length), and so
    // are the sum of squares (at most dim roundings) and this expression.
    let roundings = 1.0 + (row.len() as f64 + 8.0) * 2f64.powi(-23);
    let error = f64::from(residual).sqrt() * inverse * roundings + 2f64.powi(-20);
    Ok(Code { step: (f64::from(step) * inverse) as f32, error: error as f32, sum })
}

/// Rows side by side, which others are compared with; slot k is lane k % 32 of panel k / 32.
#[derive(Debug, Clone)]
pub(crate) struct Panels {
    bytes: Bytes,
    dim: usize,
    lines: Vec<Line>,
    first: Vec<[f32; WIDTH]>,
    second: Vec<[f32; WIDTH]>,
    len: usize,
}

impl Panels {
    pub(crate) fn new(bytes: Bytes, dim: usize) -> Self {
        Self { bytes, dim, lines: Vec::new(), first: Vec::new(), second: Vec::new(), len: 0 }
    }

    /// All rows of `codes`, row k in slot k.
    pub(crate) fn of(codes: &Codes, run: &mut Run<'_>) -> Result<Self> {
        let mut panels = Self::new(codes.bytes, codes.dim);
        let lines = int8::panel_lines(codes.dim);
        panels.lines = zeroed(codes.len().div_ceil(WIDTH) as u128 * lines as u128, ROUNDED)?;
        for i in 0..codes.len() {
            panels.push_terms(codes, i)?;
        }
        run.each_asking(
            panels.lines.chunks_mut(lines).enumerate(),
            || (),
            |(), (p, lines), ask| {
                let mut pulse = Pulse::new(ask);
                for lane in 0..WIDTH.min(codes.len() - p * WIDTH) {
                    pack(codes, p * WIDTH + lane, lane, lines, &mut pulse)?;
                }
                Ok(())
            },
        )?;
        Ok(panels)
    }

    /// Puts row `i` of `codes` into the next slot.
    pub(crate) fn push(&mut self, codes: &Codes, i: usize, pulse: &mut Pulse<'_>) -> Result<()> {
        let (lines, lane) = (int8::panel_lines(self.dim), self.len % WIDTH);
        if lane == 0 {
            reserve(&mut self.lines, lines, ROUNDED)?;
            for piece in pieces(lines) {
                self.lines.resize(self.lines.len() + piece.len(), Line([0; 64]));
                pulse.spend(64 * piece.len())?;
            }
        }
        let start = self.lines.len() - lines;
        pack(codes, i, lane, &mut self.lines[start..], pulse)?;
        self.push_terms(codes, i)
    }

    fn push_terms(&mut self, codes: &Codes, i: usize) -> Result<()> {
        let lane = self.len % WIDTH;
        if lane == 0 {
            // Nothing passes a NaN: an empty lane is never found.
            push(&mut self.first, [f32::NAN; WIDTH], ROUNDED)?;
            push(&mut self.second, [f32::NAN; WIDTH], ROUNDED)?;
        }
        let Code { step, error, .. } = codes.rows[i];
        let panel = self.first.len() - 1;
        self.first[panel][lane] = 1.0 / step;
        self.second[panel][lane] = error / step;
        self.len += 1;
        Ok(())
    }

    /// Leaves the rest of the last panel empty, so that the next row opens a new one.
    pub(crate) fn close(&mut self) {
        self.len = self.len.next_multiple_of(WIDTH);
    }

    /// Keeps the first `len` slots.
    pub(crate) fn truncate(&mut self, len: usize) {
        let panels = len.div_ceil(WIDTH);
        self.lines.truncate(panels * int8::panel_lines(self.dim));
        self.first.truncate(panels);
        self.second.truncate(panels);
        for slot in len..(panels * WIDTH).min(self.len) {
            self.first[slot / WIDTH][slot % WIDTH] = f32::NAN;
        }
        self.len = len;
    }

    /// Number of slots.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Number of panels.
    pub(crate) fn count(&self) -> usize {
        self.first.len()
    }

    pub(crate) fn bytes(&self) -> Bytes {
        self.bytes
    }
}

#[expect(clippy::cast_possible_truncation, reason = "2^32 rounded rows do not fit in memory")]
fn small(row: usize) -> u32 {
    row as u32
}

fn pack(codes: &Codes, i: usize, lane: usize, panel: &mut [Line], pulse: &mut Pulse<'_>) -> Result<()> {
    let row = &codes.values[i * codes.stride..][..codes.dim];
    // Pieces are whole groups of whole panel lines.
    for (k, piece) in pieces(row.len()).enumerate() {
        let lines = &mut panel[k * int8::panel_lines(PIECE)..];
        int8::pack(&row[piece.clone()], codes.bytes.bias(), lane, lines);
        pulse.spend(4 * piece.len())?;
    }
    Ok(())
}

/// The lanes of a mask, ascending.
pub(crate) fn lanes(mut mask: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lane = mask.trailing_zeros() as usize;
        mask &= mask.wrapping_sub(1);
        (lane < WIDTH).then_some(lane)
    })
}

/// Rows to be compared with panels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Search<'a> {
    pub(crate) codes: &'a Codes,
    /// What each row of `codes` needs to pass.
    pub(crate) terms: &'a [Terms],
    pub(crate) panels: &'a Panels,
    pub(crate) tally: &'a Tally,
}

impl Search<'_> {
    /// For each of the rows `which` the lanes of `panel` that may pass, as the bits of a mask.
    pub(crate) fn candidates(
        &self,
        panel: usize,
        which: &[u32],
        masks: &mut [u32],
        pulse: &mut Pulse<'_>,
    ) -> Result<()> {
        let (codes, panels) = (self.codes, self.panels);
        let lines = int8::panel_lines(panels.dim);
        let queries = Queries { codes: &codes.values, stride: codes.stride, terms: self.terms };
        let lanes = Panel {
            lines: &panels.lines[panel * lines..][..lines],
            first: &panels.first[panel],
            second: &panels.second[panel],
        };
        // A product of bytes takes a fraction of another one.
        let each = WIDTH * panels.dim / 8;
        let at_once = (AT_ONCE / each.max(1)).max(1);
        for (which, masks) in which.chunks(at_once).zip(masks.chunks_mut(at_once)) {
            int8::passing(panels.bytes, &queries, which, &lanes, masks);
            pulse.spend(which.len().saturating_mul(each))?;
        }
        self.tally.compared.fetch_add(which.len() * WIDTH.min(panels.len - panel * WIDTH), Relaxed);
        Ok(())
    }

    /// Compares the rows of a tile with its columns, which are slots; a panel of columns is passed over for a row where
    /// `wanted` says so.
    pub(crate) fn tile(
        &self,
        tile: &Tile,
        wanted: impl Fn(usize, Range<usize>) -> bool,
        pulse: &mut Pulse<'_>,
    ) -> Result<Masks> {
        let first_panel = tile.columns(tile.rows.start).start / WIDTH;
        let panels = tile.columns(tile.rows.start).end.div_ceil(WIDTH).saturating_sub(first_panel);
        let mut masks = Masks { first_panel, panels, masks: vec![0; panels * tile.rows.len()] };
        let (mut which, mut found) = (Vec::new(), Vec::new());
        for p in 0..panels {
            let start = (first_panel + p) * WIDTH;
            let members = start..self.panels.len.min(start + WIDTH);
            which.clear();
            for (k, i) in (0..).zip(tile.rows.clone()) {
                let columns = tile.columns(i);
                if columns.start.max(start) < columns.end.min(members.end) && wanted(i, members.clone()) {
                    which.push((k, small(i)));
                }
            }
            let rows: Vec<u32> = which.iter().map(|(_, i)| *i).collect();
            found.resize(rows.len(), 0);
            self.candidates(first_panel + p, &rows, &mut found, pulse)?;
            for ((k, _), mask) in which.iter().zip(&found) {
                masks.masks[k * panels + p] = *mask;
            }
        }
        Ok(masks)
    }

    /// Lowers `best` of each row to the least `value` of a slot that `holds` with it.
    ///
    /// Slots of one panel must ascend by value, and the panels of `order` by the value of their first slot: a row whose
    /// best is no more than that leaves.
    pub(crate) fn least(
        &self,
        run: &mut Run<'_>,
        order: &[usize],
        value: impl Fn(usize) -> usize + Sync,
        holds: impl Fn(usize, usize, &mut Pulse<'_>) -> Result<bool> + Sync,
        best: &[AtomicUsize],
    ) -> Result<()> {
        run.each_asking(
            order.chunks(PANELS),
            || (Vec::new(), Vec::new()),
            |(which, masks): &mut (Vec<u32>, Vec<u32>), order, ask| {
                let mut pulse = Pulse::new(ask);
                which.clear();
                which.extend((0..).take(best.len()));
                for &panel in order {
                    let floor = value(panel * WIDTH);
                    which.retain(|row| best[*row as usize].load(Relaxed) > floor);
                    if which.is_empty() {
                        break;
                    }
                    masks.resize(which.len(), 0);
                    self.candidates(panel, which, masks, &mut pulse)?;
                    for (row, mask) in which.iter().zip(masks.iter()).filter(|(_, mask)| **mask != 0) {
                        let row = *row as usize;
                        for slot in lanes(*mask).map(|lane| panel * WIDTH + lane) {
                            let value = value(slot);
                            if value >= best[row].load(Relaxed) {
                                break;
                            }
                            if holds(row, slot, &mut pulse)? {
                                best[row].fetch_min(value, Relaxed);
                                break;
                            }
                        }
                    }
                }
                Ok(())
            },
        )
    }
}

/// The pairs of a tile that may pass.
#[derive(Debug)]
pub(crate) struct Masks {
    first_panel: usize,
    panels: usize,
    masks: Vec<u32>,
}

impl Masks {
    /// The columns that may pass with row `i`, ascending.
    pub(crate) fn candidates(&self, tile: &Tile, i: usize) -> impl Iterator<Item = usize> {
        let columns = tile.columns(i);
        let masks = &self.masks[(i - tile.rows.start) * self.panels..][..self.panels];
        let slots =
            (self.first_panel..).zip(masks).flat_map(|(panel, mask)| lanes(*mask).map(move |l| panel * WIDTH + l));
        slots.filter(move |j| columns.contains(j))
    }
}

/// The pairs of rows of one block that may pass.
#[derive(Debug)]
pub(crate) struct Within {
    panels: Panels,
    masks: Vec<u32>,
    rows: usize,
}

impl Within {
    pub(crate) fn new(bytes: Bytes, dim: usize) -> Self {
        Self { panels: Panels::new(bytes, dim), masks: Vec::new(), rows: 0 }
    }

    /// Compares the rows `which` of `codes` with one another.
    pub(crate) fn fill(
        &mut self,
        run: &mut Run<'_>,
        (codes, terms): (&Codes, &[Terms]),
        which: &[u32],
        tally: &Tally,
    ) -> Result<()> {
        self.panels.truncate(0);
        let mut ask = || run.check();
        let mut pulse = Pulse::new(&mut ask);
        for i in which {
            self.panels.push(codes, *i as usize, &mut pulse)?;
        }
        self.rows = which.len();
        self.masks.clear();
        resized(&mut self.masks, self.panels.count() * self.rows, 0, ROUNDED)?;
        if which.is_empty() {
            return Ok(());
        }
        let search = Search { codes, terms, panels: &self.panels, tally };
        run.each_asking(
            self.masks.chunks_mut(self.rows).enumerate(),
            || (),
            |(), (panel, masks), ask| {
                let first = panel * WIDTH;
                search.candidates(panel, &which[first..], &mut masks[first..], &mut Pulse::new(ask))
            },
        )
    }

    /// The rows before the k-th of `which` that may pass with it, as numbers in `which`, ascending.
    pub(crate) fn before(&self, k: usize) -> impl Iterator<Item = usize> {
        (0..=k / WIDTH).flat_map(move |panel| {
            let mask = self.masks[panel * self.rows + k];
            let mask = if panel == k / WIDTH { mask & ((1 << (k % WIDTH)) - 1) } else { mask };
            lanes(mask).map(move |lane| panel * WIDTH + lane)
        })
    }
}

/// Rows that are hard to decide, for the tests of all searches.
#[cfg(test)]
pub(crate) mod hard {
    /// Small pseudo-random numbers, about normal.
    pub(crate) struct Source(pub(crate) u64);

    impl Source {
        fn uniform(&mut self) -> f64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 11) as f64 / (1u64 << 53) as f64
        }

        pub(crate) fn normal(&mut self) -> f64 {
            (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
        }

        fn row(&mut self, dim: usize) -> Vec<f64> {
            (0..dim).map(|_| self.normal()).collect()
        }

        pub(crate) fn below(&mut self, bound: usize) -> usize {
            ((self.uniform() * bound as f64) as usize).min(bound - 1)
        }
    }

    fn unit(row: &mut [f64]) {
        let length = row.iter().map(|v| v * v).sum::<f64>().sqrt().max(1e-300);
        row.iter_mut().for_each(|v| *v /= length);
    }

    /// A row at cosine `c` to the unit row `u`.
    fn at(source: &mut Source, u: &[f64], c: f64) -> Vec<f64> {
        let mut w = source.row(u.len());
        let along: f64 = u.iter().zip(&w).map(|(a, b)| a * b).sum();
        w.iter_mut().zip(u).for_each(|(w, u)| *w -= along * u);
        unit(&mut w);
        u.iter().zip(&w).map(|(u, w)| c * u + (1.0 - c * c).sqrt() * w).collect()
    }

    /// Sets of rows by name, `n` rows each: what eight bits, or f32, could get wrong at the threshold `t`.
    pub(crate) fn sets(n: usize, dim: usize, t: f64) -> Vec<(&'static str, Vec<f32>)> {
        let mut source = Source((n * 31 + dim) as u64);
        let mut planted = Vec::new();
        let mut centre = source.row(dim);
        unit(&mut centre);
        for i in 0..n {
            if i % 7 == 0 {
                centre = source.row(dim);
                unit(&mut centre);
            }
            let c = t + [0.0, 1e-7, -1e-7, 3e-8, -3e-8, 0.02, -0.02][i % 7];
            planted.push(if dim == 1 { vec![source.normal()] } else { at(&mut source, &centre, c) });
        }
        let order: Vec<usize> = (0..n).map(|_| source.below(n)).collect();
        let shuffled: Vec<Vec<f64>> = order.iter().map(|i| planted[*i].clone()).collect();
        let outliers = planted.iter().map(|row| {
            let mut row = row.clone();
            row[3 % dim] *= 30.0;
            row[5 % dim] += 30.0;
            row
        });
        let outliers: Vec<Vec<f64>> = outliers.collect();
        let scales = (0..n).map(|i| [1e-30, 1e30, 1.0, 1e-18, 1e12][i % 5]);
        let extreme: Vec<Vec<f64>> =
            planted.iter().zip(scales).map(|(r, s)| r.iter().map(|v| v * s).collect()).collect();
        let one_hot = (0..n).map(|i| (0..dim).map(|k| f64::from(u8::from(k == i % dim))).collect()).collect();
        let equal = vec![planted[0].clone(); n];
        let constant = (0..n).map(|i| vec![if i % 3 == 0 { -0.7 } else { 0.1 }; dim]).collect();
        let named: [(&'static str, Vec<Vec<f64>>); 8] = [
            ("planted", planted),
            ("shuffled, with duplicates", shuffled),
            ("outlier dimensions", outliers),
            ("extreme lengths", extreme),
            ("one-hot", one_hot),
            ("all equal", equal),
            ("constant rows", constant),
            ("one row", vec![source.row(dim)]),
        ];
        let single = |rows: Vec<Vec<f64>>| rows.concat().into_iter().map(|v| v as f32).collect();
        named.into_iter().map(|(name, rows)| (name, single(rows))).collect()
    }

    /// Numbers of rows and dimensions around every block edge.
    pub(crate) const SHAPES: [(usize, usize); 14] = [
        (70, 1),
        (40, 2),
        (70, 3),
        (33, 7),
        (100, 8),
        (31, 9),
        (32, 16),
        (65, 31),
        (64, 33),
        (97, 64),
        (50, 129),
        (130, 768),
        (40, 1024),
        (35, 1025),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Norms;
    use crate::rows::{Rows, Zero};

    fn filled<T: Scalar>(bytes: Bytes, side: Side<'_, T>) -> Codes {
        let mut codes = Codes::new(bytes, side.dim());
        codes.fill(side, 0..side.len(), &mut Run::new(2, &mut || false).unwrap()).unwrap();
        codes
    }

    fn norms<T: Scalar>(rows: Rows<'_, T>, zero: Zero) -> Norms {
        Norms::of("rows", rows, zero, &mut Run::new(2, &mut || false).unwrap()).unwrap()
    }

    fn bound_holds<T: Scalar>(name: &str, rows: Rows<'_, T>) {
        let norms = norms(rows, Zero::Orthogonal);
        let side = Side::new(rows, &norms);
        for bytes in Bytes::available() {
            let codes = filled(bytes, side);
            for i in 0..rows.len() {
                for j in 0..rows.len() {
                    let (a, b) = (codes.rows[i], codes.rows[j]);
                    let (u, v) = (&codes.values[i * codes.stride..], &codes.values[j * codes.stride..]);
                    let product: i64 = u.iter().zip(&v[..rows.dim()]).map(|(a, b)| i64::from(*a) * i64::from(*b)).sum();
                    let rounded = f64::from(a.step) * f64::from(b.step) * product as f64;
                    let (ea, eb) = (f64::from(a.error), f64::from(b.error));
                    let bound = ea + (1.0 + ea) * eb + judge_error(rows.dim());
                    let cosine = side.judge(i, side, j, &mut Pulse::new(&mut || Ok(()))).unwrap();
                    assert!((rounded - cosine).abs() <= bound, "{name} {bytes:?} {i} {j}: {rounded} {cosine} {bound}");
                }
            }
        }
    }

    #[test]
    fn the_bound_holds_for_any_rows() {
        for (n, dim) in hard::SHAPES {
            for (name, data) in hard::sets(n.min(40), dim, 0.6) {
                bound_holds(name, Rows::new("rows", &data, dim).unwrap());
                let wide: Vec<f64> = data.iter().map(|v| f64::from(*v) * 1e-250).collect();
                bound_holds(name, Rows::new("rows", &wide, dim).unwrap());
                let half: Vec<half::f16> = data.iter().map(|v| half::f16::from_f32(v.clamp(-1e4, 1e4))).collect();
                bound_holds(name, Rows::new("rows", &half, dim).unwrap());
            }
        }
    }

    #[test]
    fn ordinary_rows_have_a_margin_that_leaves_little_to_the_judge() {
        let mut source = hard::Source(1);
        let data: Vec<f32> = (0..768 * 8).map(|_| source.normal() as f32).collect();
        let rows = Rows::new("rows", &data, 768).unwrap();
        let norms = norms(rows, Zero::Error);
        for bytes in Bytes::available() {
            let codes = filled(bytes, Side::new(rows, &norms));
            let most = if bytes.largest(768) == 127 { 0.009 } else { 0.018 };
            assert!(codes.rows.iter().all(|row| row.error < most), "{bytes:?} {:?}", codes.rows);
        }
    }

    #[test]
    fn a_truncated_set_of_panels_finds_only_what_it_still_holds() {
        let data = [1.0f32; 40];
        let rows = Rows::new("rows", &data, 1).unwrap();
        let norms = norms(rows, Zero::Error);
        let codes = filled(Bytes::Portable, Side::new(rows, &norms));
        let mut panels = Panels::of(&codes, &mut Run::new(1, &mut || false).unwrap()).unwrap();
        let (mut terms, tally) = (Vec::new(), Tally::default());
        codes.all_terms(0.5, &mut terms).unwrap();
        let found = |panels: &Panels, panel| {
            let mut masks = [0];
            let search = Search { codes: &codes, terms: &terms, panels, tally: &tally };
            search.candidates(panel, &[0], &mut masks, &mut Pulse::new(&mut || Ok(()))).unwrap();
            masks[0]
        };
        assert_eq!((found(&panels, 0), found(&panels, 1)), (u32::MAX, 0xFF));
        panels.truncate(35);
        assert_eq!(found(&panels, 1), 0b111);
        panels.truncate(3);
        assert_eq!((panels.count(), found(&panels, 0)), (1, 0b111));
        panels.push(&codes, 7, &mut Pulse::new(&mut || Ok(()))).unwrap();
        assert_eq!(found(&panels, 0), 0b1111);
        panels.close();
        panels.push(&codes, 7, &mut Pulse::new(&mut || Ok(()))).unwrap();
        assert_eq!((panels.len(), found(&panels, 0), found(&panels, 1)), (33, 0b1111, 1));
    }
}
