//! The relations that DTW must obey, on whatever proptest finds.

use proptest::prelude::*;
use tracewarp_core::align::{Constraints, Ties};
use tracewarp_core::cost::Metric;
use tracewarp_core::dtw::{Options, dtw_matrix, dtw_nearest, dtw_pairs};

use crate::oracle::{Path, Sequence, Table, along, is_monotone, optima};
use crate::sets::{Set, align, align_costs, distance, running};

const METRICS: [Metric; 3] = [Metric::Cosine, Metric::Euclidean, Metric::SqEuclidean];
const TIES: [Ties; 3] = [Ties::Diagonal, Ties::FastdtwPy, Ties::FastdtwCy];

/// Rows of small whole numbers, so that equal rows, parallel rows and ties are common; never a zero row.
fn sequence(dim: usize) -> impl Strategy<Value = Sequence> {
    let row = prop::collection::vec(-2i8..3, dim).prop_map(|row| {
        let mut row: Vec<f64> = row.into_iter().map(f64::from).collect();
        if row.iter().all(|value| *value == 0.0) {
            row[0] = 1.0;
        }
        row
    });
    prop::collection::vec(row, 1..12)
}

fn two() -> impl Strategy<Value = (Sequence, Sequence)> {
    (1usize..20).prop_flat_map(|dim| (sequence(dim), sequence(dim)))
}

fn several() -> impl Strategy<Value = Vec<Sequence>> {
    (1usize..20).prop_flat_map(|dim| prop::collection::vec(sequence(dim), 1..7))
}

fn costs() -> impl Strategy<Value = Table> {
    (1usize..9, 1usize..9)
        .prop_flat_map(|(m, n)| prop::collection::vec(prop::collection::vec((0u8..6).prop_map(f64::from), n), m))
}

fn options() -> impl Strategy<Value = Options> {
    let window = prop::option::of(0usize..14);
    (0usize..3, 0usize..3, window, any::<bool>(), any::<bool>()).prop_map(|(metric, ties, window_steps, begin, end)| {
        let free = Constraints::default();
        let constraints = Constraints { window_steps, open_begin: begin, open_end: end, ties: TIES[ties], ..free };
        Options { metric: METRICS[metric], constraints, ..Options::default() }
    })
}

fn closed(mut options: Options) -> Options {
    options.constraints.open_begin = false;
    options.constraints.open_end = false;
    options
}

fn with_window(mut options: Options, window_steps: Option<usize>) -> Options {
    options.constraints.window_steps = window_steps;
    options
}

fn turned(path: &Path) -> Path {
    path.iter().map(|&(i, j)| (j, i)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_sequence_is_at_distance_0_from_itself((x, _) in two(), options in options()) {
        prop_assert_eq!(distance::<f32>(&x, &x, &options), 0.0);
        prop_assert_eq!(distance::<f64>(&x, &x, &options), 0.0);
        if closed(options) == options && options.constraints.ties == Ties::Diagonal {
            let diagonal: Path = (0..x.len()).map(|i| (i, i)).collect();
            prop_assert_eq!(align::<f32>(&x, &x, &options).1, diagonal);
        }
    }

    #[test]
    fn the_distance_is_symmetric((x, y) in two(), options in options()) {
        let options = closed(options);
        let (there, back) = (distance::<f32>(&x, &y, &options), distance::<f32>(&y, &x, &options));
        prop_assert_eq!(there.to_bits(), back.to_bits());
    }

    #[test]
    fn the_path_is_transposed_where_the_optimum_is_unique(costs in costs()) {
        let transposed: Table = (0..costs[0].len()).map(|j| costs.iter().map(|row| row[j]).collect()).collect();
        let (there, back) = (align_costs(&costs, &Options::default()), align_costs(&transposed, &Options::default()));
        prop_assert_eq!(there.0, back.0);
        if optima(&costs) == 1 {
            prop_assert_eq!(turned(&there.1), back.1);
        }
    }

    #[test]
    fn the_cosine_does_not_feel_the_length_of_rows(
        (x, y) in two(),
        scales in prop::collection::vec(0.01f64..100.0, 12),
    ) {
        let scaled: Sequence =
            x.iter().zip(&scales).map(|(row, scale)| row.iter().map(|value| value * scale).collect()).collect();
        let (plain, path) = align::<f32>(&x, &y, &Options::default());
        prop_assert!((distance::<f32>(&scaled, &y, &Options::default()) - plain).abs() <= 1e-6 * path.len() as f64);
        // Powers of two scale without rounding, so not even the bits change (with both scaled: rows that are equal,
        // and cost exactly 0, must stay equal).
        let larger = |sequence: &Sequence| {
            sequence.iter().map(|row| row.iter().map(|value| value * 1024.0).collect()).collect::<Sequence>()
        };
        let found = distance::<f32>(&larger(&x), &larger(&y), &Options::default());
        prop_assert_eq!(found.to_bits(), plain.to_bits());
    }

    #[test]
    fn a_step_said_twice_never_lowers_the_distance((x, y) in two(), at in 0usize..12, metric in 0usize..3) {
        let options = Options { metric: METRICS[metric], ..Options::default() };
        let mut longer = x.clone();
        longer.insert(at % x.len(), x[at % x.len()].clone());
        // Exactly: an addend more never lowers a rounded sum either.
        prop_assert!(distance::<f32>(&longer, &y, &options) >= distance::<f32>(&x, &y, &options));
        prop_assert!(distance::<f32>(&y, &longer, &options) >= distance::<f32>(&y, &x, &options));
    }

    #[test]
    fn both_read_backwards_are_as_far_apart((x, y) in two(), options in options()) {
        let mut backwards = options;
        backwards.constraints.open_begin = options.constraints.open_end;
        backwards.constraints.open_end = options.constraints.open_begin;
        let back = |sequence: &Sequence| sequence.iter().rev().cloned().collect::<Sequence>();
        let (plain, path) = align::<f64>(&x, &y, &options);
        let found = distance::<f64>(&back(&x), &back(&y), &backwards);
        prop_assert!((found - plain).abs() <= 1e-12 * (path.len() as f64).max(plain));
    }

    #[test]
    fn a_wider_band_never_raises_the_distance((x, y) in two(), options in options(), w in 0usize..10) {
        let narrow = distance::<f32>(&x, &y, &with_window(options, Some(w)));
        let wide = distance::<f32>(&x, &y, &with_window(options, Some(w + 1)));
        let free = distance::<f32>(&x, &y, &with_window(options, None));
        prop_assert!(narrow >= wide && wide >= free);
    }

    #[test]
    fn a_wide_band_is_no_band((x, y) in two(), options in options(), more in 0usize..3) {
        let band = [x.len().max(y.len()), usize::MAX / 2, usize::MAX][more];
        let free = align::<f32>(&x, &y, &with_window(options, None));
        prop_assert_eq!(align::<f32>(&x, &y, &with_window(options, Some(band))), free);
    }

    #[test]
    fn the_path_costs_the_distance((x, y) in two(), options in options()) {
        let alone = Options { metric: options.metric, ..Options::default() };
        let cell = |u: &Vec<f64>, v: &Vec<f64>| distance::<f32>(&vec![u.clone()], &vec![v.clone()], &alone);
        let costs: Table = x.iter().map(|u| y.iter().map(|v| cell(u, v)).collect()).collect();
        let (distance, path) = align::<f32>(&x, &y, &options);
        // The very bits: the sum along the path is what the programme summed.
        prop_assert_eq!(along(&costs, &path).to_bits(), distance.to_bits());
        prop_assert!(is_monotone(&path, x.len()));
    }

    #[test]
    fn giving_up_early_is_exact_or_infinite((x, y) in two(), options in options(), share in 0.0f64..2.0) {
        let (plain, path) = align::<f32>(&x, &y, &options);
        for limit in [plain * share, plain, plain.next_down(), -1.0, 0.0, f64::NEG_INFINITY] {
            let mut limited = options;
            limited.constraints.max_distance = limit;
            let found = align::<f32>(&x, &y, &limited);
            let expected = if plain > limit { (f64::INFINITY, vec![]) } else { (plain, path.clone()) };
            prop_assert_eq!(&found, &expected);
            prop_assert_eq!(distance::<f32>(&x, &y, &limited), found.0);
        }
    }

    #[test]
    fn a_batch_gives_the_bits_of_its_singles_for_any_number_of_threads(
        (xs, ys) in (1usize..20).prop_flat_map(|dim| {
            (prop::collection::vec(sequence(dim), 1..7), prop::collection::vec(sequence(dim), 1..7))
        }),
        options in options(),
    ) {
        let (x, y) = (Set::<f32>::of(&xs), Set::<f32>::of(&ys));
        let pairs: Vec<[i64; 2]> = (0..xs.len() * ys.len())
            .rev()
            .map(|p| [(p / ys.len()) as i64, (p % ys.len()) as i64])
            .collect();
        let batch = |threads| {
            let found = running(threads, |run| {
                dtw_pairs(x.ragged("xs"), y.ragged("ys"), &pairs, true, &options, run)
            });
            found.expect("batch")
        };
        let one = batch(1);
        prop_assert_eq!(&one, &batch(2));
        prop_assert_eq!(&one, &batch(8));
        let paths = one.paths.expect("paths");
        for (p, &[r, s]) in pairs.iter().enumerate() {
            let (distance, path) = align::<f32>(&xs[r as usize], &ys[s as usize], &options);
            prop_assert_eq!(distance.to_bits(), one.distances[p].to_bits());
            let range = paths.offsets[p] as usize..paths.offsets[p + 1] as usize;
            let cells: Path = paths.cells[range].iter().map(|&[i, j]| (i as usize, j as usize)).collect();
            prop_assert_eq!(path, cells);
        }
    }

    #[test]
    fn the_matrix_holds_the_distances_of_its_pairs(sequences in several(), options in options()) {
        let set = Set::<f32>::of(&sequences);
        let n = sequences.len();
        let matrix = |threads, own: bool| {
            let ys = (!own).then(|| set.ragged("ys"));
            running(threads, |run| dtw_matrix(set.ragged("xs"), ys, &options, run)).expect("matrix")
        };
        let own = matrix(1, true);
        prop_assert_eq!(&own, &matrix(2, true));
        prop_assert_eq!(&own, &matrix(8, true));
        prop_assert_eq!(&own, &matrix(2, false));
        for r in 0..n {
            for s in 0..n {
                let (found, path) = align::<f32>(&sequences[r], &sequences[s], &options);
                prop_assert!((own[r * n + s] - found).abs() <= 1e-6 * path.len() as f64);
            }
        }
    }

    #[test]
    fn the_nearest_are_the_least_of_their_row(
        sequences in several(),
        k in 1usize..7,
        options in options(),
        limit in 0.0f64..6.0,
    ) {
        let set = Set::<f32>::of(&sequences);
        let n = sequences.len();
        let k = k.min(n);
        for max_distance in [f64::INFINITY, limit] {
            let mut options = options;
            options.constraints.max_distance = max_distance;
            let matrix = running(1, |run| dtw_matrix(set.ragged("xs"), None, &options, run)).expect("matrix");
            let nearest = |threads| {
                let (xs, ys) = (set.ragged("xs"), set.ragged("ys"));
                running(threads, |run| dtw_nearest(xs, ys, k, &options, run)).expect("nearest")
            };
            let found = nearest(1);
            prop_assert_eq!(&found, &nearest(8));
            for (r, row) in matrix.chunks(n).enumerate() {
                let mut order: Vec<usize> = (0..n).filter(|s| row[*s].is_finite()).collect();
                order.sort_by(|a, b| row[*a].total_cmp(&row[*b]).then(a.cmp(b)));
                for place in 0..k {
                    let expected = order.get(place).map_or((-1, f64::INFINITY), |s| (*s as i64, row[*s]));
                    prop_assert_eq!((found.indices[r * k + place], found.distances[r * k + place]), expected);
                }
            }
        }
    }

    #[test]
    fn every_band_is_feasible_and_symmetric(m in 1usize..40, n in 1usize..40, w in 0usize..45) {
        let constraints = Constraints { window_steps: Some(w), ..Constraints::default() };
        let holds = |i: usize, j: usize, m: usize, n: usize| constraints.band(i, m, n).contains(&j);
        let (longer_x, longer_y) = ((m as i64 - n as i64).max(0), (n as i64 - m as i64).max(0));
        for i in 0..m {
            for j in 0..n {
                let offset = j as i64 - i as i64;
                let allowed = -(w as i64) - longer_x <= offset && offset <= w as i64 + longer_y;
                prop_assert_eq!(holds(i, j, m, n), allowed);
                prop_assert_eq!(holds(i, j, m, n), holds(j, i, n, m));
                prop_assert_eq!(holds(i, j, m, n), holds(m - 1 - i, n - 1 - j, m, n));
            }
        }
        let costs = vec![vec![1.0; n]; m];
        let (found, path) = align_costs(&costs, &Options { constraints, ..Options::default() });
        prop_assert!(found.is_finite() && path[0] == (0, 0) && path[path.len() - 1] == (m - 1, n - 1));
    }
}
