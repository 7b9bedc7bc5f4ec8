//! An incremental filter that keeps the rows that differ enough from every row kept before.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use crate::cosine::{Threshold, signed};
use crate::error::{Error, Result};
use crate::judge::{Norms, Side, not_empty, same_dim};
use crate::memory::{append, collected, filled, push, reserve, too_large};
use crate::pulse::{PIECE, Pulse};
use crate::rows::{Float, Rows, Scalar, Zero};
use crate::screen::{Codes, Effort, Panels, Search, Tally, Within};
use crate::simd::int8::{Bytes, Terms};
use crate::tiles::pieces;
use crate::work::Run;

/// What messages call the rows that a filter holds, and what goes with them.
const KEPT: &str = "the accepted rows";
/// What messages call what became of the rows of a call.
const FATES: &str = "the fates of the rows";

/// Rows that are taken together: few enough that their codes stay in the cache.
const BLOCK: usize = 512;

/// What became of each row of one call.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// True where the row was kept.
    pub accepted: Vec<bool>,
    /// Of a rejected row: the arrival number of the lowest-numbered kept row that is too similar; else -1.
    pub witness: Vec<i64>,
    /// Of a rejected row: its f64 cosine with the witness; else NaN.
    pub similarity: Vec<f64>,
    /// What it took.
    pub effort: Effort,
}

/// Accepts a row only when its cosine with every row accepted before is below the threshold, in order of arrival.
///
/// Rows are numbered by arrival since the filter was made, across calls. The filter owns copies of the accepted rows:
/// [`DiversityFilter::rows`], [`DiversityFilter::indices`] and [`DiversityFilter::seen`] are its whole state, from
/// which [`DiversityFilter::restore`] makes an equal one.
///
/// ```
/// use tracewarp_core::{diversity::DiversityFilter, rows::{Rows, Zero}, work::Run};
/// let mut filter = DiversityFilter::<f32>::new(2, 0.70, Zero::Error)?;
/// let rows = Rows::new("rows", &[1.0, 0.0, 0.0, 1.0, 2.0, 0.1], 2)?;
/// let result = filter.add(rows, &mut Run::new(1, &mut || false)?)?;
/// assert_eq!(result.accepted, [true, true, false]);
/// assert_eq!(result.witness, [-1, -1, 0]);
/// # Ok::<(), tracewarp_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct DiversityFilter<T: Scalar> {
    dim: usize,
    threshold: Threshold,
    zero: Zero,
    kept: Vec<T>,
    norms: Norms,
    /// The kept rows once more, rounded; none until the first call.
    panels: Option<Panels>,
    indices: Vec<i64>,
    seen: usize,
}

impl<T: Scalar> DiversityFilter<T> {
    /// An empty filter for rows of `dim` numbers; a row with a cosine of `threshold` or more to a kept one is
    /// rejected.
    ///
    /// # Errors
    /// [`Error::Option`] for `dim` 0 and for a threshold outside [-1, 1].
    pub fn new(dim: usize, threshold: f64, zero: Zero) -> Result<Self> {
        if dim == 0 {
            return Err(Error::Option { option: "dim", expected: "at least 1", got: "0".to_owned() });
        }
        let threshold = Threshold::at_least(threshold)?;
        let (norms, panels) = (Norms::default(), None);
        Ok(Self { dim, threshold, zero, kept: Vec::new(), norms, panels, indices: Vec::new(), seen: 0 })
    }

    /// The filter that had accepted `rows`, of arrival numbers `indices`, after it had seen `seen` rows.
    ///
    /// # Errors
    /// As [`DiversityFilter::new`]; [`Error::NonFinite`] and [`Error::ZeroVector`]; [`Error::Shape`] where `rows` and
    /// `indices` disagree; [`Error::Offsets`] unless the indices ascend within `0..seen`, and `seen` is an i64;
    /// [`Error::TooLarge`], [`Error::Interrupted`].
    pub fn restore(
        threshold: f64,
        zero: Zero,
        rows: Rows<'_, T>,
        indices: &[i64],
        seen: usize,
        run: &mut Run<'_>,
    ) -> Result<Self> {
        let mut filter = Self::new(rows.dim(), threshold, zero)?;
        if indices.len() != rows.len() {
            let (expected, got) = (format!("{} numbers, one a row", rows.len()), indices.len().to_string());
            return Err(Error::Shape { argument: "indices", expected, got });
        }
        let Ok(end) = i64::try_from(seen) else {
            let problem = format!("expected arrival numbers below 2^63, got {seen} rows seen");
            return Err(Error::Offsets { argument: "indices", problem });
        };
        let ascends = indices.windows(2).all(|pair| pair[0] < pair[1]);
        let inside = indices.first().is_none_or(|first| *first >= 0) && indices.last().is_none_or(|last| *last < end);
        if !(ascends && inside) {
            let problem = format!("expected arrival numbers that ascend within 0..{seen}");
            return Err(Error::Offsets { argument: "indices", problem });
        }
        filter.norms = Norms::of("rows", rows, zero, run)?;
        filter.kept = copied(rows.data(), |value| value, run)?;
        append(&mut filter.indices, indices, KEPT)?;
        filter.seen = seen;
        Ok(filter)
    }

    /// The same filter with its rows in a wider type; its decisions stay what they were.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::Interrupted`].
    pub fn widen<U: Float>(&self, run: &mut Run<'_>) -> Result<DiversityFilter<U>> {
        let kept = copied(&self.kept, |value| U::from_double(value.double()), run)?;
        // Widening is exact, and squares are summed in f64: the norms stay what they are. The rounded rows are made again
        // when they are needed.
        let (mut norms, mut indices) = (Norms::default(), Vec::new());
        (0..self.len()).try_for_each(|i| norms.push_from(&self.norms, i))?;
        append(&mut indices, &self.indices, KEPT)?;
        let (dim, threshold, zero, panels) = (self.dim, self.threshold, self.zero, None);
        Ok(DiversityFilter { dim, threshold, zero, kept, norms, panels, indices, seen: self.seen })
    }

    /// Judges `rows` in order and keeps the accepted ones. On an error nothing has been added.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Shape`], [`Error::NonFinite`], [`Error::ZeroVector`], [`Error::TooLarge`],
    /// [`Error::Interrupted`].
    pub fn add(&mut self, rows: Rows<'_, T>, run: &mut Run<'_>) -> Result<Accepted> {
        let bytes = Bytes::of(run.isa());
        self.add_by(rows, BLOCK, bytes, run)
    }

    fn add_by(&mut self, rows: Rows<'_, T>, block: usize, bytes: Bytes, run: &mut Run<'_>) -> Result<Accepted> {
        not_empty("rows", rows)?;
        same_dim("rows", rows, self.dim)?;
        let seen = self.seen as u128 + rows.len() as u128;
        let Ok(seen) = i64::try_from(seen).map(i64::cast_unsigned).map(|seen| seen as usize) else {
            return Err(too_large::<i64>("the arrival numbers", seen));
        };
        let norms = Norms::of("rows", rows, self.zero, run)?;
        let arriving = Side::new(rows, &norms);
        let before = self.len();
        let mut desk = Desk::new(bytes, self.dim);
        let mut fates = Accepted {
            accepted: filled(rows.len() as u128, false, FATES, run)?,
            witness: filled(rows.len() as u128, -1, FATES, run)?,
            similarity: filled(rows.len() as u128, f64::NAN, FATES, run)?,
            effort: Effort::default(),
        };
        let mut panels = self.panels_for(bytes, run)?;
        for block in pieces(0..rows.len(), block) {
            if let Err(error) = self.judge_block(arriving, block.clone(), &mut panels, &mut desk, &mut fates, run) {
                self.truncate(before);
                panels.truncate(before);
                self.panels = Some(panels);
                return Err(error);
            }
        }
        self.panels = Some(panels);
        self.seen = seen;
        fates.effort = desk.tally.effort();
        Ok(fates)
    }

    /// The kept rows rounded for `bytes`, taken out of the filter.
    fn panels_for(&mut self, bytes: Bytes, run: &mut Run<'_>) -> Result<Panels> {
        match self.panels.take() {
            Some(panels) if panels.bytes() == bytes => Ok(panels),
            _ => {
                let mut codes = Codes::new(bytes, self.dim);
                codes.fill(self.side(), 0..self.len(), run)?;
                Panels::of(&codes, run)
            }
        }
    }

    /// Finds the first kept row that is too similar to each row of `block`, keeping those that have none.
    fn judge_block(
        &mut self,
        arriving: Side<'_, T>,
        block: Range<usize>,
        panels: &mut Panels,
        desk: &mut Desk,
        fates: &mut Accepted,
        run: &mut Run<'_>,
    ) -> Result<()> {
        run.check()?;
        let (start, threshold) = (block.start, self.threshold);
        let Desk { codes, terms, within, tally } = desk;
        codes.fill(arriving, block.clone(), run)?;
        codes.all_terms(threshold.value(), terms)?;
        // Against what was kept before the block: all rows at once.
        let first: Vec<AtomicUsize> = block.map(|_| AtomicUsize::new(usize::MAX)).collect();
        let mut witnesses: Vec<Option<Witness>> = vec![None; first.len()];
        let kept = self.side();
        let judge = |i: usize, kept: Side<'_, T>, slot: usize, pulse: &mut Pulse<'_>| {
            tally.judge();
            let similarity = arriving.judge(start + i, kept, slot, pulse)?;
            Ok(threshold.holds(similarity).then_some(Witness { slot, similarity }))
        };
        let met: Mutex<Vec<(usize, Witness)>> = Mutex::default();
        let too_similar = |i: usize, slot: usize, pulse: &mut Pulse<'_>| {
            let witness = judge(i, kept, slot, pulse)?;
            if let Some(witness) = witness {
                push(&mut met.lock().unwrap_or_else(PoisonError::into_inner), (i, witness), FATES)?;
            }
            Ok(witness.is_some())
        };
        let order = collected(0..panels.count(), KEPT)?;
        let search = Search { codes, terms, panels, tally };
        search.least(run, &order, |slot| slot, too_similar, &first)?;
        // Threads may have met several witnesses of a row: the first kept one counts.
        for (i, witness) in met.into_inner().unwrap_or_default() {
            if first[i].load(Relaxed) == witness.slot {
                witnesses[i] = Some(witness);
            }
        }
        // Within the block the fate of a row depends on the rows before it: one by one.
        let is_open = |i: &u32| witnesses[*i as usize].is_none();
        let open: Vec<u32> = (0..).take(first.len()).filter(is_open).collect();
        within.fill(run, (codes, terms), &open, tally)?;
        let mut ask = || run.check();
        let mut pulse = Pulse::new(&mut ask);
        // Where in the filter each open row went.
        let mut slots: Vec<Option<usize>> = Vec::with_capacity(open.len());
        for (k, i) in open.iter().map(|i| *i as usize).enumerate() {
            let kept = self.side();
            let mut witness = None;
            for slot in within.before(k).filter_map(|k| slots[k]) {
                witness = judge(i, kept, slot, &mut pulse)?;
                if witness.is_some() {
                    break;
                }
            }
            slots.push(witness.is_none().then_some(self.len()));
            witnesses[i] = witness;
            if witness.is_none() {
                panels.push(codes, i, &mut pulse)?;
                append(&mut self.kept, arriving.row(start + i), KEPT)?;
                self.norms.push_from(arriving.norms(), start + i)?;
                push(&mut self.indices, signed(self.seen + start + i), KEPT)?;
                pulse.spend(self.dim)?;
            }
        }
        for (i, witness) in witnesses.into_iter().enumerate() {
            match witness {
                None => fates.accepted[start + i] = true,
                Some(Witness { slot, similarity }) => {
                    (fates.witness[start + i], fates.similarity[start + i]) = (self.indices[slot], similarity);
                }
            }
        }
        Ok(())
    }

    fn side(&self) -> Side<'_, T> {
        Side::new(self.rows(), &self.norms)
    }

    fn truncate(&mut self, len: usize) {
        self.kept.truncate(len * self.dim);
        self.norms.truncate(len);
        self.indices.truncate(len);
    }

    /// The accepted rows, in order of arrival.
    #[must_use]
    pub fn rows(&self) -> Rows<'_, T> {
        Rows::new("rows", &self.kept, self.dim).unwrap_or_else(|_| unreachable!("whole rows are stored"))
    }

    /// Arrival numbers of the accepted rows, ascending.
    #[must_use]
    pub fn indices(&self) -> &[i64] {
        &self.indices
    }

    /// Number of accepted rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// True before the first row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// Number of rows judged so far, accepted or not.
    #[must_use]
    pub fn seen(&self) -> usize {
        self.seen
    }

    /// Numbers a row.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }
}

/// A copy of `values`, each changed by `change`.
fn copied<T: Copy, U>(values: &[T], change: impl Fn(T) -> U, run: &mut Run<'_>) -> Result<Vec<U>> {
    let mut out = Vec::new();
    reserve(&mut out, values.len(), KEPT)?;
    for values in values.chunks(PIECE) {
        run.check()?;
        out.extend(values.iter().map(|value| change(*value)));
    }
    Ok(out)
}

/// A kept row that is too similar, by its number in the filter.
#[derive(Debug, Clone, Copy)]
struct Witness {
    slot: usize,
    similarity: f64,
}

/// What the blocks of one call share.
#[derive(Debug)]
struct Desk {
    codes: Codes,
    terms: Vec<Terms>,
    within: Within,
    tally: Tally,
}

impl Desk {
    fn new(bytes: Bytes, dim: usize) -> Self {
        let (codes, within) = (Codes::new(bytes, dim), Within::new(bytes, dim));
        Self { codes, terms: Vec::new(), within, tally: Tally::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::hard;
    use proptest::prelude::*;

    fn add<T: Scalar>(filter: &mut DiversityFilter<T>, dim: usize, data: &[T], block: usize) -> Accepted {
        let mut stop = || false;
        let mut run = Run::new(2, &mut stop).unwrap();
        let bytes = Bytes::of(run.isa());
        filter.add_by(Rows::new("rows", data, dim).unwrap(), block, bytes, &mut run).unwrap()
    }

    /// The textbook: each row against the kept rows, in order.
    fn plain(rows: Rows<'_, f32>, threshold: f64) -> (Vec<bool>, Vec<i64>) {
        let norms = Norms::of("rows", rows, Zero::Error, &mut Run::new(1, &mut || false).unwrap()).unwrap();
        let side = Side::new(rows, &norms);
        let mut kept: Vec<usize> = Vec::new();
        let (mut accepted, mut witnesses) = (Vec::new(), Vec::new());
        for i in 0..rows.len() {
            let witness = kept
                .iter()
                .find(|&&j| side.judge(i, side, j, &mut Pulse::new(&mut || Ok(()))).unwrap() >= threshold)
                .copied();
            accepted.push(witness.is_none());
            witnesses.push(witness.map_or(-1, signed));
            if witness.is_none() {
                kept.push(i);
            }
        }
        (accepted, witnesses)
    }

    #[test]
    fn exactly_at_the_threshold_is_rejected() {
        let mut filter = DiversityFilter::<f32>::new(2, 0.6, Zero::Error).unwrap();
        let result = add(&mut filter, 2, &[1.0, 0.0, 3.0, 4.0], 256);
        assert_eq!(result.accepted, [true, false]);
        assert_eq!(result.similarity[1], 0.6);
        assert!(result.similarity[0].is_nan());
    }

    #[test]
    fn an_error_adds_nothing() {
        let mut filter = DiversityFilter::<f32>::new(2, 0.7, Zero::Error).unwrap();
        add(&mut filter, 2, &[1.0, 0.0], 256);
        let mut stop = || false;
        let mut run = Run::new(1, &mut stop).unwrap();
        let bad = filter.add(Rows::new("rows", &[0.0, 1.0, f32::NAN, 0.0], 2).unwrap(), &mut run);
        assert_eq!(bad, Err(Error::NonFinite { argument: "rows", row: 1 }));
        let mut asked = 0;
        let mut stop = || {
            asked += 1;
            asked > 2
        };
        let mut run = Run::new(1, &mut stop).unwrap();
        let data = [0.0, 1.0, -1.0, 0.0, 0.0, -1.0, 1.0, 1.0];
        let cut_short = filter.add(Rows::new("rows", &data, 2).unwrap(), &mut run);
        assert!(matches!(cut_short, Err(Error::Interrupted)));
        assert_eq!((filter.len(), filter.seen()), (1, 1));
    }

    #[test]
    fn a_state_that_could_not_have_been_is_refused() {
        let data = [1.0f32, 0.0, 0.0, 1.0];
        let rows = Rows::new("rows", &data, 2).unwrap();
        let mut never = || false;
        let mut run = Run::new(1, &mut never).unwrap();
        for (indices, seen) in
            [(&[0i64][..], 2), (&[1, 0], 2), (&[0, 2], 2), (&[-1, 0], 2), (&[0, 0], 2), (&[0, 1], usize::MAX)]
        {
            assert!(DiversityFilter::restore(0.7, Zero::Error, rows, indices, seen, &mut run).is_err(), "{indices:?}");
        }
    }

    fn small_rows() -> impl Strategy<Value = (usize, Vec<f32>)> {
        (1usize..5, 1usize..40).prop_flat_map(|(dim, n)| {
            let row = prop::collection::vec(-2i8..=2, dim).prop_filter("zero row", |r| r.iter().any(|v| *v != 0));
            (Just(dim), prop::collection::vec(row, n).prop_map(|r| r.concat().into_iter().map(f32::from).collect()))
        })
    }

    #[test]
    fn every_instruction_set_and_thread_count_filters_hard_rows_as_the_f64_loop_does() {
        for (n, dim) in hard::SHAPES {
            for (name, data) in hard::sets(n, dim, 0.7) {
                let rows = Rows::new("rows", &data, dim).unwrap();
                let (accepted, witness) = plain(rows, 0.7);
                for bytes in Bytes::available() {
                    for (threads, block, split) in [(1, 512, n), (3, 32, 1), (2, 5, n / 2)] {
                        let mut stop = || false;
                        let mut run = Run::new(threads, &mut stop).unwrap();
                        let mut filter = DiversityFilter::new(dim, 0.7, Zero::Error).unwrap();
                        let mut fates = (Vec::new(), Vec::new());
                        for part in [0..split.min(rows.len()), split.min(rows.len())..rows.len()] {
                            if !part.is_empty() {
                                let part = rows.slice(part.start, part.end);
                                let result = filter.add_by(part, block, bytes, &mut run).unwrap();
                                fates.0.extend(result.accepted);
                                fates.1.extend(result.witness);
                            }
                        }
                        let got = (&fates.0, &fates.1);
                        assert_eq!(got, (&accepted, &witness), "{name} {n} x {dim} {bytes:?} {threads} {block}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_filter_goes_on_with_other_instructions_than_it_began_with() {
        let (n, dim) = (97, 64);
        for (name, data) in hard::sets(n, dim, 0.7) {
            let rows = Rows::new("rows", &data, dim).unwrap();
            let mut filter = DiversityFilter::new(dim, 0.7, Zero::Error).unwrap();
            let mut stop = || false;
            let mut accepted = Vec::new();
            for (part, bytes) in pieces(0..rows.len(), 13).zip(Bytes::available().into_iter().cycle()) {
                let mut run = Run::new(1, &mut stop).unwrap();
                let part = rows.slice(part.start, part.end);
                accepted.extend(filter.add_by(part, 512, bytes, &mut run).unwrap().accepted);
            }
            assert_eq!(accepted, plain(rows, 0.7).0, "{name}");
        }
    }

    proptest! {
        #[test]
        fn filter_agrees_with_the_textbook_however_it_is_fed(
            (dim, data) in small_rows(),
            threshold in prop::sample::select(vec![-1.0, 0.0, 0.5, 0.6, 0.7, 1.0]),
            block in 1usize..12,
            split in 1usize..40,
        ) {
            let rows = Rows::new("rows", &data, dim).unwrap();
            let expected = plain(rows, threshold);
            let mut whole = DiversityFilter::new(dim, threshold, Zero::Error).unwrap();
            let result = add(&mut whole, dim, &data, block);
            prop_assert_eq!((&result.accepted, &result.witness), (&expected.0, &expected.1));

            let split = split.min(rows.len());
            let mut parts = DiversityFilter::new(dim, threshold, Zero::Error).unwrap();
            let mut fates = add(&mut parts, dim, &data[..split * dim], block).accepted;
            let mut parts =
                {
                    let (mut never, rows) = (|| false, parts.rows());
                    let mut run = Run::new(2, &mut never).unwrap();
                    DiversityFilter::restore(threshold, Zero::Error, rows, parts.indices(), parts.seen(), &mut run).unwrap()
                };
            let mut wide = parts.widen::<f64>(&mut Run::new(1, &mut || false).unwrap()).unwrap();
            if split < rows.len() {
                fates.extend(add(&mut parts, dim, &data[split * dim..], block).accepted);
                let rest: Vec<f64> = data[split * dim..].iter().map(|v| f64::from(*v)).collect();
                add(&mut wide, dim, &rest, block);
            }
            prop_assert_eq!(fates, result.accepted);
            prop_assert_eq!(parts.indices(), whole.indices());
            prop_assert_eq!(wide.indices(), whole.indices());
            prop_assert_eq!(parts.seen(), rows.len());
        }
    }
}
