//! How loops inside one item of work listen to whether the call is to end.

use crate::error::Result;

/// Multiplications, or steps of about their size, between two questions: a millisecond.
pub(crate) const BEAT: usize = 1 << 22;

/// Numbers of a row that a loop takes between two beats, at most.
pub(crate) const PIECE: usize = 1 << 18;

/// Asks whether to stop, once for every so much work.
pub struct Pulse<'a> {
    ask: &'a mut dyn FnMut() -> Result<()>,
    left: usize,
}

impl std::fmt::Debug for Pulse<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pulse").field("left", &self.left).finish_non_exhaustive()
    }
}

impl<'a> Pulse<'a> {
    pub(crate) fn new(ask: &'a mut dyn FnMut() -> Result<()>) -> Self {
        Self { ask, left: BEAT }
    }

    /// Counts `work`, and asks where enough has been done since the last question.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] once the call is to end.
    #[inline(always)]
    pub(crate) fn spend(&mut self, work: usize) -> Result<()> {
        if work < self.left {
            self.left -= work;
            return Ok(());
        }
        self.now()
    }

    /// The question itself.
    pub(crate) fn asking(&mut self) -> &mut dyn FnMut() -> Result<()> {
        &mut *self.ask
    }

    /// Asks at once.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] once the call is to end.
    #[cold]
    #[inline(never)]
    pub(crate) fn now(&mut self) -> Result<()> {
        self.left = BEAT;
        (self.ask)()
    }
}

/// Cuts 0..`len` into pieces of at most [`PIECE`].
pub(crate) fn pieces(len: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..len).step_by(PIECE).map(move |start| start..len.min(start + PIECE))
}
