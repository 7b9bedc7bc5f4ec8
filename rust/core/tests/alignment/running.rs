//! Threads and interruption.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tracewarp_core::Error;
use tracewarp_core::cost::Metric;
use tracewarp_core::dtw::{Options, dtw_from_costs, dtw_matrix, dtw_nearest, dtw_pairs};
use tracewarp_core::kernel::{Combine, Estimator, mmd2};
use tracewarp_core::rows::Rows;
use tracewarp_core::vertex::{self, vertex_pairs};
use tracewarp_core::work::Run;

use crate::sets::{Dice, Set, running};

/// How long a call may take to end once it is told to: 5 s, or the seconds that `TRACEWARP_TEST_PATIENCE` grants where a
/// memory checker slows everything.
fn patience() -> Duration {
    let granted = std::env::var("TRACEWARP_TEST_PATIENCE").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(granted.unwrap_or(5))
}

/// Calls `body` with a run on one thread whose question says yes from the `yes`-th time on.
fn stopped<R>(yes: usize, body: impl FnOnce(&mut Run<'_>) -> R) -> R {
    let mut asked = 0;
    let mut stop = || {
        asked += 1;
        asked >= yes
    };
    body(&mut Run::new(1, &mut stop).expect("a run"))
}

#[test]
fn every_entry_ends_when_told_to() {
    let mut dice = Dice(41);
    let set = Set::<f32>::of(&(0..40).map(|_| dice.sequence(9, 8)).collect::<Vec<_>>());
    let pairs: Vec<[i64; 2]> = (0..1600).map(|p| [p / 40, p % 40]).collect();
    let (x, options, scores) = (set.ragged("xs"), Options::default(), vertex::Options::default());
    let costs = vec![1.0f64; 400];
    let costs = Rows::new("costs", &costs, 20).expect("rows");
    for yes in [1, 2, 7] {
        let interrupted = [
            stopped(yes, |run| dtw_pairs(x, x, &pairs, true, &options, run)).map(drop),
            stopped(yes, |run| dtw_matrix(x, None, &options, run)).map(drop),
            stopped(yes, |run| dtw_nearest(x, x, 3, &options, run)).map(drop),
            stopped(yes, |run| vertex_pairs(x, x, &pairs, None, true, &scores, run)).map(drop),
            stopped(yes, |run| dtw_from_costs(costs, &options, run)).map(drop),
            stopped(yes, |run| mmd2(x.rows(), x.rows(), &[1.0], Estimator::Biased, Combine::Mean, run)).map(drop),
        ];
        assert_eq!(interrupted, [const { Err(Error::Interrupted) }; 6], "question {yes}");
    }
}

#[test]
fn long_alignments_are_left_in_their_middle_on_any_number_of_threads() {
    let mut dice = Dice(42);
    let set = Set::<f32>::of(&[dice.sequence(20_000, 8)]);
    for threads in [1, 2, 8] {
        let (start, x) = (Instant::now(), set.ragged("xs"));
        let mut stop = || start.elapsed() > Duration::from_millis(50);
        let mut run = Run::new(threads, &mut stop).expect("a run");
        let found = dtw_pairs(x, x, &[[0, 0]; 16], false, &Options::default(), &mut run);
        assert_eq!(found, Err(Error::Interrupted));
        assert!(start.elapsed() < patience());
    }
}

#[test]
fn the_calling_thread_listens_while_only_its_helpers_work() {
    let caller = std::thread::current().id();
    let start = Instant::now();
    // One item for each of the two, and no word of stopping before both have begun.
    let (both, met) = (Barrier::new(2), AtomicBool::new(false));
    let mut stop = || met.load(Ordering::Relaxed);
    let found = Run::new(2, &mut stop).expect("a run").each_asking(
        vec![(), ()],
        || (),
        |(), (), ask| {
            both.wait();
            met.store(true, Ordering::Relaxed);
            // The helper would work for half a minute; the calling thread has nothing to do.
            while std::thread::current().id() != caller && start.elapsed() < Duration::from_secs(30) {
                ask()?;
                std::thread::sleep(Duration::from_millis(1));
            }
            Ok(())
        },
    );
    assert_eq!(found, Err(Error::Interrupted));
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn every_item_is_done_once_whatever_the_number_of_threads() {
    for threads in [1, 2, 3, 8, 5000, usize::MAX] {
        let done = AtomicUsize::new(0);
        let mut seen = vec![0usize; 300];
        let items: Vec<&mut usize> = seen.iter_mut().collect();
        let work = |(): &mut (), item: &mut usize| {
            *item += 1;
            done.fetch_add(1, Ordering::Relaxed);
            Ok(())
        };
        assert_eq!(running(threads, |run| run.each(items, || (), work)), Ok(()));
        assert_eq!(done.into_inner(), 300);
        assert!(seen.iter().all(|count| *count == 1));
    }
}

#[test]
fn an_item_that_fails_ends_the_call_with_its_error() {
    let error = Error::Option { option: "k", expected: "another", got: "13".to_owned() };
    for threads in [1, 2, 8] {
        let work = |(): &mut (), item: usize| if item == 13 { Err(error.clone()) } else { Ok(()) };
        assert_eq!(running(threads, |run| run.each(0..50, || (), work)), Err(error.clone()));
    }
}

#[test]
fn a_long_pair_has_the_same_bits_whoever_shares_it() {
    let mut dice = Dice(43);
    let set = Set::<f32>::of(&[dice.sequence(371, 1024), dice.sequence(9, 1024), dice.sequence(363, 1024)]);
    let (x, pairs) = (set.ragged("xs"), [[1, 2], [2, 0], [1, 1], [0, 1]]);
    let plain = Options::default();
    let batch = |options: Options, paths, threads| {
        running(threads, |run| dtw_pairs(x, x, &pairs, paths, &options, run)).expect("a batch")
    };
    let one = batch(plain, true, 1);
    assert_eq!(batch(plain, true, 2), one);
    assert_eq!(batch(plain, true, 8), one);
    assert_eq!(batch(plain, false, 3).distances, one.distances);
    let squared = Options { metric: Metric::SqEuclidean, ..plain };
    assert_eq!(batch(squared, true, 3), batch(squared, true, 1));
    let options = vertex::Options::default();
    let scored =
        |threads| running(threads, |run| vertex_pairs(x, x, &pairs, None, true, &options, run)).expect("scores");
    assert_eq!(scored(3), scored(1));
}

#[test]
fn a_long_pair_is_left_in_its_middle() {
    let mut dice = Dice(44);
    let set = Set::<f32>::of(&[dice.sequence(20_000, 8)]);
    let (start, x) = (Instant::now(), set.ragged("xs"));
    let mut stop = || start.elapsed() > Duration::from_millis(50);
    let mut run = Run::new(4, &mut stop).expect("a run");
    assert_eq!(dtw_pairs(x, x, &[[0, 0]], true, &Options::default(), &mut run), Err(Error::Interrupted));
    assert!(start.elapsed() < patience());
}
