//! Room at the end of a vector: made once, then filled piece by piece.
//!
//! ```text
//!   vector   [ bytes so far | $ 5 CRLF | h e l l o | CRLF | ..... ]
//!                           ^ len      `-- put --------'   room left
//! ```
//!
//! A vector that is appended to asks before every piece whether it must grow, and can grow at each.
//! A reply is several pieces whose sum is known: here growing is asked for once, and a piece that
//! passes the room is our own mistake.

/// The end of a vector, with room for a known number of bytes. What has been put there belongs to
/// the vector when the room is dropped.
#[derive(Debug)]
pub struct Room<'a> {
    vector: &'a mut Vec<u8>,
    /// Where the next piece goes: what lies before has been written.
    len: usize,
    /// Bytes of the vector's allocation behind that.
    left: usize,
}

impl<'a> Room<'a> {
    /// Makes room for `count` bytes behind those that `vector` holds.
    #[inline(always)]
    pub fn new(vector: &'a mut Vec<u8>, count: usize) -> Self {
        if vector.capacity().wrapping_sub(vector.len()) < count {
            grow(vector, count);
        }
        let (len, left) = (vector.len(), vector.capacity().wrapping_sub(vector.len()));
        Self { vector, len, left }
    }

    /// Whether there is room for `count` bytes more.
    #[inline(always)]
    #[must_use]
    pub fn has(&self, count: usize) -> bool {
        count <= self.left
    }

    /// Appends `bytes`, for which there must be room.
    #[inline(always)]
    pub fn put(&mut self, bytes: &[u8]) {
        let count = bytes.len();
        assert!(count <= self.left, "more bytes than room was made for");
        // SAFETY: `len` is within the vector's allocation.
        let end = unsafe { self.vector.as_mut_ptr().add(self.len) };
        // SAFETY: behind `end` there are `left` bytes of the same allocation, and `count` is not
        // more; the vector is borrowed exclusively, so `bytes` lie elsewhere.
        unsafe { copy(bytes, end) };
        self.advance(count);
    }

    /// Appends the first `count` of eight bytes. There must be room for all eight: a copy of a
    /// length known to the compiler is one instruction.
    #[inline(always)]
    pub fn put_first(&mut self, bytes: [u8; 8], count: usize) {
        assert!(count <= 8 && self.left >= 8, "more bytes than room was made for");
        // SAFETY: `len` is within the vector's allocation.
        let end = unsafe { self.vector.as_mut_ptr().add(self.len) };
        // SAFETY: behind `end` there are `left` bytes of the same allocation, which are eight or
        // more.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), end, 8) };
        self.advance(count);
    }

    /// `count` bytes, at most `left`, have been written. No sum here can overflow.
    #[inline(always)]
    fn advance(&mut self, count: usize) {
        self.len = self.len.wrapping_add(count);
        self.left = self.left.wrapping_sub(count);
    }
}

impl Drop for Room<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: at most the capacity, for `len` and `left` have had the same sum since `new`; and
        // every byte up to there has been written.
        unsafe { self.vector.set_len(self.len) };
    }
}

/// Copies `bytes` to `to`. From 8 to 16 of them, as most values have, go as two words that may
/// overlap: copies of a length known to the compiler are one instruction each, others a call.
///
/// # Safety
/// As many bytes can be written behind `to`, and none of `bytes` lies there.
#[inline(always)]
unsafe fn copy(bytes: &[u8], to: *mut u8) {
    let count = bytes.len();
    if let (Some(first), Some(last), ..=16) =
        (bytes.first_chunk::<8>(), bytes.last_chunk::<8>(), count)
    {
        // SAFETY: the caller's promise, for 8 is not more than `count`.
        unsafe { std::ptr::copy_nonoverlapping(first.as_ptr(), to, 8) };
        // SAFETY: the same: these are the last 8 of `count` bytes.
        let end = unsafe { to.add(count - 8) };
        // SAFETY: the same.
        unsafe { std::ptr::copy_nonoverlapping(last.as_ptr(), end, 8) };
    } else {
        // SAFETY: the caller's promise.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, count) };
    }
}

#[cold]
#[inline(never)]
fn grow(vector: &mut Vec<u8>, count: usize) {
    vector.reserve(count);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_stand_behind_each_other() {
        let mut vector = b"before ".to_vec();
        let mut room = Room::new(&mut vector, 20);
        assert!(room.has(20) && !room.has(1000));
        room.put_first(*b"abcdefgh", 3);
        room.put(b"");
        room.put(b"123456789");
        room.put_first(*b"xyzxyzxy", 8);
        drop(room);
        assert_eq!(vector, b"before abc123456789xyzxyzxy");
    }

    #[test]
    fn pieces_of_every_length_are_copied_whole() {
        let bytes: Vec<u8> = (1..=40).collect();
        for count in 0..=bytes.len() {
            let mut vector = vec![0];
            Room::new(&mut vector, count).put(&bytes[..count]);
            assert_eq!(vector, [&[0], &bytes[..count]].concat());
        }
    }

    #[test]
    fn room_is_made_once() {
        let mut vector = Vec::with_capacity(4);
        Room::new(&mut vector, 1000).put(&[7; 500]);
        let address = vector.as_ptr();
        Room::new(&mut vector, 500).put(&[8; 500]);
        assert_eq!((vector.as_ptr(), vector.len()), (address, 1000));
    }

    #[test]
    #[should_panic(expected = "more bytes than room was made for")]
    fn too_much_is_our_own_mistake() {
        let mut vector = Vec::with_capacity(8);
        let mut room = Room::new(&mut vector, 8);
        room.put(b"1234567");
        room.put(&[0; 64]);
    }

    #[test]
    #[should_panic(expected = "more bytes than room was made for")]
    fn eight_bytes_need_room_for_eight() {
        let mut vector = Vec::with_capacity(8);
        let mut room = Room::new(&mut vector, 8);
        room.put(b"1");
        room.put_first([0; 8], 1);
    }
}
