//! From an instruction set and a type of number to the kernels compiled for them.

use std::ops::Range;

use super::norms::Pass;
use super::panel::{Panel, WIDEST};
use super::sweep::Cost;
use super::tile::{Layout, Sides};
use super::{Isa, Level, norms, panel, sweep, tile};
use crate::error::Result;
use crate::pulse::Pulse;

/// Where the cells of a panel product go, see `panel::costs`.
#[derive(Debug, Clone, Copy)]
pub struct Columns<'a> {
    /// Offset of each column.
    pub columns: &'a [usize],
    /// Which of `places` each column uses.
    pub of: &'a [usize],
    /// Where the lanes of the panel go.
    pub places: &'a [Places],
}

/// A place for every lane of a panel.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    lanes: [usize; WIDEST],
    last: usize,
}

impl Places {
    /// One for all: where cells may go that nobody wants.
    #[must_use]
    pub fn at(place: usize) -> Self {
        Self { lanes: [place; WIDEST], last: place }
    }

    /// Sends `lanes` to `start` and on, `step` apart.
    pub fn send(&mut self, lanes: Range<usize>, start: usize, step: usize) {
        for (l, place) in self.lanes[lanes].iter_mut().enumerate() {
            *place = start + l * step;
            self.last = self.last.max(*place);
        }
    }

    /// The place of every lane.
    pub(crate) fn lanes(&self) -> &[usize; WIDEST] {
        &self.lanes
    }

    /// The last of them, or one after it.
    pub(crate) fn last(&self) -> usize {
        self.last
    }
}

/// The kernels for one type of number, f32 or f64; each runs on the instruction set that is named, listens where it may
/// take long, and reads and writes within its slices whatever the other arguments say: what does not fit is a panic.
pub trait Kernels: Cost {
    /// Rows of a strip of the dynamic programme.
    fn strip_height(isa: Isa) -> usize {
        sweep::height(Self::lanes_of(isa))
    }
    /// Lanes of the dynamic programme.
    fn lanes_of(isa: Isa) -> usize {
        if isa.0 == Level::Avx512 { 8 } else { 4 }
    }
    /// Rows of a panel.
    fn panel_width(isa: Isa) -> usize;
    /// Columns that a panel meets at once.
    fn panel_columns(isa: Isa) -> usize;
    /// See `norms::inverse`.
    fn inverse_norms(isa: Isa, pass: &Pass<'_, Self>, out: &mut [Self], pulse: &mut Pulse<'_>) -> Result<()>;
    /// See `norms::products`.
    fn products(isa: Isa, u: &[Self], v: &[Self]) -> [f64; 3];
    /// See `tile::costs`.
    fn costs(
        isa: Isa,
        sides: &Sides<'_, Self>,
        rows: Range<usize>,
        columns: Range<usize>,
        out: &mut [Self],
        layout: Layout<'_, Self>,
        pulse: &mut Pulse<'_>,
    ) -> Result<()>;
    /// See `panel::pack`.
    fn pack(isa: Isa, rows: &[Self], dim: usize, panel: &mut Panel<Self>, pulse: &mut Pulse<'_>) -> Result<()>;
    /// See `panel::costs`.
    fn panel_costs(
        isa: Isa,
        sides: &Sides<'_, Self>,
        first: usize,
        panel: &[Self],
        targets: &Columns<'_>,
        out: &mut [Self],
        pulse: &mut Pulse<'_>,
    ) -> Result<()>;
    /// See `sweep::strip`.
    #[expect(clippy::too_many_arguments, reason = "both sums, costs and directions, and how many of them")]
    fn strip(
        isa: Isa,
        rows: usize,
        n: usize,
        costs: &[Self],
        above: &[f64],
        below: &mut [f64],
        directions: &mut [u8],
        pulse: &mut Pulse<'_>,
    ) -> Result<()>;
}

/// The kernels of one instruction set: `$feature` on every function, `$v` and `$l` the registers.
macro_rules! compile {
    ($module:ident, $e:ty, $v:ty, $l:ty $(, $feature:literal)?) => {
        mod $module {
            use super::*;

            $(#[target_feature(enable = $feature)])?
            pub(super) fn inverse_norms(pass: &Pass<'_, $e>, out: &mut [$e], pulse: &mut Pulse<'_>) -> Result<()> {
                norms::inverse::<$v, $l, $e>(pass, out, pulse)
            }

            $(#[target_feature(enable = $feature)])?
            pub(super) fn products(u: &[$e], v: &[$e]) -> [f64; 3] {
                norms::products::<$l, $e>(u, v)
            }

            $(#[target_feature(enable = $feature)])?
            pub(super) fn costs(
                sides: &Sides<'_, $e>,
                rows: Range<usize>,
                columns: Range<usize>,
                out: &mut [$e],
                layout: Layout<'_, $e>,
                pulse: &mut Pulse<'_>,
            ) -> Result<()> {
                tile::costs::<$v>(sides, rows, columns, out, layout, pulse)
            }

            $(#[target_feature(enable = $feature)])?
            pub(super) fn pack(rows: &[$e], dim: usize, panel: &mut Panel<$e>, pulse: &mut Pulse<'_>) -> Result<()> {
                panel::pack::<$v>(rows, dim, panel, pulse)
            }

            $(#[target_feature(enable = $feature)])?
            pub(super) fn panel_costs(
                sides: &Sides<'_, $e>,
                first: usize,
                panel: &[$e],
                targets: &Columns<'_>,
                out: &mut [$e],
                pulse: &mut Pulse<'_>,
            ) -> Result<()> {
                panel::costs::<$v>(sides, first, panel, targets, out, pulse)
            }

            $(#[target_feature(enable = $feature)])?
            pub(super) fn strip(
                rows: usize,
                n: usize,
                costs: &[$e],
                above: &[f64],
                below: &mut [f64],
                directions: &mut [u8],
                pulse: &mut Pulse<'_>,
            ) -> Result<()> {
                sweep::strip::<$l, $e>(rows, n, costs, above, below, directions, pulse)
            }
        }
    };
}

compile!(portable_f32, f32, super::super::portable::Lanes8<f32>, super::super::portable::Lanes4);
compile!(portable_f64, f64, super::super::portable::Lanes8<f64>, super::super::portable::Lanes4);
#[cfg(target_arch = "x86_64")]
compile!(avx2_f32, f32, super::super::x86::F32x8, super::super::x86::F64x4, "avx2,fma");
#[cfg(target_arch = "x86_64")]
compile!(avx2_f64, f64, super::super::x86::F64x4, super::super::x86::F64x4, "avx2,fma");
#[cfg(target_arch = "x86_64")]
compile!(
    avx512_f32,
    f32,
    super::super::x86::F32x16,
    super::super::x86::F64x8,
    "avx512f,avx512bw,avx512vl,avx512dq,fma"
);
#[cfg(target_arch = "x86_64")]
compile!(avx512_f64, f64, super::super::x86::F64x8, super::super::x86::F64x8, "avx512f,avx512bw,avx512vl,avx512dq,fma");

/// Calls the function of the instruction set.
macro_rules! on {
    ($isa:expr, $portable:ident, $avx2:ident, $avx512:ident, $call:ident ( $($argument:expr),* )) => {
        match $isa.0 {
            // SAFETY: an `Isa` beyond Portable comes from `Isa::available` alone, which asked the processor.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { $avx2::$call($($argument),*) },
            // SAFETY: the same.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { $avx512::$call($($argument),*) },
            _ => $portable::$call($($argument),*),
        }
    };
}

macro_rules! kernels {
    ($e:ty, $portable:ident, $avx2:ident, $avx512:ident, $widths:expr) => {
        impl Kernels for $e {
            fn panel_width(isa: Isa) -> usize {
                let widths: [usize; 3] = $widths;
                panel::width(widths[isa.0 as usize])
            }

            fn panel_columns(isa: Isa) -> usize {
                match isa.0 {
                    Level::Portable => 2,
                    Level::Avx2 => 6,
                    Level::Avx512 => 14,
                }
            }

            fn inverse_norms(isa: Isa, pass: &Pass<'_, $e>, out: &mut [$e], pulse: &mut Pulse<'_>) -> Result<()> {
                on!(isa, $portable, $avx2, $avx512, inverse_norms(pass, out, pulse))
            }

            fn products(isa: Isa, u: &[$e], v: &[$e]) -> [f64; 3] {
                on!(isa, $portable, $avx2, $avx512, products(u, v))
            }

            fn costs(
                isa: Isa,
                sides: &Sides<'_, $e>,
                rows: Range<usize>,
                columns: Range<usize>,
                out: &mut [$e],
                layout: Layout<'_, $e>,
                pulse: &mut Pulse<'_>,
            ) -> Result<()> {
                on!(isa, $portable, $avx2, $avx512, costs(sides, rows, columns, out, layout, pulse))
            }

            fn pack(isa: Isa, rows: &[$e], dim: usize, panel: &mut Panel<$e>, pulse: &mut Pulse<'_>) -> Result<()> {
                on!(isa, $portable, $avx2, $avx512, pack(rows, dim, panel, pulse))
            }

            fn panel_costs(
                isa: Isa,
                sides: &Sides<'_, $e>,
                first: usize,
                panel: &[$e],
                targets: &Columns<'_>,
                out: &mut [$e],
                pulse: &mut Pulse<'_>,
            ) -> Result<()> {
                on!(isa, $portable, $avx2, $avx512, panel_costs(sides, first, panel, targets, out, pulse))
            }

            fn strip(
                isa: Isa,
                rows: usize,
                n: usize,
                costs: &[$e],
                above: &[f64],
                below: &mut [f64],
                directions: &mut [u8],
                pulse: &mut Pulse<'_>,
            ) -> Result<()> {
                on!(isa, $portable, $avx2, $avx512, strip(rows, n, costs, above, below, directions, pulse))
            }
        }
    };
}

kernels!(f32, portable_f32, avx2_f32, avx512_f32, [8, 8, 16]);
kernels!(f64, portable_f64, avx2_f64, avx512_f64, [8, 4, 8]);
