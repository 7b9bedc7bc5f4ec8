//! Seeded inputs: drifting random walks, and clustered rows; and how criterion is set up for both benches.

use std::ops::RangeInclusive;
use std::time::Duration;

use criterion::Criterion;

/// Sequences as rows and offsets.
#[derive(Debug)]
pub(crate) struct Walks {
    pub(crate) rows: Vec<f32>,
    pub(crate) offsets: Vec<i64>,
}

/// Short runs: the figures that are published come from the Python benches.
pub(crate) fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args()
}

/// The generator splitmix64, made into numbers of mean 0 and about unit variance.
struct Noise(u64);

impl Noise {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The sum of four 16-bit parts, centred and scaled: close enough to a normal number.
    #[expect(clippy::cast_precision_loss, reason = "the sum of four 16-bit numbers is exact in f32")]
    fn number(&mut self) -> f32 {
        let bits = self.bits();
        let sum: u64 = (0..4).map(|part| (bits >> (16 * part)) & 0xffff).sum();
        (sum as f32 / 65535.0 - 2.0) * 3.0_f32.sqrt()
    }

    fn row(&mut self, dim: usize, scale: f32) -> Vec<f32> {
        (0..dim).map(|_| scale * self.number()).collect()
    }
}

/// `count` sequences: a start, a slow drift, and noise on top; as many steps as fall into `steps`.
#[allow(dead_code, reason = "each bench uses its own inputs")]
pub(crate) fn walks(count: usize, steps: RangeInclusive<usize>, dim: usize, seed: u64) -> Walks {
    let mut noise = Noise(seed);
    let mut walks = Walks { rows: Vec::new(), offsets: vec![0] };
    for _ in 0..count {
        let spread = (steps.end() - steps.start() + 1) as u64;
        let length = steps.start() + usize::try_from(noise.bits() % spread).expect("a small number");
        let mut place = noise.row(dim, 1.0);
        for _ in 0..length {
            for (at, by) in place.iter_mut().zip(noise.row(dim, 0.25)) {
                *at += by;
            }
            let jitter = noise.row(dim, 0.7);
            walks.rows.extend(place.iter().zip(&jitter).map(|(at, by)| at + by));
        }
        walks.offsets.push(i64::try_from(walks.rows.len() / dim).expect("a small number"));
    }
    walks
}

/// The i-th with the i-th.
#[allow(dead_code, reason = "each bench uses its own inputs")]
pub(crate) fn each_with_itself(count: usize) -> Vec<[i64; 2]> {
    (0..i64::try_from(count).expect("a small number")).map(|p| [p, p]).collect()
}

/// Rows in `count / 8` clusters around a common direction, as embeddings of texts are.
#[allow(dead_code, reason = "each bench uses its own inputs")]
pub(crate) fn texts(count: usize, dim: usize, seed: u64) -> Vec<f32> {
    let mut noise = Noise(seed);
    let common = noise.row(dim, 0.6);
    let centres: Vec<Vec<f32>> = (0..count / 8).map(|_| noise.row(dim, 1.0)).collect();
    let mut rows = Vec::with_capacity(count * dim);
    for _ in 0..count {
        let centre = &centres[usize::try_from(noise.bits() % centres.len() as u64).expect("a small number")];
        let own = noise.row(dim, 0.7);
        rows.extend(common.iter().zip(centre).zip(&own).map(|((a, b), c)| a + b + c));
    }
    rows
}
