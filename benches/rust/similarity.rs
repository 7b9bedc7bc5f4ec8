//! The jobs that compare rows with a threshold, without Python: filter, groups, pairs. One thread, f32.

use criterion::{BatchSize, Criterion, Throughput};
use tracewarp_core::cluster::{first_come, single_link};
use tracewarp_core::cosine::{self, Threshold};
use tracewarp_core::diversity::DiversityFilter;

use tracewarp_core::rows::{Rows, Zero};
use tracewarp_core::work::Run;

mod inputs;

const DIM: usize = 768;
const COUNT: usize = 1000;

fn main() {
    let mut criterion = inputs::criterion();
    let texts = inputs::texts(COUNT, DIM, 5);
    let rows = Rows::new("rows", &texts, DIM).expect("whole rows");
    filter(&mut criterion, rows);
    groups(&mut criterion, rows);
    criterion.final_summary();
}

fn filter(criterion: &mut Criterion, rows: Rows<'_, f32>) {
    let mut group = criterion.benchmark_group("filter");
    group.throughput(Throughput::Elements(COUNT as u64));
    group.bench_function("0.70", |bench| {
        bench.iter_batched(
            || DiversityFilter::<f32>::new(DIM, 0.70, Zero::Error).expect("a threshold"),
            |mut filter| {
                let mut never = || false;
                filter.add(rows, &mut Run::new(1, &mut never).expect("one thread")).expect("rows that fit")
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn groups(criterion: &mut Criterion, rows: Rows<'_, f32>) {
    let above = Threshold::above(0.60).expect("a cosine");
    let mut group = criterion.benchmark_group("above 0.60");
    group.throughput(Throughput::Elements(COUNT as u64));
    group.bench_function("first come", |bench| {
        bench.iter(|| {
            let mut never = || false;
            first_come(rows, above, None, Zero::Error, &mut Run::new(1, &mut never).expect("one thread"))
        });
    });
    group.bench_function("single link", |bench| {
        bench.iter(|| {
            let mut never = || false;
            single_link(rows, above, None, Zero::Error, &mut Run::new(1, &mut never).expect("one thread"))
        });
    });
    group.bench_function("pairs", |bench| {
        bench.iter(|| {
            let mut never = || false;
            cosine::pairs(rows, None, above, None, Zero::Error, &mut Run::new(1, &mut never).expect("one thread"))
        });
    });
    group.finish();
}
