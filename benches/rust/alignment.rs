//! The jobs of alignment without Python: pairs with paths, scores, one long pair, all pairs. One thread, f32.

use criterion::{BenchmarkId, Criterion, Throughput};
use std::hint::black_box;
use tracewarp_core::dtw::{self, dtw_matrix, dtw_pairs};
use tracewarp_core::rows::{Ragged, Rows};
use tracewarp_core::vertex::{self, vertex_pairs};
use tracewarp_core::work::Run;

mod inputs;
use inputs::{each_with_itself, walks};

const DIM: usize = 768;

/// Bytes that a job cannot avoid to read.
fn input_bytes(sets: &[&inputs::Walks]) -> Throughput {
    Throughput::Bytes(sets.iter().map(|set| size_of_val(&set.rows[..]) as u64).sum())
}

fn ragged<'a>(argument: &'static str, walks: &'a inputs::Walks) -> Ragged<'a, f32> {
    let rows = Rows::new(argument, &walks.rows, DIM).expect("whole rows");
    Ragged::new(argument, rows, &walks.offsets).expect("offsets that ascend")
}

fn pairs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pairs");
    for (name, count, low, high) in [("30x30", 50, 30, 30), ("8x8", 200, 8, 8), ("3-60", 50, 3, 60)] {
        let (x, y) = (walks(count, low..=high, DIM, 1), walks(count, low..=high, DIM, 2));
        let (xs, ys, index) = (ragged("xs", &x), ragged("ys", &y), each_with_itself(count));
        group.throughput(input_bytes(&[&x, &y]));
        group.bench_function(BenchmarkId::from_parameter(name), |bench| {
            bench.iter(|| {
                let mut never = || false;
                let mut run = Run::new(1, &mut never).expect("one thread");
                dtw_pairs(xs, ys, &index, true, &dtw::Options::default(), &mut run).expect("pairs that align")
            });
        });
    }
    group.finish();
}

fn scores(criterion: &mut Criterion) {
    let (references, tests) = (walks(50, 24..=24, DIM, 4), walks(50, 24..=24, DIM, 5));
    let (xs, ys, index) = (ragged("references", &references), ragged("tests", &tests), each_with_itself(50));
    let mut group = criterion.benchmark_group("vertex");
    group.throughput(input_bytes(&[&references, &tests]));
    group.bench_function("24x24", |bench| {
        bench.iter(|| {
            let mut never = || false;
            let mut run = Run::new(1, &mut never).expect("one thread");
            vertex_pairs(xs, ys, &index, None, false, &vertex::Options::default(), &mut run).expect("scores")
        });
    });
    group.finish();
}

fn long_pair(criterion: &mut Criterion) {
    let (x, y) = (walks(1, 500..=500, DIM, 2), walks(1, 500..=500, DIM, 3));
    let (xs, ys) = (ragged("xs", &x), ragged("ys", &y));
    let mut group = criterion.benchmark_group("long pair");
    group.throughput(Throughput::Elements(500 * 500));
    for (name, paths) in [("distance", false), ("path", true)] {
        group.bench_function(BenchmarkId::new("500x500", name), |bench| {
            bench.iter(|| {
                let mut never = || false;
                let mut run = Run::new(1, &mut never).expect("one thread");
                dtw_pairs(xs, ys, &[[0, 0]], paths, &dtw::Options::default(), &mut run).expect("one pair")
            });
        });
    }
    group.finish();
}

fn all_pairs(criterion: &mut Criterion) {
    let x = walks(24, 30..=30, DIM, 3);
    let xs = ragged("xs", &x);
    let mut group = criterion.benchmark_group("all pairs");
    group.throughput(Throughput::Elements(24 * 23 / 2));
    group.bench_function("24 of 30", |bench| {
        bench.iter(|| {
            let mut never = || false;
            let mut run = Run::new(1, &mut never).expect("one thread");
            dtw_matrix(black_box(xs), None, &dtw::Options::default(), &mut run).expect("a small table")
        });
    });
    group.finish();
}

fn main() {
    let mut criterion = inputs::criterion();
    pairs(&mut criterion);
    scores(&mut criterion);
    long_pair(&mut criterion);
    all_pairs(&mut criterion);
    criterion.final_summary();
}
