//! Memory whose size depends on what the caller passes in. It is asked for, so that too little of it is
//! [`Error::TooLarge`] and not the end of the process.

use bytemuck::Zeroable;

use crate::error::{Error, Result};
use crate::work::Run;

/// Values that are written between two questions whether to stop.
const PIECE: usize = 1 << 20;

/// Values beyond which a buffer is not cleared but replaced.
const HUGE: usize = 1 << 28;

/// Values up to which a buffer grows faster than it is asked to.
const SMALL: usize = 1 << 16;

pub(crate) fn too_large<V>(what: &'static str, count: u128) -> Error {
    Error::TooLarge { what, bytes: count.saturating_mul(size_of::<V>() as u128) }
}

/// A vector of `count` zeros. Large ones come as pages that cost nothing until a thread writes to them: filling them
/// here would keep the other threads, and Ctrl-C, waiting.
pub(crate) fn zeroed<V: Zeroable>(count: u128, what: &'static str) -> Result<Vec<V>> {
    let len = usize::try_from(count).map_err(|_| too_large::<V>(what, count))?;
    bytemuck::allocation::try_zeroed_vec(len).map_err(|()| too_large::<V>(what, count))
}

/// A vector of `count` times `value`.
pub(crate) fn filled<V: Copy>(count: u128, value: V, what: &'static str, run: &mut Run<'_>) -> Result<Vec<V>> {
    let len = usize::try_from(count).map_err(|_| too_large::<V>(what, count))?;
    let mut out = Vec::new();
    out.try_reserve_exact(len).map_err(|_| too_large::<V>(what, count))?;
    while out.len() < len {
        run.check()?;
        out.resize(len.min(out.len() + PIECE), value);
    }
    Ok(out)
}

/// Makes room for `more` values behind those that are there.
#[inline(never)]
pub(crate) fn reserve<V>(buffer: &mut Vec<V>, more: usize, what: &'static str) -> Result<()> {
    let count = buffer.len() as u128 + more as u128;
    buffer.try_reserve(more).map_err(|_| too_large::<V>(what, count))
}

/// Appends `value`.
#[inline(always)]
pub(crate) fn push<V>(buffer: &mut Vec<V>, value: V, what: &'static str) -> Result<()> {
    if buffer.len() == buffer.capacity() {
        reserve(buffer, 1, what)?;
    }
    buffer.push(value);
    Ok(())
}

/// Appends `values`.
pub(crate) fn append<V: Copy>(buffer: &mut Vec<V>, values: &[V], what: &'static str) -> Result<()> {
    reserve(buffer, values.len(), what)?;
    buffer.extend_from_slice(values);
    Ok(())
}

/// All that `items` gives.
pub(crate) fn collected<V>(items: impl Iterator<Item = V>, what: &'static str) -> Result<Vec<V>> {
    let mut out = Vec::new();
    reserve(&mut out, items.size_hint().0, what)?;
    for item in items {
        push(&mut out, item, what)?;
    }
    Ok(out)
}

/// Sets the length to `len`; values that are added are `value`.
pub(crate) fn resized<V: Copy>(buffer: &mut Vec<V>, len: usize, value: V, what: &'static str) -> Result<()> {
    reserve(buffer, len.saturating_sub(buffer.len()), what)?;
    buffer.resize(len, value);
    Ok(())
}

/// Makes room for `len` values of any content: what was there is kept or becomes zero.
pub(crate) fn room<V: Zeroable + Copy>(buffer: &mut Vec<V>, len: usize, what: &'static str) -> Result<()> {
    if len <= buffer.len() {
        return Ok(());
    }
    let generous = if len < SMALL { len.max(2 * buffer.len()) } else { len.max(buffer.len() / 2 * 3) };
    *buffer = Vec::new();
    *buffer = match zeroed(generous as u128, what) {
        Err(_) if generous > len => zeroed(len as u128, what)?,
        made => made?,
    };
    Ok(())
}

/// Makes `buffer` `len` zeros.
pub(crate) fn cleared<V: Zeroable + Copy>(buffer: &mut Vec<V>, len: usize, what: &'static str) -> Result<()> {
    if len > buffer.capacity().max(SMALL) || len > HUGE {
        // Fresh pages are zero already.
        *buffer = Vec::new();
        *buffer = zeroed(len as u128, what)?;
        return Ok(());
    }
    buffer.clear();
    resized(buffer, len, V::zeroed(), what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_memory_holds_is_an_error_with_its_bytes() {
        let more = usize::MAX / 4;
        let too_large = |bytes: u128| Error::TooLarge { what: "it", bytes };
        let mut never = || false;
        let mut run = Run::new(1, &mut never).unwrap();
        assert_eq!(zeroed::<u64>(u128::MAX, "it"), Err(too_large(u128::MAX)));
        assert_eq!(zeroed::<u64>(1 << 62, "it"), Err(too_large(1 << 65)));
        assert_eq!(filled(1 << 62, 1u64, "it", &mut run), Err(too_large(1 << 65)));
        let mut buffer = vec![1u64; 3];
        assert_eq!(reserve(&mut buffer, more, "it"), Err(too_large((more as u128 + 3) * 8)));
        assert_eq!(resized(&mut buffer, more, 0, "it"), Err(too_large(more as u128 * 8)));
        assert_eq!(buffer, [1; 3]);
        assert_eq!(room(&mut buffer, more, "it"), Err(too_large(more as u128 * 8)));
        assert_eq!(cleared(&mut buffer, more, "it"), Err(too_large(more as u128 * 8)));
    }

    #[test]
    fn a_cleared_buffer_is_zero_whatever_its_size() {
        let mut buffer = vec![7u8; 5];
        for len in [3, SMALL, SMALL + 1, 2] {
            cleared(&mut buffer, len, "it").unwrap();
            assert_eq!(buffer, vec![0; len]);
            buffer.fill(7);
        }
    }
}
