//! Times the searches that screen, on every instruction set of this machine.
//!
//! `cargo run --release -p tracewarp-core --example screening -- ROWS.f32 DIM [THREADS [ISA [JOB]]]`, a file of
//! raw f32 rows.
#![expect(clippy::print_stdout, reason = "an example talks")]

use std::time::Instant;

use tracewarp_core::cluster::{first_come, single_link};
use tracewarp_core::cosine::{Threshold, pairs, top_k};
use tracewarp_core::diversity::DiversityFilter;
use tracewarp_core::rows::{Rows, Zero};
use tracewarp_core::work::Run;
use tracewarp_core::{Effort, Isa, Result};

fn best(name: &str, isa: Isa, threads: usize, mut call: impl FnMut(&mut Run<'_>) -> Result<Effort>) -> Result<()> {
    let mut least = f64::INFINITY;
    let mut effort = Effort::default();
    for _ in 0..5 {
        let start = Instant::now();
        effort = call(&mut Run::new(threads, &mut || false)?.on(isa))?;
        least = least.min(start.elapsed().as_secs_f64());
    }
    let (ms, name_of_isa) = (least * 1e3, isa.name());
    println!("{name_of_isa:9} {name:12} {ms:9.1} ms   compared {:11} judged {:9}", effort.compared, effort.judged);
    Ok(())
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("a file of raw f32 rows")?;
    let dim: usize = arguments.next().ok_or("the dimension")?.parse()?;
    let threads: usize = arguments.next().map_or(Ok(1), |threads| threads.parse())?;
    let only = arguments.next();
    let bytes = std::fs::read(path)?;
    let data: Vec<f32> = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    let rows = Rows::new("rows", &data, dim)?;
    let join = Threshold::above(0.60)?;
    let job = arguments.next();
    for isa in Isa::available().iter().rev().copied().filter(|isa| only.as_ref().is_none_or(|o| o == isa.name())) {
        let best = |name: &str, call: &mut dyn FnMut(&mut Run<'_>) -> Result<Effort>| {
            if job.as_ref().is_none_or(|job| job == name) { best(name, isa, threads, call) } else { Ok(()) }
        };
        best("filter", &mut |run| Ok(DiversityFilter::new(dim, 0.70, Zero::Error)?.add(rows, run)?.effort))?;
        best("first-come", &mut |run| Ok(first_come(rows, join, None, Zero::Error, run)?.effort))?;
        best("single-link", &mut |run| Ok(single_link(rows, join, None, Zero::Error, run)?.effort))?;
        best("pairs", &mut |run| Ok(pairs(rows, None, join, None, Zero::Error, run)?.effort))?;
        let queries = rows.slice(0, rows.len().min(1000));
        best("top-10", &mut |run| Ok(top_k(queries, rows, 10, Zero::Error, run)?.effort))?;
    }
    Ok(())
}
