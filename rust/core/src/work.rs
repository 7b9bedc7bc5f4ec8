//! Work shared among threads so that the result does not depend on how many there are.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::simd::Isa;

/// More helpers than this are not started, whatever the caller asks for: no machine has use for them, and the result
/// does not depend on their number.
const MOST_HELPERS: usize = 1023;

/// How long the calling thread, out of work, waits for its helpers before it asks again whether to stop.
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(10);

/// How a call is run: the number of threads, and a question asked now and then whether to stop.
///
/// The calling thread takes part in the work and is the only one that asks, so that the question may be one that
/// only this thread can answer (Python's pending signals).
pub struct Run<'a> {
    threads: usize,
    isa: Isa,
    available: Option<fn() -> Option<u64>>,
    stop: &'a mut dyn FnMut() -> bool,
}

impl std::fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").field("threads", &self.threads).finish_non_exhaustive()
    }
}

impl<'a> Run<'a> {
    /// A run on `threads` threads that ends early, with [`Error::Interrupted`], once `stop` says true.
    ///
    /// # Errors
    /// [`Error::Option`] for zero threads.
    pub fn new(threads: usize, stop: &'a mut dyn FnMut() -> bool) -> Result<Self> {
        if threads == 0 {
            return Err(Error::Option { option: "threads", expected: "at least 1", got: "0".to_owned() });
        }
        Ok(Self { threads, isa: Isa::best(), available: None, stop })
    }

    /// The same on another instruction set that this processor has.
    #[must_use]
    pub fn on(mut self, isa: Isa) -> Self {
        self.isa = isa;
        self
    }

    /// The same with a question for the bytes of memory that may still be taken, put before a result grows whose size
    /// nobody knows beforehand; `None` is an answer of which nothing is known.
    #[must_use]
    pub fn within(mut self, available: fn() -> Option<u64>) -> Self {
        self.available = Some(available);
        self
    }

    /// A question for the bytes that may still be taken.
    pub(crate) fn available(&self) -> impl Fn() -> u64 + Sync + use<> {
        let available = self.available;
        move || available.and_then(|available| available()).unwrap_or(u64::MAX)
    }

    /// The instruction set of the kernels.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// How many threads.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// The same on no more than `threads` threads.
    pub(crate) fn at_most(&mut self, threads: usize) -> Run<'_> {
        Run { threads: self.threads.min(threads), isa: self.isa, available: self.available, stop: &mut *self.stop }
    }

    /// True where the calling thread does all of the work.
    pub(crate) fn alone(&self) -> bool {
        self.threads == 1
    }

    /// Asks whether to stop.
    ///
    /// # Errors
    /// [`Error::Interrupted`] where the caller said so.
    pub fn check(&mut self) -> Result<()> {
        if (self.stop)() { Err(Error::Interrupted) } else { Ok(()) }
    }

    /// Hands every item to one of the threads. Each thread has a workspace made by `workspace`; items are taken in
    /// order, one at a time, so whoever is free takes the next.
    ///
    /// `work` writes its result into the item, which makes the result independent of the schedule. Of several
    /// failing items the error of the first (lowest) is returned.
    ///
    /// # Errors
    /// What `work` returns, or [`Error::Interrupted`].
    pub fn each<I, W>(
        &mut self,
        items: impl IntoIterator<Item = I, IntoIter: ExactSizeIterator + Send>,
        workspace: impl Fn() -> W + Sync,
        work: impl Fn(&mut W, I) -> Result<()> + Sync,
    ) -> Result<()> {
        self.each_asking(items, workspace, |space, item, _| work(space, item))
    }

    /// As [`Run::each`], for items that take long: `work` is also given a question, to be asked now and then, that
    /// fails with [`Error::Interrupted`] once the call is to end.
    ///
    /// # Errors
    /// What `work` returns, or [`Error::Interrupted`].
    pub fn each_asking<I, W>(
        &mut self,
        items: impl IntoIterator<Item = I, IntoIter: ExactSizeIterator + Send>,
        workspace: impl Fn() -> W + Sync,
        work: impl Fn(&mut W, I, &mut dyn FnMut() -> Result<()>) -> Result<()> + Sync,
    ) -> Result<()> {
        let items = items.into_iter();
        let count = items.len();
        // Taken from the iterator one by one: a list of them could be too large for memory.
        let items = Mutex::new(items.enumerate());
        let halt = AtomicBool::new(false);
        let failure: Mutex<Option<(usize, Error)>> = Mutex::new(None);
        let body = |ask: &mut dyn FnMut() -> bool| {
            let mut space = workspace();
            while !halt.load(Ordering::Relaxed) {
                let next = items.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((index, item)) = next else { break };
                if ask() {
                    halt.store(true, Ordering::Relaxed);
                    break;
                }
                let mut question = || {
                    if ask() || halt.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
                };
                if let Err(error) = work(&mut space, item, &mut question) {
                    halt.store(true, Ordering::Relaxed);
                    if error == Error::Interrupted {
                        break;
                    }
                    if let Ok(mut first) = failure.lock()
                        && first.as_ref().is_none_or(|(i, _)| index < *i)
                    {
                        *first = Some((index, error));
                    }
                }
            }
        };
        let mut interrupted = false;
        let working = AtomicUsize::new(0);
        let helpers = (self.threads - 1).min(count.saturating_sub(1)).min(MOST_HELPERS);
        std::thread::scope(|scope| {
            let (body, working) = (&body, &working);
            for _ in 0..helpers {
                let presence = Presence::new(working);
                let help = move || {
                    let _presence = presence;
                    body(&mut || false);
                };
                // Where the system gives no more threads, those that there are do the work.
                if std::thread::Builder::new().spawn_scoped(scope, help).is_err() {
                    break;
                }
            }
            let stop = &mut self.stop;
            let mut ask = || {
                interrupted = interrupted || stop();
                interrupted
            };
            body(&mut ask);
            // The helpers cannot ask: without this, nobody would hear while they finish their last items.
            while working.load(Ordering::Acquire) > 0 {
                if ask() {
                    halt.store(true, Ordering::Relaxed);
                }
                std::thread::park_timeout(PATIENCE);
            }
        });
        if interrupted {
            return Err(Error::Interrupted);
        }
        match failure.into_inner() {
            Ok(Some((_, error))) => Err(error),
            _ => Ok(()),
        }
    }
}

/// A helper at work; however it ends, it is counted out and the thread that made it is woken.
struct Presence<'a> {
    working: &'a AtomicUsize,
    caller: std::thread::Thread,
}

impl<'a> Presence<'a> {
    fn new(working: &'a AtomicUsize) -> Self {
        working.fetch_add(1, Ordering::Relaxed);
        Self { working, caller: std::thread::current() }
    }
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        self.working.fetch_sub(1, Ordering::Release);
        self.caller.unpark();
    }
}

/// Something that the items of one call go through in their order, each after the one before, whichever thread has it.
pub(crate) struct Line<S> {
    state: Mutex<Place<S>>,
    moved: Condvar,
}

struct Place<S> {
    next: usize,
    broken: bool,
    shared: S,
}

/// One item's place in a [`Line`]. Items that come later wait until it is used, and leave where it is dropped unused.
pub(crate) struct Turn<'a, S> {
    line: &'a Line<S>,
    index: usize,
}

impl<S> Line<S> {
    pub(crate) fn new(shared: S) -> Self {
        Self { state: Mutex::new(Place { next: 0, broken: false, shared }), moved: Condvar::new() }
    }

    /// The turn of item `index`.
    pub(crate) fn turn(&self, index: usize) -> Turn<'_, S> {
        Turn { line: self, index }
    }

    /// What all items went through.
    pub(crate) fn end(self) -> S {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).shared
    }

    fn lock(&self) -> MutexGuard<'_, Place<S>> {
        // What a panic under the lock leaves behind is never used: the place is broken then, and the panic goes on.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Turn<'_, S> {
    /// Waits for the items before, then does `work`; asks meanwhile whether to stop.
    pub(crate) fn take(
        self,
        ask: &mut dyn FnMut() -> Result<()>,
        work: impl FnOnce(&mut S, &mut dyn FnMut() -> Result<()>) -> Result<()>,
    ) -> Result<()> {
        let mut place = self.line.lock();
        while place.next != self.index {
            if place.broken {
                return Err(Error::Interrupted);
            }
            let timeout;
            (place, timeout) = self.line.moved.wait_timeout(place, PATIENCE).unwrap_or_else(PoisonError::into_inner);
            if timeout.timed_out() {
                drop(place);
                ask()?;
                place = self.line.lock();
            }
        }
        work(&mut place.shared, ask)?;
        place.next += 1;
        Ok(())
    }
}

impl<S> Drop for Turn<'_, S> {
    fn drop(&mut self) {
        let mut place = self.line.lock();
        place.broken |= place.next <= self.index;
        drop(place);
        self.line.moved.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_go_through_a_line_in_their_order() {
        for threads in [1, 2, 8] {
            let line = Line::new(Vec::new());
            let mut never = || false;
            let found = Run::new(threads, &mut never).and_then(|mut run| {
                run.each_asking(
                    0..200,
                    || (),
                    |(), item, ask| {
                        line.turn(item).take(ask, |order, _| {
                            order.push(item);
                            Ok(())
                        })
                    },
                )
            });
            assert_eq!(found, Ok(()));
            assert_eq!(line.end(), (0..200).collect::<Vec<_>>());
        }
    }

    #[test]
    fn nobody_waits_for_an_item_that_failed() {
        let error = Error::Empty { argument: "x", place: String::new() };
        for threads in [1, 2, 8] {
            let line = Line::new(0);
            let mut never = || false;
            let found = Run::new(threads, &mut never).and_then(|mut run| {
                run.each_asking(
                    0..50,
                    || (),
                    |(), item, ask| {
                        let turn = line.turn(item);
                        if item == 13 {
                            Err(error.clone())
                        } else {
                            turn.take(ask, |count, _| {
                                *count += 1;
                                Ok(())
                            })
                        }
                    },
                )
            });
            assert_eq!(found, Err(error.clone()));
            assert_eq!(line.end(), 13);
        }
    }

    #[test]
    fn a_panic_in_a_line_ends_the_call() {
        let line = Line::new(());
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut never = || false;
            Run::new(4, &mut never).and_then(|mut run| {
                run.each_asking(
                    0..50,
                    || (),
                    |(), item, ask| {
                        line.turn(item).take(ask, |(), _| {
                            assert_ne!(item, 13);
                            Ok(())
                        })
                    },
                )
            })
        }));
        assert!(found.is_err());
    }
}
