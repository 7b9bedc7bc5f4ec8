//! One alignment, from rows to path, on the kernels of an instruction set.

use crate::align::{self, Constraints, Ties};
use crate::cost::{Costs, Metric};
use crate::error::{Error, Result};
use crate::memory::{push, reserve, resized, room};
use crate::pulse::{PIECE, Pulse};
use crate::rows::{Float, Rows, Scalar, Zero, careful_inverse_norm, widened};
use crate::simd::{AHEAD, Columns, Isa, Kernels, Layout, Panel, Pass, Places, Sides, Soon, direction_bytes, trace};
use crate::work::{Line, Run};

/// Pairs whose shorter side has at least this many rows are multiplied panel by panel.
pub(crate) const PANEL_ROWS: usize = 96;

/// Costs of a pair are all kept while they take at most this many values; beyond, a strip at a time.
const KEPT: usize = 1 << 22;

/// More threads than this do not share a pair: the dynamic programme, which goes strip by strip, keeps no more busy.
const MOST_DIVIDED: usize = 16;

/// What messages call the costs that are held at once.
const STRIP: &str = "the costs of a strip";

/// What messages call the costs along a path.
const CELLS: &str = "the costs along a path";

/// Rows of one sequence of a pair, with their inverse norms where they are known already.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Side<'a, T: Scalar> {
    /// Name for messages.
    pub(crate) argument: &'static str,
    /// Number of the first row in its set, for messages.
    pub(crate) first: usize,
    pub(crate) rows: Rows<'a, T>,
    pub(crate) inverse: Option<&'a [T::Wide]>,
}

/// Buffers of one thread, reused from pair to pair.
#[derive(Debug, Default)]
pub(crate) struct Workspace<E> {
    x: Buffers<E>,
    y: Buffers<E>,
    costs: Vec<E>,
    sums: Sums,
    directions: Vec<u8>,
    maker: Maker<E>,
    scalar: align::Workspace,
}

/// Widened rows and inverse norms of one side.
#[derive(Debug, Default)]
struct Buffers<E> {
    rows: Vec<E>,
    inverse: Vec<E>,
}

/// What is wanted of an alignment beside its distance.
#[derive(Debug)]
pub(crate) enum Want<'a> {
    /// Nothing.
    Distance,
    /// The path, into the head of a slice that holds m + n - 1 cells.
    Path(&'a mut [[i32; 2]]),
    /// The path and the cost of each of its cells.
    Cells(&'a mut [[i32; 2]], &'a mut Vec<f64>),
}

/// A distance, and how many cells of a path were written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    pub(crate) distance: f64,
    pub(crate) length: usize,
}

/// What a pair is aligned under.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) isa: Isa,
    pub(crate) metric: Metric,
    pub(crate) zero: Zero,
    pub(crate) constraints: Constraints,
}

impl Rules {
    /// True where the strips of the vector kernel know all rules.
    pub(crate) fn plain(&self) -> bool {
        let c = &self.constraints;
        c.window_steps.is_none() && !c.open_begin && !c.open_end && c.ties == Ties::Diagonal
    }
}

/// Rows and their inverse norms.
type Ready<'a, E> = (&'a [E], &'a [E]);

/// Rows as the kernels take them: widened where they are float16, checked, with inverse norms.
fn ready<'a, T: Scalar>(
    side: &Side<'a, T>,
    rules: &Rules,
    then: Soon,
    buffers: &'a mut Buffers<T::Wide>,
    pulse: &mut Pulse<'_>,
) -> Result<Ready<'a, T::Wide>> {
    let rows = widened(side.rows, &mut buffers.rows, pulse)?;
    let inverse = match side.inverse {
        Some(inverse) => inverse,
        None => {
            resized(&mut buffers.inverse, side.rows.len(), T::Wide::default(), "the norms of the rows")?;
            let (argument, first, dim, zero) = (side.argument, side.first, side.rows.dim(), rules.zero);
            inverse_norms(rules, &Pass { argument, first, rows, dim, zero, then }, &mut buffers.inverse, pulse)?;
            &buffers.inverse
        }
    };
    Ok((rows, inverse))
}

/// The norm pass; what a metric other than the cosine needs of it is the check alone.
pub(crate) fn inverse_norms<E: Kernels>(
    rules: &Rules,
    pass: &Pass<'_, E>,
    out: &mut [E],
    pulse: &mut Pulse<'_>,
) -> Result<()> {
    let cosine = rules.metric == Metric::Cosine;
    let pass = Pass { zero: if cosine { rules.zero } else { Zero::Orthogonal }, ..*pass };
    E::inverse_norms(rules.isa, &pass, out, pulse)?;
    let Pass { argument, dim, zero, .. } = pass;
    for (i, inverse) in out.iter().enumerate().filter(|_| !cosine) {
        // 2^32 squared differences of rows up to 1e149 sum to less than the largest f64.
        let (row, number) = (&pass.rows[i * dim..(i + 1) * dim], pass.first + i);
        if inverse.double().is_nan() && careful_inverse_norm(argument, number, row, zero, pulse)? < 1e-149 {
            return Err(Error::Magnitude { argument, row: number });
        }
    }
    Ok(())
}

/// Aligns one pair; `ask` is put once a strip. `next` are the rows of the pair after it, if there is one.
pub(crate) fn align_pair<T: Scalar>(
    [x, y]: [&Side<'_, T>; 2],
    next: [Soon; 2],
    rules: &Rules,
    want: Want<'_>,
    space: &mut Workspace<T::Wide>,
    ask: &mut dyn FnMut() -> Result<()>,
) -> Result<Found> {
    let (mut of_x, mut of_y) = (std::mem::take(&mut space.x), std::mem::take(&mut space.y));
    let found = (|| {
        let mut pulse = Pulse::new(&mut *ask);
        let (x_rows, x_inverse) = ready(x, rules, Soon::of(y.rows.data()), &mut of_x, &mut pulse)?;
        let (y_rows, y_inverse) = ready(y, rules, next[0], &mut of_y, &mut pulse)?;
        let (dim, metric) = (x.rows.dim(), rules.metric);
        // The norm pass over y has asked for the first of them.
        let next = if y.inverse.is_none() { [next[0].skip(AHEAD), next[1]] } else { next };
        let sides = Sides { x: x_rows, y: y_rows, dim, x_inverse, y_inverse, metric, next };
        if metric != Metric::Cosine && !(ordinary(x_inverse) && ordinary(y_inverse)) && !T::Wide::DOUBLE {
            return in_double(&sides, rules, want, ask);
        }
        if rules.plain() { strips(&sides, rules, want, space, ask) } else { scalar(&sides, rules, want, space, ask) }
    })();
    (space.x, space.y) = (of_x, of_y);
    found
}

/// As [`align_pair`], but its strips are divided among the threads of `run`: the same bits.
///
/// Each thread multiplies a strip of its own; the dynamic programme, a twentieth of the work, goes through them in order.
pub(crate) fn align_divided<T: Scalar>(
    x: &Side<'_, T>,
    y: &Side<'_, T>,
    rules: &Rules,
    want: Want<'_>,
    space: &mut Workspace<T::Wide>,
    run: &mut Run<'_>,
) -> Result<Found> {
    let (mut of_x, mut of_y) = (std::mem::take(&mut space.x), std::mem::take(&mut space.y));
    let mut ask = || run.check();
    let mut pulse = Pulse::new(&mut ask);
    let (x_rows, x_inverse) = ready(x, rules, Soon::default(), &mut of_x, &mut pulse)?;
    let (y_rows, y_inverse) = ready(y, rules, Soon::default(), &mut of_y, &mut pulse)?;
    let (dim, next) = (x.rows.dim(), [Soon::default(); 2]);
    let sides = Sides { x: x_rows, y: y_rows, dim, x_inverse, y_inverse, metric: rules.metric, next };
    if rules.metric != Metric::Cosine && !(ordinary(x_inverse) && ordinary(y_inverse)) && !T::Wide::DOUBLE {
        return in_double(&sides, rules, want, &mut || run.check());
    }
    let Workspace { costs, directions, .. } = space;
    let plan = Plan::of(&sides, rules, &want);
    room(costs, if plan.keep { plan.count * plan.size } else { 0 }, STRIP)?;
    plan.room(directions)?;
    let mut sums = Sums::default();
    sums.begin(plan.n)?;
    let line = Line::new(sums);
    let kept = if plan.keep { &mut costs[..plan.count * plan.size] } else { &mut [][..] };
    let mut kept = kept.chunks_mut(plan.size);
    let items = plan.directions(directions).map(|(s, directions)| (s, directions, kept.next()));
    let workspace = || (Vec::new(), None);
    run.at_most(MOST_DIVIDED).each_asking(items, workspace, |(costs, maker), (s, directions, kept), ask| {
        let turn = line.turn(s);
        ask()?;
        let maker = match maker {
            Some(maker) => maker,
            none => none.insert(Maker::of(&plan, &sides)?),
        };
        let costs = match kept {
            Some(kept) => kept,
            None => {
                room(costs, plan.size, STRIP)?;
                &mut costs[..plan.size]
            }
        };
        maker.costs(&plan, &sides, rules, s, costs, &mut Pulse::new(ask))?;
        turn.take(ask, |sums, ask| sums.strip(&plan, rules, s, costs, directions, &mut Pulse::new(ask)))
    })?;
    let distance = line.end().total(plan.n);
    plan.found(&sides, rules, want, distance, costs, directions, &mut || run.check())
}

/// True where no row is so long or so short that its products need care.
pub(crate) fn ordinary<E: Kernels>(inverse: &[E]) -> bool {
    inverse.iter().all(|value| !value.double().is_nan())
}

/// Distances of f32 rows of extreme length, whose squares f32 cannot hold: rare enough to copy the rows.
fn in_double<E: Kernels>(
    sides: &Sides<'_, E>,
    rules: &Rules,
    want: Want<'_>,
    ask: &mut dyn FnMut() -> Result<()>,
) -> Result<Found> {
    let (x, y) = (doubled(sides.x, ask)?, doubled(sides.y, ask)?);
    let (x_inverse, y_inverse) = (doubled(sides.x_inverse, ask)?, doubled(sides.y_inverse, ask)?);
    let (dim, metric, next) = (sides.dim, sides.metric, sides.next);
    let sides = Sides { x: &x, y: &y, dim, x_inverse: &x_inverse, y_inverse: &y_inverse, metric, next };
    let mut space = Workspace::default();
    if rules.plain() {
        strips(&sides, rules, want, &mut space, ask)
    } else {
        scalar(&sides, rules, want, &mut space, ask)
    }
}

/// Values in f64.
fn doubled<E: Float>(values: &[E], ask: &mut dyn FnMut() -> Result<()>) -> Result<Vec<f64>> {
    let mut out = Vec::new();
    reserve(&mut out, values.len(), "the rows in float64")?;
    for values in values.chunks(PIECE) {
        ask()?;
        out.extend(values.iter().map(|value| value.double()));
    }
    Ok(out)
}

/// The vector path: costs strip by strip, skewed; the dynamic programme along their anti-diagonals.
fn strips<E: Kernels>(
    sides: &Sides<'_, E>,
    rules: &Rules,
    want: Want<'_>,
    space: &mut Workspace<E>,
    ask: &mut dyn FnMut() -> Result<()>,
) -> Result<Found> {
    let Workspace { costs, sums, directions, maker, .. } = space;
    let plan = Plan::of(sides, rules, &want);
    room(costs, if plan.keep { plan.count * plan.size } else { plan.size }, STRIP)?;
    plan.room(directions)?;
    maker.prepare(&plan, sides)?;
    sums.begin(plan.n)?;
    let mut pulse = Pulse::new(ask);
    for (s, directions) in plan.directions(directions) {
        pulse.now()?;
        let costs = if plan.keep { &mut costs[plan.kept(s)] } else { &mut costs[..plan.size] };
        maker.costs(&plan, sides, rules, s, costs, &mut pulse)?;
        sums.strip::<E>(&plan, rules, s, costs, directions, &mut pulse)?;
    }
    plan.found(sides, rules, want, sums.total(plan.n), costs, directions, pulse.asking())
}

/// Sizes of an alignment's strips.
struct Plan {
    m: usize,
    n: usize,
    height: usize,
    lanes: usize,
    /// Strips.
    count: usize,
    /// Costs of one strip.
    size: usize,
    /// Bytes of directions of one strip; 0 where no path is wanted.
    bytes: usize,
    /// True where the costs of all strips are kept.
    keep: bool,
    /// True where costs come from packed panels.
    panels: bool,
}

impl Plan {
    fn of<E: Kernels>(sides: &Sides<'_, E>, rules: &Rules, want: &Want<'_>) -> Self {
        let (m, n) = (sides.x_inverse.len(), sides.y_inverse.len());
        let (height, lanes) = (E::strip_height(rules.isa), E::lanes_of(rules.isa));
        let (count, diagonals) = (m.div_ceil(height), n + height - 1);
        let size = diagonals * height;
        let keep = matches!(want, Want::Cells(..)) && count.saturating_mul(size) <= KEPT;
        let bytes = if matches!(want, Want::Distance) { 0 } else { diagonals * direction_bytes(lanes) };
        Self { m, n, height, lanes, count, size, bytes, keep, panels: panel_pays(sides, rules.isa, height) }
    }

    /// Makes room for the directions.
    fn room(&self, directions: &mut Vec<u8>) -> Result<()> {
        room(directions, self.count.saturating_mul(self.bytes), "the directions of the warping path")
    }

    /// Where the costs of strip `s` are kept.
    fn kept(&self, s: usize) -> std::ops::Range<usize> {
        s * self.size..(s + 1) * self.size
    }

    /// Every strip with its directions.
    fn directions<'a>(&self, all: &'a mut [u8]) -> impl ExactSizeIterator<Item = (usize, &'a mut [u8])> + use<'a> {
        let (count, bytes) = (self.count, self.bytes);
        let mut left = &mut all[..count * bytes];
        (0..count).map(move |s| (s, left.split_off_mut(..bytes).unwrap_or_default()))
    }

    /// The rows of strip `s`.
    fn rows(&self, s: usize) -> std::ops::Range<usize> {
        s * self.height..self.m.min((s + 1) * self.height)
    }

    /// What was wanted, once every strip is done.
    #[expect(clippy::too_many_arguments, reason = "all that a pair is, and all that its strips left")]
    fn found<E: Kernels>(
        &self,
        sides: &Sides<'_, E>,
        rules: &Rules,
        want: Want<'_>,
        distance: f64,
        costs: &[E],
        directions: &[u8],
        ask: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Found> {
        if distance > rules.constraints.max_distance {
            return Ok(Found { distance: f64::INFINITY, length: 0 });
        }
        let (path, cells) = match want {
            Want::Distance => return Ok(Found { distance, length: 0 }),
            Want::Path(path) => (path, None),
            Want::Cells(path, cells) => (path, Some(cells)),
        };
        let length = trace(self.lanes, self.m, self.n, directions, path);
        if let Some(cells) = cells {
            let height = self.height;
            let mut pulse = Pulse::new(ask);
            cells.clear();
            reserve(cells, length, CELLS)?;
            for &[i, j] in &path[..length] {
                let (i, j) = (index(i), index(j));
                cells.push(if self.keep {
                    costs[i / height * self.size + (i % height + j) * height + i % height].double()
                } else {
                    cell(sides, rules, i, j, &mut pulse)?
                });
            }
        }
        Ok(Found { distance, length })
    }
}

/// What makes the costs of strips: a packed panel and where its cells go, or the norms as the tiles want them.
#[derive(Debug, Default)]
struct Maker<E> {
    reversed: Vec<E>,
    panel: Panel<E>,
    columns: Vec<usize>,
    of: Vec<usize>,
}

impl<E: Kernels> Maker<E> {
    /// One for the strips of one alignment.
    fn of(plan: &Plan, sides: &Sides<'_, E>) -> Result<Self> {
        let mut made = Self::default();
        made.prepare(plan, sides)?;
        Ok(made)
    }

    /// Readies it for the strips of one alignment.
    fn prepare(&mut self, plan: &Plan, sides: &Sides<'_, E>) -> Result<()> {
        if plan.panels {
            self.columns.clear();
            reserve(&mut self.columns, plan.n, STRIP)?;
            self.columns.extend((0..plan.n).map(|j| j * plan.height));
            self.of.clear();
            resized(&mut self.of, plan.n, 0, STRIP)
        } else {
            self.reversed.clear();
            reserve(&mut self.reversed, plan.n + 2 * plan.height, STRIP)?;
            self.reversed.resize(plan.height, E::default());
            self.reversed.extend(sides.y_inverse.iter().rev());
            self.reversed.resize(plan.n + 2 * plan.height, E::default());
            Ok(())
        }
    }

    /// The costs of strip `s`, skewed.
    fn costs(
        &mut self,
        plan: &Plan,
        sides: &Sides<'_, E>,
        rules: &Rules,
        s: usize,
        out: &mut [E],
        pulse: &mut Pulse<'_>,
    ) -> Result<()> {
        let (rows, height) = (plan.rows(s), plan.height);
        if plan.panels {
            let packed = &sides.x[rows.start * sides.dim..rows.end * sides.dim];
            E::pack(rules.isa, packed, sides.dim, &mut self.panel, pulse)?;
            // Lanes without a row have their place in the strip too.
            let mut places = [Places::at(0)];
            places[0].send(0..height, 0, height + 1);
            let targets = Columns { columns: &self.columns, of: &self.of, places: &places };
            E::panel_costs(rules.isa, sides, rows.start, self.panel.values(), &targets, out, pulse)
        } else {
            let layout = Layout::Strip { height, reversed: &self.reversed };
            E::costs(rules.isa, sides, rows, 0..plan.n, out, layout, pulse)
        }
    }
}

/// The row of sums between two strips.
#[derive(Debug, Default)]
struct Sums {
    above: Vec<f64>,
    below: Vec<f64>,
}

impl Sums {
    /// The row above the first strip of an alignment with `n` columns.
    fn begin(&mut self, n: usize) -> Result<()> {
        room(&mut self.above, n + 1, "a row of sums")?;
        room(&mut self.below, n + 1, "a row of sums")?;
        self.above[..=n].fill(f64::INFINITY);
        self.above[0] = 0.0;
        Ok(())
    }

    /// Goes on through strip `s`, whose turn it is.
    fn strip<E: Kernels>(
        &mut self,
        plan: &Plan,
        rules: &Rules,
        s: usize,
        costs: &[E],
        directions: &mut [u8],
        pulse: &mut Pulse<'_>,
    ) -> Result<()> {
        let (rows, n) = (plan.rows(s).len(), plan.n);
        E::strip(rules.isa, rows, n, costs, &self.above[..=n], &mut self.below[..=n], directions, pulse)?;
        std::mem::swap(&mut self.above, &mut self.below);
        Ok(())
    }

    /// The sum of the last cell, once every strip is done.
    fn total(&self, n: usize) -> f64 {
        self.above[n]
    }
}

/// One cost by itself, in the tile's order.
fn cell<E: Kernels>(sides: &Sides<'_, E>, rules: &Rules, i: usize, j: usize, pulse: &mut Pulse<'_>) -> Result<f64> {
    let (mut one, sides) = ([E::default()], Sides { next: [Soon::default(); 2], ..*sides });
    E::costs(rules.isa, &sides, i..i + 1, j..j + 1, &mut one, Layout::Flat, pulse)?;
    Ok(one[0].double())
}

#[expect(clippy::cast_sign_loss, reason = "cells of a path are indices")]
fn index(cell: i32) -> usize {
    cell as usize
}

/// Packing pays for large pairs, whose panels are as high as a strip; it knows the cosine of ordinary rows only.
fn panel_pays<E: Kernels>(sides: &Sides<'_, E>, isa: Isa, height: usize) -> bool {
    sides.metric == Metric::Cosine
        && sides.x_inverse.len().min(sides.y_inverse.len()) >= PANEL_ROWS
        && E::panel_width(isa) == height
        && ordinary(sides.x_inverse)
        && ordinary(sides.y_inverse)
}

/// The scalar path, which knows every rule: costs a strip of rows at a time, as wide as the band.
fn scalar<E: Kernels>(
    sides: &Sides<'_, E>,
    rules: &Rules,
    want: Want<'_>,
    space: &mut Workspace<E>,
    ask: &mut dyn FnMut() -> Result<()>,
) -> Result<Found> {
    let (m, n) = (sides.x_inverse.len(), sides.y_inverse.len());
    let mut strip = Strip { sides, rules, buffer: std::mem::take(&mut space.costs), rows: 0..0, first: 0, width: 0 };
    let paths = !matches!(want, Want::Distance);
    let end = align::align(&mut strip, &rules.constraints, paths, &mut space.scalar, ask);
    space.costs = std::mem::take(&mut strip.buffer);
    let end = end?;
    let (path, cells) = match (end.column, want) {
        (None, _) | (_, Want::Distance) => return Ok(Found { distance: end.distance, length: 0 }),
        (Some(_), Want::Path(path)) => (path, None),
        (Some(_), Want::Cells(path, cells)) => (path, Some(cells)),
    };
    let column = end.column.unwrap_or(n - 1);
    let length = align::trace(m, n, column, &rules.constraints, &space.scalar, path);
    if let Some(cells) = cells {
        let mut pulse = Pulse::new(ask);
        cells.clear();
        for &[i, j] in &path[..length] {
            push(cells, cell(sides, rules, index(i), index(j), &mut pulse)?, CELLS)?;
        }
    }
    Ok(Found { distance: end.distance, length })
}

/// Costs for the scalar programme, computed a few rows ahead.
struct Strip<'a, E: Kernels> {
    sides: &'a Sides<'a, E>,
    rules: &'a Rules,
    buffer: Vec<E>,
    rows: std::ops::Range<usize>,
    first: usize,
    width: usize,
}

impl<E: Kernels> Costs for Strip<'_, E> {
    fn rows(&self) -> usize {
        self.sides.x_inverse.len()
    }

    fn columns(&self) -> usize {
        self.sides.y_inverse.len()
    }

    fn fill(&mut self, i: usize, first: usize, out: &mut [f64], ask: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        if !self.rows.contains(&i) {
            let (m, n) = (self.rows(), self.columns());
            self.rows = i..m.min(i + 32);
            let constraints = &self.rules.constraints;
            // Bands move right as rows go down: the first row's start and the last row's end hold all.
            let columns = constraints.band(i, m, n).start..constraints.band(self.rows.end - 1, m, n).end;
            (self.first, self.width) = (columns.start, columns.len());
            let cells = self.rows.len() * self.width;
            room(&mut self.buffer, cells, STRIP)?;
            let (rows, out, mut pulse) = (self.rows.clone(), &mut self.buffer[..cells], Pulse::new(ask));
            E::costs(self.rules.isa, self.sides, rows, columns, out, Layout::Flat, &mut pulse)?;
        }
        let start = (i - self.rows.start) * self.width + first - self.first;
        for (cell, cost) in out.iter_mut().zip(&self.buffer[start..]) {
            *cell = cost.double();
        }
        Ok(())
    }
}
