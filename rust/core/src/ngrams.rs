//! Texts into rows by hashing their n-grams: a lexical encoder that needs no model.
//!
//! The definition is `docs/definitions/hashed_encoder.md`. Only additions, products, quotients and square roots are
//! used, each of which IEEE 754 rounds in one way, and terms are summed in the order in which the text names them:
//! the same text gives the same bits on every machine and for every number of threads.

use crate::error::{Error, Result};
use crate::memory::{cleared, push, resized, too_large, zeroed};
use crate::pulse::{PIECE, Pulse};
use crate::work::Run;

/// Weight of an occurrence of a word, before position.
const WORD_WEIGHT: f64 = 1.0;
/// Weight of an occurrence of two neighbouring words of one line.
const PAIR_WEIGHT: f64 = 0.5;
/// Weight that the character n-grams of an occurrence of a word share equally.
const CHARACTERS_WEIGHT: f64 = 0.5;
/// Character n-grams have 3 to 5 characters, the marks at both ends of the word included.
const SHORTEST: usize = 3;
const LONGEST: usize = 5;
/// Marks of the beginning and the end of a word; no word holds them, since they are no letters.
const OPEN: u32 = '<' as u32;
const CLOSE: u32 = '>' as u32;

/// The three kinds of terms start from different states, so that equal symbols of different kinds differ.
const WORDS: u64 = start(1);
const PAIRS: u64 = start(2);
const CHARACTERS: u64 = start(3);
/// The only term of a text without a word (and the row of one whose terms cancel).
const EMPTY: u64 = finish(start(4));

/// Embeds every text as a row of `dim` numbers of length 1; returns the rows one after another.
///
/// # Errors
/// [`Error::Option`] for `dim` 0, [`Error::TooLarge`] where the rows fit in no memory, [`Error::Interrupted`].
///
/// ```
/// use tracewarp_core::{ngrams::hash_ngrams, work::Run};
/// let mut never = || false;
/// let rows = hash_ngrams(&["click the link", "Click the LINK!"], 64, &mut Run::new(1, &mut never)?)?;
/// assert_eq!(rows[..64], rows[64..]);
/// # Ok::<(), tracewarp_core::Error>(())
/// ```
pub fn hash_ngrams(texts: &[&str], dim: usize, run: &mut Run<'_>) -> Result<Vec<f32>> {
    if dim == 0 {
        return Err(Error::Option { option: "dim", expected: "at least 1", got: "0".to_owned() });
    }
    let mut rows = zeroed(texts.len() as u128 * dim as u128, "the rows of the texts")?;
    let items = texts.chunks(TOGETHER).zip(rows.chunks_mut(dim.saturating_mul(TOGETHER)));
    run.each_asking(items, Workspace::default, |space, (texts, rows), ask| {
        let mut pulse = Pulse::new(ask);
        for (text, row) in texts.iter().zip(rows.chunks_exact_mut(dim)) {
            pulse.now()?;
            space.encode(text, row, &mut pulse)?;
        }
        Ok(())
    })?;
    Ok(rows)
}

/// Texts that a thread takes at a time.
const TOGETHER: usize = 8;

/// What messages call what a text is made of.
const TERMS: &str = "the n-grams of a text";

/// FNV-1a with a code point (or a hash) for a byte.
#[inline(always)]
const fn step(state: u64, symbol: u64) -> u64 {
    (state ^ symbol).wrapping_mul(0x0000_0100_0000_01b3)
}

const fn start(kind: u64) -> u64 {
    step(0xcbf2_9ce4_8422_2325, kind)
}

/// The finaliser of MurmurHash3: every bit of the state reaches every bit of the result.
#[inline(always)]
const fn finish(mut state: u64) -> u64 {
    state = (state ^ (state >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    state = (state ^ (state >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    state ^ (state >> 33)
}

/// Letters of a word between two beats.
const LETTERS: usize = 1 << 12;

/// What a term takes, in the units of a pulse: it may wait for memory twice.
const STEP: usize = 64;

/// Terms with their summed weights, in the order of their first appearance.
#[derive(Debug, Default)]
struct Bag {
    terms: Vec<(u64, f64)>,
    /// Open addressing: 0 where free, else 1 + the term's place in `terms`.
    slots: Vec<u32>,
}

impl Bag {
    const LEAST_SLOTS: usize = 1 << 11;

    fn clear(&mut self) -> Result<()> {
        self.terms.clear();
        self.slots.clear();
        resized(&mut self.slots, Self::LEAST_SLOTS, 0, TERMS)
    }

    /// Adds weight to a term; true where it is new.
    #[inline]
    fn add(&mut self, hash: u64, weight: f64, pulse: &mut Pulse<'_>) -> Result<bool> {
        pulse.spend(STEP)?;
        let slot = self.find(hash);
        if self.slots[slot] != 0 {
            self.terms[self.slots[slot] as usize - 1].1 += weight;
            return Ok(false);
        }
        push(&mut self.terms, (hash, weight), TERMS)?;
        self.occupy(slot, self.terms.len());
        if self.terms.len() * 2 > self.slots.len() {
            self.grow(pulse)?;
        }
        Ok(true)
    }

    /// The slot of a term, or the free one where it belongs. At least half of the slots are free, so the walk ends.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "only the low bits choose the slot")]
    fn find(&self, hash: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        while self.slots[slot] != 0 && self.terms[self.slots[slot] as usize - 1].0 != hash {
            slot = (slot + 1) & mask;
        }
        slot
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "`grow` refuses 2^32 different terms")]
    fn occupy(&mut self, slot: usize, place: usize) {
        self.slots[slot] = place as u32;
    }

    fn grow(&mut self, pulse: &mut Pulse<'_>) -> Result<()> {
        // The next time would be at twice as many terms as there are places now: too many for the numbers in the slots.
        let size = self.slots.len().saturating_mul(4);
        if self.terms.len() > (u32::MAX / 4) as usize {
            return Err(too_large::<(u64, f64)>(TERMS, u128::from(u32::MAX)));
        }
        cleared(&mut self.slots, size, TERMS)?;
        for place in 0..self.terms.len() {
            let slot = self.find(self.terms[place].0);
            self.occupy(slot, place + 1);
            pulse.spend(STEP)?;
        }
        Ok(())
    }
}

/// What a thread needs to encode one text after another without allocating for each term.
#[derive(Debug, Default)]
struct Workspace {
    words: Bag,
    pairs: Bag,
    grams: Bag,
    /// The distinct words of the text, one after another, each with its marks.
    letters: Vec<u32>,
    /// Where the word of each term of `words` ends in `letters`.
    ends: Vec<usize>,
    sums: Vec<f64>,
}

impl Workspace {
    fn encode(&mut self, text: &str, row: &mut [f32], pulse: &mut Pulse<'_>) -> Result<()> {
        self.count_words(text, pulse)?;
        self.count_characters(pulse)?;
        cleared(&mut self.sums, row.len(), "the row of a text")?;
        for (bag, weight) in [(&self.words, WORD_WEIGHT), (&self.pairs, PAIR_WEIGHT), (&self.grams, CHARACTERS_WEIGHT)]
        {
            for &(hash, count) in &bag.terms {
                let (column, sign) = place(hash, row.len());
                self.sums[column] += sign * (weight * count).sqrt();
                pulse.spend(STEP)?;
            }
        }
        write_unit(&self.sums, row, pulse)
    }

    /// Counts words and pairs of neighbouring words. A line counts 1 / (1 + lines with a word before it), so that the
    /// head of a long text outweighs its tail, as it does for a model that truncates.
    fn count_words(&mut self, text: &str, pulse: &mut Pulse<'_>) -> Result<()> {
        self.words.clear()?;
        self.pairs.clear()?;
        self.letters.clear();
        self.ends.clear();
        let mut lines_before = 0.0f64;
        for line in text.split('\n') {
            let weight = 1.0 / (1.0 + lines_before);
            let mut previous: Option<u64> = None;
            let mut characters = line.chars();
            while let Some(word) = self.next_word(&mut characters, weight, pulse)? {
                if let Some(before) = previous {
                    self.pairs.add(finish(step(step(PAIRS, before), word)), weight, pulse)?;
                }
                previous = Some(word);
            }
            if previous.is_some() {
                lines_before += 1.0;
            }
            pulse.spend(1)?;
        }
        Ok(())
    }

    /// Counts the next run of letters and digits, in lower case; returns its hash.
    #[inline]
    fn next_word(
        &mut self,
        characters: &mut std::str::Chars<'_>,
        weight: f64,
        pulse: &mut Pulse<'_>,
    ) -> Result<Option<u64>> {
        let mut next = loop {
            // A text may go on for long without a word.
            match characters.by_ref().take(PIECE).find(|c| c.is_alphanumeric()) {
                Some(letter) => break letter,
                None if characters.as_str().is_empty() => return Ok(None),
                None => pulse.spend(8 * PIECE)?,
            }
        };
        let begin = self.letters.len();
        push(&mut self.letters, OPEN, TERMS)?;
        let mut state = WORDS;
        loop {
            if next.is_ascii() {
                let letter = u32::from(next.to_ascii_lowercase());
                push(&mut self.letters, letter, TERMS)?;
                state = step(state, u64::from(letter));
            } else {
                for lower in next.to_lowercase() {
                    push(&mut self.letters, u32::from(lower), TERMS)?;
                    state = step(state, u64::from(u32::from(lower)));
                }
            }
            match characters.next() {
                Some(c) if c.is_alphanumeric() => next = c,
                _ => break,
            }
            if self.letters.len().is_multiple_of(LETTERS) {
                pulse.spend(8 * LETTERS)?;
            }
        }
        let hash = finish(state);
        if self.words.add(hash, weight, pulse)? {
            push(&mut self.letters, CLOSE, TERMS)?;
            push(&mut self.ends, self.letters.len(), TERMS)?;
        } else {
            self.letters.truncate(begin);
        }
        Ok(Some(hash))
    }

    /// Counts the character n-grams, once for each distinct word with all that its occurrences weigh.
    fn count_characters(&mut self, pulse: &mut Pulse<'_>) -> Result<()> {
        self.grams.clear()?;
        let mut begin = 0;
        for (&end, &(_, weight)) in self.ends.iter().zip(&self.words.terms) {
            let word = &self.letters[begin..end];
            let share = weight / gram_count(word.len());
            for first in 0..=word.len() - SHORTEST {
                let mut state = CHARACTERS;
                for (place, &letter) in word[first..].iter().take(LONGEST).enumerate() {
                    state = step(state, u64::from(letter));
                    if place + 1 >= SHORTEST {
                        self.grams.add(finish(state), share, pulse)?;
                    }
                }
            }
            begin = end;
        }
        Ok(())
    }
}

/// How many n-grams a word of `length` characters, marks included, has; never 0, since the least word has length 3.
#[expect(clippy::cast_precision_loss, reason = "words are shorter than 2^53 characters")]
fn gram_count(length: usize) -> f64 {
    (SHORTEST..=LONGEST.min(length)).map(|n| length + 1 - n).sum::<usize>() as f64
}

/// Signed hashing: column and sign of a term. The sign comes from the highest bit, which the column does not use
/// where `dim` is a power of two.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the remainder is less than dim")]
fn place(hash: u64, dim: usize) -> (usize, f64) {
    ((hash % dim as u64) as usize, if hash >> 63 == 0 { 1.0 } else { -1.0 })
}

/// Writes `sums` scaled to length 1; the row of the empty text where they are all zero.
#[expect(clippy::cast_possible_truncation, reason = "rounding to f32 is the purpose")]
fn write_unit(sums: &[f64], row: &mut [f32], pulse: &mut Pulse<'_>) -> Result<()> {
    let mut square = 0.0;
    for sums in sums.chunks(PIECE) {
        square = sums.iter().fold(square, |sum, v| sum + v * v);
        pulse.spend(sums.len())?;
    }
    let norm = square.sqrt();
    if norm == 0.0 {
        let (column, sign) = place(EMPTY, row.len());
        row[column] = sign as f32;
        return Ok(());
    }
    for (row, sums) in row.chunks_mut(PIECE).zip(sums.chunks(PIECE)) {
        for (out, value) in row.iter_mut().zip(sums) {
            *out = (value / norm) as f32;
        }
        pulse.spend(4 * sums.len())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(texts: &[&str], dim: usize, threads: usize) -> Result<Vec<f32>> {
        let mut never = || false;
        hash_ngrams(texts, dim, &mut Run::new(threads, &mut never)?)
    }

    fn length(row: &[f32]) -> f64 {
        row.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt()
    }

    fn cosine(a: &str, b: &str) -> f64 {
        let rows = rows(&[a, b], 512, 1).expect("valid");
        rows[..512].iter().zip(&rows[512..]).map(|(&u, &v)| f64::from(u) * f64::from(v)).sum()
    }

    #[test]
    fn empty_text_has_the_row_of_its_own_term() {
        let (column, sign) = place(EMPTY, 16);
        for text in ["", " \n\t", "!?, --"] {
            let row = rows(&[text], 16, 1).expect("valid");
            assert_eq!(f64::from(row[column]), sign);
            assert_eq!(length(&row), 1.0);
        }
    }

    #[test]
    fn case_and_punctuation_do_not_count() {
        assert_eq!(rows(&["Click('12')"], 64, 1), rows(&["click 12!"], 64, 1));
        assert_eq!(rows(&["STRASSE Ünïcode"], 64, 1), rows(&["strasse ünïcode"], 64, 1));
    }

    #[test]
    fn order_of_words_counts_a_little() {
        let swapped = cosine("open the red door", "the door open red");
        assert!(swapped > 0.6 && swapped < 0.999, "{swapped}");
    }

    #[test]
    fn first_line_weighs_most() {
        let page = "link Sales Orders\nbutton Save draft\ntextbox Search term\n".repeat(100);
        let head = cosine(&format!("click 12\n{page}"), &format!("scroll down\n{page}"));
        let tail = cosine(&format!("{page}click 12"), &format!("{page}scroll down"));
        assert!(head < 0.95, "{head}");
        assert!(tail > 0.995, "{tail}");
    }

    #[test]
    fn wrong_dim_is_refused() {
        assert!(matches!(rows(&["a"], 0, 1), Err(Error::Option { option: "dim", .. })));
        assert!(matches!(rows(&["a", "b"], usize::MAX, 1), Err(Error::TooLarge { .. })));
    }

    #[test]
    fn many_distinct_words_fit() {
        let text: Vec<String> = (0..20_000).map(|i| format!("w{i}")).collect();
        let row = rows(&[&text.join(" ")], 128, 1).expect("valid");
        assert!((length(&row) - 1.0).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn rows_are_unit_length_and_finite(texts in prop::collection::vec("\\PC*|.*", 0..6), dim in 1usize..70) {
            let borrowed: Vec<&str> = texts.iter().map(String::as_str).collect();
            let rows = rows(&borrowed, dim, 1).expect("valid");
            prop_assert_eq!(rows.len(), texts.len() * dim);
            for row in rows.chunks(dim) {
                prop_assert!(row.iter().all(|v| v.is_finite()));
                prop_assert!((length(row) - 1.0).abs() < 1e-6);
            }
        }

        #[test]
        fn threads_and_neighbours_do_not_matter(texts in prop::collection::vec("[a-zé0-9 \\n]{0,40}", 1..20), threads in 2usize..5) {
            let borrowed: Vec<&str> = texts.iter().map(String::as_str).collect();
            let together = rows(&borrowed, 32, threads).expect("valid");
            let alone: Vec<f32> = borrowed.iter().flat_map(|text| rows(&[text], 32, 1).expect("valid")).collect();
            prop_assert_eq!(together, alone);
        }
    }
}
